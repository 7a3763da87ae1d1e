import Ledger
import StokerCore

/// How much of an incident was in maintenance: nobody is told of that part, and uptime leaves it out.
struct IncidentMaintenance: Sendable {
    private let spans: [MaintenanceSpan]

    init(spans: [MaintenanceSpan]) { self.spans = spans.filter { $0.from < $0.until } }

    static func read(from records: any RecordStore) async throws(Failure) -> IncidentMaintenance {
        IncidentMaintenance(
            spans: try await records.records(kind: MaintenanceSpan.kind).compactMap { MaintenanceSpan($0) })
    }

    /// Times of maintenance that overlap count once.
    func time(of incident: Incident, now: Instant) -> Duration {
        let (began, ended) = (incident.began.milliseconds, (incident.ended ?? now).milliseconds)
        var time: Int64 = 0
        var counted = began
        for span in spans.lazy.filter({ $0.covers(incident.check) }).sorted(by: { $0.from < $1.from }) {
            let (from, until) = (max(span.from, counted), min(span.until, ended))
            guard from < until else { continue }
            time += until - from
            counted = until
        }
        return .milliseconds(time)
    }
}
