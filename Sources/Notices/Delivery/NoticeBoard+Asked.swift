package import Ledger
package import StokerCore

/// What people ask of the outbox.
extension NoticeBoard {
    /// A channel, and how it fares.
    package struct ChannelStatus: Sendable, Equatable {
        package var name: String
        package var kind: String
        /// Where it goes, without secrets.
        package var shown: String
        package var isOn: Bool
        package var report: ChannelReport
        /// Messages that wait for it.
        package var waiting: Int
        /// Messages that were given up in the last seven days.
        package var givenUp: Int
    }

    package func channelStatuses() async throws(Failure) -> [ChannelStatus] {
        let channels = channels
        guard !channels.list.isEmpty else { return [] }
        let reports = Dictionary(
            try await ledger.records.records(kind: ChannelReport.recordKind).compactMap { record in
                ChannelReport(record).map { (record.key, $0) }
            }, uniquingKeysWith: { first, _ in first })
        var waiting: [String: Int] = [:]
        for job in try await jobs(states: Self.live, limit: Self.mostRemembered) {
            if let outgoing = OutgoingMessage(job) { waiting[outgoing.channel, default: 0] += 1 }
        }
        var givenUp: [String: Int] = [:]
        for job in try await jobs(states: [.discarded], limit: 1_000) {
            if let outgoing = OutgoingMessage(job) { givenUp[outgoing.channel, default: 0] += 1 }
        }
        return channels.list.map { channel in
            ChannelStatus(
                name: channel.name, kind: channel.value.kind, shown: channel.value.shown, isOn: channel.value.isOn,
                report: reports[channel.name] ?? ChannelReport(), waiting: waiting[channel.name] ?? 0,
                givenUp: givenUp[channel.name] ?? 0)
        }
    }

    /// Who hears of what by the rules in force.
    /// - Parameter checks: those of the running fleet, those found on the Hub included.
    package func audience(of checks: [Check]) -> NoticeAudience {
        let (routes, channels) = (plan { $0.routes }, channels)
        return NoticeAudience(routes, channels, checks: checks)
    }

    /// Inserts a message to one channel that says that it works.
    /// - Returns: the number of its job.
    package func sendTest(to channel: String) async throws(Failure) -> Int64 {
        let doing = "send a test message to \(channel)"
        guard let found = channels[channel] else {
            let names = channels.list.map(\.name)
            throw Failure(
                .notFound, doing: doing, because: "the fleet file has no channel of that name",
                hint: names.isEmpty ? "name one under `channels`" : "there are \(names.joined(separator: ", "))")
        }
        guard found.isOn else {
            throw Failure(
                .conflict, doing: doing, because: "its address is empty, so it is switched off",
                hint: "set the variable its address comes from")
        }
        let now = now()
        let notice = Notice(
            key: "test-\(String(now.milliseconds, radix: 36))-\(String(UInt32.random(in: 0 ... .max), radix: 36))",
            kind: .test, at: now, sentence: "This is a test: messages of Stoker arrive here.")
        // A person waits for the answer: what fails is not tried for hours.
        var job = try OutgoingMessage(channel: channel, notice: notice).job(createdAt: now)
        job.maxAttempts = 1
        let id = try await ledger.jobs.insert([job]).first ?? 0
        wake()
        return id
    }

    /// An incident was acknowledged: tells those channels that keep one open themselves.
    package func acknowledged(_ incident: Incident) async throws(Failure) {
        let key = IncidentKey(check: incident.check, began: incident.began)
        let open = Set(
            channels.list.filter { $0.value.isOn && $0.value.takesAcknowledgements }.map(\.name))
        guard !open.isEmpty else { return }
        let jobs = plan { $0.acknowledge(key, number: incident.id, on: open, now: now()) }
        guard !jobs.isEmpty else { return }
        try await ledger.jobs.insert(jobs)
        wake()
    }

    /// The message as it is by then: over, or still on its way when `time` has passed.
    package func outcome(of id: Int64, within time: Duration) async throws(Failure) -> Job? {
        let end = ContinuousClock.now + time
        while true {
            let job = try await ledger.jobs.job(id)
            guard let job, !job.state.isOver, .now < end else { return job }
            do { try await Task.sleep(for: .milliseconds(100)) } catch { return job }
        }
    }

    /// Puts a message that was given up into the outbox once more, with the key it had.
    /// - Throws: `not_found`, and `conflict` for one that was not given up.
    package func retry(_ id: Int64) async throws(Failure) -> Int64 {
        let doing = "send message \(id) again"
        guard let job = try await ledger.jobs.job(id), let outgoing = OutgoingMessage(job) else {
            throw Failure(
                .notFound, doing: doing, because: "there is no message of that number",
                hint: "`stoker notify list` shows them")
        }
        guard job.state == .discarded || job.state == .cancelled else {
            throw Failure(
                .conflict, doing: doing,
                because: job.state == .completed ? "it was delivered" : "it is still on its way")
        }
        let now = now()
        var again = outgoing
        again.due = nil
        again.isVoid = nil
        // What came after it has gone: it waits for nothing.
        again.order = 0
        let new = try NewJob(
            kind: OutgoingMessage.jobKind, payload: again.text, createdAt: now,
            maxAttempts: OutgoingMessage.mostAttempts,
            key: .oneAtATime("notice again \(id)"))
        let inserted = try await ledger.jobs.insert([new]).first ?? 0
        wake()
        return inserted
    }

    /// Messages, newest first.
    /// - Parameter before: the number of a job (exclusive).
    package func messages(
        states: Set<Job.State>, before: Int64?, limit: Int
    ) async throws(Failure) -> [Job] {
        try await ledger.jobs.jobs(kind: OutgoingMessage.jobKind, states: states, before: before, limit: limit)
    }

    package func message(_ id: Int64) async throws(Failure) -> Job? {
        guard let job = try await ledger.jobs.job(id), job.kind == OutgoingMessage.jobKind else { return nil }
        return job
    }
}
