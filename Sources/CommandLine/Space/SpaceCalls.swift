import ArgumentParser
import Foundation
import HubClient
import Operations
import StokerCore

/// Carries out a command's operations on Spaces: with the account of this command, or by a running Stoker with its own.
struct SpaceCalls: Sendable {
    enum Executor: Sendable {
        case here(Hub)
        case server(ServerClient)
    }
    let executor: Executor
    var caller: TerminalCaller
    /// The yes was given beforehand.
    let isSure: Bool
    /// Of the command's own file.
    var fileFleet: Fleet?

    func call(
        _ operation: Operations.Operation, _ given: [(name: String, value: JSONValue)]
    ) async throws(Failure) -> JSONValue {
        defer { caller.progress.end() }
        let given = (operation.asks && isSure ? given + [("confirm", true)] : given).filter { !$0.value.isNull }
        switch executor {
        case .here(let hub):
            var context = OperationContext.ofThisProcess(hub).called(by: caller)
            context.fileFleet = fileFleet
            return try await operation.call(given, in: context)
        case .server(let client): return try await client.callStreaming(operation, given, caller)
        }
    }

    /// One on a Space, as people name it.
    func call(
        _ operation: Operations.Operation, on space: SpaceArgument, _ given: [(name: String, value: JSONValue)] = []
    ) async throws -> JSONValue {
        try await call(operation, on: try await name(space.space), given)
    }

    func call(
        _ operation: Operations.Operation, on space: RepoID, _ given: [(name: String, value: JSONValue)] = []
    ) async throws(Failure) -> JSONValue {
        try await call(operation, [("owner", .string(space.namespace)), ("name", .string(space.name))] + given)
    }

    /// Owner and name of a Space; the Hub is asked when only the name was given.
    func name(_ text: String) async throws -> RepoID {
        switch executor {
        case .here(let hub): return try await hub.space(named: text)
        case .server:
            let plain = SpaceName.id(fromPage: text)
            guard plain.contains("/") else {
                throw Failure(
                    .usage, doing: "find \(text.shortened)", because: "a server's Spaces have an owner",
                    hint: "write owner/name")
            }
            return try RepoID.space(plain)
        }
    }

    /// The same for work that was given a time.
    func name(_ text: String, within limit: Duration, doing: String) async throws -> RepoID {
        guard let name = try await Deadline.run(until: .now + limit, { try await name(text) }) else {
            throw Failure(
                .hubUnreachable, doing: "\(doing) \(text.shortened)",
                because: "the Hub gave no answer within \(limit.text)", hint: "give it more with --timeout")
        }
        return name
    }
}

/// Who carries out a command of `stoker space`: its own account, or a running Stoker.
struct SpaceHubOptions: ParsableArguments {
    @OptionGroup var hub: HubOptions
    @OptionGroup var remote: RemoteOptions

    func validate() throws { try remote.exclude(hub) }

    /// Does the work of a command with signals caught.
    /// - Parameter isSure: the yes to what is asked was given beforehand.
    func calls<Value>(
        _ output: OutputOptions, isSure: Bool = false, line: (@Sendable (JSONValue) throws -> Void)? = nil,
        _ body: (SpaceCalls) async throws -> Value
    ) async throws -> Value {
        var caller = TerminalCaller(output)
        if let line { caller.line = line }
        guard let client = try remote.client() else {
            return try await hub.use { hub in
                try await body(SpaceCalls(executor: .here(hub), caller: caller, isSure: isSure))
            }
        }
        return try await Interruption.current.catchingSignals {
            try await body(SpaceCalls(executor: .server(client), caller: caller, isSure: isSure))
        }
    }
}

extension SpaceCalls {
    /// What to do next after a change of a Space that does this now.
    func showNextStep(after answer: JSONValue) {
        guard let space = answer["space"]?.string, let stage = answer["stage"]?.string else { return }
        caller.progress.hint("Next: \(Progress.next(space, SpaceStage(rawValue: stage)))")
    }

    /// The same after a commit, which does not say what the Space does. To fail at looking is no failure of the commit.
    func showNextStep(after space: RepoID, commit: String) async {
        guard caller.progress.tells else { return }
        var stage: SpaceStage?
        do {
            stage = try await call(.spaceRuntime, on: space)["stage"]?.string.map { SpaceStage(rawValue: $0) }
        } catch {
            // A Hub without running Spaces has nothing that could be waited for.
            if error.code == .hubUnsupported { return }
        }
        // Of a Space that has just got its files, the Hub may still say what was wrong before.
        caller.progress.hint(
            stage == .paused
                ? "Next: \(Progress.next("\(space)", .paused))" : "Next: stoker space wait \(space) --commit \(commit)")
    }
}

extension JSONValue {
    /// The texts of a list.
    var texts: [String] { array?.compactMap(\.string) ?? [] }

    static func strings(_ texts: some Sequence<String>) -> JSONValue { .array(texts.map { .string($0) }) }
    /// Left out where there is none.
    static func optional(_ texts: [String]) -> JSONValue { texts.isEmpty ? .null : .strings(texts) }
}
