package import HubClient
import StokerCore

/// The Spaces of a namespace as they are, for a fleet file that describes them.
package enum HubImport {
    package struct Space: Sendable {
        package var info: RepoInfo
        package var seen: ObservedSpace
        /// Variables and secrets could be read: that needs the right to write.
        package var isOpen = true
    }

    private static let lanes = 24

    /// - Parameter progress: Spaces that were read, of all.
    package static func read(
        _ namespace: String, from hub: Hub, progress: @escaping @Sendable (_ done: Int, _ all: Int) -> Void
    ) async throws -> [Space] {
        var infos: [RepoInfo] = []
        for try await info in hub.list(
            .space, author: namespace, expand: ObservedSpace.fields + ["cardData", "subdomain"], pageSize: 500)
        { infos.append(info) }
        return try await withThrowingTaskGroup(of: Space.self) { group in
            var waiting = infos[...]
            var spaces: [Space] = []
            func add() {
                guard let info = waiting.popFirst() else { return }
                group.addTask { try await space(info, hub) }
            }
            for _ in 0..<lanes { add() }
            while let space = try await group.next() {
                spaces.append(space)
                progress(spaces.count, infos.count)
                add()
            }
            return spaces.sorted { $0.info.id.lowercased() < $1.info.id.lowercased() }
        }
    }

    private static func space(_ info: RepoInfo, _ hub: Hub) async throws -> Space {
        let id = try RepoID(.space, info.id)
        var space = Space(info: info, seen: ObservedSpace(info))
        if info.runtime == nil { space.seen.take(try await hub.runtime(of: id)) }
        if space.seen.visibility == .private, let exact = try await hub.info(of: id).visibility {
            space.seen.visibility = exact
        }
        do { try await hub.readEnvironment(of: id, into: &space.seen) } catch {
            guard error.kind == .forbidden || error.kind == .notFound else { throw error }
            space.isOpen = false
        }
        return space
    }
}

extension FleetDraft {
    /// With a `deploy` that changes nothing: settings, variables, names of secrets, volumes. Files are left as they are.
    package init(imported spaces: [HubImport.Space]) {
        self.init(
            spaces: spaces.map { space in
                SpaceFacts(
                    id: space.info.id, host: space.info.host,
                    visibility: space.seen.visibility.flatMap { SpaceFacts.Visibility(rawValue: $0.rawValue) }
                        ?? .public,
                    sdk: space.info.sdk)
            })
        let lines = Dictionary(spaces.map { ($0.info.id, Self.deploy($0)) }) { first, _ in first }
        for index in entries.indices { entries[index].deploy = entries[index].space.flatMap { lines[$0] } ?? [] }
    }

    private static func deploy(_ space: HubImport.Space) -> [String] {
        let seen = space.seen
        let short = space.info.id.split(separator: "/").last.map(String.init) ?? space.info.id
        var lines = [
            "# from: ./\(short.filter { !$0.isNewline })    # its files (`stoker space download` fetches them)"
        ]
        // The header's own word: the Hub tells an sdk of Spaces whose README has none, too.
        if let sdk = space.info.card?["sdk"]?.string, ["docker", "gradio", "static"].contains(sdk) {
            lines.append("sdk: \(sdk)")
        }
        if let visibility = seen.visibility { lines.append("visibility: \(visibility.rawValue)") }
        if space.info.sdk != "static", let hardware = seen.hardware {
            lines.append("hardware: \(quoted(hardware))")
            if hardware != "cpu-basic", hardware != "zero-a10g" {
                let seconds = seen.sleepSeconds
                // What the fleet file cannot say stays as it is.
                if seconds.map({ $0 >= 60 && $0 <= 366 * 86_400 }) ?? true {
                    lines.append("sleep: \(seconds.map { Duration.seconds($0).text } ?? "never")")
                }
            }
        }
        var ignore: [String] = []
        if space.isOpen {
            if !seen.variables.isEmpty {
                lines.append("variables:")
                lines += seen.variables.sorted { $0.key < $1.key }.map { "  \($0.key): \(quoted($0.value))" }
            }
            if !seen.secrets.isEmpty {
                lines.append("secrets: [\(seen.secrets.keys.sorted().joined(separator: ", "))]")
            }
        } else {
            ignore += ["variables", "secrets"]
        }
        if seen.volumes.contains(where: \.isMasked) {
            ignore.append("volumes")
        } else if !seen.volumes.isEmpty {
            lines.append("volumes:")
            lines += seen.volumes.map { "  - \(quoted($0.notation))" }
        }
        if !ignore.isEmpty {
            lines.append("ignore: [\(ignore.joined(separator: ", "))]    # this token does not see them")
        }
        return lines
    }
}
