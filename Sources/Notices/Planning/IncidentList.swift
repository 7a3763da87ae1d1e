import Foundation
import StokerCore

/// Many incidents in little room: base64 of differences to the one before, some four bytes each.
enum IncidentList {
    static func text(_ keys: [IncidentKey]) -> String {
        var bytes: [UInt8] = []
        var (check, began): (Int64, Int64) = (0, 0)
        for key in keys {
            append(Int64(key.check) - check, to: &bytes)
            append(key.began.milliseconds &- began, to: &bytes)
            (check, began) = (Int64(key.check), key.began.milliseconds)
        }
        return Data(bytes).base64EncodedString()
    }

    /// What can be read of it.
    static func keys(_ text: String) -> [IncidentKey] {
        guard let data = Data(base64Encoded: text) else { return [] }
        var bytes = data[...]
        var keys: [IncidentKey] = []
        var (check, began): (Int64, Int64) = (0, 0)
        while let more = next(&bytes), let later = next(&bytes) {
            (check, began) = (check &+ more, began &+ later)
            guard let number = Int32(exactly: check) else { break }
            keys.append(IncidentKey(check: number, began: Instant(milliseconds: began)))
        }
        return keys
    }

    /// Seven bits a byte, the lowest first; small numbers of either sign are short.
    private static func append(_ number: Int64, to bytes: inout [UInt8]) {
        var rest = UInt64(bitPattern: (number << 1) ^ (number >> 63))
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private static func next(_ bytes: inout Data.SubSequence) -> Int64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = bytes.popFirst() else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return Int64(bitPattern: (value >> 1) ^ (0 &- (value & 1))) }
        }
        return nil
    }
}
