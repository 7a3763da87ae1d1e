import Foundation
package import HubClient
package import Ledger
package import Logging
import Runtime
package import StokerCore
import Synchronization

/// The workers of a running fleet: what they are, what they do now, and what a person may ask of them.
package final class WorkerBoard: Sendable {
    /// How a worker is, in a word.
    package enum State: String, Sendable, CaseIterable {
        /// Looks at something now.
        case working
        /// Waits for its next look.
        case waiting
        /// Has said all it can of the newest commit, and waits for another.
        case complete
        /// A person stopped it.
        case paused
        /// The last look did not go well; it is tried again.
        case trouble
        /// Has not looked yet.
        case starting
        /// Another Stoker runs it, which does not answer, or it has not looked for two intervals.
        case offline
    }

    package struct Status: Sendable {
        package var name: String
        package var settings: WorkerSettings
        package var state: State
        /// One line of what it does or why it does not.
        package var text: String
        /// What to do about it.
        package var hint: String?
        package var record: WorkerRecord
        package var dataset: String?
        /// A Space or an address, when another Stoker runs it.
        package var runsAt: String?
        /// Ids of what it takes turns with.
        package var perspectives: [String]
        package var pausedSince: Instant?
        package var nextAt: Instant?
        /// Open findings by severity.
        package var open: [Finding.Severity: Int]
        /// nil for a worker without a model.
        package var model: ModelStatus?
        /// Newest last.
        package var log: [LogLine]
    }

    package struct LogLine: Sendable, Equatable {
        package var at: Instant
        package var text: String
    }

    struct Live {
        var isRunning = false
        var step = ""
        var log: [LogLine] = []
    }

    private struct Shared {
        var workers: [FleetNamed<WorkerSettings>] = []
        var hubSettings = Fleet.Hub()
        var live: [String: Live] = [:]
        var wake: (@Sendable () -> Void)?
        /// Owner of the token, asked once.
        var account: String?
    }

    let ledger: any Ledger
    let hub: Hub?
    /// What is kept on the disk.
    let folder: String
    /// The fleet file's folder: paths are seen from there.
    let base: String
    let toolFolders: [String]
    /// How models, and other Stokers, are reached.
    let transport: ModelTransport
    let now: @Sendable () -> Instant
    let logger: Logger
    private let elsewhere: WorkersElsewhere
    private let shared: Mutex<Shared>

    /// Lines of the log that a page shows.
    static let mostLines = 60

    /// - Parameters:
    ///   - hub: the account that publishes; nil where there is none.
    ///   - dataFolder: copies of repositories are kept below it.
    ///   - toolFolders: where tools are looked for before `PATH`.
    ///   - transport: how models are reached; over the network unless given.
    package init(
        fleet: Fleet, ledger: any Ledger, hub: Hub?, dataFolder: String, base: String, toolFolders: [String],
        transport: ModelTransport? = nil, now: @escaping @Sendable () -> Instant, logger: Logger
    ) {
        self.ledger = ledger
        self.hub = hub
        folder = dataFolder + "/workshop"
        self.base = base
        self.toolFolders = toolFolders
        self.transport = transport ?? ModelHTTP(environment: ProcessInfo.processInfo.environment).transport
        elsewhere = WorkersElsewhere(transport: self.transport)
        self.now = now
        self.logger = logger
        var first = Shared()
        first.workers = fleet[WorkersSection.section]
        first.hubSettings = fleet.hub
        shared = Mutex(first)
    }

    /// The fleet file was read anew.
    package func use(_ fleet: Fleet) {
        let wake = shared.withLock { shared in
            shared.workers = fleet[WorkersSection.section]
            shared.hubSettings = fleet.hub
            return shared.wake
        }
        wake?()
    }

    package var workers: [FleetNamed<WorkerSettings>] { shared.withLock { $0.workers } }
    func worker(_ name: String) -> WorkerSettings? { workers.first { $0.name == name }?.value }
    func setWake(_ wake: @escaping @Sendable () -> Void) { shared.withLock { $0.wake = wake } }
    func wake() { shared.withLock { $0.wake }?() }
    func store(_ name: String) -> WorkerStore { WorkerStore(records: ledger.records, worker: name) }

    func note(_ name: String, _ text: String, isRunning: Bool) {
        let line = LogLine(at: now(), text: text)
        shared.withLock { shared in
            var live = shared.live[name] ?? Live()
            live.isRunning = isRunning
            live.step = text
            if live.log.last?.text != text { live.log = (live.log + [line]).suffix(Self.mostLines) }
            shared.live[name] = live
        }
    }
    func rest(_ name: String) { shared.withLock { $0.live[name, default: Live()].isRunning = false } }

    // MARK: Asked

    /// All workers of the fleet file, in its order.
    package func statuses() async throws(Failure) -> [Status] {
        // One that is silent holds up no other.
        await withDiscardingTaskGroup { group in
            for worker in workers where worker.value.runsAt != nil {
                group.addTask { _ = try? await self.sight(worker.name, worker.value) }
            }
        }
        var all: [Status] = []
        for worker in workers { all.append(try await status(worker.name, worker.value)) }
        return all
    }

    /// - Throws: `not_found` when there is none of that name.
    package func status(_ name: String) async throws(Failure) -> Status {
        try await status(name, try known(name))
    }

    private func known(_ name: String) throws(Failure) -> WorkerSettings {
        guard let settings = worker(name) else {
            let names = workers.map(\.name)
            throw Failure(
                .notFound, doing: "look at the worker \(name)",
                because: names.isEmpty
                    ? "the fleet file has no workers"
                    : "there is none of that name; there are \(names.joined(separator: ", "))",
                hint: "docs/workshop.md tells how a worker is written down")
        }
        return settings
    }

    /// What is seen of a worker that another Stoker runs; nil of one that runs here.
    private func sight(_ name: String, _ settings: WorkerSettings) async throws(Failure) -> (
        sight: WorkersElsewhere.Sight, place: String
    )? {
        guard var place = settings.runsAt?.name else { return nil }
        // Without it the dataset cannot be read, and that is told.
        try? await learnNamespace()
        if !place.contains("/"), let namespace { place = "\(namespace)/\(place)" }
        let dataset = settings.datasetID(namespace: namespace)
        return (await elsewhere.sight(of: name, at: place, dataset: dataset, hub: hub, now: now), place)
    }

    /// - Throws: `conflict` for a worker that another Stoker runs.
    private func own(_ name: String, doing: String) throws(Failure) {
        guard let place = try known(name).runsAt?.name else { return }
        throw Failure(
            .conflict, doing: doing, because: "\(name) runs at \(place), and is only shown here",
            hint: "do it there")
    }

    private func status(_ name: String, _ settings: WorkerSettings) async throws(Failure) -> Status {
        if let (sight, place) = try await sight(name, settings) {
            let record = sight.record
            var open: [Finding.Severity: Int] = [:]
            for finding in sight.book.open { open[finding.severity, default: 0] += 1 }
            let isOld = record.beatAt.map { now() - $0 > settings.interval * 2 + .seconds(30) } ?? true
            let (state, text, hint) = sight.words(at: place, isOld: isOld)
            return Status(
                name: name, settings: settings, state: state, text: text, hint: hint, record: record,
                dataset: settings.datasetID(namespace: namespace)?.description ?? settings.dataset?.name, runsAt: place,
                perspectives: ((try? await perspectives(settings)) ?? []).map(\.id), pausedSince: nil, nextAt: nil,
                open: open, model: nil, log: [])
        }
        let store = store(name)
        let record = try await store.load().record
        let byHand = try await store.isPausedByHand()
        let isPaused = byHand ?? settings.isPaused
        let live = shared.withLock { $0.live[name] } ?? Live()
        var open: [Finding.Severity: Int] = [:]
        for finding in try await store.book().open { open[finding.severity, default: 0] += 1 }
        let jobs = try await ledger.jobs.jobs(
            kind: WorkerService.kind, states: [.scheduled, .available, .retryable], before: nil, limit: 200)
        let next = jobs.first { WorkerService.worker(of: $0) == name }?.due
        var status = Status(
            name: name, settings: settings, state: .waiting, text: "", hint: nil, record: record,
            dataset: settings.datasetID(namespace: namespace)?.description ?? settings.dataset?.name,
            perspectives: ((try? await perspectives(settings)) ?? []).map(\.id),
            pausedSince: isPaused ? try await store.pausedSince() : nil, nextAt: isPaused ? nil : next, open: open,
            model: try await modelStatus(name, settings), log: live.log)
        (status.state, status.text, status.hint) = Self.words(status, isPaused: isPaused, live)
        return status
    }

    private static func words(_ status: Status, isPaused: Bool, _ live: Live) -> (State, String, String?) {
        let record = status.record
        if live.isRunning, !live.step.isEmpty { return (.working, Formatting.capitalized(live.step), nil) }
        if isPaused { return (.paused, "Paused", "`stoker workers resume \(status.name)` begins it again") }
        if let trouble = record.trouble { return (.trouble, Formatting.capitalized(trouble.text), trouble.hint) }
        if let head = record.complete, let model = status.model, let until = model.waitsUntil {
            return (
                .waiting,
                "All evidence of \(head.prefix(7)) is told; its model is not asked before \(Formatting.time(until))",
                model.waitsBecause.map { Formatting.capitalized($0) }
            )
        }
        if let head = record.complete {
            return (.complete, "Complete at \(head.prefix(7)): nothing new can be said until the next commit", nil)
        }
        guard record.beatAt != nil else { return (.starting, "Has not looked yet", nil) }
        let waiting = record.iteration - record.published
        if waiting > 0, status.settings.dataset != nil {
            return (.waiting, "Waits; \(waiting.counted("row")) not published yet", nil)
        }
        return (.waiting, "Waits for its next look", nil)
    }

    /// - Throws: `not_found`; `ledger.unavailable` when it could not be written down: then it goes on.
    @discardableResult
    package func setPaused(_ name: String, _ isPaused: Bool) async throws(Failure) -> Status {
        try own(name, doing: isPaused ? "pause \(name)" : "resume \(name)")
        try await store(name).setPaused(isPaused, at: now())
        note(name, isPaused ? "paused" : "resumed", isRunning: false)
        if !isPaused {
            // Its next look is now, and not when it was due.
            for job in try await ledger.jobs.jobs(
                kind: WorkerService.kind, states: [.scheduled, .available], before: nil, limit: 200)
            where WorkerService.worker(of: job) == name {
                _ = try await ledger.jobs.cancel(job.id, because: "resumed by hand", now: now())
            }
        }
        wake()
        return try await status(name)
    }

    /// Begins a worker anew, or makes one commit of its dataset's history: done by the worker itself, before its next look, which is now.
    /// - Throws: `not_found`; `conflict` when it could not be written down.
    package func ask(_ name: String, for wish: WorkerRecord.Wish) async throws(Failure) -> Status {
        try own(name, doing: "tidy up \(name)")
        try await store(name).ask(for: wish, at: now())
        note(name, wish == .afresh ? "asked to begin afresh" : "asked to squash its dataset", isRunning: false)
        for job in try await ledger.jobs.jobs(
            kind: WorkerService.kind, states: [.scheduled, .available], before: nil, limit: 200)
        where WorkerService.worker(of: job) == name {
            _ = try await ledger.jobs.cancel(job.id, because: "asked by hand", now: now())
        }
        wake()
        return try await status(name)
    }

    /// What another tool said, in the place of what it said before.
    package func take(_ document: Lead.Document, of name: String) async throws(Failure) {
        try own(name, doing: "take the leads")
        try await store(name).take(document, at: now())
    }

    package func leads(of name: String) async throws(Failure) -> [Lead] {
        _ = try known(name)
        return try await store(name).leads()
    }

    /// Newest first.
    package func rows(of name: String, limit: Int) async throws(Failure) -> [Iteration] {
        if let seen = try await sight(name, try known(name)) { return Array(seen.sight.rows.suffix(limit).reversed()) }
        let store = store(name)
        return try await store.rows(newest: try await store.load().record.iteration, limit: limit)
    }

    /// The finding of that id and the worker that has it.
    package func finding(_ id: String) async throws(Failure) -> (worker: String, entry: FindingBook.Entry)? {
        for worker in workers {
            if let entry = try await book(of: worker.name).entries[id] { return (worker.name, entry) }
        }
        return nil
    }

    package func book(of name: String) async throws(Failure) -> FindingBook {
        if let seen = try await sight(name, try known(name)) { return seen.sight.book }
        return try await store(name).book()
    }

    /// Nobody is told of it until then.
    /// - Throws: `not_found`.
    package func dismiss(_ id: String, until: Instant) async throws(Failure) -> FindingBook.Entry {
        for worker in workers {
            if worker.value.runsAt != nil {
                if try await book(of: worker.name).entries[id] != nil {
                    try own(worker.name, doing: "dismiss the finding")
                }
                continue
            }
            let store = store(worker.name)
            let old = try await store.book()
            var book = old
            guard book.dismiss(id, until: until), let entry = book.entries[id] else { continue }
            try await store.save(book, over: old, at: now())
            return entry
        }
        throw Failure(
            .notFound, doing: "dismiss the finding", because: "no worker has a finding \(id)",
            hint: "`stoker results list` shows their ids")
    }

    // MARK: For the service

    var namespace: String? { shared.withLock { $0.hubSettings.namespace ?? $0.account } }

    /// The namespace of datasets without an owner: the fleet file's, or the token's own.
    func learnNamespace() async throws(Failure) {
        guard namespace == nil, let hub, hub.settings.token != nil else { return }
        do throws(HubFailure) {
            let name = try await hub.whoami().name
            shared.withLock { $0.account = name }
        } catch { throw error.failure }
    }

    /// A repository as git is asked for it.
    func source(_ settings: WorkerSettings) -> String {
        let text = settings.repository?.name ?? ""
        // An address, or `git@host:path` as ssh has it.
        if text.contains("://") || text.hasPrefix("/") { return text }
        if let colon = text.firstIndex(of: ":"), text[..<colon].contains("@") { return text }
        return base + "/" + text
    }

    /// Its perspectives in their order.
    func perspectives(_ settings: WorkerSettings) async throws(Failure) -> [Perspective] {
        let builtIn = PerspectiveFile.builtIn.perspectives(of: settings.kind)
        var chosen: [Perspective] = []
        for one in settings.perspectives.isEmpty ? [FleetReference("all")] : settings.perspectives {
            if one.name == "all" {
                chosen += builtIn
            } else if let perspective = builtIn.first(where: { $0.id == one.name }) {
                chosen.append(perspective)
            } else {
                chosen += try await file(one.name).perspectives(of: settings.kind)
            }
        }
        var ids: Set<String> = []
        return chosen.filter { ids.insert($0.id).inserted }
    }

    private func file(_ name: String) async throws(Failure) -> PerspectiveFile {
        let path = name.hasPrefix("/") ? name : base + "/" + name
        let text: String
        do {
            text = try await FileLane().run("read \(name)", within: .seconds(5)) {
                try String(contentsOfFile: path, encoding: .utf8)
            }
        } catch {
            throw Failure(
                .fileUnreadable, doing: "read the perspectives of \(name)", because: "the file cannot be read",
                hint: "paths are seen from the folder of the fleet file", cause: error)
        }
        do throws(FleetProblems) { return try PerspectiveFile(text, name: name) } catch {
            throw Failure(
                .fleetInvalid, doing: "read the perspectives of \(name)",
                because: error.description.split(separator: "\n").joined(separator: "; "))
        }
    }
}
