/// A log cut into lines that can be searched: without colours, bounded in length and number, in small letters beside the original.
package struct LogText: Sendable {
    /// Most bytes of a log that are looked at. Of a longer one, the end is: that is where it failed.
    package static let mostBytes = 16 << 20
    /// Most bytes of a line that are looked at.
    static let longestLine = 4_096

    /// One line after the other without line ends; lowercase ASCII.
    private(set) var folded: [UInt8] = []
    /// The same bytes as they were written.
    private(set) var plain: [UInt8] = []
    /// Where each line begins in both; one more for the end.
    private(set) var starts: [Int] = [0]
    /// Where the text of each line begins, behind what supervisors, Kubernetes, Compose and builders put before it.
    private var heads: [Int] = []
    /// Which program printed each line, as a number of its tag; 0 where no tag tells.
    private var programs: [Int] = []
    /// Number of the first line, from 1: more when the beginning of the log was left out.
    package private(set) var firstNumber = 1

    package var count: Int { starts.count - 1 }

    package init(_ text: String) { self.init(bytes: Array(text.utf8)) }

    package init(lines: [String]) { self.init(bytes: Array(lines.joined(separator: "\n").utf8)) }

    package init(bytes: [UInt8]) {
        var from = 0
        if bytes.count > Self.mostBytes {
            from = bytes.count - Self.mostBytes
            for place in 0..<from where bytes[place] == 0x0A { firstNumber += 1 }
            while from < bytes.count, bytes[from] != 0x0A { from += 1 }
            from = min(from + 1, bytes.count)
            firstNumber += 1
        }
        plain.reserveCapacity(bytes.count - from)
        folded.reserveCapacity(bytes.count - from)
        bytes.withUnsafeBufferPointer { input in
            var place = from
            let end = input.count
            while place < end {
                let byte = input[place]
                place += 1
                switch byte {
                case 0x0A: endLine()
                case 0x1B: place = Self.behindEscape(input, place)
                case 0x0D:
                    // Before the end of the line it is part of it. Inside, a shell script with Windows line ends is known by it.
                    if place < end, input[place] != 0x0A { append(UInt8(ascii: "\\"), UInt8(ascii: "r")) }
                case 0x00..<0x09, 0x0B..<0x20: append(0x20)
                case 0x09: append(0x20)
                default: append(byte)
                }
            }
            if plain.count > starts[starts.count - 1] { endLine() }
        }
        heads.reserveCapacity(count)
        folded.withUnsafeBufferPointer { bytes in
            for line in 0..<count {
                let (end, tag) = LinePrefix.cut(bytes, starts[line]..<starts[line + 1])
                heads.append(end)
                guard !tag.isEmpty || !programs.isEmpty else { continue }
                // Most logs have no tags.
                if programs.isEmpty { programs = [Int](repeating: 0, count: line) }
                programs.append(tag.isEmpty ? 0 : bytes[tag].reduce(5_381) { ($0 &* 33) ^ Int($1) })
            }
        }
    }

    private mutating func append(_ bytes: UInt8...) {
        for byte in bytes { append(byte) }
    }

    private mutating func append(_ byte: UInt8) {
        guard plain.count - starts[starts.count - 1] < Self.longestLine else { return }
        plain.append(byte)
        folded.append((0x41...0x5A).contains(byte) ? byte | 0x20 : byte)
    }

    private mutating func endLine() { starts.append(plain.count) }

    /// Behind an escape sequence whose ESC stands before `place`. Source: ECMA-48 5.4 (CSI), 5.6 (strings).
    private static func behindEscape(_ input: UnsafeBufferPointer<UInt8>, _ place: Int) -> Int {
        guard place < input.count else { return place }
        var next = place + 1
        switch input[place] {
        case UInt8(ascii: "["):
            while next < input.count, input[next] != 0x0A {
                let byte = input[next]
                next += 1
                if (0x40...0x7E).contains(byte) { break }
            }
        case UInt8(ascii: "]"), UInt8(ascii: "P"), UInt8(ascii: "_"), UInt8(ascii: "^"):
            while next < input.count, input[next] != 0x0A {
                let byte = input[next]
                next += 1
                if byte == 0x07 { break }
                if byte == 0x1B {
                    if next < input.count, input[next] == UInt8(ascii: "\\") { next += 1 }
                    break
                }
            }
        case 0x0A: return place
        default: break
        }
        return next
    }

    /// The line's text as it was written.
    package subscript(_ line: Int) -> String { String(decoding: plain[range(line)], as: UTF8.self) }

    func range(_ line: Int) -> Range<Int> { starts[line]..<starts[line + 1] }

    /// The text of a line without what was put before it.
    func content(_ line: Int) -> Range<Int> { heads[line]..<starts[line + 1] }

    /// Of two lines, whether one program printed them: equal for lines with the same tag, and for those without one.
    func program(_ line: Int) -> Int { programs.isEmpty ? 0 : programs[line] }

    /// Number of a line for people.
    package func number(_ line: Int) -> Int { firstNumber + line }

    func isBlank(_ line: Int) -> Bool { folded[content(line)].allSatisfy { $0 == 0x20 } }

    /// Whether it begins with spaces, as what belongs to the line before does.
    func isIndented(_ line: Int) -> Bool { folded[content(line)].first == 0x20 }

    /// How many spaces its text begins with.
    func indentation(_ line: Int) -> Int { folded[content(line)].prefix { $0 == 0x20 }.count }
}
