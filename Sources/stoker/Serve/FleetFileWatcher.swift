import CommandLine
import Foundation
import KeepAlive
import Runtime
import StokerCore

/// The fleet file of a running server: read anew on every reload, looked at for changes in between.
struct FleetFileWatcher: Sendable {
    var options: FleetOptions
    private let lane = FileLane()

    init(options: FleetOptions) { self.options = options }

    /// How long the file may take to be read.
    static let patience = Duration.seconds(5)

    var path: String { options.path }

    /// - Throws: `fleet.unreadable`; `file.unreadable` when it does not answer in time; `fleet.invalid` with one problem a line in `because`.
    func read() async throws(Failure) -> Fleet {
        do {
            let source = try await source()
            // A full disk or a writer that was stopped leaves such a file; nobody empties a fleet like this on purpose.
            if FleetFile.isBlank(source.text) {
                throw Failure(
                    .fleetInvalid, doing: "read \(path)",
                    because:
                        "\(path): the file is \(source.text.isEmpty ? "empty" : "blank"), and all checks would leave",
                    hint: "write it again; `version: 1` alone is a fleet without checks")
            }
            return try source.result.get()
        } catch let failure as Failure {
            throw failure
        } catch {
            // What is left are the problems of the fleet file or of the env-file.
            throw Failure(
                .fleetInvalid, doing: "read \(path)", because: "\(error)",
                hint: "stoker check-config shows each with its line",
                cause: error)
        }
    }

    /// The file as it is now.
    /// - Throws: `fleet.unreadable`; `file.unreadable` when it does not answer in time; `FleetProblems` of the environment file.
    /// - Parameter limit: longer at the start, where it may be what another program makes.
    func source(within limit: Duration = Self.patience) async throws -> FleetSource {
        let options = options
        return try await lane.run("read the fleet file \(path)", within: limit) { try options.load() }
    }

    /// ``fingerprint``; nil when the files cannot be looked at in time.
    func look() async -> String? {
        // What is wrong shows when it is read.
        try? await lane.run("look at the fleet file \(path)", within: Self.patience) { self.fingerprint }
    }

    /// What changes when somebody saves the file, a link or a mounted volume behind it included.
    private var fingerprint: String {
        [path, options.envFile ?? ".env"].map { file in
            let resolved = URL(fileURLWithPath: file).resolvingSymlinksInPath().path
            // A file that is away for a moment (an editor saving) has a fingerprint of its own.
            guard let values = try? FileManager.default.attributesOfItem(atPath: resolved) else { return "\(file) -" }
            let changed = (values[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
            return "\(resolved) \(changed) \(values[.size] ?? 0) \(values[.systemFileNumber] ?? 0)"
        }.joined(separator: "\n")
    }
}
