import Foundation
import HubClient
import KeepAlive
import Logging
import Operations
import ServiceLifecycle
import StokerCore

/// Restarts Spaces that a command of this machine paused for a change and was killed before it restarted them.
///
/// The command's wish was to have them run again, so this is no healing and needs no `heal: act`. A note that is older than a day is only
/// told: by then an owner may have seen the Space and wants it as it is.
struct PausedSpaceRecovery: Service {
    /// nil for a fleet that asks no Hub: then it is only told.
    var hub: Hub?
    var endpoint: String
    var notes: [RestartNotes]
    var monitor: FleetMonitor
    var logger: Logger
    /// Between two looks at the folder, which costs the Hub nothing.
    var every: Duration = .seconds(30)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var told: Set<String> = []
            while !Task.isCancelled {
                let mayAct = await monitor.mayAct
                if mayAct { await look(&told) }
                do { try await Task.sleep(for: mayAct ? every : .seconds(1)) } catch { return }
            }
        }
    }

    private func look(_ told: inout Set<String>) async {
        for notes in notes {
            for note in await notes.left(endpoint: endpoint) {
                guard !told.contains(note.space + note.at), let space = try? RepoID.space(note.space) else { continue }
                guard let hub else {
                    told.insert(note.space + note.at)
                    await tell(note, "this server asks no Hub; `stoker space restart \(space)` starts it")
                    continue
                }
                do throws(HubFailure) {
                    guard try await hub.runtime(of: space).stage == .paused else {
                        await notes.forget(space, endpoint: endpoint)
                        continue
                    }
                    guard Self.isYoung(note) else {
                        told.insert(note.space + note.at)
                        await tell(note, "`stoker space restart \(space)` starts it")
                        continue
                    }
                    _ = try await hub.restart(space)
                    await notes.forget(space, endpoint: endpoint)
                    await tell(note, "it is started again now")
                } catch {
                    // The network comes back by itself; a missing right does not.
                    guard error.retry == .never, !error.isCancelled else { continue }
                    told.insert(note.space + note.at)
                    await tell(
                        note, "it could not be started (\(error.said)); start it with `stoker space restart \(space)`")
                }
            }
        }
    }

    private func tell(_ note: RestartNotes.Note, _ what: String) async {
        logger.warning(
            "A Space was left paused", metadata: ["space": "\(note.space)", "by": "\(note.command)", "now": "\(what)"])
        await monitor.emit(.spaceLeftPaused(space: note.space, command: note.command, at: note.at, now: what))
    }

    private static func isYoung(_ note: RestartNotes.Note) -> Bool {
        Date.now.timeIntervalSince1970 - note.began.seconds < 86_400
    }
}
