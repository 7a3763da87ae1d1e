package import HubClient
import StokerCore

/// A Space as the Hub has it at one moment.
package struct ObservedSpace: Sendable, Equatable {
    package var exists = false
    /// RFC 3339.
    package var createdAt: String?
    package var head: String?
    package var visibility: RepoVisibility?
    package var runtime: SpaceRuntime?
    package var hardware: String?
    package var sleepSeconds: Int?
    package var variables: [String: String] = [:]
    /// `updatedAt` by name; empty when the Hub does not say.
    package var secrets: [String: String] = [:]
    package var volumes: [SpaceVolume] = []

    package init() {}

    package var fingerprint: SpaceFingerprint {
        guard exists else { return SpaceFingerprint(parts: ["exists": "no"]) }
        var parts = ["exists": "yes", "commit": head ?? ""]
        parts["visibility"] = visibility?.rawValue
        parts["hardware"] = hardware ?? ""
        parts["sleep-time"] = sleepSeconds.map { "\($0)" } ?? ""
        parts["variables"] = SecretFingerprints.digest(
            of: variables.sorted { $0.key < $1.key }.map {
                "\($0.key.utf8.count) \($0.key)=\($0.value.utf8.count) \($0.value)"
            }
            .joined(separator: "\n"))
        parts["secrets"] = SecretFingerprints.digest(
            of: secrets.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: "\n"))
        parts["volumes"] = SecretFingerprints.digest(of: volumes.map(\.notation).sorted().joined(separator: "\n"))
        return SpaceFingerprint(parts: parts)
    }
}

extension Hub {
    package func observe(_ space: RepoID) async throws(HubFailure) -> ObservedSpace {
        var seen = ObservedSpace()
        guard
            let info = try await find(space, expand: ["sha", "private", "visibility", "createdAt", "runtime", "sdk"])
        else { return seen }
        seen.exists = true
        seen.createdAt = info.createdAt
        seen.head = info.sha
        seen.visibility = info.visibility ?? info.isPrivate.map { $0 ? .private : .public }
        let runtime = if let told = info.runtime { told } else { try await runtime(of: space) }
        seen.runtime = runtime
        seen.hardware = runtime.requestedHardware
        seen.sleepSeconds = runtime.sleepSeconds
        seen.volumes = runtime.volumes ?? []
        for variable in try await variables(of: space) { seen.variables[variable.key] = variable.value }
        for secret in try await secrets(of: space) { seen.secrets[secret.key] = secret.updatedAt ?? "" }
        return seen
    }
}
