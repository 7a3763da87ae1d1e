import Crypto

/// What git calls an object: the SHA-1 of its kind, its length and its content.
struct ObjectID: Hashable, Comparable, Sendable {
    private var high: UInt64 = 0
    private var middle: UInt64 = 0
    private var low: UInt32 = 0

    enum Kind: String, Sendable {
        case commit, tree, blob

        /// What stands before the content, in the file and in what is hashed. Source: git `Documentation/gitformat-loose`.
        func header(_ length: Int) -> [UInt8] { Array("\(self) \(length)\0".utf8) }

        /// In a pack. Source: git `Documentation/gitformat-pack`, object types.
        var packed: UInt8 {
            switch self {
            case .commit: 1
            case .tree: 2
            case .blob: 3
            }
        }
    }

    init(_ kind: Kind, _ content: [UInt8]) {
        var hash = Insecure.SHA1()
        hash.update(data: kind.header(content.count))
        hash.update(data: content)
        self.init(bytes: hash.finalize())
    }

    /// - Parameter text: forty hexadecimal digits, small letters; nil for anything else.
    init?(_ text: some StringProtocol) {
        guard text.utf8.count == 40 else { return nil }
        var bytes: [UInt8] = []
        var half: UInt8?
        for digit in text.utf8 {
            let value: UInt8
            switch digit {
            case 48...57: value = digit - 48
            case 97...102: value = digit - 87
            default: return nil
            }
            if let high = half {
                bytes.append(high << 4 | value)
                half = nil
            } else {
                half = value
            }
        }
        self.init(bytes: bytes)
    }

    private init(bytes: some Sequence<UInt8>) {
        for (index, byte) in bytes.enumerated() {
            if index < 8 {
                high = high << 8 | UInt64(byte)
            } else if index < 16 {
                middle = middle << 8 | UInt64(byte)
            } else {
                low = low << 8 | UInt32(byte)
            }
        }
    }

    static func < (a: ObjectID, b: ObjectID) -> Bool {
        if a.high != b.high { return a.high < b.high }
        return a.middle == b.middle ? a.low < b.low : a.middle < b.middle
    }

    var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 20) { space, count in
            for index in 0..<8 { space[index] = UInt8(truncatingIfNeeded: high >> (56 - 8 * UInt64(index))) }
            for index in 0..<8 { space[8 + index] = UInt8(truncatingIfNeeded: middle >> (56 - 8 * UInt64(index))) }
            for index in 0..<4 { space[16 + index] = UInt8(truncatingIfNeeded: low >> (24 - 8 * UInt32(index))) }
            count = 20
        }
    }
    var hex: String { bytes.hexDigits }
}
