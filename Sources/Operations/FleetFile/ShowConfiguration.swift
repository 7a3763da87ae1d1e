import StokerCore

extension Operation {
    package static let configuration = Operation(
        name: "configuration",
        summary:
            "The configuration in force: each key, where its value comes from, and what reading the fleet file again would change",
        doing: "show the configuration", permission: .write, scope: .operate, needsFleet: true, path: "/configuration",
        answer: .configuration
    ) { (context, _) throws(Failure) in
        let board = try context.configuration
        let now = try await context.monitor.fleet()
        var reading: ConfigurationBoard.Reading?
        var trouble: Failure?
        if let read = board.read {
            do throws(Failure) { reading = try await read() } catch { trouble = error }
        }
        let places = reading.map { FleetFile.places(in: $0.text) } ?? [:]
        let values = board.values(now, places)
        var changes: [JSONValue] = []
        var checks = (added: 0, removed: 0, changed: 0)
        switch reading?.fleet {
        case .success(let next):
            let after = Dictionary(
                board.sections.settings(next).map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
            for value in values {
                guard board.overrides[value.setting.path] == nil, let new = after[value.setting.path],
                    new.value != value.setting.value
                else { continue }
                let isSecret = value.setting.isSecret
                changes.append([
                    "key": .string(value.setting.path), "from": isSecret ? "***" : value.setting.value ?? .null,
                    "to": isSecret ? "***" : new.value ?? .null, "needs_restart": .bool(value.setting.needsRestart),
                ])
            }
            let (old, new) = (byName(now), byName(next))
            checks.added = new.keys.count { old[$0] == nil }
            // Spaces that discovery brought are in no file.
            checks.removed = now.hub.discovery == nil ? old.keys.count { new[$0] == nil } : 0
            checks.changed = new.count { name, check in old[name].map { $0 != check } ?? false }
        case .failure(let failure): trouble = failure
        case nil: break
        }
        return [
            "file": .text(board.path),
            "refused": trouble.map { .string(Redaction.text($0.because)) } ?? .null,
            "items": .array(values.map(\.json)), "changes": .array(changes), "checks_added": .count(checks.added),
            "checks_removed": .count(checks.removed), "checks_changed": .count(checks.changed),
        ]
    }

    private static func byName(_ fleet: Fleet) -> [String: Check] {
        Dictionary(fleet.checks.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }
}

extension ConfiguredValue {
    fileprivate var json: JSONValue {
        [
            "key": .string(setting.path), "value": .text(shown), "default": .text(setting.defaultValue),
            "source": .string(source.rawValue), "place": .text(place), "note": .text(note),
            "secret": .bool(setting.isSecret), "needs_restart": .bool(setting.needsRestart),
            "summary": .string(setting.summary),
        ]
    }
}

extension Shape {
    static let configuration = Shape(
        name: "Configuration", summary: "What is in force, and where it comes from.",
        fields: [
            .init("file", .text, optional: true, "The fleet file, as it was named; null for a fleet without one"),
            .init(
                "refused", .text, optional: true, "Why the file as it is now cannot be read; what is in force stays so"),
            .init("items", .list(.shape(.configuredValue)), "Every key that stands once, in the order of the sections"),
            .init("changes", .list(.shape(.configurationChange)), "What reading the file again would change"),
            .init("checks_added", .integer, "Checks that would join"),
            .init("checks_removed", .integer, "Checks that would leave"),
            .init("checks_changed", .integer, "Checks that would be made otherwise"),
        ])

    private static let configuredValue = Shape(
        name: "ConfiguredValue", summary: "A key in force.",
        fields: [
            .init("key", .text, "`serve.port`"),
            .init("value", .text, optional: true, "What is in force; of a secret only `set`; null for nothing"),
            .init("default", .text, optional: true, "What holds when it is not said"),
            .init(
                "source", .choice(ConfiguredValue.Source.allCases.map(\.rawValue)),
                "What decided it; made: Stoker made it"),
            .init("place", .text, optional: true, "`fleet.yaml:9`, `$PORT`, `--port`; null for a default"),
            .init("note", .text, optional: true, "What it wins over, or which variables are in it"),
            .init("secret", .flag, "Its value is never shown"),
            .init("needs_restart", .flag, "A changed value holds only after a restart"),
            .init("summary", .text, "What it is for"),
        ])

    private static let configurationChange = Shape(
        name: "ConfigurationChange", summary: "What would be changed.",
        fields: [
            .init("key", .text, "`keep.every`"), .init("from", .any, "What is in force"),
            .init("to", .any, "What the file says now"),
            .init("needs_restart", .flag, "It would hold only after a restart"),
        ])
}
