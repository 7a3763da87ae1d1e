import Crypto
import FoundationEssentials
import Subprocess

/// Judges paths by `.gitattributes` and `.gitignore` as git itself does, in a work tree that has no files.
struct GitRules: Sendable {
    let folder: String

    static func prepare(_ folder: String) async throws -> GitRules {
        try await Git.run(["init", "--quiet", folder])
        return GitRules(folder: folder)
    }

    /// The paths that the attributes hand to LFS.
    func lfs(_ paths: [String], attributes: [UInt8]) async throws -> Set<ExactText> {
        guard !paths.isEmpty, !attributes.isEmpty else { return [] }
        let file = try await place(attributes)
        let output = try await Git.run(
            ["-C", folder, "-c", "core.attributesFile=\(file)", "check-attr", "-z", "--stdin", "filter"],
            input: Self.list(paths))
        var found: Set<ExactText> = []
        let fields = output.split(separator: 0, omittingEmptySubsequences: false)
        for index in stride(from: 0, to: fields.count - 2, by: 3) where fields[index + 2].elementsEqual("lfs".utf8) {
            found.insert(String(decoding: fields[index], as: UTF8.self))
        }
        return found
    }

    /// The paths that the ignore rules leave out.
    func ignored(_ paths: [String], rules: [UInt8]) async throws -> Set<ExactText> {
        guard !paths.isEmpty, !rules.isEmpty else { return [] }
        let file = try await place(rules)
        let git = try await Git.executable()
        let result = try await Git.limited("check-ignore") { [folder] in
            try await Subprocess.run(
                git,
                arguments: [
                    "-C", folder, "-c", "core.excludesFile=\(file)", "check-ignore", "-z", "--stdin", "--no-index",
                ],
                environment: Git.environment, input: .array(Self.list(paths)), output: .bytes(limit: 64 << 20),
                error: .string(limit: 1 << 20))
        }
        // 1: none of them is ignored.
        guard result.terminationStatus == .exited(0) || result.terminationStatus == .exited(1) else {
            throw GitFailure(command: "check-ignore", message: result.standardError)
        }
        return Set(result.standardOutput.split(separator: 0).map { ExactText(String(decoding: $0, as: UTF8.self)) })
    }

    private static func list(_ paths: [String]) -> [UInt8] { Array(paths.joined(separator: "\0").utf8) + [0] }

    /// Rules are named after their content, so nobody sees half a file of another.
    private func place(_ content: [UInt8]) async throws -> String {
        let path = folder + "/.git/" + SHA256.hash(data: content).hexDigits
        if try await !HubDisk.exists(path) {
            let draft = path + "." + UUID().uuidString
            try await HubDisk.write(content, to: draft)
            try await HubDisk.move(draft, to: path)
        }
        return path
    }

    /// Looks binary: a zero byte, as git judges it (`buffer_is_binary`), or more than a tenth that is not UTF-8. The Hub's own
    /// rule is not published.
    static func looksBinary(_ sample: [UInt8]) -> Bool {
        if sample.contains(0) { return true }
        // The usual case, and a thousand times in a row.
        if String(validating: sample, as: UTF8.self) != nil { return false }
        let broken = String(decoding: sample, as: UTF8.self).unicodeScalars.count { $0 == "\u{fffd}" }
        return broken * 10 > sample.count
    }

    /// What every repository begins with. Source: hub-docs `repositories-getting-started`, its list of LFS patterns.
    static let defaultAttributes: [UInt8] = {
        let patterns = [
            "*.7z", "*.arrow", "*.bin", "*.bz2", "*.ckpt", "*.ftz", "*.gz", "*.h5", "*.joblib", "*.lfs.*", "*.mlmodel",
            "*.model", "*.msgpack", "*.npy", "*.npz", "*.onnx", "*.ot", "*.parquet", "*.pb", "*.pickle", "*.pkl",
            "*.pt",
            "*.pth", "*.rar", "*.safetensors", "saved_model/**/*", "*.tar.*", "*.tar", "*.tflite", "*.tgz", "*.wasm",
            "*.xz", "*.zip", "*.zst", "*tfevents*",
        ]
        return Array(patterns.map { attributeLine($0) }.joined().utf8)
    }()

    static func attributeLine(_ pattern: String) -> String { "\(pattern) filter=lfs diff=lfs merge=lfs -text\n" }
}

extension Sequence where Element == UInt8 {
    var hexDigits: String {
        map { byte in
            let digits = String(byte, radix: 16)
            return byte < 16 ? "0" + digits : digits
        }.joined()
    }
}
