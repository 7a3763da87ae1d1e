package import HubClient
import StokerCore

/// A Space as the Hub has it at one moment.
package struct ObservedSpace: Sendable, Equatable {
    package var exists = false
    /// RFC 3339.
    package var createdAt: String?
    package var head: String?
    /// As far as it is told: a listing says whether a Space is private, and `protected` counts as that.
    package var visibility: RepoVisibility?
    package var runtime: SpaceRuntime?
    package var hardware: String?
    package var sleepSeconds: Int?
    package var variables: [String: String] = [:]
    /// `updatedAt` by name; empty when the Hub does not say.
    package var secrets: [String: String] = [:]
    package var volumes: [SpaceVolume] = []

    package init() {}

    /// Fields of a repository's info that ``init(_:)`` reads.
    package static let fields = ["sha", "private", "createdAt", "runtime", "sdk"]

    /// Without variables and secrets, which are asked for by themselves. A plan and who looks again before writing both use it.
    package init(_ info: RepoInfo) {
        exists = true
        createdAt = info.createdAt
        head = info.sha
        visibility = info.visibility ?? info.isPrivate.map { $0 ? .private : .public }
        take(info.runtime)
    }

    package mutating func take(_ runtime: SpaceRuntime?) {
        self.runtime = runtime
        hardware = runtime?.requestedHardware ?? runtime?.hardware
        sleepSeconds = runtime?.sleepSeconds
        volumes = runtime?.volumes ?? []
    }

    package var fingerprint: SpaceFingerprint {
        guard exists else { return SpaceFingerprint(parts: ["exists": "no"]) }
        var parts = ["exists": "yes", "commit": head ?? ""]
        // Private and protected are not told apart in a listing.
        parts["visibility"] = visibility.map { $0 == .public ? "public" : "restricted" }
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
        guard let info = try await find(space, expand: ObservedSpace.fields) else { return ObservedSpace() }
        var seen = ObservedSpace(info)
        if info.runtime == nil { seen.take(try await runtime(of: space)) }
        try await readEnvironment(of: space, into: &seen)
        return seen
    }

    /// Variables and secrets, in two requests at the same time.
    package func readEnvironment(of space: RepoID, into seen: inout ObservedSpace) async throws(HubFailure) {
        async let variables = Self.result { () async throws(HubFailure) in try await self.variables(of: space) }
        async let secrets = Self.result { () async throws(HubFailure) in try await self.secrets(of: space) }
        for variable in try await variables.get() { seen.variables[variable.key] = variable.value }
        for secret in try await secrets.get() { seen.secrets[secret.key] = secret.updatedAt ?? "" }
    }

    private static func result<T: Sendable>(
        _ work: () async throws(HubFailure) -> T
    ) async -> Result<T, HubFailure> {
        do throws(HubFailure) { return .success(try await work()) } catch { return .failure(error) }
    }
}
