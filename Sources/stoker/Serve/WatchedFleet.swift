import Foundation
import StokerCore

/// The fleet file of a running server: read anew on every reload, looked at for changes in between.
struct WatchedFleet: Sendable {
    var options: FleetOptions

    var path: String { options.path }

    /// - Throws: `fleet.unreadable`; `fleet.invalid` with one problem a line in `because`.
    func read() throws(Failure) -> Fleet {
        do {
            return try options.load().result.get()
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

    /// What changes when somebody saves the file, a link or a mounted volume behind it included.
    var fingerprint: String {
        [path, options.envFile ?? ".env"].map { file in
            let resolved = URL(fileURLWithPath: file).resolvingSymlinksInPath().path
            // A file that is away for a moment (an editor saving) has a fingerprint of its own.
            guard let values = try? FileManager.default.attributesOfItem(atPath: resolved) else { return "\(file) -" }
            let changed = (values[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
            return "\(resolved) \(changed) \(values[.size] ?? 0) \(values[.systemFileNumber] ?? 0)"
        }.joined(separator: "\n")
    }
}
