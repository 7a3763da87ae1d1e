enum RandomBytes {
    /// From the system's generator, which is fit for keys.
    static func make(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}

/// Appends numbers and texts.
struct RecordWriter {
    var bytes: [UInt8] = []

    mutating func byte(_ value: UInt8) { bytes.append(value) }
    /// LEB128.
    mutating func number(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
    mutating func number(_ value: Int) { number(UInt64(value)) }
    /// Zigzag, for times before 1970.
    mutating func signed(_ value: Int64) { number(UInt64(bitPattern: (value << 1) ^ (value >> 63))) }
    mutating func raw(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }
    mutating func block(_ more: some Collection<UInt8>) {
        number(more.count)
        bytes.append(contentsOf: more)
    }
    mutating func text(_ value: String) { block(Array(value.utf8)) }
    mutating func optional<Value>(_ value: Value?, _ write: (inout RecordWriter, Value) -> Void) {
        byte(value == nil ? 0 : 1)
        if let value { write(&self, value) }
    }
}

/// Reads what ``RecordWriter`` wrote. Never beyond the end, and no length is believed that does not fit.
struct RecordReader {
    struct Damaged: Error {}

    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(_ bytes: some Collection<UInt8>) {
        self.bytes = Array(bytes)[...]
        position = 0
    }

    var isAtEnd: Bool { position == bytes.count }
    var rest: Int { bytes.count - position }

    mutating func byte() throws(Damaged) -> UInt8 {
        guard position < bytes.count else { throw Damaged() }
        defer { position += 1 }
        return bytes[position]
    }
    mutating func number() throws(Damaged) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte()
            guard shift < 63 || (shift == 63 && next <= 1) else { throw Damaged() }
            value |= UInt64(next & 0x7f) << shift
            if next < 0x80 { return value }
            shift += 7
        }
    }
    mutating func signed() throws(Damaged) -> Int64 {
        let raw = try number()
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }
    /// A number that counts things of at least `size` bytes each that follow.
    mutating func count(of size: Int = 1) throws(Damaged) -> Int {
        let value = try number()
        guard value <= UInt64(rest / max(1, size)) else { throw Damaged() }
        return Int(value)
    }
    mutating func int() throws(Damaged) -> Int {
        guard let value = Int(exactly: try number()) else { throw Damaged() }
        return value
    }
    mutating func int64() throws(Damaged) -> Int64 {
        guard let value = Int64(exactly: try number()) else { throw Damaged() }
        return value
    }
    mutating func raw(_ count: Int) throws(Damaged) -> [UInt8] {
        guard count >= 0, count <= rest else { throw Damaged() }
        defer { position += count }
        return Array(bytes[position..<position + count])
    }
    mutating func block() throws(Damaged) -> [UInt8] { try raw(try count()) }
    mutating func text() throws(Damaged) -> String {
        guard let text = String(validating: try block(), as: UTF8.self) else { throw Damaged() }
        return text
    }
    mutating func optional<Value>(
        _ read: (inout RecordReader) throws(Damaged) -> Value
    ) throws(Damaged) -> Value? {
        switch try byte() {
        case 0: nil
        case 1: try read(&self)
        default: throw Damaged()
        }
    }
}
