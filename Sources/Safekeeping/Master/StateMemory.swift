package import StokerCore

/// What a master remembers of a state from one look to the next, and over restarts.
///
/// Stored as JSON in the ledger's records: names are never changed, and what is added later is optional.
package struct StateMemory: Sendable, Equatable, Codable {
    /// The highest that anybody told of a vault: what shows less was put back or emptied.
    package struct Place: Sendable, Equatable, Codable {
        package var vault: String
        package var sequence: UInt64
        package var epoch: UInt64
        package var at: Instant
    }

    /// What the last good look saw.
    package struct Facts: Sendable, Equatable, Codable {
        package struct Shown: Sendable, Equatable, Codable {
            package var id: String
            package var time: Instant
            package var size: Int64
            package var files: Int64
            package var added: Int64
            /// Of a held one: why; of a stray: who left it.
            package var note: String?

            init(_ snapshot: Snapshot, note: String? = nil) {
                (id, time, size) = (snapshot.id, snapshot.time, snapshot.size)
                (files, added) = (snapshot.files, snapshot.added)
                self.note = note?.cut(to: 300)
            }
        }
        package var vault: String
        package var at: Instant
        package var epoch: UInt64?
        package var sequence: UInt64?
        package var newestTime: Instant?
        package var isSealed: Bool
        package var keyTrouble: String?
        package var newest: Shown?
        package var kept: Int?
        package var holder: String?
        package var isReleased: Bool?
        package var held: [Shown]
        package var strays: [Shown]
        package var stored: Int64
    }

    package struct Day: Sendable, Equatable, Codable {
        /// Days since 1970, UTC.
        package var day: Int
        /// Bytes of the newest snapshot, or of all packs where the key is not here.
        package var bytes: Int64
    }

    package struct Trouble: Sendable, Equatable, Codable {
        package var since: Instant
        package var because: String
        package var looks: Int
    }

    /// A start of a guard.
    package struct Recovery: Sendable, Equatable, Codable {
        package var at: Instant
        package var epoch: UInt64
        package var outcome: String
        package var isReleased: Bool
        package var from: Instant?
        package var milliseconds: Int64
        /// What was lost, in words; nil where only the vault's record is known, which has none.
        package var lost: String?
        package var bytes: Int64?

        package init(
            at: Instant, epoch: UInt64, outcome: String, isReleased: Bool, from: Instant?, milliseconds: Int64,
            lost: String?, bytes: Int64?
        ) {
            (self.at, self.epoch, self.outcome, self.isReleased) = (at, epoch, outcome, isReleased)
            (self.from, self.milliseconds, self.lost, self.bytes) = (from, milliseconds, lost, bytes)
        }
    }

    /// What a guard said last of itself.
    package struct Word: Sendable, Equatable, Codable {
        package var at: Instant
        package var safeUntil: Instant?
        package var trouble: String?

        package init(at: Instant, safeUntil: Instant?, trouble: String?) {
            (self.at, self.safeUntil, self.trouble) = (at, safeUntil, trouble)
        }
    }

    package var places: [Place] = []
    package var firstLook: Instant?
    package var facts: Facts?
    package var trouble: Trouble?
    package var days: [Day] = []
    /// Newest first.
    package var drills: [RestoreDrill.Report] = []
    /// The last one that proved something.
    package var proven: RestoreDrill.Report?
    /// Newest first.
    package var recoveries: [Recovery] = []
    package var word: Word?
    /// Copies that could not be read, by vault.
    package var copies: [String: String] = [:]
    /// Alarms that were told, by their name.
    package var told: [String: String] = [:]

    package init() {}

    static let mostPlaces = 16
    static let mostShown = 8
    static let mostDays = 31
    static let mostDrills = 20
    static let mostRecoveries = 30

    package func sequence(of vault: String) -> UInt64 { places.first { $0.vault == vault }?.sequence ?? 0 }

    /// Somebody saw this sequence there. Never goes back.
    package mutating func saw(_ sequence: UInt64, epoch: UInt64, of vault: String, at now: Instant) {
        if let index = places.firstIndex(where: { $0.vault == vault }) {
            guard sequence > places[index].sequence else { return }
            places[index] = Place(
                vault: vault, sequence: sequence, epoch: max(epoch, places[index].epoch), at: now)
        } else {
            places.append(Place(vault: vault, sequence: sequence, epoch: epoch, at: now))
            if places.count > Self.mostPlaces { places.sort { $0.at > $1.at } }
            places = Array(places.prefix(Self.mostPlaces))
        }
    }

    /// A person says that what the vault shows now is right.
    package mutating func forget(_ vault: String) {
        places.removeAll { $0.vault == vault }
        told = [:]
    }

    package mutating func take(_ reading: StateReading) {
        if firstLook == nil { firstLook = reading.at }
        trouble = nil
        if let sequence = reading.sequence, let epoch = reading.epoch {
            saw(sequence, epoch: epoch, of: reading.vault, at: reading.at)
        }
        let inside = reading.inside
        facts = Facts(
            vault: reading.vault, at: reading.at, epoch: reading.epoch, sequence: reading.sequence,
            newestTime: reading.newestTime, isSealed: reading.isSealed, keyTrouble: reading.keyTrouble,
            newest: inside?.newest.map { Facts.Shown($0) }, kept: inside?.snapshots.count,
            holder: inside?.holder?.name.cut(to: 300), isReleased: inside?.holder?.hasReleased,
            held: (inside?.held ?? []).prefix(Self.mostShown).map { Facts.Shown($0.snapshot, note: $0.because) },
            strays: (inside?.strays ?? []).prefix(Self.mostShown).map { Facts.Shown($0.snapshot, note: $0.holder) },
            stored: reading.stored)
        if reading.epoch != nil {
            let today = Day(
                day: Int(reading.at.milliseconds / 86_400_000), bytes: inside?.newest?.size ?? reading.stored)
            if days.last?.day == today.day { days.removeLast() }
            days.append(today)
            days = days.suffix(Self.mostDays)
        }
        for record in reading.recoveries { if let one = Recovery(reading: record) { take(one) } }
    }

    /// A look that saw nothing.
    package mutating func take(failure because: String, at now: Instant) {
        if firstLook == nil { firstLook = now }
        trouble = Trouble(
            since: trouble?.since ?? now, because: because.cut(to: 500), looks: (trouble?.looks ?? 0) + 1)
    }

    /// The guard's own word and the vault's record are of one start: the guard's says more.
    package mutating func take(_ recovery: Recovery) {
        if let index = recoveries.firstIndex(where: { $0.epoch == recovery.epoch }) {
            guard recoveries[index].lost == nil, recovery.lost != nil else { return }
            recoveries[index] = recovery
        } else {
            recoveries.append(recovery)
            recoveries.sort { ($0.at, $0.epoch) > ($1.at, $1.epoch) }
            recoveries = Array(recoveries.prefix(Self.mostRecoveries))
        }
    }

    package mutating func take(_ report: RestoreDrill.Report) {
        drills.insert(report, at: 0)
        drills = Array(drills.prefix(Self.mostDrills))
        if report.isProven { proven = report }
    }

    /// Bytes a day by which it grew over the days that are known; nil for less than two.
    package var growth: Int64? {
        guard let first = days.first, let last = days.last, last.day > first.day else { return nil }
        return (last.bytes - first.bytes) / Int64(last.day - first.day)
    }
}

extension StateMemory.Recovery {
    /// - Parameter record: as the vault or a guard has it; see ``RecoveryRecord``.
    package init?(reading record: JSONValue) {
        guard let outcome = record["outcome"]?.string,
            let at = record["at"]?.string.flatMap({ Instant(rfc3339: $0) }),
            let epoch = record["epoch"]?.integer.flatMap({ UInt64(exactly: $0) })
        else { return nil }
        self.init(
            at: at, epoch: epoch, outcome: outcome.cut(to: 20), isReleased: record["released"]?.bool ?? false,
            from: record["from"]?.string.flatMap { Instant(rfc3339: $0) },
            milliseconds: Int64(min(max(0, (record["seconds"]?.double ?? 0) * 1_000), 1e12)),
            lost: record["lost"]?.string?.cut(to: 500), bytes: record["bytes"]?.integer.map { Int64($0) })
    }
}
