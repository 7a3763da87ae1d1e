import Foundation
import StokerCore
import Testing

/// One file per rule, each with exactly the messages its reader should see.
@Suite struct BadFilesTests {
    static let names = Files.names(in: Files.bad, ["yaml"])

    @Test func thereAreMany() { #expect(Self.names.count >= 100) }

    @Test(arguments: names) func everyMistakeIsToldAtItsPlace(name: String) throws {
        let text = try Files.text(Files.bad.appending(path: name))
        let expected = try Files.text(Files.bad.appending(path: name.replacing(".yaml", with: ".expected")))
        switch FleetFile.read(text: text, name: name, environment: [:]) {
        case .success: Issue.record("\(name) was read without a problem")
        case .failure(let problems): #expect(problems.description + "\n" == expected)
        }
    }

    @Test func everyRuleHasAFile() throws {
        var rules = Set<Problem.Rule>()
        for name in Self.names {
            let text = try Files.text(Files.bad.appending(path: name))
            if case .failure(let problems) = FleetFile.read(text: text, name: name, environment: [:]) {
                rules.formUnion(problems.list.map(\.rule))
            }
        }
        #expect(rules == Set(Problem.Rule.allCases))
    }
}

/// The schema that editors use says the same as the reader, as far as a schema can.
@Suite struct SchemaTests {
    /// Mistakes a JSON Schema cannot see: what depends on two values, on the environment, on a table of time zones, or on keys
    /// that a YAML parser has already joined. Every other bad file must be refused.
    static let invisible: Set<String> = [
        "awake-always-hours.yaml", "awake-hours.yaml", "connect-over-timeout.yaml", "discover-nowhere.yaml",
        "dns-records.yaml",
        "down-after-impossible.yaml", "duplicate-many.yaml", "duplicate-section.yaml",
        "duplicate-space.yaml", "every-too-long.yaml", "every-too-short.yaml", "header-twice.yaml",
        "hours-abbreviation.yaml",
        "hours-empty.yaml", "hours-zone.yaml", "ledger-keep.yaml", "name-taken.yaml", "recheck-over-every.yaml",
        "regex-bad.yaml", "serve-self-ping.yaml", "space-long.yaml", "space-no-owner.yaml", "space-same-name.yaml",
        "status-backwards.yaml", "target-number-host.yaml", "timeout-too-long.yaml", "variable-name.yaml",
        "variable-open.yaml",
        "variable-operator.yaml",
        "variable-unset.yaml", "was-name.yaml", "was-present.yaml", "was-self.yaml", "was-twice.yaml",
        "yaml-alias-bomb.yaml",
    ]
    /// Python with `jsonschema` and PyYAML: the project's own environment first, then the system's.
    static func validate(_ files: [URL]) async throws -> [String] {
        let own = Files.root.appending(path: ".build/venv/bin/python").path
        let python = FileManager.default.isExecutableFile(atPath: own) ? own : "python3"
        let script = Files.root.appending(path: "Tests/StokerCoreTests/Fleet/validate.py").path
        let schema = Files.root.appending(path: "docs/fleet.schema.json").path
        let (output, status) = try await Files.run(python, [script, schema] + files.map(\.path))
        try #require(
            status == 0, "python3 with jsonschema and PyYAML is needed: apt-get install python3-jsonschema python3-yaml"
        )
        return output.split(separator: "\n").map(String.init)
    }

    @Test func everyExampleIsValid() async throws {
        let names = Files.names(in: Files.examples, ["yaml", "json"])
        let lines = try await Self.validate(names.map { Files.examples.appending(path: $0) })
        #expect(lines == names.map { "valid \($0)" })
    }

    @Test func everyBadFileIsRefused() async throws {
        let names = BadFilesTests.names
        let lines = try await Self.validate(names.map { Files.bad.appending(path: $0) })
        #expect(lines.count == names.count)
        let accepted = Set(lines.filter { $0.hasPrefix("valid ") }.map { String($0.dropFirst("valid ".count)) })
        #expect(accepted.subtracting(Self.invisible) == [], "the schema should refuse these")
        #expect(Self.invisible.subtracting(accepted) == [], "the schema does see these; take them off the list")
    }

    @Test(arguments: Files.names(in: Files.examples, ["yaml", "json"])) func everyExampleIsRead(name: String) throws {
        let text = try Files.text(Files.examples.appending(path: name))
        let fleet = try FleetFile.read(text: text, name: name, environment: [:]).get()
        #expect(!fleet.checks.isEmpty)
    }
}
