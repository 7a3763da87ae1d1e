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
    var every: Duration = .seconds(6 * 3_600)
    /// After a start: the fleet's own readings come first.
    var first: Duration = .seconds(600)
    /// Between two groups, so that all of it stays within the fleet's requests.
    var pause: Duration = .seconds(300)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var watch = watch
            var wait = first
            while !Task.isCancelled {
                do { try await Task.sleep(for: wait) } catch { return }
                wait = every
                guard await monitor.mayAct else {
                    wait = pause
                    continue
                }
                do { try await look(&watch) } catch is CancellationError { return } catch {
                    logger.warning("Could not look for drift", metadata: ["because": "\(error)"])
                }
            }
        }
    }

    private func look(_ watch: inout DriftWatch) async throws {
        for (number, group) in try await watch.groups().enumerated() {
            if number > 0 { try await Task.sleep(for: pause) }
            for event in try await watch.look(at: group) { await monitor.emit(event) }
        }
    }
}
