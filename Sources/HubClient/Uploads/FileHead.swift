/// What the beginning of a file tells about it.
struct FileHead: Sendable, Equatable {
    /// Bytes that are looked at: 4 KiB, of key files 64 KiB.
    static func length(of path: String, size: Int64) -> Int {
        Int(min(size, SecretFiles.isKeyFile(path) ? 64 << 10 : 4_096))
    }

    /// Stands for a file of LFS that is not here. Source: git-lfs `docs/spec.md`.
    struct Pointer: Sendable, Equatable {
        /// SHA-256 of the file, in hexadecimal.
        var oid: String
        /// Bytes of the file.
        var size: Int64
    }
    var pointer: Pointer?
    /// `#!…` or ELF: without the executable bit it cannot be started by its name.
    var isProgram = false
    /// Why its content looks like a secret.
    var secret: String?

    init() {}

    /// - Parameters:
    ///   - bytes: the first ``length(of:size:)`` bytes.
    ///   - length: of the whole file.
    init(_ bytes: some Collection<UInt8>, length: Int64, path: String) {
        isProgram = bytes.starts(with: "#!".utf8) || bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46])
        // Keys and pointers are small; what is large is not searched.
        if length <= 64 << 10 { secret = SecretFiles.reason(path: path, head: bytes) }
        if length < 1_024 { pointer = Self.pointer(bytes) }
    }

    private static func pointer(_ bytes: some Collection<UInt8>) -> Pointer? {
        guard bytes.starts(with: "version https://git-lfs.github.com/spec/".utf8) else { return nil }
        var oid: String?
        var size: Int64?
        for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let words = line.split(separator: " ", maxSplits: 1)
            guard words.count == 2 else { continue }
            if words[0] == "oid", words[1].hasPrefix("sha256:") { oid = String(words[1].dropFirst(7)) }
            if words[0] == "size" { size = Int64(words[1]) }
        }
        guard let oid, let size, size >= 0, case .sha256? = ContentHash(oid) else { return nil }
        return Pointer(oid: oid, size: size)
    }
}
