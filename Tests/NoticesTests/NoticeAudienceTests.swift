import Ledger
import StokerCore
import Testing

@testable import Notices

/// Who hears of what, and above all what nobody hears of.
@Suite struct NoticeAudienceTests {
    private static func audience(_ notify: String, channels: String = "") throws -> NoticeAudience {
        let text = """
            channels:
              team: { webhook: "https://hooks.example.com/a" }
              oncall: { webhook: "https://hooks.example.com/b" }
              chat: { discord: "" }
            notify:
            \(notify)
            targets:
              web: { url: https://web.example.com, group: front }
              db: { url: "tcp://db.example.com:5432", group: data }
            heartbeats:
              export: { every: 24h, group: jobs }
            """
        let fleet = try FleetFile.read(
            text: text, name: "fleet.yaml", environment: [:], sections: PlannerTests.sections
        ).get()
        return NoticeAudience(Route.all(of: fleet), Channels(fleet), checks: fleet.checks)
    }

    private static func hearers(of kind: Notice.Kind, in audience: NoticeAudience) -> [String] {
        audience.lines.first { $0.kinds.contains(kind) }?.hearers.map(\.sentence) ?? []
    }

    @Test func eachKindHasItsHearersOnTheirConditions() throws {
        let audience = try Self.audience(
            """
              - { to: team, together: 30s }
              - { to: oncall, on: [down, silent, recovered], groups: [front], targets: [db], lasting: 10m, repeat: 1h, quiet: "22:00-07:00 Europe/Berlin" }
            """)
        #expect(
            Self.hearers(of: .down, in: audience) == [
                "team within 30 s",
                "oncall after 10 min unless acknowledged, again every 1 h, only of group front, db; not at 22:00-07:00 Europe/Berlin",
            ])
        // What has no length is not waited for.
        #expect(
            Self.hearers(of: .recovered, in: audience).last
                == "oncall at once, only of group front, db; not at 22:00-07:00 Europe/Berlin")
        // A rule without `moderated` and `waking-too-long` hears of them as `down`.
        #expect(Self.hearers(of: .moderated, in: audience).count == 2)
        #expect(Self.hearers(of: .wakingTooLong, in: audience).count == 2)
        // About Stoker itself: whatever the groups.
        #expect(Self.hearers(of: .offline, in: audience) == ["team within 30 s"])
        #expect(audience.unheard.contains(.slow) && audience.unheard.contains(.ledger))
        #expect(!audience.unheard.contains(.wakingTooLong) && !audience.unheard.contains(.acknowledged))
        #expect(audience.unheardChecks.isEmpty)
        let told = audience.lines.flatMap(\.kinds) + audience.unheard
        #expect(Set(told) == Set(Notice.Kind.ofRules) && told.count == Notice.Kind.ofRules.count, "each kind once")
    }

    @Test func whatNoRuleCoversIsNamed() throws {
        let audience = try Self.audience("  - { to: oncall, on: [down], groups: [front, jobs] }")
        #expect(audience.unheardChecks == ["db", "export"], "a job is silent, and nobody hears of that kind")
        #expect(audience.unheard.contains(.silent))
        #expect(audience.lines.map(\.kinds) == [[.down, .wakingTooLong, .moderated]])
    }

    @Test func aChannelThatIsOffHearsNothing() throws {
        let audience = try Self.audience("  - { to: chat }")
        #expect(audience.lines.isEmpty && audience.unheard == Notice.Kind.ofRules)
        #expect(audience.unheardChecks.isEmpty, "that nobody hears of anything is said once")
        let both = try Self.audience("  - { to: [team, chat], on: [down] }")
        #expect(Self.hearers(of: .down, in: both) == ["team at once", "chat is switched off"])
    }
}
