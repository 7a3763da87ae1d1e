import Ledger
import StokerCore

/// Decides which messages follow from what happened. Pure: it is told everything, time included, and answers with jobs, which are written in
/// the transaction of their cause. What it remembers can be read from the ledger again; see ``restore(_:now:)`` and docs/notices.md.
struct NoticePlanner: Sendable {
    struct Settings: Sendable {
        /// More of a rule's events than this within ``within``, or at once: they are gathered.
        var most = 5
        var within = Duration.seconds(10)
        /// For how long, then.
        var gather = Duration.seconds(20)
        /// A message that is due so soon is not added to any more: it may be on its way.
        var margin = Duration.seconds(2)
        /// What was held back is told when it still lasts so long after the reason is gone.
        var grace = Duration.seconds(90)
        /// For so long at most a target that stands on others waits for a look at them.
        var parentsWithin = Duration.seconds(120)
        /// Incidents that are kept in mind; of more only their number is told.
        var mostOpen = 100_000
    }

    /// An incident that lasts.
    struct Open: Sendable {
        var check: String
        var verdict: Verdict
        var cause: Cause
        var code: UInt16
        /// Channels that were told of it, or will be.
        var told: Set<String> = []
        var done: [String] = []
        /// It is not told of for now; when to look again.
        var heldUntil: Instant?
        /// It waits for a look at what it stands on, until then at most.
        var parentsUntil: Instant?
        /// Routes that tell of it when it has lasted long enough.
        var waiting: [String: Instant] = [:]
        /// Routes that tell of it again.
        var repeats: [String: (at: Instant, number: Int)] = [:]
    }

    /// Something that is due because time has passed; whether anybody has acknowledged it is asked before.
    struct Due: Sendable, Hashable {
        var route: String
        var incident: IncidentKey
        /// 0 for the first time.
        var number: Int
    }

    private struct Facts: Sendable {
        var group: String
        var isSpace: Bool
        var isAlive: Bool
    }

    let settings: Settings
    private(set) var routes: [Route] = []
    private(set) var open: [IncidentKey: Open] = [:]
    /// Messages that wait for their time and can take more: by route, trouble and its end apart.
    private(set) var waiting: [String: Digest] = [:]
    /// Messages that are not over, by channel.
    private(set) var live: [String: MessageOrder] = [:]
    private var changed: [String] = []
    private var jobs: [NewJob] = []
    private var facts: [String: Facts] = [:]
    private var dependencies: [String: [String]] = [:]
    /// Open incidents of each check, and of the alive checks of each target.
    private var troubled: [String: Int] = [:]
    private var recent: [String: [Instant]] = [:]
    private var isBulk = false
    private var lastOrder: Int64 = 0
    private var offlineSince: Instant?
    /// Incidents whose message was refused, by channel: nobody is told of their end there. The newest 10,000.
    private var refused: [String: Set<IncidentKey>] = [:]
    private var suspended: Set<Cause> = []
    /// When those that others stand on were last well, as far as that was asked.
    private var parentsWell: [String: Instant] = [:]
    /// Somebody looks at them when asked; else nothing waits for it.
    var looksAtParents = false
    private var publicURL: String?
    var isActive = true
    var isInMaintenance: @Sendable (_ check: String, _ at: Instant) -> Bool = { _, _ in false }

    init(settings: Settings = Settings()) { self.settings = settings }

    // MARK: The fleet

    mutating func use(_ fleet: Fleet) {
        routes = Route.all(of: fleet)
        publicURL = fleet.serve.publicURL
        dependencies = fleet.dependencies
        facts = [:]
        guard !routes.isEmpty else { return }
        for check in fleet.checks {
            facts[check.name] = Facts(
                group: check.groupLabel, isSpace: check.space != nil, isAlive: check.policy.role == .alive)
        }
        let known = Set(routes.map(\.id))
        waiting = waiting.filter { known.contains($0.value.route.id) }
        recent = recent.filter { known.contains($0.key) }
    }

    // MARK: What happens

    /// - Returns: the messages that follow, to be written with it.
    mutating func plan(_ batch: Batch, now: Instant) -> [NewJob] {
        guard !batch.events.isEmpty, !routes.isEmpty || !open.isEmpty else { return [] }
        isBulk =
            batch.events.count {
                switch $0.payload {
                case .incidentBegan, .incidentEnded, .verdict: true
                default: false
                }
            } > settings.most * 2
        var incidents: [Int32: [Incident]] = [:]
        for incident in batch.incidents { incidents[incident.check, default: []].append(incident) }
        for event in batch.events { take(event, incidents[event.check ?? -1] ?? [], now) }
        isBulk = false
        return finish()
    }

    private mutating func take(_ event: Event, _ incidents: [Incident], _ now: Instant) {
        switch event.payload {
        case .tookOver: isActive = true
        case .steppedBack: isActive = false
        default: break
        }
        // A second master that stands by tells nobody anything.
        guard isActive else { return }
        switch event.payload {
        case .incidentBegan(let check, let cause, let code):
            guard let incident = incidents.first(where: { $0.ended == nil }) ?? incidents.first else { return }
            let key = IncidentKey(check: incident.check, began: incident.began)
            guard open[key] == nil, open.count < settings.mostOpen else { return }
            open[key] = Open(check: check, verdict: incident.verdict, cause: cause, code: code ?? 0)
            count(check, 1, now)
            alarm(key, at: event.at, now)
        case .incidentEnded(let check, let how, _):
            guard let incident = incidents.first(where: { $0.ended != nil }) else { return }
            end(incident, check, how, at: event.at, now)
        case .verdict(let check, _, let to, let cause, let code):
            let kinds = NoticeTrigger.kinds(settled: to, cause)
            guard !kinds.isEmpty else { return }
            tell(
                NoticeTrigger(
                    kinds: kinds, at: event.at, check: check, verdict: to, sentence: cause.sentence(code: code ?? 0),
                    since: event.at, hint: NoticeTrigger.hint(cause)), now)
        case .offline: offlineSince = event.at
        case .online:
            if let since = offlineSince { wasOffline(since: since, until: event.at, now) }
        case .healingSuspended(let spaces, let cause, let platform):
            platformFails(spaces, cause, isKnown: platform != nil, event, now)
        case .healingResumed(let cause): suspended.remove(cause)
        default:
            note(event)
            if let happening = NoticeTrigger(event) { tell(happening, now) }
        }
    }

    /// What was done about an incident is told with its end, and with each repetition.
    private mutating func note(_ event: Event) {
        let check: String
        switch event.payload {
        case .healed(_, let name, _, _, _, _), .healingFailed(_, let name, _, _, _, _, _),
            .healingExhausted(let name, _, _):
            check = name
        default: return
        }
        for (key, one) in open where one.check == check && one.done.count < 5 { open[key]?.done.append(event.text) }
    }

    /// Something that is no incident, or is about Stoker itself.
    private mutating func tell(_ happening: NoticeTrigger, _ now: Instant) {
        if let check = happening.check, isHeld(check, nil, now) { return }
        for route in routes where route.covers(happening.check, group: group(happening.check)) {
            guard let kind = route.kind(among: happening.kinds) else { continue }
            emit(happening, as: kind, on: route, isGood: kind.isGood, now)
        }
    }

    // MARK: Incidents

    private mutating func alarm(_ key: IncidentKey, at: Instant, _ now: Instant) {
        guard let one = open[key] else { return }
        if isHeld(one.check, one.cause, now) {
            open[key]?.heldUntil = now + settings.grace
            return
        }
        if awaitsParents(key, now) {
            open[key]?.heldUntil = now
            return
        }
        open[key]?.heldUntil = nil
        for route in routes where route.covers(one.check, group: group(one.check)) {
            guard route.kind(among: NoticeTrigger.kinds(one.verdict, one.cause)) != nil else { continue }
            if let lasting = route.rule.lasting, key.began + lasting > now {
                open[key]?.waiting[route.id] = key.began + lasting
            } else {
                raise(key, on: route, at: at, now)
            }
        }
    }

    /// Tells of an incident that lasts.
    private mutating func raise(_ key: IncidentKey, on route: Route, at: Instant, _ now: Instant) {
        guard let one = open[key], let kind = route.kind(among: NoticeTrigger.kinds(one.verdict, one.cause)) else {
            return
        }
        open[key]?.waiting[route.id] = nil
        open[key]?.told.insert(route.channel)
        let due = emit(happening(key, one, at: at), as: kind, on: route, isGood: false, now)
        if let interval = route.rule.repeat { open[key]?.repeats[route.id] = (due + interval, 1) }
    }

    private func happening(_ key: IncidentKey, _ one: Open, at: Instant) -> NoticeTrigger {
        NoticeTrigger(
            kinds: NoticeTrigger.kinds(one.verdict, one.cause), at: at, check: one.check, incident: key,
            verdict: one.verdict, sentence: one.cause.sentence(code: one.code), since: key.began, done: one.done,
            hint: NoticeTrigger.hint(one.cause))
    }

    private mutating func end(
        _ incident: Incident, _ name: String?, _ how: EventPayload.IncidentEnd, at: Instant, _ now: Instant
    ) {
        let key = IncidentKey(check: incident.check, began: incident.began)
        // Not known: it began when more were open than are kept in mind. Those were told of as a number.
        let known = open.removeValue(forKey: key)
        guard let check = known?.check ?? name else { return }
        if known != nil { count(check, -1, now) }
        let lasted = (incident.ended ?? at) - incident.began
        guard how == .recovered else {
            // Nobody looks any more, and who saw to that knows it.
            for id in waiting.keys where waiting[id]?.incidents.contains(key) == true {
                waiting[id]?.remove(key)
                changed.append(id)
            }
            return
        }
        let over = NoticeTrigger(
            kinds: [.recovered], at: at, check: check, incident: key, verdict: .up, was: incident.verdict,
            sentence: incident.cause.sentence(code: incident.code), since: incident.ended, lasted: lasted,
            done: known?.done ?? [])
        for route in routes where route.covers(check, group: group(check)) {
            // Both wait for the same moment: one of them is enough.
            let alarm = route.id + "-"
            if waiting[alarm]?.incidents.contains(key) == true, isAddable(alarm, now) {
                if route.rule.on.contains(.recovered) {
                    waiting[alarm]?.remove(key)
                } else {
                    waiting[alarm]?.end(key, after: lasted)
                }
                changed.append(alarm)
            }
            guard route.rule.on.contains(.recovered) else { continue }
            // Nobody is told of the end of what he was never told of, unless he is only ever told of ends.
            if let known, !known.told.contains(route.channel), hasAlarms(route.channel, check) { continue }
            emit(over, as: .recovered, on: route, isGood: true, now)
        }
    }

    private func hasAlarms(_ channel: String, _ check: String) -> Bool {
        routes.contains { route in
            route.channel == channel && route.rule.on.contains { $0.isAlarm }
                && route.covers(check, group: group(check))
        }
    }

    private mutating func count(_ check: String, _ more: Int, _ now: Instant) {
        var names = [check]
        let target = target(check)
        if target != check, facts[check]?.isAlive == true { names.append(target) }
        for name in names {
            let before = troubled[name, default: 0]
            let sum = before + more
            troubled[name] = sum > 0 ? sum : nil
            if before == 0, sum > 0 { hold(whatStandsOn: name, at: now) }
        }
    }

    /// What waited for a look at this one is explained by it now; also when it is well again before anybody looks at the others.
    private mutating func hold(whatStandsOn name: String, at now: Instant) {
        let below = Set(dependencies.filter { $0.value.contains(name) }.keys)
        guard !below.isEmpty else { return }
        for (key, one) in open where one.heldUntil != nil && below.contains(target(one.check)) {
            open[key]?.heldUntil = now + settings.grace
        }
    }

    /// Somebody has seen it: those of the channels that were told of it, and keep it open themselves, hear that.
    mutating func acknowledge(
        _ key: IncidentKey, number: Int64, on channels: Set<String>, now: Instant
    ) -> [NewJob] {
        guard isActive, let one = open[key] else { return [] }
        return channels.intersection(one.told).sorted().compactMap { channel in
            lastOrder = max(lastOrder + 1, now.milliseconds * 1_000)
            let notice = Notice(
                key: "\(String(lastOrder, radix: 36))-seen", kind: .acknowledged, at: now,
                subjects: [.init(check: one.check, verdict: one.verdict, since: key.began, incident: number)],
                sentence: "somebody has acknowledged it", link: link(one.check))
            let outgoing = OutgoingMessage(channel: channel, notice: notice, incidents: [key], order: lastOrder)
            guard let job = try? outgoing.job(createdAt: now) else { return nil }  // of a few words: it always fits
            live[channel, default: MessageOrder()].insert(lastOrder, checks: [one.check], isWide: false)
            return job
        }
    }

    // MARK: One cause, one message

    /// Whether nobody is told of a check: what it stands on is down, it is in maintenance, the platform fails, or we are offline.
    private func isHeld(_ check: String, _ cause: Cause?, _ now: Instant) -> Bool {
        if offlineSince != nil { return true }
        if let cause, suspended.contains(cause), facts[check]?.isSpace == true { return true }
        if dependencies[target(check)]?.contains(where: { troubled[$0] != nil }) == true { return true }
        return isInMaintenance(check, now)
    }

    /// Whether what it stands on has not been seen well since it fails: that may be the cause, and is told first then.
    private mutating func awaitsParents(_ key: IncidentKey, _ now: Instant) -> Bool {
        guard looksAtParents, let one = open[key], let parents = dependencies[target(one.check)] else { return false }
        let until = one.parentsUntil ?? now + settings.parentsWithin
        open[key]?.parentsUntil = until
        return now < until && !parents.allSatisfy { parentsWell[$0].map { $0 >= key.began } ?? false }
    }

    /// What is to be looked at before these are told, with the beginning of the newest trouble that waits for it.
    func parents(awaitedBy due: [Due]) -> [String: Instant] {
        var parents: [String: Instant] = [:]
        for one in due where one.route.isEmpty {
            guard let incident = open[one.incident], incident.parentsUntil != nil else { continue }
            for name in dependencies[target(incident.check)] ?? [] {
                parents[name] = max(parents[name] ?? one.incident.began, one.incident.began)
            }
        }
        return parents
    }

    /// - Parameter well: when each was last well; without those that fail, or are being looked at.
    mutating func note(parentsWell well: [String: Instant]) { parentsWell = well }

    private func target(_ check: String) -> String { String(check.prefix { $0 != "/" }) }

    private mutating func wasOffline(since: Instant, until: Instant, _ now: Instant) {
        offlineSince = nil
        tell(
            NoticeTrigger(
                kinds: [.offline], at: until,
                sentence:
                    "Stoker had no network for \((until - since).rounded.text): nothing was looked at, and verdicts stood still",
                since: since, lasted: until - since), now)
    }

    /// - Parameter isKnown: the platform tells of it itself, and the event says what.
    private mutating func platformFails(
        _ spaces: Int, _ cause: Cause, isKnown: Bool, _ event: Event, _ now: Instant
    ) {
        guard suspended.insert(cause).inserted else { return }
        // What waits to be told of a single Space has the same cause.
        for (key, one) in open where one.cause == cause && facts[one.check]?.isSpace == true {
            for id in waiting.keys where waiting[id]?.incidents.contains(key) == true && isAddable(id, now) {
                waiting[id]?.remove(key)
                changed.append(id)
                if let channel = waiting[id]?.route.channel { open[key]?.told.remove(channel) }
                open[key]?.heldUntil = now + settings.grace
            }
            open[key]?.waiting = [:]
        }
        for route in routes where route.rule.on.contains(.down) {
            emit(
                NoticeTrigger(
                    kinds: [.down], at: event.at, sentence: event.text,
                    hint: isKnown
                        ? "Wait: the platform is at it." : "Wait, and look at https://status.huggingface.co.",
                    count: spaces),
                as: .down, on: route, isGood: false, now)
        }
    }

    // MARK: Time

    /// What is due because time has passed. Those that nobody has acknowledged come back to ``raise(_:now:)``.
    mutating func due(now: Instant) -> [Due] {
        guard isActive else { return [] }
        for (id, digest) in waiting where digest.due <= now { waiting[id] = nil }
        var due: [Due] = []
        for (key, one) in open {
            if let until = one.heldUntil, !routes.isEmpty {
                if isHeld(one.check, one.cause, now) {
                    open[key]?.heldUntil = now + settings.grace
                } else if until <= now {
                    due.append(Due(route: "", incident: key, number: 0))
                }
                continue
            }
            for (route, at) in one.waiting where at <= now {
                if isHeld(one.check, one.cause, now) { continue }
                due.append(Due(route: route, incident: key, number: 0))
            }
            for (route, next) in one.repeats where next.at <= now {
                if isHeld(one.check, one.cause, now) { continue }
                due.append(Due(route: route, incident: key, number: next.number))
            }
        }
        return due.sorted { ($0.incident.began, $0.incident.check) < ($1.incident.began, $1.incident.check) }
    }

    /// - Parameter acknowledged: of them; these are not told again.
    mutating func raise(_ due: [Due], acknowledged: Set<IncidentKey>, now: Instant) -> [NewJob] {
        isBulk = due.count > settings.most
        defer { isBulk = false }
        let byID = Dictionary(routes.map { ($0.id, $0) }) { first, _ in first }
        var repeats: [String: [Due]] = [:]
        for one in due {
            guard open[one.incident] != nil else { continue }
            if one.route.isEmpty {
                alarm(one.incident, at: now, now)
            } else if acknowledged.contains(one.incident) || byID[one.route] == nil {
                open[one.incident]?.waiting[one.route] = nil
                open[one.incident]?.repeats[one.route] = nil
            } else if one.number == 0, let route = byID[one.route] {
                raise(one.incident, on: route, at: now, now)
            } else {
                repeats[one.route, default: []].append(one)
            }
        }
        for (id, again) in repeats {
            guard let route = byID[id], let interval = route.rule.repeat else { continue }
            // Those that are due together are told together.
            let number = again.map(\.number).max() ?? 1
            var digest = digest(route, isGood: false, due: route.sending(at: now), at: now, now, repeated: number)
            for one in again {
                guard let incident = open[one.incident],
                    let kind = route.kind(among: NoticeTrigger.kinds(incident.verdict, incident.cause))
                else { continue }
                digest.add(happening(one.incident, incident, at: now), as: kind)
                open[one.incident]?.repeats[id] = (digest.due + interval, one.number + 1)
            }
            send(digest, isGrowing: false)
        }
        return finish()
    }

    // MARK: Messages

    private func isAddable(_ id: String, _ now: Instant) -> Bool {
        waiting[id].map { $0.due > now + settings.margin } ?? false
    }

    /// - Returns: when it is sent.
    @discardableResult
    private mutating func emit(
        _ happening: NoticeTrigger, as kind: Notice.Kind, on route: Route, isGood: Bool, _ now: Instant
    ) -> Instant {
        let id = route.id + (isGood ? "+" : "-")
        if isAddable(id, now) {
            waiting[id]?.add(happening, as: kind)
            changed.append(id)
            return waiting[id]?.due ?? now
        }
        var times = (recent[id] ?? []).filter { now - $0 < settings.within }
        let isMany = isBulk || times.count >= settings.most
        times.append(now)
        recent[id] = times.suffix(settings.most)
        let gathering = max(route.rule.together, isMany ? settings.gather : .zero)
        let due = route.sending(at: now + gathering)
        var digest = digest(route, isGood: isGood, due: due, at: happening.at, now)
        digest.add(happening, as: kind)
        if due > now + settings.margin {
            waiting[id] = digest
            changed.append(id)
        } else {
            send(digest, isGrowing: false)
        }
        return due
    }

    private mutating func digest(
        _ route: Route, isGood: Bool, due: Instant, at: Instant, _ now: Instant, repeated: Int = 0
    ) -> Digest {
        lastOrder = max(lastOrder + 1, now.milliseconds * 1_000)
        return Digest(
            key: "\(String(lastOrder, radix: 36))-\(route.id)", route: route, isGood: isGood, order: lastOrder,
            createdAt: now, due: due, at: at, repeated: repeated)
    }

    private mutating func send(_ digest: Digest, isGrowing: Bool) {
        let subjects = digest.checks
        live[digest.route.channel, default: MessageOrder()].insert(
            digest.order, checks: subjects, isWide: digest.isWide && !subjects.isEmpty)
        let outgoing = digest.outgoing(
            groupOf: { facts[$0]?.group }, link: link(subjects.count == 1 && !digest.isWide ? subjects.first : nil))
        // What does not fit in spite of being shortened is told without its list.
        if let job = try? outgoing.job(createdAt: digest.createdAt, isGrowing: isGrowing) { jobs.append(job) }
    }

    private mutating func finish() -> [NewJob] {
        defer {
            changed = []
            jobs = []
        }
        for id in Set(changed).sorted() {
            if let digest = waiting[id] { send(digest, isGrowing: true) }
        }
        return jobs
    }

    private func link(_ check: String?) -> String? {
        guard let base = publicURL else { return nil }
        let front = base.hasSuffix("/") ? String(base.dropLast()) : base
        guard let check else { return front + "/" }
        return front + "/targets/" + PercentCoding.encoded(check, keepingSlash: true)
    }

    private func group(_ check: String?) -> String? { check.flatMap { facts[$0]?.group } }

    // MARK: Order

    /// Whether an older message of the same channel about one of the same checks is not over.
    func isBlocked(_ outgoing: OutgoingMessage) -> Bool { blocker(of: outgoing) != nil }

    /// The order of the oldest such message.
    func blocker(of outgoing: OutgoingMessage) -> Int64? {
        guard outgoing.order > 0 else { return nil }
        return live[outgoing.channel]?.first(
            before: outgoing.order, checks: outgoing.checks, isWide: outgoing.isWide)
    }

    /// A message is over: sent, or given up. - Parameter isTold: false: its end need not be told either.
    mutating func isOver(_ outgoing: OutgoingMessage, isTold: Bool) {
        live[outgoing.channel]?.remove(outgoing.order)
        if live[outgoing.channel]?.isEmpty == true { live[outgoing.channel] = nil }
        guard !isTold, outgoing.notice.kind.isAlarm, outgoing.notice.repeated == 0 else { return }
        for key in outgoing.incidentKeys {
            open[key]?.told.remove(outgoing.channel)
            refuse(key, outgoing.channel)
        }
    }

    private mutating func refuse(_ key: IncidentKey, _ channel: String) {
        if refused[channel, default: []].count >= 10_000 { refused[channel] = [] }
        refused[channel, default: []].insert(key)
    }

    /// Whether it only tells of the end of what could not be told.
    func isUnwanted(_ outgoing: OutgoingMessage) -> Bool {
        guard outgoing.notice.kind == .recovered || outgoing.notice.kind == .acknowledged,
            let refused = refused[outgoing.channel]
        else { return false }
        let keys = outgoing.incidentKeys
        return keys.count == outgoing.notice.count && !keys.isEmpty && keys.allSatisfy(refused.contains)
    }

    /// What is in the outbox in truth: what was planned and never written is waited for no longer.
    mutating func keepLive(_ orders: Set<Int64>, olderThan now: Instant) {
        for (channel, var messages) in live {
            for order in Array(messages.orders) where !orders.contains(order) && order <= now.milliseconds * 1_000 {
                messages.remove(order)
            }
            live[channel] = messages.isEmpty ? nil : messages
        }
    }

    // MARK: After a start

    /// What the ledger has: everything that is remembered here follows from it.
    struct Remembered: Sendable {
        /// Newest first.
        var jobs: [Job] = []
        /// Of what came before it only the jobs that are not over are among them; nil when there is nothing before.
        var wholeSince: Instant?
        var incidents: [Incident] = []
        var names: [Int32: String] = [:]
        /// Since when this machine had no network when the last process ended.
        var offlineSince: Instant?
    }

    mutating func restore(_ remembered: Remembered, now: Instant) {
        let byID = Dictionary(routes.map { ($0.id, $0) }) { first, _ in first }
        for incident in remembered.incidents.prefix(settings.mostOpen) {
            guard incident.check != Incident.ofLedger, let name = remembered.names[incident.check] else { continue }
            let key = IncidentKey(check: incident.check, began: incident.began)
            open[key] = Open(check: name, verdict: incident.verdict, cause: incident.cause, code: incident.code)
            count(name, 1, now)
        }
        let oldest = remembered.wholeSince
        var seen: Set<IncidentKey> = []
        for job in remembered.jobs {
            guard let outgoing = OutgoingMessage(job) else { continue }
            lastOrder = max(lastOrder, outgoing.order)
            if !job.state.isOver, outgoing.order > 0 {
                live[outgoing.channel, default: MessageOrder()].insert(
                    outgoing.order, checks: outgoing.checks, isWide: outgoing.isWide)
            }
            let route = outgoing.rule.flatMap { byID[$0] }
            if let route, job.state == .scheduled, job.attempt == 0, outgoing.notice.repeated == 0,
                let due = job.due, due > now + settings.margin, outgoing.due == due
            {
                let id = route.id + (outgoing.notice.kind.isGood ? "+" : "-")
                if waiting[id] == nil {
                    waiting[id] = Digest(outgoing, route: route, createdAt: job.createdAt, due: due)
                }
            }
            guard outgoing.notice.kind.isAlarm, job.state != .cancelled else { continue }
            let isRefused = job.state == .discarded
            for key in outgoing.incidentKeys {
                if isRefused, outgoing.notice.repeated == 0 { refuse(key, outgoing.channel) }
                guard open[key] != nil else { continue }
                seen.insert(key)
                if !isRefused { open[key]?.told.insert(outgoing.channel) }
                if let route, let interval = route.rule.repeat, open[key]?.repeats[route.id] == nil {
                    open[key]?.repeats[route.id] = (
                        (outgoing.due ?? job.createdAt) + interval, outgoing.notice.repeated + 1
                    )
                }
            }
        }
        for (key, one) in open {
            // Longer ago than the outbox remembers: it was told.
            if !seen.contains(key), let oldest, key.began < oldest { open[key]?.told = Set(routes.map(\.channel)) }
            if !seen.contains(key), now - key.began > Job.keptFor - .seconds(86_400) {
                open[key]?.told = Set(routes.map(\.channel))
            }
            guard open[key]?.told.isEmpty == true, !seen.contains(key) else {
                armLasting(key, one)
                continue
            }
            // Held back, or the rule is new: it is looked at again.
            open[key]?.heldUntil = now + .seconds(5)
        }
        offlineSince = remembered.offlineSince
        if let since = offlineSince, isActive {
            // A process that starts looks for itself whether there is a network.
            wasOffline(since: since, until: now, now)
        }
    }

    /// Told on one channel, while rules of others still wait until it has lasted long enough.
    private mutating func armLasting(_ key: IncidentKey, _ one: Open) {
        for route in routes where open[key]?.told.contains(route.channel) == false {
            guard let lasting = route.rule.lasting, route.covers(one.check, group: group(one.check)),
                route.kind(among: NoticeTrigger.kinds(one.verdict, one.cause)) != nil
            else { continue }
            open[key]?.waiting[route.id] = key.began + lasting
        }
    }

    /// What ``restore(_:now:)`` had to tell.
    mutating func restored() -> [NewJob] { finish() }
}

extension Duration {
    /// Without the fraction of a second, when it is longer than that.
    fileprivate var rounded: Duration { self > .seconds(1) ? .seconds(components.seconds) : self }
}
