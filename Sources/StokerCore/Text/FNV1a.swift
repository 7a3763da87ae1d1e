/// FNV-1a with 64 bits: a short name for bytes, the same in every process (Swift's own hashes are not). No proof against
/// bytes that somebody chose.
///
/// Constants: draft-eastlake-fnv.
package enum FNV1a {
    /// - Parameter basis: what the hash begins with; another one gives another hash of the same bytes.
    @inlinable package static func hash(
        _ bytes: some Sequence<UInt8>, basis: UInt64 = 0xCBF2_9CE4_8422_2325
    ) -> UInt64 {
        bytes.reduce(basis) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
