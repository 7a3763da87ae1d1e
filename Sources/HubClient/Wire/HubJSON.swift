import FoundationEssentials

/// Any JSON, kept as it came: what the Hub says beyond what we know is not lost, and never breaks us.
package enum HubJSON: Sendable, Hashable, Codable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([HubJSON])
    case object([String: HubJSON])

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([HubJSON].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: HubJSON].self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }

    package subscript(key: String) -> HubJSON? {
        if case .object(let fields) = self { return fields[key] }
        return nil
    }
    package var string: String? {
        if case .string(let value) = self { return value }
        return nil
    }
    package var bool: Bool? {
        if case .bool(let value) = self { return value }
        return nil
    }
    package var number: Double? {
        if case .number(let value) = self { return value }
        return nil
    }
    package var int: Int? { number.flatMap { Int(exactly: $0) } }
    package var array: [HubJSON]? {
        if case .array(let value) = self { return value }
        return nil
    }
    package var object: [String: HubJSON]? {
        if case .object(let value) = self { return value }
        return nil
    }
    package var strings: [String]? { array.map { $0.compactMap(\.string) } }
    package var isNull: Bool { self == .null }
}
