import KeepAlive
import Logging
import Operations
import ServiceLifecycle
import StokerCore

/// Looks at the vaults of the fleet's states and proves restores by their policy. Without such states it does nothing.
struct SafekeepingService: Service {
    var watch: StateWatch
    var monitor: FleetMonitor
    var logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await watch.run(
                mayAct: { byNetwork in
                    if byNetwork { return await monitor.mayAct }
                    if case .active = await monitor.overview().role { return true }
                    return false
                }, emit: { await monitor.emit($0) },
                failed: { state, error in
                    logger.warning(
                        "Could not look after a state",
                        metadata: ["state": "\(state)", "because": "\(Redaction.text("\(error)"))"])
                })
        }
    }
}
