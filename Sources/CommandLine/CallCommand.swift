import ArgumentParser
import Foundation
import Operations
import StokerCore

/// Any operation by its name: its inputs, its questions and its answer follow from its declaration, so that a new operation needs no command.
struct CallCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "call", abstract: "Carry out any operation by its name.",
        discussion: """
            Inputs are NAME=VALUE, several of the same name for a list; a list or an object may be JSON. NAME=@FILE takes the value \
            from a file, NAME=@- from standard input, NAME=@@TEXT begins with an @. NAME alone means true. Secrets are taken from \
            files only.
            An operation on a running fleet is carried out by the server of --server, $STOKER_SERVER or this machine; every other \
            one by this process, unless --server is given.

            EXAMPLES
              stoker call --list
              stoker call incidents --help
              stoker call incidents state=open longer=10m
              stoker call restart-space owner=acme name=bot --yes --format json
            """,
        helpNames: [])

    @Argument(
        help: "Name of the operation.", completion: .list(Operations.Operation.all.map(\.name).sorted()))
    var operation: String?
    @Argument(
        help: ArgumentHelp("Its inputs.", valueName: "name=value"),
        completion: .custom { words, _, _ in CallInputs.completions(words) })
    var inputs: [String] = []
    @Flag(help: "List the operations.")
    var list = false
    @Flag(name: .shortAndLong, help: "Show this, or with an operation its inputs and its answer.")
    var help = false
    @OptionGroup var confirm: ConfirmOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var fleet: FleetOptions
    @OptionGroup var hub: HubOptions
    @OptionGroup var remote: RemoteOptions

    static var operations: [Operations.Operation] { Operations.Operation.all }

    func validate() throws {
        if !help, !list, operation == nil {
            throw ValidationError("Name an operation; stoker call --list has all of them.")
        }
        if list, operation != nil { throw ValidationError("--list and an operation exclude each other.") }
        try remote.exclude(hub)
        try remote.exclude(fleet)
    }

    func run() async throws {
        let screen = Terminal.own
        if list { return listing.show(output, screen) }
        guard let operation else { return screen.write(Self.helpMessage() + "\n") }
        let chosen = try Self.operation(named: operation)
        if help { return OperationHelp.output(of: chosen, screen).show(output, screen) }
        let answer = try await call(chosen, try CallInputs.read(inputs, of: chosen))
        CommandOutput(json: answer, text: ShapeText(screen).text(answer, chosen.answer)).show(output, screen)
    }

    private var listing: CommandOutput {
        let all = Self.operations
        let table = TextTable(
            columns: [.init(title: "OPERATION"), .init(title: "EFFECT"), .init(title: "SUMMARY", shrinksTo: 40)],
            rows: all.map { [.init($0.name), .init($0.effect.rawValue), .init($0.summary)] })
        return CommandOutput(
            json: .array(
                all.map {
                    [
                        "name": .string($0.name), "effect": .string($0.effect.rawValue),
                        "summary": .string($0.summary), "needs_fleet": .bool($0.needsFleet),
                    ]
                }),
            text: table.text(for: Terminal.own.look), names: all.map(\.name))
    }

    /// - Throws: `usage` with the nearest name.
    static func operation(named name: String) throws(Failure) -> Operations.Operation {
        if let found = Operations.Operation.named(name) { return found }
        let near = ClosestMatch.of(name, among: operations.map(\.name)).map { "did you mean \"\($0)\"? " } ?? ""
        throw Failure(
            .usage, doing: "call \(name.shortened)", because: "there is no operation of that name",
            hint: "\(near)`stoker call --list` has all of them")
    }

    private func call(
        _ operation: Operations.Operation, _ given: [(name: String, value: JSONValue)]
    ) async throws -> JSONValue {
        var caller = TerminalCaller(output)
        let format = output.chosen
        caller.line = { piece in
            if format != .quiet {
                try Terminal.own.stream(piece["text"]?.string.map { $0 + "\n" } ?? piece.text + "\n")
            }
        }
        defer { caller.progress.end() }
        var given = given
        if operation.asks, confirm.yes { given.append((Operations.Operation.Parameter.confirmName, true)) }
        if operation.needsFleet || remote.server != nil {
            guard hub.token == nil, hub.endpoint == nil else {
                throw ValidationError("\(operation.name) is carried out by a server, which has its own account.")
            }
            let server = try ServerOptions.parse(remote.server.map { ["--server", $0] } ?? []).client()
            let caller = caller
            return try await Interruption.current.catchingSignals {
                try await server.callStreaming(operation, given, caller)
            }
        }
        let file = try fleetFile(of: operation, given)
        if let file { given.append(("fleet_file", file.json)) }
        let sent = given
        let caught = caller
        return try await hub.use { hub in
            let context = OperationContext.ofThisProcess(hub)
            do {
                return try await operation.call(sent, in: context.called(by: caught))
            } catch let failure as Failure where failure.code == .fleetInvalid {
                guard let file else { throw failure }
                Terminal.own.tell(try await context.call(.checkConfig, [("fleet_file", file.json)]), of: file)
                throw ExitCode(failure.code.exitStatus)
            }
        }
    }

    /// The fleet file for an operation that takes one: the named one, else the usual one where it exists or is needed.
    private func fleetFile(
        of operation: Operations.Operation, _ given: [(name: String, value: JSONValue)]
    ) throws(Failure) -> FleetText? {
        let parameter = operation.parameters.first { $0.name == "fleet_file" }
        guard let parameter, !given.contains(where: { $0.name == parameter.name }) else { return nil }
        let isNamed = fleet.fleet != nil || fleet.envFile != nil
        guard parameter.required || isNamed || FileManager.default.fileExists(atPath: fleet.path) else { return nil }
        return try fleet.read()
    }
}
