/// The sections that ``CheckReader`` turns into checks: the keys they have besides those of `keep`, and their schemas.
enum CheckSections {
    /// What `keep` and `heal` at the top say is for all Spaces; the rest are mappings from names.
    static let entries: [FleetSections.Entry] = [
        entry(
            "keep", FleetSchema.reference("keep"),
            [
                FleetKeyGroup(
                    "keep", keep, document: "keep: { % }", schemaPath: ["$defs", "keep"]),
                FleetKeyGroup(
                    "keep.expect", ExpectSettings.commonRows, document: "keep: { expect: { % } }",
                    schemaPath: ["$defs", "expect"]),
            ]),
        entry(
            "heal", FleetSchema.reference("heal"),
            [
                FleetKeyGroup(
                    "heal", HealRule.table.rows, document: "heal: { % }", schemaPath: ["$defs", "heal", "anyOf", "1"])
            ]),
        entry(
            "spaces",
            FleetSchema.named(
                "^(\(FleetSchema.hubNamePattern)/)?\(FleetSchema.hubNamePattern)$", FleetSchema.reference("space"),
                "Spaces by name."),
            [
                FleetKeyGroup(
                    "spaces", space, document: "spaces: { a/b: { % } }", schemaPath: ["$defs", "space"]),
                FleetKeyGroup(
                    "spaces.checks", check, document: "spaces: { a/b: { checks: { c: { % } } } }",
                    schemaPath: ["$defs", "check"]),
            ]),
        entry(
            "targets",
            FleetSchema.named(
                FleetSchema.namePattern, FleetSchema.reference("target"), "Addresses that are not Spaces, by name."),
            [
                FleetKeyGroup(
                    "targets", target, document: "targets: { a: { url: https://a.example, % } }",
                    schemaPath: ["$defs", "target", "anyOf", "1"])
            ] + ownExpectations),
        entry(
            "heartbeats",
            FleetSchema.named(
                FleetSchema.namePattern, FleetSchema.reference("heartbeat"), "Jobs that call us, by name."),
            [
                FleetKeyGroup(
                    "heartbeats", heartbeat, document: "heartbeats: { a: { every: 1h, % } }",
                    schemaPath: ["$defs", "heartbeat"])
            ]),
    ]

    private static let ownExpectations = CheckKinds.all.filter { !$0.ownExpectations.isEmpty }.map { kind in
        let keys = kind.ownExpectations.map(\.key)
        return FleetKeyGroup(
            "expect of \(kind.name)", ExpectSettings.table.rows.filter { keys.contains($0.name) },
            document: "targets: { a: { url: \"\(kind.example)\", expect: { % } } }", schemaPath: [])
    }

    private static func entry(_ name: String, _ schema: JSONValue, _ groups: [FleetKeyGroup]) -> FleetSections.Entry {
        // What changes in checks holds at once.
        FleetSections.Entry(
            name: name, schema: schema, groups: groups, read: nil, restarts: { _, _ in [] },
            hasChanged: { $0.checks != $1.checks }, written: { _ in nil })
    }

    // MARK: Keys

    /// As for checks; what only one kind of check expects is expected there.
    static let keep: [FleetKeyRow] = CheckSettings.table.rows.map { row in
        guard row.name == "expect" else { return row }
        let own = JSONValue.object(CheckKinds.ownExpectations.map { .init($0.key, false) })
        return row.with(schema: FleetSchema.reference("expect").adding([.init("properties", own)]))
    }

    private static let group = FleetKeyRow(
        "group", "Free label to group the dashboard by.", example: "production", invalidExamples: ["\"a\\nb\"", "[a]"],
        schema: FleetSchema.text)
    private static let was = FleetKeyRow(
        "was",
        "The name it had before, or several: history, incidents, states and pauses come along. May stay for ever.",
        example: "[older, oldest]", invalidExamples: ["\"a b\"", "{ a: b }"], schema: wasSchema)
    private static let wasSchema = FleetSchema.oneOrMany(
        ["type": "string", "minLength": 1], besides: [.init("maxItems", 20)])
    private static let dependsOn = FleetKeyRow(
        "depends_on",
        "What it stands on: targets, or single checks of them. While one of these is down, no message is sent about this one.",
        range: "a name of the fleet, or a list", example: "[]", invalidExamples: ["nowhere", "{ a: b }"],
        schema: FleetSchema.oneOrMany(["type": "string", "minLength": 1], besides: [.init("maxItems", 20)]))
    private static let heal = FleetKeyRow(
        "heal", "What may be done when it fails, see [heal](#heal).", defaultValue: "as above", example: "suggest",
        invalidExamples: ["always"], schema: FleetSchema.reference("heal"))
    private static let paused = CheckSettings.row("paused")

    /// Of a Space.
    static let space: [FleetKeyRow] = [
        FleetKeyRow(
            "keep", "How it is pinged, see [keep](#keep).", defaultValue: "as above", example: "{ every: 5m }",
            invalidExamples: ["5m"], schema: FleetSchema.reference("keep")),
        FleetKeyRow(
            "awake", "When the Space is to be awake.", defaultValue: "`always`, or `hours` when it has `hours`",
            range: Awake.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", "), example: "on-demand",
            invalidExamples: ["sometimes", "hours"], schema: FleetSchema.words(Awake.allCases.map(\.rawValue))),
        heal,
        FleetKeyRow(
            "checks", "Further checks by name; shown as `space/check`.", example: "{ ready: { path: /ready } }",
            invalidExamples: ["ready", "{ \"a b\": {} }"],
            schema: FleetSchema.named(
                FleetSchema.namePattern, FleetSchema.reference("check"), "Further checks by name; shown as SPACE/NAME.")
        ),
        group,
        FleetKeyRow(
            "hardware",
            "Hardware the Space runs on. Anything but `cpu-basic` and ZeroGPU is paid and does not sleep unless it is told to.",
            example: "cpu-upgrade", invalidExamples: ["[a]"], schema: ["type": "string"]),
        FleetKeyRow(
            "url", "The Space's address, when it does not follow from its name (renamed, custom domain, static).",
            defaultValue: "see `hub.address`", example: "https://space.example.com",
            invalidExamples: ["space.example.com", "\"tcp://a:1\""], schema: FleetSchema.webAddress(orEmpty: false)),
        FleetKeyRow(
            "name", "Name to show, when two Spaces share theirs.", defaultValue: "the Space's own without its owner",
            example: "search", invalidExamples: ["\"a b\"", "\"\""],
            schema: FleetSchema.pattern(FleetSchema.namePattern)),
        dependsOn, was,
    ]

    /// Of a further check of a Space.
    static let check: [FleetKeyRow] =
        CheckSettings.table.rows + [
            FleetKeyRow(
                "url", "Another address than the Space's own.", defaultValue: "the Space's",
                example: "https://a.example.com",
                invalidExamples: ["a.example.com"], schema: FleetSchema.checkAddress),
            FleetKeyRow(
                "role", "`alive` checks decide whether the target is up; `ready` checks tell more.",
                defaultValue: "`ready`",
                range: "`alive`, `ready`", example: "alive", invalidExamples: ["done"],
                schema: FleetSchema.words(["alive", "ready"])),
            heal,
            FleetKeyRow(
                "was", "The name it had before, the part behind the slash, or several.", example: "readiness",
                invalidExamples: ["\"a b\"", "a/b"], schema: wasSchema),
        ]

    static let target: [FleetKeyRow] =
        [
            FleetKeyRow(
                "url", "What is looked at, see below.",
                range: CheckKinds.all.filter { !$0.schemes.isEmpty }.map { "`\($0.example)`" }.joined(separator: ", "),
                example: "https://a.example.com", invalidExamples: ["a.example.com"], schema: FleetSchema.checkAddress)
        ] + CheckSettings.table.rows.filter { $0.name != "path" } + [group, dependsOn, was]

    static let heartbeat: [FleetKeyRow] = [
        FleetKeyRow(
            "every", "Longest time between two beats. Exactly one of `every` and `schedule` must be said.",
            range: CheckSettings.row("every").range,
            example: "24h", invalidExamples: ["24", "often"], schema: FleetSchema.duration),
        FleetKeyRow(
            "schedule",
            "When the job calls: a cron expression and a zone (UTC unless named), see [schedules](#schedules). Not beside `every` or `hours`.",
            range: "`0 3 * * Mon-Fri Europe/Berlin`, `@daily`", example: "\"0 3 * * Mon-Fri Europe/Berlin\"",
            invalidExamples: ["\"0 3 * *\"", "\"0 0 30 2 *\"", "[a]"], schema: FleetSchema.text),
        FleetKeyRow(
            "grace", "How late a beat may be.", defaultValue: "5m", range: "1s to 366d", example: "30m",
            invalidExamples: ["30", "0s"], schema: FleetSchema.duration),
        FleetKeyRow(
            "hours",
            "When the job works: a beat that would be due outside them is due at the same time of the next day that has it inside.",
            defaultValue: "always", range: CheckSettings.row("hours").range,
            example: CheckSettings.row("hours").example,
            invalidExamples: CheckSettings.row("hours").invalidExamples, schema: CheckSettings.hoursSchema),
        group, dependsOn, paused, was,
    ]

    // MARK: Schema

    /// What the schemas of sections refer to.
    /// - Parameter more: keys of a Space that rooms add.
    static func definitions(space more: [FleetKeyRow]) -> [JSONValue.Member] {
        own.map { member in
            guard member.name == "space" else { return member }
            return .init(
                "space",
                FleetSchema.described(
                    "A Space; its key is owner/name, or the name alone when hub.namespace is set.",
                    FleetSchema.object(space + more)))
        }
    }
    private static let own: [JSONValue.Member] = [
        .init(
            "keep",
            FleetSchema.described(
                "How checks are made. Lower levels take over what they do not say from the level above.",
                FleetSchema.object(keep, besides: CheckSettings.table.schemaBesides))),
        .init(
            "expect",
            FleetSchema.described(
                "What an answer must look like. Given at a lower level, it replaces the one above as a whole.",
                ExpectSettings.table.schema)),
        .init("space", nil),
        .init(
            "check",
            FleetSchema.described(
                "A further check of a Space. Takes over how the Space is spoken to, but not its interval, path, expectations, method or body. Default every 60m.",
                FleetSchema.object(check, besides: CheckSettings.table.schemaBesides))),
        .init("target", ["anyOf": [FleetSchema.checkAddress, targetMapping]]),
        .init(
            "heartbeat",
            FleetSchema.described(
                "A job that calls /api/heartbeats/NAME instead of being called.",
                FleetSchema.object(
                    heartbeat, mayBeEmpty: false,
                    besides: [.init("oneOf", [["required": ["every"]], ["required": ["schedule"]]])]))),
        .init("heal", HealRule.schema),
    ]

    private static let targetMapping = FleetSchema.described(
        "Anything that is not a Space.",
        FleetSchema.object(
            target, mayBeEmpty: false,
            besides: [
                .init("required", ["url"]),
                .init(
                    "allOf", .array([.object(CheckSettings.table.schemaBesides)] + CheckKinds.all.compactMap(foreign))),
            ]))

    /// Keys that mean nothing to a kind of check are refused where the address says that it is one.
    private static func foreign(_ kind: any CheckKind.Type) -> JSONValue? {
        guard !kind.schemes.isEmpty else { return nil }
        let schemes = kind.schemes.map { scheme in
            scheme.rawValue.map { $0.isLetter ? "[\($0.uppercased())\($0)]" : String($0) }.joined()
        }
        let settings = target.map(\.name).filter { CheckKinds.settings.contains($0) && !kind.settings.contains($0) }
        let expectations = ExpectSettings.table.rows.map(\.name).filter { !kind.expectations.contains($0) }
        func none(_ names: [String]) -> [JSONValue.Member] { names.map { .init($0, false) } }
        return [
            "if": [
                "properties": ["url": ["type": "string", "pattern": .string("^(\(schemes.joined(separator: "|"))):")]],
                "required": ["url"],
            ],
            "then": [
                "properties": .object(
                    none(settings) + [.init("expect", ["properties": .object(none(expectations))])])
            ],
        ]
    }
}

extension FleetSections {
    /// What StokerCore knows by itself. Other rooms add theirs.
    package static let standard = FleetSections(
        entries: [Entry(.hub)] + CheckSections.entries
            + [Entry(MaintenanceSection.section), Entry(.serve), Entry(.ledger)])
}
