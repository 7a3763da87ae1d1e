/// A path inside a repository, compared byte by byte as git does: `é` as one scalar and as two are different files,
/// while Swift's `String` takes them for the same.
package struct RepoPath: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let text: String
    package var description: String { text }

    /// For paths the Hub gave us, or that were checked before.
    package init(unchecked text: String) { self.text = text }

    /// A path that may be sent: relative, `/` between its parts, no empty part, no `.`, `..` or `.git`, no backslash, no control character,
    /// at most 1,000 bytes. A leading `./` is dropped. `.cache` is refused too, as `huggingface_hub` does (`FORBIDDEN_FOLDERS`).
    package init(_ text: String) throws(HubFailure) {
        var bytes = Array(text.utf8)
        if bytes.starts(with: "./".utf8) { bytes.removeFirst(2) }
        let path = String(decoding: bytes, as: UTF8.self)
        if let problem = Self.problem(with: path) {
            throw HubFailure(
                .local, doing: "use the path \"\(path)\" in a repository", said: problem,
                hint: "write it from the top of the repository, like src/app.py")
        }
        self.text = path
    }

    /// Why a path cannot be one of a repository; nil when it can.
    package static func problem(with path: String) -> String? {
        let bytes = Array(path.utf8)
        if bytes.isEmpty { return "it is empty" }
        if bytes.count > 1000 { return "it is longer than 1,000 bytes" }
        if bytes[0] == UInt8(ascii: "/") { return "it is absolute" }
        if bytes.contains(UInt8(ascii: "\\")) { return "it contains a backslash" }
        if bytes.contains(where: { $0 < 0x20 || $0 == 0x7F }) { return "it contains a control character" }
        for part in bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            if part.isEmpty { return "it has an empty part" }
            if part.elementsEqual(".".utf8) { return "it contains \".\"" }
            if part.elementsEqual("..".utf8) { return "it contains \"..\"" }
            if part.elementsEqual(".git".utf8) { return "it lies in .git" }
            if part.elementsEqual(".cache".utf8) { return "it lies in .cache, which the Hub keeps out of repositories" }
        }
        return nil
    }

    /// The rest behind a prefix of that many bytes.
    func below(_ prefix: String) -> String { String(decoding: text.utf8.dropFirst(prefix.utf8.count), as: UTF8.self) }

    package static func == (left: Self, right: Self) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8)
    }
    package static func < (left: Self, right: Self) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }
    package func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
    }
}
