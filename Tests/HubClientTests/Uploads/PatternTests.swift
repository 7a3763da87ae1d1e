import Foundation
import StokerCore
import Testing

@testable import HubClient

@Suite struct PatternTests {
    /// What `.gitignore` files keep out is what git keeps out: real git is asked about thousands of made-up rules and paths.
    @Test(arguments: 1...6) func ignoresWhatGitIgnores(seed: UInt64) throws {
        let scratch = try Scratch()
        try run("git", ["init", "-q", scratch.path])
        var random = SplitMix64(seed: seed)
        // Folders that are in the tree, so that git knows what is a folder.
        let folders = ["a", "b", "a/b", "foo", "foo/bar", "a/foo", "a/b/foo", "[x]", "é"]
        let names = ["a", "b", "foo", "bar", "a.txt", "foo.o", "b.o", "[x]", " s", "é", "#c", "!d", "a-b", "x]"]
        var files: [String] = []
        for folder in folders + [""] {
            for name in names where !folders.contains(folder.isEmpty ? name : folder + "/" + name) {
                files.append(folder.isEmpty ? name : folder + "/" + name)
            }
        }
        for file in files { try scratch.write(file, "x") }
        for _ in 0..<12 {
            var rules: [String: String] = [:]
            for folder in ["", "a", "foo"] where folder.isEmpty || random.below(3) == 0 {
                rules[folder] = (0...random.below(4)).map { _ in pattern(&random) }.joined(
                    separator: random.below(8) == 0 ? "\r\n" : "\n")
            }
            for (folder, text) in rules {
                try scratch.write(folder.isEmpty ? ".gitignore" : folder + "/.gitignore", text)
            }
            let shown = try run(
                "git", ["-C", scratch.path, "check-ignore", "--no-index", "-z", "--stdin"],
                input: files.joined(separator: "\0") + "\0")
            let ignored = Set(shown.split(separator: "\0").map(String.init))
            let scan = try FolderScan(scratch.path, options: UploadOptions())
            let taken = Set(scan.items.map(\.path.text)).filter { !$0.hasSuffix(".gitignore") }
            let expected = Set(files).subtracting(ignored)
            #expect(taken == expected, "seed \(seed): \(rules)")
            for folder in rules.keys {
                try FileManager.default.removeItem(
                    atPath: scratch.path + "/" + (folder.isEmpty ? ".gitignore" : folder + "/.gitignore"))
            }
        }
    }

    private func pattern(_ random: inout SplitMix64) -> String {
        let pieces = [
            "a", "b", "foo", "bar", "*", "**", "/", "/", "?", ".o", ".txt", "[ab]", "[!a]", "[a-c]", "\\a", "\\[", "é",
            " ", "\\ ", "#",
            "!", "[[:alpha:]]", "[x", "-", "[]]", "x]", "**/", "/**", "\\",
        ]
        var text = random.below(5) == 0 ? "!" : ""
        for _ in 0...random.below(4) { text += pieces[random.below(pieces.count)] }
        return text
    }

    /// The same for the patterns of `huggingface_hub`, which are Python's `fnmatch`.
    @Test(arguments: 1...3) func filtersAsPythonDoes(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let pieces = [
            "a", "b", "é", "*", "?", "[ab]", "[!a]", "[a-c]", "[", "]", "!", "/", ".", "[]a]", "[c-a]", "-", "[!", "^",
            "[^a]",
        ]
        var questions: [[String]] = []
        for _ in 0..<400 {
            let glob = (0...random.below(5)).map { _ in pieces[random.below(pieces.count)] }.joined()
            let text = (0...random.below(5)).map { _ in
                ["a", "b", "c", "é", "/", ".", "]", "[", "^", "-"][random.below(10)]
            }.joined()
            questions.append([glob, text])
        }
        let script =
            "import sys,json,fnmatch;print(json.dumps([fnmatch.fnmatchcase(t,p+'*' if p.endswith('/') else p) for p,t in json.load(sys.stdin)]))"
        let input = String(decoding: try JSONEncoder().encode(questions), as: UTF8.self)
        let answers = try JSONDecoder().decode(
            [Bool].self, from: Data(try run("python3", ["-c", script], input: input).utf8))
        for (question, answer) in zip(questions, answers) {
            #expect(PathFilter(allow: [question[0]]).takes(question[1]) == answer, "\(question)")
        }
    }

    @Test func longPatternsEnd() {
        let glob = Glob(git: Array(String(repeating: "*a", count: 200).utf8), isPath: true)
        #expect(!glob.matches(bytes: Array(String(repeating: "a", count: 5000).utf8) + [UInt8(ascii: "b")]))
    }

    @Test(arguments: [
        ("data/*", "data", true), ("data/", "data/x", true), ("*.o", "data", false), ("*", "a", true),
        ("a*", "b", false),
    ]) func skipsWholeFolders(pattern: String, folder: String, skips: Bool) {
        #expect(PathFilter(ignore: [pattern]).exclusion(ofAllUnder: folder) == (skips ? pattern : nil))
    }
}

extension SplitMix64 {
    mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &self) }
    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) } }
    mutating func roll(_ count: Int) -> Int { Int(next() % UInt64(count)) }
}

struct CommandFailed: Error { var status: Int32 }

/// Exit status 1 is an answer for `git check-ignore`: nothing is ignored.
@discardableResult
func run(_ command: String, _ arguments: [String], input: String = "") throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [command] + arguments
    let (out, into) = (Pipe(), Pipe())
    process.standardOutput = out
    process.standardInput = into
    process.standardError = FileHandle.nullDevice
    try process.run()
    try into.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    try into.fileHandleForWriting.close()
    let said = out.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus <= 1 else { throw CommandFailed(status: process.terminationStatus) }
    return String(decoding: said, as: UTF8.self)
}
