import HubClient
import Operations
import StokerCore

extension JSONValue {
    static func maybe(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
    static func maybe(_ number: Int?) -> JSONValue { number.map { .integer(Int64($0)) } ?? .null }
    static func maybe(_ number: Double?) -> JSONValue { number.map { .number($0) } ?? .null }
    static func maybe(_ flag: Bool?) -> JSONValue { flag.map { .bool($0) } ?? .null }
}

extension SpaceRuntime {
    /// As every command of `stoker space` gives a runtime.
    func json(_ space: RepoID) -> JSONValue {
        let requested: JSONValue =
            switch requestedReplicas {
            case .count(let count): .integer(Int64(count))
            case .word(let word): .string(word)
            case nil: .null
            }
        return [
            "space": .string("\(space)"), "stage": .string(stage.rawValue), "error": .maybe(errorMessage),
            "commit": .maybe(sha), "hardware": ["current": .maybe(hardware), "requested": .maybe(requestedHardware)],
            "sleep_seconds": .maybe(sleepSeconds),
            "replicas": ["current": .maybe(replicas), "requested": requested], "dev_mode": .maybe(devMode),
            "domains": .array(domains.map(\.json)),
            "volumes": volumes.map { .array($0.map(\.json)) } ?? .null,
            "moderated": .bool(isModerated), "raw": raw,
        ]
    }

    /// The rows of a page about one Space.
    func rows(_ screen: Screen) -> [(String, String)] {
        var rows = [("stage", screen.paint(stage.rawValue, TextStyle(stage: stage)))]
        if let errorMessage { rows.append(("error", errorMessage.indented)) }
        if isModerated { rows.append(("moderation", "flagged\(abuse?.reason.map { ": \($0)" } ?? "")".printable)) }
        if let sha { rows.append(("commit", sha.printable)) }
        if isStatic {
            rows.append(("hardware", "none (static)"))
        } else {
            let change = requestedHardware.flatMap { $0 == hardware ? nil : "\($0) requested" }
            rows.append(("hardware", [hardware, change].compactMap { $0 }.joined(separator: ", ").printable))
            rows.append(("sleeps", sleepSeconds.map { "after \(Wording.span(Double($0)))" } ?? "never"))
        }
        if let replicas, replicas != 1 { rows.append(("replicas", "\(replicas)")) }
        if devMode == true { rows.append(("dev mode", "on")) }
        for domain in domains { rows.append(("domain", "\(domain.name) (\(domain.stage.lowercased()))".printable)) }
        for volume in volumes ?? [] { rows.append(("volume", volume.notation.printable)) }
        return rows
    }
}

extension SpaceRuntime.Domain {
    var json: JSONValue { ["domain": .string(name), "stage": .string(stage), "custom": .bool(isCustom)] }
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

extension TextStyle {
    init(stage: SpaceStage) {
        if stage == .running {
            self = .green
        } else if stage.isFailed {
            self = .red
        } else if stage.isMoving {
            self = .yellow
        } else if stage == .paused {
            self = .blue
        } else {
            self = .dim
        }
    }
}

extension String {
    /// Several lines of somebody else, below each other in a table of rows.
    fileprivate var indented: String {
        split(separator: "\n").map { String($0).printable }.joined(separator: "\n" + String(repeating: " ", count: 15))
    }
}

enum Rows {
    /// `name  value` lines, values below each other.
    static func text(_ rows: [(String, String)], _ screen: Screen) -> String {
        rows.map { name, value in
            let space = String(repeating: " ", count: max(1, 13 - name.count))
            return "  \(screen.paint(name, .dim))\(space)\(value)\n"
        }
        .joined()
    }
}
