import Ledger
import StokerCore

extension Operation {
    package static let observations = Operation(
        name: "observations", summary: "Single pings, newest first, of one check or of all, filtered and paged",
        doing: "list the observations", needsFleet: true, path: "/observations",
        parameters: [
            .init("check", .query, .text(upTo: 300), "Only this check"),
            .init("from", .query, .instant(ago: true), "Not older than (inclusive)"),
            .init("to", .query, .instant(ago: true), "Older than (exclusive)"),
            .init("outcome", .query, .choices(Outcome.allCases.map(\.name)), "Only these outcomes"),
            .init(
                "limit", .query, .integer(1...10_000), defaultValue: 100,
                "Observations on a page; a page ends between two instants"),
            .cursor,
        ],
        answer: .observationPage
    ) { (context, arguments) throws(Failure) in
        let check = try await context.status(named: arguments.text("check"))
        let reader = ObservationReader(
            ledger: try context.ledger, check: check?.id, from: arguments.instant("from"),
            outcomes: Set(arguments.texts("outcome")))
        var before = arguments.instant("to")
        if let cursor = try arguments.cursor(doing: "list the observations") {
            before = min(Instant(milliseconds: cursor), before ?? Instant(milliseconds: .max))
        }
        let page = try await reader.page(before: before, limit: arguments.integer("limit") ?? 100)
        let names = try await context.names(of: page.items.map(\.check), unless: check)
        return [
            "items": .array(page.items.map { $0.json(name: names[$0.check]) }),
            "next_cursor": .text(page.next.map { "\($0.milliseconds)" }),
        ]
    }
}

/// Reads pages that end between two instants, so that none of several observations of one millisecond is lost between pages:
/// the ledger's `before` is exclusive.
struct ObservationReader {
    var ledger: any Ledger
    var check: Int32?
    var from: Instant?
    /// Names; empty is all.
    var outcomes: Set<String>
    /// Rows that one page looks at before it stops with what it has: a rare outcome must not read a year in one call.
    var scanLimit = 100_000

    func page(before: Instant?, limit: Int) async throws(Failure) -> (items: [Observation], next: Instant?) {
        var items: [Observation] = []
        var before = before
        var scanned = 0
        var size = max(limit + 1, outcomes.isEmpty ? 0 : 1_000)
        while true {
            var rows = try await ledger.observations(of: check, before: before, limit: size)
            let isLast = rows.count < size
            if !isLast, let oldest = rows.last?.at {
                if rows.first?.at == oldest {
                    // More in one instant than were asked for: ask for more.
                    size *= 4
                    continue
                }
                while rows.last?.at == oldest { rows.removeLast() }
            }
            scanned += rows.count
            var start = rows.startIndex
            while start < rows.endIndex {
                let at = rows[start].at
                if let from, at < from { return (items, nil) }
                let end = rows[start...].firstIndex { $0.at != at } ?? rows.endIndex
                let group = rows[start..<end].filter { outcomes.isEmpty || outcomes.contains($0.outcome.name) }
                if !items.isEmpty, items.count + group.count > limit { return (items, before) }
                items.append(contentsOf: group)
                before = at
                start = end
            }
            if isLast { return (items, nil) }
            if scanned >= scanLimit { return (items, before) }
        }
    }
}

extension Operation.Parameter {
    static let cursor = Operation.Parameter(
        "cursor", .query, .text(upTo: 40), form: numberForm,
        "`next_cursor` of the page before")
}

extension Arguments {
    /// The position a page's `next_cursor` stands for.
    func cursor(doing: String) throws(Failure) -> Int64? {
        guard let text = text("cursor") else { return nil }
        guard let value = Int64(text), value >= 0 else {
            throw .noCursor(doing: doing)
        }
        return value
    }
}

extension OperationContext {
    /// The check a filter names; nil when there is no filter.
    func status(named name: String?) async throws(Failure) -> CheckStatus? {
        guard let name else { return nil }
        return try await monitor.status(of: name)
    }

    /// Names by number: of the one check when it is known, else of all in the fleet, and of those in `numbers` that left it.
    func names(of numbers: some Sequence<Int32>, unless check: CheckStatus?) async throws(Failure) -> [Int32: String] {
        if let check { return [check.id: check.check.name] }
        var found = try await names.all()
        let left = Set(numbers.filter { found[$0] == nil && $0 != Incident.ofLedger })
        guard !left.isEmpty else { return found }
        for (id, name) in try await ledger.checkNames() where left.contains(id) { found[id] = name }
        return found
    }
}
