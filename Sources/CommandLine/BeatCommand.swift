import ArgumentParser
import Operations
import StokerCore

struct BeatCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "beat", abstract: "Tell a running Stoker how a job went, for its heartbeat.",
        discussion: """
            For jobs of a machine that has stoker; any other calls the address that `stoker status NAME --heartbeat` shows.

            EXAMPLES
              stoker beat nightly-export
              stoker beat nightly-export --signal start
              stoker beat nightly-export --code $? --note "$(tail -n 20 export.log)"
            """)

    @Argument(help: "Name of the heartbeat.", completion: CheckNames.completion)
    var name: String
    @Option(
        help: "success, start, fail, log or exit; log changes nothing.",
        completion: .list(Operations.Operation.beatSignals))
    var signal: String?
    @Option(help: "Exit status of the job, 0…255: 0 is success.")
    var code: Int?
    @Option(help: "Kept with the beat: the job's last lines.")
    var note: String?
    @Option(help: ArgumentHelp("Joins a start and its end when runs overlap.", valueName: "id"))
    var rid: String?
    @OptionGroup var output: OutputOptions
    @OptionGroup var server: ServerOptions

    static var operations: [Operations.Operation] { [.beat] }

    func run() async throws {
        func given(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
        let answer = try await server.client().call(
            .beat,
            [
                ("name", .string(name)), ("signal", given(signal)), ("code", code.map { .integer(Int64($0)) } ?? .null),
                ("note", given(note)), ("rid", given(rid)),
            ])
        switch output.chosen {
        case .json: Terminal.own.write(answer.prettyText)
        case .auto, .human:
            let next =
                answer["next_due"].flatMap { $0.isNull ? nil : "; due again by \(OutputFormatting.time($0)) UTC" } ?? ""
            Terminal.own.write("\(name.printable) is \(answer["verdict"]?.string ?? "")\(next)\n")
        case .quiet: break
        }
    }
}
