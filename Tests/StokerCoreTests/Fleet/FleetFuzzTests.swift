import Foundation
import StokerCore
import Testing

/// What a fuzzer of bytes calls (`-sanitize=fuzzer` links it from a file with `@_cdecl("LLVMFuzzerTestOneInput")`).
enum FleetFuzz {
    /// Reads the bytes as a fleet file and as a `.env` file; returns what must hold for any input.
    @discardableResult static func one(_ bytes: [UInt8]) -> Bool {
        let text = String(decoding: bytes, as: UTF8.self)
        let lines = text.unicodeScalars.count + 1
        let source = SourceText(text)
        var sound = true
        for result in [
            FleetFile.read(text: text, name: "f", environment: ["X": "1"]).map { _ in () },
            DotEnv.read(text: text, name: "e").map { _ in () },
        ] {
            guard case .failure(let problems) = result else { continue }
            // A refusal names at least one place, and no place lies outside the text.
            sound = sound && !problems.list.isEmpty
            for problem in problems.list {
                sound =
                    sound && problem.line >= 1 && problem.column >= 1 && problem.line <= lines && !problem.text.isEmpty
                _ = source.snippet(line: problem.line, column: problem.column)
            }
        }
        return sound
    }
}

@Suite struct FleetFuzzTests {
    static let corpus: [[UInt8]] = {
        let examples = Files.names(in: Files.examples, ["yaml", "json"]).map { Files.examples.appending(path: $0) }
        let bad = Files.names(in: Files.bad, ["yaml"]).map { Files.bad.appending(path: $0) }
        return (examples + bad).compactMap { try? [UInt8](Data(contentsOf: $0)) }
    }()

    static let tokens = [
        "{", "}", "[", "]", ":", ": ", "- ", "? ", "&a ", "*a", "<<: *a", "${", "${X}", "${X:-", "$$", "\"", "'", "|",
        ">", "#", "\t",
        "\n", "\r\n", "\u{85}", "\u{FEFF}", "\u{0}", "---\n", "...\n", "!!str ", "!x ", "%YAML 1.2\n", "~", "null",
        "1e999", "-1", "5m",
        "99999999999999999999d", "Mon-Fri", "24:00", "\u{E000}", "\u{E27B}", "😀", "\u{301}", "(?<", "\\ud83d\\ude00",
        "\\",
    ].map { Array($0.utf8) }

    @Test(arguments: 0..<8) func mutatedFilesAreReadOrRefused(seed: Int) {
        var random = SplitMix64(seed: UInt64(seed) &* 7_919 &+ 1)
        for round in 0..<150 {
            guard var bytes = Self.corpus.randomElement(using: &random) else { return }
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let place = Int.random(in: 0...bytes.count, using: &random)
                switch Int.random(in: 0..<6, using: &random) {
                case 0 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1 where place < bytes.count:
                    bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...12, using: &random)))
                case 2 where place < bytes.count:
                    let piece = bytes[place..<min(bytes.count, place + Int.random(in: 1...60, using: &random))]
                    bytes.insert(contentsOf: piece, at: Int.random(in: 0...bytes.count, using: &random))
                case 3:
                    guard let other = Self.corpus.randomElement(using: &random), !other.isEmpty else { continue }
                    let start = Int.random(in: 0..<other.count, using: &random)
                    bytes.insert(contentsOf: other[start..<min(other.count, start + 80)], at: place)
                case 4: bytes.removeLast(min(bytes.count, Int.random(in: 0...40, using: &random)))
                default: bytes.insert(contentsOf: Self.tokens.randomElement(using: &random) ?? [], at: place)
                }
            }
            #expect(FleetFuzz.one(bytes), "seed \(seed), round \(round): \(String(decoding: bytes, as: UTF8.self))")
        }
    }
}
