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
        for (subjects, width) in [(20, 300), (10, 300), (5, 200), (3, 120), (1, 80), (0, 40)] {
            func heading(_ escaping: TextEscaping) -> String {
                let values = Values(notice, subjects: subjects, width: width, escaping)
                let text = Self.oneLine(standard?.title.render(values) ?? "")
                return text.isEmpty ? Formatting.capitalized(notice.kind.rawValue) : text
            }
            let plainTitle = heading(.plain)
            title = form.titleEscaping.isPlain ? plainTitle : heading(form.titleEscaping)
            let template = (form.measure(title) <= form.mostTitle ? own : nil) ?? standard?.text
            let values = Values(notice, subjects: subjects, width: width, form.escaping, title: plainTitle)
            text = Self.trimmed(template?.render(values) ?? "")
            if form.measure(title) <= form.mostTitle, form.measure(text) <= form.mostText { return }
        }
        // A person's own words are too long for the service: ours fit.
        let values = Values(notice, subjects: 0, width: 40, form.escaping)
        text = Self.trimmed(standard?.text.render(values) ?? "")
        if form.measure(title) > form.mostTitle { title = Self.cut(title, form.mostTitle, form.measure) }
        if form.measure(text) > form.mostText { text = Self.cut(text, form.mostText, form.measure) }
    }

    private static let compiledBefore = CompiledTemplates()

    private static func own(_ templates: [FleetNamed<String>], for kind: Notice.Kind) -> MustacheTemplate? {
        let said =
            templates.first { $0.name == kind.rawValue } ?? templates.first { $0.name == TemplateSettings.allKinds }
        // Checked when the file was read.
        return said.flatMap { compiledBefore.compiled($0.value) }
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

/// What a template may name. Each value is made when it is asked for: most templates name few of them.
private final class Values: MustacheParent {
    private let notice: Notice
    /// How many targets are listed, and how long a value of one may be.
    private let subjects: Int
    private let width: Int
    private let escaping: TextEscaping
    /// Made of the other values.
    private let title: String
    /// What was asked for last: a section asks for its value, and what stands in it for the same once more.
    private var last: (name: String, value: Any?) = ("", nil)

    /// - Parameter escaping: for every value; those of links excepted.
    init(_ notice: Notice, subjects: Int, width: Int, _ escaping: TextEscaping, title: String = "") {
        self.notice = notice
        self.subjects = subjects
        self.width = width
        self.escaping = escaping
        self.title = title
    }

    /// Of something that is not there: false in sections, nothing as text.
    private struct Absent: MustacheCustomRenderable, MustacheParent {
        var renderText: String { "" }
        var isNull: Bool { true }
        func child(named: String) -> Any? { nil }
    }

    /// It has no parts: without that, each name in a section of it is looked for in a reflection of the string.
    private struct Text: MustacheCustomRenderable, MustacheParent {
        var renderText: String
        var isNull: Bool { false }
        func child(named: String) -> Any? { nil }
    }

    /// One of several targets.
    private final class Target: MustacheParent {
        private let values: Values
        private let subject: Notice.Subject

        init(_ subject: Notice.Subject, _ values: Values) {
            self.subject = subject
            self.values = values
        }

        func child(named name: String) -> Any? {
            switch name {
            case "name": values.text(subject.check, 120)
            case "group": values.text(subject.group, 80)
            case "verdict": values.text(subject.verdict.traits.look.phrase, 40)
            case "cause": values.sentence(subject.sentence, values.width)
            case "since": values.time(subject.since)
            case "lasted": values.lasted(subject.lastedMilliseconds)
            case "was": values.text(values.was(subject), 40)
            case "reason": values.text(subject.sentence.map(Values.inside), values.width)
            default: nil
            }
        }
    }

    private var only: Notice.Subject? { notice.count == 1 ? notice.subjects.first : nil }

    func child(named name: String) -> Any? {
        if name != last.name { last = (name, value(named: name)) }
        return last.value
    }

    private func value(named name: String) -> Any? {
        switch name {
        case "kind": return text(notice.kind.rawValue, 40)
        case "title": return text(title, 300)
        case "target", "name": return text(only?.check, 120)
        case "group": return text(only?.group, 80)
        case "verdict": return text(only?.verdict.traits.look.phrase, 40)
        case "cause":
            return sentence(only?.sentence ?? notice.sentence, max(width, 120) + (width >= 300 ? 200 : 0))
        case "reason": return text(Self.inside(only?.sentence ?? notice.sentence), max(width, 120))
        case "since": return time(only?.since)
        case "lasted": return lasted(only?.lastedMilliseconds)
        case "at": return time(notice.at)
        case "was": return text(was(only), 40)
        case "done": return notice.done.suffix(5).map { sentence($0, width) }
        case "hint": return sentence(notice.hint, width)
        case "link": return address(notice.link)
        case "acknowledge": return address(notice.acknowledgeLink)
        case "several": return notice.count > 1
        case "count": return Text(renderText: Formatting.count(notice.count))
        case "targets": return notice.subjects.prefix(subjects).map { Target($0, self) }
        case "more":
            let more = notice.count - min(subjects, notice.subjects.count)
            return more > 0 && notice.count > 1 ? Text(renderText: Formatting.count(more)) : Absent()
        case "repeated":
            return notice.repeated > 0 ? Text(renderText: notice.repeated.counted("time")) : Absent()
        case "late": return notice.isLate
        case "sender": return text(notice.sender, 80)
        default: return nil
        }
    }

    private func text(_ value: String?, _ limit: Int) -> Any {
        guard let value, !value.isEmpty else { return Absent() }
        return Text(renderText: escaping.escape(Redaction.quote(value, limit: limit)))
    }

    private func sentence(_ value: String?, _ limit: Int) -> Any {
        guard let value else { return Absent() }
        let names = notice.subjects.prefix(20).lazy.map(\.check)
        let whole = Sentence(Redaction.quote(value, limit: limit)).whole(except: names).text
        return whole.isEmpty ? Absent() : Text(renderText: escaping.escape(whole))
    }

    /// A sentence as a part of another one.
    private static func inside(_ sentence: String) -> String {
        var text = Substring(sentence)
        while let last = text.last, ".!".contains(last) { text.removeLast() }
        return String(text)
    }

    private func time(_ moment: Instant?) -> Any {
        moment.map { Text(renderText: escaping.escape(Formatting.time($0))) } ?? Absent()
    }

    private func lasted(_ milliseconds: Int64?) -> Any {
        milliseconds.map { Text(renderText: escaping.escape(Formatting.duration(.milliseconds($0)))) } ?? Absent()
    }

    private func address(_ link: String?) -> Any {
        link.map { Text(renderText: escaping.address(NoticeText.address($0))) } ?? Absent()
    }

    /// Of what is well again; ledgers may hold messages that do not say it.
    private func was(_ subject: Notice.Subject?) -> String? {
        guard notice.kind == .recovered, let subject else { return nil }
        return (subject.was ?? .down).traits.look.phrase
    }
}

/// How a kind of event looks where there is colour.
enum NoticeTone: Sendable {
    case good, fair, bad

    init(_ kind: Notice.Kind) {
        switch kind {
        case .recovered, .healed, .test, .acknowledged: self = .good
        case .slow, .flapping, .disagreement, .wakingTooLong, .certificate, .offline, .tookOver, .drift,
            .restoreUnproven:
            self = .fair
        case .down, .silent, .moderated, .gaveUp, .fleetRejected, .ledger, .snapshotFailed: self = .bad
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
