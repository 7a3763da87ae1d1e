import StokerCore

/// An object of another tool's file that remembers what was read of it, so that the rest can be told.
struct ForeignRecord {
    /// For messages: `monitor "API"`.
    var origin: String
    private let members: [JSONValue.Member]
    private var taken: Set<String> = []

    init(_ value: JSONValue?, origin: String) {
        self.origin = origin
        members = value?.members ?? []
    }

    /// The value of that name; nil for none and for null.
    mutating func take(_ name: String) -> JSONValue? {
        taken.insert(name)
        return members.first { $0.name == name }.flatMap { $0.value.isNull ? nil : $0.value }
    }

    /// Text that is not empty; a number counts as text.
    mutating func text(_ name: String) -> String? {
        guard let value = take(name) else { return nil }
        let text = value.string ?? value.integer.map(String.init) ?? value.double.map { "\($0)" } ?? ""
        return text.isEmpty ? nil : text
    }

    /// A number, also one in quotes.
    mutating func number(_ name: String) -> Double? {
        guard let value = take(name) else { return nil }
        return (value.double ?? value.string.flatMap { Double($0) }).flatMap { $0.isFinite ? $0 : nil }
    }

    /// `true`, `1` and `"true"`.
    mutating func flag(_ name: String) -> Bool? {
        guard let value = take(name) else { return nil }
        return value.bool ?? value.double.map { $0 != 0 }
            ?? value.string.flatMap { ["true": true, "false": false][$0] }
    }

    mutating func list(_ name: String) -> [JSONValue] { take(name)?.array ?? [] }

    /// What says nothing about how something is looked at: numbers of rows, colours, the present state.
    mutating func ignore(_ names: [String]) { taken.formUnion(names) }

    /// Names that were not asked for and whose value says something.
    var rest: [String] {
        members.filter { member in
            guard !taken.contains(member.name) else { return false }
            switch member.value {
            case .null, .bool(false), .integer(0), .string(""): return false
            case .array(let items): return !items.isEmpty
            case .object(let members): return !members.isEmpty
            default: return true
            }
        }.map(\.name)
    }
}

/// Values as they stand in a fleet file.
enum ImportedText {
    static func quoted(_ text: String) -> String { FleetDraft.quoted(text) }

    /// - Parameter bounds: what the key takes.
    static func seconds(_ seconds: Double, within bounds: ClosedRange<Double>) -> String {
        let milliseconds = (min(max(seconds, bounds.lowerBound), bounds.upperBound) * 1_000).rounded()
        return Duration.milliseconds(Int64(milliseconds)).text
    }

    static func list(_ texts: [String]) -> String { "[\(texts.map(quoted).joined(separator: ", "))]" }

    /// Text in which parts are variables of the file, in quotes.
    static func joined(_ pieces: [Piece]) -> String {
        guard pieces.contains(where: \.isVariable) else { return quoted(pieces.map(\.text).joined()) }
        return "\"" + pieces.map { $0.isVariable ? $0.text : escaped($0.text) }.joined() + "\""
    }

    struct Piece {
        var text: String
        /// ``text`` is `${NAME}` or `${NAME:-}`.
        var isVariable = false
    }

    /// Without the quotes around it; a space keeps the text from being taken for a plain word.
    private static func escaped(_ text: String) -> String {
        String(quoted(" " + text).dropFirst(2).dropLast())
    }

    /// Ranges of statuses as the file has them: `200`, `200-299`.
    static func statuses(_ accepted: Set<Int>) -> String {
        var parts: [String] = []
        var run: (first: Int, last: Int)?
        func end() {
            guard let run else { return }
            parts.append(run.first == run.last ? "\(run.first)" : "\(run.first)-\(run.last)")
        }
        for status in accepted.sorted() {
            if let now = run, now.last == status - 1 {
                run = (now.first, status)
            } else {
                end()
                run = (status, status)
            }
        }
        end()
        return parts.count == 1 ? parts[0] : "[\(parts.joined(separator: ", "))]"
    }
}

extension ImportedFleet {
    /// An address without what may be a secret in it.
    /// - Parameter entry: gets an `Authorization` header for a name and a password in the address.
    mutating func address(_ text: String, in entry: inout Entry, name: String) -> String {
        var text = text.filter { !$0.isNewline }
        if let scheme = text.firstRange(of: "://") {
            let rest = text[scheme.upperBound...]
            let authority = rest.prefix { !"/?#".contains($0) }
            if let at = authority.lastIndex(of: "@") {
                entry.set("headers", "Authorization", to: basic(name))
                text = String(text[..<scheme.upperBound]) + String(rest[rest.index(after: at)...])
            }
        }
        return hidden(text, Redaction.secrets(in: text), "\(name) address", "a secret part of the address of \(name)")
    }

    /// The value of a header with a name and a password.
    mutating func basic(_ name: String) -> String {
        let variable = variable("\(name) basic auth", "base64 of USER:PASSWORD for \(name)")
        return ImportedText.joined([.init(text: "Basic "), .init(text: variable, isVariable: true)])
    }

    mutating func header(_ header: String, _ value: String, in entry: inout Entry, name: String) {
        let isSecret = Redaction.isSecretName(header) || Redaction.text("\(header): \(value)") != "\(header): \(value)"
        let text =
            isSecret
            ? ImportedText.joined([
                .init(text: variable("\(name) \(header)", "header \(header) of \(name)"), isVariable: true)
            ]) : ImportedText.quoted(value)
        entry.set("headers", header, to: text)
    }

    /// A text that is sent, without what looks like a secret.
    mutating func body(_ text: String, in entry: inout Entry, name: String) {
        let isSecret = Redaction.text(text) != text
        entry.set(
            "body",
            to: isSecret
                ? ImportedText.joined([
                    .init(text: variable("\(name) body", "the body that is sent to \(name)"), isVariable: true)
                ])
                : ImportedText.quoted(text))
    }

    private mutating func hidden(_ text: String, _ secrets: [String], _ hint: String, _ what: String) -> String {
        var pieces = [ImportedText.Piece(text: text)]
        for secret in secrets where !secret.isEmpty {
            guard let place = pieces.firstIndex(where: { !$0.isVariable && $0.text.contains(secret) }),
                let range = pieces[place].text.firstRange(of: secret)
            else { continue }
            let whole = pieces[place].text
            pieces.replaceSubrange(
                place...place,
                with: [
                    .init(text: String(whole[..<range.lowerBound])),
                    .init(text: variable(hint, what), isVariable: true),
                    .init(text: String(whole[range.upperBound...])),
                ])
        }
        return ImportedText.joined(pieces.filter { !$0.text.isEmpty })
    }

    /// A value of a channel that is never copied.
    mutating func secret(_ hint: String, _ what: String) -> String {
        ImportedText.joined([.init(text: variable(hint, what), isVariable: true)])
    }
}
