import Logging
import Operations
import ServiceLifecycle
import StokerCore

/// Writes once a minute, and at the end, what has changed of tokens and sessions: when they were used, and who is logged in.
struct AccessKeeper: Service {
    let book: AccessBook
    let logger: Logger

    private static let every = Duration.seconds(60)

    func run() async throws {
        var goesOn = true
        while goesOn {
            do {
                try await cancelWhenGracefulShutdown { try await Task.sleep(for: Self.every) }
            } catch {
                goesOn = false
            }
            do throws(Failure) { try await book.save() } catch {
                // They are good all the same, until this process ends.
                logger.warning("Sessions and the use of tokens could not be kept", metadata: ["error": "\(error)"])
            }
        }
    }
}
