import ArgumentParser
import Foundation
import StokerCore
import Testing

@testable import CommandLine
@testable import Operations

@Suite("stoker call")
struct CallCommandTests {
    private static let plain = Terminal(look: TextLook(), errorLook: TextLook())

    /// What a person would write for an input of each kind.
    private static func sample(_ kind: Operations.Operation.Parameter.Kind) -> JSONValue {
        switch kind {
        case .text, .secret: "text"
        case .integer(let range): .string("\(range.lowerBound)")
        case .flag: "true"
        case .instant: "2026-11-21T08:15:00Z"
        case .duration: "5m"
        case .choice(let choices), .choices(let choices): .string(choices[0])
        case .bytes: "aGVsbG8="
        case .list(let item, _): .array([sample(item)])
        case .object(let members): .object(members.map { .init($0.name, sample($0.kind)) })
        }
    }

    @Test("every input of every operation can be written, and fits", arguments: Operations.Operation.all.map(\.name))
    func everyInput(of name: String) throws {
        let operation = try #require(Operations.Operation.named(name))
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("call-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        // What is left of it is the system's temporary folder's business.
        defer { try? FileManager.default.removeItem(at: folder) }
        var words: [String] = []
        for parameter in operation.parameters where parameter.name != Operations.Operation.Parameter.confirmName {
            let sample = Self.sample(parameter.kind)
            let file = folder.appendingPathComponent(parameter.name).path
            try (sample.string ?? sample.text).write(toFile: file, atomically: true, encoding: .utf8)
            words.append("\(parameter.name)=@\(file)")
        }
        let given = try CallInputs.read(words, of: operation)
        #expect(given.map(\.name) == operation.parameters.map(\.name).filter { $0 != "confirm" })
        _ = try Arguments(given, for: operation, now: Instant(seconds: 1_790_000_000), isLocal: true)
    }

    @Test("its help names every input and every field of the answer", arguments: Operations.Operation.all.map(\.name))
    func help(of name: String) throws {
        let operation = try #require(Operations.Operation.named(name))
        let output = OperationHelp.output(of: operation, Self.plain)
        for input in operation.parameters where input.name != Operations.Operation.Parameter.confirmName {
            #expect(output.text.contains("  \(input.name)\(input.required ? " (required)" : "")\n"))
        }
        for field in operation.answer.fields { #expect(output.text.contains("  \(field.name)")) }
        #expect(output.text.contains("--yes") == operation.asks)
        #expect(output.json["input_schema"] == operation.inputSchema)
        let command = try CallCommand.parse([name, "--help"])
        #expect(command.help && command.operation == name)
    }

    @Test func wordsBecomeInputs() throws {
        let given = try CallInputs.read(
            ["open", "target=bot", "longer=10m", "cause=a=b", "check=@@x"], of: .incidents)
        #expect(given.map(\.name) == ["open", "target", "longer", "cause", "check"])
        #expect(given.map(\.value) == [true, "bot", "10m", "a=b", "@x"])
    }

    @Test(
        "what is no input is refused; nothing of it is quoted, since it may be a secret",
        arguments: ["hunter2", "target"])
    func noInput(_ word: String) throws {
        let failure = #expect(throws: Failure.self) { try CallInputs.read([word], of: .incidents) }
        #expect(failure?.code == .usage && failure?.because == "input 1 is not NAME=VALUE")
    }

    @Test func aSecretIsNotTakenFromTheCommandLine() throws {
        let words = [#"values=[{"name":"KEY","value":"hunter2"}]"#]
        let secrets = try #require(Operations.Operation.named("set-space-secrets"))
        let list = try #require(secrets.parameters.first { $0.kind != .flag && $0.location == .body })
        let failure = #expect(throws: Failure.self) {
            try CallInputs.read(["\(list.name)=" + words[0].dropFirst("values=".count)], of: secrets)
        }
        #expect(failure?.code == .usage && "\(failure?.description ?? "")".contains("@FILE"))
        #expect(failure?.description.contains("hunter2") == false)
    }

    @Test func anUnknownNameIsAnswered() throws {
        let failure = #expect(throws: Failure.self) { try CallCommand.operation(named: "incident") }
        #expect(failure?.code == .usage && failure?.hint?.contains("\"incidents\"") == true)
    }

    @Test("an answer is shown by its shape: plain fields, tables, and the next page")
    func shapes() {
        let row = Shape(
            name: "Row", summary: "A row.",
            fields: [.init("id", .integer, "n"), .init("note", .text, optional: true, "n"), .init("was", .text, "n")])
        let page = Shape(
            name: "Page", summary: "A page.",
            fields: [
                .init("when", .instant, "n"), .init("well", .flag, "n"), .init("tags", .list(.text), "n"),
                .init("items", .list(.shape(row)), "n"), .init("next_cursor", .text, optional: true, "n"),
            ])
        let answer: JSONValue = [
            "when": "2026-11-21T08:15:00.000Z", "well": true, "tags": ["a", "b"],
            "items": [["id": 7, "note": nil, "was": "up\u{1B}[31m"], ["id": 12, "note": nil, "was": "down"]],
            "next_cursor": "40",
        ]
        let text = ShapeText(Self.plain).text(answer, page)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(lines[1] == "well  yes" && lines[2] == "tags  a, b")
        #expect(lines[4].split(separator: " ") == ["ID", "WAS"], "a column that nothing has is left out")
        #expect(lines[6].split(separator: " ") == ["12", "down"])
        #expect(!text.contains("\u{1B}") && text.hasSuffix("more with cursor=40\n"))
    }

    @Test func completionKnowsOperationsAndTheirInputs() {
        #expect(CallInputs.completions(["stoker", "call", "incidents", ""]).contains("longer="))
        #expect(StokerCommand.completionScript(for: .bash).contains("list-space-secrets"))
    }
}
