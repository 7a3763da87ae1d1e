import HubClient
import HubSimulator
import NIOHTTP1
import StokerCore

/// All that a world has come to, without times and without ids that each world makes anew: lines to compare.
func endState(of world: SimulatedWorld, by hub: Hub) async throws -> Set<String> {
    func get(_ path: String) async throws -> JSONValue { try await hub.value(HubRequest(.GET, path, doing: "look")) }
    var lines: Set<String> = []
    func note(_ json: JSONValue, _ name: String) {
        var flat: [String: String] = [:]
        Words.flatten(scrubbed(json), name, into: &flat)
        lines.formUnion(flat.map { "\($0.key) = \($0.value)" })
    }
    for kind in RepoID.Kind.allCases {
        for item in try await get("/api/\(kind.plural)?author=maren&limit=500").array ?? [] {
            guard let id = item["id"]?.string else { continue }
            let base = "/api/\(kind.plural)/\(id)"
            note(try await get(base), "\(kind) \(id)")
            let refs = try await get("\(base)/refs")
            for group in ["branches", "tags"] {
                for ref in refs[group]?.array ?? [] {
                    guard let name = ref["name"]?.string, let commit = ref["targetCommit"]?.string else { continue }
                    lines.insert("\(kind) \(id) \(group): \(name)")
                    // Ids of blobs, large files and sizes: the content itself.
                    for entry in try await get("\(base)/tree/\(commit)?recursive=true").array ?? [] {
                        let lfs = entry["lfs"]?["oid"]?.string ?? "–"
                        lines.insert(
                            "\(kind) \(id) \(name): \(entry["path"]?.string ?? "?") \(entry["oid"]?.string ?? "?") \(lfs)"
                        )
                    }
                    let commits = try await get("\(base)/commits/\(commit)").array ?? []
                    lines.insert("\(kind) \(id) \(name): \(commits.count) commits")
                    for (index, commit) in commits.enumerated() {
                        let words = (commit["message"]?.string ?? "").replacing(/\n*Upload-Id: [0-9a-f-]+/, with: "")
                        lines.insert("\(kind) \(id) \(name) commit \(index): \(commit["title"]?.string ?? "") \(words)")
                    }
                }
            }
            for file in try await get("\(base)/lfs-files").array ?? [] {
                lines.insert("\(kind) \(id) large: \(file["filename"]?.string ?? "?") \(file["oid"]?.string ?? "?")")
            }
            if kind == .space {
                note(try await get("\(base)/secrets"), "\(id) secrets")
                note(try await get("\(base)/variables"), "\(id) variables")
                note(try await get("/-/admin/spaces/\(id)"), "\(id) inside")
            }
        }
    }
    note(try await get("/api/settings/webhooks"), "webhooks")
    return lines
}

/// Times go, and what only counts how often something was looked at.
private func scrubbed(_ json: JSONValue) -> JSONValue {
    let gone: Set<String> = ["_id", "lastModified", "createdAt", "updatedAt", "visits", "lastTriggerAt", "pushedAt"]
    switch json {
    case .object(let members):
        return .object(members.filter { !gone.contains($0.name) }.map { .init($0.name, scrubbed($0.value)) })
    case .array(let items): return .array(items.map(scrubbed))
    default: return json
    }
}
