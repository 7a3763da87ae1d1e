import Foundation
import StokerCore

/// Reads a fleet file, now and on every reload, with the variables of the environment and of the env-file.
struct FleetSource: Sendable {
    var path: String
    var envFile: String?
    var environment: [String: String]

    /// `--fleet`, `STOKER_FLEET`, else `fleet.yaml`; `--env-file`, else `.env` when there is one.
    init(options: FleetOptions, environment: [String: String]) {
        let named = environment["STOKER_FLEET"].flatMap { $0.isEmpty ? nil : $0 }
        path = options.fleet ?? named ?? "fleet.yaml"
        envFile = options.envFile ?? (FileManager.default.fileExists(atPath: ".env") ? ".env" : nil)
        self.environment = environment
    }

    /// - Throws: `fleet.unreadable`; `fleet.invalid` with one problem a line in `because`.
    func read() throws(Failure) -> Fleet {
        var variables: [String: String] = [:]
        if let envFile {
            variables = try taken(DotEnv.read(text: try text(of: envFile, hint: "check --env-file"), name: envFile), envFile)
        }
        // What is set for this process wins over the file.
        variables.merge(environment) { _, new in new }
        let text = try text(of: path, hint: "stoker init writes one; --fleet names another")
        return try taken(FleetFile.read(text: text, name: path, environment: variables), path)
    }

    private func taken<Value>(_ result: Result<Value, FleetProblems>, _ file: String) throws(Failure) -> Value {
        switch result {
        case .success(let value): return value
        case .failure(let problems):
            throw Failure(
                .fleetInvalid, doing: "read \(file)", because: problems.description,
                hint: "stoker check-config explains a fleet file")
        }
    }

    private func text(of file: String, hint: String) throws(Failure) -> String {
        do {
            let data = try Data(contentsOf: URL(fileURLWithPath: file))
            guard let text = String(data: data, encoding: .utf8) else {
                throw Failure(.fleetUnreadable, doing: "read \(file)", because: "it is not UTF-8 text")
            }
            return text
        } catch let failure as Failure {
            throw failure
        } catch {
            let missing = !FileManager.default.fileExists(atPath: file)
            throw Failure(
                .fleetUnreadable, doing: "read \(file)",
                because: missing ? "the file does not exist" : error.localizedDescription, hint: hint, cause: error)
        }
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
