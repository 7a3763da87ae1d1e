import KeepAlive
import Logging
import ServiceLifecycle
import StokerCore

/// The demonstration's job that calls in: well most of the time, failing every sixth run, so that a heartbeat has a history.
struct DemoJob: Service {
    var name: String
    var every: Duration
    var monitor: FleetMonitor
    var logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var run = 0
            while !Task.isCancelled {
                do { try await Task.sleep(for: run == 0 ? .seconds(2) : every) } catch { return }
                run += 1
                let failing = run % 6 == 0
                let beat = Beat(
                    signal: failing ? .exit(1) : .success,
                    body: failing ? "pg_dump: error: connection to server was lost" : "exported 1 204 rows",
                    from: "demo")
                do {
                    _ = try await monitor.beat(name, beat)
                } catch {
                    logger.debug("The demonstration's job was not heard", metadata: ["error": "\(error)"])
                }
            }
        }
    }
}
