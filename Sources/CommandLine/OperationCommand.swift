package import ArgumentParser
import Foundation
package import Operations
import StokerCore

/// A command that carries out operations: it parses, calls and renders, and decides nothing.
package protocol OperationCommand: AsyncParsableCommand {
    /// What it carries out. A test compares all of them with ``Operations/Operation/all``.
    static var operations: [Operations.Operation] { get }
}

/// The command as an operation sees it: a person at a terminal, or a script.
struct TerminalCaller: OperationCaller {
    let progress: Progress
    let interruption: Interruption
    /// Takes the pieces of an answer that comes piece by piece.
    var line: @Sendable (JSONValue) throws -> Void = { _ in }

    /// - Parameter output: nil for a command whose output has no format to choose.
    init(_ output: OutputOptions?) {
        // Options that were not parsed cannot be read.
        progress = Progress(format: output?.chosen ?? .auto)
        interruption = .current
    }

    var isLocal: Bool { true }
    var principal: Principal { .ofThisProcess }
    var followsProgress: Bool { true }
    var wantsToStop: Bool { interruption.isInterrupted }
    func wantedToStop(for span: Duration) async { await interruption.waitUntilInterrupted(for: span) }
    func deferStop(until first: String, ifKilled left: Failure) { interruption.deferStop(until: first, ifKilled: left) }
    func release() { interruption.release() }

    func take(_ step: OperationProgress) throws {
        switch step.kind {
        // Elsewhere than on a terminal a line for every tenth of a second would be noise.
        case .step: if !step.isFrequent || progress.screen.showsProgress { progress.say(step.text) }
        // With --quiet, what git says is not shown as it comes.
        case .note where step.step == "git": if progress.output == .quiet { Terminal.writeError(step.text) }
        case .note:
            progress.end()
            progress.hint(step.text)
        case .warning:
            Terminal.own.endProgress()
            Terminal.writeError("\(step.text.printable)\n")
        case .line: if let data = step.data { try line(data) }
        }
    }

    var isTerminal: Bool { progress.tells && progress.screen.showsProgress }
    func echo(_ words: [UInt8]) {
        // As it comes: a character may be in two pieces.
        if progress.tells { _ = words.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) } }
    }

    func ask(_ question: Question) async throws(Failure) {
        Terminal.own.endProgress()
        do {
            try await ConfirmOptions.ask(question.text, doing: question.doing, isSure: false)
        } catch let failure as Failure where failure.code == .usage {
            // Without a terminal the failure tells what would have been asked.
            guard let because = question.because else { throw failure }
            throw Failure(
                .usage, doing: question.doing,
                because: "\(because); that needs a yes, and there is no terminal to ask on",
                hint: question.hint.map { "\($0), or add --yes" } ?? "add --yes")
        } catch let code as ExitCode where code == ExitCode(1) {
            throw .declined(question)
        } catch {
            throw Failure(.interrupted, doing: question.doing, because: "it was interrupted", cause: error)
        }
    }
}

extension Principal {
    /// The user of this process, who may whatever the account on the Hub and the files of the machine let him.
    static let ofThisProcess: Principal = {
        let name = getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? "user \(geteuid())"
        return Principal(.person, name, scope: .admin)
    }()
}

extension OperationContext {
    /// What any process has: a clock and the folder of its user.
    static var ofThisProcess: OperationContext {
        OperationContext(
            now: { Instant(seconds: Date().timeIntervalSince1970) }, dataFolder: ProcessEnvironment.process.dataFolder)
    }
}

extension OperationCommand {
    /// Carries an operation out in this process.
    /// - Parameters:
    ///   - context: what it works on; ``Operations/OperationContext/ofThisProcess`` with more in it.
    ///   - isSure: the yes was given beforehand, as with `--yes`.
    func perform(
        _ operation: Operations.Operation, _ given: [(name: String, value: JSONValue)],
        in context: OperationContext = .ofThisProcess, output: OutputOptions?, isSure: Bool = false
    ) async throws(Failure) -> JSONValue {
        let caller = TerminalCaller(output)
        defer { caller.progress.end() }
        return try await operation.call(
            operation.asks && isSure ? given + [("confirm", true)] : given, in: context.called(by: caller))
    }
}
