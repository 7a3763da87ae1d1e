/// Files that usually hold secrets. A repository shows them to everybody who may read it, for ever: its history keeps what is deleted.
package enum SecretFiles {
    /// Why a file looks like one by its name, such as "environment files usually hold secrets"; nil when it does not.
    ///
    /// Capitals do not count. What ends like a template (`.env.example`) is none.
    /// - Parameter path: its name with its folders, relative or absolute.
    package static func reason(path: String) -> String? {
        // By bytes: every file of a folder is asked about, and letters are ten times as dear.
        let parts = path.utf8.split(separator: UInt8(ascii: "/")).suffix(2).map { String(Substring($0)).lowercased() }
        guard let name = parts.last else { return nil }
        let words = name.utf8.split(separator: UInt8(ascii: ".")).map { String(Substring($0)) }
        if words.contains(where: { templates.contains($0) }) { return nil }
        // `.env`, `.env.local`, `.env-prod`, `.env~`; `.environment` is another word.
        let behind = name.hasPrefix(".env") ? name.dropFirst(4).first : nil
        if name == ".env" || name == ".envrc" || name.hasSuffix(".env") || behind.map({ !$0.isLetter }) == true {
            return "environment files usually hold secrets"
        }
        if parts.count == 2, let reason = places[parts[0]]?[name] { return reason }
        if names.contains(name) { return "it holds a login" }
        if keys.contains(name) || (words.count > 1 && stores.contains(words[words.count - 1])) {
            return "it is a private key"
        }
        return nil
    }

    /// The same by its content.
    /// - Parameter head: ``FileHead/length(of:size:)`` bytes of it.
    static func reason(path: String, head: some Collection<UInt8>) -> String? {
        let text = String(decoding: head, as: UTF8.self)
        let start = text.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
        if start.hasPrefix("-----BEGIN ") || isKeyFile(path), holdsPrivateKey(text) { return "it is a private key" }
        if start.hasPrefix("PuTTY-User-Key-File-") { return "it is a private key" }
        if start.hasPrefix("AGE-SECRET-KEY-") { return "it is a private key" }
        if start.hasPrefix("{"), text.contains("\"private_key\""), holdsPrivateKey(text) {
            return "it holds a private key"
        }
        return nil
    }

    /// Keys and certificates, which often stand in one file, the key last.
    static func isKeyFile(_ path: String) -> Bool {
        let path = path.lowercased()
        return [".pem", ".key", ".crt", ".cer"].contains { path.hasSuffix($0) }
    }

    /// Why a file stays out that looks like one.
    static func guarded(_ reason: String) -> String { "\(reason); such a file goes up only when it is named exactly" }

    private static func holdsPrivateKey(_ text: String) -> Bool {
        guard let begin = text.firstRange(of: "-----BEGIN "),
            let end = text[begin.upperBound...].firstRange(of: "-----")
        else { return false }
        let kind = text[begin.upperBound..<end.lowerBound]
        if kind.hasSuffix("PRIVATE KEY") || kind == "PGP PRIVATE KEY BLOCK" { return true }
        // A certificate may stand before its key.
        return holdsPrivateKey(String(text[end.upperBound...].drop { $0 != "\n" }))
    }

    /// A part of the name that says that the file is for others to fill in.
    private static let templates: Set<String> = [
        "example", "sample", "template", "dist", "tmpl", "tpl", "defaults", "schema",
    ]
    private static let names: Set<String> = [".netrc", "_netrc", ".git-credentials", ".pgpass", ".pypirc", ".my.cnf"]
    private static let keys: Set<String> = [
        "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk",
    ]
    /// Key stores that are no text.
    private static let stores: Set<String> = ["p12", "pfx", "jks", "keystore", "ppk", "kdbx"]
    /// Folder, name of a file in it, and why.
    private static let places: [String: [String: String]] = [
        ".streamlit": ["secrets.toml": "Streamlit keeps its secrets there"],
        ".aws": ["credentials": "it holds a login"],
        ".kaggle": ["kaggle.json": "it holds a login"],
        ".docker": ["config.json": "it holds a login"],
        ".huggingface": ["token": "it holds a login"],
        "huggingface": ["token": "it holds a login", "stored_tokens": "it holds a login"],
        ".ssh": ["config": "it tells of logins"],
        ".kube": ["config": "it holds a login"],
    ]
}
