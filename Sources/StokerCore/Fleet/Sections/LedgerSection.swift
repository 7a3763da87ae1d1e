extension Fleet {
    /// Where observations are kept and for how long.
    package struct LedgerSettings: Sendable, Equatable {
        /// Path of the SQLite file; nil means `stoker.sqlite` in the data folder.
        package var path: String?
        /// How long single observations are kept. Default 7 days.
        package var keepObservations: Duration
        /// How long detail by the minute is kept. Default 2 days. Single observations give it, so they stay for the longer of both.
        package var keepMinutes: Duration
        /// How long hour sums are kept. Default 400 days.
        package var keepHours: Duration
        /// How long day sums, changes of verdicts, incidents and events are kept. Default 1,825 days. Never shorter than the others.
        package var keepDays: Duration
        /// Names of vaults that keep a copy beside this disk: the first decides and restores, the others get copies.
        package var vaults: [FleetReference] = []
        /// Time between snapshots into them; nil for a minute, or what the vault bears.
        package var every: Duration?

        package init(
            path: String? = nil, keepObservations: Duration = .seconds(7 * 86_400),
            keepMinutes: Duration = .seconds(2 * 86_400), keepHours: Duration = .seconds(400 * 86_400),
            keepDays: Duration = .seconds(1_825 * 86_400)
        ) {
            self.path = path
            self.keepObservations = keepObservations
            self.keepMinutes = keepMinutes
            self.keepHours = keepHours
            self.keepDays = keepDays
        }
    }
}

extension FleetSection where Settings == Fleet.LedgerSettings {
    package static let ledger = FleetSection(
        "ledger", "Where observations are kept, and for how long.",
        FleetTable(
            [
                FleetKey(
                    "path", .text("the path of an SQLite file"), \.path, "The SQLite file.",
                    defaultValue: "`stoker.sqlite` in the data folder", example: "fleet.sqlite",
                    invalidExamples: ["[a]"],
                    needsRestart: true),
                FleetKey(
                    "keep_observations", .duration(kept, example: "7d"), \.keepObservations, "Single observations.",
                    defaultValue: "7d", example: "14d", invalidExamples: ["7", "30m", "4000d"], needsRestart: true),
                FleetKey(
                    "keep_minutes", .duration(kept, example: "2d"), \.keepMinutes,
                    "Detail by the minute: single observations are kept for this long at least.", defaultValue: "2d",
                    example: "3d", invalidExamples: ["2", "30m", "4000d"], needsRestart: true),
                FleetKey(
                    "keep_hours", .duration(kept, example: "400d"), \.keepHours, "Sums by hour.", defaultValue: "400d",
                    example: "730d", invalidExamples: ["400", "30m", "4000d"], needsRestart: true),
                FleetKey(
                    "keep_days", .duration(kept, example: "1825d"), \.keepDays,
                    "Sums by day, changes of verdicts, incidents and events; at least as long as the others.",
                    defaultValue: "1825d", example: "1095d", invalidExamples: ["1825", "30m", "4000d"],
                    needsRestart: true),
                FleetKey(
                    "vault", .list(.reference("a vault's name"), "vaults", limit: 8), \.vaults,
                    "Where it is kept so that it survives its disk: names of `vaults`. The first decides and restores, the others get copies; see [safekeeping](safekeeping.md).",
                    defaultValue: "none", range: "a name of `vaults`, or a list", example: "[]",
                    invalidExamples: ["{ a: b }"], needsRestart: true),
                FleetKey(
                    "every", .duration(.seconds(1) ... .seconds(86_400), example: "1m"), \.every,
                    "Time between two snapshots of it. Never under 20 times what a snapshot costs, and 60s for a dataset.",
                    defaultValue: "1m; dataset 5m", example: "30s", invalidExamples: ["0s", "2d", "often"],
                    needsRestart: true),
            ]), initial: Fleet.LedgerSettings(), at: \.ledger)

    private static let kept = Duration.seconds(3_600) ... .seconds(3_650 * 86_400)
}
