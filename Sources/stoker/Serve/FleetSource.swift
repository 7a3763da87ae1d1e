import Foundation
import StokerCore

/// Reads a fleet file, now and on every reload, with the variables of the environment and of the env-file.
struct FleetSource: Sendable {
    var path: String
    var envFile: String?
    var environment: [String: String]

    /// `--fleet`, `STOKER_FLEET`, else `fleet.yaml`; `--env-file`, else `.env` beside us when there is one.
    init(options: FleetOptions, environment: [String: String]) {
        let named = environment["STOKER_FLEET"].flatMap { $0.isEmpty ? nil : $0 }
        path = options.fleet ?? named ?? "fleet.yaml"
        envFile = options.envFile ?? (FileManager.default.fileExists(atPath: ".env") ? ".env" : nil)
        self.environment = environment
    }

    /// - Throws: `fleet.unreadable`; `fleet.invalid` with one problem a line in `because`.
    func read() throws(Failure) -> Fleet {
        try FleetLoading.load(self)
    }

    /// What changes when somebody saves the file, a link or a mounted volume behind it included.
    var fingerprint: String {
        [path, envFile].compactMap(\.self).map { file in
            let resolved = URL(fileURLWithPath: file).resolvingSymlinksInPath().path
            // A file that is away for a moment (an editor saving) has a fingerprint of its own.
            guard let values = try? FileManager.default.attributesOfItem(atPath: resolved) else { return "\(file) -" }
            let changed = (values[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
            return "\(resolved) \(changed) \(values[.size] ?? 0) \(values[.systemFileNumber] ?? 0)"
        }.joined(separator: "\n")
    }
}
