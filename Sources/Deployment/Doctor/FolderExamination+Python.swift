import Diagnosis
import StokerCore

extension FolderExamination {
    /// Requirements, what the app imports, and what it does before its port is open.
    mutating func python() {
        reached = PythonModules(facts).reached(from: entries)
        let lists = requirementLists()
        for file in lists { requirements(file) }
        missingImports(lists)
        heavyStart()
        silentBot()
    }

    // MARK: Requirements

    /// The lists of packages that are installed.
    private func requirementLists() -> [FolderFacts.File] {
        let root = facts.files.filter {
            ["requirements.txt", "pre-requirements.txt"].contains($0.path) && $0.text != nil
        }
        guard let docker else { return root }
        var found = root.filter { $0.path == "requirements.txt" }
        for step in docker.stages.flatMap(\.instructions) where step.name == "RUN" {
            for words in Dockerfile.commands(step.text) {
                for (number, word) in words.enumerated()
                where word == "-r" || word == "--requirement" || word.hasPrefix("-r") && word.count > 2 {
                    let path =
                        word == "-r" || word == "--requirement"
                        ? (words.indices.contains(number + 1) ? words[number + 1] : "") : String(word.dropFirst(2))
                    let name = path.split(separator: "/").last.map(String.init) ?? path
                    let same = facts.files.filter { $0.name == name && $0.text != nil }
                    let exact = same.first { path.hasSuffix($0.path) } ?? (same.count == 1 ? same[0] : nil)
                    if let exact, !found.contains(where: { $0.path == exact.path }) { found.append(exact) }
                }
            }
        }
        return found
    }

    private mutating func requirements(_ file: FolderFacts.File) {
        let list = PythonRequirements(file.text ?? "")
        for line in list.invalid {
            add(
                "BD05", .error, file.path, line.line, at: [line.text],
                "pip does not understand `\(line.text.cut(to: 60))`.",
                "Write a name and a version, such as fastapi==0.115.0.")
        }
        for pair in list.conflicts {
            add(
                "B01", .error, file.path, pair.line,
                "`\(pair.name)` is pinned to \(pair.second.dropFirst(2)), and to \(pair.first.dropFirst(2)) in line \(pair.firstLine).",
                "Keep one of them.")
        }
        // The builder installs the two together. Source: build logs of Gradio Spaces: `pip install -r requirements.txt gradio[oauth]==…`
        if header.sdk == "gradio", let version = header.values["sdk_version"]?.text,
            let pin = list.items.first(where: {
                $0.name == "gradio" && $0.version.hasPrefix("==") && !$0.version.contains("*")
            }),
            Self.plainVersion(pin.version.dropFirst(2)) != Self.plainVersion(version)
        {
            add(
                "B01", .error, file.path, pin.line, at: ["gradio"],
                "gradio is pinned to \(pin.version.dropFirst(2)), and `sdk_version` in README.md is \(version): both are installed together.",
                "Take gradio out of the list, or name the same version.")
        }
        let open = list.items.filter { $0.isOpen }
        if let first = open.first {
            let names = open.prefix(5).map(\.name).joined(separator: ", ") + (open.count > 5 ? " …" : "")
            add(
                "RQ01", .info, file.path, first.line,
                "\(open.count == 1 ? "One package has" : "\(open.count) packages have") no version: \(names). The next build may get others.",
                "Pin them.")
        }
    }

    /// `5.10.0` and `5.10` are the same. Source: PEP 440.
    private static func plainVersion(_ text: some StringProtocol) -> String {
        var text = text.trimmed
        while text.hasSuffix(".0") { text.removeLast(2) }
        return text
    }

    /// What else may install Python packages: nothing is missing for sure then.
    private var installsElsewhere: Bool {
        guard let docker, let last = docker.last else { return false }
        let base = docker.base(of: last)
        let plain: Set<String> = ["python", "debian", "ubuntu", "cuda", "uv", "node"]
        if !plain.contains(Self.repository(base)) { return true }
        return docker.stages.flatMap(\.instructions).contains { step in
            guard step.name == "RUN" || step.name == "COPY" else { return false }
            if step.name == "COPY" {
                // Packages of an image that is no stage of this file.
                guard let from = step.flag("from"), Int(from) == nil else { return false }
                return !docker.stages.contains { $0.name == from.lowercased() } && !from.contains("uv")
            }
            return Dockerfile.commands(([step.text] + step.heredocs.map(\.text)).joined(separator: "\n")).contains {
                words in
                let first = words.first ?? ""
                if ["uv", "poetry", "pipenv", "pdm", "hatch", "rye", "pixi"].contains(first),
                    !words.starts(with: ["uv", "pip"])
                {
                    return true
                }
                if ["conda", "mamba", "micromamba"].contains(first) { return true }
                guard words.contains("install"), words.contains(where: { $0.hasPrefix("pip") || $0 == "uv" }) else {
                    return false
                }
                return words.contains {
                    $0 == "." || $0.hasPrefix("./") || $0.hasPrefix(".[") || $0.hasPrefix("-e") || $0.hasSuffix(".whl")
                        || $0.contains("://") && $0.hasPrefix("git+")
                }
            }
        }
    }

    /// Words of the Dockerfile, in which packages may be named.
    private var installedText: String { docker == nil ? "" : facts.file("Dockerfile")?.text ?? "" }

    private mutating func missingImports(_ lists: [FolderFacts.File]) {
        guard let first = lists.first, !installsElsewhere else { return }
        var list = PythonRequirements(first.text ?? "")
        for file in lists.dropFirst() {
            let more = PythonRequirements(file.text ?? "")
            list.items += more.items
            list.isPartial = list.isPartial || more.isPartial
        }
        if header.sdk == "gradio" {
            // Source: the builder of Gradio Spaces, as its logs show it.
            for name in [
                "gradio", "spaces", "uvicorn", "websockets", "huggingface-hub", "datasets", "protobuf", "pydantic",
            ] {
                list.items.append(.init(name: name, version: "", line: 0, isOpen: false))
            }
        }
        let local = Set(
            facts.files.filter { $0.name.hasSuffix(".py") }.flatMap { file -> [String] in
                var parts = file.path.split(separator: "/").map(String.init)
                parts[parts.count - 1] = String(parts[parts.count - 1].dropLast(3))
                return parts
            })
        let installed = installedText
        for file in reached {
            for module in PythonImports.missing(file.text ?? "", list, local: local, installed: installed) {
                add(
                    "D01", .error, file.path, module.line, at: [module.name],
                    "It imports `\(module.name)`, and \(first.path) does not name \(module.package).",
                    "Add \(module.package) to \(first.path).")
            }
        }
    }

    /// A server that is started and that no list brings.
    mutating func missingServer(_ program: ServerProgram, file: String, line: Int, end: Int) {
        let lists = requirementLists()
        guard let package = program.package, let first = lists.first, !installsElsewhere else { return }
        var items: [PythonRequirements.Item] = []
        for file in lists {
            let list = PythonRequirements(file.text ?? "")
            guard PythonImports.isKnown(list) else { return }
            items += list.items
        }
        let brings = items.contains { item in
            if item.name == package { return true }
            if package == "uvicorn" || package == "flask" {
                return ["gradio", "chainlit", "mlflow", "flask-cors"].contains(item.name) || !item.extras.isEmpty
            }
            return false
        }
        if brings || Self.names(package, in: installedText) { return }
        add(
            "D01", .error, file, line, to: end, at: [program.name],
            "It starts \(program.name), and \(first.path) does not name \(package).", "Add \(package) to \(first.path)."
        )
    }

    /// Whether a RUN names a package.
    private static func names(_ package: String, in dockerfile: String) -> Bool {
        Dockerfile(dockerfile).stages.flatMap(\.instructions).contains {
            $0.name == "RUN" && ($0.text + $0.heredocs.map(\.text).joined()).lowercased().contains(package)
        }
    }

    // MARK: Before the port is open

    private static let loaders = [
        ".from_pretrained(", "pipeline(", "SentenceTransformer(", "load_model(", "torch.load(", "snapshot_download(",
        "hf_hub_download(", "whisper.load_model(", "YOLO(", "load_dataset(", "spacy.load(", "Llama(",
    ]
    private static let heavy: Set<String> = ["torch", "tensorflow", "transformers", "diffusers", "jax", "keras"]

    private mutating func heavyStart() {
        // Gradio and Streamlit load what they show; only what visitors wait for at the door counts.
        let isServed = listeners.contains {
            ["uvicorn", "gunicorn", "hypercorn", "fastapi", "flask", "Flask", "granian"].contains($0.server)
        }
        var load: (file: FolderFacts.File, line: Int, call: String)?
        for file in reached {
            for (number, line) in PythonImports.topLines(file.text ?? "") {
                guard !line.hasPrefix("def "), !line.hasPrefix("from "), !line.hasPrefix("import "),
                    !line.hasPrefix("@"), let call = Self.loaders.first(where: line.has)
                else { continue }
                if load == nil { load = (file, number, call) }
                guard isServed else { continue }
                add(
                    "HV01", .info, file.path, number, at: [call],
                    "It loads a model while it is imported: the port opens only when that is done.",
                    "Load it in the background when the server has started, and answer 503 until it is there.")
            }
        }
        for workers in workerCounts {
            let isTooMany = workers.count > 2 * workers.processors + 1
            if let load {
                add(
                    "HV02", workers.count > workers.processors ? .warn : .info, workers.file, workers.line,
                    to: workers.end,
                    at: ["\(workers.count)", "WEB_CONCURRENCY"],
                    "\(workers.count) workers each load the model of \(load.file.path):\(load.line) into memory.",
                    "Start one worker.")
            } else if isTooMany {
                add(
                    "HV02", .warn, workers.file, workers.line, to: workers.end,
                    at: ["\(workers.count)", "WEB_CONCURRENCY"],
                    "\(workers.count) workers share the \(workers.processors) processors of \(workers.hardware).",
                    "Start at most \(2 * workers.processors + 1).")
            } else if workers.count > workers.processors {
                add(
                    "HV02", .info, workers.file, workers.line, to: workers.end,
                    at: ["\(workers.count)", "WEB_CONCURRENCY"],
                    "\(workers.count) workers share the \(workers.processors) processors of \(workers.hardware), and each has its own copy of what the app keeps in memory.",
                    "Start as many as there are processors.")
            }
        }
        guard isServed, load == nil else { return }
        for file in reached.prefix(1) {
            for (number, line) in PythonImports.topLines(file.text ?? "")
            where line.hasPrefix("import ") || line.hasPrefix("from ") {
                let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_") }
                guard words.count > 1, Self.heavy.contains(String(words[1])) else { continue }
                add(
                    "HV01", .info, file.path, number, at: [String(words[1])],
                    "It imports \(words[1]) before the port is open, which takes many seconds on two processors.",
                    "Import it where it is first needed.")
                return
            }
        }
    }

    /// A bot that only calls out: nobody answers on the port, and the Hub stops the Space.
    private mutating func silentBot() {
        guard header.sdk == "docker", listeners.isEmpty, !reached.isEmpty, !isBehindProxy else { return }
        let all = reached.compactMap(\.text)
        let serves = [
            "uvicorn", "flask", "Flask", "fastapi", "aiohttp", "web.", "HTTPServer", "http.server", "socket", "gradio",
            "streamlit", "tornado", "sanic", "quart", "bottle", "waitress", "hypercorn", "starlette", "nicegui", "dash",
            "webhook", "start_server", "subprocess", "Popen", "os.system", "werkzeug", "twisted", "grpc", "mcp", "exec",
            "keep_alive",
        ]
        if all.contains(where: { text in serves.contains { text.has($0) } }) { return }
        let starts = [
            "client.run(", "bot.run(", "run_polling(", "start_polling(", "infinity_polling(", ".polling(",
            "run_until_disconnected(",
        ]
        for file in reached {
            guard let text = file.text else { continue }
            for (number, line) in text.lines.enumerated() {
                guard !line.trimmed.hasPrefix("#"), let call = starts.first(where: line.has) else { continue }
                return add(
                    "RT06", .error, file.path, number + 1, at: [call],
                    "It only calls out: nothing answers on port \(port), so the Hub stops it after 30 minutes of waiting.",
                    "Serve a small page on 0.0.0.0:\(port) beside the bot, such as /health.")
            }
        }
    }

    // MARK: Health

    private static let healthWords = ["health", "/ping", "/ready", "/live", "/alive", "/status", "/up", "/_stcore"]

    /// Whether the app has an address that tells how it is.
    mutating func health() {
        guard header.sdk == "docker" else { return }
        let code = facts.files.filter { file in
            [".py", ".js", ".mjs", ".cjs", ".ts", ".go", ".swift", ".conf"].contains(where: file.name.hasSuffix)
        }
        if let path = facts.healthPath, path != "/", !isBehindProxy {
            let isThere = facts.files.contains { file in
                file.name != "Dockerfile" && code.contains { $0.path == file.path } && file.text?.has(path) == true
            }
            if !isThere, !reached.isEmpty, let app = Self.app(in: reached) {
                return add(
                    "HE01", .warn, app.file.path, app.line, at: [app.mark],
                    "The fleet file asks \(path.cut(to: 60)), and no file of the app names it.",
                    "Answer \(path.cut(to: 60)) with 200, or name another `path` in the fleet file.")
            }
        }
        if code.contains(where: { file in Self.healthWords.contains { file.text?.has($0) == true } }) { return }
        let candidates =
            reached.isEmpty
            ? code.filter { [".js", ".mjs", ".ts", ".go", ".swift"].contains(where: $0.name.hasSuffix) } : reached
        guard let app = Self.app(in: candidates) else { return }
        add(
            "HE01", .info, app.file.path, app.line, at: [app.mark],
            "It has no health address: whoever watches it can only ask the whole page.",
            "Answer /health with 200 when it can work, and with 503 when its database is away.")
    }

    private static func app(in files: [FolderFacts.File]) -> (file: FolderFacts.File, line: Int, mark: String)? {
        let marks = [
            "FastAPI(", "Flask(", "Quart(", "Starlette(", "web.Application(", "express()", "fastify(", "Fastify(",
            "new Hono(", "http.NewServeMux(", "gin.Default(", "gin.New(", "fiber.New(", "echo.New(", "http.HandleFunc(",
            "Router(context:", "Router()", "Application(",
        ]
        for file in files {
            for (number, line) in (file.text ?? "").lines.enumerated() {
                if line.trimmed.hasPrefix("#") || line.trimmed.hasPrefix("//") { continue }
                let known =
                    file.name.hasSuffix(".swift")
                    ? marks : marks.filter { !$0.hasPrefix("Router(") && $0 != "Application(" }
                if let mark = known.first(where: line.has) { return (file, number + 1, mark) }
            }
        }
        return nil
    }
}
