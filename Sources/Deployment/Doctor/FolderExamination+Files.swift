import Diagnosis
import StokerCore

extension FolderExamination {
    /// Programs that the Hub's moderation takes Spaces away for. Source: diagnosis-rules RT04.
    private static let flagged: Set<String> = [
        "cloudflared", "ngrok", "pyngrok", "ttyd", "frpc", "xray", "v2ray", "sshd", "x11vnc", "novnc", "tigervnc",
        "tightvncserver", "gotty",
    ]

    /// Looks for such a program as a word of its own: `xray.py` and `chest-xray` are other things.
    mutating func moderation(_ text: String, _ file: String, _ line: Int, to end: Int? = nil) {
        let words = text.lowercased().split { $0.isWhitespace || "\"'`,;|&()[]<>=:/@\\".contains($0) }
        for word in words {
            let name = Self.flagged.first { name in
                guard word.hasPrefix(name) else { return false }
                let rest = word.dropFirst(name.count)
                // Names of downloads: `cloudflared-linux-amd64`, `ngrok-v3-stable`, `tigervnc-standalone-server`.
                return rest.isEmpty
                    || [
                        "-linux", "-v", "-stable", "-standalone", "-server", "-common", "_linux", ".deb", ".tgz",
                        ".zip", "-agent", "-core", "_v", "==", ">=",
                    ].contains(where: rest.hasPrefix)
            }
            guard let name else { continue }
            return add(
                "RT04", .critical, file, line, to: end, at: [String(word), name],
                "It uses \(name): the Hub's moderation stops Spaces for that.", "Take it out; for a shell use dev mode."
            )
        }
    }

    mutating func files() {
        for file in facts.files {
            if file.isPointer {
                add(
                    "MF01", .error, file.path, 1, "It is a pointer of Git LFS; the file itself is not here.",
                    "Run `git lfs pull` before the upload.")
            }
            if file.size > 10 * 1_000_000 {
                add(
                    "G02", .info, file.path, nil,
                    "It has \(file.size / 1_000_000) MB; a plain git push of it is refused, and a Space holds 1 GB.",
                    "Upload it with Stoker, which sends it by LFS; keep weights in a model repository.")
            }
            guard let text = file.text else { continue }
            let first = text.utf8.firstIndex(of: 0x0A).map { text[..<$0] } ?? text[...]
            // What Python or node reads may end its lines so.
            let isStarted =
                file.isExecutable || !file.name.contains(".") || [".sh", ".bash"].contains(where: file.name.hasSuffix)
            if text.hasPrefix("#!"), isStarted, first.utf8.last == 0x0D || text.has("\r\n") {
                add(
                    "EP01", .error, file.path, 1, "The script has Windows line ends; no shell starts it.",
                    "Save it with Unix line ends, and write `*.sh text eol=lf` into .gitattributes.",
                    repairs: [.init(path: file.path, text: text.replacing("\r\n", with: "\n"))])
            }
            if file.name == "packages.txt" || file.name.hasPrefix("requirements") && file.name.hasSuffix(".txt") {
                for (number, line) in text.lines.enumerated() {
                    moderation(String(line.prefix { $0 != "#" }), file.path, number + 1)
                }
            }
            tunnels(file, text)
            database(file, text)
        }
        let all = facts.files.reduce(0) { $0 + $1.size }
        if all > 1_000_000_000, let largest = facts.files.max(by: { $0.size < $1.size }) {
            add(
                "S09", .error, largest.path, nil,
                "The folder has \(all / 1_000_000) MB, and a Space holds 1 GB; this file is the largest.",
                "Keep weights and data in a model or dataset repository.")
        }
    }

    /// Tunnels in programs and notebooks, which the Hub's scan of repositories finds. Source: diagnosis-rules RT05.
    private mutating func tunnels(_ file: FolderFacts.File, _ text: String) {
        let isNotebook = file.name.hasSuffix(".ipynb")
        guard isNotebook || file.name.hasSuffix(".py") || file.name.hasSuffix(".sh") else { return }
        let marks =
            isNotebook
            ? ["cloudflared", "ngrok"]
            : [
                "import ngrok", "from pyngrok", "import pyngrok", "cloudflared tunnel", "ngrok http", "\"cloudflared\"",
                "'cloudflared'", "/ttyd", "\"ttyd\"", "'ttyd'",
            ]
        guard marks.contains(where: text.has) else { return }
        for (number, line) in text.lines.enumerated() {
            if !isNotebook, line.trimmed.hasPrefix("#") { continue }
            guard let mark = marks.first(where: line.has) else { continue }
            return add(
                "RT05", isNotebook ? .warn : .critical, file.path, number + 1, at: [mark],
                "It names a tunnel: the Hub's scan of repositories stops Spaces for that.",
                isNotebook
                    ? "Leave notebooks with tunnels out of the upload."
                    : "Take it out; a Space has its own public address.")
        }
    }

    // MARK: Databases

    /// An address of a database in the code that asks for no encryption, and a database where none can live.
    private mutating func database(_ file: FolderFacts.File, _ text: String) {
        let endings = [
            ".py", ".js", ".mjs", ".ts", ".go", ".sh", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".json", ".env",
            ".example", ".sample",
        ]
        guard endings.contains(where: file.name.hasSuffix) || file.name == "Dockerfile" else { return }
        guard text.has("postgres") || text.has("/data/") else { return }
        for (number, line) in text.lines.enumerated() {
            guard line.utf8.count <= 20_000, !line.trimmed.hasPrefix("#"), !line.trimmed.hasPrefix("//") else {
                continue
            }
            if let found = line.find("sqlite:////data/") ?? line.find("sqlite3.connect(\"/data/")
                ?? line.find("sqlite3.connect('/data/")
            {
                add(
                    "D05", .warn, file.path, number + 1, at: [String(line[found])],
                    "SQLite lives on a mounted volume: it is locked there, and may be damaged.",
                    "Keep it on the local disk, and copy it away.")
            }
            guard let scheme = line.find("postgres"),
                let mark = line[scheme.upperBound...].find("://"),
                line[scheme.upperBound..<mark.lowerBound].allSatisfy({ $0.isLetter || $0.isNumber || $0 == "+" })
            else { continue }
            let address = line[mark.upperBound...].prefix { !$0.isWhitespace && !"\"'`,)".contains($0) }
            let host = (address.split(separator: "@").last ?? address).prefix { $0 != ":" && $0 != "/" && $0 != "?" }
            guard host.contains("."), !host.hasPrefix("127."), !host.contains("{"), !host.contains("$"),
                !host.contains("<"),
                !["example.com", "example.org", ".local", ".internal", "yourhost.com", "host.docker.internal"].contains(
                    where: host.hasSuffix),
                !address.contains("sslmode"), !address.contains("ssl="), !text.has("sslmode")
            else { continue }
            let driver = line[scheme.upperBound..<mark.lowerBound].split(separator: "+").last.map(String.init) ?? ""
            let wish = driver == "asyncpg" ? "ssl=require" : "sslmode=require"
            let fixed = "\(address)\(address.contains("?") ? "&" : "?")\(wish)"
            let isSafe = !address.contains("{") && !address.contains("$") && !address.contains("%s")
            add(
                "DB04", .warn, file.path, number + 1, at: [String(line[scheme.lowerBound..<mark.upperBound])],
                "The address of the database asks for no encryption.",
                "Add `?\(wish)`, and keep the address in a secret.",
                repairs: [isSafe ? file.replacing(String(address), with: fixed, line: number + 1) : nil])
        }
    }

    mutating func secrets() {
        for collision in facts.collisions {
            findings.append(
                FolderFinding(
                    rule: "RT20", severity: .error, file: collision.path, line: collision.line,
                    column: collision.column, text: "`deploy`: \(collision.reason).",
                    fix: "Keep it as a secret if nobody may read it, else as a variable."))
        }
        for secret in facts.secrets {
            let finding = FolderFinding(
                rule: "G15", severity: .critical, file: secret.path, line: secret.line, column: secret.column,
                text: "\(Formatting.capitalized(secret.reason)).",
                fix: "Take it out of the folder, and set it with `stoker space secrets add`.")
            if !findings.contains(finding) { findings.append(finding) }
        }
    }
}
