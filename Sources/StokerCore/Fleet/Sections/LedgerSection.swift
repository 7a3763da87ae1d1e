extension Fleet {
    /// Where observations are kept and for how long.
    package struct LedgerSettings: Sendable, Equatable {
        /// Path of the SQLite file; nil means `stoker.sqlite` in the data folder.
        package var path: String?
        /// How long single observations are kept. Default 7 days.
        package var keepObservations: Duration
        /// How long detail by the minute is kept. Default 2 days. Single observations give it, so they stay for the longer of both.
        package var keepMinutes: Duration
        /// How long hour sums are kept. Default 400 days. Day sums, incidents and events are kept for five years.
        package var keepHours: Duration

        package init(
            path: String? = nil, keepObservations: Duration = .seconds(7 * 86_400),
            keepMinutes: Duration = .seconds(2 * 86_400), keepHours: Duration = .seconds(400 * 86_400)
        ) {
            self.path = path
            self.keepObservations = keepObservations
            self.keepMinutes = keepMinutes
            self.keepHours = keepHours
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
                    standard: "`stoker.sqlite` in the data folder", example: "fleet.sqlite", mistakes: ["[a]"],
                    needsRestart: true),
                FleetKey(
                    "keep_observations", .duration(kept, example: "7d"), \.keepObservations, "Single observations.",
                    standard: "7d", example: "14d", mistakes: ["7", "30m", "4000d"], needsRestart: true),
                FleetKey(
                    "keep_minutes", .duration(kept, example: "2d"), \.keepMinutes,
                    "Detail by the minute: single observations are kept for this long at least.", standard: "2d",
                    example: "3d", mistakes: ["2", "30m", "4000d"], needsRestart: true),
                FleetKey(
                    "keep_hours", .duration(kept, example: "400d"), \.keepHours, "Sums by hour.", standard: "400d",
                    example: "730d", mistakes: ["400", "30m", "4000d"], needsRestart: true),
            ], unbuilt: ["vault"]), initial: Fleet.LedgerSettings(), at: \.ledger)

    private static let kept = Duration.seconds(3_600) ... .seconds(3_650 * 86_400)
}
