import Crypto

/// Cuts contents where their bytes say so (FastCDC with normalised sizes), so that an insertion moves no later border.
///
/// The table comes from the vault's own key. That alone would not hide where a known file is cut; borders are hidden inside sealed segments.
struct Chunker: Sendable {
    /// Bytes, as the two below.
    let smallest: Int
    let usual: Int
    let largest: Int
    private let table: [UInt64]
    private let strict: UInt64
    private let loose: UInt64

    /// - Parameter usual: a power of two, from `smallest` to `largest`.
    init(identity: SymmetricKey, smallest: Int = 16 << 10, usual: Int = 64 << 10, largest: Int = 256 << 10) {
        self.smallest = smallest
        self.usual = usual
        self.largest = largest
        let bytes = DerivedKey.make(from: identity, salt: [], for: "gear", bytes: 2048).contents
        table = (0..<256).map { row in (0..<8).reduce(0) { $0 | UInt64(bytes[row * 8 + $1]) << (8 * UInt64($1)) } }
        let bits = usual.trailingZeroBitCount
        strict = ~0 << UInt64(64 - bits - 2)
        loose = ~0 << UInt64(64 - bits + 2)
    }

    /// The length of the first chunk of `bytes`. Where more may follow, `bytes` must hold ``largest`` or all that is left.
    func cut(_ bytes: UnsafeRawBufferPointer) -> Int {
        let end = min(bytes.count, largest)
        guard end > smallest else { return end }
        let middle = min(end, usual)
        return table.withUnsafeBufferPointer { table in
            var sum: UInt64 = 0
            var at = smallest
            while at < middle {
                sum = (sum &<< 1) &+ table[Int(bytes[at])]
                at &+= 1
                if sum & strict == 0 { return at }
            }
            while at < end {
                sum = (sum &<< 1) &+ table[Int(bytes[at])]
                at &+= 1
                if sum & loose == 0 { return at }
            }
            return end
        }
    }
}

/// Names chunks.
struct ChunkNaming: Sendable {
    private let key: SymmetricKey

    init(identity: SymmetricKey) { key = DerivedKey.make(from: identity, salt: [], for: "chunk names") }

    func name(of bytes: UnsafeRawBufferPointer) -> ChunkID {
        HMAC<SHA256>.authenticationCode(for: bytes, using: key).withUnsafeBytes { ChunkID($0) }
    }
}
