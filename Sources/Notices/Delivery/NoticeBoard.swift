import AsyncHTTPClient
import Foundation
package import Ledger
package import Logging
import NIOCore
import Runtime
package import StokerCore
import Synchronization

/// Where what happens and what is told meet: holds the planner and the channels, and answers for the outbox. See docs/notices.md.
package final class NoticeBoard: Sendable {
    private struct State {
        var planner: NoticePlanner
        var channels: Channels
        var reports: [String: ChannelReport] = [:]
        /// When each channel's report was last written.
        var written: [String: Instant] = [:]
        /// A channel asked for a pause.
        var pausedUntil: [String: Instant] = [:]
        /// Failures of each channel in a row.
        var failures: [String: Int] = [:]
        /// Messages that were claimed, by channel: the first of each line is being sent.
        var lines: [String: DeliveryLine] = [:]
        /// When messages that were put off come again, by order: those that wait for them come with them.
        var resuming: [Int64: Instant] = [:]
        var wake: @Sendable () -> Void = {}
        var acknowledgeLink: @Sendable (_ incident: Int64) -> String? = { _ in nil }
        var isOffline: @Sendable () -> Bool = { false }
        var lookAtParents: ParentLook?
        /// What was sent and what waits is known: before that, the order of messages is not.
        var isReady = true

        @discardableResult
        mutating func stand(_ job: Int64, _ outgoing: OutgoingMessage) -> DeliveryLine.Place {
            resuming[outgoing.order] = nil
            return lines[outgoing.channel, default: DeliveryLine()].stand(job, outgoing)
        }

        /// Of a message that was told of when it was claimed, so that it is read once.
        func place(of job: Int64) -> DeliveryLine.Place? {
            for line in lines.values { if let place = line[job] { return place } }
            return nil
        }
    }

    let ledger: any Ledger
    /// Rung when ``restore()`` has come to its end.
    private let ready = AsyncSignal()
    let now: @Sendable () -> Instant
    let logger: Logger
    /// Names this master in its messages; nil where it is the only one.
    let sender: String?
    private let state: Mutex<State>

    /// - Parameters:
    ///   - sender: names a second master in its messages; nil where there is only one.
    ///   - isActive: false for a second master that stands by: it tells nobody anything.
    ///   - awaitsRestore: nothing is sent before ``restore()`` has come to its end. Default false.
    package convenience init(
        fleet: Fleet, ledger: any Ledger, sender: String? = nil, isActive: Bool = true, awaitsRestore: Bool = false,
        now: @escaping @Sendable () -> Instant, logger: Logger
    ) {
        self.init(
            fleet: fleet, ledger: ledger, sender: sender, isActive: isActive, settings: .init(), now: now,
            logger: logger)
        if awaitsRestore { state.withLock { $0.isReady = false } }
    }

    init(
        fleet: Fleet, ledger: any Ledger, sender: String?, isActive: Bool, settings: NoticePlanner.Settings,
        now: @escaping @Sendable () -> Instant, logger: Logger
    ) {
        self.ledger = ledger
        self.now = now
        self.logger = logger
        self.sender = sender
        var planner = NoticePlanner(settings: settings)
        planner.isActive = isActive
        planner.use(fleet)
        state = Mutex(State(planner: planner, channels: Channels(fleet)))
    }

    // MARK: Joined to others

    /// What ``LedgerWriter`` asks.
    package var outbox: OutboxPlan {
        OutboxPlan(
            plan: { batch in self.state.withLock { $0.planner.plan(batch, now: self.now()) } },
            written: { self.wake() })
    }

    /// Whether a check is in maintenance: short, for it is asked under a lock.
    package func setMaintenance(_ isInMaintenance: @escaping @Sendable (_ check: String, _ at: Instant) -> Bool) {
        state.withLock { $0.planner.isInMaintenance = isInMaintenance }
    }

    /// The address that acknowledges an incident without a token.
    package func setAcknowledgeLink(_ link: @escaping @Sendable (_ incident: Int64) -> String?) {
        state.withLock { $0.acknowledgeLink = link }
    }

    /// While this machine has no network nothing is sent, and no attempt is wasted.
    package func setOffline(_ isOffline: @escaping @Sendable () -> Bool) { state.withLock { $0.isOffline = isOffline } }

    /// Says when each target was last well, without those that fail or are being looked at; pings what was not well since the moment beside it.
    package typealias ParentLook = @Sendable ([String: Instant]) async -> [String: Instant]

    /// A target that stands on others (`depends_on`) is told of only when they were looked at after it began to fail.
    package func setParentLook(_ look: @escaping ParentLook) {
        state.withLock { state in
            state.lookAtParents = look
            state.planner.looksAtParents = true
        }
    }

    func setWake(_ wake: @escaping @Sendable () -> Void) { state.withLock { $0.wake = wake } }

    /// Jobs were inserted: they are looked for at once.
    package func wake() { state.withLock { $0.wake }() }

    /// The fleet that is tended from now on.
    package func use(_ fleet: Fleet) {
        let new = Channels(fleet)
        let hasChanged = state.withLock { state in
            state.planner.use(fleet)
            defer { state.channels = new }
            return state.channels != new
        }
        if hasChanged { tellOfChannels() }
    }

    func plan<Result>(_ body: (inout NoticePlanner) -> Result) -> Result { state.withLock { body(&$0.planner) } }

    package var channels: Channels { state.withLock { $0.channels } }

    /// Channels whose last attempt failed, and why.
    package var failing: [(name: String, because: String)] {
        state.withLock { state in
            state.channels.list.compactMap { channel in
                guard channel.value.isOn, let failure = state.reports[channel.name]?.failure else { return nil }
                return (channel.name, failure)
            }
        }
    }

    /// Says which channels are switched off, for nobody hears through them, and what else is to be said of them here.
    func tellOfChannels() {
        let environment = ProcessInfo.processInfo.environment
        for channel in channels.list {
            guard let advice = channel.value.channel.advice(in: environment) else { continue }
            logger.warning(
                "A channel may not work here", metadata: ["channel": "\(channel.name)", "because": "\(advice)"])
        }
        for channel in channels.list where !channel.value.isOn {
            logger.warning(
                "A channel is switched off: its address is empty",
                metadata: ["channel": "\(channel.name)", "kind": "\(channel.value.kind)"])
        }
    }

    // MARK: After a start

    /// Jobs that are read after a start, newest first.
    static let mostRemembered = 5_000

    /// Reads what is known of messages and incidents; before the fleet is tended. Without it, what lasts is told anew.
    package func restore() async {
        defer {
            state.withLock { $0.isReady = true }
            ready.fire()
        }
        guard !channels.list.isEmpty else { return }
        var remembered = NoticePlanner.Remembered()
        do throws(Failure) {
            // No other process works on this ledger: whoever held a message is gone.
            try await ledger.jobs.release(kind: OutgoingMessage.jobKind)
            for record in try await ledger.records.records(kind: ChannelReport.recordKind) {
                if let report = ChannelReport(record) { state.withLock { $0.reports[record.key] = report } }
            }
            remembered.jobs = try await jobs(states: [], limit: Self.mostRemembered)
            if remembered.jobs.count >= Self.mostRemembered, let last = remembered.jobs.last {
                remembered.wholeSince = last.createdAt
                // What still waits has its place in the order, however old it is.
                remembered.jobs += try await jobs(states: Self.live, before: last.id, limit: Job.maxLive)
            }
            remembered.incidents = try await openIncidents()
            remembered.names = Dictionary(
                try await ledger.checkNames().map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
            for event in try await ledger.events(of: nil, before: nil, limit: 200) {
                if case .online = event.payload { break }
                if case .offline = event.payload {
                    remembered.offlineSince = event.at
                    break
                }
            }
        } catch {
            logger.error("What was told before could not be read", metadata: ["error": "\(error)"])
        }
        let now = now()
        let due = state.withLock { state in
            state.planner.restore(remembered, now: now)
            return state.planner.restored()
        }
        do throws(Failure) { try await ledger.jobs.insert(due) } catch {
            logger.error("A message could not be kept", metadata: ["error": "\(error)"])
        }
    }

    /// Of a message that is not over.
    static let live: Set<Job.State> = [.available, .scheduled, .retryable, .running]

    /// Returns when ``restore()`` has come to its end, or the task is cancelled.
    func untilReady() async {
        if state.withLock({ $0.isReady }) { return }
        await ready.wait(atMost: nil, clock: ContinuousClock())
    }

    /// Newest first. - Parameter before: the number of a job (exclusive).
    func jobs(states: Set<Job.State>, before: Int64? = nil, limit: Int) async throws(Failure) -> [Job] {
        var found: [Job] = []
        while found.count < limit {
            let page = try await ledger.jobs.jobs(
                kind: OutgoingMessage.jobKind, states: states, before: found.last?.id ?? before,
                limit: min(500, limit - found.count))
            found += page
            if page.count < 500 { break }
        }
        return found
    }

    func openIncidents() async throws(Failure) -> [Incident] {
        var found: [Incident] = []
        while found.count < 100_000 {
            let page = try await ledger.incidents(of: nil, openOnly: true, before: found.last?.id, limit: 500)
            found += page
            if page.count < 500 { break }
        }
        return found
    }

    // MARK: Time

    /// What is due because time has passed; asked about once a second.
    func tick(_ writer: LedgerWriter) async {
        let (due, parents, look) = state.withLock { state in
            let due = state.planner.due(now: now())
            return (due, state.planner.parents(awaitedBy: due), state.lookAtParents)
        }
        guard !due.isEmpty else { return }
        if !parents.isEmpty, let well = await look?(parents) {
            state.withLock { $0.planner.note(parentsWell: well) }
        }
        let acknowledged = await acknowledged(due.filter { !$0.route.isEmpty }.map(\.incident))
        writer.enqueue {
            Batch(
                jobs: self.state.withLock {
                    $0.planner.raise(due, acknowledged: acknowledged, now: self.now())
                })
        }
    }

    /// Record of an incident that somebody has acknowledged; its key is the incident's number.
    package static let acknowledgement = "acknowledgement"

    private func acknowledged(_ keys: [IncidentKey]) async -> Set<IncidentKey> {
        guard !keys.isEmpty else { return [] }
        do throws(Failure) {
            let records = Set(try await ledger.records.records(kind: Self.acknowledgement).map(\.key))
            guard !records.isEmpty else { return [] }
            var incidents: [Incident] = []
            let checks = Set(keys.map(\.check))
            if checks.count <= 100 {
                for check in checks {
                    incidents += try await ledger.incidents(of: check, openOnly: true, before: nil, limit: 10)
                }
            } else {
                incidents = try await openIncidents()
            }
            return Set(
                incidents.filter { records.contains(String($0.id)) }.map {
                    IncidentKey(check: $0.check, began: $0.began)
                })
        } catch {
            // Better told once too often.
            logger.warning("Acknowledgements could not be read", metadata: ["error": "\(error)"])
            return []
        }
    }

    /// Forgets messages that were planned but never came to be written.
    func reconcile() async {
        let before = now() - .seconds(60)
        guard state.withLock({ !$0.planner.live.isEmpty }) else { return }
        do throws(Failure) {
            let jobs = try await jobs(states: Self.live, limit: Self.mostRemembered)
            // Of more it is not known which of them are there.
            guard jobs.count < Self.mostRemembered else { return }
            let orders = Set(jobs.compactMap { OutgoingMessage($0)?.order })
            state.withLock { $0.planner.keepLive(orders, olderThan: before) }
        } catch {
            logger.debug("The outbox could not be read", metadata: ["error": "\(error)"])
        }
    }

    // MARK: Delivery

    /// A message that is so much older than its time is marked.
    static let lateAfter = Duration.seconds(300)
    private static let backoff = Backoff(first: .seconds(5), longest: .seconds(900))
    /// Of a channel that fails.
    private static let resting = Backoff(first: .seconds(5), longest: .seconds(60))

    /// Does the jobs of the outbox.
    package func handler(_ means: DeliveryMeans) -> JobHandler {
        JobHandler(
            kind: OutgoingMessage.jobKind,
            taken: { jobs in
                let outgoing = jobs.map { ($0.id, OutgoingMessage($0)) }
                self.state.withLock { state in
                    for case (let job, let message?) in outgoing { state.stand(job, message) }
                }
            },
            // Only then the next one leaves: after a kill at most one comes twice.
            settled: { self.leave($0.id) },
            work: { job in try await self.deliver(job, means) })
    }

    private enum Turn {
        case go(any Channel)
        case later(Instant)
        case unwanted(String)
        case refused(String)
    }

    private func turn(_ outgoing: OutgoingMessage) -> Turn {
        let now = now()
        let isOffline = state.withLock { $0.isOffline }()
        return state.withLock { state in
            if !state.planner.isActive || isOffline { return .later(now + .seconds(3)) }
            if outgoing.isVoid == true { return .unwanted("it was over before it was told") }
            guard let channel = state.channels[outgoing.channel] else {
                return .refused("the fleet file has no channel \(outgoing.channel) any more")
            }
            guard channel.isOn else { return .unwanted("the channel \(outgoing.channel) is switched off") }
            if let until = state.pausedUntil[outgoing.channel], until > now { return .later(until) }
            if let blocker = state.planner.blocker(of: outgoing) {
                // With the same time the older one comes first: it has the lower number.
                return .later(max(state.resuming[blocker] ?? now + .seconds(2), now + .milliseconds(50)))
            }
            if state.planner.isUnwanted(outgoing) { return .unwanted("what it ends could not be told") }
            return .go(channel.channel)
        }
    }

    private func deliver(_ job: Job, _ means: DeliveryMeans) async throws -> JobHandler.Outcome {
        let place = try place(of: job)
        let outgoing = place.outgoing
        var ready: Ready?
        while true {
            let turn = state.withLock { $0.lines[outgoing.channel]?.turn(of: job.id) }
            if turn == .now { break }
            if turn == .next, ready == nil { ready = await prepared(outgoing, means) }
            await place.signal.wait(atMost: nil, clock: ContinuousClock())
            try Task.checkCancellation()
        }
        let channel: any Channel
        switch turn(outgoing) {
        case .later(let time):
            state.withLock { $0.resuming[outgoing.order] = time }
            return .later(time)
        case .unwanted(let because):
            over(outgoing, isTold: outgoing.isVoid != true)
            return .cancelled(because: because)
        case .refused(let because):
            over(outgoing, isTold: false)
            throw Failure(.notFound, doing: "send a message", because: because, retry: .never)
        case .go(let found): channel = found
        }
        let attempt: Attempt
        if let ready, ready.isFresh, ready.channel == channels[outgoing.channel] {
            attempt = ready.attempt
        } else {
            attempt = channel.prepare(await finished(outgoing), with: means)
        }
        // When it is cancelled the process ends: it is sent again after the next start, with the same key.
        let delivery =
            await Self.within(.seconds(45), means, attempt)
            ?? .later(after: nil, because: "it took longer than 45 s")
        if delivery.isFailure { try Task.checkCancellation() }
        switch delivery {
        case .delivered:
            over(outgoing, isTold: true)
            await report(outgoing.channel, nil)
            return .done
        case .partly(let because):
            over(outgoing, isTold: true)
            await report(outgoing.channel, because)
            return .doneWith(note: because)
        case .later(let after, let because):
            let wait =
                after.map { min(max($0, .seconds(1)), .seconds(3_600)) }
                ?? Self.backoff.wait(after: job.attempt, share: .random(in: 0...1))
            let isLast = job.attempt >= job.maxAttempts
            if isLast { over(outgoing, isTold: false) }
            state.withLock { state in
                let failures = state.failures[outgoing.channel, default: 0] + 1
                state.failures[outgoing.channel] = failures
                // What hangs or cannot be reached is not asked by every message that waits, one after the other.
                let pause = after == nil ? Self.resting.wait(after: failures) : wait
                state.pausedUntil[outgoing.channel] = now() + pause
                if !isLast { state.resuming[outgoing.order] = now() + wait }
            }
            await report(outgoing.channel, because)
            throw Failure(
                .unreachable, doing: "send a message", because: because, retry: isLast ? .never : .after(wait))
        case .refused(let because):
            over(outgoing, isTold: false)
            await report(outgoing.channel, because)
            throw Failure(.unreachable, doing: "send a message", because: because, retry: .never)
        }
    }

    private func place(of job: Job) throws -> DeliveryLine.Place {
        if let place = state.withLock({ $0.place(of: job.id) }) { return place }
        guard let outgoing = OutgoingMessage(job) else {
            throw Failure(
                .internal, doing: "send a message", because: "its job cannot be read: another version wrote it",
                retry: .never)
        }
        return state.withLock { $0.stand(job.id, outgoing) }
    }

    /// A channel bounds its attempts itself; this holds where it does not. A timer of the loop costs nothing when it is not needed.
    /// - Returns: nil when the time is over.
    private static func within(
        _ limit: Duration, _ means: DeliveryMeans, _ attempt: @escaping @Sendable () async -> Delivery
    ) async -> Delivery? {
        let isOver = AsyncSignal()
        let timer = means.http.eventLoopGroup.any().scheduleTask(in: .milliseconds(limit.wholeMilliseconds)) {
            isOver.fire()
        }
        defer { timer.cancel() }
        return await withTaskGroup(of: Delivery?.self) { group in
            // At once: it is on its way before the next message is made ready.
            group.addImmediateTask { await attempt() }
            group.addTask {
                await isOver.wait(atMost: nil, clock: ContinuousClock())
                return nil
            }
            // Cancelled, the second ends at once: what the first comes to counts.
            var delivery: Delivery?
            while let next = await group.next() {
                delivery = next
                if next != nil || !Task.isCancelled { break }
            }
            group.cancelAll()
            return delivery
        }
    }

    private func over(_ outgoing: OutgoingMessage, isTold: Bool) {
        state.withLock { state in
            if isTold { state.failures[outgoing.channel] = nil }
            state.resuming[outgoing.order] = nil
            state.planner.isOver(outgoing, isTold: isTold)
        }
    }

    private func leave(_ job: Int64) {
        let signals: [AsyncSignal] = state.withLock { state in
            guard let channel = state.lines.first(where: { $0.value.contains(job) })?.key else { return [] }
            state.lines[channel]?.remove(job)
            defer { if state.lines[channel]?.isEmpty == true { state.lines[channel] = nil } }
            return state.lines[channel]?.signals ?? []
        }
        for signal in signals { signal.fire() }
    }

    /// A message that was made ahead.
    private struct Ready {
        var attempt: Attempt
        var channel: ConfiguredChannel
        var at: ContinuousClock.Instant
        /// What is only known when it is sent may have changed after that.
        var isFresh: Bool { ContinuousClock.now - at < .seconds(1) }
    }

    private func prepared(_ outgoing: OutgoingMessage, _ means: DeliveryMeans) async -> Ready? {
        guard let channel = channels[outgoing.channel], channel.isOn else { return nil }
        return Ready(
            attempt: channel.channel.prepare(await finished(outgoing), with: means), channel: channel,
            at: ContinuousClock.now)
    }

    /// What is only known when it is sent.
    private func finished(_ outgoing: OutgoingMessage) async -> Notice {
        var notice = outgoing.notice
        notice.isLate = now() - (outgoing.due ?? notice.at) > Self.lateAfter
        notice.sender = sender
        guard notice.count == 1, notice.kind.isAlarm, let key = outgoing.incidentKeys.first else { return notice }
        // Without its number there is nothing to acknowledge, and it is told all the same.
        let found = try? await ledger.incidents(of: key.check, openOnly: false, before: nil, limit: 20)
        guard let incident = found?.first(where: { $0.began == key.began }) else { return notice }
        if !notice.subjects.isEmpty { notice.subjects[0].incident = incident.id }
        if incident.ended == nil { notice.acknowledgeLink = state.withLock { $0.acknowledgeLink }(incident.id) }
        return notice
    }

    // MARK: Reports

    /// Writes down how a channel fares: when that changes, and otherwise every few seconds at most.
    private func report(_ channel: String, _ failure: String?) async {
        let now = now()
        let record: NewRecord? = state.withLock { state in
            var report = state.reports[channel] ?? ChannelReport()
            let before = report.failure
            report.at = now
            report.failure = failure
            if failure == nil {
                report.delivered = now
                report.failedSince = nil
            } else if before == nil || report.failedSince == nil {
                report.failedSince = now
            }
            state.reports[channel] = report
            let isNews = before != failure || (state.written[channel].map { now - $0 > .seconds(5) } ?? true)
            guard isNews else { return nil }
            state.written[channel] = now
            return NewRecord(kind: ChannelReport.recordKind, key: channel, body: report.text, at: now)
        }
        guard let record else { return }
        do throws(Failure) { try await ledger.records.put(record) } catch {
            logger.debug("The state of a channel could not be written", metadata: ["error": "\(error)"])
        }
    }
}

/// How a channel fares: the record of the kind ``recordKind`` under its name.
package struct ChannelReport: Sendable, Equatable, Codable {
    package static let recordKind = "channel"

    /// Of the last attempt.
    package var at: Instant?
    /// Of the last message that was taken.
    package var delivered: Instant?
    /// Why the last attempt failed; nil when it did not.
    package var failure: String?
    package var failedSince: Instant?

    package init() {}

    var text: String { (try? JSONEncoder.stable.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}" }

    package init?(_ record: Record) {
        guard let read = try? JSONDecoder().decode(Self.self, from: Data(record.body.utf8)) else { return nil }
        self = read
    }
}
