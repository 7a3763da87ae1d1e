import KeepAlive
import Logging
import ServiceLifecycle
import StokerCore
import UnixSignals

/// Takes a new fleet file on SIGHUP and when the file changes. A file with problems changes nothing; the fleet monitor tells.
struct ReloadService: Service {
    var monitor: FleetMonitor
    var source: FleetFileWatcher
    var logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await onSignal() }
                group.addTask { await onChange() }
            }
        }
    }

    private func onSignal() async {
        for await _ in await UnixSignalsSequence(trapping: .sighup) {
            if Task.isCancelled { break }
            await reload("SIGHUP")
        }
    }

    /// Looks every second; a change must have been there for one look more, so that a half-written file is not read.
    private func onChange() async {
        var taken = await source.look()
        var seen = taken
        while !Task.isCancelled {
            do { try await Task.sleep(for: .seconds(1)) } catch { return }
            guard let now = await source.look() else { continue }
            defer { seen = now }
            guard now != taken, now == seen else { continue }
            taken = now
            await reload("changed")
        }
    }

    private func reload(_ reason: String) async {
        logger.info("Reading the fleet file again", metadata: ["reason": "\(reason)"])
        do {
            try await monitor.reload()
        } catch {
            // The fleet monitor has logged it and shows it.
        }
    }
}
