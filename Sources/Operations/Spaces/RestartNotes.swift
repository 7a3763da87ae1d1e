import Foundation
package import HubClient
import Ledger
import Logging
package import StokerCore

/// What commands of this machine have begun and must not leave: a Space that is paused for a change is to be restarted.
///
/// Actions in the ledger of the data folder; see ``PendingRestarts``.
package struct RestartNotes: Sendable {
    package struct Note: Sendable, Equatable {
        /// `owner/name`
        package var space: String
        package var endpoint: String
        /// Who paused it: `stoker space secrets add`, for a person.
        package var command: String
        package var began: Instant
        /// When, RFC 3339.
        package var at: String { began.description }

        /// What is so, as long as the Hub says that the Space is paused.
        package var sentence: String { EventPayload.leftPaused(space: space, command: command, at: at) }
    }

    /// One that is held by this process, from before the pause until after the restart.
    package struct Held: Sendable {
        fileprivate let held: PendingRestarts.Held

        /// Holds it as long as the work takes.
        package func during<T>(_ work: () async -> T) async -> T { await held.during(work) }
        /// The Space was restarted, or was never paused.
        package func remove() async { await held.finish() }
        /// The Space may be paused: whoever comes next looks at it.
        package func keep() async { await held.leave() }
    }

    private let folder: String
    private let pending: PendingRestarts

    /// - Parameter folder: where the ledger is, and older versions kept `restarts`.
    package init(folder: String) {
        self.folder = folder
        pending = PendingRestarts(
            ledger: folder + "/stoker.sqlite", older: folder + "/restarts",
            now: { Instant(seconds: Date().timeIntervalSince1970) },
            logger: Logger(label: "stoker") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Writes one down; waits for another command that changes the same Space.
    /// - Throws: when it cannot be written, or the other command does not end within two minutes.
    package func begin(_ space: RepoID, endpoint: String, command: String) async throws(Failure) -> Held {
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Failure(
                .fileUnwritable, doing: "note that \(space) is to be restarted",
                because: "the folder \(folder) cannot be made",
                hint: "let STOKER_DATA name a folder that can be written",
                cause: error)
        }
        return Held(held: try await pending.begin(space: "\(space)", endpoint: endpoint, command: command))
    }

    /// What a command that was killed left of a Space; nil when there is nothing, or the command still runs.
    package func left(of space: RepoID, endpoint: String) async -> Note? {
        // What cannot be read is told by nobody: it holds nothing up.
        (try? await pending.left(of: "\(space)", endpoint: endpoint))?.first.map { Self.note($0) }
    }

    /// All of one Hub that were left by commands that were killed.
    package func left(endpoint: String) async -> [Note] {
        ((try? await pending.left(endpoint: endpoint)) ?? []).map { Self.note($0) }
    }

    /// Forgets one: the Space was restarted, or somebody decided otherwise. One that a running command holds stays.
    package func forget(_ space: RepoID, endpoint: String) async {
        // What cannot be written is looked at again.
        try? await pending.forget(space: "\(space)", endpoint: endpoint)
    }

    private static func note(_ left: PendingRestarts.Left) -> Note {
        Note(space: left.space, endpoint: left.endpoint, command: left.command, began: left.began)
    }
}
