import Foundation
import StokerCore
import Testing

@testable import Safekeeping

/// What is believed of a state by what is remembered of it.
@Suite struct StateHealthTests {
    static let now = Instant(milliseconds: 1_800_000_000_000)
    static let vault = "folder:/v"

    private static func memory(sequence: UInt64? = 5, at: Instant = now) -> StateMemory {
        var reading = StateReading(vault: vault, at: at)
        reading.sequence = sequence
        reading.epoch = sequence == nil ? nil : 2
        reading.newestTime = sequence == nil ? nil : at
        var memory = StateMemory()
        memory.take(reading)
        return memory
    }

    private static func health(_ memory: StateMemory, drill: Duration? = nil, now: Instant = now) -> StateHealth {
        StateHealth(memory, vault: vault, drill: drill, now: now)
    }

    @Test func aVaultWithASnapshotIsSafe() {
        #expect(Self.health(StateMemory()).standing == .unread)
        #expect(Self.health(Self.memory(sequence: nil)).standing == .empty)
        let health = Self.health(Self.memory())
        #expect(health.standing == .safe && health.problems.isEmpty && health.alarms.isEmpty)
    }

    /// Situations 13 and 14: the vault is empty, or an old head was put back.
    @Test(arguments: [nil, 90])
    func whatShowsLessThanBeforeIsAnAlarm(_ sequence: UInt64?) {
        var memory = Self.memory(sequence: 91, at: Self.now - .seconds(60))
        var reading = StateReading(vault: Self.vault, at: Self.now)
        reading.sequence = sequence
        reading.epoch = sequence == nil ? nil : 2
        memory.take(reading)
        #expect(memory.sequence(of: Self.vault) == 91)
        let health = Self.health(memory)
        #expect(health.standing == .replaced && health.alarms[.snapshotFailed]?.standing == .replaced)
        #expect(health.problems.first?.because.contains("91 was seen") == true)
        // A guard's word counts too, and a person's ends it.
        memory.saw(95, epoch: 3, of: Self.vault, at: Self.now)
        memory.saw(94, epoch: 3, of: Self.vault, at: Self.now)
        #expect(Self.health(memory).standing != .replaced, "the guard wrote behind that look")
        #expect(memory.sequence(of: Self.vault) == 95)
        memory.forget(Self.vault)
        #expect(
            Self.health(memory).standing == (sequence == nil ? .empty : .unread) || Self.health(memory).problems.isEmpty
        )
    }

    @Test func aProofThatIsTooOldIsAnAlarm() {
        let day = Duration.seconds(86_400)
        var memory = Self.memory(at: Self.now - day * 9)
        #expect(Self.health(memory, drill: day * 7).alarms[.restoreUnproven] != nil)
        #expect(Self.health(memory, drill: nil).alarms.isEmpty)
        #expect(Self.health(memory, drill: day * 8).alarms.isEmpty, "a quarter of the time is left to it")
        var report = RestoreDrill.Report(at: Self.now - day)
        memory.take(report)
        let proven = Self.health(memory, drill: day * 7)
        #expect(proven.alarms.isEmpty && proven.drillDue == Self.now + day * 6)
        // One that failed is told at once, and tried again soon.
        report.at = Self.now - .seconds(60)
        report.failure = "the key opens none of its slots"
        memory.take(report)
        let failed = Self.health(memory, drill: day * 7)
        #expect(failed.standing == .unproven && failed.problems.first?.because.contains("opens none") == true)
        #expect(failed.drillDue == report.at + .seconds(3_600) && memory.proven?.at == Self.now - day)
    }

    @Test func aVaultThatDoesNotAnswerIsAnAlarmAfterAWhile() {
        var memory = Self.memory(at: Self.now - .seconds(1_000))
        memory.take(failure: "no route", at: Self.now - .seconds(950))
        #expect(Self.health(memory).standing == .unreachable && Self.health(memory).alarms.isEmpty)
        memory.take(failure: "no route", at: Self.now)
        #expect(memory.trouble?.since == Self.now - .seconds(950))
        #expect(Self.health(memory).alarms[.snapshotFailed]?.because.contains("no route") == true)
        memory.take(StateReading(vault: Self.vault, at: Self.now))
        #expect(memory.trouble == nil)
    }

    @Test func aGuardsTroubleIsAnAlarm() {
        var memory = Self.memory()
        memory.word = .init(at: Self.now, safeUntil: Self.now - .seconds(60), trouble: "the quota is full")
        let health = Self.health(memory)
        #expect(health.standing == .failing && health.problems.first?.because.contains("the quota is full") == true)
    }

    @Test func whatIsRememberedIsBoundedAndComesBack() throws {
        var memory = StateMemory()
        for number in 0..<100 {
            let at = Self.now + .seconds(86_400 * number)
            memory.saw(UInt64(number + 1), epoch: 1, of: "vault \(number)", at: at)
            var reading = StateReading(vault: Self.vault, at: at)
            (reading.epoch, reading.sequence, reading.stored) = (1, 1, Int64(number) * 10)
            reading.recoveries = [
                [
                    "outcome": "restored", "at": .string(at.description), "epoch": .integer(Int64(number)),
                    "released": true, "from": nil, "seconds": 1.5,
                ]
            ]
            memory.take(reading)
            var report = RestoreDrill.Report(at: at)
            report.failure = String(repeating: "x", count: 500)
            memory.take(report)
        }
        #expect(memory.days.count == 31 && memory.growth == 10)
        #expect(memory.drills.count == 20 && memory.recoveries.count == 30 && memory.places.count == 16)
        #expect(memory.recoveries.first?.epoch == 99 && memory.recoveries.first?.milliseconds == 1_500)
        let bytes = try JSONEncoder.stable.encode(memory)
        #expect(bytes.count < 60_000)
        #expect(try JSONDecoder().decode(StateMemory.self, from: bytes) == memory)
        // The guard's own word of a start says more than the vault's record, and stays.
        let word = StateMemory.Recovery(
            at: Self.now, epoch: 99, outcome: "restored", isReleased: false, from: nil, milliseconds: 9, lost: "4 s",
            bytes: 7)
        memory.take(word)
        #expect(memory.recoveries.first { $0.epoch == 99 } == word && memory.recoveries.count == 30)
    }
}
