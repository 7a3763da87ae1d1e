/// JSON as the Hub sent it, kept beside what we understand of it: a field that nobody has written down yet is still shown, and one that
/// changed its type breaks nothing.
package enum RawJSON: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([RawJSON])
    case object([String: RawJSON])

    /// The member of that name; nil when there is none or this is no object.
    package subscript(name: String) -> RawJSON? {
        if case .object(let members) = self { members[name] } else { nil }
    }
    package var string: String? { if case .string(let text) = self { text } else { nil } }
    package var bool: Bool? { if case .bool(let flag) = self { flag } else { nil } }
    package var array: [RawJSON]? { if case .array(let items) = self { items } else { nil } }
    package var object: [String: RawJSON]? { if case .object(let members) = self { members } else { nil } }
    package var isNull: Bool { self == .null }
    /// A whole number, also one that came as `4.0`.
    package var integer: Int? {
        switch self {
        case .integer(let value): value
        case .number(let value): Int(exactly: value)
        default: nil
        }
    }
    package var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }
}

extension RawJSON: Codable {
    private struct Name: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    package init(from decoder: any Decoder) throws {
        // Codable cannot tell what comes next but by trying; each of these fails when it is something else, and failing is slow: the
        // frequent ones come first.
        let single = try decoder.singleValueContainer()
        if single.decodeNil() {
            self = .null
        } else if let text = try? single.decode(String.self) {
            self = .string(text)
        } else if let container = try? decoder.container(keyedBy: Name.self) {
            var members: [String: RawJSON] = [:]
            for key in container.allKeys { members[key.stringValue] = try container.decode(RawJSON.self, forKey: key) }
            self = .object(members)
        } else if let flag = try? single.decode(Bool.self) {
            self = .bool(flag)
        } else if let number = try? single.decode(Int.self) {
            self = .integer(number)
        } else if var container = try? decoder.unkeyedContainer() {
            var items: [RawJSON] = []
            while !container.isAtEnd { items.append(try container.decode(RawJSON.self)) }
            self = .array(items)
        } else {
            self = .number(try single.decode(Double.self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .object(let members):
            var container = encoder.container(keyedBy: Name.self)
            for (name, value) in members { try container.encode(value, forKey: Name(name)) }
        case .array(let items):
            var container = encoder.unkeyedContainer()
            for item in items { try container.encode(item) }
        case .null:
            var container = encoder.singleValueContainer()
            try container.encodeNil()
        case .bool(let flag):
            var container = encoder.singleValueContainer()
            try container.encode(flag)
        case .integer(let value):
            var container = encoder.singleValueContainer()
            try container.encode(value)
        case .number(let value):
            var container = encoder.singleValueContainer()
            try container.encode(value)
        case .string(let text):
            var container = encoder.singleValueContainer()
            try container.encode(text)
        }
    }
}
