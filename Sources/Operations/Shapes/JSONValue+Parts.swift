import StokerCore

extension JSONValue {
    static func text(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
    static func count(_ value: some BinaryInteger) -> JSONValue { .integer(Int64(clamping: value)) }
    static func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
    /// Null for "never".
    static func instant(_ instant: Instant?) -> JSONValue {
        guard let instant, !instant.isNever else { return .null }
        return .string(instant.description)
    }
    static func seconds(_ duration: Duration) -> JSONValue { .number(Double(duration.wholeMilliseconds) / 1_000) }
    /// Microseconds as milliseconds with three digits; null for zero, which means that there was none.
    static func milliseconds(_ microseconds: UInt32) -> JSONValue {
        microseconds == 0 ? .null : .number(Double(microseconds) / 1_000)
    }
}
