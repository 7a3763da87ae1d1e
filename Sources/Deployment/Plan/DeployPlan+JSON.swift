import HubClient
package import StokerCore

// The written form of a plan. Names and meanings stay; new ones may come. A reader refuses another `version`.

extension DeployPlan {
    package static let kind = "stoker-plan"

    package var json: JSONValue {
        [
            "kind": .string(Self.kind), "version": .integer(Int64(Self.version)), "made": .string(made.description),
            "endpoint": .string(endpoint), "digest": .string(digest), "create": count(.create),
            "change": count(.change), "same": count(.none),
            "obstacles": .integer(Int64(obstacles.count)), "spaces": .array(spaces.map(\.json)),
            "needs": .array(needs.map { ["kind": .string($0.kind.rawValue), "id": .string($0.id)] }),
            "unnamed": .array(unnamed.map { .string("\($0)") }),
        ]
    }

    private func count(_ action: SpacePlan.Action) -> JSONValue {
        .integer(Int64(spaces.count { $0.action == action }))
    }

    /// - Parameter name: of the file, for messages.
    /// - Throws: `usage` for what is no plan of this version.
    package init(reading json: JSONValue, name: String) throws(Failure) {
        let reader = PlanReader(name: name)
        guard json["kind"]?.string == Self.kind else {
            throw reader.failure("it is no plan", hint: "write one with `stoker plan --out \(name)`")
        }
        guard json["version"]?.integer == Self.version else {
            throw reader.failure(
                "it is of version \(json["version"]?.text ?? "none"), and this Stoker reads version \(Self.version)",
                hint: "make it anew with `stoker plan --out \(name)`")
        }
        guard let made = json["made"]?.string.flatMap({ Instant(rfc3339: $0) }) else { throw reader.missing("made") }
        self.init(made: made, endpoint: try reader.text(json, "endpoint"))
        for space in try reader.list(json, "spaces") { spaces.append(try SpacePlan(space, reader)) }
        for need in try reader.list(json, "needs") {
            guard let kind = NeededRepo.Kind(rawValue: try reader.text(need, "kind")) else {
                throw reader.missing("kind")
            }
            needs.append(NeededRepo(kind, try reader.text(need, "id")))
        }
        for id in try reader.list(json, "unnamed") { unnamed.append(try reader.space(id)) }
    }
}

/// Reads parts of a plan; what is missing is told with the file's name.
struct PlanReader {
    let name: String

    func failure(_ because: String, hint: String? = nil) -> Failure {
        Failure(.usage, doing: "read the plan \(name)", because: because, hint: hint)
    }

    func missing(_ key: String) -> Failure {
        failure(
            "`\(key)` is missing or is not what it should be", hint: "make it anew with `stoker plan --out \(name)`")
    }

    func text(_ json: JSONValue, _ key: String) throws(Failure) -> String {
        guard let text = json[key]?.string else { throw missing(key) }
        return text
    }

    func list(_ json: JSONValue, _ key: String) throws(Failure) -> [JSONValue] {
        guard let list = json[key]?.array else { throw missing(key) }
        return list
    }

    func space(_ json: JSONValue?) throws(Failure) -> RepoID {
        guard let text = json?.string else { throw missing("space") }
        do { return try RepoID.space(text) } catch { throw failure(error.because) }
    }
}

extension SpacePlan {
    package var json: JSONValue {
        [
            "space": .string("\(space)"), "target": .string(target), "action": .string(action.rawValue),
            "after": .array(after.map { .string("\($0)") }), "changes": .array(changes.map(\.json)),
            "fingerprint": .object(
                fingerprint.parts.sorted { $0.key < $1.key }.map { .init($0.key, .string($0.value)) }),
            "obstacles": .array(
                obstacles.map { ["text": .string($0.text), "hint": $0.hint.map { .string($0) } ?? .null] }),
            "cost_before": costBefore.map { .number($0) } ?? .null,
            "cost_after": costAfter.map { .number($0) } ?? .null, "restarts": .bool(restarts),
            "notes": .array(notes.map { .string($0) }),
        ]
    }

    init(_ json: JSONValue, _ reader: PlanReader) throws(Failure) {
        guard let parts = json["fingerprint"]?.members else { throw reader.missing("fingerprint") }
        let id = try reader.space(json["space"])
        self.init(
            space: id, target: try reader.text(json, "target"),
            fingerprint: SpaceFingerprint(
                parts: Dictionary(parts.map { ($0.name, $0.value.string ?? "") }) { first, _ in first }))
        for other in try reader.list(json, "after") { after.append(try reader.space(other)) }
        for change in try reader.list(json, "changes") { changes.append(try PlannedChange(change, reader)) }
        for obstacle in try reader.list(json, "obstacles") {
            obstacles.append(
                PlanObstacle(space: id, text: try reader.text(obstacle, "text"), hint: obstacle["hint"]?.string))
        }
        costBefore = json["cost_before"]?.double
        costAfter = json["cost_after"]?.double
        restarts = json["restarts"]?.bool ?? false
        notes = (json["notes"]?.array ?? []).compactMap(\.string)
    }

    /// What is done to it, in a word.
    package enum Action: String, Sendable, CaseIterable { case none, create, change }

    package var action: Action {
        if changes.isEmpty { return .none }
        return changes.contains {
            switch $0 {
            case .create, .duplicate: true
            default: false
            }
        } ? .create : .change
    }
}

extension SpaceVolume {
    fileprivate static func list(_ json: JSONValue?, _ reader: PlanReader, _ key: String) throws(Failure)
        -> [SpaceVolume]
    {
        guard let items = json?.array else { throw reader.missing(key) }
        var volumes: [SpaceVolume] = []
        for item in items {
            guard let text = item.string else { throw reader.missing(key) }
            volumes.append(try SpaceVolume(notation: text))
        }
        return volumes
    }
}

extension PlannedChange {
    package enum Kind: String, Sendable, CaseIterable {
        case create, duplicate, visibility, hardware, sleep, variable, secret, volumes, files
    }

    package var kind: Kind {
        switch self {
        case .create: .create
        case .duplicate: .duplicate
        case .visibility: .visibility
        case .hardware: .hardware
        case .sleepTime: .sleep
        case .variable: .variable
        case .secret: .secret
        case .volumes: .volumes
        case .files: .files
        }
    }

    package var json: JSONValue {
        func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
        func number(_ value: Int?) -> JSONValue { value.map { .integer(Int64($0)) } ?? .null }
        let own: JSONValue
        switch self {
        case .create(let sdk, let visibility, let hardware, let sleep):
            own = [
                "sdk": .string(sdk), "visibility": text(visibility?.rawValue), "hardware": text(hardware),
                "sleep_seconds": number(sleep),
            ]
        case .duplicate(let source, let visibility, let hardware, let sleep):
            own = [
                "of": .string("\(source)"), "visibility": text(visibility?.rawValue), "hardware": text(hardware),
                "sleep_seconds": number(sleep),
            ]
        case .visibility(let from, let to): own = ["from": text(from?.rawValue), "to": .string(to.rawValue)]
        case .hardware(let from, let to): own = ["from": text(from), "to": .string(to)]
        case .sleepTime(let from, let to): own = ["from": number(from), "to": number(to)]
        case .variable(let key, let from, let to): own = ["key": .string(key), "from": text(from), "to": text(to)]
        case .secret(let key, let change): own = ["key": .string(key), "change": .string(change.rawValue)]
        case .volumes(let from, let to):
            own = [
                "from": .array(from.map { .string($0.notation) }), "to": .array(to.map { .string($0.notation) }),
            ]
        case .files(let changes): own = ["files": .array(changes.files.map(\.json))]
        }
        return .object([.init("kind", .string(kind.rawValue))] + (own.members ?? []))
    }

    init(_ json: JSONValue, _ reader: PlanReader) throws(Failure) {
        let word = try reader.text(json, "kind")
        guard let kind = Kind(rawValue: word) else {
            throw reader.failure("it has a change \"\(word.prefix(40))\", which this Stoker does not know")
        }
        let visibility = json["visibility"]?.string.map { RepoVisibility(rawValue: $0) }
        switch kind {
        case .create:
            self = .create(
                sdk: try reader.text(json, "sdk"), visibility: visibility, hardware: json["hardware"]?.string,
                sleepSeconds: json["sleep_seconds"]?.integer)
        case .duplicate:
            self = .duplicate(
                of: try reader.space(json["of"]), visibility: visibility, hardware: json["hardware"]?.string,
                sleepSeconds: json["sleep_seconds"]?.integer)
        case .visibility:
            self = .visibility(
                from: json["from"]?.string.map { RepoVisibility(rawValue: $0) },
                to: RepoVisibility(rawValue: try reader.text(json, "to")))
        case .hardware: self = .hardware(from: json["from"]?.string, to: try reader.text(json, "to"))
        case .sleep: self = .sleepTime(from: json["from"]?.integer, to: json["to"]?.integer)
        case .variable:
            self = .variable(key: try reader.text(json, "key"), from: json["from"]?.string, to: json["to"]?.string)
        case .secret:
            guard let change = SecretChange(rawValue: try reader.text(json, "change")) else {
                throw reader.missing("change")
            }
            self = .secret(key: try reader.text(json, "key"), change)
        case .volumes:
            self = .volumes(
                from: try SpaceVolume.list(json["from"], reader, "from"),
                to: try SpaceVolume.list(json["to"], reader, "to"))
        case .files:
            var files: [FileChanges.File] = []
            for file in try reader.list(json, "files") { files.append(try FileChanges.File(file, reader)) }
            self = .files(FileChanges(files: files))
        }
    }
}

extension FileChanges.File {
    fileprivate var json: JSONValue {
        [
            "change": .string(kind.rawValue), "path": .string(path),
            "size_before": sizeBefore.map { .integer($0) } ?? .null,
            "size_after": sizeAfter.map { .integer($0) } ?? .null, "content": content.map { .string($0) } ?? .null,
            "diff": diff.map { .string($0) } ?? .null,
        ]
    }

    fileprivate init(_ json: JSONValue, _ reader: PlanReader) throws(Failure) {
        guard let kind = Kind(rawValue: try reader.text(json, "change")) else { throw reader.missing("change") }
        let path = try reader.text(json, "path")
        if let problem = RepoPath.problem(with: path) {
            throw reader.failure("the path \"\(path.printable)\": \(problem)")
        }
        self.init(
            kind, path, sizeBefore: json["size_before"]?.integer.map { Int64($0) },
            sizeAfter: json["size_after"]?.integer.map { Int64($0) }, content: json["content"]?.string,
            diff: json["diff"]?.string)
    }
}
