import HubClient
import KeepAlive
import Logging
import Runtime
import StokerCore

/// A fleet as `stoker serve` would monitor it, for commands that look once.
struct CompletedFleet {
    var fleet: Fleet
    /// Checks whose Space is private or protected.
    var hidden: Set<String> = []
    /// What of the Hub could not be read; nil when everything was, or nothing is asked.
    var trouble: String?

    /// Asks the Hub what a server would ask it first. A Hub that cannot be read is told and changes nothing.
    /// - Parameter limit: how long it is waited for.
    static func completed(_ fleet: Fleet, within limit: Duration = .seconds(15)) async throws -> CompletedFleet {
        guard fleet.hub.isWatched, fleet.hub.discovery != nil || fleet.checks.contains(where: { $0.space != nil })
        else { return CompletedFleet(fleet: fleet) }
        let quiet = Logger(label: "hub") { _ in SwiftLogNoOpLogHandler() }
        let hub = try HubClientGateway.open(fleet.hub, agent: "stoker/\(Version.current)", logger: quiet)
        let glance = await withTaskGroup(of: SingleHubReading?.self) { group in
            group.addTask {
                await SingleHubReading.take(fleet, of: HubClientGateway(hub: hub), now: Clocks.real.wall())
            }
            group.addTask {
                try? await Task.sleep(for: limit)  // cancelled: the Hub was sooner
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
        // The command goes on; that a connection did not close well is nobody's concern any more.
        try? await hub.shutdown()
        guard let glance else {
            return CompletedFleet(fleet: fleet, trouble: "the Hub did not answer within \(limit.text)")
        }
        return CompletedFleet(
            fleet: glance.fleet, hidden: glance.hidden, trouble: glance.failures.first.map { "\($0.withoutRequestID)" })
    }

    /// What is guessed in place of the Hub's word; nil when nothing is.
    var warning: String? {
        trouble.map {
            Redaction.text(
                "the Hub could not be asked (\($0.printable)): addresses of Spaces are guessed from their names, and private and discovered ones are missing"
            )
        }
    }
}

extension OperationContext {
    /// The fleet an operation is about as it is monitored: that of the text it was given, completed by the Hub, else the running one.
    func completedFleet(_ arguments: Arguments) async throws -> CompletedFleet {
        let fleet = try await fleet(arguments)
        // The running one is complete, and only a process of the caller's own asks a Hub that a file names.
        guard arguments.has("fleet_file"), caller.isLocal else { return CompletedFleet(fleet: fleet) }
        let completed = try await CompletedFleet.completed(fleet)
        if let warning = completed.warning { tell(OperationProgress(.warning, "hub", "warning: \(warning)")) }
        return completed
    }
}
