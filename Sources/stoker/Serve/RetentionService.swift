import KeepAlive
import Ledger
import Logging
import ServiceLifecycle
import StokerCore

/// Forgets what is older than its time: shortly after the start, then every ten minutes.
struct RetentionService: Service {
    var ledger: any Ledger
    var boiler: Boiler
    var clocks: Clocks
    var logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var wait = Duration.seconds(30)
            while !Task.isCancelled {
                do { try await Task.sleep(for: wait) } catch { return }
                wait = .seconds(600)
                do {
                    let gone = try await ledger.retain(await boiler.fleet().ledger, now: clocks.wall())
                    if gone > 0 { logger.info("Old history was removed", metadata: ["rows": "\(gone)"]) }
                } catch {
                    logger.warning("Old history could not be removed", metadata: ["error": "\(error)"])
                }
            }
        }
    }
}
