import ArgumentParser
import Operations
import StokerCore

extension OperationCommand {
    /// Carries out an operation that looks at a fleet: that of a file, or a running server's. Mistakes of the file are told as a compiler
    /// does, and end the command with status 2.
    /// - Parameters:
    ///   - file: nil when the operation needs none, or the server has one.
    ///   - server: where it is carried out; nil for this process.
    func perform(
        _ operation: Operations.Operation, _ given: [(name: String, value: JSONValue)] = [], on file: FleetText?,
        at server: ServerClient? = nil, in context: OperationContext = .ofThisProcess, output: OutputOptions?
    ) async throws -> JSONValue {
        if let server {
            let caller = TerminalCaller(output)
            defer { caller.progress.end() }
            return try await server.callStreaming(operation, given, caller)
        }
        guard let file else { return try await perform(operation, given, in: context, output: output) }
        do {
            return try await perform(operation, given + [("fleet_file", file.json)], in: context, output: output)
        } catch  where error.code == .fleetInvalid {
            Terminal.own.tell(try await context.call(.checkConfig, [("fleet_file", file.json)]), of: file)
            throw ExitCode(error.code.exitStatus)
        }
    }
}

extension Terminal {
    /// The mistakes of a report of ``Operations/Operation/checkConfig``.
    func tell(_ report: JSONValue, of file: FleetText) {
        Self.writeError(
            ProblemPrinter(file, self).text((report["problems"]?.array ?? []).map { ProblemPrinter.Line($0) }))
    }
}
