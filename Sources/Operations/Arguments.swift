package import StokerCore

/// The checked inputs of one call.
package struct Arguments: Sendable {
    private var values: [String: Value] = [:]

    private enum Value: Sendable {
        case text(String)
        case integer(Int)
        case flag(Bool)
        case instant(Instant)
        case duration(Duration)
        case texts([String])
    }

    /// Checks what came in against the operation's parameters and fills in what is standard.
    /// - Parameter given: names and values as they came: strings from an address, any scalar from a JSON body.
    /// - Throws: `usage` with every problem at once: unknown names (and the nearest known one), repeated names, values that do
    ///   not fit, missing ones.
    package init(_ given: [(name: String, value: JSONValue)], for operation: Operation, now: Instant) throws(Failure) {
        var problems: [String] = []
        var namesAreWrong = false
        let known = operation.parameters.map(\.name)
        for (name, value) in given {
            guard let parameter = operation.parameters.first(where: { $0.name == name }) else {
                let near = NearestName.of(name, among: known).map { "; did you mean \"\($0)\"?" } ?? ""
                namesAreWrong = true
                problems.append("\"\(name.shortened)\" is not a parameter of \(operation.name)\(near)")
                continue
            }
            guard values[name] == nil else {
                problems.append("\"\(name)\" is given twice")
                continue
            }
            guard !value.isNull else { continue }
            switch Self.read(value, as: parameter.kind, now: now) {
            case .success(let read): values[name] = read
            case .failure(let problem): problems.append("\"\(name)\" \(problem.text)")
            }
        }
        for parameter in operation.parameters where values[parameter.name] == nil {
            if let standard = parameter.standard,
                case .success(let read) = Self.read(standard, as: parameter.kind, now: now)
            {
                values[parameter.name] = read
            } else if parameter.required, !given.contains(where: { $0.name == parameter.name && !$0.value.isNull }) {
                problems.append("\"\(parameter.name)\" is missing (\(parameter.kind.expectation))")
            }
        }
        guard problems.isEmpty else {
            throw Failure(
                .usage, doing: operation.doing, because: problems.joined(separator: "; "),
                hint: !namesAreWrong
                    ? nil : known.isEmpty ? "it takes no parameters" : "it takes \(known.joined(separator: ", "))")
        }
    }

    package func text(_ name: String) -> String? { if case .text(let value) = values[name] { value } else { nil } }
    package func integer(_ name: String) -> Int? { if case .integer(let value) = values[name] { value } else { nil } }
    package func flag(_ name: String) -> Bool { if case .flag(let value) = values[name] { value } else { false } }
    package func instant(_ name: String) -> Instant? {
        if case .instant(let value) = values[name] { value } else { nil }
    }
    package func duration(_ name: String) -> Duration? {
        if case .duration(let value) = values[name] { value } else { nil }
    }
    package func texts(_ name: String) -> [String] { if case .texts(let value) = values[name] { value } else { [] } }
    /// A parameter that cannot be missing: of the path, required, or with a standard value.
    package func name(_ name: String = "name") -> String { text(name) ?? "" }

    private struct Problem: Error { var text: String }

    private static func read(_ value: JSONValue, as kind: Operation.Parameter.Kind, now: Instant) -> Result<
        Value, Problem
    > {
        let text = value.string
        let wrong = Problem(text: "is \(shown(value)); expected \(kind.expectation)")
        switch kind {
        case .text(let limit):
            guard let text else { return .failure(wrong) }
            guard text.count <= limit else { return .failure(Problem(text: "is longer than \(limit) characters")) }
            return .success(.text(text))
        case .integer(let range):
            guard let number = text.map({ Int($0) }) ?? value.integer, range.contains(number) else {
                return .failure(wrong)
            }
            return .success(.integer(number))
        case .flag:
            switch (value.bool, text) {
            case (let flag?, _): return .success(.flag(flag))
            case (_, "true"), (_, "1"), (_, ""): return .success(.flag(true))
            case (_, "false"), (_, "0"): return .success(.flag(false))
            default: return .failure(wrong)
            }
        case .instant(let ago):
            if let instant = text.flatMap({ Instant(rfc3339: $0) }) { return .success(.instant(instant)) }
            if ago, let span = text.flatMap({ Duration(text: $0) }) { return .success(.instant(now - span)) }
            return .failure(wrong)
        case .duration:
            guard let span = text.flatMap({ Duration(text: $0) }), span > .zero else { return .failure(wrong) }
            return .success(.duration(span))
        case .choice(let choices):
            guard let text, choices.contains(text) else { return .failure(misspelt(text, choices) ?? wrong) }
            return .success(.text(text))
        case .choices(let choices):
            let parts = text.map { $0.split(separator: ",").map(String.init) } ?? value.array?.compactMap(\.string)
            guard let parts, parts.count == (value.array?.count ?? parts.count) else { return .failure(wrong) }
            if let odd = parts.first(where: { !choices.contains($0) }) {
                return .failure(misspelt(odd, choices) ?? wrong)
            }
            return .success(.texts(parts))
        }
    }

    private static func misspelt(_ text: String?, _ choices: [String]) -> Problem? {
        guard let text, let near = NearestName.of(text, among: choices) else { return nil }
        return Problem(
            text: "is \"\(text.shortened)\"; did you mean \"\(near)\"? Allowed: \(choices.joined(separator: ", "))")
    }

    private static func shown(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): "\"\(text.shortened)\""
        case .array: "a list"
        case .object: "an object"
        default: value.text
        }
    }
}

extension Operation.Parameter.Kind {
    /// What fits, in words.
    package var expectation: String {
        switch self {
        case .text(let limit): "text of at most \(limit) characters"
        case .integer(let range):
            range.upperBound == .max
                ? "a whole number from \(range.lowerBound)" : "a whole number \(range.lowerBound)…\(range.upperBound)"
        case .flag: "true or false"
        case .instant(ago: true): "a time such as 2026-11-21T08:15:00Z, or a duration such as 24h for that long ago"
        case .instant(ago: false): "a time such as 2026-11-21T08:15:00Z"
        case .duration: "a duration such as 30s, 5m or 2h"
        case .choice(let choices): "one of \(choices.joined(separator: ", "))"
        case .choices(let choices): "some of \(choices.joined(separator: ", ")), joined by commas"
        }
    }
}

extension String {
    /// At most 60 characters of something a stranger sent, for a message.
    package var shortened: String { count <= 60 ? self : String(prefix(59)) + "…" }
}
