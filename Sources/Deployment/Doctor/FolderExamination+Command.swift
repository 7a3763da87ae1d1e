import Diagnosis
import StokerCore

/// Where a server of the folder was seen to listen.
struct Listener: Sendable, Equatable {
    /// nil: unknown.
    var host: String?
    /// nil: unknown.
    var port: Int?
    var server: String
    var file: String
    var line: Int
    var end: Int
    /// What would tell the host where it is told nothing, as options.
    var hostFix: [String] = []
    /// The variable whose standard value the port is.
    var variable: String?

    var isLoopback: Bool {
        host.map { $0 == "localhost" || $0.hasPrefix("127.") || $0 == "::1" || $0 == "[::1]" } ?? false
    }
}

/// A text that starts programs: CMD, a script, an entry of package.json.
private struct StartPlace {
    var file: String
    var line: Int
    var end: Int
    var environment: [String: String]
}

extension FolderExamination {
    /// What the container starts, and where it listens.
    mutating func start(of stage: Dockerfile.Stage, _ docker: Dockerfile, _ file: FolderFacts.File) {
        let steps = docker.lineage(of: stage)
        let environment = docker.environment(of: stage)
        let image = ImageFiles(stage, docker, facts)
        let entry = steps.last { $0.name == "ENTRYPOINT" }
        let command = steps.last { step in
            step.name == "CMD" && (entry == nil || step.line > entry?.line ?? 0 || stage.instructions.contains(step))
        }
        for step in [entry, command].compactMap({ $0 }) {
            moderation(step.text, file.path, step.line, to: step.end)
            unexpanded(step, file)
            lostArguments(step, docker, stage, file)
        }
        let own = steps.filter { $0.name == "RUN" || $0.name == "CMD" || $0.name == "ENTRYPOINT" || $0.name == "COPY" }
        var texts = own.map(\.text)
        for (step, words) in [(entry, entry?.words), (command, command?.words)] {
            guard let step, let words else { continue }
            for word in words {
                if let script = script(word, image) {
                    texts.append(script.text ?? "")
                    executable(script, word, words, step, steps, file)
                }
            }
        }
        let proxies = [
            "nginx", "supervisord", "caddy", "traefik", "haproxy", "envoy", "apache2", "httpd", "honcho", "foreman",
            "overmind", "circusd", "pm2", "s6-svscan",
        ]
        let starts = texts.joined(separator: "\n") + "\n" + docker.base(of: stage)
        if proxies.contains(where: starts.has)
            || facts.files.contains(where: { ["nginx.conf", "supervisord.conf", "Caddyfile"].contains($0.name) })
        {
            proxy(starts)
            exposed(steps, environment, file, isKnown: true)
            return
        }
        if let entry, entry.list != nil, let command, entry.line <= command.line || stage.instructions.contains(command)
        {
            let tail = command.list ?? ["/bin/sh", "-c", command.text]
            let first = StartPlace(
                file: file.path, line: min(entry.line, command.line), end: max(entry.end, command.end),
                environment: environment)
            look([ShellCommand(words: (entry.words + tail).map { Dockerfile.filled($0, environment) })], first, image)
        } else if let step = entry ?? command {
            let place = StartPlace(file: file.path, line: step.line, end: step.end, environment: environment)
            look(
                step.list.map { [ShellCommand(words: $0.map { Dockerfile.filled($0, environment) })] }
                    ?? ShellCommand.all(step.text), place, image)
        }
        exposed(steps, environment, file, isKnown: false)
    }

    // MARK: Mistakes of CMD itself

    /// Without a shell nobody puts a variable in.
    private mutating func unexpanded(_ step: Dockerfile.Instruction, _ file: FolderFacts.File) {
        guard let list = step.list, !list.contains("-c"), !list.contains("-lc") else { return }
        for (number, word) in list.enumerated() {
            guard let dollar = word.firstIndex(of: "$") else { continue }
            let rest = word[word.index(after: dollar)...]
            guard let next = rest.first, next.isLetter || next == "_" || next == "{" else { continue }
            let option = number > 0 ? list[number - 1] : ""
            add(
                "DF06", .error, file.path, step.line, to: step.end, at: [word],
                "\(option.hasPrefix("-") ? option + " " : "")\(word.cut(to: 60)) is given as it stands: a list starts no shell that would put the value in.",
                "Write \(step.name) [\"sh\", \"-c\", \"exec …\"], or the value itself.")
        }
    }

    /// `ARG` is gone when the app starts.
    private mutating func lostArguments(
        _ step: Dockerfile.Instruction, _ docker: Dockerfile, _ stage: Dockerfile.Stage, _ file: FolderFacts.File
    ) {
        let run = docker.environment(of: stage)
        var declared = Set(docker.arguments.keys)
        for argument in docker.lineage(of: stage) where argument.name == "ARG" {
            for word in argument.words { declared.insert(String(word.prefix { $0 != "=" })) }
        }
        guard step.list == nil || step.list?.contains("-c") == true else { return }
        for name in declared.sorted() where run[name] == nil {
            guard
                ["$\(name)", "${\(name)}"].contains(where: { mark in
                    guard let found = step.text.find(mark) else { return false }
                    guard mark.last != "}", found.upperBound < step.text.endIndex else { return true }
                    let next = step.text[found.upperBound]
                    return !(next.isLetter || next.isNumber || next == "_")
                })
            else { continue }
            add(
                "DF06", .warn, file.path, step.line, to: step.end, at: ["$\(name)", "${\(name)}"],
                "\(name) is an ARG: it is empty when the app starts.", "Write `ENV \(name)=$\(name)` behind the ARG.")
        }
    }

    private mutating func executable(
        _ script: FolderFacts.File, _ word: String, _ words: [String], _ step: Dockerfile.Instruction,
        _ steps: [Dockerfile.Instruction], _ file: FolderFacts.File
    ) {
        guard script.text?.hasPrefix("#!") == true, Self.isStarted(word, in: step) else { return }
        let isMade = steps.contains { other in
            (other.name == "RUN" && other.text.has("chmod"))
                || ((other.name == "COPY" || other.name == "ADD") && other.flag("chmod") != nil)
        }
        if isMade { return }
        // The interpreter of its first line, started by its name, does the same without the bit.
        let shell = Self.interpreter(script.text ?? "")
        let repairs: [FolderRepair.Change?] =
            shell.map { shell in
                step.list == nil
                    ? [file.replacing(word, with: "\(shell) \(word)", line: step.line)]
                    : [file.replacing("\"\(word)\"", with: "\"\(shell)\", \"\(word)\"", line: step.line)]
            } ?? []
        if script.isExecutable {
            add(
                "EP04", .info, file.path, step.line, to: step.end, at: [word],
                "It starts \(script.path) by its name. Its executable bit is kept by a push of git; an upload loses it.",
                "Start it by `\(shell ?? "sh") \(word)`, or write RUN chmod +x.", repairs: repairs)
        } else {
            add(
                "EP04", .error, file.path, step.line, to: step.end, at: [word],
                "It starts \(script.path), which has no executable bit.",
                "Start it by `\(shell ?? "sh") \(word)`, or write RUN chmod +x behind its COPY.", repairs: repairs)
        }
    }

    /// Whether a word is the program itself, and not what a shell is told to read.
    private static func isStarted(_ word: String, in step: Dockerfile.Instruction) -> Bool {
        let commands =
            step.list.map { list in
                list.contains("-c") ? ShellCommand.all(list.last ?? "") : [ShellCommand(words: list)]
            } ?? ShellCommand.all(step.text)
        return commands.contains { $0.unwrapped.words.first == word }
    }

    private static func interpreter(_ text: String) -> String? {
        let first = String(text.lines.first ?? "").trimmed
        switch first {
        case "#!/bin/sh", "#!/usr/bin/env sh": return "sh"
        case "#!/bin/bash", "#!/usr/bin/env bash", "#!/usr/bin/bash": return "bash"
        default: return nil
        }
    }

    /// The file of the folder that a word of a command names.
    func script(_ word: String, _ image: ImageFiles?) -> FolderFacts.File? {
        guard word.contains("/") || word.contains("."), !word.hasPrefix("-") else { return nil }
        if let there = image?.file(word) { return there }
        let name = word.split(separator: "/").last.map(String.init) ?? word
        if let exact = facts.file(word.hasPrefix("./") ? String(word.dropFirst(2)) : word) { return exact }
        let same = facts.files.filter { $0.name == name }
        return same.count == 1 ? same[0] : nil
    }

    // MARK: Commands

    private mutating func look(_ commands: [ShellCommand], _ place: StartPlace, _ image: ImageFiles, depth: Int = 4) {
        guard depth > 0 else { return }
        var environment = place.environment
        for command in commands {
            if command.words.isEmpty || command.words.first == "export" {
                environment.merge(command.settings) { _, new in new }
                for word in command.words.dropFirst() {
                    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                    if parts.count == 2 {
                        environment[String(parts[0])] = Dockerfile.filled(String(parts[1]), environment)
                    }
                }
                continue
            }
            var here = place
            here.environment = environment.merging(command.settings) { _, new in new }
            let filled = ShellCommand(
                words: command.words.map { Dockerfile.filled($0, here.environment) }, line: command.line)
            one(filled.unwrapped, here, image, depth)
        }
    }

    private mutating func one(_ command: ShellCommand, _ place: StartPlace, _ image: ImageFiles, _ depth: Int) {
        var words = command.words
        guard let first = words.first else { return }
        var base = first.split(separator: "/").last.map(String.init) ?? first
        let shells: Set<String> = ["sh", "bash", "ash", "dash", "zsh"]
        if shells.contains(base) {
            if let option = words.firstIndex(where: { $0.hasPrefix("-") && !$0.hasPrefix("--") && $0.contains("c") }),
                words.indices.contains(option + 1)
            {
                return look(ShellCommand.all(words[option + 1]), place, image, depth: depth - 1)
            }
            words = Array(words.dropFirst().drop { $0.hasPrefix("-") })
            guard let name = words.first else { return }
            base = name
        }
        if let script = script(words[0], image), let text = script.text,
            script.name.hasSuffix(".sh") || script.name.hasSuffix(".bash") || text.hasPrefix("#!/bin/sh")
                || text.hasPrefix("#!/bin/bash") || text.hasPrefix("#!/usr/bin/env bash")
                || text.hasPrefix("#!/usr/bin/env sh")
        {
            return self.shell(script, text, place, image, depth)
        }
        if shells.contains(first.split(separator: "/").last.map(String.init) ?? first) {
            missing(words[0], place, image)
            return
        }
        let isPython = base.hasPrefix("python") || base == "pypy3"
        if isPython {
            var rest = words.dropFirst()
            while let option = rest.first, option.hasPrefix("-"), option != "-m", option != "-c" {
                rest = rest.dropFirst(option == "-W" || option == "-X" ? 2 : 1)
            }
            if rest.first == "-c" { return }
            if rest.first == "-m" {
                words = Array(rest.dropFirst())
                guard let module = words.first else { return }
                base = module
                if let file = module_(module, image) { return python(file, place) }
            } else {
                guard let name = rest.first else { return }
                words = Array(rest)
                base = name.split(separator: "/").last.map(String.init) ?? name
                if base != "manage.py" {
                    if let file = script(name, image), file.name.hasSuffix(".py") { return python(file, place) }
                    return missing(name, place, image)
                }
            }
        }
        if ["npm", "yarn", "pnpm", "bun"].contains(base) { return package(base, words, place, image, depth) }
        if ["node", "deno", "bun", "tsx", "ts-node", "nodemon"].contains(base) {
            if let file = words.dropFirst().compactMap({ script($0, image) }).first {
                return node(file, place)
            }
            if base == "node", let name = words.dropFirst().first(where: { !$0.hasPrefix("-") }) {
                missing(name, place, image)
            }
            return
        }
        if serve(base, Array(words.dropFirst()), place, image) { return }
        compiled(base, place, image)
    }

    /// A script of a shell, line by line.
    private mutating func shell(
        _ script: FolderFacts.File, _ text: String, _ place: StartPlace, _ image: ImageFiles, _ depth: Int
    ) {
        var environment = place.environment
        let lines = text.lines
        for command in ShellCommand.all(text) {
            if command.words.isEmpty || command.words.first == "export" {
                environment.merge(command.settings.mapValues { Dockerfile.filled($0, environment) }) { _, new in new }
                for word in command.words.dropFirst() {
                    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                    if parts.count == 2 {
                        environment[String(parts[0])] = Dockerfile.filled(String(parts[1]), environment)
                    }
                }
                continue
            }
            // A long command begins some lines before it ends.
            let end = min(command.line + 1, lines.count)
            var start = end
            while start > 1, lines[start - 2].trimmedEnd.hasSuffix("\\") { start -= 1 }
            let here = StartPlace(file: script.path, line: start, end: end, environment: environment)
            moderation(command.words.joined(separator: " "), script.path, start, to: end)
            look([command], here, image, depth: depth - 1)
        }
    }

    /// `npm start`: what package.json says.
    private mutating func package(
        _ manager: String, _ words: [String], _ place: StartPlace, _ image: ImageFiles, _ depth: Int
    ) {
        let rest = words.dropFirst().filter { !$0.hasPrefix("--prefix") }
        var name = rest.first ?? ""
        if name == "run" || name == "run-script" { name = rest.dropFirst().first ?? "" }
        if manager == "bun", facts.files.contains(where: { $0.name == name }) {
            if let file = script(name, image) { node(file, place) }
            return
        }
        let lists = facts.files.filter { $0.name == "package.json" }
        let file = image.file("package.json") ?? (lists.count == 1 ? lists[0] : nil)
        guard !name.isEmpty, let file, let text = file.text, let json = try? JSONValue(reading: text),
            let script = json["scripts"]?[name]?.string
        else { return }
        let line = text.lines.firstIndex { $0.contains("\"\(name)\"") && $0.contains(":") }.map { $0 + 1 } ?? 1
        var more = ""
        if let dashes = words.firstIndex(of: "--") { more = " " + words[(dashes + 1)...].joined(separator: " ") }
        // What the command adds is told where it stands.
        let here =
            more.isEmpty
            ? StartPlace(file: file.path, line: line, end: line, environment: place.environment) : place
        look(ShellCommand.all(script + more), here, image, depth: depth - 1)
    }

    /// - Returns: whether it is a server that is known.
    private mutating func serve(_ base: String, _ options: [String], _ place: StartPlace, _ image: ImageFiles) -> Bool {
        // `vite` alone serves too, and `vite build` does not.
        if base == "vite", options.first?.hasPrefix("-") != false || options.first == "dev" {
            development(place, at: ["vite"], "vite serves for development: it looks at each file anew.")
            let seen = ServerProgram(name: "vite", hosts: ["--host"], ports: ["--port"], host: "localhost", port: 5_173)
            listen(seen, options, place)
            return true
        }
        guard
            let program = ServerProgram.all.first(where: { program in
                program.name == base && (program.verbs.isEmpty || options.contains(where: program.verbs.contains))
            })
        else { return false }
        if options.contains("--reload") || (base == "fastapi" && options.first == "dev") || base == "nodemon" {
            development(
                place, at: ["--reload", "dev"], "It restarts when a file changes, which is for development.",
                options.contains("--reload") ? "--reload" : "dev")
        }
        if base == "next", options.contains("dev") {
            development(place, at: ["next dev"], "It compiles each page when it is visited, which is for development.")
        }
        workers(base, options, place)
        enter(base, options, place, image)
        missingServer(program, file: place.file, line: place.line, end: place.end)
        if program.isElsewhere(options) { return true }
        if base == "gunicorn", facts.files.contains(where: { $0.name == "gunicorn.conf.py" }) { return true }
        if base == "streamlit", !options.contains(where: { $0.hasPrefix("--server.port") }),
            place.environment["STREAMLIT_SERVER_PORT"] == nil,
            let file = facts.files.first(where: { $0.path.hasSuffix(".streamlit/config.toml") }),
            file.text?.has("port") == true
        {
            return true
        }
        listen(program, options, place)
        return true
    }

    private mutating func listen(_ program: ServerProgram, _ options: [String], _ place: StartPlace) {
        let found = program.place(options, place.environment)
        if found.host == nil, found.port == nil { return }
        listeners.append(
            Listener(
                host: found.host, port: found.port, server: program.name, file: place.file, line: place.line,
                end: place.end, hostFix: program.hostFix))
    }

    private mutating func development(
        _ place: StartPlace, at words: [String], _ text: String, _ option: String? = nil
    ) {
        var repairs: [FolderRepair.Change?] = []
        if let file = facts.file(place.file), let option {
            if option == "dev" {
                repairs = [
                    file.replacing("\"dev\"", with: "\"run\"", line: place.line),
                    file.replacing("fastapi dev", with: "fastapi run", line: place.line),
                ]
            } else {
                repairs = (place.line...place.end).flatMap { line in
                    [
                        file.replacing(", \"\(option)\"", with: "", line: line),
                        file.replacing(",\"\(option)\"", with: "", line: line),
                        file.replacing(" \(option)", with: "", line: line),
                    ]
                }
            }
        }
        add(
            "D22", .warn, place.file, place.line, to: place.end, at: words, text,
            option == "--reload" ? "Remove --reload." : "Start it as it is meant for visitors.", repairs: repairs)
    }

    /// Two processors and 16 GB is what free hardware has. Source: hub-docs `spaces-gpus`, read August 2026.
    private static let processors: [String: Int] = [
        "cpu-basic": 2, "cpu-upgrade": 8, "cpu-performance": 32, "cpu-xl": 16, "t4-small": 4, "t4-medium": 8,
        "l4x1": 8, "l40sx1": 8, "a10g-small": 4, "a10g-large": 12, "a100-large": 12,
    ]

    private mutating func workers(_ base: String, _ options: [String], _ place: StartPlace) {
        let names = [
            "uvicorn": ["--workers"], "gunicorn": ["--workers", "-w"], "hypercorn": ["--workers", "-w"],
            "fastapi": ["--workers"], "granian": ["--workers"],
        ]
        guard let known = names[base] else { return }
        var count: Int?
        for (number, word) in options.enumerated() {
            for name in known {
                if word == name, options.indices.contains(number + 1) { count = Int(options[number + 1]) }
                if word.hasPrefix(name + "=") { count = Int(word.dropFirst(name.count + 1)) }
                if name == "-w", word.hasPrefix("-w"), word.count > 2 { count = Int(word.dropFirst(2)) ?? count }
            }
        }
        if count == nil, let set = place.environment["WEB_CONCURRENCY"] { count = Int(set) }
        guard let count, count > 1 else { return }
        let hardware = facts.hardware ?? header.values["suggested_hardware"]?.text ?? "cpu-basic"
        guard let processors = Self.processors[hardware] else { return }
        workerCounts.append(
            .init(
                count: count, hardware: hardware, processors: processors, file: place.file, line: place.line,
                end: place.end))
    }

    // MARK: Files that are started

    private mutating func enter(_ base: String, _ options: [String], _ place: StartPlace, _ image: ImageFiles) {
        func takes(_ name: String) -> String? {
            for (number, word) in options.enumerated() {
                if word == name, options.indices.contains(number + 1) { return options[number + 1] }
                if word.hasPrefix(name + "=") { return String(word.dropFirst(name.count + 1)) }
            }
            return nil
        }
        var name: String?
        switch base {
        case "uvicorn", "gunicorn", "hypercorn", "daphne", "granian", "waitress-serve":
            name = options.first { word in
                guard let colon = word.firstIndex(of: ":"), colon != word.startIndex else { return false }
                return word.first?.isLetter == true && Int(word[word.index(after: colon)...]) == nil
                    && !word.contains("/") && !word.contains("://")
            }
        case "flask":
            name =
                takes("--app") ?? takes("-A") ?? place.environment["FLASK_APP"]
                ?? ["app.py", "wsgi.py"].first { image.file($0) != nil || facts.file($0) != nil }
        case "streamlit", "chainlit", "fastapi", "marimo", "panel", "shiny":
            name = options.first { $0.hasSuffix(".py") }
        default: return
        }
        guard let name else { return }
        let module = String(name.prefix { $0 != ":" })
        if module.hasSuffix(".py") {
            if let file = script(module.hasPrefix("/") ? module : "./" + module, image) {
                entries.append(file)
            } else {
                missing(module, place, image)
            }
        } else if let file = module_(module, image) {
            entries.append(file)
        } else if takes("--app-dir") == nil, takes("--chdir") == nil, place.environment["PYTHONPATH"] == nil {
            let path = module.replacing(".", with: "/")
            missing(path + ".py", place, image, module: module)
        }
    }

    /// The file of a Python module, from where commands run.
    func module_(_ module: String, _ image: ImageFiles?) -> FolderFacts.File? {
        let path = module.replacing(".", with: "/")
        for name in [path + ".py", path + "/__init__.py", path + "/__main__.py"] {
            if let file = image?.file(name) ?? facts.file(name) { return file }
        }
        let same = facts.files.filter { $0.path.hasSuffix("/" + path + ".py") }
        return same.count == 1 ? same[0] : nil
    }

    /// A file that is started and is nowhere, where nothing else could have put it there.
    private mutating func missing(_ name: String, _ place: StartPlace, _ image: ImageFiles, module: String? = nil) {
        let base = name.split(separator: "/").last.map(String.init) ?? name
        guard !image.mayHoldMore, image.folder != nil, [".py", ".sh", ".js", ".mjs"].contains(where: name.hasSuffix),
            !facts.files.contains(where: { $0.name == base }), !name.contains("$")
        else { return }
        if let module {
            // A package may bring the module.
            let top = String(module.prefix { $0 != "." })
            let isInstalled = facts.files.contains { file in
                (file.name.contains("requirements") || file.name == "pyproject.toml" || file.name == "Dockerfile"
                    || file.name == "setup.py")
                    && file.path != place.file
                    && file.text?.lowercased().contains(top.lowercased().replacing("_", with: "-")) == true
            }
            if isInstalled || facts.files.contains(where: { $0.path.hasPrefix(top + "/") }) { return }
        }
        add(
            "RT21", .error, place.file, place.line, to: place.end, at: [module ?? name],
            "It starts \(module.map { "the module \($0)" } ?? name), which is not in the folder.",
            "Add it, or correct the name.")
    }

    private mutating func python(_ file: FolderFacts.File, _ place: StartPlace) {
        entries.append(file)
        pythonServers(file, place.environment)
    }

    private mutating func node(_ file: FolderFacts.File, _ place: StartPlace) {
        nodeServers(file, place.environment)
    }

    /// A program that is built in the image: the folder holds its source.
    private mutating func compiled(_ base: String, _ place: StartPlace, _ image: ImageFiles) {
        guard facts.files.contains(where: { ["go.mod", "Package.swift"].contains($0.name) }) else { return }
        compiledServers(place.environment)
    }

    // MARK: Ports

    private mutating func exposed(
        _ steps: [Dockerfile.Instruction], _ environment: [String: String], _ file: FolderFacts.File, isKnown: Bool
    ) {
        let exposes = steps.filter { $0.name == "EXPOSE" }
        exposedPorts = exposes.flatMap { step in
            step.words.compactMap { word in
                Int(Dockerfile.filled(word, environment).split(separator: "/").first ?? "").map {
                    ExposedPort(port: $0, line: step.line, end: step.end)
                }
            }
        }
        isBehindProxy = isKnown
    }

    struct ExposedPort: Sendable, Equatable {
        var port: Int
        var line: Int
        var end: Int
    }

    struct WorkerCount: Sendable, Equatable {
        var count: Int
        var hardware: String
        var processors: Int
        var file: String
        var line: Int
        var end: Int
    }

    /// What nginx listens on, by its own files.
    private mutating func proxy(_ starts: String) {
        guard starts.has("nginx") else { return }
        var seen: [(file: String, line: Int, port: Int)] = []
        for file in facts.files where file.name.hasSuffix(".conf") || file.name.contains("nginx") {
            guard let text = file.text, text.has("listen"), file.name != "supervisord.conf" else { continue }
            for (number, line) in text.lines.enumerated() {
                let words = line.trimmed.split { $0.isWhitespace || $0 == ";" }
                guard words.first == "listen", words.count > 1 else { continue }
                let value = words[1].split(separator: ":").last ?? words[1]
                // A template is filled when the app starts.
                guard let port = Int(value) else { return }
                seen.append((file.path, number + 1, port))
            }
        }
        guard let first = seen.first, !seen.contains(where: { $0.port == port }) else { return }
        listeners.append(
            Listener(
                host: "0.0.0.0", port: first.port, server: "nginx", file: first.file, line: first.line, end: first.line)
        )
    }

    /// One of several servers is enough; where one is unknown nothing is sure.
    mutating func judgeListeners() {
        var judged: [Listener] = []
        for listener in listeners
        where !judged.contains(where: {
            $0.file == listener.file && $0.line == listener.line && $0.port == listener.port
        }) {
            judged.append(listener)
        }
        let isWell = judged.contains { $0.port == port && !$0.isLoopback }
        if !isWell {
            if judged.count == 1, let only = judged.first {
                judge(only)
            } else if let near = judged.first(where: { $0.port == port && $0.isLoopback }) {
                judge(near)
            } else if !judged.contains(where: { $0.port == nil }), let last = judged.last {
                judge(last)
            }
        }
        guard let first = exposedPorts.first, !exposedPorts.contains(where: { $0.port == port }) else { return }
        // EXPOSE opens nothing: where the app is known to listen well it is only misleading.
        let isWrongToo = judged.contains { $0.port == first.port }
        add(
            "P01", isWell || isBehindProxy ? .info : isWrongToo ? .error : .warn, "Dockerfile", first.line,
            to: first.end,
            at: ["\(first.port)"], "It exposes port \(first.port), and visitors are sent to \(port).",
            header.appPort == nil
                ? "Write `app_port: \(first.port)` into README.md, or listen on \(port)."
                : "Let `app_port` in README.md and EXPOSE agree.",
            repairs: [
                appPort(first.port),
                exposedPorts.count == 1
                    ? facts.file("Dockerfile")?.replacing("\(first.port)", with: "\(port)", line: first.line) : nil,
            ])
    }

    private mutating func judge(_ listener: Listener) {
        let file = facts.file(listener.file)
        if listener.isLoopback, let host = listener.host {
            var repairs: [FolderRepair.Change?] = (listener.line...listener.end).map {
                file?.replacing(host, with: "0.0.0.0", line: $0)
            }
            repairs += hostOptions(listener, file)
            add(
                "P02", .error, listener.file, listener.line, to: listener.end,
                at: [host, listener.server],
                "\(listener.server) listens on \(host), which nobody outside the container reaches.",
                "Let it listen on 0.0.0.0.", repairs: repairs)
        }
        if let port = listener.port, port != self.port {
            let condition = listener.variable.map { " unless \($0) is set" } ?? ""
            let literal = (listener.line...listener.end).map { number($0, port, file) }
            add(
                "P01", .error, listener.file, listener.line, to: listener.end, at: ["\(port)", listener.server],
                "\(listener.server) listens on port \(port)\(condition), and visitors are sent to \(self.port).",
                header.sdk == "docker"
                    ? "Let it listen on \(self.port), or write `app_port: \(port)` into README.md."
                    : "Let it listen on \(self.port).",
                repairs: [appPort(port)] + literal)
        }
    }

    /// The settings of the Space say where visitors are sent. What listens on a port stays as it is.
    private func appPort(_ port: Int) -> FolderRepair.Change? {
        // A port below 1024 may need a user that the Hub's containers do not have.
        guard header.sdk == "docker", port >= 1_024, let file = facts.file("README.md") else { return nil }
        if let set = header.values["app_port"] {
            return file.replacing(set.text, with: "\(port)", line: set.line, column: 9)
        }
        return header.values["sdk"].flatMap { file.inserting(["app_port: \(port)"], before: $0.line + 1) }
    }

    /// A port that stands in a line by itself, not as a part of another number.
    private func number(_ line: Int, _ port: Int, _ file: FolderFacts.File?) -> FolderRepair.Change? {
        guard let file, let text = file.text, text.lines.indices.contains(line - 1) else { return nil }
        let whole = text.lines[line - 1]
        let places = whole.ranges(of: "\(port)").filter { range in
            let before = range.lowerBound == whole.startIndex ? " " : whole[whole.index(before: range.lowerBound)]
            let after = range.upperBound == whole.endIndex ? " " : whole[range.upperBound]
            return !before.isNumber && !after.isNumber && !after.isLetter
        }
        guard places.count == 1 else { return nil }
        return file.replacing(
            "\(port)", with: "\(self.port)", line: line,
            column: whole[..<places[0].lowerBound].unicodeScalars.count + 1)
    }

    /// The host as options of a command that names none.
    private func hostOptions(_ listener: Listener, _ file: FolderFacts.File?) -> [FolderRepair.Change?] {
        guard let file, let text = file.text, !listener.hostFix.isEmpty, listener.line == listener.end,
            text.lines.indices.contains(listener.line - 1)
        else { return [] }
        let whole = String(text.lines[listener.line - 1])
        if let close = whole.lastIndex(of: "]"), whole.trimmedEnd.hasSuffix("]"), !whole.contains("\"-c\"") {
            let options = listener.hostFix.map { ", \"\($0)\"" }.joined()
            return [
                file.replacing(
                    String(whole[close...]), with: options + whole[close...], line: listener.line,
                    column: whole[..<close].unicodeScalars.count + 1)
            ]
        }
        guard !whole.contains(where: { "&|;>#\"'".contains($0) }) else { return [] }
        let end = whole.trimmedEnd
        return [file.replacing(end, with: end + " " + listener.hostFix.joined(separator: " "), line: listener.line)]
    }
}
