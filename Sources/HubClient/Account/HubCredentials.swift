import FoundationEssentials
package import StokerCore

/// The token and settings that a process speaks to the Hub with, and where they came from.
///
/// Looked for as the official client does (huggingface_hub 2.4 `utils/_auth.py`, `constants.py`): the explicit one, `HF_TOKEN`,
/// `HUGGING_FACE_HUB_TOKEN`, the token file (`HF_TOKEN_PATH`, else `$HF_HOME/token`).
package struct HubCredentials: Sendable {
    /// nil: public calls only.
    package var token: Secret?
    /// "--token", "HF_TOKEN", or the path of the file; nil without a token.
    package var origin: String?
    /// The name under which the official command line stored the token, from `stored_tokens`.
    package var storedName: String?
    /// Seconds since 1970 at which a stored login ends; nil for access tokens, which do not.
    package var expiresAt: Int?
    /// Without a trailing slash.
    package var endpoint: String
    /// `HF_ENDPOINT` is set.
    package var isEndpointOwn: Bool
    /// `HF_HUB_OFFLINE` or `TRANSFORMERS_OFFLINE` is on: nothing is sent.
    package var isOffline: Bool
    /// What a person should know: a file that cannot be read, a token that was not sent.
    package var remarks: [String]

    /// Looks for all of it. A file that cannot be read becomes a remark; what was written wrongly is not passed over, since the token would
    /// go to a Hub, or calls over a line, that nobody meant.
    /// - Parameters:
    ///   - explicit: of `--token`.
    ///   - endpoint: of `--endpoint`; `HF_ENDPOINT` is not looked at then.
    ///   - environment: of the process.
    ///   - read: the text of a file; nil when there is none. Throws when it cannot be read.
    /// - Throws: `usage` for an endpoint that is no address of a Hub, a switch that is neither on nor off, a token that cannot be one.
    package static func find(
        explicit: String? = nil, endpoint: String? = nil, environment: [String: String],
        read: (String) throws -> String? = Self.readFile
    ) throws(Failure) -> HubCredentials {
        func setting(_ name: String) -> String? { environment[name].flatMap(clean) }
        var found = HubCredentials(
            endpoint: HubEndpoint.official, isEndpointOwn: false, isOffline: try isOffline(environment), remarks: [])
        let written = endpoint.map { ($0, "--endpoint") } ?? setting("HF_ENDPOINT").map { ($0, "HF_ENDPOINT") }
        if let (text, name) = written {
            found.endpoint = try HubEndpoint.read(text, from: name)
            found.isEndpointOwn = true
        }
        try found.findToken(explicit, environment, read)
        if found.token != nil, HubEndpoint.isUnencrypted(found.endpoint) {
            found.remarks.append("warning: \(found.endpoint) is not encrypted: the token can be read on the way there")
        }
        return found
    }

    /// `HF_HUB_OFFLINE` or `TRANSFORMERS_OFFLINE` is on. Values as the official client takes them; what it silently takes for "off"
    /// is refused here, because who writes it most likely means to stay offline.
    /// - Throws: `usage`.
    package static func isOffline(_ environment: [String: String]) throws(Failure) -> Bool {
        for name in ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"] where try isOn(name, environment) { return true }
        return false
    }

    private static func isOn(_ name: String, _ environment: [String: String]) throws(Failure) -> Bool {
        guard let text = environment[name].flatMap(clean) else { return false }
        switch text.lowercased() {
        case "1", "on", "yes", "true": return true
        case "0", "off", "no", "false": return false
        default:
            throw Failure(
                .usage, doing: "read \(name)",
                because: "it is \"\(Redaction.quote(text, limit: 40))\", which is neither on nor off",
                hint: "write \(name)=1 or \(name)=0")
        }
    }

    private mutating func findToken(
        _ explicit: String?, _ environment: [String: String], _ read: (String) throws -> String?
    ) throws(Failure) {
        if let explicit = explicit.flatMap(Self.clean) { return try take(explicit, from: "--token") }
        if try Self.isOn("HF_HUB_DISABLE_IMPLICIT_TOKEN", environment) {
            remarks.append("HF_HUB_DISABLE_IMPLICIT_TOKEN is set: no token is sent unless --token gives one")
            return
        }
        for name in ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"] {
            if let token = environment[name].flatMap(Self.clean) { return try take(token, from: name) }
        }
        guard let path = Self.tokenPath(environment) else { return }
        let stored: String?
        do {
            stored = try read(path).flatMap(Self.clean)
        } catch {
            remarks.append("the token file \(path) cannot be read")
            return
        }
        guard let stored else { return }
        try take(stored, from: path)
        lookUp(stored, in: path, read: read)
    }

    package init(
        token: Secret? = nil, origin: String? = nil, endpoint: String, isEndpointOwn: Bool, isOffline: Bool,
        remarks: [String]
    ) {
        self.token = token
        self.origin = origin
        self.endpoint = endpoint
        self.isEndpointOwn = isEndpointOwn
        self.isOffline = isOffline
        self.remarks = remarks
    }

    /// `hf_…1234`, or nil.
    package var shown: String? { token.map { Redaction.hint(of: $0.reveal()) } }

    /// "hf_…1234 from HF_TOKEN", "no token".
    package var description: String {
        guard let shown, let origin else { return "no token" }
        return "\(shown) from \(origin)" + (storedName.map { " (\"\(Redaction.quote($0, limit: 60))\")" } ?? "")
    }

    /// Ready for ``Hub``.
    package func settings(agent: String) -> Hub.Settings {
        Hub.Settings(endpoint: endpoint, token: token, offline: isOffline, agent: agent)
    }

    private mutating func take(_ token: String, from origin: String) throws(Failure) {
        guard token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Failure(
                .usage, doing: "use the token from \(origin)", because: "it has characters that no token has",
                hint: "copy it again from hf.co/settings/tokens, or run `hf auth login`")
        }
        self.token = Secret(token)
        self.origin = origin
    }

    /// The official command line keeps logins with their end beside the token file.
    private mutating func lookUp(_ token: String, in path: String, read: (String) throws -> String?) {
        guard let slash = path.lastIndex(of: "/"),
            let text = try? read(path[..<slash] + "/stored_tokens")  // a nicety: the token works without it
        else { return }
        for (name, fields) in StoredTokens.read(text) where fields["hf_token"].flatMap(Self.clean) == token {
            storedName = name
            expiresAt = fields["expires_at"].flatMap { Int($0) }
        }
    }

    /// Without line ends and blanks; an empty value is none.
    private static func clean(_ text: String) -> String? {
        let clean = text.filter { $0 != "\r" && $0 != "\n" && $0 != "\r\n" }
        var rest = clean[...].drop { $0.isWhitespace }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return rest.isEmpty ? nil : String(rest)
    }

    private static func tokenPath(_ environment: [String: String]) -> String? {
        func set(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let user = set("HOME")
        func expanded(_ path: String) -> String {
            guard path == "~" || path.hasPrefix("~/"), let user else { return path }
            return user + path.dropFirst()
        }
        if let path = set("HF_TOKEN_PATH") { return expanded(path) }
        if let home = set("HF_HOME") { return expanded(home) + "/token" }
        if let cache = set("XDG_CACHE_HOME") { return expanded(cache) + "/huggingface/token" }
        return user.map { $0 + "/.cache/huggingface/token" }
    }

    /// At most 64 KiB of a file; nil when there is none.
    package static func readFile(_ path: String) throws -> String? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        return String(decoding: try Data(contentsOf: URL(filePath: path)).prefix(65_536), as: UTF8.self)
    }
}

/// The INI file in which the official command line keeps tokens by name.
enum StoredTokens {
    static func read(_ text: String) -> [(name: String, fields: [String: String])] {
        var sections: [(name: String, fields: [String: String])] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let line = trimmed(line)
            if line.isEmpty || line.hasPrefix("#") || line.hasPrefix(";") { continue }
            if line.hasPrefix("["), line.hasSuffix("]"), line.count > 2 {
                sections.append((String(line.dropFirst().dropLast()), [:]))
            } else if let equals = line.firstIndex(where: { $0 == "=" || $0 == ":" }), !sections.isEmpty {
                let key = trimmed(line[..<equals]).lowercased()
                sections[sections.count - 1].fields[key] = trimmed(line[line.index(after: equals)...])
            }
        }
        return sections
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        var rest = text[...].drop { $0.isWhitespace }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return String(rest)
    }
}
