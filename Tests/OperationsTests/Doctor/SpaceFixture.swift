import Foundation
import Testing

/// A small Space in one text file: `expect RULE FILE:LINE:COLUMN` for each fault, then `=== PATH` before each file's content.
struct SpaceFixture: Sendable, CustomTestStringConvertible {
    struct File: Sendable {
        var path: String
        var content: String
        /// `executable`, `size=BYTES`.
        var flags: [String]
    }
    var name: String
    var expected: [String] = []
    var files: [File] = []

    var testDescription: String { name }

    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Spaces")

    static func all(_ kind: String) -> [SpaceFixture] {
        let folder = folder.appendingPathComponent(kind)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasSuffix(".space") }.sorted().compactMap { name in
            FileManager.default.contents(atPath: folder.appendingPathComponent(name).path).map {
                SpaceFixture(name: name, String(decoding: $0, as: UTF8.self))
            }
        }
    }

    private init(name: String, _ text: String) {
        self.name = name
        // By bytes: a Windows line end is one character.
        for bytes in text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast() {
            let line = String(Substring(bytes))
            if line.hasPrefix("=== ") {
                let words = line.dropFirst(4).split(separator: " ").map(String.init)
                files.append(File(path: words[0], content: "", flags: Array(words.dropFirst())))
            } else if !files.isEmpty {
                files[files.count - 1].content += line + "\n"
            } else if line.hasPrefix("expect ") {
                expected.append(String(line.dropFirst(7)))
            }
        }
    }

    /// Writes the files into a new folder, which is removed afterwards.
    func inFolder<T>(_ body: (_ folder: String) async throws -> T) async throws -> T {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("space-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }  // it is in the temporary folder
        for file in files {
            let path = folder.appendingPathComponent(file.path)
            try FileManager.default.createDirectory(
                at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
            // A token in the repository would be found by everybody's scanners.
            let token = ["hf", "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3z"].joined(separator: "_")
            try Data(file.content.replacing("@@TOKEN@@", with: token).utf8).write(to: path)
            if let size = file.flags.first(where: { $0.hasPrefix("size=") }).flatMap({ UInt64($0.dropFirst(5)) }) {
                let handle = try FileHandle(forWritingTo: path)
                try handle.truncate(atOffset: size)
                try handle.close()
            }
            let mode = file.flags.contains("executable") ? 0o755 : 0o644
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path.path)
        }
        return try await body(folder.path)
    }
}
