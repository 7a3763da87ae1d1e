/// A JSON document whose objects keep the order they were made in: what operations answer with, what bodies are read into, and what
/// the Hub sent, kept beside what we understand of it, so that a field that nobody has written down yet is still shown.
package enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// Written as `null` when it is not finite: JSON has no other way to say it.
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([Member])

    /// A name and its value. Objects keep the order of their members.
    package struct Member: Sendable, Hashable {
        package var name: String
        package var value: JSONValue
        package init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// The member of that name of an object; nil when there is none or this is no object.
    package subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }
    /// The text; nil for every other kind of value.
    package var string: String? { if case .string(let text) = self { text } else { nil } }
    /// The flag; nil for every other kind of value.
    package var bool: Bool? { if case .bool(let flag) = self { flag } else { nil } }
    /// The items; nil for every other kind of value.
    package var array: [JSONValue]? { if case .array(let items) = self { items } else { nil } }
    /// The members in their order; nil for every other kind of value.
    package var members: [Member]? { if case .object(let members) = self { members } else { nil } }
    package var isNull: Bool { self == .null }
    /// Any number, as a double.
    package var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }
    /// A whole number, also one that came as `4.0`.
    package var integer: Int? {
        switch self {
        case .integer(let value): Int(exactly: value)
        case .number(let value): Int(exactly: value)
        default: nil
        }
    }

    /// This object with more members behind its own.
    package func adding(_ more: [Member]) -> JSONValue {
        .object((members ?? []) + more)
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(floatLiteral value: Double) { self = .number(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(nilLiteral: ()) { self = .null }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { Member($0.0, $0.1) })
    }
}
