import StokerCore
import Testing

@Suite struct FleetHealthTests {
    private static let now = Instant(milliseconds: 1_795_255_200_000)

    @Test(
        arguments: [
            ([Verdict.up: 12], "All 12 answer", "Stoker"), ([.up: 1], "It answers", "Stoker"),
            ([:], "Nothing to monitor yet", "Stoker"),
            ([.up: 10, .down: 2], "2 of 12 are down", "(2) Stoker"),
            ([.up: 11, .silent: 1], "1 of 12 is silent", "(1) Stoker"),
            ([.down: 1], "It is down", "(1) Stoker"),
            ([.up: 9, .slow: 1, .paused: 2], "10 answer, 2 are paused, 1 slowly", "Stoker"),
            ([.up: 2, .waking: 1, .slow: 1], "1 of 4 is waking up", "Stoker"),
            ([.unknown: 5], "Taking a first look", "Stoker"),
            ([.up: 3, .unknown: 2], "2 not yet known", "Stoker"), ([.paused: 3], "All 3 are paused", "Stoker"),
            ([.down: 2, .silent: 1, .up: 1], "3 of 4 need a look: 2 down, 1 silent", "(3) Stoker"),
        ] as [([Verdict: Int], String, String)])
    func headlines(counts: [Verdict: Int], sentence: String, title: String) {
        let overview = Overview(
            startedAt: Self.now, now: Self.now, counts: counts, total: counts.values.reduce(0, +))
        #expect(FleetHealth(overview).sentence == sentence)
        #expect(FleetHealth(overview).title == title)
    }

    @Test(
        arguments: [
            ([.up: 11, .paused: 1], 1, 0, "1 of 12 is flagged by the platform", "(1) Stoker", "trouble"),
            ([.paused: 1], 1, 0, "It is flagged by the platform", "(1) Stoker", "trouble"),
            (
                [.up: 9, .down: 1, .paused: 2], 1, 0, "2 of 12 need a look: 1 down, 1 flagged by the platform",
                "(2) Stoker", "trouble"
            ),
            ([.up: 11, .paused: 1], 0, 1, "11 answer, 1 is paused, 1 comes and goes", "Stoker", "unsteady"),
            ([.up: 12], 0, 2, "All 12 answer, 2 come and go", "Stoker", "unsteady"),
            ([.up: 1], 0, 1, "It answers, but comes and goes", "Stoker", "unsteady"),
            ([.up: 11, .down: 1], 0, 1, "1 of 12 is down", "(1) Stoker", "trouble"),
        ] as [([Verdict: Int], Int, Int, String, String, String)])
    func headlinesOfWhatOnlyLooksWell(
        counts: [Verdict: Int], moderated: Int, flapping: Int, sentence: String, title: String, mood: String
    ) {
        let overview = Overview(
            startedAt: Self.now, now: Self.now, counts: counts, flapping: flapping, moderated: moderated,
            total: counts.values.reduce(0, +))
        let health = FleetHealth(overview)
        #expect(health.sentence == sentence)
        #expect(health.title == title)
        #expect(health.mood.rawValue == mood)
    }

    /// What is wrong with Stoker itself turns the sign, is told in the sentence, and has a notice.
    @Test func ownTroubleIsTrouble() {
        func health(_ change: (inout Overview) -> Void) -> FleetHealth {
            var overview = Overview(startedAt: Self.now, now: Self.now, counts: [.up: 3], total: 3)
            change(&overview)
            return FleetHealth(overview)
        }
        let well = health { _ in }
        #expect(!well.isTrouble && well.notices.isEmpty)
        let damaged = health { $0.ledgerDamage = [LedgerDamage(incident: 7, at: Self.now, text: "Two pages are gone")] }
        #expect(damaged.sentence == "All 3 answer; the ledger was damaged")
        #expect(damaged.mood == .trouble && damaged.isTrouble && damaged.troubles == 0 && damaged.title == "Stoker")
        #expect(damaged.notices.map(\.name) == ["ledger_damaged"])
        #expect(damaged.notices.first?.command == "stoker acknowledge 7")
        let stalled = health {
            $0.ledger = .stalled(since: Self.now, because: "the disk is full", waiting: 3, limit: 10, dropped: 1)
        }
        #expect(stalled.sentence == "All 3 answer; results do not reach the disk" && stalled.isTrouble)
        #expect(
            stalled.notices.first?.text.text
                == "Since 2026-11-21 10:00:00 UTC: the disk is full. 3 of at most 10 wait in memory. 1 were given up. Pinging goes on."
        )
        // History in memory is a choice, or was told at the start.
        let inMemory = health {
            $0.ledger = .stalled(since: Self.now, because: "no data folder", waiting: 0, limit: 0, dropped: 0)
        }
        #expect(!inMemory.isTrouble && inMemory.notices.map(\.name) == ["ledger_stalled"])
        let offline = health { $0.connectivity = .offline(since: Self.now) }
        #expect(offline.sentence == "This machine is offline" && offline.isTrouble && offline.mood == .offline)
        let standby = health { $0.role = .standby(of: "https://user:pw@first.example.com", lastSeen: Self.now) }
        #expect(standby.sentence == "Standing by" && !standby.isTrouble)
        #expect(
            standby.notices.first?.text.text
                == "https://***@first.example.com is at work, last seen at 2026-11-21 10:00:00 UTC.")
    }
}
