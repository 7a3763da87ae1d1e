import HTTPTypes

/// What comes from outside is taken only inside bounds in which nothing that is reckoned with it can overflow: an overflow would end the
/// process.
enum Bounds {
    /// A hundred years: dates after it can still be written.
    static let longestSeconds = 3_155_760_000
    static let longestTime = Duration.seconds(longestSeconds)
    /// Characters of an error's text in a header.
    static let headerText = 1_000
    /// Faults on the board, webhooks of an account.
    static let entries = 1_000
}

extension JSON {
    /// Seconds as a time.
    /// - Throws: 400 for anything but 0 to a hundred years.
    func time(_ name: String) throws -> Duration {
        guard let seconds = double, seconds >= 0, seconds <= Double(Bounds.longestSeconds) else {
            throw HubError.bad("\"\(name)\" must be seconds, 0 to \(Bounds.longestSeconds)")
        }
        return .seconds(seconds)
    }

    /// A status that ends a request and may have a body.
    /// - Throws: 400 for another.
    func status(_ name: String) throws -> Int {
        guard let code = int, (200...599).contains(code), ![204, 205, 304].contains(code) else {
            throw HubError.bad("\"\(name)\" must be a status from 200 to 599 that has a body")
        }
        return code
    }
}

extension Int {
    /// The sum, or the largest number when there is none: sizes that pointers tell are anybody's.
    func adding(atMost other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}

extension String {
    /// 64 hexadecimal digits, as a sha256 is written. `Character.isHexDigit` knows digits of other scripts, too.
    var isSHA256: Bool { utf8.count == 64 && isHexadecimal }
    /// Only `0…9`, `a…f`, `A…F`.
    var isHexadecimal: Bool {
        utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) || (65...70).contains($0) }
    }
    /// Has a byte that no terminal, header or git object takes.
    var hasControlCharacter: Bool { utf8.contains { $0 < 32 || $0 == 127 } }
}
