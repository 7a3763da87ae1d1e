package import FoundationEssentials
package import NIOCore
import NIOFoundationCompat

/// A JSON value whose shape is the answer's own: the simulator shares no types with any client.
package enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    /// An object without the members that are nil.
    package static func object(dropping members: [String: JSON?]) -> JSON { .object(members.compactMapValues { $0 }) }
    package static func text(_ value: String?) -> JSON { value.map(JSON.string) ?? .null }
    package static func strings(_ values: [String]) -> JSON { .array(values.map(JSON.string)) }
    /// ISO 8601 in UTC with milliseconds, as the Hub writes it. A commit may claim any time: what is outside of the years 1 to 9999 is
    /// shown as their nearest end.
    package static func date(_ value: Date) -> JSON {
        let seconds = min(max(value.timeIntervalSince1970, -62_135_596_800), 253_402_300_799)
        let date = Date(timeIntervalSince1970: seconds)
        return .string(date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
    }

    package subscript(key: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members[key]
    }
    package var string: String? { if case .string(let value) = self { value } else { nil } }
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var int: Int? {
        switch self {
        case .int(let value): value
        case .double(let value): Int(exactly: value)
        default: nil
        }
    }
    package var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
    package var object: [String: JSON]? { if case .object(let value) = self { value } else { nil } }
    package var isNull: Bool { self == .null }

    package init(decoding buffer: ByteBuffer) throws {
        self = try JSONDecoder().decode(JSON.self, from: Data(buffer: buffer, byteTransferStrategy: .noCopy))
    }

    package func encoded() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        return try encoder.encode(self)
    }
}

extension JSON: Codable {
    package init(from decoder: any Decoder) throws {
        // The kinds are tried one after another, the frequent ones first: a refusal is the answer, not an error.
        let box = try decoder.singleValueContainer()
        if box.decodeNil() {
            self = .null
        } else if let value = try? box.decode(String.self) {
            self = .string(value)
        } else if let box = try? decoder.container(keyedBy: Name.self) {
            var members: [String: JSON] = [:]
            for key in box.allKeys { members[key.stringValue] = try box.decode(JSON.self, forKey: key) }
            self = .object(members)
        } else if let value = try? box.decode(Int.self) {
            self = .int(value)
        } else if let value = try? box.decode(Bool.self) {
            self = .bool(value)
        } else if var box = try? decoder.unkeyedContainer() {
            var values: [JSON] = []
            while !box.isAtEnd { values.append(try box.decode(JSON.self)) }
            self = .array(values)
        } else {
            self = .double(try box.decode(Double.self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .object(let members):
            var box = encoder.container(keyedBy: Name.self)
            for (key, value) in members { try box.encode(value, forKey: Name(key)) }
        case .array(let values):
            var box = encoder.unkeyedContainer()
            for value in values { try box.encode(value) }
        case .null:
            var box = encoder.singleValueContainer()
            try box.encodeNil()
        case .bool(let value):
            var box = encoder.singleValueContainer()
            try box.encode(value)
        case .int(let value):
            var box = encoder.singleValueContainer()
            try box.encode(value)
        case .double(let value):
            var box = encoder.singleValueContainer()
            try box.encode(value)
        case .string(let value):
            var box = encoder.singleValueContainer()
            try box.encode(value)
        }
    }

    private struct Name: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral, ExpressibleByFloatLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .int(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(floatLiteral value: Double) { self = .double(value) }
    package init(nilLiteral: ()) { self = .null }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(Dictionary(elements) { _, last in last })
    }
}
