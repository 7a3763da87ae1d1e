import HubClient
import StokerCore

/// Why a push did not come about, as far as git's words tell.
///
/// Sources of the words: git 2.47 `builtin/receive-pack.c`, `transport.c`, `http.c`, `remote-curl.c`; the Hub's pre-receive hook.
struct PushRefusal {
    /// Git's standard error.
    var said: String
    var status: Int32
    /// The clone has not all of its history.
    var isShallow: Bool
    var hasToken: Bool

    /// As git said it, line by line, fit to be shown.
    var words: String {
        said.split(whereSeparator: \.isNewline).map { "\(Redaction.text(String($0)).printable)\n" }
            .joined()
    }

    private func has(_ words: String...) -> Bool {
        let text = said.lowercased()
        return words.contains { text.contains($0) }
    }

    func failure(_ id: RepoID, url: String, branch: String) -> Failure {
        func failure(_ code: Failure.Code, _ because: String, _ hint: String) -> Failure {
            Failure(code, doing: "push to \(id)", because: because, hint: hint)
        }
        let last = lastLine.map { ": \($0)" } ?? ""
        if has("shallow update not allowed")
            || isShallow && has("remote unpack failed", "did not receive expected object")
        {
            return failure(
                .hubConflict, "the clone has not all of its history, and the Hub takes no part of one",
                "git fetch --unshallow, then push again (actions/checkout: fetch-depth: 0)")
        }
        if has("error: 403", "403 forbidden", "returned error: 403", "not authorized", "you don't have the rights") {
            return failure(
                .hubForbidden, "the Hub refuses it\(last)",
                hasToken
                    ? "the token needs write access to \(id); `stoker whoami \(id)` tells what it may do"
                    : "give a token: HF_TOKEN, --token or `hf auth login`")
        }
        if has(
            "error: 401", "authentication failed", "could not read username", "could not read password",
            "invalid username or password", "terminal prompts disabled")
        {
            return failure(
                .hubBadToken, "the Hub does not know who pushes\(last)",
                hasToken
                    ? "the token is unknown, expired or revoked, or may not write to \(id); `stoker whoami \(id)` tells"
                    : "give a token: HF_TOKEN, --token or `hf auth login`")
        }
        if has(
            "could not resolve host", "failed to connect", "connection refused", "connection timed out",
            "couldn't connect")
        {
            return failure(.hubUnreachable, "no connection to the Hub\(last)", "look at the network, then push again")
        }
        // `fatal: repository 'http…' not found` is git's own sentence for a 404.
        if has("repository not found", "/' not found", "error: 404") {
            return failure(
                .hubNotFound, "the Hub has no such Space for this token\(last)",
                "look at the name; `stoker space create \(id) --sdk docker` makes it")
        }
        if has("fetch first", "non-fast-forward", "stale info") {
            return failure(
                .hubConflict, "the Space has commits that this history has not",
                isShallow
                    ? "git fetch --unshallow (actions/checkout: fetch-depth: 0), then git pull \(url) \(branch), then push again"
                    : "git pull \(url) \(branch), then push again; --force replaces what is there")
        }
        if has("larger than", "binary files", "git lfs", "git-lfs", "lfs objects", "git xet", "git-xet") {
            return failure(
                .hubInvalid, "the Hub does not take a file as it is\(last)",
                "large and binary files go by git lfs (git lfs migrate import), or by `stoker space upload`")
        }
        return failure(
            .hubConflict, "git ended with status \(status)\(last)",
            "read what git said; `stoker space upload` needs no git")
    }

    /// The most telling one: of those that begin with `remote:`, `error:`, `fatal:` or `!` the first that is more than a rule.
    private var lastLine: String? {
        let lines = said.split(whereSeparator: \.isNewline).map { $0.drop { $0 == " " } }
        let telling = lines.filter { line in
            ["remote:", "fatal:", "error:"].contains { line.hasPrefix($0) } && line.contains { $0.isLetter }
                && !line.hasSuffix("remote:")
        }
        let line = telling.first { $0.contains("rror") || $0.contains("fatal") } ?? telling.first
        return line.map { Redaction.quote($0, limit: 200) }
    }
}
