import Diagnosis
import StokerCore

/// Looks for what will make a Space fail, before it is shipped. Pure: what is in the folder was read before.
package struct FolderExamination: Sendable {
    private let facts: FolderFacts
    private let header: ReadmeHeader
    private var findings: [FolderFinding] = []
    /// The port that visitors are sent to. Source: hub-docs `spaces-config-reference`: `app_port`, 7860; Gradio is always on 7860.
    private var port: Int { header.sdk == "docker" ? header.appPort ?? 7_860 : 7_860 }

    /// Every finding, in the order of files and lines.
    package static func findings(_ facts: FolderFacts) -> [FolderFinding] {
        var examination = FolderExamination(facts)
        examination.readme()
        examination.appFile()
        if let file = facts.file("Dockerfile"), let text = file.text, examination.header.sdk != "static" {
            examination.dockerfile(Dockerfile(text))
        }
        examination.python()
        examination.requirements()
        examination.files()
        examination.secrets()
        return examination.findings.sorted { ($0.file, $0.line ?? 0, $0.rule) < ($1.file, $1.line ?? 0, $1.rule) }
    }

    private init(_ facts: FolderFacts) {
        self.facts = facts
        header = ReadmeHeader(facts.file("README.md")?.text ?? "")
    }

    private mutating func add(
        _ rule: String, _ severity: FailureSignature.Severity, _ file: String, _ line: Int?, _ text: String,
        _ fix: String
    ) {
        let finding = FolderFinding(rule: rule, severity: severity, file: file, line: line, text: text, fix: fix)
        if !findings.contains(finding) { findings.append(finding) }
    }

    // MARK: README

    private static let colours: Set<String> = ["red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"]

    private mutating func readme() {
        let name = "README.md"
        guard facts.file(name) != nil else {
            return add(
                "RT19", .error, name, nil, "There is no README.md, and so no settings for the Space.",
                "Write one that begins with `---`, `sdk: docker` (or gradio, static) and `---`.")
        }
        if let problem = facts.headerProblem {
            return add(
                "RT19", .error, name, 1, "The Hub finds no settings in it: \(problem).",
                "Let the file begin with `---`, the settings, and `---`.")
        }
        if let trouble = header.trouble {
            return add(
                "B14", .error, name, trouble.line, "Its header is no YAML: \(trouble.text).", "Correct this line.")
        }
        let sdk = header.values["sdk"]
        if sdk == nil {
            add(
                "B14", .error, name, 1, "Its header has no `sdk`.", "Add `sdk: docker`, `sdk: gradio` or `sdk: static`."
            )
        } else if let sdk, sdk.text == "streamlit" {
            add(
                "B14", .error, name, sdk.line, "The SDK streamlit was retired.",
                "Use `sdk: docker` with a Dockerfile that starts Streamlit on port 7860.")
        } else if let sdk, !["gradio", "docker", "static"].contains(sdk.text) {
            add(
                "B14", .error, name, sdk.line, "`sdk: \(sdk.text.cut(to: 60))` is none.",
                "Write docker, gradio or static.")
        }
        for key in ["colorFrom", "colorTo"] {
            if let value = header.values[key], !Self.colours.contains(value.text) {
                add(
                    "B14", .error, name, value.line, "`\(key): \(value.text.cut(to: 60))` is no colour of the Hub.",
                    "Write one of \(Self.colours.sorted().joined(separator: ", ")).")
            }
        }
        if let value = header.values["short_description"], value.text.count > 60 {
            add(
                "B14", .error, name, value.line,
                "`short_description` has \(value.text.count) characters; the Hub takes 60.", "Shorten it.")
        }
        if let value = header.values["app_port"] {
            if Int(value.text).map({ (1...65_535).contains($0) }) != true {
                add(
                    "B14", .error, name, value.line, "`app_port: \(value.text.cut(to: 60))` is no port.",
                    "Write a number.")
            } else if header.sdk != nil, header.sdk != "docker" {
                add(
                    "B14", .warn, name, value.line, "`app_port` counts for Docker Spaces only.",
                    "Remove it, or let the app listen on 7860.")
            }
        }
        for key in ["sdk_version", "python_version"] {
            if let value = header.values[key], !value.isQuoted, value.text.split(separator: ".").count == 2 {
                add(
                    "B14", .warn, name, value.line, "`\(key): \(value.text)` is read as a number; 5.10 becomes 5.1.",
                    "Put it in quotes.")
            }
        }
        if let value = header.values["base_path"], !value.text.hasPrefix("/") {
            add("B14", .error, name, value.line, "`base_path` must begin with `/`.", "Write `/\(value.text)`.")
        }
        if let value = header.values["hardware"] {
            add(
                "B14", .warn, name, value.line, "There is no key `hardware`; the Hub ignores it.",
                "Choose hardware with `stoker space hardware`, or suggest it by `suggested_hardware`.")
        }
    }

    private mutating func appFile() {
        switch header.sdk {
        case "docker":
            if facts.file("Dockerfile") == nil {
                let near = facts.files.first { $0.name.lowercased() == "dockerfile" }?.path
                add(
                    "RT21", .error, near ?? "README.md", near == nil ? header.values["sdk"]?.line : nil,
                    "A Docker Space needs a file named Dockerfile at its top.",
                    near == nil ? "Add one." : "Move it to the top, with a capital D.")
            }
        case "gradio", "static":
            let standard = header.sdk == "gradio" ? "app.py" : "index.html"
            let wanted = header.values["app_file"]?.text ?? standard
            let isBuilt = header.values["app_build_command"] != nil
            if facts.file(wanted) == nil, !isBuilt {
                add(
                    "RT21", .error, "README.md", header.values["app_file"]?.line ?? header.values["sdk"]?.line,
                    "The file that is started, \(wanted), is not there.", "Add it, or name another by `app_file`.")
            }
        default: break
        }
    }

    // MARK: Dockerfile

    private mutating func dockerfile(_ file: Dockerfile) {
        let name = "Dockerfile"
        for mistake in file.mistakes {
            add("BD07", .error, name, mistake.line, "\(Formatting.capitalized(mistake.text)).", "Correct the line.")
        }
        for stage in file.stages {
            let isOwn = file.stages.contains { $0.name == stage.image.lowercased() }
            let tail = stage.image.split(separator: "/").last.map(String.init) ?? stage.image
            if !isOwn, stage.image != "scratch", !stage.image.contains("@"), !tail.isEmpty,
                !tail.contains(":") || tail.hasSuffix(":latest")
            {
                add(
                    "DF01", .warn, name, stage.line, "The base image \(stage.image) has no fixed version.",
                    "Name a tag such as \(tail.split(separator: ":")[0]):3.12-slim, or a digest.")
            }
            copies(stage, file)
            for instruction in stage.instructions where instruction.name == "RUN" {
                let text = ([instruction.text] + instruction.heredocs.map(\.text)).joined(separator: "\n")
                moderation(text, name, instruction.line)
                if text.contains("/run/secrets/"), !instruction.flags.contains(where: { $0.contains("type=secret") }) {
                    add(
                        "B10", .error, name, instruction.line, "It reads /run/secrets, and mounts no secret.",
                        "Write RUN --mount=type=secret,id=NAME.")
                }
                for word in ["/data/", "mkdir -p /data", "mkdir /data"] where text.contains(word) {
                    add(
                        "B11", .warn, name, instruction.line, "It uses /data, which is there only while the app runs.",
                        "Do it when the app starts.")
                    break
                }
                if text.contains("nvidia-smi") {
                    add(
                        "B12", .error, name, instruction.line, "The builder has no GPU.",
                        "Ask for it when the app starts.")
                }
            }
            if let all = stage.instructions.first(where: {
                $0.name == "COPY" && $0.flag("from") == nil && Self.copiesAll($0)
            }),
                let install = stage.instructions.first(where: { step in
                    step.name == "RUN" && step.line > all.line
                        && ["pip install", "npm ci", "npm install"].contains(where: step.text.contains)
                }),
                !stage.instructions.contains(where: {
                    $0.name == "COPY" && $0.line < all.line && !Self.copiesAll($0)
                })
            {
                add(
                    "DF02", .info, name, install.line,
                    "All files are copied before the packages are installed: each change installs them anew.",
                    "Copy the list of packages first, install, then copy the rest.")
            }
        }
        guard let last = file.last else { return }
        start(of: last, name)
    }

    private static func copiesAll(_ copy: Dockerfile.Instruction) -> Bool {
        copy.words.dropLast().contains { $0 == "." || $0 == "./" }
    }

    private mutating func copies(_ stage: Dockerfile.Stage, _ file: Dockerfile) {
        let values = stage.environment.merging(file.arguments) { own, _ in own }
        for copy in stage.instructions where copy.name == "COPY" || copy.name == "ADD" {
            guard copy.flag("from") == nil, copy.heredocs.isEmpty else { continue }
            for source in copy.words.dropLast() {
                let filled = Dockerfile.filled(source, values)
                var path = filled.hasPrefix("./") ? String(filled.dropFirst(2)) : filled
                while path.hasPrefix("/") { path.removeFirst() }
                while path.hasSuffix("/") { path.removeLast() }
                if path.isEmpty || path == "." || filled.contains("://") || filled.hasPrefix("git@") { continue }
                // A pattern may match nothing in a part of it; only plain names are certain.
                if path.contains(where: { "*?[".contains($0) }) { continue }
                let isThere = facts.files.contains { $0.path == path || $0.path.hasPrefix(path + "/") }
                if isThere { continue }
                let isIgnored = facts.ignored.contains { $0 == path || $0 == path + "/" }
                add(
                    "B07", .error, "Dockerfile", copy.line,
                    "\(copy.name) names \(path.cut(to: 60)), which \(isIgnored ? "no upload takes along: it is ignored" : "is not in the folder").",
                    isIgnored ? "Take it out of .gitignore, or make it in the build." : "Add it, or correct the line.")
            }
        }
    }

    /// What the container starts, and where it listens.
    private mutating func start(of stage: Dockerfile.Stage, _ name: String) {
        let environment = stage.environment
        let exposes = stage.instructions.filter { $0.name == "EXPOSE" }
        let exposed = exposes.flatMap { step in
            step.words.compactMap { word in
                Int(Dockerfile.filled(word, environment).split(separator: "/").first ?? "").map {
                    (port: $0, line: step.line)
                }
            }
        }
        if let first = exposed.first, !exposed.contains(where: { $0.port == port }) {
            add(
                "P01", .error, name, first.line, "It exposes port \(first.port), and visitors are sent to \(port).",
                header.appPort == nil
                    ? "Write `app_port: \(first.port)` into README.md, or listen on \(port)."
                    : "Let `app_port` in README.md and EXPOSE agree.")
        }
        guard
            let command = stage.instructions.last(where: { $0.name == "CMD" })
                ?? stage.instructions.last(where: { $0.name == "ENTRYPOINT" })
        else { return }
        let entry = stage.instructions.last { $0.name == "ENTRYPOINT" }
        for step in [entry, command].compactMap({ $0 }) {
            moderation(step.text, name, step.line)
            if let script = script(step.words.first) { self.script(script, step, stage) }
        }
        let isProxied = facts.files.contains { file in
            ["nginx.conf", "supervisord.conf", "Caddyfile"].contains(file.name)
        }
        if isProxied { return }
        listening(command.words.map { Dockerfile.filled($0, environment) }, environment, name, command.line)
        // A shell script that starts the server is read like the command.
        for step in [entry, command].compactMap({ $0 }) {
            for word in step.words {
                guard let file = script(word), let text = file.text, file.name.hasSuffix(".sh") else { continue }
                let lines = text.lines
                for (number, line) in lines.enumerated() where !line.trimmed.hasPrefix("#") {
                    listening(
                        Dockerfile.words(Dockerfile.filled(String(line), environment)), environment, file.path,
                        number + 1)
                    moderation(String(line), file.path, number + 1)
                }
            }
        }
    }

    /// The file of the folder that a word of a command names.
    private func script(_ word: String?) -> FolderFacts.File? {
        guard let word, word.contains("/") || word.contains(".") else { return nil }
        let name = word.split(separator: "/").last.map(String.init) ?? word
        if let exact = facts.file(word.hasPrefix("./") ? String(word.dropFirst(2)) : word) { return exact }
        let same = facts.files.filter { $0.name == name }
        return same.count == 1 ? same[0] : nil
    }

    private mutating func script(_ file: FolderFacts.File, _ step: Dockerfile.Instruction, _ stage: Dockerfile.Stage) {
        guard !file.isExecutable, file.text?.hasPrefix("#!") == true else { return }
        let isMade = stage.instructions.contains { other in
            (other.name == "RUN" && other.text.contains("chmod"))
                || ((other.name == "COPY" || other.name == "ADD") && other.flag("chmod") != nil)
        }
        if isMade { return }
        add(
            "EP04", .error, "Dockerfile", step.line, "It starts \(file.path), which has no executable bit.",
            "chmod +x \(file.path), or start it by `sh \(file.path)`.")
    }

    private static let servers: Set<String> = [
        "uvicorn", "gunicorn", "hypercorn", "flask", "fastapi", "streamlit", "http.server", "daphne", "waitress-serve",
    ]

    /// Where a server listens, by its command.
    private mutating func listening(
        _ words: [String], _ environment: [String: String], _ file: String, _ line: Int
    ) {
        let all = words.flatMap { $0.contains(" ") ? Dockerfile.words($0) : [$0] }
        guard
            let place = all.firstIndex(where: {
                Self.servers.contains($0.split(separator: "/").last.map(String.init) ?? $0)
            })
        else {
            program(all, environment)
            return
        }
        let server = all[place].split(separator: "/").last.map(String.init) ?? all[place]
        let options = Array(all[(place + 1)...])
        func option(_ names: String...) -> String? {
            for (number, word) in options.enumerated() {
                for name in names {
                    if word == name, number + 1 < options.count { return options[number + 1] }
                    if word.hasPrefix(name + "=") { return String(word.dropFirst(name.count + 1)) }
                    if name.count == 2, word.hasPrefix(name), word.count > 2, !word.hasPrefix("--") {
                        return String(word.dropFirst(2))
                    }
                }
            }
            return nil
        }
        if options.contains("--reload") || (server == "fastapi" && options.first == "dev") {
            add(
                "D22", .warn, file, line, "It restarts when a file changes, which is for development.",
                "Remove --reload.")
        }
        var host: String?
        var port: String?
        switch server {
        case "uvicorn", "hypercorn", "daphne":
            host = option("--host", "-b", "--bind") ?? environment["UVICORN_HOST"] ?? "127.0.0.1"
            port = option("--port", "-p") ?? environment["UVICORN_PORT"] ?? "8000"
            if option("--uds", "--fd") != nil { return }
        case "fastapi":
            host = option("--host") ?? (options.first == "dev" ? "127.0.0.1" : "0.0.0.0")
            port = option("--port") ?? environment["PORT"] ?? "8000"
        case "flask":
            guard options.contains("run") else { return }
            host = option("--host", "-h") ?? environment["FLASK_RUN_HOST"] ?? "127.0.0.1"
            port = option("--port", "-p") ?? environment["FLASK_RUN_PORT"] ?? "5000"
        case "streamlit":
            guard options.contains("run") else { return }
            host = option("--server.address") ?? environment["STREAMLIT_SERVER_ADDRESS"] ?? "0.0.0.0"
            port =
                option("--server.port") ?? environment["STREAMLIT_SERVER_PORT"]
                ?? (facts.files.contains { $0.path.hasSuffix(".streamlit/config.toml") } ? nil : "8501")
        case "gunicorn":
            if option("--config", "-c") != nil || facts.files.contains(where: { $0.name == "gunicorn.conf.py" }) {
                return
            }
            let standard = environment["PORT"].map { "0.0.0.0:\($0)" } ?? "127.0.0.1:8000"
            let bind = option("--bind", "-b") ?? standard
            if bind.hasPrefix("unix:") { return }
            let parts = bind.split(separator: ":", omittingEmptySubsequences: false)
            host = parts.count > 1 ? parts.dropLast().joined(separator: ":") : bind
            port = parts.count > 1 ? String(parts[parts.count - 1]) : "8000"
        case "http.server":
            host = option("--bind", "-b") ?? "0.0.0.0"
            port = options.first { Int($0) != nil } ?? "8000"
        default: return
        }
        judge(host, port.flatMap { Int($0) }, server, file, line)
    }

    private mutating func judge(_ host: String?, _ listened: Int?, _ server: String, _ file: String, _ line: Int) {
        if let host, host == "localhost" || host.hasPrefix("127.") || host == "::1" {
            add(
                "P02", .error, file, line, "\(server) listens on \(host), which nobody outside the container reaches.",
                "Let it listen on 0.0.0.0.")
        }
        if let listened, listened != port {
            add(
                "P01", .error, file, line, "\(server) listens on port \(listened), and visitors are sent to \(port).",
                "Let it listen on \(port), or write `app_port: \(listened)` into README.md.")
        }
    }

    /// A program of the folder that is its own server.
    private mutating func program(_ words: [String], _ environment: [String: String]) {
        for word in words {
            guard let file = script(word), let text = file.text else { continue }
            for (number, line) in text.lines.enumerated() {
                let line = line.trimmed
                if line.hasPrefix("#") || line.hasPrefix("//") { continue }
                if file.name.hasSuffix(".py") {
                    pythonServer(line, text, environment, file.path, number + 1)
                } else if [".js", ".mjs", ".cjs", ".ts"].contains(where: file.name.hasSuffix) {
                    nodeServer(line, environment, file.path, number + 1)
                }
            }
        }
        // Compiled ones: the image holds no source, the folder does.
        if facts.files.contains(where: { $0.name == "go.mod" || $0.name == "Package.swift" }) {
            for file in facts.files where file.name.hasSuffix(".go") || file.name.hasSuffix(".swift") {
                if file.path.contains("Tests/") || file.name.hasSuffix("_test.go") { continue }
                for (number, line) in (file.text ?? "").lines
                    .enumerated()
                {
                    compiledServer(line.trimmed, file.path, number + 1)
                }
            }
        }
    }

    private mutating func pythonServer(
        _ line: String, _ text: String, _ environment: [String: String], _ file: String, _ number: Int
    ) {
        func argument(_ name: String) -> String? {
            guard let found = line.firstRange(of: "\(name)=") ?? line.firstRange(of: "\(name) = ") else { return nil }
            let value = line[found.upperBound...].trimmed
            if let quote = value.first, quote == "\"" || quote == "'" {
                return String(value.dropFirst().prefix { $0 != quote })
            }
            let digits = value.prefix { $0.isNumber }
            return digits.isEmpty ? "?" : String(digits)
        }
        // A call over several lines tells its arguments elsewhere.
        let isWhole = line.contains("(") && line.hasSuffix(")")
        if line.contains("uvicorn.run(") {
            let host = argument("host") ?? (isWhole ? "127.0.0.1" : "?")
            let port = argument("port") ?? (isWhole ? "8000" : "?")
            judge(host, Int(port), "uvicorn", file, number)
            if line.contains("reload=True") {
                add(
                    "D22", .warn, file, number, "It restarts when a file changes, which is for development.",
                    "Remove reload=True.")
            }
        } else if line.contains("app.run("), text.contains("Flask(") {
            let host = argument("host") ?? (isWhole ? "127.0.0.1" : "?")
            let port = argument("port") ?? (isWhole ? "5000" : "?")
            judge(host, Int(port), "Flask", file, number)
            if line.contains("debug=True") {
                add(
                    "D22", .warn, file, number, "Flask's debugger restarts it and is open to visitors.",
                    "Remove debug=True.")
            }
        } else if line.contains(".launch("), text.contains("gradio") {
            gradio(line, argument("server_name"), argument("server_port"), isWhole, environment, file, number)
        }
    }

    private mutating func gradio(
        _ line: String, _ host: String?, _ listened: String?, _ isWhole: Bool, _ environment: [String: String],
        _ file: String, _ number: Int
    ) {
        // The Gradio SDK sets these two for its Spaces. Source: spaces' own environment, hub-docs `spaces-sdks-gradio`.
        let standard =
            header.sdk == "gradio" ? "0.0.0.0" : environment["GRADIO_SERVER_NAME"] ?? (isWhole ? "127.0.0.1" : "?")
        judge(host ?? standard, Int(listened ?? environment["GRADIO_SERVER_PORT"] ?? "7860"), "Gradio", file, number)
    }

    private mutating func nodeServer(_ line: String, _ environment: [String: String], _ file: String, _ number: Int) {
        guard let call = line.firstRange(of: ".listen(") else { return }
        let inside = line[call.upperBound...]
        let host = ["127.0.0.1", "localhost"].first { inside.contains("'\($0)'") || inside.contains("\"\($0)\"") }
        let digits = inside.prefix { $0.isNumber }
        judge(host, Int(digits), "Node", file, number)
    }

    private mutating func compiledServer(_ line: String, _ file: String, _ number: Int) {
        if line.hasPrefix("//") { return }
        for mark in ["ListenAndServe(\"", "net.Listen(\"tcp\", \"", ".Run(\""] {
            guard let call = line.firstRange(of: mark) else { continue }
            let address = line[call.upperBound...].prefix { $0 != "\"" }
            let parts = address.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            judge(parts[0].isEmpty ? nil : String(parts[0]), Int(parts[1]), "The server", file, number)
        }
        if let call = line.firstRange(of: ".hostname(\"") {
            let host = line[call.upperBound...].prefix { $0 != "\"" }
            let rest = line[call.upperBound...]
            let digits = rest.firstRange(of: "port: ").map { rest[$0.upperBound...].prefix { $0.isNumber } }
            judge(String(host), digits.flatMap { Int($0) }, "The server", file, number)
        }
    }

    // MARK: Python

    /// The app of the Gradio SDK, which is started as it is.
    private mutating func python() {
        guard header.sdk == "gradio" else { return }
        let name = header.values["app_file"]?.text ?? "app.py"
        guard let file = facts.file(name), let text = file.text else { return }
        for (number, line) in text.lines.enumerated() {
            let line = line.trimmed
            if line.hasPrefix("#") { continue }
            pythonServer(line, text, [:], name, number + 1)
        }
    }

    private mutating func requirements() {
        guard let file = facts.file("requirements.txt"), let text = file.text else { return }
        let list = PythonRequirements(text)
        for line in list.invalid {
            add(
                "BD05", .error, file.path, line.line, "pip does not understand `\(line.text.cut(to: 60))`.",
                "Write a name and a version, such as fastapi==0.115.0.")
        }
        for pair in list.conflicts {
            add(
                "B01", .error, file.path, pair.line,
                "`\(pair.name)` is pinned to \(pair.second), and to \(pair.first) in line \(pair.firstLine).",
                "Keep one of them.")
        }
        let open = list.items.filter { $0.isOpen }
        if let first = open.first {
            let names = open.prefix(5).map(\.name).joined(separator: ", ") + (open.count > 5 ? " …" : "")
            add(
                "RQ01", .info, file.path, first.line,
                "\(open.count == 1 ? "One package has" : "\(open.count) packages have") no version: \(names). The next build may get others.",
                "Pin them.")
        }
        let installed = facts.file("Dockerfile")?.text ?? ""
        let local = Set(
            facts.files.filter { $0.name.hasSuffix(".py") }.flatMap { file -> [String] in
                var parts = file.path.split(separator: "/").map(String.init)
                parts[parts.count - 1] = String(parts[parts.count - 1].dropLast(3))
                return parts
            })
        for file in facts.files where file.name.hasSuffix(".py") && !file.path.lowercased().contains("test") {
            for module in PythonImports.missing(file.text ?? "", list, local: local, installed: installed) {
                add(
                    "D01", .error, file.path, module.line,
                    "It imports `\(module.name)`, and requirements.txt does not name \(module.package).",
                    "Add \(module.package) to requirements.txt.")
            }
        }
    }

    // MARK: All files

    /// Programs that the Hub's moderation takes Spaces away for. Source: diagnosis-rules RT04.
    private static let flagged = [
        "cloudflared", "ngrok", "ttyd", "frpc", "xray", "v2ray", "sshd", "x11vnc", "novnc", "tigervnc",
    ]

    private mutating func moderation(_ text: String, _ file: String, _ line: Int) {
        let words = Set(
            text.lowercased().split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init))
        guard let name = Self.flagged.first(where: words.contains) else { return }
        add(
            "RT04", .critical, file, line, "It uses \(name): the Hub's moderation stops Spaces for that.",
            "Take it out; for a shell use dev mode.")
    }

    private mutating func files() {
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
            if text.hasPrefix("#!"), first.utf8.last == 0x0D || text.contains("\r\n") {
                add(
                    "EP01", .error, file.path, 1, "The script has Windows line ends; no shell starts it.",
                    "Save it with Unix line ends, and write `*.sh text eol=lf` into .gitattributes.")
            }
            if ["packages.txt", "requirements.txt"].contains(file.path) {
                for (number, line) in text.lines.enumerated() {
                    moderation(String(line.prefix { $0 != "#" }), file.path, number + 1)
                }
            }
            database(file, text)
        }
    }

    /// An address of a database in the code that asks for no encryption.
    private mutating func database(_ file: FolderFacts.File, _ text: String) {
        guard file.name.hasSuffix(".py") || file.name == "Dockerfile" || file.name.hasSuffix(".js") else { return }
        guard text.contains("postgres") else { return }
        for (number, line) in text.lines.enumerated() {
            guard let scheme = line.firstRange(of: "postgres"),
                let mark = line[scheme.upperBound...].firstRange(of: "://"),
                line[scheme.upperBound..<mark.lowerBound].allSatisfy({ $0.isLetter || $0.isNumber || $0 == "+" })
            else { continue }
            let address = line[mark.upperBound...].prefix { !$0.isWhitespace && $0 != "\"" && $0 != "'" }
            let host = (address.split(separator: "@").last ?? address).prefix { $0 != ":" && $0 != "/" && $0 != "?" }
            guard host.contains("."), !host.hasPrefix("127."), !host.contains("{"), !host.hasSuffix("example.com"),
                !address.contains("sslmode"), !address.contains("ssl=")
            else { continue }
            if line.trimmed.hasPrefix("#") || text.contains("sslmode") { continue }
            add(
                "DB04", .warn, file.path, number + 1, "The address of the database asks for no encryption.",
                "Add `?sslmode=require`, and keep the address in a secret.")
        }
    }

    private mutating func secrets() {
        for secret in facts.secrets {
            add(
                "G15", .critical, secret.path, secret.line, "\(Formatting.capitalized(secret.reason)).",
                "Take it out of the folder, and set it with `stoker space secrets add`.")
        }
    }
}
