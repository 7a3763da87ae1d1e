import Foundation
package import StokerCore

/// The checked inputs of one call.
package struct Arguments: Sendable {
    private var values: [String: Value] = [:]

    private enum Value: Sendable {
        case text(String)
        case secret(Secret)
        case integer(Int)
        case flag(Bool)
        case instant(Instant)
        case duration(Duration)
        case bytes([UInt8])
        case list([Value])
        case object(Arguments)
    }

    /// Checks what came in against the operation's parameters and fills in what is standard.
    /// - Parameters:
    ///   - given: names and values as they came: strings from an address, anything from a JSON body.
    ///   - isLocal: the caller is this process, so that it may name folders of its disk.
    /// - Throws: `usage` with every problem at once: unknown names (and the nearest known one), repeated names, values that do
    ///   not fit, missing ones; in nested inputs with their place, as in `files[2].path`.
    package init(
        _ given: [(name: String, value: JSONValue)], for operation: Operation, now: Instant, isLocal: Bool = false
    ) throws(Failure) {
        var reading = Reading(now: now)
        let parameters = operation.parameters.filter { isLocal || $0.location != .local }
        values = reading.members(given, parameters, owner: "a parameter of \(operation.name)", at: "")
        guard reading.problems.isEmpty else {
            let names = parameters.map(\.name)
            throw Failure(
                .usage, doing: operation.doing, because: reading.text,
                hint: !reading.namesAreWrong
                    ? nil : names.isEmpty ? "it takes no parameters" : "it takes \(names.joined(separator: ", "))")
        }
    }

    private init(_ values: [String: Value]) { self.values = values }

    /// Whether it was given or has a standard value.
    package func has(_ name: String) -> Bool { values[name] != nil }
    /// Also of a choice; nil when it was not given. So are all below.
    package func text(_ name: String) -> String? { if case .text(let value) = values[name] { value } else { nil } }
    package func secret(_ name: String) -> Secret? { if case .secret(let value) = values[name] { value } else { nil } }
    package func integer(_ name: String) -> Int? { if case .integer(let value) = values[name] { value } else { nil } }
    /// False when it was not given.
    package func flag(_ name: String) -> Bool { if case .flag(let value) = values[name] { value } else { false } }
    package func instant(_ name: String) -> Instant? {
        if case .instant(let value) = values[name] { value } else { nil }
    }
    package func duration(_ name: String) -> Duration? {
        if case .duration(let value) = values[name] { value } else { nil }
    }
    package func bytes(_ name: String) -> [UInt8]? { if case .bytes(let value) = values[name] { value } else { nil } }
    /// The texts of a list; empty when it was not given.
    package func texts(_ name: String) -> [String] {
        guard case .list(let items) = values[name] else { return [] }
        return items.compactMap { if case .text(let value) = $0 { value } else { nil } }
    }
    /// The objects of a list; empty when it was not given.
    package func objects(_ name: String) -> [Arguments] {
        guard case .list(let items) = values[name] else { return [] }
        return items.compactMap { if case .object(let value) = $0 { value } else { nil } }
    }
    /// The members of an object.
    package func object(_ name: String) -> Arguments? {
        if case .object(let value) = values[name] { value } else { nil }
    }
    /// A parameter that cannot be missing: of the path, required, or with a standard value.
    package func name(_ name: String = "name") -> String { text(name) ?? "" }
}

extension Arguments {
    /// Reads values by their kinds and collects what is wrong.
    private struct Reading {
        let now: Instant
        var problems: [String] = []
        var namesAreWrong = false
        /// More than this many are counted, not told.
        private static let most = 20

        init(now: Instant) { self.now = now }

        var text: String {
            let rest = problems.count - Self.most
            return problems.prefix(Self.most).joined(separator: "; ") + (rest > 0 ? "; and \(rest) more" : "")
        }

        /// - Parameter place: where the members are, with its dot: `files[2].`; empty for the operation's own.
        mutating func members(
            _ given: [(name: String, value: JSONValue)], _ parameters: [Operation.Parameter], owner: String,
            at place: String
        ) -> [String: Value] {
            var values: [String: Value] = [:]
            var wrong: Set<String> = []
            for (name, value) in given {
                guard let parameter = parameters.first(where: { $0.name == name }) else {
                    let near =
                        ClosestMatch.of(name, among: parameters.map(\.name)).map { "; did you mean \"\(place)\($0)\"?" }
                        ?? ""
                    if place.isEmpty { namesAreWrong = true }
                    problems.append("\"\(place)\(name.shortened)\" is not \(owner)\(near)")
                    continue
                }
                var value = value
                if case .list(let item, let limit) = parameter.kind, value.array == nil, !value.isNull {
                    // In a query the name comes once for each item.
                    value = .array([value])
                    if case .list(let before) = values[name] {
                        if let read = read(value, .list(item, upTo: max(0, limit - before.count)), at: place + name),
                            case .list(let more) = read
                        {
                            values[name] = .list(before + more)
                        }
                        continue
                    }
                }
                guard values[name] == nil else {
                    problems.append("\"\(place)\(name)\" is given twice")
                    continue
                }
                guard !value.isNull else { continue }
                if let text = value.string, let instead = parameter.retired[text.lowercased()] {
                    problems.append("\"\(place)\(name)\" is \"\(text)\", which is no more; \(instead)")
                    wrong.insert(name)
                    continue
                }
                if let read = read(value, parameter.kind, at: place + name) {
                    values[name] = read
                } else {
                    wrong.insert(name)
                }
            }
            for parameter in parameters where values[parameter.name] == nil && !wrong.contains(parameter.name) {
                if let defaultValue = parameter.defaultValue {
                    values[parameter.name] = read(defaultValue, parameter.kind, at: place + parameter.name)
                } else if parameter.required {
                    problems.append("\"\(place)\(parameter.name)\" is missing (\(parameter.kind.expectation))")
                }
            }
            return values
        }

        private mutating func wrong(_ place: String, _ text: String) -> Value? {
            problems.append("\"\(place)\" \(text)")
            return nil
        }

        mutating func read(_ value: JSONValue, _ kind: Operation.Parameter.Kind, at place: String) -> Value? {
            let text = value.string
            func unfit() -> String { "is \(Reading.shown(value)); expected \(kind.expectation)" }
            switch kind {
            case .text(let limit):
                guard let text else { return wrong(place, unfit()) }
                guard fits(text, limit) else { return wrong(place, "is longer than \(limit) characters") }
                return .text(text)
            case .secret(let limit):
                // What came in its place may be one.
                guard let text else { return wrong(place, "is no text") }
                guard fits(text, limit) else { return wrong(place, "is longer than \(limit) characters") }
                return .secret(Secret(text))
            case .integer(let range):
                guard let number = text.map({ Int($0) }) ?? value.integer, range.contains(number) else {
                    return wrong(place, unfit())
                }
                return .integer(number)
            case .flag:
                switch (value.bool, text) {
                case (let flag?, _): return .flag(flag)
                case (_, "true"), (_, "1"), (_, ""): return .flag(true)
                case (_, "false"), (_, "0"): return .flag(false)
                default: return wrong(place, unfit())
                }
            case .instant(let ago):
                if let instant = text.flatMap({ Instant(rfc3339: $0) }) { return .instant(instant) }
                if ago, let span = text.flatMap({ Duration(text: $0) }) { return .instant(now - span) }
                return wrong(place, unfit())
            case .duration:
                guard let span = text.flatMap({ Duration(text: $0) }), span > .zero else {
                    return wrong(place, unfit())
                }
                return .duration(span)
            case .choice(let choices):
                guard let text, choices.contains(text) else {
                    return wrong(place, Reading.misspelt(text, choices) ?? unfit())
                }
                return .text(text)
            case .choices(let choices):
                let parts = text.map { $0.split(separator: ",").map(String.init) } ?? value.array?.compactMap(\.string)
                guard let parts, parts.count == (value.array?.count ?? parts.count) else {
                    return wrong(place, unfit())
                }
                if let odd = parts.first(where: { !choices.contains($0) }) {
                    return wrong(place, Reading.misspelt(odd, choices) ?? unfit())
                }
                return .list(parts.map { .text($0) })
            case .bytes(let limit):
                guard let text else { return wrong(place, "is \(Reading.shown(value)); expected \(kind.expectation)") }
                // Four characters hold three bytes.
                guard text.utf8.count / 4 <= limit / 3 + 1 else {
                    return wrong(place, "holds more than \(limit) bytes")
                }
                guard let data = Data(base64Encoded: text) else { return wrong(place, "is not base64 (RFC 4648)") }
                guard data.count <= limit else { return wrong(place, "holds more than \(limit) bytes") }
                return .bytes(Array(data))
            case .list(let item, let limit):
                // What came in place of a list or an object may hold a secret.
                guard let items = value.array else { return wrong(place, "is no list; expected \(kind.expectation)") }
                guard items.count <= limit else { return wrong(place, "has more than \(limit) items") }
                let before = problems.count
                var read: [Value] = []
                for (index, value) in items.enumerated() {
                    if let value = self.read(value, item, at: items.count == 1 ? place : "\(place)[\(index)]") {
                        read.append(value)
                    }
                }
                return problems.count == before ? .list(read) : nil
            case .object(let parameters):
                guard let members = value.members else {
                    return wrong(place, "is no object; expected \(kind.expectation)")
                }
                let before = problems.count
                let read = self.members(
                    members.map { ($0.name, $0.value) }, parameters, owner: "a member of \(place)", at: place + ".")
                return problems.count == before ? .object(Arguments(read)) : nil
            }
        }

        /// As JSON Schema counts: Unicode's characters, not what a reader takes for one.
        private func fits(_ text: String, _ limit: Int) -> Bool {
            text.utf8.count <= limit || text.unicodeScalars.count <= limit
        }

        private static func misspelt(_ text: String?, _ choices: [String]) -> String? {
            guard let text, let near = ClosestMatch.of(text, among: choices) else { return nil }
            return "is \"\(text.shortened)\"; did you mean \"\(near)\"? Allowed: \(choices.joined(separator: ", "))"
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
}

extension Operation.Parameter.Kind {
    /// What fits, in words.
    package var expectation: String {
        switch self {
        case .text(let limit): "text of at most \(limit) characters"
        case .secret(let limit): "text of at most \(limit) characters, which is never shown"
        case .integer(let range):
            range.upperBound == .max
                ? "a whole number from \(range.lowerBound)" : "a whole number \(range.lowerBound)…\(range.upperBound)"
        case .flag: "true or false"
        case .instant(ago: true): "a time such as 2026-11-21T08:15:00Z, or a duration such as 24h for that long ago"
        case .instant(ago: false): "a time such as 2026-11-21T08:15:00Z"
        case .duration: "a duration such as 30s, 5m or 2h"
        case .choice(let choices): "one of \(choices.joined(separator: ", "))"
        case .choices(let choices): "some of \(choices.joined(separator: ", ")), joined by commas"
        case .bytes(let limit): "base64 of at most \(limit) bytes"
        case .list(let item, let limit): "a list of at most \(limit), each \(item.expectation)"
        case .object(let members):
            "an object with \(members.map { $0.required ? "\"\($0.name)\"" : "\"\($0.name)\" (optional)" }.joined(separator: ", "))"
        }
    }

    /// The input as JSON Schema 2020-12, for OpenAPI and for MCP.
    /// One unit at least, from large to small. `Duration(text:)` reads it.
    private static let durationPattern =
        "^([1-9][0-9]{0,3}d([0-9]{1,5}h)?|[1-9][0-9]{0,4}h)([0-9]{1,5}m)?([0-9]{1,5}s)?$|^[1-9][0-9]{0,5}m([0-9]{1,5}s)?$|^[1-9][0-9]{0,6}(s|ms)$"

    package var schema: JSONValue {
        switch self {
        case .text(let limit): ["type": "string", "maxLength": .integer(Int64(limit))]
        case .secret(let limit):
            ["type": "string", "format": "password", "writeOnly": true, "maxLength": .integer(Int64(limit))]
        case .integer(let range):
            range.upperBound == .max
                ? ["type": "integer", "minimum": .integer(Int64(range.lowerBound))]
                : [
                    "type": "integer", "minimum": .integer(Int64(range.lowerBound)),
                    "maximum": .integer(Int64(range.upperBound)),
                ]
        case .flag: ["type": "boolean"]
        case .instant(ago: false): ["type": "string", "format": "date-time"]
        case .instant(ago: true):
            [
                "type": "string", "examples": ["2026-11-21T08:15:00Z", "24h"],
                "anyOf": [["format": "date-time"], ["pattern": .string(Self.durationPattern)]],
            ]
        case .duration: ["type": "string", "examples": ["2h"], "pattern": .string(Self.durationPattern)]
        case .choice(let choices): ["type": "string", "enum": .array(choices.map { .string($0) })]
        case .choices(let choices):
            [
                "type": "string",
                "pattern": .string("^((\(choices.joined(separator: "|")))(,(\(choices.joined(separator: "|"))))*)?$"),
                "description": .string("Some of \(choices.joined(separator: ", ")), joined by commas"),
            ]
        case .bytes(let limit):
            [
                "type": "string", "contentEncoding": "base64", "maxLength": .integer(Int64((limit + 2) / 3 * 4)),
                "pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
            ]
        case .list(let item, let limit):
            ["type": "array", "items": item.schema, "maxItems": .integer(Int64(limit))]
        case .object(let members): Operation.Parameter.schema(of: members)
        }
    }
}

extension Operation.Parameter {
    /// With its default, without its description.
    package var schema: JSONValue {
        kind.schema.adding(
            (defaultValue.map { [.init("default", $0)] } ?? []) + (form.map { [.init("pattern", .string($0))] } ?? []))
    }

    /// An object with these members.
    /// - Parameter hasNull: whether null stands for what is not given: true in JSON, false in a form.
    package static func schema(of parameters: [Operation.Parameter], hasNull: Bool = true) -> JSONValue {
        let required = parameters.filter(\.required).map { JSONValue.string($0.name) }
        return .object(
            [
                .init("type", "object"), .init("additionalProperties", false),
                .init(
                    "properties",
                    .object(
                        parameters.map { parameter in
                            // Null is as good as not given.
                            let own = parameter.required || !hasNull ? parameter.schema : parameter.schema.orNull
                            // Some kinds say more of themselves.
                            let told = own["description"]?.string.map { "\(parameter.summary). \($0)" }
                            let members = (own.members ?? []).filter { $0.name != "description" }
                            return .init(
                                parameter.name,
                                .object(members + [.init("description", .string(told ?? parameter.summary))]))
                        })),
            ] + (required.isEmpty ? [] : [.init("required", .array(required))]))
    }
}

extension JSONValue {
    /// A schema of the same or null.
    fileprivate var orNull: JSONValue {
        guard case .object(var members) = self, let place = members.firstIndex(where: { $0.name == "type" }),
            members[place].value.string != nil
        else { return self }
        members[place].value = [members[place].value, "null"]
        if let choices = members.firstIndex(where: { $0.name == "enum" }) {
            members[choices].value = .array((members[choices].value.array ?? []) + [.null])
        }
        return .object(members)
    }
}

extension Operation {
    /// All inputs that a caller elsewhere can give, as one JSON Schema.
    package var inputSchema: JSONValue { Parameter.schema(of: parameters.filter { $0.location != .local }) }
}

extension String {
    /// At most 60 characters of something a stranger sent, for a message.
    package var shortened: String { count <= 60 ? self : String(prefix(59)) + "…" }
}
