package import Ledger
package import StokerCore

/// What a status page tells: no address, and causes only where they may be shown.
package struct StatusReport: Sendable, Equatable {
    /// A check as visitors see it.
    package struct Service: Sendable, Equatable {
        package var name: String
        package var group: String
        package var verdict: Verdict
        package var isTrouble: Bool
        package var isInMaintenance: Bool
        /// The days of ``StatusReport/days``, oldest first; empty while the ledger cannot be read.
        package var days: [SpanTotals]
        /// Time up ÷ time known over all of them.
        package var uptime: Double? {
            let up = days.reduce(0) { $0 + $1.upTime }
            let known = up + days.reduce(0) { $0 + $1.downTime }
            return known == 0 ? nil : Double(up) / Double(known)
        }
        /// `2 h of maintenance left out`: of the same time; nil without.
        package var maintenance: String? {
            let sum = days.reduce(0) { $0 + $1.maintenanceTime }
            return sum < 1_000 ? nil : Formatting.leftOut(.milliseconds(sum))
        }
    }

    /// An incident as visitors read of it.
    package struct Post: Sendable, Equatable {
        package var incident: Int64
        package var name: String
        package var verdict: Verdict
        package var began: Instant
        package var ended: Instant?
        /// Only where it may be shown.
        package var cause: String?
        /// What people wrote, newest first; nothing internal.
        package var notes: [IncidentNote]

        /// When anything of it changed.
        package var updated: Instant { max(notes.first?.at ?? began, max(began, ended ?? began)) }
    }

    /// Last part of the page's address: `/p/SLUG`.
    package var slug: String
    package var page: StatusPageSettings
    package var title: String { page.title ?? slug }
    package var services: [Service]
    /// Those that last first, then the newest.
    package var posts: [Post]
    /// What goes on now and what is planned for the next week, by its beginning.
    package var maintenance: [MaintenanceWindow] = []
    /// The moment the report was made.
    package var now: Instant

    /// Days of the bars, today included.
    package static let days = 90
    /// Checks a page shows.
    package static let maxServices = 500
    private static let maxPosts = 50
    private static let planned = Duration.seconds(7 * 86_400)
    /// Incidents that are over are told so long.
    private static let past = Duration.seconds(30 * 86_400)

    /// What visitors are warned of: in trouble, and not in maintenance.
    package var troubled: [Service] { services.filter { $0.isTrouble && !$0.isInMaintenance } }

    /// The slow part: kept for a minute by whoever asks often.
    package struct History: Sendable {
        fileprivate var days: [Int32: [SpanTotals]] = [:]
        package init() {}

        package static func read(
            _ page: StatusPageSettings, _ monitor: any FleetMonitoring, _ ledger: any Ledger, now: Instant
        ) async throws(Failure) -> History {
            let ids = await StatusReport.chosen(page, monitor).map(\.id)
            // Days in UTC, today whole.
            let day: Int64 = 86_400_000
            let tomorrow = Instant(milliseconds: (now.milliseconds / day + 1) * day)
            let rows = try await ledger.series(
                of: ids, from: tomorrow - .seconds(Int64(StatusReport.days) * 86_400), to: tomorrow,
                buckets: StatusReport.days)
            var history = History()
            history.days = Dictionary(zip(ids, rows), uniquingKeysWith: { first, _ in first })
            return history
        }
    }

    private static func chosen(_ page: StatusPageSettings, _ monitor: any FleetMonitoring) async -> [CheckStatus] {
        Array(await monitor.statuses(StatusQuery()).items.lazy.filter { page.shows($0.check) }.prefix(maxServices))
    }

    package static func read(
        _ slug: String, _ page: StatusPageSettings, _ monitor: any FleetMonitoring, _ ledger: any Ledger,
        history: History,
        now: Instant
    ) async throws(Failure) -> StatusReport {
        let chosen = await chosen(page, monitor)
        let names = Dictionary(chosen.map { ($0.id, $0.check.name) }, uniquingKeysWith: { first, _ in first })
        var found: [Incident] = []
        var before: Int64?
        // Newest first; a fleet of which the page shows a little may have many others.
        for _ in 0..<10 {
            let slice = try await ledger.incidents(of: nil, openOnly: false, before: before, limit: 500)
            found += slice.filter { names[$0.check] != nil && ($0.ended.map { now - $0 <= past } ?? true) }
            before = slice.last?.id
            if slice.count < 500 || found.count >= maxPosts { break }
        }
        let records = IncidentRecords(ledger.records)
        var posts: [Post] = []
        for incident in found.prefix(maxPosts) {
            let notes = try await records.notes(of: incident.id).filter { !$0.isInternal }
            posts.append(
                Post(
                    incident: incident.id, name: names[incident.check] ?? "", verdict: incident.verdict,
                    began: incident.began, ended: incident.ended,
                    cause: page.show.contains(.causes) && incident.cause != .none
                        ? Sentence(reading: incident.sentence).text : nil,
                    notes: notes.reversed()))
        }
        let rules = await monitor.fleet()[MaintenanceSection.section].filter { rule in
            chosen.contains { rule.scope.covers($0.check) }
        }
        var windows: [MaintenanceWindow] = []
        for window in chosen.compactMap(\.maintenance) where !windows.contains(where: { $0.id == window.id }) {
            windows.append(window)
        }
        let remembered = try await ledger.records.records(kind: MaintenanceSpan.kind).compactMap(MaintenanceSpan.init)
        windows += remembered.lazy.filter(\.byHand).map(\.window).filter { window in
            window.from > now && window.from < now + planned && chosen.contains { window.scope.covers($0.check) }
        }
        let calledOff = Set(remembered.lazy.filter { !$0.byHand && $0.stopped == true }.map(\.id))
        for rule in rules {
            for span in rule.windows(in: now..<(now + planned)) where span.lowerBound > now {
                let id = "\(rule.name)@\(span.lowerBound)"
                guard !calledOff.contains(id) else { continue }
                windows.append(
                    MaintenanceWindow(
                        id: id, name: rule.name, from: span.lowerBound,
                        until: span.upperBound, scope: rule.scope, isByHand: false))
            }
        }
        windows.sort { ($0.from, $0.id) < ($1.from, $1.id) }
        return StatusReport(
            slug: slug, page: page,
            services: chosen.map { status in
                Service(
                    name: status.check.name, group: status.check.groupLabel, verdict: status.state.verdict,
                    isTrouble: status.state.isTrouble, isInMaintenance: status.maintenance != nil,
                    days: history.days[status.id] ?? [])
            }, posts: posts.filter { $0.ended == nil } + posts.filter { $0.ended != nil },
            maintenance: Array(windows.prefix(20)), now: now)
    }
}
