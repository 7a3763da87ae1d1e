package import HubClient
package import StokerCore

extension JSONValue {
    package static func maybe(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
    package static func maybe(_ number: Int?) -> JSONValue { number.map { .integer(Int64($0)) } ?? .null }
    package static func maybe(_ number: Double?) -> JSONValue { number.map { .number($0) } ?? .null }
    package static func maybe(_ flag: Bool?) -> JSONValue { flag.map { .bool($0) } ?? .null }
    static func strings(_ texts: some Sequence<String>) -> JSONValue { .array(texts.map { .string($0) }) }
}

extension SpaceRuntime {
    /// As every operation gives a runtime.
    package func json(_ space: RepoID, note: String? = nil) -> JSONValue {
        let requested: JSONValue =
            switch requestedReplicas {
            case .count(let count): .integer(Int64(count))
            case .word(let word): .string(word)
            case nil: .null
            }
        let members: JSONValue = [
            "space": .string("\(space)"), "stage": .string(stage.rawValue), "error": .maybe(errorMessage),
            "commit": .maybe(sha), "hardware": ["current": .maybe(hardware), "requested": .maybe(requestedHardware)],
            "sleep_seconds": .maybe(sleepSeconds),
            "replicas": ["current": .maybe(replicas), "requested": requested], "dev_mode": .maybe(devMode),
            "domains": .array(domains.map(\.json)),
            "volumes": volumes.map { .array($0.map(\.json)) } ?? .null,
            "moderated": .bool(isModerated), "raw": raw,
        ]
        return note.map { members.adding([.init("note", .string($0))]) } ?? members
    }
}

extension SpaceRuntime.Domain {
    var json: JSONValue { ["domain": .string(name), "stage": .string(stage), "custom": .bool(isCustom)] }

    /// Source of the record: hub-docs, spaces-custom-domain.
    var record: String? { isCustom ? "\(name). CNAME hf.space." : nil }

    var explanation: String {
        switch stage {
        case "READY": "works"
        case "PENDING": "waits for the DNS record to be seen; that can take a day"
        case "PENDING_CHALLENGE": "the record is seen; the certificate is being made"
        case "EXPIRED_CHALLENGE":
            "no certificate was made in time: correct the record, then remove and add the name again"
        default: "the Hub says \(stage)"
        }
    }
}

extension SpaceVolume {
    var json: JSONValue {
        [
            "type": .string(type), "source": .string(source), "mount_path": .string(mountPath),
            "revision": .maybe(revision), "read_only": .maybe(readOnly), "path": .maybe(path),
            "notation": .string(notation),
        ]
    }
}

extension RepoInfo {
    /// Who sees it, in one word; the older field cannot tell protected from private.
    package var seen: String? { visibility?.rawValue ?? isPrivate.map { $0 ? "private" : "public" } }

    var json: JSONValue {
        let runtime: JSONValue =
            if let runtime, let space = try? RepoID.space(id) { runtime.json(space) } else { .null }
        return [
            "space": .string(id), "sdk": .maybe(sdk), "visibility": .maybe(seen), "commit": .maybe(sha),
            "host": .maybe(host), "created_at": .maybe(createdAt), "last_modified": .maybe(lastModified),
            "tags": .strings(tags), "likes": .maybe(likes), "disabled": .maybe(isDisabled),
            "region": .maybe(region), "used_storage": .maybe(usedStorage), "runtime": runtime,
        ]
    }
}

extension SpaceHardware {
    var json: JSONValue {
        let accelerator: JSONValue =
            accelerator.map {
                [
                    "type": .string($0.type), "model": .string($0.model), "quantity": .string($0.quantity),
                    "memory": .string($0.memory),
                ]
            } ?? .null
        return [
            "flavor": .string(name), "name": .string(prettyName), "cpu": .string(cpu), "memory": .string(memory),
            "disk": .maybe(disk), "accelerator": accelerator,
            // Micro-dollars a minute do not fit hundredths; four digits do.
            "dollars_per_hour": .maybe(dollarsPerHour.map { ($0 * 10_000).rounded() / 10_000 }),
        ]
    }
}

package enum Price {
    /// `free`, `$0.40/h`; a dash when the Hub says none.
    package static func text(_ dollarsPerHour: Double?) -> String {
        guard let dollars = dollarsPerHour else { return "–" }
        return dollars == 0 ? "free" : "$\(hundredths(dollars))/h"
    }

    private static func hundredths(_ dollars: Double) -> String {
        let cents = Int((dollars * 100).rounded())
        return "\(cents / 100).\(cents % 100 < 10 ? "0" : "")\(cents % 100)"
    }
}

/// Sizes, for people.
package enum Bytes {
    /// `842 B`, `17.5 MiB`.
    package static func text(_ bytes: Int64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var value = Double(bytes)
        var unit = 0
        while value >= 1_024, unit < units.count - 1 {
            value /= 1_024
            unit += 1
        }
        return unit == 0 ? "\(bytes) B" : "\(OutputFormatting.tenths(value)) \(units[unit])"
    }
}
