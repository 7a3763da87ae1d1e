import StokerCore

/// A place in the code that deserves a test, found by how it is written. Comments and texts were taken out before.
struct PlanSite: Sendable, Equatable {
    enum Kind: String, Sendable, CaseIterable {
        /// An error is raised, thrown or returned.
        case raise
        /// An error is caught and nothing comes of it.
        case swallow
        /// HTTP, SQL, processes, files, environment, clock, chance.
        case http, sql, process, file, environment, clock, chance
        /// A comparison with a constant, a slice, a parse.
        case boundary
        /// Text becomes code, a path, an object or a page.
        case trust
        /// A file is written in place.
        case write
        /// What a person reads or a script sees: messages, exit statuses.
        case message
        /// Input or output in a loop.
        case loop
    }
    var kind: Kind
    var file: String
    /// From 1.
    var line: Int
    /// The function it is in; empty at the top of a file.
    var symbol: String
    /// What stands there: `ValueError`, `< 0`, `requests.get`.
    var what: String
    /// Tests name the function, and what is at stake there.
    var isTested: Bool

    var place: String { "\(file):\(line)" }
}

/// Finds sites of one repository.
struct PlanSites: Sendable {
    private let tests: String
    private let view: RepositoryView
    /// Names that tests use.
    private let tested: Set<Substring>

    init(_ view: RepositoryView) {
        self.view = view
        tests = view.files.filter { $0.role == .test && $0.language != nil }.map(\.text).joined(separator: "\n")
        tested = Set(tests.split { !($0.isLetter || $0.isNumber || $0 == "_") })
    }

    var hasTests: Bool { !tests.isEmpty }
    func isNamed(_ name: String) -> Bool { !name.isEmpty && tested.contains(name[...]) }

    /// All sites of these kinds in the source, in the order of files and lines.
    func sites(of kinds: Set<PlanSite.Kind>) -> [PlanSite] {
        var found: [PlanSite] = []
        for file in view.sources {
            guard let language = file.language else { continue }
            let code = CodeMask.masked(file.text, language).split(separator: "\n", omittingEmptySubsequences: false)
            var symbol = ""
            var depth = 0
            var loops: [Int] = []
            let renames = code.contains { $0.contains("os.replace") || $0.contains("rename") || $0.contains("atomic") }
            for (number, line) in code.enumerated() {
                let margin = line.prefix { $0 == " " || $0 == "\t" }.count
                if let name = Self.definition(line, language) {
                    symbol = name
                    depth = margin
                    loops = []
                } else if margin <= depth, language == .python, margin == 0, !line.allSatisfy(\.isWhitespace) {
                    symbol = ""
                }
                loops.removeAll { margin <= $0 && !line.allSatisfy(\.isWhitespace) }
                for (kind, what) in Self.read(line, code, number, language, kinds) {
                    if kind == .write, renames { continue }
                    if kind == .loop, loops.isEmpty { continue }
                    let key = kind == .raise ? what : symbol
                    found.append(
                        PlanSite(
                            kind: kind, file: file.path, line: number + 1, symbol: symbol, what: what,
                            isTested: isNamed(symbol) && isNamed(key)))
                }
                let text = line.trimmingPrefix { $0.isWhitespace }
                if text.hasPrefix("for ") || text.hasPrefix("while ") || text.hasPrefix("for(")
                    || text.hasPrefix("for (")
                {
                    loops.append(margin)
                }
            }
        }
        return found
    }

    // MARK: How it is written

    /// The name of the function that a line begins.
    static func definition(_ line: Substring, _ language: SourceLanguage) -> String? {
        let words = line.split { $0 == " " || $0 == "\t" }
        let keyword: Substring =
            switch language {
            case .python: "def"
            case .go: "func"
            case .swift: "func"
            case .rust: "fn"
            case .javascript, .typescript: "function"
            case .kotlin: "fun"
            case .ruby: "def"
            case .php: "function"
            default: ""
            }
        guard !keyword.isEmpty, let at = words.prefix(6).firstIndex(of: keyword), at + 1 < words.count else {
            return nil
        }
        var rest = words[(at + 1)...].joined(separator: " ")[...]
        // A method of Go has its receiver first.
        if rest.hasPrefix("("), let close = rest.firstIndex(of: ")") {
            rest = rest[rest.index(after: close)...].drop { $0 == " " }
        }
        let name = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "$" }
        return name.isEmpty ? nil : String(name)
    }

    private static let calls: [(PlanSite.Kind, [String])] = [
        (
            .http,
            [
                "requests.", "httpx.", "urllib.request", "aiohttp.", "http.Get(", "http.Post(", "http.NewRequest",
                "fetch(", "axios.", "URLSession", "HTTPClient",
            ]
        ),
        (.sql, [".execute(", ".executemany(", "db.Query", "db.Exec", ".query(", "cursor("]),
        (.process, ["subprocess.", "os.system(", "exec.Command(", "child_process", "Process()", "Command::new"]),
        (.file, ["open(", "os.Open(", "os.ReadFile(", "readFile(", "readFileSync(", "FileManager", "Path("]),
        (
            .environment,
            ["os.environ", "os.getenv", "os.Getenv(", "process.env", "ProcessInfo.processInfo.environment", "env::var"]
        ),
        (
            .clock,
            [
                "time.time(", "datetime.now(", "datetime.utcnow(", "time.Now(", "Date.now(", "new Date()", "Date()",
                "Instant::now",
            ]
        ),
        (.chance, ["random.", "rand.", "Math.random(", ".random(", "uuid4("]),
        (
            .trust,
            [
                "eval(", "exec(", "pickle.load", "yaml.load(", "os.path.join(", "innerHTML", "template.HTML(",
                "Markup(", "shell=True", "json.loads(", "JSON.parse(",
            ]
        ),
        (.write, ["write_text(", "os.WriteFile(", "writeFile(", "writeFileSync("]),
        (.message, ["sys.exit(", "os.Exit(", "process.exit(", "exit(", "click.echo(", "print(", "console.error("]),
        (.loop, ["await ", "requests.", "httpx.", ".execute(", "open(", "fetch(", "http.Get("]),
    ]

    private static func read(
        _ line: Substring, _ code: [Substring], _ number: Int, _ language: SourceLanguage, _ kinds: Set<PlanSite.Kind>
    ) -> [(PlanSite.Kind, String)] {
        var found: [(PlanSite.Kind, String)] = []
        let text = line.trimmingPrefix { $0.isWhitespace }
        if kinds.contains(.raise), let what = raised(text, language) { found.append((.raise, what)) }
        if kinds.contains(.swallow), let what = swallowed(text, code, number, language) {
            found.append((.swallow, what))
        }
        if kinds.contains(.boundary), let what = boundary(text) { found.append((.boundary, what)) }
        for (kind, names) in calls where kinds.contains(kind) {
            guard let name = names.first(where: { isCall($0, in: text) }) else { continue }
            found.append((kind, String(name.trimmingSuffix { "(. ".contains($0) })))
        }
        return found
    }

    /// The name begins there: `reopen(` is no `open(`.
    private static func isCall(_ name: String, in text: Substring) -> Bool {
        guard let range = text.firstRange(of: name) else { return false }
        guard range.lowerBound > text.startIndex, name.first != "." else { return true }
        let before = text[text.index(before: range.lowerBound)]
        return !(before.isLetter || before.isNumber || before == "_" || before == ".")
    }

    private static func raised(_ text: Substring, _ language: SourceLanguage) -> String? {
        func name(_ rest: Substring) -> String? {
            let name = rest.drop { $0 == " " }.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." }
            return name.isEmpty ? nil : name.split(separator: ".").last.map(String.init)
        }
        switch language {
        case .python: return text.hasPrefix("raise ") ? name(text.dropFirst(6)) : nil
        case .javascript, .typescript, .java, .csharp, .php, .kotlin:
            return text.hasPrefix("throw new ") ? name(text.dropFirst(10)) : nil
        case .swift: return text.hasPrefix("throw ") ? name(text.dropFirst(6)) : nil
        case .go:
            guard text.hasPrefix("return "),
                let call = ["errors.New(", "fmt.Errorf("].first(where: { text.contains($0) })
            else { return nil }
            return String(call.dropLast())
        case .rust: return text.contains("Err(") ? "Err" : text.contains("panic!(") ? "panic" : nil
        default: return nil
        }
    }

    private static func swallowed(_ text: Substring, _ code: [Substring], _ number: Int, _ language: SourceLanguage)
        -> String?
    {
        let next = number + 1 < code.count ? code[number + 1].trimmingPrefix { $0.isWhitespace } : ""
        switch language {
        case .python:
            guard text.hasPrefix("except") else { return nil }
            return next.hasPrefix("pass") || next.hasPrefix("continue") ? String(text.prefix { $0 != ":" }) : nil
        case .javascript, .typescript, .java:
            guard text.contains("catch") else { return nil }
            return text.contains("{}") || (text.hasSuffix("{") && next.hasPrefix("}")) ? "catch" : nil
        case .swift: return text.contains("try? ") ? "try?" : nil
        case .go: return text.hasPrefix("_ = ") || text.hasPrefix("_, _ = ") ? "_ =" : nil
        default: return nil
        }
    }

    /// `< 0`, `>= 100`: a comparison with a number.
    private static func boundary(_ text: Substring) -> String? {
        guard
            text.hasPrefix("if ") || text.hasPrefix("while ") || text.hasPrefix("elif ") || text.hasPrefix("} else if ")
                || text.hasPrefix("guard ") || text.hasPrefix("if(") || text.hasPrefix("if (")
        else { return nil }
        for sign in [" <= ", " >= ", " < ", " > "] {
            guard let range = text.firstRange(of: sign) else { continue }
            let number = text[range.upperBound...].prefix { $0.isNumber || $0 == "_" || $0 == "." || $0 == "-" }
            if number.contains(where: \.isNumber) { return String(sign.dropFirst()) + number }
        }
        return nil
    }
}

extension StringProtocol {
    fileprivate func trimmingSuffix(_ drops: (Character) -> Bool) -> SubSequence {
        var text = self[...]
        while let last = text.last, drops(last) { text = text.dropLast() }
        return text
    }
}
