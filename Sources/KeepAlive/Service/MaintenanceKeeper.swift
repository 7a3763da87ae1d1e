package import Ledger
package import Logging
package import Runtime
import ServiceLifecycle
package import StokerCore

/// Keeps ``MaintenanceBook`` and the ledger's records of maintenance level with each other. A window of the fleet file is written down an hour
/// before it begins, so that its exact span is known whenever this program ends.
package actor MaintenanceKeeper: Service {
    package nonisolated let book: MaintenanceBook
    private let ledger: any Ledger
    private let monitor: any FleetMonitoring
    private let clocks: Clocks
    private let logger: Logger
    private static let ahead = Duration.seconds(3_600)
    /// No window of the file lasts longer.
    private static let longest = Duration.seconds(366 * 86_400)
    /// How far ahead a window can be called off.
    private static let planned = Duration.seconds(30 * 86_400)
    /// What the ledger has, of what has not ended for long.
    private var known: [String: MaintenanceSpan] = [:]
    private var isLoaded = false
    /// Numbers of the checks that a window covers, while the same checks are in the fleet.
    private var covered: [String: [[Int32]]] = [:]
    private var coveredOf: UInt64 = .max
    private var complained: String?

    package init(
        book: MaintenanceBook, ledger: any Ledger, monitor: any FleetMonitoring, clocks: Clocks, logger: Logger
    ) {
        self.book = book
        self.ledger = ledger
        self.monitor = monitor
        self.clocks = clocks
        self.logger = logger
    }

    /// Reads what was begun before. Called before the first ping; again when it could not be read.
    package func load() async {
        do throws(Failure) {
            let spans = try await spans()
            let now = clocks.wall().milliseconds
            known = Dictionary(
                spans.filter { Self.isRemembered($0, now) }.map { ($0.id, $0) },
                uniquingKeysWith: { _, last in last })
            isLoaded = true
            tellBook()
        } catch {
            complain("Maintenance could not be read", error)
        }
    }

    /// What has ended is of no use any more, but for a window of the file that a person ended: the file goes on to have it.
    private static func isRemembered(_ span: MaintenanceSpan, _ now: Int64) -> Bool {
        if span.until > now - ahead.wholeMilliseconds { return true }
        return !span.byHand && span.stopped == true && span.from > now - longest.wholeMilliseconds
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown { await self.keep() }
    }

    private func keep() async {
        while !Task.isCancelled {
            if !isLoaded { await load() }
            if isLoaded { await reconcile() }
            do { try await Task.sleep(for: .seconds(5)) } catch { return }
        }
    }

    /// Everything that is remembered, by its beginning.
    package func spans() async throws(Failure) -> [MaintenanceSpan] {
        try await ledger.records.records(kind: MaintenanceSpan.kind).compactMap(MaintenanceSpan.init)
            .sorted { ($0.from, $0.id) < ($1.from, $1.id) }
    }

    /// Writes down what the file says for the next hour, and takes back what it does not say any more.
    func reconcile() async {
        let now = clocks.wall()
        let near = book.windows(in: now..<(now + Self.ahead)).filter { !$0.isByHand }
        do throws(Failure) {
            await forgetOldFleet()
            for window in near where known[window.id]?.stopped != true {
                var span = MaintenanceSpan(window, checks: await checks(of: window.id, in: window.scope))
                if let before = known[window.id] {
                    let isOther = before.scope != span.scope || before.until <= now.milliseconds
                    if isOther, before.from <= now.milliseconds {
                        // The file was changed while it went on: what was stays as it was.
                        try await keepPart(before, now)
                        span.from = now.milliseconds
                    } else if !isOther {
                        span.from = max(span.from, before.from)
                        span.checks = MaintenanceSpan.union(before.checks, span.checks)
                    }
                }
                if span != known[window.id] { try await write(span, now) }
            }
            let wanted = Set(near.map(\.id))
            for span in known.values
            where !span.byHand && span.stopped != true && span.until > now.milliseconds && !wanted.contains(span.id) {
                if span.from >= now.milliseconds {
                    try await ledger.records.remove(kind: MaintenanceSpan.kind, key: span.id)
                    known[span.id] = nil
                } else {
                    var ended = span
                    ended.until = now.milliseconds
                    try await write(ended, now)
                }
            }
            // By hand for a group: checks that joined it since.
            for span in known.values
            where span.byHand && span.until > now.milliseconds && span.from <= now.milliseconds
                && !span.scope.isEverything
            {
                var grown = span
                grown.checks = MaintenanceSpan.union(span.checks, await checks(of: span.id, in: span.scope))
                if grown != span { try await write(grown, now) }
            }
            complained = nil
        } catch {
            complain("Maintenance could not be written down", error)
        }
        known = known.filter { Self.isRemembered($0.value, now.milliseconds) }
    }

    /// - Parameters:
    ///   - from: when it begins; nil for now.
    ///   - by: who says so.
    /// - Returns: what was begun or planned, written down and known everywhere.
    package func start(
        _ scope: MaintenanceScope, name: String, from: Instant? = nil, until: Instant, by: String?, text: String?
    ) async throws(Failure) -> MaintenanceSpan {
        let now = clocks.wall()
        let status = await monitor.statuses(StatusQuery())
        for target in scope.targets
        where !status.items.contains(where: { $0.check.name == target || $0.check.target == target }) {
            throw Failure(
                .notFound, doing: "begin maintenance", because: "the fleet has no target or check \(target.prefix(60))",
                hint: "`stoker status` lists them")
        }
        for group in scope.groups where !status.items.contains(where: { $0.check.groupLabel == group }) {
            throw Failure(
                .notFound, doing: "begin maintenance", because: "the fleet has no group \(group.prefix(60))",
                hint: "`stoker status` shows the groups")
        }
        var number = 1
        while known["hand-\(now.milliseconds)-\(number)"] != nil { number += 1 }
        let window = MaintenanceWindow(
            id: "hand-\(now.milliseconds)-\(number)", name: name, from: from ?? now, until: until, scope: scope,
            isByHand: true, text: text)
        let covered = scope.isEverything ? [] : status.items.lazy.filter { scope.covers($0.check) }.map(\.id)
        let span = MaintenanceSpan(window, checks: MaintenanceSpan.ranges(covered), by: by)
        try await write(span, now)
        return span
    }

    /// Ends what goes on, by its number, its rule's name or a target in it; or calls off what is planned: of the file by its number only, for a
    /// name means all that come.
    package func stop(_ asked: String) async throws(Failure) -> MaintenanceSpan {
        let now = clocks.wall()
        let near = book.windows(in: now..<(now + Self.planned))
        let (active, planned) = (near.filter { $0.from <= now }, near.filter { $0.from > now })
        func isMeant(_ window: MaintenanceWindow) -> Bool {
            window.name == asked || window.scope.targets.contains(asked)
        }
        var matches = near.filter { $0.id == asked }
        if matches.isEmpty { matches = active.filter(isMeant) }
        if matches.isEmpty { matches = planned.filter { $0.isByHand && isMeant($0) } }
        guard let window = matches.first else {
            throw Failure(
                .notFound, doing: "end maintenance",
                because: "no maintenance of that name goes on or was planned by hand: \(asked.prefix(60))",
                hint: "`stoker maintenance list` shows what does; what the fleet file plans is called off by its number"
            )
        }
        guard matches.count == 1 else {
            throw Failure(
                .conflict, doing: "end maintenance", because: "several are meant by \(asked.prefix(60))",
                hint: "give one of their numbers: \(matches.prefix(10).map(\.id).joined(separator: ", "))")
        }
        await forgetOldFleet()
        let checks = await checks(of: window.id, in: window.scope)
        var span = known[window.id] ?? MaintenanceSpan(window, checks: checks)
        span.stopped = true
        guard window.from > now else {
            span.until = now.milliseconds
            try await write(span, now)
            return span
        }
        // It has not begun: nothing of it is left, but that the file's is not wanted.
        span.until = span.from
        if window.isByHand {
            try await ledger.records.remove(kind: MaintenanceSpan.kind, key: span.id)
            known[span.id] = nil
            tellBook()
        } else {
            try await write(span, now)
        }
        return span
    }

    private func write(_ span: MaintenanceSpan, _ now: Instant) async throws(Failure) {
        try await ledger.records.put(try span.record(at: now))
        known[span.id] = span
        tellBook()
    }

    /// As a record of its own.
    private func keepPart(_ span: MaintenanceSpan, _ now: Instant) async throws(Failure) {
        var part = span
        part.id = "\(span.id)~\(span.from)"
        part.until = min(span.until, now.milliseconds)
        try await write(part, now)
    }

    private func tellBook() {
        let ended = known.values.filter { !$0.byHand && $0.stopped == true }
        book.set(
            begun: known.values.filter(\.byHand).map(\.window),
            ended: Dictionary(
                ended.map { ($0.id, Instant(milliseconds: $0.until)) }, uniquingKeysWith: { _, last in last }))
    }

    /// Asks the monitor for all checks only when other checks are in the fleet than the last time.
    private func checks(of window: String, in scope: MaintenanceScope) async -> [[Int32]] {
        guard !scope.isEverything else { return [] }
        if let known = covered[window] { return known }
        let page = await monitor.statuses(StatusQuery())
        let found = MaintenanceSpan.ranges(page.items.lazy.filter { scope.covers($0.check) }.map(\.id))
        covered[window] = found
        return found
    }

    private func forgetOldFleet() async {
        let number = await monitor.overview().fleetNumber
        guard number != coveredOf || covered.count > 1_000 else { return }
        covered = [:]
        coveredOf = number
    }

    private func complain(_ what: String, _ error: Failure) {
        guard complained != error.because else { return }
        complained = error.because
        logger.warning("\(what)", metadata: ["error": "\(error)"])
    }
}
