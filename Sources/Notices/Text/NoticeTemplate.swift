import Mustache
import StokerCore
import Synchronization

/// The words of a message: a Mustache template for its title and one for its text.
///
/// What stands in the template is written as it is; values are escaped for the channel before they are put in, so `{{x}}`, `{{{x}}}` and
/// `{{&x}}` are the same.
struct NoticeTemplate: Sendable {
    var title: MustacheTemplate
    var text: MustacheTemplate

    /// A person's own text may have so many bytes.
    static let mostBytes = 4_096

    /// Names that a template may use, in the order of the docs.
    static let names = [
        "kind", "title", "target", "targets", "verdict", "cause", "since", "lasted", "at", "done", "hint", "link",
        "acknowledge", "several", "count", "more", "repeated", "late", "sender", "name", "group", "was", "reason",
    ]

    /// Why a text is no template, in words that fit behind it; nil when it is one.
    static func fault(_ text: String) -> String? {
        if text.utf8.count > mostBytes { return "has more than \(mostBytes) bytes" }
        if let fault = tagFault(text) { return fault }
        do {
            _ = try compiled(text)
            return nil
        } catch let error as MustacheTemplate.ParserError {
            return "is not a Mustache template: \(words(for: error.error)) in its line \(error.context.lineNumber)"
        } catch {
            return "is not a Mustache template"
        }
    }

    /// Values come escaped: Mustache would do it for HTML once more.
    static func compiled(_ text: String) throws -> MustacheTemplate {
        try MustacheTemplate(string: "{{% CONTENT_TYPE:TEXT}}" + text)
    }

    private static func words(for error: any Error) -> String {
        guard let error = error as? MustacheTemplate.Error else { return "something cannot be read" }
        switch error {
        case .sectionCloseNameIncorrect: return "a section is closed under another name"
        case .unfinishedName: return "a tag has no name or no end"
        case .expectedSectionEnd: return "a section is not closed"
        default: return "something cannot be read"
        }
    }

    /// Looks at every tag: a name that nobody fills in would be empty without a word. What a message never needs is not taken.
    private static func tagFault(_ text: String) -> String? {
        var open: [Substring] = []
        var rest = text[...]
        while let start = rest.firstRange(of: "{{") {
            rest = rest[start.upperBound...]
            let isTriple = rest.first == "{"
            if isTriple { rest = rest.dropFirst() }
            guard let end = rest.firstRange(of: isTriple ? "}}}" : "}}") else { return "has a tag that does not end" }
            var tag = rest[..<end.lowerBound]
            rest = rest[end.upperBound...]
            let sign = tag.first
            if sign == "!" { continue }
            if let sign, "<>$=%".contains(sign) {
                return "has the tag {{\(tag.prefix(40))}}; partials, blocks, pragmas and other delimiters are not taken"
            }
            if let sign, "#^/&".contains(sign) { tag = tag.dropFirst() }
            let name = Substring(String(tag).filter { !$0.isWhitespace })
            if name == "." { continue }
            guard names.contains(String(name)) else {
                let hint = ClosestMatch.of(String(name), among: names).map { "did you mean {{\($0)}}?" }
                return
                    "names {{\(name.prefix(40))}}, which a message does not have; \(hint ?? "known are \(names.joined(separator: ", "))")"
            }
            switch sign {
            case "#", "^":
                if sign == "#", name == "targets" || name == "done", open.contains(name) {
                    return "goes through {{#\(name)}} inside itself"
                }
                open.append(name)
            case "/": if open.last == name { open.removeLast() }
            default: break
            }
        }
        return nil
    }

    /// The built-in words of each kind.
    static let standard: [Notice.Kind: NoticeTemplate] = {
        var table: [Notice.Kind: NoticeTemplate] = [:]
        for (kind, words) in NoticeWords.all {
            // A test compiles each.
            guard let title = try? compiled(words.title), let text = try? compiled(words.text)
            else { continue }
            table[kind] = NoticeTemplate(title: title, text: text)
        }
        return table
    }()
}

/// A person's own templates, read once each.
final class CompiledTemplates: Sendable {
    private let known = Mutex<[String: MustacheTemplate]>([:])
    /// More than a fleet file needs; behind that it begins anew.
    static let most = 200

    /// - Returns: nil when the text is no template.
    func compiled(_ text: String) -> MustacheTemplate? {
        if let template = known.withLock({ $0[text] }) { return template }
        guard let template = try? NoticeTemplate.compiled(text) else { return nil }
        known.withLock { known in
            if known.count >= Self.most { known = [:] }
            known[text] = template
        }
        return template
    }
}

/// The built-in templates as they are written.
struct NoticeWords: Sendable {
    /// For one target, for several, and for none.
    var title: String
    var text: String

    /// - Parameter story: in place of the cause, the list and when it was.
    private init(
        one: String, many: String? = nil, none: String? = nil, when: String = "Since {{since}}.", story: String? = nil
    ) {
        let one = "{{#target}}\(one){{/target}}"
        let alone = none.map { "{{^target}}\($0){{/target}}" } ?? ""
        title = many.map { "{{^several}}\(one)\(alone){{/several}}{{#several}}\($0){{/several}}" } ?? (none ?? one)
        text =
            Self.late
            + (story
                ?? "{{#cause}}{{cause}}\n{{/cause}}" + Self.list + "{{^several}}{{#since}}\(when)\n{{/since}}"
                + "{{#lasted}}It lasted {{lasted}}.\n{{/lasted}}{{/several}}") + Self.end
    }

    private static let late =
        "{{#late}}This message is late: it happened at {{at}} and could not be sent then.\n{{/late}}"
    private static let list =
        "{{#several}}{{#targets}}• {{name}}: {{verdict}}{{#since}} since {{since}}{{/since}}{{#lasted}} after {{lasted}}{{/lasted}}"
        + "{{#cause}}. {{cause}}{{/cause}}\n{{/targets}}{{#more}}• and {{more}} more\n{{/more}}{{/several}}"
    /// What is over is told as such: `Was down for 12 min: the connection was refused.`
    private static let past =
        "{{^several}}{{#was}}Was {{was}}\(Self.span).\n{{/was}}{{#since}}Up since {{since}}.\n{{/since}}{{/several}}"
        + "{{#several}}{{#targets}}• {{name}}: was {{was}}\(Self.span)\n{{/targets}}"
        + "{{#more}}• and {{more}} more\n{{/more}}{{/several}}"
    private static let span = "{{#lasted}} for {{lasted}}{{/lasted}}{{#reason}}: {{reason}}{{/reason}}"
    private static let end =
        "{{#done}}{{.}}\n{{/done}}{{#hint}}Hint: {{hint}}\n{{/hint}}{{#repeated}}Told {{repeated}} before.\n{{/repeated}}"
        + "{{#sender}}Sent by {{sender}}.\n{{/sender}}"

    private static let still = "{{#repeated}}still {{/repeated}}"

    static let all: [(Notice.Kind, NoticeWords)] = Notice.Kind.allCases.map { ($0, words(of: $0)) }

    static func words(of kind: Notice.Kind) -> NoticeWords {
        switch kind {
        case .down:
            NoticeWords(
                one: "{{target}} is \(still)down", many: "{{count}} targets are \(still)down",
                none: "The platform \(still)has an incident", when: "Down since {{since}}.")
        case .recovered:
            NoticeWords(
                one: "{{target}} is up again", many: "{{count}} targets are up again",
                none: "The platform's incident is over", story: past)
        case .slow: NoticeWords(one: "{{target}} is \(still)slow", many: "{{count}} targets are \(still)slow")
        case .wakingTooLong:
            NoticeWords(
                one: "{{target}} takes too long to wake up", many: "{{count}} targets take too long to wake up",
                when: "Waking since {{since}}.")
        case .flapping: NoticeWords(one: "{{target}} comes and goes", many: "{{count}} targets come and go")
        case .disagreement:
            NoticeWords(
                one: "The Hub and a visitor disagree about {{target}}",
                many: "The Hub and visitors disagree about {{count}} targets")
        case .moderated:
            NoticeWords(
                one: "{{target}} was flagged by the platform", many: "{{count}} targets were flagged by the platform")
        case .healed: NoticeWords(one: "Stoker healed {{target}}", many: "Stoker healed {{count}} targets")
        case .gaveUp:
            NoticeWords(one: "Stoker gave up healing {{target}}", many: "Stoker gave up healing {{count}} targets")
        case .certificate:
            NoticeWords(
                one: "The certificate of {{target}} needs attention",
                many: "The certificates of {{count}} targets need attention")
        case .silent:
            NoticeWords(
                one: "{{target}} is \(still)silent", many: "{{count}} jobs are \(still)silent",
                when: "Silent since {{since}}.")
        case .offline: NoticeWords(one: "", none: "Stoker lost its own connection")
        case .fleetRejected: NoticeWords(one: "", none: "The fleet file was rejected")
        case .ledger: NoticeWords(one: "", none: "Stoker's ledger has trouble")
        case .tookOver: NoticeWords(one: "", none: "The second master has taken over")
        case .snapshotFailed:
            NoticeWords(
                one: "The state of {{target}} is not safe", many: "The states of {{count}} targets are not safe")
        case .restoreUnproven:
            NoticeWords(
                one: "No restore of {{target}} is proven", many: "No restore of {{count}} targets is proven")
        case .drift:
            NoticeWords(
                one: "{{target}} is otherwise than the fleet file says",
                many: "{{count}} Spaces are otherwise than the fleet file says",
                none: "Spaces are otherwise than the fleet file says")
        case .acknowledged: NoticeWords(one: "{{target}} was acknowledged", many: "{{count}} targets were acknowledged")
        case .test: NoticeWords(one: "", none: "Test message from Stoker")
        }
    }
}
