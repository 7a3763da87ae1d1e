import Foundation
import NIOPosix
import Runtime
package import StokerCore

/// Proves a snapshot by restoring it: into a scratch folder, every hash checked, its databases looked through, the owner's check run.
package struct RestoreDrill: Sendable {
    /// A shell command that ends with 0 in the restored folder; nil for none.
    package var check: String?
    /// The app's own files on this machine, an absolute path: what the check finds beside the state. nil for none.
    package var appFolder: String?
    /// The state's name, which the check gets as `STOKER_STATE`.
    package var state: String
    /// An absolute folder that drills make theirs in.
    package var scratch: String
    package var checkLimit = Duration.seconds(300)
    package var databaseLimit = Duration.seconds(600)

    package init(state: String, scratch: String, check: String? = nil, appFolder: String? = nil) {
        self.state = state
        self.scratch = scratch
        self.check = check
        self.appFolder = appFolder
    }

    /// What a drill came to.
    package struct Report: Sendable, Equatable, Codable {
        package var at: Instant
        package var snapshot: String?
        /// When its capture began.
        package var from: Instant?
        package var files: Int64 = 0
        package var bytes: Int64 = 0
        /// Of the restore and all checks.
        package var milliseconds: Int64 = 0
        package var databases = 0
        /// Whether the owner's check was run.
        package var isChecked = false
        /// Why it proves nothing; nil: it is proven.
        package var failure: String?

        package var isProven: Bool { failure == nil }
        package init(at: Instant) { self.at = at }
    }

    /// Restores and checks the newest snapshot, and notes the proof in the vault. Everything but being called off is told in the report.
    /// - Throws: `CancellationError`.
    package func run(
        _ store: SnapshotStore, now: @Sendable () -> Instant,
        progress: @escaping @Sendable (StoreProgress) -> Void = { _ in }
    ) async throws -> Report {
        var report = Report(at: now())
        let begin = ContinuousClock.now
        let folder = scratch + "/" + Hex.text(RandomBytes.make(8))
        do {
            try await TreeCapture.onThread { [scratch] in try PrivateFolder.make(scratch) }
            try await prove(store, in: folder, &report, progress)
        } catch {
            if error is CancellationError || Task.isCancelled {
                await Self.remove(folder)
                throw CancellationError()
            }
            report.failure = Redaction.text(Failure(telling: error, doing: "restore the newest snapshot").because).cut(
                to: 500)
        }
        await Self.remove(folder)
        report.milliseconds = (ContinuousClock.now - begin).wholeMilliseconds
        if report.isProven, let id = report.snapshot {
            // Without the note, the rules that keep the last verified one do not know of it.
            do { try await store.markVerified(id, at: report.at) } catch {
                if error is CancellationError { throw error }
            }
        }
        return report
    }

    private func prove(
        _ store: SnapshotStore, in folder: String, _ report: inout Report,
        _ progress: @escaping @Sendable (StoreProgress) -> Void
    ) async throws {
        let snapshot = try await store.find("newest")
        (report.snapshot, report.from) = (snapshot.id, snapshot.time)
        var options = RestoreOptions()
        options.setsOwners = false
        let restored = try await store.restore(snapshot, to: folder, options: options, progress: progress)
        (report.files, report.bytes, report.databases) = (restored.files, restored.bytes, restored.databases.count)
        let limit = databaseLimit
        for name in restored.databases {
            try Task.checkCancellation()
            let path = folder + "/" + String(decoding: name, as: UTF8.self)
            let trouble = try await TreeCapture.onThread { DatabaseCheck.trouble(of: path, within: limit) }
            if let trouble {
                report.failure = "the database \(TreePath.text(name)) is not sound: \(trouble)"
                return
            }
        }
        guard let check else { return }
        report.isChecked = true
        if let appFolder { try await TreeCapture.onThread { Self.lay(appFolder, beside: folder) } }
        // Nothing of this process's own secrets: only what a shell needs.
        let known = ProcessInfo.processInfo.environment
        var environment = ["STOKER_STATE": state, "STOKER_DRILL": "1"]
        for name in ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"] { environment[name] = known[name] }
        let end = try await ChildProcesses.own.run(
            .init(["/bin/sh", "-c", check], environment: environment, folder: folder), within: checkLimit)
        guard end != .exited(0) else { return }
        report.failure =
            end.map { "the owner's check ended with \($0.status)" }
            ?? "the owner's check was not done after \(checkLimit.text) and was killed"
    }

    /// Links to the app's own files, where the snapshot has nothing of that name.
    private static func lay(_ app: String, beside folder: String) {
        let files = FileManager.default
        for name in (try? files.contentsOfDirectory(atPath: app)) ?? [] {
            // What is there stays; a link that cannot be made is told by the check.
            try? files.createSymbolicLink(atPath: folder + "/" + name, withDestinationPath: app + "/" + name)
        }
    }

    private static func remove(_ folder: String) async {
        // Also when it was called off.
        await Task {
            try? await NIOThreadPool.singleton.runIfActive {
                FolderWriter.remove(folder)
            }
        }.value
    }

    /// Removes what drills of a process that was killed left. Call it before the first drill; blocks.
    package static func clear(_ scratch: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: scratch)) ?? [] {
            FolderWriter.remove(scratch + "/" + name)
        }
    }
}
