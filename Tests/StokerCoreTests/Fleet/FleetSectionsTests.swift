import Foundation
import StokerCore
import Testing

/// What a new fleet file says of keys that need a restart.
@Suite struct KeptSettingsTests {
    @Test func whatNeedsARestartKeepsTheValueInForceUnlessTheFileChanged() throws {
        let table = try #require(FleetSection.ledger.table)
        let written = Fleet.LedgerSettings(path: "a.sqlite", keepHours: .seconds(86_400))
        // The command line named another file.
        var inForce = written
        inForce.path = "given.sqlite"

        var same = written
        table.keep(inForce, in: &same, writtenAtStart: written)
        #expect(same == inForce, "the file is as it was: the command line holds")

        var changed = written
        changed.path = "b.sqlite"
        changed.keepHours = .seconds(2 * 86_400)
        let wanted = changed
        table.keep(inForce, in: &changed, writtenAtStart: written)
        #expect(changed == wanted, "what the file changed is told, and holds after a restart")

        // As it was written at the start: nothing is left to be told.
        table.keep(inForce, in: &changed, writtenAtStart: wanted)
        #expect(changed == inForce)
    }

    @Test func whatNeedsNoRestartIsTakenAtOnce() throws {
        let table = try #require(FleetSection.serve.table)
        let free = table.keys.filter { !$0.row.needsRestart }.map(\.row.name)
        let held = table.keys.filter(\.row.needsRestart).map(\.row.name)
        try #require(!held.isEmpty)
        let written = Fleet.Serve()
        var inForce = written
        inForce.port = written.port + 1
        var new = written
        table.keep(inForce, in: &new, writtenAtStart: written)
        #expect(new.port == inForce.port)
        #expect(held.contains("port") && !free.contains("port"))
    }
}

/// Walks all sections: what is said of a key is what the reader does.
@Suite struct FleetSectionsTests {
    static let sections = FleetSections.standard
    static let groups = sections.groups.map(\.name)

    static func group(_ name: String) throws -> FleetKeyGroup {
        try #require(sections.groups.first { $0.name == name })
    }

    /// A fleet file that says one key.
    static func document(_ group: FleetKeyGroup, _ row: FleetKeyRow, _ value: String) -> String {
        // A key that must be there is there already.
        // `schedule` stands in the place of `every`.
        let key = group.name == "heartbeats" && row.name == "schedule" ? "every" : row.name
        let pattern = try? Regex("[{] \(key): [^{}]*, %")
        let document = pattern.map { group.document.replacing($0, with: "{ %") } ?? group.document
        return document.replacing("%", with: "\(row.name): \(value)")
    }

    static func problems(_ text: String) -> [Problem] {
        guard case .failure(let problems) = FleetFile.read(text: text, name: "f", environment: [:]) else { return [] }
        return problems.list
    }

    @Test func thereAreAll() {
        #expect(
            Self.sections.names == [
                "hub", "keep", "heal", "spaces", "targets", "heartbeats", "maintenance", "serve", "ledger",
            ])
        #expect(Self.sections.groups.flatMap(\.rows).count >= 100)
    }

    @Test(arguments: groups) func everyKeyTakesItsExample(_ name: String) throws {
        let group = try Self.group(name)
        for row in group.rows {
            let text = Self.document(group, row, row.example)
            #expect(Self.problems(text) == [], "\(text)")
        }
    }

    @Test(arguments: groups) func everyKeyRefusesItsMistakes(_ name: String) throws {
        let group = try Self.group(name)
        for row in group.rows {
            #expect(!row.invalidExamples.isEmpty, "\(name).\(row.name)")
            for mistake in row.invalidExamples {
                let text = Self.document(group, row, mistake)
                let problems = Self.problems(text)
                #expect(!problems.isEmpty, "\(text)")
                #expect(problems.allSatisfy { $0.rule != .unknownKey && $0.rule != .syntax }, "\(text): \(problems)")
                #expect(problems.contains { $0.path.contains(row.name) || $0.path.hasPrefix("spaces") }, "\(problems)")
            }
        }
    }

    /// `tokne` is answered with `token`, in every mapping.
    @Test(arguments: groups) func everyKeyIsAHint(_ name: String) throws {
        let group = try Self.group(name)
        for row in group.rows {
            let text = group.document.replacing("%", with: "\(row.name)x: 1")
            let problem = try #require(Self.problems(text).first { $0.rule == .unknownKey }, "\(text)")
            #expect(problem.text.contains("did you mean `\(row.name)`?") || row.name.count < 3, "\(problem.text)")
        }
    }

    // MARK: Schema

    @Test(arguments: groups) func theSchemaHasEveryKey(_ name: String) throws {
        let group = try Self.group(name)
        // Its keys are in the schema of all that can be expected.
        if group.schemaPath.isEmpty { return }
        var schema = try JSONValue(reading: FleetSchema.text(of: Self.sections))
        for step in group.schemaPath {
            schema = try #require(Int(step).flatMap { schema.array?[$0] } ?? schema[step], "\(name): \(step)")
        }
        // What only one kind of check expects is in a group of its own.
        let elsewhere = name == "keep.expect" ? Set(CheckKinds.ownExpectations.map(\.key)) : []
        let names = schema["properties"]?.members?.map(\.name).filter { !elsewhere.contains($0) }
        #expect(names == group.rows.map(\.name))
        #expect(schema["additionalProperties"] == false)
        for row in group.rows {
            let property = try #require(schema["properties"]?[row.name])
            #expect(property["description"]?.string?.isEmpty == false || property["$ref"] != nil, "\(row.name)")
        }
    }

    @Test func theSchemaTakesEveryExample() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "stoker-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var files: [URL] = []
        for group in Self.sections.groups {
            for row in group.rows {
                let file = folder.appending(path: "\(group.name)-\(row.name).yaml")
                try Self.document(group, row, row.example).write(to: file, atomically: true, encoding: .utf8)
                files.append(file)
            }
        }
        let lines = try await SchemaTests.validate(files)
        #expect(lines.count == files.count)
        #expect(lines.filter { !$0.hasPrefix("valid ") } == [])
    }

    // MARK: Docs

    /// The tables of docs/fleet-file.md. With `STOKER_WRITE_DOCS=1` they are written anew.
    @Test func theDocsHaveEveryKey() throws {
        let file = Files.root.appending(path: "docs/fleet-file.md")
        var page = try Files.text(file)
        let isWriting = ProcessInfo.processInfo.environment["STOKER_WRITE_DOCS"] == "1"
        for group in Self.sections.groups {
            let start = "<!-- keys of \(group.name), made from its section; a test compares them -->\n"
            let head = try #require(page.firstRange(of: start), "docs/fleet-file.md has no place for \(group.name)")
            let tail = try #require(page[head.upperBound...].firstRange(of: "<!-- end -->"))
            // Keys that several mappings share are in one table.
            let made = group.table(without: ["spaces.checks", "targets"].contains(group.name) ? Self.keep : [])
            if isWriting {
                page.replaceSubrange(head.upperBound..<tail.lowerBound, with: made)
            } else {
                #expect(page[head.upperBound..<tail.lowerBound] == made, "write it anew with STOKER_WRITE_DOCS=1")
            }
        }
        if isWriting { try page.write(to: file, atomically: true, encoding: .utf8) }
    }
    static let keep = Set((try? group("keep").rows.map(\.name)) ?? [])

    @Test func secretsAreMarked() {
        for row in Self.sections.groups.flatMap(\.rows) where ["token", "headers"].contains(row.name) {
            #expect(row.isSecret, "\(row.name)")
        }
    }

    // MARK: Changes, and back

    @Test func whatNeedsARestartIsTold() {
        var new = Fleet()
        #expect(Self.sections.changes(from: Fleet(), to: new) == [])
        new.serve.port = 1
        new.serve.selfPing = nil
        new.ledger.keepHours = .seconds(86_400)
        new.hub.namespace = "acme"
        new.hub.token = Secret("x")
        #expect(Self.sections.changes(from: Fleet(), to: new) == ["hub", "serve", "ledger"])
        #expect(Self.sections.restarts(from: Fleet(), to: new) == ["hub.token", "serve.port", "ledger.keep_hours"])
        #expect(Self.sections.restarts(from: new, to: new) == [])
    }

    /// What is written back is read as the same; secrets are not written.
    @Test func writtenAndRead() throws {
        let text = """
            hub: { namespace: acme, token: hf_1, watch: false, private_header: authorization, endpoint: "https://hub.example.com/" }
            serve: { port: 0, host: 0.0.0.0, public_url: "https://a.example/b", self_ping: off, token: s, private: true }
            ledger: { path: a.sqlite, keep_observations: 14d, keep_minutes: 36h, keep_hours: 730d }
            """
        let fleet = try FleetFile.read(text: text, name: "f", environment: [:]).get()
        let written = Self.sections.written(fleet)
        #expect(!written.text.contains("hf_1"))
        #expect(written["serve"]?["token"] == "***")
        var again = try FleetFile.read(text: written.text, name: "f", environment: [:]).get()
        again.hub.token = fleet.hub.token
        again.serve.token = fleet.serve.token
        #expect((again.hub, again.serve, again.ledger) == (fleet.hub, fleet.serve, fleet.ledger))
        #expect(Self.sections.written(Fleet()) == [:])
    }
}

/// A room that StokerCore does not know reads its own section.
@Suite struct ForeignSectionTests {
    struct Channel: Sendable, Equatable {
        enum Urgency: String, CaseIterable { case low, high }
        var hook: Secret?
        var urgency = Urgency.low
        var together = Duration.seconds(30)
        var groups: [String] = []
        var quiet: Duration?
    }
    static let table = FleetTable<Channel>(
        [
            FleetKey(
                "hook", .secret("an address, such as ${HOOK:-}"), \.hook, "Where to.", example: "a",
                invalidExamples: ["[a]"],
                isSecret: true),
            FleetKey(
                "urgency", .word, \.urgency, "How loud.", defaultValue: "low", example: "high", invalidExamples: ["mid"]
            ),
            FleetKey(
                "together", .duration(.zero ... .seconds(600)), \.together, "Joined.", defaultValue: "30s",
                example: "1m",
                invalidExamples: ["1h"]),
            FleetKey(
                "groups", .list(.text("a group"), "groups"), \.groups, "Which.", example: "[a]",
                invalidExamples: ["{ a: b }"]),
            FleetKey(
                "quiet", .duration(.zero ... .seconds(600)), \.quiet, "Silence.", example: "1m", invalidExamples: ["1h"]
            ),
        ],
        finish: { channel, said in
            if channel.urgency == .high, said.has("quiet") {
                said.report(.conflict, "is no silence for a loud channel", at: "quiet")
            }
        })
    static let section = FleetSection(
        "channels", "Whom to tell.", .named(.table(table, Channel())), initial: [],
        groups: [FleetKeyGroup("channels", table.rows, document: "channels: { a: { % } }", schemaPath: [])])
    static let sections = FleetSections.standard.adding(section)

    static func read(_ text: String) -> Result<Fleet, FleetProblems> {
        FleetFile.read(text: text, name: "f.yaml", environment: ["HOOK": "secret"], sections: sections)
    }

    @Test func itIsRead() throws {
        let fleet = try Self.read(
            "channels:\n  team: { hook: \"${HOOK}\", groups: [a, b] }\n  night: { urgency: high, together: 2m }\n"
        ).get()
        #expect(
            fleet[Self.section] == [
                FleetNamed(name: "team", value: Channel(hook: Secret("secret"), groups: ["a", "b"])),
                FleetNamed(name: "night", value: Channel(urgency: .high, together: .seconds(120))),
            ])
        #expect(try Self.read("version: 1").get()[Self.section] == [])
        #expect(fleet != Fleet())
        #expect(Self.sections.changes(from: Fleet(), to: fleet) == ["channels"])
        #expect(Self.sections.changes(from: fleet, to: fleet) == [])
        #expect(
            Self.sections.written(fleet)["channels"]?.text
                == #"{"team":{"hook":"***","groups":["a","b"]},"night":{"urgency":"high","together":"2m"}}"#)
    }

    @Test func itsMistakesAreToldWithTheOthers() {
        guard
            case .failure(let problems) = Self.read(
                """
                serve: { prot: 1 }
                channels:
                  team: { urgensy: high, together: 5, hook: "${NONE}" }
                  loud: { urgency: high, quiet: 1m }
                """)
        else {
            Issue.record("read")
            return
        }
        #expect(
            problems.description == """
                f.yaml:1:10: error: serve.prot: is not known; did you mean `port`?
                f.yaml:3:11: error: channels.team.urgensy: is not known; did you mean `urgency`?
                f.yaml:3:36: error: channels.team.together: "5" has no unit; write 5s, 5m or 5h
                f.yaml:3:45: error: channels.team.hook: the variable NONE is not set; set it, put it into the .env file, or give a default: ${NONE:-…}
                f.yaml:4:33: error: channels.loud.quiet: is no silence for a loud channel
                """)
    }

    @Test func theSchemaHasIt() throws {
        let schema = try JSONValue(reading: FleetSchema.text(of: Self.sections))
        let channel = schema["properties"]?["channels"]?["additionalProperties"]
        #expect(channel?["properties"]?.members?.map(\.name) == ["hook", "urgency", "together", "groups", "quiet"])
    }
}
