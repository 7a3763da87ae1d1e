package import StokerCore

/// Values of an answer, for people: ``Formatting`` of what a JSON value holds, or a dash.
package enum OutputFormatting {
    /// Columns of incidents and events as comma-separated values, in files and on pages.
    package static let incidentColumns = [
        "id", "check", "began", "ended", "seconds", "verdict", "cause", "status_code", "flips", "acknowledged_at",
        "acknowledged_by", "maintenance_seconds",
    ]
    package static let activityColumns = [
        "id", "at", "actor", "by", "address", "operation", "target", "inputs", "result", "because",
    ]
    package static let eventColumns = ["id", "at", "kind", "check", "text"]

    /// A row of an item's members; `acknowledged_at` is the member `at` of `acknowledged`.
    package static func csv(_ item: JSONValue, _ columns: [String]) -> String {
        CSV.row(
            columns.map { column in
                let inner = column.firstIndex(of: "_").flatMap { cut in
                    item[String(column[..<cut])]?[String(column[column.index(after: cut)...])]
                }
                let value = item[column] ?? inner ?? .null
                return value.isNull ? "" : value.string ?? value.text
            })
    }

    /// `connection refused (5 min of it in maintenance)`.
    package static func cause(ofIncident item: JSONValue) -> String {
        let sentence = item["sentence"]?.string ?? "–"
        guard let part = maintenance(ofIncident: item) else { return sentence }
        return "\(sentence) (\(part))"
    }

    /// `5 min of it in maintenance`; nil when nothing was.
    package static func maintenance(ofIncident item: JSONValue) -> String? {
        guard let time = item["maintenance_seconds"]?.double, time >= 1 else { return nil }
        // Both are told in the same words when they are the same.
        if let whole = item["seconds"]?.double, time >= whole - 1 { return "all of it in maintenance" }
        return "\(span(time)) of it in maintenance"
    }

    package static func span(_ seconds: Double) -> String { Formatting.duration(duration(abs(seconds))) }

    package static func ago(_ value: JSONValue?, now: Instant) -> String {
        instant(value).map { Formatting.relative(min($0, now), to: now) } ?? "–"
    }

    /// When something comes next.
    package static func ahead(_ value: JSONValue?, now: Instant) -> String {
        guard let instant = instant(value) else { return "–" }
        return instant > now ? Formatting.relative(instant, to: now) : "due"
    }

    package static func latency(_ value: JSONValue?) -> String {
        guard let milliseconds = value?.double else { return "–" }
        return Formatting.latency(microseconds: Int64(min(max(0, milliseconds * 1_000), 1e15).rounded()))
    }

    package static func tenths(_ value: Double) -> String { Formatting.tenths(value) }

    /// `99.98 %`, and `100 % of 12 min known` while most of the span lies before the first ping or nobody looked;
    /// with `, 2 h of maintenance left out` where there was some.
    package static func uptime(_ value: JSONValue) -> String {
        let share = value["uptime"]?.double
        var text = Formatting.share(share)
        if share != nil, value["whole"]?.bool == false, let known = value["known_seconds"]?.double {
            text += " \(Formatting.known(duration(known)))"
        }
        if let left = value["maintenance_seconds"]?.double, left >= 1 {
            text += ", \(Formatting.leftOut(duration(left)))"
        }
        return text
    }

    package static func instant(_ value: JSONValue?) -> Instant? { value?.string.flatMap { Instant(rfc3339: $0) } }

    /// `2026-11-21 08:15:00`, UTC.
    package static func time(_ value: JSONValue?) -> String { instant(value).map { Formatting.bareTime($0) } ?? "–" }

    private static func duration(_ seconds: Double) -> Duration {
        .milliseconds(Int64(min(max(0, seconds * 1_000), 1e15).rounded()))
    }
}
