import Mustache
import StokerCore

/// A message in a channel's words and inside its limits.
struct NoticeText: Sendable, Equatable {
    /// One line.
    var title: String
    /// Lines; without links.
    var text: String
    /// The page that shows it, and the one that acknowledges it: addresses of ours, fit for every markup.
    var link: String?
    var acknowledge: String?

    /// What a channel takes.
    struct Form: Sendable {
        var titleEscaping: TextEscaping = .plain
        var escaping: TextEscaping = .plain
        /// Of title and text, in units of `measure`.
        var mostTitle: Int
        var mostText: Int
        var measure: @Sendable (String) -> Int = { $0.utf8.count }

        /// Services of JavaScript and Java count UTF-16 units.
        static let utf16: @Sendable (String) -> Int = { $0.utf16.count }
    }

    init(_ notice: Notice, _ templates: [FleetNamed<String>] = [], form: Form) {
        link = notice.link.map(Self.address)
        acknowledge = notice.acknowledgeLink.map(Self.address)
        let standard = NoticeTemplate.standard[notice.kind]
        let own = Self.own(templates, for: notice.kind)
        title = ""
        text = ""
        let unnamed = Formatting.capitalized(notice.kind.rawValue)
        for (subjects, width) in [(20, 300), (10, 300), (5, 200), (3, 120), (1, 80), (0, 40)] {
            let values = Values(notice: notice, subjects: subjects, width: width, plainTitle: "")
            func heading(_ escaping: TextEscaping) -> String {
                let text = Self.oneLine(standard?.title.render(values.dictionary(escaping)) ?? "")
                return text.isEmpty ? unnamed : text
            }
            title = heading(form.titleEscaping)
            let plain = heading(.plain)
            let full = Values(notice: notice, subjects: subjects, width: width, plainTitle: plain)
            let template = (form.measure(title) <= form.mostTitle ? own : nil) ?? standard?.text
            text = Self.trimmed(template?.render(full.dictionary(form.escaping)) ?? "")
            if form.measure(title) <= form.mostTitle, form.measure(text) <= form.mostText { return }
        }
        // A person's own words are too long for the service: ours fit.
        let values = Values(notice: notice, subjects: 0, width: 40, plainTitle: "").dictionary(form.escaping)
        text = Self.trimmed(standard?.text.render(values) ?? "")
        if form.measure(title) > form.mostTitle { title = Self.cut(title, form.mostTitle, form.measure) }
        if form.measure(text) > form.mostText { text = Self.cut(text, form.mostText, form.measure) }
    }

    private static func own(_ templates: [FleetNamed<String>], for kind: Notice.Kind) -> MustacheTemplate? {
        let said =
            templates.first { $0.name == kind.rawValue } ?? templates.first { $0.name == TemplateSettings.allKinds }
        // Checked when the file was read.
        return said.flatMap { try? NoticeTemplate.compiled($0.value) }
    }

    /// Whole lines as long as they fit; nothing escaped is cut in its middle.
    private static func cut(_ text: String, _ most: Int, _ measure: (String) -> Int) -> String {
        var out = ""
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            let next = out.isEmpty ? String(word) : "\(out) \(word)"
            if measure(next) > most - 4 { break }
            out = next
        }
        return out.isEmpty ? "…" : "\(out) …"
    }

    private static func oneLine(_ text: String) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    private static func trimmed(_ text: String) -> String {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            var line = line
            while line.last?.isWhitespace == true { line.removeLast() }
            return line
        }
        while lines.last?.isEmpty == true { lines.removeLast() }
        while lines.first?.isEmpty == true { lines.removeFirst() }
        return lines.joined(separator: "\n")
    }

    /// Without any character that a markup could read as its own.
    static func address(_ link: String) -> String {
        PercentCoding.encoded(link.utf8) { byte in
            byte > 0x20 && byte < 0x7F && !"<>()[]\"'`\\|*^{}".utf8.contains(byte)
        }
    }
}

/// What a template may name.
private struct Values {
    var notice: Notice
    /// How many targets are listed, and how long a value of one may be.
    var subjects: Int
    var width: Int
    var plainTitle: String

    /// Of something that is not there: false in sections, nothing as text.
    private struct Absent: MustacheCustomRenderable {
        var renderText: String { "" }
        var isNull: Bool { true }
    }

    /// A sentence as a part of another one.
    private static func inside(_ sentence: String) -> String {
        var text = Substring(sentence)
        while let last = text.last, ".!".contains(last) { text.removeLast() }
        return String(text)
    }

    /// - Parameter escaping: for every value; those of links excepted.
    func dictionary(_ escaping: TextEscaping) -> [String: Any] {
        func text(_ value: String?, _ limit: Int) -> Any {
            guard let value, !value.isEmpty else { return Absent() }
            return escaping.escape(Redaction.quote(value, limit: limit))
        }
        func sentence(_ value: String?, _ limit: Int) -> Any {
            guard let value else { return Absent() }
            let whole = Sentence(Redaction.quote(value, limit: limit)).asWhole.text
            return whole.isEmpty ? Absent() : escaping.escape(whole)
        }
        func time(_ moment: Instant?) -> Any { moment.map { escaping.escape(Formatting.time($0)) } ?? Absent() }
        func lasted(_ milliseconds: Int64?) -> Any {
            milliseconds.map { escaping.escape(Formatting.duration(.milliseconds($0))) } ?? Absent()
        }
        func address(_ link: String?) -> Any { link.map { escaping.address(NoticeText.address($0)) } ?? Absent() }
        func subject(_ subject: Notice.Subject) -> [String: Any] {
            [
                "name": text(subject.check, 120), "group": text(subject.group, 80),
                "verdict": text(subject.verdict.traits.look.phrase, 40), "cause": sentence(subject.sentence, width),
                "since": time(subject.since), "lasted": lasted(subject.lastedMilliseconds),
                "was": text(was(subject), 40), "reason": text(subject.sentence.map(Self.inside), width),
            ]
        }
        /// Of what is well again; ledgers may hold messages that do not say it.
        func was(_ subject: Notice.Subject?) -> String? {
            guard notice.kind == .recovered, let subject else { return nil }
            return (subject.was ?? .down).traits.look.phrase
        }
        let only = notice.count == 1 ? notice.subjects.first : nil
        let listed = notice.subjects.prefix(subjects)
        let more = max(0, notice.count - listed.count)
        return [
            "kind": notice.kind.rawValue, "title": text(plainTitle, 300), "target": text(only?.check, 120),
            "name": text(only?.check, 120), "group": text(only?.group, 80),
            "verdict": text(only?.verdict.traits.look.phrase, 40),
            "cause": sentence(only?.sentence ?? notice.sentence, max(width, 120) + (width >= 300 ? 200 : 0)),
            "since": time(only?.since), "lasted": lasted(only?.lastedMilliseconds), "at": time(notice.at),
            "was": text(was(only), 40),
            "reason": text(Self.inside(only?.sentence ?? notice.sentence), max(width, 120)),
            "done": notice.done.suffix(5).map { sentence($0, width) }, "hint": sentence(notice.hint, width),
            "link": address(notice.link), "acknowledge": address(notice.acknowledgeLink),
            "several": notice.count > 1, "count": Formatting.count(notice.count),
            "targets": listed.map(subject), "more": more > 0 && notice.count > 1 ? Formatting.count(more) : Absent(),
            "repeated": notice.repeated > 0 ? notice.repeated.counted("time") : Absent(), "late": notice.isLate,
            "sender": text(notice.sender, 80),
        ]
    }
}

/// How a kind of event looks where there is colour.
enum NoticeTone: Sendable {
    case good, fair, bad

    init(_ kind: Notice.Kind) {
        switch kind {
        case .recovered, .healed, .test, .acknowledged: self = .good
        case .slow, .flapping, .disagreement, .wakingTooLong, .certificate, .offline, .tookOver, .drift: self = .fair
        case .down, .silent, .moderated, .gaveUp, .fleetRejected, .ledger: self = .bad
        }
    }

    /// 0xRRGGBB.
    var colour: Int {
        switch self {
        case .good: 0x2E9E5B
        case .fair: 0xD98E04
        case .bad: 0xC93A3A
        }
    }

    /// Where there is only text.
    var sign: String {
        switch self {
        case .good: "✅"
        case .fair: "⚠️"
        case .bad: "🔴"
        }
    }
}
