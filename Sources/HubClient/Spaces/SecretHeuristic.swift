package import StokerCore

/// Whether a value that is to be a public variable looks like a secret. A guess for a question, never a proof.
package enum SecretHeuristic {
    /// Why, without the value: "its name ends in TOKEN"; nil when nothing speaks for it.
    package static func reason(name: String, value: Secret) -> String? {
        let text = value.reveal()
        if let start = prefixes.first(where: { text.hasPrefix($0.start) && text.utf8.count >= $0.atLeast }) {
            return "its value begins like \(start.what)"
        }
        if text.contains("-----BEGIN "), text.contains("PRIVATE KEY") { return "its value is a private key" }
        if isAmazonKey(text) { return "its value begins like an access key of AWS" }
        if text.hasPrefix("eyJ"), text.split(separator: ".", omittingEmptySubsequences: false).count == 3 {
            return "its value is a JSON web token"
        }
        if hasPassword(text) { return "its value is an address with a password in it" }
        if let word = secretWord(of: name), isWorthHiding(text, word) { return "its name ends in \(word)" }
        if isRandom(text) { return "its value looks random" }
        return nil
    }

    /// Beginnings of tokens. Sources: the token formats that GitHub, GitLab, Slack, Stripe, npm, PyPI, Docker, SendGrid, OpenAI, Anthropic,
    /// Google and Hugging Face publish for secret scanners.
    private static let prefixes: [(start: String, atLeast: Int, what: String)] = [
        ("hf_", 12, "a token of Hugging Face"), ("api_org_", 16, "a token of Hugging Face"),
        ("ghp_", 12, "a token of GitHub"), ("gho_", 12, "a token of GitHub"), ("ghs_", 12, "a token of GitHub"),
        ("ghu_", 12, "a token of GitHub"), ("ghr_", 12, "a token of GitHub"), ("github_pat_", 20, "a token of GitHub"),
        ("glpat-", 12, "a token of GitLab"), ("sk-", 16, "an API key"), ("sk_live_", 12, "a key of Stripe"),
        ("sk_test_", 12, "a key of Stripe"), ("rk_live_", 12, "a key of Stripe"), ("whsec_", 12, "a key of Stripe"),
        ("xoxb-", 12, "a token of Slack"), ("xoxp-", 12, "a token of Slack"), ("xoxa-", 12, "a token of Slack"),
        ("xapp-", 12, "a token of Slack"), ("AIza", 30, "a key of Google"), ("ya29.", 20, "a token of Google"),
        ("npm_", 20, "a token of npm"), ("pypi-", 20, "a token of PyPI"), ("dckr_pat_", 16, "a token of Docker"),
        ("SG.", 20, "a key of SendGrid"), ("gsk_", 20, "an API key"), ("r8_", 20, "an API key"),
        ("AGE-SECRET-KEY-", 20, "a key of age"),
    ]

    /// What a word is that begins like a token and is as varied as one: "a token of GitHub"; nil for any other.
    static func token(_ word: String) -> String? {
        guard let start = prefixes.first(where: { word.hasPrefix($0.start) && word.utf8.count >= max(20, $0.atLeast) })
        else { return isAmazonKey(word) && !word.hasSuffix("EXAMPLE") ? "an access key of AWS" : nil }
        let rest = word.dropFirst(start.start.count)
        // `hf_xxxxxxxxxxxxxxxx`, `sk-your-api-key-goes-here` and names such as `hf_hub_download_cache` stand for nothing.
        let plain = rest.lowercased()
        guard !["your", "token", "example", "placeholder", "replace", "xxxx"].contains(where: plain.contains) else {
            return nil
        }
        let runs = rest.split { $0 == "_" || $0 == "-" }
        guard let run = runs.max(by: { $0.count < $1.count }), run.count >= 16, Set(run).count >= 8 else { return nil }
        let isMixed = run.contains(where: \.isLowercase) && run.contains(where: \.isUppercase)
        guard isMixed || run.contains(where: \.isNumber) && run.contains(where: \.isLetter) else { return nil }
        return start.what
    }

    private static func isAmazonKey(_ text: String) -> Bool {
        (text.hasPrefix("AKIA") || text.hasPrefix("ASIA")) && text.utf8.count == 20
            && text.utf8.allSatisfy { (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) }
    }

    /// `scheme://user:password@host`
    private static func hasPassword(_ text: String) -> Bool {
        guard let start = text.firstRange(of: "://") else { return false }
        let authority = text[start.upperBound...].prefix { !"/?#".contains($0) && !$0.isWhitespace }
        guard let at = authority.lastIndex(of: "@"), let colon = authority[..<at].firstIndex(of: ":") else {
            return false
        }
        return authority.index(after: colon) < at
    }

    private static let always: Set<String> = ["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "PWD"]
    private static let mostly: Set<String> = [
        "TOKEN", "APIKEY", "CREDENTIALS", "CREDENTIAL", "KEY", "PAT", "AUTH", "DSN",
    ]
    /// What stands before KEY in names of what nobody hides.
    private static let openKeys: Set<String> = [
        "PUBLIC", "PRIMARY", "FOREIGN", "SORT", "CACHE", "PARTITION", "PUBLISHABLE", "ANON",
    ]

    /// The last word of a name, when it speaks of a secret.
    private static func secretWord(of name: String) -> String? {
        let words = name.uppercased().split(separator: "_").map(String.init)
        guard let last = words.last else { return nil }
        if always.contains(last), last != "PWD" || words.count > 1 { return last }
        guard mostly.contains(last), !openKeys.contains(words.dropLast().last ?? "") else { return nil }
        return last
    }

    private static func isWorthHiding(_ text: String, _ word: String) -> Bool {
        if ["", "true", "false", "yes", "no", "on", "off", "none", "null"].contains(text.lowercased()) { return false }
        if always.contains(word) { return true }
        return text.utf8.count >= 8 && !text.utf8.allSatisfy { (0x30...0x39).contains($0) } && !text.contains(" ")
    }

    /// 28 or more letters and digits in a row, of all sorts. Hashes in hexadecimal are no secrets: commits and digests look so.
    private static func isRandom(_ text: String) -> Bool {
        guard text.utf8.count <= 4_096 else { return false }
        var (small, large, digits) = (0, 0, 0)
        for byte in text.utf8 {
            switch byte {
            case 0x61...0x7A: small += 1
            case 0x41...0x5A: large += 1
            case 0x30...0x39: digits += 1
            default: (small, large, digits) = (0, 0, 0)
            }
            if small + large + digits >= 28, small >= 5, large >= 5, digits >= 3 { return true }
        }
        return false
    }
}
