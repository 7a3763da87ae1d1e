import Ledger
import StokerCore

extension Operation {
    package static let incidents = Operation(
        name: "incidents", summary: "Spans of trouble, newest first, of one check or of all",
        doing: "list the incidents",
        needsFleet: true, path: "/incidents",
        parameters: [
            .init("check", .query, .text(upTo: 300), "Only this check"),
            .init("target", .query, .text(upTo: 300), "Only this target, with all its checks"),
            .init("group", .query, .text(upTo: 300), "Only checks of this group"),
            .init("cause", .query, .choice(Cause.allCases.map(\.code)), "Only this cause"),
            .init("open", .query, .flag, defaultValue: false, "Only those that last"),
            .init("state", .query, .choice(["open", "closed"]), "Only those that last, or only those that are over"),
            .init(
                "acknowledged", .query, .flag, "Only those that somebody has acknowledged, or with `false` the others"),
            .init("from", .query, .instant(ago: true), "That lasted at this time or later"),
            .init("to", .query, .instant(ago: true), "That began before this time"),
            .init("longer", .query, .duration, "At least so long"),
            .init("limit", .query, .integer(1...1_000), defaultValue: 100, "Incidents on a page"),
            .cursor,
        ],
        answer: .incidentPage
    ) { (context, arguments) throws(Failure) in
        let check = try await context.status(named: arguments.text("check"))
        let limit = arguments.integer("limit") ?? 100
        let now = context.now()
        let acknowledged = try await IncidentRecords(context.ledger.records).acknowledgements()
        let family = try await context.family(arguments)
        let filter = IncidentFilter(arguments, family: family)
        var kept: [Incident] = []
        var before = try arguments.cursor(doing: "list the incidents")
        var more = true
        // A filter that nearly nothing passes must not read the whole ledger in one call: the next page goes on.
        var left = IncidentFilter.maxRead
        while more, kept.count <= limit, left > 0 {
            let size = filter.isPlain ? limit + 1 : 500
            let found = try await context.ledger.incidents(
                of: check?.id, openOnly: filter.openOnly, before: before, limit: size)
            left -= found.count
            more = found.count == size
            before = found.last?.id ?? before
            kept += found.filter { filter.passes($0, acknowledged: acknowledged[$0.id] != nil, now: now) }
        }
        let page = kept.prefix(limit)
        let maintenance = try await IncidentMaintenance.read(from: context.ledger.records)
        let names = try await context.names(of: page.map(\.check), unless: check)
        let next: Int64? = kept.count > limit ? page.last?.id : more ? before : nil
        return [
            "items": .array(
                page.map {
                    $0.json(
                        name: names[$0.check], now: now, acknowledged: acknowledged[$0.id], maintenance: maintenance)
                }),
            "next_cursor": .text(next.map { "\($0)" }),
        ]
    }
}

/// Which incidents are wanted.
private struct IncidentFilter {
    /// Incidents that one call looks at, at most.
    static let maxRead = 20_000

    let openOnly: Bool
    private let closedOnly: Bool
    private let family: Set<Int32>?
    private let cause: String?
    private let acknowledged: Bool?
    private let from: Instant?
    private let to: Instant?
    private let longer: Duration?

    init(_ arguments: Arguments, family: Set<Int32>?) {
        let state = arguments.text("state")
        openOnly = arguments.flag("open") || state == "open"
        closedOnly = state == "closed"
        self.family = family
        cause = arguments.text("cause")
        acknowledged = arguments.has("acknowledged") ? arguments.flag("acknowledged") : nil
        from = arguments.instant("from")
        to = arguments.instant("to")
        longer = arguments.duration("longer")
    }

    /// The ledger's own choice is enough.
    var isPlain: Bool {
        !closedOnly && family == nil && cause == nil && acknowledged == nil && from == nil && to == nil
            && longer == nil
    }

    func passes(_ incident: Incident, acknowledged isAcknowledged: Bool, now: Instant) -> Bool {
        if closedOnly, incident.ended == nil { return false }
        if let family, !family.contains(incident.check) { return false }
        if let cause, incident.cause.code != cause { return false }
        if let acknowledged, acknowledged != isAcknowledged { return false }
        if let from, let ended = incident.ended, ended < from { return false }
        if let to, incident.began >= to { return false }
        if let longer, incident.length(now: now) < longer { return false }
        return true
    }
}

extension OperationContext {
    /// Numbers of the checks that `target` and `group` choose; nil without either.
    func family(_ arguments: Arguments) async throws(Failure) -> Set<Int32>? {
        let (target, group) = (arguments.text("target"), arguments.text("group"))
        guard target != nil || group != nil else { return nil }
        let all =
            if let target { try await monitor.statuses(ofTarget: target) } else {
                try await monitor.statuses(StatusQuery(group: group)).items
            }
        return Set(
            all.lazy.filter { status in group.map { status.check.groupLabel == $0 } ?? true }.map(\.id))
    }
}
