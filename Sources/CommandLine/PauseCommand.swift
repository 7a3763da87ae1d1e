import ArgumentParser
import Operations
import StokerCore

struct PauseCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Stop pinging checks, until they are resumed or for a time.",
        discussion: """
            EXAMPLES
              stoker pause llm-backend
              stoker pause llm-backend llm-backend/ready --for 2h
              stoker pause gateway --until 2026-11-22T06:00:00Z
            """)

    @Argument(help: "Names of the checks.", completion: CheckNames.completion)
    var names: [String]
    @Option(name: .customLong("for"), help: "How long: 30m, 2h, 1d12h.")
    var span: String?
    @Option(help: "Until when: 2026-11-22T06:00:00Z.")
    var until: String?
    @OptionGroup var output: OutputOptions
    @OptionGroup var server: ServerOptions

    static var operations: [Operations.Operation] { [.pause] }

    private var format: OutputFormat { output.chosen }

    func validate() throws {
        if span != nil, until != nil { throw ValidationError("--for and --until exclude each other.") }
    }

    func run() async throws {
        let more: [(name: String, value: JSONValue)] = [
            ("for", span.map { .string($0) } ?? .null), ("until", until.map { .string($0) } ?? .null),
        ]
        try await changeEach(names, by: .pause, more, on: server, format) { check in
            "is \(check["sentence"]?.string ?? "paused")"
        }
    }
}

/// Does the same to each name and says so. Names that were done before a failure stay done.
func changeEach(
    _ names: [String], by operation: Operations.Operation, _ more: [(name: String, value: JSONValue)] = [],
    on server: ServerOptions,
    _ format: OutputFormat, sentence: (JSONValue) -> String
) async throws(Failure) {
    let client = try server.client()
    let screen = Terminal.own
    var answers: [JSONValue] = []
    for name in names {
        let check = try await client.call(operation, [("name", .string(name))] + more)
        answers.append(check)
        if format == .auto || format == .human { screen.write("\(name.printable) \(sentence(check))\n") }
    }
    if format == .json { screen.write(JSONValue.array(answers).prettyText) }
}
