package import StokerCore

/// What of a Space is kept, as `persist:` of the fleet file has it.
package struct PersistSettings: Sendable, Equatable {
    /// Names of ``VaultsSection``: the first decides and restores, the others get copies.
    package var vaults: [FleetReference] = []
    package var every: Duration?
    package var paths: [String] = []
    package var exclude: [String] = []
    package var before: String?
    package var after: String?
    package var verify: String?
    package var onFailedRestore = GuardSettings.OnFailedRestore.stop
    package var existing = GuardSettings.Existing.refuse
    package var retention = KeepRules()
    /// How often the newest snapshot is restored to prove it; nil for never.
    package var drill: Duration?
    /// Proves what a drill restored; ``verify`` where it is nil and a command.
    package var drillCheck: String?
    package var heartbeat: FleetReference?
    package var proxy: Int?

    package init() {}
}

/// `persist:` of the fleet file: at the top what holds for the Spaces that have their own, and below `spaces.NAME`.
package enum PersistSection {
    package static let ofSpaces: SpaceSection<PersistSettings> = SpaceSection(
        "persist",
        "What of it is kept outside its container, by `stoker guard` inside; see [the guard](guard.md).",
        spaceTable,
        example: "{ paths: [data] }", invalidExamples: ["data", "[a]"],
        groups: [
            FleetKeyGroup(
                "spaces.persist.retention", retention.rows,
                document: "spaces: { a/b: { persist: { retention: { % } } } }",
                schemaPath: ["$defs", "space", "properties", "persist", "properties", "retention"])
        ],
        initial: { $0[section] })

    package static let section: FleetSection<PersistSettings> = FleetSection(
        "persist",
        "What holds for the Spaces that have a `persist` of their own. The nearer setting wins; a list replaces the one above.",
        FleetTable(usual), initial: PersistSettings()
    ).checking { settings, fleet, report in
        let names = fleet[VaultsSection.section].map(\.name)
        let all = [settings] + fleet[ofSpaces].map(\.settings)
        var asked: Set<String> = []
        for one in all.flatMap(\.vaults)
        where !names.contains(one.name) && asked.insert("\(one.path) \(one.name)").inserted {
            report.unknown(one, "a vault", among: names)
        }
        let beats = Set(fleet.checks.filter { $0.policy.kind == .heartbeat }.map(\.name))
        for one in fleet[ofSpaces].compactMap(\.settings.heartbeat) where !beats.contains(one.name) {
            report.unknown(one, "a heartbeat", among: Array(beats))
        }
        for space in fleet[ofSpaces] {
            if space.settings.vaults.isEmpty {
                report.report(
                    .missing, "names no vault; write `vault: NAME` here or in `persist` at the top", at: space.reference
                )
            }
            if space.settings.paths.isEmpty {
                report.report(.missing, "names no path; write `paths: [data]`", at: space.reference)
            }
        }
    }

    /// The same keys at the top, for what `stoker apply` hands to a Space as `STOKER_PERSIST`.
    package static let handedOver: FleetSection<PersistSettings> = FleetSection(
        "persist", "What of this Space is kept.", spaceTable, initial: PersistSettings())

    /// Name of the variable of a Space that has it.
    package static let variable = "STOKER_PERSIST"

    /// What a Space says, and the vaults that it names, as ``handedOver`` reads them. Secrets are not in it.
    package static func variableValue(
        _ settings: PersistSettings, _ vaults: [FleetNamed<VaultSettings>], namespace: String?
    ) -> String {
        let named = vaults.filter { vault in settings.vaults.contains { $0.name == vault.name } }
        let places = named.map { vault -> JSONValue.Member in
            let settings = vault.value
            var place = settings.place ?? ""
            if settings.kind == .bucket || settings.kind == .dataset, !place.contains("/"), let namespace {
                place = "\(namespace)/\(place)"
            }
            var members: [JSONValue.Member] = [.init(settings.kind.rawValue, .string(place))]
            if settings.key != nil { members.append(.init("key", "${STOKER_KEY:-}")) }
            if settings.exclusive { members.append(.init("exclusive", true)) }
            return .init(vault.name, .object(members))
        }
        let document: JSONValue = [
            "vaults": .object(places), "persist": spaceTable.written(settings, besides: PersistSettings()),
        ]
        return document.text
    }

    private static let usual: [FleetKey<PersistSettings>] = [
        FleetKey(
            "vault", .list(.reference("a vault's name"), "vaults", limit: 8), \.vaults,
            "Where it is kept: names of `vaults`. The first decides and restores, the others get copies.",
            range: "a name of `vaults`, or a list", example: "[]", invalidExamples: ["nowhere", "{ a: b }"]),
        FleetKey(
            "every", .duration(.seconds(1) ... .seconds(86_400), example: "1m"), \.every,
            "Time between snapshots, where something changed. Never under 20 times what a snapshot costs, and 60s for a dataset.",
            defaultValue: "10s; git 60s, dataset 5m", example: "1m", invalidExamples: ["0s", "2d", "often"]),
        FleetKey(
            "retention", .table(retention, KeepRules()), \.retention,
            "Which snapshots stay; without any, the newest 500.", range: "`{ last: 10, daily: 7, weekly: 4 }`",
            example: "{ last: 10, daily: 7 }", invalidExamples: ["10", "{ last: some }"]),
        FleetKey(
            "drill", .duration(.seconds(3_600) ... .seconds(366 * 86_400), example: "7d"), \.drill,
            "How often the newest snapshot is restored into a scratch folder, to prove it.", defaultValue: "never",
            example: "7d",
            invalidExamples: ["7", "1m"]),
        FleetKey(
            "on_failed_restore", .word, \.onFailedRestore,
            "What is done when a snapshot exists and cannot be restored: no app; an app that is not published; an older snapshot; an empty start.",
            defaultValue: "`stop`", example: "older", invalidExamples: ["retry"]),
        FleetKey(
            "existing", .word, \.existing,
            "What is done with something that lies where a snapshot is to be restored, and did not come from it: `refuse` ends, `aside` moves it away.",
            defaultValue: "`refuse`", example: "aside", invalidExamples: ["delete"]),
    ]

    private static let spaceTable = FleetTable<PersistSettings>(
        [
            FleetKey(
                "paths", .list(.text("a path such as data"), "paths", limit: 100), \.paths,
                "Files and folders that hold state, seen from the app's working folder.", example: "[data]",
                invalidExamples: ["{ a: b }"]),
            FleetKey(
                "exclude", .list(.text("a pattern such as *.tmp"), "patterns", limit: 1_000), \.exclude,
                "Patterns of gitignore that keep files out, seen from the working folder.",
                example: "[\"*.tmp\", data/cache]",
                invalidExamples: ["{ a: b }"]),
            FleetKey(
                "before", .text("a shell command"), \.before,
                "Runs before each snapshot, such as a dump; 60 s at most.",
                example: "./dump.sh", invalidExamples: ["[a]"]),
            FleetKey(
                "after", .text("a shell command"), \.after, "Runs behind each snapshot.", example: "./tidy.sh",
                invalidExamples: ["[a]"]),
            FleetKey(
                "verify", .text("a shell command or an http:// address"), \.verify,
                "Proves a restored state before it is used: a command that ends with 0, or an address of the app that answers 2xx.",
                example: "python check.py", invalidExamples: ["[a]"]),
            FleetKey(
                "drill_check", .text("a shell command"), \.drillCheck,
                "Proves what a drill restored, on the master's machine: runs in the restored folder, with the files of `deploy.from` beside. `true` checks nothing more.",
                defaultValue: "`verify`, where it is a command", example: "python check.py", invalidExamples: ["[a]"]),
            FleetKey(
                "heartbeat", .reference("a heartbeat's name"), \.heartbeat,
                "Heartbeat of this file that each recovery beats.", example: "x",
                invalidExamples: ["nowhere", "{ a: b }"]),
            FleetKey(
                "proxy", .integer(1...65_535, "a port such as 8000"), \.proxy,
                "The app's port, when it has no `/health`: the guard takes the Space's port and passes on.",
                example: "8000",
                invalidExamples: ["0", "web"]),
        ] + usual)

    private static let retention = FleetTable<KeepRules>(
        [
            count("last", \.last, "The last so many."),
            count("hourly", \.hourly, "One of each of the last so many hours."),
            count("daily", \.daily, "One a day."), count("weekly", \.weekly, "One a week."),
            count("monthly", \.monthly, "One a month."), count("yearly", \.yearly, "One a year."),
            FleetKey(
                "within", .duration(.seconds(60) ... .seconds(3_650 * 86_400), example: "2d"), \.within,
                "All of this span before the newest.", example: "2d", invalidExamples: ["2", "1s"]),
            FleetKey(
                "tags", .list(.text("a tag"), "tags", limit: 20), \.tags, "All with one of these tags.",
                example: "[release]",
                invalidExamples: ["{ a: b }"]),
        ])

    private static func count(
        _ name: String, _ path: any WritableKeyPath<KeepRules, Int> & Sendable, _ summary: String
    ) -> FleetKey<KeepRules> {
        FleetKey(
            name, .integer(0...500, "a number such as 7"), path, summary, defaultValue: "0", example: "7",
            invalidExamples: ["-1", "501", "some"])
    }
}
