import StokerCore

/// The last lines of a Space's log, for its page and for the script that puts them there.
struct SpaceLogPart: Sendable {
    var check: String
    /// `run` or `build`.
    var kind: String
    /// When the app said it, and what, with secrets hidden.
    var lines: [(at: String, text: String)] = []
    var readAt = ""
    /// Why it could not be read; nil when it was.
    var problem: String?
    /// What to do then.
    var hint: String?

    /// The Space as operations are given it.
    static func inputs(_ space: String) throws(Failure) -> [(name: String, value: JSONValue)] {
        let parts = space.split(separator: "/", maxSplits: 1)
        guard parts.count == 2 else {
            throw Failure(.usage, doing: "ask the Hub", because: "\(space) is no owner/name")
        }
        return [("owner", .string(String(parts[0]))), ("name", .string(String(parts[1])))]
    }

    var model: [String: Any] {
        [
            "logKind": kind, "hasProblem": problem != nil, "problem": Redaction.quote(problem ?? ""),
            "hasHint": hint != nil, "hint": hint ?? "", "readAt": readAt,
            "hasLines": !lines.isEmpty, "count": lines.count.counted("line"),
            "lines": lines.enumerated().map { index, line in
                ["number": index + 1, "text": line.text, "at": line.at, "bad": Self.isBad(line.text)] as [String: Any]
            },
        ]
    }

    /// Words with which apps tell their trouble.
    private static func isBad(_ text: String) -> Bool {
        let text = text.lowercased()
        return ["error", "traceback", "exception", "fatal", "panic", "out of memory"].contains { text.contains($0) }
    }
}
