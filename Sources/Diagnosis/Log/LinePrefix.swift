/// What is put before each line of a program by what runs it: a time, `stdout F` of Kubernetes, `web-1  | ` of Compose, `[web] ` of a supervisor, `#12 0.345 ` of
/// BuildKit. Indentation counts from behind it.
enum LinePrefix {
    /// Most prefixes of a line.
    private static let most = 3

    /// Where the text begins, and the tag that tells which program printed it. The bytes are in small letters.
    static func cut(_ bytes: UnsafeBufferPointer<UInt8>, _ line: Range<Int>) -> (end: Int, tag: Range<Int>) {
        var place = line.lowerBound
        var program = place..<place
        for _ in 0..<most {
            guard place < line.upperBound else { break }
            let rest = place..<line.upperBound
            let next: Int? =
                switch bytes[place] {
                case 0x30...0x39: time(bytes, rest)
                case UInt8(ascii: "["):
                    tag(bytes, rest).map { (end: Int) -> Int in
                        program = place..<end
                        return end
                    }
                case UInt8(ascii: "#"): step(bytes, rest)
                case 0x61...0x7A:
                    stream(bytes, rest)
                        ?? service(bytes, rest).map { (end: Int) -> Int in
                            program = place..<end
                            return end
                        }
                default: nil
                }
            guard let next, next <= line.upperBound else { break }
            place = next
        }
        return (place, program)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    /// `2026-11-30T08:00:00.123Z `, with a blank or a t, and one blank behind it.
    private static func time(_ bytes: UnsafeBufferPointer<UInt8>, _ line: Range<Int>) -> Int? {
        guard line.count > 20, bytes[line.lowerBound + 4] == 0x2D, bytes[line.lowerBound + 7] == 0x2D,
            bytes[line.lowerBound + 10] == 0x74 || bytes[line.lowerBound + 10] == 0x20,
            bytes[line.lowerBound + 13] == 0x3A, bytes[line.lowerBound + 16] == 0x3A
        else { return nil }
        var place = line.lowerBound + 19
        while place < line.upperBound, place < line.lowerBound + 40 {
            switch bytes[place] {
            case 0x20: return place + 1
            case 0x30...0x3A, 0x2B, 0x2C, 0x2D, 0x2E, 0x7A: place += 1
            default: return nil
            }
        }
        return nil
    }

    /// `[web] `, but not a level.
    private static func tag(_ bytes: UnsafeBufferPointer<UInt8>, _ line: Range<Int>) -> Int? {
        var place = line.lowerBound + 1
        while place < line.upperBound, place < line.lowerBound + 25, bytes[place] != 0x5D {
            guard
                (0x61...0x7A).contains(bytes[place]) || isDigit(bytes[place])
                    || [0x2D, 0x2E, 0x5F].contains(bytes[place])
            else { return nil }
            place += 1
        }
        guard place > line.lowerBound + 1, place + 1 < line.upperBound, bytes[place] == 0x5D, bytes[place + 1] == 0x20
        else { return nil }
        let word = String(decoding: bytes[(line.lowerBound + 1)..<place], as: UTF8.self)
        return levels.contains(word) ? nil : place + 2
    }
    private static let levels: Set = [
        "trace", "debug", "info", "notice", "warn", "warning", "error", "err", "critical", "crit", "fatal", "alert",
        "emerg", "success", "vite",
    ]

    /// `#12 0.345 `
    private static func step(_ bytes: UnsafeBufferPointer<UInt8>, _ line: Range<Int>) -> Int? {
        var place = line.lowerBound + 1
        while place < line.upperBound, isDigit(bytes[place]) { place += 1 }
        guard place > line.lowerBound + 1, place + 1 < line.upperBound, bytes[place] == 0x20, isDigit(bytes[place + 1])
        else { return nil }
        place += 1
        while place < line.upperBound, isDigit(bytes[place]) || bytes[place] == 0x2E { place += 1 }
        return place < line.upperBound && bytes[place] == 0x20 ? place + 1 : nil
    }

    /// `stdout F `
    private static func stream(_ bytes: UnsafeBufferPointer<UInt8>, _ line: Range<Int>) -> Int? {
        guard line.count >= 9 else { return nil }
        let word = bytes[line.lowerBound..<(line.lowerBound + 9)]
        return ["stdout f ", "stderr f ", "stdout p ", "stderr p "].contains { word.elementsEqual($0.utf8) }
            ? line.lowerBound + 9 : nil
    }

    /// `web-1  | `
    private static func service(_ bytes: UnsafeBufferPointer<UInt8>, _ line: Range<Int>) -> Int? {
        var place = line.lowerBound
        while place < line.upperBound, place < line.lowerBound + 30,
            (0x61...0x7A).contains(bytes[place]) || isDigit(bytes[place]) || [0x2D, 0x2E, 0x5F].contains(bytes[place])
        {
            place += 1
        }
        guard place < line.upperBound, bytes[place] == 0x20 else { return nil }
        let word = String(decoding: bytes[line.lowerBound..<place], as: UTF8.self)
        while place < line.upperBound, bytes[place] == 0x20 { place += 1 }
        guard place + 1 < line.upperBound, bytes[place] == 0x7C, bytes[place + 1] == 0x20, !levels.contains(word)
        else { return nil }
        return place + 2
    }
}
