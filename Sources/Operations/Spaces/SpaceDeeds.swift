import HubClient
import Ledger
import Logging
import StokerCore

extension OperationContext {
    /// Writes down what a person has done to a Space, before it is done and how it ended: healing counts it, and the fleet's log tells it.
    /// - Parameter limit: of long work; healing does nothing to the Space until it is over.
    ///
    /// A server writes into its own ledger, a command into that of the data folder when there is one. What cannot be written down is done all
    /// the same: the person decides.
    func recording<T>(
        _ deed: SpaceDeed, on id: RepoID, as command: String, of group: String = "space ",
        within limit: Duration? = nil, ending: (T) -> (Action.State, String?) = { _ in (.succeeded, nil) },
        _ work: () async throws -> T
    ) async rethrows -> T {
        let action = NewAction(
            .asked(deed), on: "\(id)", by: caller.isLocal ? "`stoker \(group)\(command)`" : "a request to this server",
            because: "a person asked for it", began: now(), leaseUntil: limit.map { now() + $0 })
        var begun: Action?
        do throws(Failure) {
            begun = try await withActions { (actions) async throws(Failure) in
                try await actions.begin(action, within: .seconds(3))
            }
        } catch {
            tell(
                .init(
                    .warning, "unnoted-\(deed.rawValue)",
                    "stoker: that \(id) is \(deed.past) could not be written down (\(error.because)); healing does not know of it"
                ))
        }
        do {
            let value = try await work()
            let (state, result) = ending(value)
            await end(begun, as: state, result)
            return value
        } catch {
            let failure = Failure(of: error, doing: "\(command) \(id)")
            // Without an answer nobody knows whether the Hub did it.
            let isOpen = failure.code == .hubUnreachable || failure.code == .interrupted
            await end(begun, as: isOpen ? .unknown : .failed, failure.because)
            throw error
        }
    }

    private func end(_ action: Action?, as state: Action.State, _ result: String?) async {
        guard let action else { return }
        // What stays open counts as done.
        _ = try? await withActions { (actions) async throws(Failure) in
            try await actions.end(action.id, fence: action.fence, as: state, result: result, now: now())
        }
    }

    /// What was done to a Space since then, by Stoker and by people; newest first, at most 20.
    func recentActions(on space: String, since: Instant) async throws(Failure) -> [Action] {
        try await withActions { (actions) async throws(Failure) in
            try await actions.actions(ActionQuery(space: space, since: since, limit: 20))
        } ?? []
    }

    /// The actions of this server, or of the ledger in the data folder.
    /// - Returns: nil where there is no ledger, so that nobody heals by it either.
    func withActions<T: Sendable>(
        _ body: (any ActionStore) async throws(Failure) -> T
    ) async throws(Failure) -> T? {
        try await withStores { (stores) async throws(Failure) in try await body(stores.actions) }
    }

    /// - Returns: nil where there is no ledger; none is made.
    func withStores<T: Sendable>(
        _ body: ((actions: any ActionStore, records: any RecordStore, activities: any ActivityStore))
            async throws(Failure) -> T
    ) async throws(Failure) -> T? {
        // A command has no ledger open, and perhaps no folder.
        if let ledger = try? ledger { return try await body((ledger.actions, ledger.records, ledger.activities)) }
        guard let folder = try? dataFolder else { return nil }
        let quiet = Logger(label: "stoker") { _ in SwiftLogNoOpLogHandler() }
        return try await SharedStores.using("\(folder)/stoker.sqlite", making: false, logger: quiet) {
            (stores) async throws(Failure) in try await body((stores.actions, stores.records, stores.activities))
        }
    }
}
