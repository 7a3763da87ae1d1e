import StokerCore

/// What a Python project imports and what it declares.
struct PythonDependencies: Sendable {
    /// `pyproject.toml` and where its list of dependencies is.
    var manifest: SourceFile
    /// Line of the last entry of `dependencies = [ … ]`, from 0; nil when the list cannot be read line by line.
    var lastEntry: Int?
    /// Normalized names, of optional groups too.
    var declared: Set<String>

    /// An import at module level of a package that nobody declares.
    struct Undeclared: Sendable, Equatable {
        var module: String
        var package: String
        var file: String
        /// From 1.
        var line: Int
        /// All places, `path:line`.
        var places: [String]
    }

    /// nil for a repository without a project that lists its dependencies.
    init?(_ view: RepositoryView) {
        guard let manifest = view.file("pyproject.toml"), manifest.text.contains("[project]") else { return nil }
        self.manifest = manifest
        declared = []
        var isInList = false
        var section = ""
        for (number, line) in manifest.lines.enumerated() {
            let text = line.trimmingPrefix { $0.isWhitespace }
            if text.hasPrefix("[") && !isInList { section = String(text) }
            let isDependencies = section.hasPrefix("[project]") && text.hasPrefix("dependencies")
            let isGroup =
                section.hasPrefix("[project.optional-dependencies]") || section.hasPrefix("[dependency-groups]")
            if isDependencies || isGroup, text.contains("[") { isInList = true }
            if isInList {
                for name in Self.names(in: text) {
                    declared.insert(name)
                    if section.hasPrefix("[project]"), text.hasPrefix("\"") || text.hasPrefix("'") {
                        lastEntry = number
                    }
                }
                // Extras have brackets inside their text.
                if Self.unquoted(text).contains("]") { isInList = false }
            }
        }
    }

    private static func unquoted(_ text: Substring) -> String {
        var out = ""
        var quote: Character?
        for character in text {
            if let open = quote {
                if character == open { quote = nil }
            } else if character == "\"" || character == "'" {
                quote = character
            } else if character == "#" {
                break
            } else {
                out.append(character)
            }
        }
        return out
    }

    private static func names(in text: Substring) -> [String] {
        var names: [String] = []
        var rest = text
        while let start = rest.firstIndex(where: { $0 == "\"" || $0 == "'" }) {
            let quote = rest[start]
            let body = rest[rest.index(after: start)...]
            guard let end = body.firstIndex(of: quote) else { break }
            let name = body[..<end].prefix { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" || $0 == "." }
            if !name.isEmpty { names.append(normalized(name)) }
            rest = body[body.index(after: end)...]
        }
        return names
    }

    /// Source: PEP 503, "Normalized Names".
    static func normalized(_ name: some StringProtocol) -> String {
        name.lowercased().split { $0 == "-" || $0 == "_" || $0 == "." }.joined(separator: "-")
    }

    /// Packages that are called otherwise than what they bring.
    private static let packages = [
        "yaml": "pyyaml", "PIL": "pillow", "cv2": "opencv-python", "bs4": "beautifulsoup4",
        "dateutil": "python-dateutil",
        "dotenv": "python-dotenv", "sklearn": "scikit-learn", "jwt": "pyjwt", "attr": "attrs", "OpenSSL": "pyopenssl",
        "Crypto": "pycryptodome", "git": "gitpython", "serial": "pyserial", "google": "", "pkg_resources": "",
        "six": "six",
    ]

    func undeclared(in view: RepositoryView) -> [Undeclared] {
        let sources = view.sources.filter { $0.language == .python }
        var own: Set<String> = []
        for file in view.files where file.language == .python {
            let parts = file.path.split(separator: "/").map(String.init)
            // Every folder and file on the way may be where imports begin.
            own.formUnion(parts.dropLast())
            own.insert(String(parts.last?.prefix { $0 != "." } ?? ""))
        }
        var places: [String: [(file: String, line: Int)]] = [:]
        for file in sources {
            let masked = CodeMask.masked(file.text, .python).split(separator: "\n", omittingEmptySubsequences: false)
            for (number, line) in masked.enumerated() {
                // Module level only: what stands deeper may be there on a condition.
                guard line.hasPrefix("import ") || line.hasPrefix("from ") else { continue }
                let words = line.split { $0 == " " || $0 == "," }
                let modules = line.hasPrefix("from ") ? words.dropFirst().prefix(1) : words.dropFirst()
                for word in modules {
                    if word == "as" || word == "import" { break }
                    let module = String(word.prefix { $0 != "." })
                    guard !module.isEmpty, !Self.standard.contains(module), !own.contains(module) else { continue }
                    places[module, default: []].append((file.path, number + 1))
                }
            }
        }
        return places.compactMap { module, all in
            let package = Self.packages[module] ?? module
            guard !package.isEmpty, !declared.contains(Self.normalized(package)), let first = all.first else {
                return nil
            }
            return Undeclared(
                module: module, package: Self.normalized(package), file: first.file, line: first.line,
                places: all.map { "\($0.file):\($0.line)" })
        }.sorted { ($0.places.count, $1.module) > ($1.places.count, $0.module) }
    }

    /// Modules of Python itself. Source: `sys.stdlib_module_names` of Python 3.10 to 3.13, all of them together.
    private static let standard: Set<String> = Set(
        """
        __future__ _thread abc aifc argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii binhex bisect builtins bz2 cProfile calendar cgi cgitb chunk cmath cmd code codecs codeop collections colorsys compileall concurrent configparser contextlib contextvars copy copyreg crypt csv ctypes curses dataclasses datetime dbm decimal difflib dis distutils doctest email encodings ensurepip enum errno faulthandler fcntl filecmp fileinput fnmatch fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac html http idlelib imaplib imghdr imp importlib inspect io ipaddress itertools json keyword lib2to3 linecache locale logging lzma mailbox mailcap marshal math mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc nis nntplib nt ntpath nturl2path numbers opcode operator optparse os ossaudiodev pathlib pdb pickle pickletools pipes pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat queue quopri random re readline reprlib resource rlcompleter runpy sched secrets select selectors shelve shlex shutil signal site smtpd smtplib sndhdr socket socketserver spwd sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string stringprep struct subprocess sunau symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios textwrap this threading time timeit tkinter token tokenize tomllib trace traceback tracemalloc tty turtle turtledemo types typing unicodedata unittest urllib uu uuid venv warnings wave weakref webbrowser winreg winsound wsgiref xdrlib xml xmlrpc zipapp zipfile zipimport zlib zoneinfo
        """.split(whereSeparator: \.isWhitespace).map(String.init))
}
