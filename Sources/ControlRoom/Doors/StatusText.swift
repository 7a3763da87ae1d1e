import NIOCore
import StokerCore

/// `GET /status`: everything about everybody in one JSON text (requirement KA5).
enum StatusText {
    /// Most checks that are listed; the rest is in `/api/v1/checks`, which has pages.
    static let most = 10_000

    static func make(_ keeper: any Keeper, _ overview: Overview) async -> ByteBuffer {
        let page = await keeper.statuses(StatusQuery(limit: most))
        var text = JSONText(capacity: 512 + page.items.count * 300)
        text.object { text in
            text.key("status")
            text.value(Headline(overview).mood.rawValue)
            text.key("summary")
            text.value(Headline(overview).sentence)
            text.key("uptime_seconds")
            text.value(overview.uptime.wholeMilliseconds / 1_000)
            text.key("started_at")
            moment(overview.startedAt, &text)
            text.key("now")
            moment(overview.now, &text)
            text.key("generation")
            text.value(overview.generation)
            text.key("role")
            text.value(role(overview.role))
            text.key("online")
            text.value(overview.connectivity == .online)
            text.key("ledger")
            text.object { text in write(overview.ledger, overview.ledgerDamage, &text) }
            text.key("total")
            text.value(overview.total)
            text.key("counts")
            text.object { text in write(overview.counts, &text) }
            text.key("flapping")
            text.value(overview.flapping)
            text.key("moderated")
            text.value(overview.moderated)
            text.key("truncated")
            text.value(page.total > page.items.count)
            text.key("targets")
            text.array(page.items) { text, status in write(status, &text) }
        }
        return text.buffer
    }

    /// Whether results reach the disk; while they do not, how many wait and why.
    static func write(_ health: LedgerHealth, _ damage: [LedgerDamage], _ text: inout JSONText) {
        switch health {
        case .healthy:
            text.key("state")
            text.value(damage.isEmpty ? "healthy" : "damaged")
        case .stalled(let since, let because, let waiting, let limit, let dropped):
            text.key("state")
            text.value("stalled")
            text.key("since")
            moment(since, &text)
            text.key("because")
            text.value(because)
            text.key("waiting")
            text.value(waiting)
            text.key("limit")
            text.value(limit)
            text.key("dropped")
            text.value(dropped)
        }
    }

    static func write(_ counts: [Verdict: Int], _ text: inout JSONText) {
        text.key("up")
        text.value(counts[.up] ?? 0)
        text.key("slow")
        text.value(counts[.slow] ?? 0)
        text.key("waking")
        text.value(counts[.waking] ?? 0)
        text.key("down")
        text.value(counts[.down] ?? 0)
        text.key("silent")
        text.value(counts[.silent] ?? 0)
        text.key("unknown")
        text.value(counts[.unknown] ?? 0)
        text.key("paused")
        text.value(counts[.paused] ?? 0)
    }

    private static func write(_ status: CheckStatus, _ text: inout JSONText) {
        let state = status.state
        text.object { text in
            text.key("name")
            text.value(status.check.name)
            text.key("url")
            text.value(status.check.shownAddress ?? "")
            text.key("interval_seconds")
            text.seconds(milliseconds: status.check.policy.every.wholeMilliseconds)
            text.key("status")
            text.value(state.verdict.name)
            text.key("trouble")
            text.value(state.isTrouble)
            text.key("flapping")
            text.value(state.flapping)
            text.key("cause")
            if state.cause == .none { text.null() } else { text.value(state.cause.code) }
            text.key("since")
            moment(state.since, &text)
            text.key("last_ping")
            moment(state.lastPing, &text)
            text.key("next_ping")
            moment(status.nextDue ?? .never, &text)
            text.key("attempts")
            text.value(state.attempts)
            text.key("failures_in_a_row")
            text.value(state.failures)
            if let sight = status.sight {
                text.key("hub_stage")
                if let stage = sight.stage { text.value(stage.rawValue) } else { text.null() }
                text.key("hub_read")
                moment(sight.readAt, &text)
                if let disagreement = sight.disagreement {
                    text.key("disagreement")
                    text.value(disagreement)
                }
            }
            text.key("latency_ms")
            if state.latencyMicroseconds > 0 {
                text.seconds(milliseconds: Int64(state.latencyMicroseconds))
            } else {
                text.null()
            }
        }
    }

    private static func moment(_ moment: Instant, _ text: inout JSONText) {
        if moment.isNever { text.null() } else { text.value(moment.description) }
    }

    private static func role(_ role: Overview.Role) -> String {
        switch role {
        case .active: "active"
        case .standby: "standby"
        case .standingIn: "standing-in"
        }
    }
}
