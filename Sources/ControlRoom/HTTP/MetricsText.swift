import NIOCore
import StokerCore

/// `GET /metrics` in Prometheus' text format, version 0.0.4.
/// Source: prometheus.io/docs/instrumenting/exposition_formats, and what `promtool check metrics` accepts.
enum MetricsText {
    /// With more checks than this a scrape would be tens of megabytes: the series per check are left out.
    static let most = 10_000

    static func make(_ monitor: any FleetMonitoring, _ overview: Overview, subscribers: Int) async -> ByteBuffer {
        var page = Page()
        let work = overview.work
        page.family("stoker_start_time_seconds", .gauge, "When this process began, in seconds since 1970.")
        page.sample(milliseconds: overview.startedAt.milliseconds)
        page.family("stoker_checks", .gauge, "Checks by what is believed of them.")
        for verdict in Verdict.allCases {
            page.sample(Int64(overview.counts[verdict] ?? 0), labels: [("verdict", verdict.name)])
        }
        page.family("stoker_checks_flapping", .gauge, "Checks whose state changes too often to be told one by one.")
        page.sample(Int64(overview.flapping))
        page.family("stoker_checks_moderated", .gauge, "Checks whose Space the platform flagged; they are paused.")
        page.sample(Int64(overview.moderated))
        page.family(
            "stoker_checks_in_maintenance", .gauge,
            "Checks in maintenance: whatever their verdict, nobody is alarmed and it is not in their uptime.")
        page.sample(Int64(overview.inMaintenance))
        page.family("stoker_pings_total", .counter, "Pings made since the start.")
        page.sample(work.pings)
        page.family("stoker_attempts_total", .counter, "Attempts made since the start; a ping has one or several.")
        page.sample(work.attempts)
        page.family("stoker_pings_shed_total", .counter, "Pings left out because more was due than could be made.")
        page.sample(work.shed)
        page.family("stoker_pings_in_flight", .gauge, "Pings under way.")
        page.sample(Int64(work.inFlight))
        page.family("stoker_pings_in_flight_limit", .gauge, "Most pings that may be under way at once.")
        page.sample(Int64(work.inFlightLimit))
        page.family(
            "stoker_ping_lateness_median_seconds", .gauge, "How late pings of the last minute began: the median.")
        page.sample(microseconds: work.latenessP50)
        page.family(
            "stoker_ping_lateness_p99_seconds", .gauge, "How late pings of the last minute began: the 99th percentile.")
        page.sample(microseconds: work.latenessP99)
        page.family("stoker_online", .gauge, "1 while this machine's own connection works.")
        page.sample(overview.connectivity == .online ? Int64(1) : 0)
        page.family("stoker_active", .gauge, "1 while this master does the work, 0 while it stands by.")
        if case .standby = overview.role { page.sample(Int64(0)) } else { page.sample(Int64(1)) }
        if let hub = overview.hub {
            page.family("stoker_hub_requests_total", .counter, "Requests to the Hub since the start.")
            page.sample(hub.calls)
            page.family("stoker_hub_refusals_total", .counter, "Answers 429 of the Hub since the start.")
            page.sample(hub.refusals)
            page.family(
                "stoker_hub_waited_seconds_total", .counter, "Time that requests have waited for a window of the Hub.")
            page.sample(milliseconds: hub.waited.wholeMilliseconds)
            if let answered = hub.answeredAt {
                page.family(
                    "stoker_hub_last_answer_time_seconds", .gauge,
                    "When the Hub last told of the fleet, in seconds since 1970.")
                page.sample(milliseconds: answered.milliseconds)
            }
            let windows = hub.windows(at: overview.now)
            if !windows.isEmpty {
                page.family("stoker_hub_window_remaining", .gauge, "Requests that are left of a window of the Hub.")
                for window in windows { page.sample(window.remaining, labels: [("bucket", window.bucket)]) }
                page.family("stoker_hub_window_quota", .gauge, "Requests that a window of the Hub grants.")
                for window in windows {
                    if let quota = window.quota { page.sample(quota, labels: [("bucket", window.bucket)]) }
                }
            }
        }
        page.family("stoker_fleet_file_rejected", .gauge, "1 while a newer fleet file has problems and was not taken.")
        page.sample(overview.fleetFile.rejected.isEmpty ? Int64(0) : 1)
        page.family(
            "stoker_fleet_file_loaded_time_seconds", .gauge,
            "When the fleet file in use was read, in seconds since 1970.")
        page.sample(milliseconds: overview.fleetFile.loadedAt.milliseconds)
        var (healthy, waiting, dropped) = (Int64(1), Int64(0), UInt64(0))
        if case .stalled(_, _, let held, _, let lost) = overview.ledger {
            (healthy, waiting, dropped) = (0, Int64(held), lost)
        }
        page.family("stoker_ledger_healthy", .gauge, "1 while results reach the disk.")
        page.sample(healthy)
        page.family("stoker_ledger_waiting_observations", .gauge, "Results that wait in memory for the disk.")
        page.sample(waiting)
        page.family("stoker_ledger_dropped_observations", .gauge, "Results given up in the present stall.")
        page.sample(dropped)
        page.family("stoker_ledger_damaged", .gauge, "1 while damage of the ledger waits to be acknowledged.")
        page.sample(overview.ledgerDamage.isEmpty ? Int64(0) : 1)
        if let vault = overview.ledgerVault {
            page.family("stoker_ledger_kept", .gauge, "1 while snapshots of the ledger get into its vault.")
            page.sample(vault.trouble == nil ? Int64(1) : 0)
            if let safe = vault.safeUntil {
                page.family(
                    "stoker_ledger_snapshot_time_seconds", .gauge,
                    "When the last snapshot of the ledger that is in its vault was taken, in seconds since 1970.")
                page.sample(milliseconds: safe.milliseconds)
            }
        }
        page.family("stoker_viewers", .gauge, "Browsers that follow the dashboard live.")
        page.sample(Int64(subscribers))
        guard overview.total <= most else {
            page.comment("\(overview.total) checks: series per check are left out above \(most)")
            return page.buffer
        }
        let items = await monitor.statuses(StatusQuery(limit: most)).items.map { CheckView($0, now: overview.now) }
        page.family(
            "stoker_check_up", .gauge,
            "1 when the check is \(Verdict.names(available: true)), 0 when it is \(Verdict.names(available: false)); missing while it is \(Verdict.names(available: nil))."
        )
        for item in items {
            if let isUp = item.isUp { page.sample(isUp ? Int64(1) : 0, check: item.name) }
        }
        page.family("stoker_check_verdict", .gauge, "1 for the verdict that stands.")
        for item in items {
            page.sample(Int64(1), labels: [("check", item.name), ("verdict", item.state.verdict.name)])
        }
        page.family("stoker_check_maintenance", .gauge, "1 while the check is in maintenance, else 0.")
        for item in items { page.sample(item.maintenance == nil ? Int64(0) : 1, check: item.name) }
        page.family("stoker_check_failures_in_a_row", .gauge, "Failed pings since the last good one.")
        for item in items { page.sample(Int64(item.state.failures), check: item.name) }
        page.family("stoker_check_latency_seconds", .gauge, "First byte of the last answer after the connection began.")
        for item in items {
            if let latency = item.latencyMicroseconds {
                page.sample(microseconds: Int64(latency), labels: [("check", item.name)])
            }
        }
        page.family(
            "stoker_check_last_ping_time_seconds", .gauge, "When the last ping was made, in seconds since 1970.")
        for item in items {
            if let last = item.lastPing { page.sample(milliseconds: last.milliseconds, labels: [("check", item.name)]) }
        }
        page.family(
            "stoker_check_certificate_end_time_seconds", .gauge, "When the certificate ends, in seconds since 1970.")
        for item in items {
            if let end = item.certificateEnd { page.sample(end.milliseconds / 1_000, check: item.name) }
        }
        return page.buffer
    }

    private struct Page {
        enum Kind: String { case gauge, counter }
        var buffer = ByteBufferAllocator().buffer(capacity: 16_384)
        private var name = ""

        mutating func family(_ name: String, _ kind: Kind, _ help: String) {
            self.name = name
            buffer.writeString("# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n")
        }
        mutating func comment(_ text: String) { buffer.writeString("# \(text)\n") }
        mutating func sample(_ value: some BinaryInteger, check: String) { sample(value, labels: [("check", check)]) }
        mutating func sample(_ value: some BinaryInteger, labels: [(String, String)] = []) {
            line(String(value), labels)
        }
        mutating func sample(milliseconds: Int64, labels: [(String, String)] = []) {
            line(JSONText.decimal(milliseconds, thousandths: 1_000), labels)
        }
        mutating func sample(microseconds: Int64, labels: [(String, String)] = []) {
            line(JSONText.decimal(microseconds, thousandths: 1_000_000), labels)
        }

        private mutating func line(_ value: String, _ labels: [(String, String)]) {
            buffer.writeString(name)
            for (index, label) in labels.enumerated() {
                buffer.writeString(index == 0 ? "{" : ",")
                buffer.writeString(label.0)
                buffer.writeStaticString("=\"")
                for byte in label.1.utf8 {
                    switch byte {
                    case UInt8(ascii: "\\"): buffer.writeStaticString("\\\\")
                    case UInt8(ascii: "\""): buffer.writeStaticString("\\\"")
                    case UInt8(ascii: "\n"): buffer.writeStaticString("\\n")
                    default: buffer.writeInteger(byte)
                    }
                }
                buffer.writeStaticString("\"")
            }
            if !labels.isEmpty { buffer.writeStaticString("}") }
            buffer.writeString(" \(value)\n")
        }
    }
}
