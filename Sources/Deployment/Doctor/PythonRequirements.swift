import StokerCore

/// The lines of a requirements.txt. Sources: PEP 508; pip's "Requirements File Format".
struct PythonRequirements: Sendable {
    struct Item: Sendable {
        /// In small letters, with hyphens (PEP 503).
        var name: String
        /// `==1.2`; empty when there is none.
        var version: String
        var line: Int
        /// From an address, a folder or with any version condition this is false.
        var isOpen: Bool
        /// `standard` of `uvicorn[standard]`.
        var extras: [String] = []
    }
    var items: [Item] = []
    var invalid: [(text: String, line: Int)] = []
    /// Whether it names other files, which may hold anything.
    var isPartial = false
    /// Whether pip needs more of the folder than this file.
    var needsFiles = false

    init(_ text: String) {
        var joined: [(String, Int)] = []
        var pending: (String, Int)?
        for (number, line) in text.lines.enumerated() {
            var line = line.trimmed
            if line.hasPrefix("#") { continue }
            if let comment = line.find(" #") { line = line[..<comment.lowerBound].trimmed }
            let start = pending ?? ("", number + 1)
            if line.hasSuffix("\\") {
                pending = (start.0 + line.dropLast() + " ", start.1)
                continue
            }
            joined.append((start.0 + line, start.1))
            pending = nil
        }
        if let pending { joined.append(pending) }
        for (line, number) in joined {
            let line = line.trimmed
            if line.isEmpty { continue }
            if line.hasPrefix("-") {
                if ["-r", "--requirement", "-e", "--editable", "-c", "--constraint"].contains(where: line.hasPrefix) {
                    needsFiles = true
                }
                if line.hasPrefix("-r") || line.hasPrefix("--requirement") || line.hasPrefix("-e") { isPartial = true }
                continue
            }
            if line.has("://") && !line.has(" @ ") || line.hasPrefix(".") || line.hasPrefix("/")
                || line.hasSuffix(".whl")
            {
                isPartial = true
                if !line.has("://") { needsFiles = true }
                continue
            }
            if line.has(" @ file:") || line.has(" @ .") { needsFiles = true }
            take(line, number)
        }
    }

    private mutating func take(_ line: String, _ number: Int) {
        let name = line.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" || $0 == ".") }
        var rest = line.dropFirst(name.count).trimmed
        guard let first = name.first, first.isLetter || first.isNumber else {
            return invalid.append((line, number))
        }
        var extras: [String] = []
        if rest.hasPrefix("[") {
            guard let close = rest.firstIndex(of: "]") else { return invalid.append((line, number)) }
            extras = rest[..<close].dropFirst().split(separator: ",").map { $0.trimmed.lowercased() }
            rest = rest[rest.index(after: close)...].trimmed
        }
        let plain = Self.normal(name)
        if rest.hasPrefix("@") {
            return items.append(Item(name: plain, version: "", line: number, isOpen: false, extras: extras))
        }
        let version = String(rest.prefix { $0 != ";" }.split(separator: " --").first ?? "").trimmed
        let inside = version.hasPrefix("(") && version.hasSuffix(")") ? String(version.dropFirst().dropLast()) : version
        for part in inside.split(separator: ",") {
            let part = part.trimmed
            guard let sign = ["===", "==", "~=", "!=", "<=", ">=", "<", ">"].first(where: part.hasPrefix) else {
                return invalid.append((line, number))
            }
            let value = part.dropFirst(sign.count).trimmed
            guard let first = value.first, first.isNumber || first == "v", !value.contains(" ") else {
                return invalid.append((line, number))
            }
        }
        items.append(
            Item(
                name: plain, version: inside, line: number,
                isOpen: inside.isEmpty && !rest.contains(";"), extras: extras))
    }

    static func normal(_ name: some StringProtocol) -> String {
        var result = ""
        for character in name.lowercased() {
            let isMark = character == "-" || character == "_" || character == "."
            if isMark, result.last == "-" { continue }
            result.append(isMark ? "-" : character)
        }
        return result
    }

    /// The same package with two exact versions.
    var conflicts: [(name: String, first: String, firstLine: Int, second: String, line: Int)] {
        var found: [(name: String, first: String, firstLine: Int, second: String, line: Int)] = []
        var seen: [String: Item] = [:]
        for item in items where item.version.hasPrefix("==") {
            if let first = seen[item.name], first.version != item.version {
                found.append((item.name, first.version, first.line, item.version, item.line))
            }
            if seen[item.name] == nil { seen[item.name] = item }
        }
        return found
    }
}

/// What a Python file imports at its top, and no requirement brings.
enum PythonImports {
    struct Missing: Sendable {
        var name: String
        var package: String
        var line: Int
    }

    /// Lines that are not indented, with their numbers from 1; without those of texts that go over several lines, which may hold examples.
    static func topLines(_ text: String) -> [(number: Int, line: Substring)] {
        var found: [(number: Int, line: Substring)] = []
        var isText = false
        for (number, line) in text.lines.enumerated() {
            let marks =
                line.has("\"\"\"") || line.has("'''") ? line.components(of: "\"\"\"") + line.components(of: "'''") : 0
            let was = isText
            if marks % 2 == 1 { isText.toggle() }
            if was || isText { continue }
            guard let first = line.utf8.first, first != 0x20, first != 0x09, first != 0x23 else { continue }
            found.append((number + 1, line))
        }
        return found
    }

    /// Whether all that a list brings is known: what an unknown package brings along may be what is imported.
    static func isKnown(_ list: PythonRequirements) -> Bool {
        let all = certain.union(known.values.joined()).union(plain)
        return !list.isPartial && list.invalid.isEmpty && list.items.allSatisfy { all.contains($0.name) }
    }

    /// - Parameter installed: what else installs packages, such as a Dockerfile.
    static func missing(
        _ text: String, _ list: PythonRequirements, local: Set<String>, installed: String
    ) -> [Missing] {
        // What other files or addresses bring is not known.
        if list.isPartial { return [] }
        // A line that pip does not read still says what is meant.
        let meant = list.invalid.map {
            PythonRequirements.normal($0.text.prefix { $0.isLetter || $0.isNumber || "-_.".contains($0) })
        }
        let names = Set(list.items.map(\.name) + meant)
        let isWhole = isKnown(list)
        var found: [Missing] = []
        for (number, line) in topLines(text) {
            // What is indented is inside a function, or may be missing.
            guard line.hasPrefix("import ") || line.hasPrefix("from ") else { continue }
            let words = line.split { $0 == " " || $0 == "," }.map(String.init)
            let modules: [String]
            if words[0] == "from" {
                modules = words.count > 1 ? [words[1]] : []
            } else {
                var names: [String] = []
                var skips = false
                for word in words.dropFirst() {
                    if word == "as" { skips = true } else if skips { skips = false } else { names.append(word) }
                }
                modules = names
            }
            for module in modules {
                let top = String(module.prefix { $0 != "." && $0 != "#" && $0 != ";" })
                if top.isEmpty || standard.contains(top) || local.contains(top) { continue }
                let packages = known[top] ?? [PythonRequirements.normal(top)]
                if packages.contains(where: names.contains) { continue }
                if brought[top]?.contains(where: names.contains) == true { continue }
                if packages.contains(where: { installed.lowercased().contains($0) }) { continue }
                // A package may carry a module of another name; only those that are surely missing are told.
                let isKnown = known[top] != nil || certain.contains(top)
                guard isKnown, isWhole || !often.contains(top) else { continue }
                found.append(Missing(name: top, package: packages[0], line: number))
            }
        }
        return found
    }

    /// Modules whose package has another name.
    private static let known: [String: [String]] = [
        "cv2": ["opencv-python-headless", "opencv-python", "opencv-contrib-python"], "PIL": ["pillow"],
        "yaml": ["pyyaml"], "sklearn": ["scikit-learn"], "skimage": ["scikit-image"], "bs4": ["beautifulsoup4"],
        "dotenv": ["python-dotenv"], "dateutil": ["python-dateutil"], "jwt": ["pyjwt"], "jose": ["python-jose"],
        "discord": ["discord-py", "py-cord"], "telegram": ["python-telegram-bot"],
        "psycopg2": ["psycopg2-binary", "psycopg2"], "MySQLdb": ["mysqlclient"], "fitz": ["pymupdf"],
        "docx": ["python-docx"], "pptx": ["python-pptx"], "faiss": ["faiss-cpu", "faiss-gpu"],
        "sentence_transformers": ["sentence-transformers"], "huggingface_hub": ["huggingface-hub"],
        "google.generativeai": ["google-generativeai"], "multipart": ["python-multipart"], "magic": ["python-magic"],
        "serial": ["pyserial"], "Crypto": ["pycryptodome"], "slugify": ["python-slugify"],
        "ultralytics": ["ultralytics"],
    ]
    /// Modules of a package of the same name that are used often.
    private static let certain: Set<String> = [
        "fastapi", "flask", "gradio", "streamlit", "uvicorn", "gunicorn", "requests", "httpx", "aiohttp", "numpy",
        "pandas", "scipy", "torch", "torchvision", "torchaudio", "transformers", "diffusers", "accelerate", "datasets",
        "openai", "anthropic", "langchain", "redis", "pymongo", "sqlalchemy", "psycopg", "asyncpg", "pydantic",
        "matplotlib", "plotly", "seaborn", "lightgbm", "xgboost", "tensorflow", "keras", "spacy", "nltk", "joblib",
        "librosa", "soundfile", "whisper", "tiktoken", "websockets", "jinja2", "django", "celery", "apscheduler",
        "polars", "pyarrow", "rich", "tqdm", "boto3", "feedparser", "aiogram", "markdown", "orjson", "starlette",
    ]
    /// Modules that packages bring along so often that they may come with any that is not known.
    private static let often: Set<String> = [
        "numpy", "pandas", "scipy", "requests", "httpx", "aiohttp", "pydantic", "yaml", "PIL", "tqdm", "jinja2", "rich",
        "torch", "transformers", "huggingface_hub", "sklearn", "matplotlib", "dateutil", "dotenv", "joblib",
        "sqlalchemy",
        "starlette", "fastapi", "uvicorn", "websockets", "tiktoken", "openai", "datasets", "accelerate", "pyarrow",
        "orjson", "markdown", "multipart", "jwt", "Crypto", "bs4", "nltk", "torchvision", "torchaudio", "cv2",
        "soundfile",
        "plotly", "redis", "boto3", "librosa", "skimage", "sentence_transformers", "fitz", "docx", "whisper", "spacy",
        "langchain", "flask", "polars", "docx", "tensorflow", "keras", "diffusers",
    ]
    /// Other packages of which it is known that they bring none of the modules above.
    private static let plain: Set<String> = [
        "uvicorn", "fastapi", "python-dotenv", "python-multipart", "psutil", "schedule", "typing-extensions", "spaces",
        "cachetools", "slowapi", "itsdangerous", "werkzeug", "click", "typer", "loguru", "structlog", "passlib",
        "bcrypt",
        "hypercorn", "daphne", "waitress", "aiofiles", "aiosqlite", "alembic", "flask-cors", "gevent", "eventlet",
        "pytz",
        "tzdata", "emoji", "colorama", "tabulate", "lxml", "html5lib", "xlrd", "openpyxl", "xlsxwriter", "pypdf",
        "pypdf2",
        "toml", "tomli", "ujson", "simplejson", "regex", "six", "setuptools", "wheel", "pip", "protobuf", "grpcio",
        "prometheus-client", "tenacity", "backoff", "cryptography", "pynacl", "psycopg2", "psycopg2-binary", "psycopg",
        "asyncpg", "pymysql", "mysqlclient", "motor", "dnspython", "email-validator", "jinja2", "markupsafe", "einops",
        "sentencepiece", "safetensors", "bitsandbytes", "timm", "whitenoise", "dj-database-url", "djangorestframework",
    ]
    /// What other packages bring along. Sources: the packages' own requirements.
    private static let brought: [String: [String]] = [
        "starlette": ["fastapi", "gradio"], "pydantic": ["fastapi", "gradio", "openai", "pydantic-settings"],
        "numpy": [
            "gradio", "pandas", "scipy", "scikit-learn", "transformers", "matplotlib", "streamlit", "torchvision",
            "datasets",
            "opencv-python", "opencv-python-headless", "xgboost", "lightgbm", "tensorflow", "diffusers", "librosa",
            "sentence-transformers", "faiss-cpu", "spacy", "accelerate", "seaborn", "keras", "soundfile",
            "scikit-image",
        ],
        "pandas": ["gradio", "streamlit", "datasets", "seaborn"],
        "PIL": [
            "gradio", "streamlit", "torchvision", "matplotlib", "diffusers", "scikit-image", "sentence-transformers",
        ],
        "huggingface_hub": [
            "gradio", "timm", "peft", "spaces", "transformers", "datasets", "diffusers", "accelerate",
            "sentence-transformers", "tokenizers",
        ],
        "requests": [
            "transformers", "datasets", "huggingface-hub", "streamlit", "diffusers", "langchain", "tiktoken", "spacy",
            "gradio", "sentence-transformers",
        ],
        "yaml": [
            "transformers", "datasets", "gradio", "huggingface-hub", "langchain", "accelerate", "diffusers",
            "sentence-transformers",
        ],
        "httpx": ["gradio", "openai", "anthropic", "python-telegram-bot", "huggingface-hub"],
        "jinja2": ["gradio", "flask", "torch", "spacy", "fastapi"], "fastapi": ["gradio"],
        "uvicorn": ["gradio", "fastapi", "chainlit", "nicegui", "mcp", "litestar"],
        "torch": [
            "timm", "bitsandbytes", "peft", "openai-whisper", "accelerate", "sentence-transformers", "torchvision",
            "torchaudio", "ultralytics",
        ],
        "transformers": ["sentence-transformers", "peft"], "torchvision": ["timm", "ultralytics"],
        "cv2": ["ultralytics"], "psycopg2": ["psycopg2"], "spaces": [],
        "scipy": ["scikit-learn", "sentence-transformers", "librosa", "lightgbm", "xgboost"],
        "sklearn": ["sentence-transformers", "librosa"], "joblib": ["scikit-learn", "nltk", "librosa"],
        "tqdm": [
            "transformers", "datasets", "huggingface-hub", "openai", "nltk", "spacy", "sentence-transformers",
            "diffusers",
        ],
        "dateutil": ["pandas", "matplotlib"], "matplotlib": ["seaborn"], "pyarrow": ["datasets", "streamlit"],
        "multipart": ["gradio"], "orjson": ["gradio"], "aiohttp": ["datasets", "discord-py", "aiogram", "langchain"],
        "soundfile": ["librosa"], "sqlalchemy": ["langchain", "flask-sqlalchemy", "sqlmodel"],
        "flask": ["flask-cors", "flask-sqlalchemy"],
        "websockets": ["gradio"], "markdown": [], "rich": ["typer", "streamlit"],
        "dotenv": ["pydantic-settings", "uvicorn"],
        "plotly": [], "tiktoken": ["openai-whisper"], "whisper": ["openai-whisper"], "boto3": [],
        "keras": ["tensorflow"],
    ]
    /// Top modules of Python's own library. Source: `sys.stdlib_module_names`, the ones an app imports.
    private static let standard: Set<String> = [
        "__future__", "abc", "argparse", "array", "ast", "asyncio", "base64", "bisect", "calendar", "collections",
        "concurrent", "configparser", "contextlib", "contextvars", "copy", "csv", "ctypes", "dataclasses", "datetime",
        "decimal", "difflib", "email", "enum", "errno", "fnmatch", "fractions", "functools", "gc", "getpass", "glob",
        "gzip", "hashlib", "heapq", "hmac", "html", "http", "importlib", "inspect", "io", "ipaddress", "itertools",
        "json", "locale", "logging", "math", "mimetypes", "multiprocessing", "operator", "os", "pathlib", "pickle",
        "platform", "pprint", "queue", "random", "re", "secrets", "select", "shlex", "shutil", "signal", "smtplib",
        "socket", "sqlite3", "ssl", "stat", "statistics", "string", "struct", "subprocess", "sys", "tempfile",
        "textwrap", "threading", "time", "tomllib", "traceback", "types", "typing", "unicodedata", "unittest", "urllib",
        "uuid", "warnings", "weakref", "xml", "zipfile", "zlib", "zoneinfo", "dis",
    ]
}

extension Substring {
    /// How often a text stands in it.
    fileprivate func components(of text: String) -> Int { ranges(of: text).count }
}
