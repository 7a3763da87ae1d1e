import KeepAlive
import Logging
import Operations
import ServiceLifecycle
import StokerCore

/// Looks every six hours whether the Spaces that `deploy:` describes are as it says. Only reads; without such Spaces it asks the Hub nothing.
struct DriftService: Service {
    var watch: DriftWatch
    var monitor: FleetMonitor
    var logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var watch = watch
            // It ends when it is cancelled, and by nothing else.
            try? await watch.run(
                mayAct: { await monitor.mayAct }, emit: { await monitor.emit($0) },
                failed: { names, error in
                    logger.warning(
                        "Could not look for drift",
                        metadata: [
                            "spaces": "\(names.joined(separator: ", "))", "because": "\(Redaction.text("\(error)"))",
                        ])
                }, sleep: { try await Task.sleep(for: $0) })
        }
    }
}
