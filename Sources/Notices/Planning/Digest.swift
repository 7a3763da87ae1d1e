import Ledger
import StokerCore

/// What one message tells, while it is put together.
struct Digest: Sendable {
    let key: String
    let route: Route
    /// Whether it tells of the end of trouble: that is never mixed with its beginning.
    let isGood: Bool
    let order: Int64
    let createdAt: Instant
    let due: Instant
    /// Of the first of it.
    private(set) var at: Instant
    private(set) var count = 0
    private(set) var incidents: Set<IncidentKey> = []
    private(set) var repeated = 0
    private var listed: [(incident: IncidentKey?, subject: Notice.Subject)] = []
    private var kinds: [Notice.Kind: Int] = [:]
    /// How often each sentence was said, of at most 100.
    private var sentences: [String: Int] = [:]
    private var done: [String] = []
    private var hint: String?

    init(
        key: String, route: Route, isGood: Bool, order: Int64, createdAt: Instant, due: Instant, at: Instant,
        repeated: Int = 0
    ) {
        self.key = key
        self.route = route
        self.isGood = isGood
        self.order = order
        self.createdAt = createdAt
        self.due = due
        self.at = at
        self.repeated = repeated
    }

    /// One that was begun before this process, as far as the ledger has it.
    init(_ outgoing: OutgoingMessage, route: Route, createdAt: Instant, due: Instant) {
        self.init(
            key: outgoing.notice.key, route: route, isGood: outgoing.notice.kind.isGood, order: outgoing.order,
            createdAt: createdAt, due: due, at: outgoing.notice.at, repeated: outgoing.notice.repeated)
        count = outgoing.notice.count
        let keys = outgoing.incidentKeys
        incidents = Set(keys)
        // The incidents of those that are listed stand first, in the same order.
        listed = outgoing.notice.subjects.enumerated().map { ($0 < keys.count ? keys[$0] : nil, $1) }
        kinds = [outgoing.notice.kind: max(1, count)]
        for (_, subject) in listed { sentences[subject.sentence ?? outgoing.notice.sentence, default: 0] += 1 }
        if listed.isEmpty { sentences = [outgoing.notice.sentence: 1] }
        done = outgoing.notice.done
        hint = outgoing.notice.hint
    }

    var isEmpty: Bool { count == 0 && sentences.isEmpty }
    /// Names of those that are listed.
    var checks: Set<String> { Set(listed.map(\.subject.check)) }
    /// It tells of more than it lists.
    var isWide: Bool { count > listed.count }

    mutating func add(_ one: NoticeTrigger, as kind: Notice.Kind) {
        if let incident = one.incident, !incidents.insert(incident).inserted { return }
        at = min(at, one.at)
        kinds[kind, default: 0] += 1
        if sentences[one.sentence] != nil || sentences.count < 100 { sentences[one.sentence, default: 0] += 1 }
        done = (count == 0 ? one.done : [])
        hint = count == 0 || hint == one.hint ? one.hint : nil
        guard let check = one.check else {
            count += one.count
            return
        }
        count += 1
        guard listed.count < OutgoingMessage.mostListed else { return }
        listed.append(
            (
                one.incident,
                Notice.Subject(
                    check: check, group: nil, verdict: one.verdict, sentence: one.sentence, since: one.since,
                    lastedMilliseconds: one.lasted?.wholeMilliseconds, was: one.was)
            ))
    }

    /// Takes out what came to its end before it was told.
    mutating func remove(_ incident: IncidentKey) {
        guard incidents.remove(incident) != nil else { return }
        count -= 1
        if let place = listed.firstIndex(where: { $0.incident == incident }) {
            let sentence = listed.remove(at: place).subject.sentence ?? ""
            if let left = sentences[sentence] { sentences[sentence] = left > 1 ? left - 1 : nil }
        }
        if count == 0 { sentences = [:] }
    }

    /// It is over, and told all the same: for how long it lasted.
    mutating func end(_ incident: IncidentKey, after lasted: Duration) {
        guard let place = listed.firstIndex(where: { $0.incident == incident }) else { return }
        listed[place].subject.lastedMilliseconds = lasted.wholeMilliseconds
    }

    func outgoing(groupOf: (String) -> String?, link: String?) -> OutgoingMessage {
        let subjects = listed.map { one in
            var subject = one.subject
            subject.group = groupOf(subject.check)
            return subject
        }
        let first = listed.compactMap(\.incident)
        // In the order of their beginnings, so that they need little room.
        let rest =
            incidents.count > first.count
            ? incidents.subtracting(first).sorted { ($0.began, $0.check) < ($1.began, $1.check) } : []
        let notice = Notice(
            key: key, kind: kind, at: at, subjects: subjects, count: count, sentence: sentence, done: done,
            hint: hint, link: link, repeated: repeated)
        var outgoing = OutgoingMessage(
            channel: route.channel, rule: route.id, notice: notice,
            incidents: first + rest, order: order,
            due: due > createdAt ? due : nil)
        if isEmpty { outgoing.isVoid = true }
        return outgoing
    }

    private var kind: Notice.Kind {
        Notice.Kind.allCases.filter { kinds[$0] != nil }.first ?? (isGood ? .recovered : .down)
    }

    private var sentence: String {
        let most = sentences.max { ($0.value, $1.key) < ($1.value, $0.key) }
        guard let most else { return "it was over before it could be told" }
        return sentences.count == 1 ? most.key : "most often: \(most.key)"
    }
}
