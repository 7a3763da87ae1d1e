import NIOCore
import Operations
import StokerCore
import Workshop

/// `GET /status`: everything about everybody in one JSON text (KA5 in docs/promises.md).
enum StatusJSON {
    /// Most checks that are listed; the rest is in `/api/v1/checks`, which has pages.
    static let most = 10_000

    /// - Parameter workers: the fleet's workers, none where there are no.
    static func make(
        _ monitor: any FleetMonitoring, _ overview: Overview, workers: [WorkerBoard.Status] = []
    ) async -> ByteBuffer {
        let page = await monitor.statuses(StatusQuery(limit: most))
        var text = JSONText(capacity: 512 + page.items.count * 300)
        let health = FleetHealth(overview)
        text.object { text in
            text.key("status")
            text.value(health.mood.rawValue)
            text.key("summary")
            text.value(health.sentence)
            text.key("trouble")
            text.value(health.isTrouble)
            text.key("uptime_seconds")
            text.value(overview.uptime.wholeMilliseconds / 1_000)
            text.key("started_at")
            moment(overview.startedAt, &text)
            text.key("now")
            moment(overview.now, &text)
            text.key("generation")
            text.value(overview.generation)
            text.key("role")
            text.value(overview.role.name)
            text.key("online")
            text.value(overview.connectivity == .online)
            text.key("ledger")
            text.object { text in
                write(overview.ledger, overview.ledgerDamage, &text)
                if let vault = overview.ledgerVault { write(vault, &text) }
            }
            text.key("total")
            text.value(overview.total)
            text.key("counts")
            text.object { text in write(overview.counts, &text) }
            text.key("flapping")
            text.value(overview.flapping)
            text.key("moderated")
            text.value(overview.moderated)
            text.key("in_maintenance")
            text.value(overview.inMaintenance)
            text.key("truncated")
            text.value(page.total > page.items.count)
            text.key("targets")
            text.array(page.items) { text, status in write(CheckView(status, now: overview.now), &text) }
            if !workers.isEmpty {
                text.key("workers")
                text.array(workers) { text, worker in write(worker, overview.now, &text) }
            }
        }
        return text.buffer
    }

    /// Whether results reach the disk; while they do not, how many wait and why.
    static func write(_ health: LedgerHealth, _ damage: [LedgerDamage], _ text: inout JSONText) {
        text.key("state")
        text.value(FleetHealth.ledgerState(health, damage))
        guard case .stalled(let since, let because, let waiting, let limit, let dropped) = health else { return }
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

    private static func write(_ vault: LedgerVault, _ text: inout JSONText) {
        text.key("vault")
        text.object { text in
            text.key("name")
            text.value(vault.name)
            if let safe = vault.safeUntil {
                text.key("safe_until")
                moment(safe, &text)
            }
            if let trouble = vault.trouble {
                text.key("trouble")
                text.value(trouble)
            }
        }
    }

    /// Whether it works, and nothing of what it looks at: this page may be public.
    private static func write(_ worker: WorkerBoard.Status, _ now: Instant, _ text: inout JSONText) {
        text.object { text in
            text.key("name")
            text.value(worker.name)
            text.key("kind")
            text.value(worker.settings.kind.rawValue)
            text.key("state")
            text.value(worker.state.rawValue)
            text.key("online")
            text.value(worker.isOnline(now))
            text.key("iteration")
            text.value(worker.record.iteration)
            text.key("interval_seconds")
            text.seconds(milliseconds: worker.settings.interval.wholeMilliseconds)
            text.key("beat")
            if let beat = worker.record.beatAt { moment(beat, &text) } else { text.null() }
        }
    }

    static func write(_ counts: [Verdict: Int], _ text: inout JSONText) {
        for verdict in Verdict.allCases {
            text.key(word: verdict.name)
            text.value(counts[verdict] ?? 0)
        }
    }

    private static func write(_ view: CheckView, _ text: inout JSONText) {
        let state = view.state
        text.object { text in
            text.key("name")
            text.value(view.name)
            text.key("url")
            text.value(view.address ?? "")
            text.key("interval_seconds")
            text.seconds(milliseconds: view.check.policy.every.wholeMilliseconds)
            text.key("status")
            text.value(state.verdict.name)
            text.key("trouble")
            text.value(view.isTrouble)
            text.key("flapping")
            text.value(state.flapping)
            text.key("cause")
            if state.cause == .none { text.null() } else { text.value(state.cause.code) }
            // Only where there is one: most targets of most answers have none.
            if let reason = view.reason {
                text.key("reason")
                text.value(reason.text)
            }
            if let maintenance = view.status.maintenance {
                text.key("maintenance")
                text.object { text in
                    text.key("name")
                    text.value(maintenance.name)
                    text.key("until")
                    moment(maintenance.until, &text)
                }
            }
            text.key("since")
            moment(view.since, &text)
            text.key("last_ping")
            moment(view.lastPing, &text)
            text.key("next_ping")
            moment(view.status.nextDue, &text)
            text.key("attempts")
            text.value(state.attempts)
            text.key("failures_in_a_row")
            text.value(state.failures)
            if let hubStatus = view.status.hubStatus {
                text.key("hub_stage")
                if let stage = hubStatus.stage { text.value(stage.rawValue) } else { text.null() }
                text.key("hub_read")
                moment(hubStatus.readAt, &text)
                if let disagreement = view.disagreement {
                    text.key("disagreement")
                    text.value(disagreement)
                }
            }
            text.key("latency_ms")
            if let latency = view.latencyMicroseconds {
                text.seconds(milliseconds: Int64(latency))
            } else {
                text.null()
            }
        }
    }

    private static func moment(_ moment: Instant?, _ text: inout JSONText) {
        if let moment, !moment.isNever { text.value(moment.description) } else { text.null() }
    }
}
