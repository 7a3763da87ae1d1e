import Diagnosis
import StokerCore

/// Servers that programs of the folder start themselves.
extension FolderExamination {
    // MARK: Python

    /// A call that serves, where it listens unless it is told, and which other word of the file shows that it is this one.
    private struct PythonServer {
        var call: String
        var name: String
        var host: String
        var port: Int?
        /// One of these stands in the file too.
        var sign: [String] = []
        var hostNames = ["host"]
        var portNames = ["port"]
        /// Host and port are the call's plain arguments from this one on.
        var plainHost: Int?
        var plainPort: Int?
    }

    /// Source: the documentation of these packages, read November 2026.
    private static let pythonCalls: [PythonServer] = [
        .init(call: "uvicorn.run(", name: "uvicorn", host: "127.0.0.1", port: 8_000),
        .init(call: "uvicorn.Config(", name: "uvicorn", host: "127.0.0.1", port: 8_000),
        .init(call: "hypercorn.run(", name: "hypercorn", host: "127.0.0.1", port: 8_000),
        .init(call: "web.run_app(", name: "aiohttp", host: "0.0.0.0", port: 8_080, sign: ["aiohttp"]),
        .init(call: "ui.run(", name: "NiceGUI", host: "0.0.0.0", port: 8_080, sign: ["nicegui"]),
        .init(call: "waitress.serve(", name: "waitress", host: "0.0.0.0", port: 8_080),
        .init(call: "serve(", name: "waitress", host: "0.0.0.0", port: 8_080, sign: ["from waitress import"]),
        .init(
            call: "web.TCPSite(", name: "aiohttp", host: "0.0.0.0", port: 8_080, sign: ["aiohttp"], plainHost: 1,
            plainPort: 2),
        .init(call: "HTTPServer((", name: "http.server", host: "0.0.0.0", port: nil, plainHost: 0, plainPort: 1),
        .init(
            call: "TCPServer((", name: "http.server", host: "0.0.0.0", port: nil,
            sign: ["SimpleHTTPRequestHandler", "BaseHTTPRequestHandler"], plainHost: 0, plainPort: 1),
        .init(call: "asyncio.start_server(", name: "asyncio", host: "0.0.0.0", port: nil, plainHost: 1, plainPort: 2),
        .init(call: "run_server(", name: "Dash", host: "127.0.0.1", port: 8_050, sign: ["Dash("]),
        .init(call: ".run(", name: "Dash", host: "127.0.0.1", port: 8_050, sign: ["Dash("]),
        .init(call: ".run(", name: "Quart", host: "127.0.0.1", port: 5_000, sign: ["Quart("]),
        .init(call: ".run(", name: "Sanic", host: "127.0.0.1", port: 8_000, sign: ["Sanic("]),
        .init(call: ".run(", name: "Flask", host: "127.0.0.1", port: 5_000, sign: ["Flask("]),
        .init(
            call: ".launch(", name: "Gradio", host: "127.0.0.1", port: 7_860, sign: ["gradio"],
            hostNames: ["server_name"], portNames: ["server_port"]),
    ]

    /// What a program that is started, and the files it imports, serve.
    mutating func pythonServers(_ entry: FolderFacts.File, _ environment: [String: String]) {
        for file in PythonModules(facts).reached(from: [entry]) { pythonServer(file, environment) }
    }

    private mutating func pythonServer(_ file: FolderFacts.File, _ environment: [String: String]) {
        guard let text = file.text else { return }
        for kind in Self.pythonCalls where kind.sign.isEmpty || kind.sign.contains(where: text.has) {
            for call in SourceCall.all(kind.call, in: text) {
                // `bot.run(TOKEN)`, `asyncio.run(main())`, `subprocess.run(…)` are others.
                if kind.call == ".run(" {
                    guard Self.isOfApp(text.lines[call.line - 1], kind.sign[0], text) else { continue }
                }
                if kind.name == "Gradio",
                    ["chromium", "firefox", "webkit", "browser", "puppeteer"].contains(
                        where: text.lines[call.line - 1].has)
                {
                    continue
                }
                let plain = call.plain
                // The first of two tuples' parts is cut by its own bracket.
                let tuple =
                    kind.call.hasSuffix("((") ? SourceValue.arguments(call.arguments.joined(separator: ",")) : plain
                let hostText =
                    call.named(kind.hostNames[0])
                    ?? kind.plainHost.flatMap { tuple.indices.contains($0) ? tuple[$0] : nil }
                let portText =
                    call.named(kind.portNames[0])
                    ?? kind.plainPort.flatMap { tuple.indices.contains($0) ? tuple[$0] : nil }
                // `**options` may tell anything.
                let isOpen = call.arguments.contains { $0.trimmed.hasPrefix("**") }
                var value = SourceValue(text, environment)
                var host = hostText.map { value.of($0) } ?? (isOpen ? nil : standardHost(kind, environment))
                if host == "" { host = "0.0.0.0" }
                value = SourceValue(text, environment)
                let standard =
                    kind.name == "Gradio" ? environment["GRADIO_SERVER_PORT"] ?? "7860" : kind.port.map { "\($0)" }
                let port = portText.map { value.of($0) } ?? (isOpen ? nil : standard)
                listeners.append(
                    Listener(
                        host: host, port: port.flatMap { Int($0) }, server: kind.name, file: file.path,
                        line: call.line, end: call.end, variable: portText == nil ? nil : value.variable))
                development(call, kind.name, file)
            }
        }
        // One that is told its place by a file or another program.
        if text.has("start_http_server(") || text.has("socketserver") && !text.has("TCPServer((") {
            listeners.append(Listener(host: nil, port: nil, server: "server", file: file.path, line: 1, end: 1))
        }
    }

    /// The Gradio SDK sets the two variables for its Spaces. Source: hub-docs `spaces-sdks-gradio`.
    private func standardHost(_ kind: PythonServer, _ environment: [String: String]) -> String {
        guard kind.name == "Gradio" else { return kind.host }
        return header.sdk == "gradio" ? "0.0.0.0" : environment["GRADIO_SERVER_NAME"] ?? kind.host
    }

    /// Whether what is before `.run(` is the app: `app = Flask(__name__)`.
    private static func isOfApp(_ line: Substring, _ sign: String, _ text: String) -> Bool {
        guard let call = line.find(".run(") else { return false }
        let name = String(
            line[..<call.lowerBound].reversed().prefix { $0.isLetter || $0.isNumber || $0 == "_" }.reversed())
        if name.isEmpty { return false }
        return text.lines.contains { line in
            let line = line.trimmed
            guard line.hasPrefix(name) else { return false }
            let rest = line.dropFirst(name.count).drop { $0 == " " || $0 == ":" || $0.isLetter }
            return rest.hasPrefix("=") && line.contains(sign)
        }
    }

    private mutating func development(_ call: SourceCall, _ name: String, _ file: FolderFacts.File) {
        for (option, says) in [
            ("reload", "It restarts when a file changes, which is for development."),
            ("debug", "\(name)'s debugger restarts it and is open to visitors."),
        ] {
            guard call.named(option) == "True",
                option == "reload" ? name == "uvicorn" : ["Flask", "Dash", "Quart"].contains(name)
            else { continue }
            let words = "\(option)=True"
            var repairs: [FolderRepair.Change?] = []
            for line in call.line...call.end {
                repairs.append(file.replacing(", \(words)", with: "", line: line))
                repairs.append(file.replacing("\(words), ", with: "", line: line))
                repairs.append(file.replacing("(\(words))", with: "()", line: line))
            }
            add(
                "D22", .warn, file.path, call.line, to: call.end, at: [words], says, "Remove \(words).",
                repairs: repairs)
        }
    }

    /// The app of the Gradio SDK, which is started as it is.
    mutating func gradioApp() {
        guard header.sdk == "gradio", let file = facts.file(header.values["app_file"]?.text ?? "app.py") else { return }
        entries.append(file)
        pythonServers(file, [:])
        guard let text = file.text, text.has("import gradio") || text.has("from gradio") else { return }
        let starts = [
            "launch(", "uvicorn.run(", "runpy", "subprocess", "exec(", "os.system", "import_module", ".load(",
        ]
        let isStarted = facts.files.contains { file in
            file.name.hasSuffix(".py") && starts.contains { file.text?.has($0) == true }
        }
        if isStarted { return }
        let line = text.lines.lastIndex {
            $0.contains("gr.Interface(") || $0.contains("gr.Blocks(") || $0.contains("gr.ChatInterface(")
        }
        add(
            "RT14", .error, file.path, (line ?? 0) + 1, at: ["gr.Interface(", "gr.Blocks(", "gr.ChatInterface("],
            "It makes an app and never starts it: there is no `.launch()`.", "End the file with `demo.launch()`.")
    }

    // MARK: Node

    mutating func nodeServers(_ entry: FolderFacts.File, _ environment: [String: String]) {
        for file in nodeFiles(entry) {
            guard let text = file.text else { continue }
            for call in SourceCall.all(".listen(", in: text) + SourceCall.all("Bun.serve(", in: text)
                + SourceCall.all("Deno.serve(", in: text)
            {
                var arguments = call.arguments.map(\.trimmed)
                var port: String?
                var host: String?
                var value = SourceValue(text, environment)
                if let first = arguments.first, first.hasPrefix("{") {
                    // Fastify: listen({ port: 3000, host: '0.0.0.0' })
                    arguments = SourceValue.arguments(first.dropFirst().dropLast())
                    let inner = SourceCall(arguments: arguments, line: call.line, end: call.end)
                    let isFastify = text.has("fastify") || text.has("Fastify")
                    let short = arguments.map(\.trimmed)
                    host =
                        (inner.named("host", "hostname") ?? short.first { $0 == "host" || $0 == "hostname" }).map {
                            value.of($0) ?? "?"
                        } ?? (isFastify ? "127.0.0.1" : "0.0.0.0")
                    value = SourceValue(text, environment)
                    port = (inner.named("port") ?? short.first { $0 == "port" }).flatMap { value.of($0) }
                } else {
                    guard let first = arguments.first, !first.contains("=>"), !first.hasPrefix("function") else {
                        continue
                    }
                    if arguments.count > 1, !arguments[1].contains("=>"), !arguments[1].hasPrefix("function"),
                        !arguments[1].hasPrefix("async")
                    {
                        host = value.of(arguments[1])
                        // A name may be a callback.
                        if host == nil { host = "?" }
                    } else {
                        host = "0.0.0.0"
                    }
                    value = SourceValue(text, environment)
                    port = value.of(first)
                }
                listeners.append(
                    Listener(
                        host: host == "?" ? nil : host, port: port.flatMap { Int($0) }, server: "Node", file: file.path,
                        line: call.line, end: call.end, variable: value.variable))
            }
        }
    }

    /// A file and those of the folder that it requires.
    private func nodeFiles(_ entry: FolderFacts.File) -> [FolderFacts.File] {
        var found = [entry]
        var at = 0
        while at < found.count, found.count < 500 {
            let file = found[at]
            at += 1
            let folder = file.path.parentFolder
            for line in (file.text ?? "").lines
            where line.has("require(") || line.has("from ") || line.has("import ") {
                for quote in ["'", "\""] {
                    guard let start = line.find(quote + ".") else { continue }
                    let name = line[line.index(after: start.lowerBound)...].prefix { "\($0)" != quote }
                    let path = String(ImageFiles.normal(folder + "/" + name).dropFirst())
                    for ending in ["", ".js", ".ts", ".mjs", ".cjs", "/index.js", "/index.ts"] {
                        if let other = facts.file(path + ending), other.text != nil,
                            !found.contains(where: { $0.path == other.path })
                        {
                            found.append(other)
                        }
                    }
                    // TypeScript names what it becomes.
                    if path.hasSuffix(".js"), let other = facts.file(path.dropLast(3) + ".ts"),
                        !found.contains(where: { $0.path == other.path })
                    {
                        found.append(other)
                    }
                }
            }
        }
        return found
    }

    // MARK: Go, Swift

    mutating func compiledServers(_ environment: [String: String]) {
        for file in facts.files where file.name.hasSuffix(".go") || file.name.hasSuffix(".swift") {
            if file.path.contains("Tests/") || file.name.hasSuffix("_test.go") || file.name == "Package.swift" {
                continue
            }
            guard let text = file.text else { continue }
            if file.name.hasSuffix(".go") { go(file, text, environment) } else { swift(file, text, environment) }
        }
    }

    private mutating func go(_ file: FolderFacts.File, _ text: String, _ environment: [String: String]) {
        let isOfWeb = [
            "net/http", "http.Listen", "gin-gonic", "gofiber", "labstack/echo", "go-chi", "\"net\"", "fasthttp",
        ].contains(
            where: text.has)
        guard isOfWeb else { return }
        var places: [(text: String, line: Int, end: Int)] = []
        for name in ["ListenAndServe(", "ListenAndServeTLS(", "net.Listen(", ".Run(", ".Listen(", ".Start("] {
            for call in SourceCall.all(name, in: text) {
                let number = name == "net.Listen(" ? 1 : 0
                guard call.arguments.indices.contains(number) else {
                    // gin's Run() takes PORT, else 8080.
                    if name == ".Run(", text.has("gin-gonic"), call.arguments.isEmpty {
                        places.append(("\":\(environment["PORT"] ?? "8080")\"", call.line, call.end))
                    }
                    continue
                }
                places.append((call.arguments[number].trimmed, call.line, call.end))
            }
        }
        for (number, line) in text.lines.enumerated() {
            let line = line.trimmed
            guard !line.hasPrefix("//"), let start = line.find("Addr:") else { continue }
            let value = line[start.upperBound...].trimmed.prefix { $0 != "," && $0 != "}" }
            places.append((value.trimmed, number + 1, number + 1))
        }
        for place in places {
            var value = SourceValue(text, environment)
            guard let address = value.of(place.text) else {
                // Put together while it runs, or no address at all.
                if place.text.has("ort") || place.text.has("ddr") {
                    listeners.append(
                        Listener(
                            host: nil, port: nil, server: "The server", file: file.path, line: place.line,
                            end: place.end))
                }
                continue
            }
            let parts = address.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, let port = Int(parts[1]) else { continue }
            listeners.append(
                Listener(
                    host: parts[0].isEmpty ? "0.0.0.0" : String(parts[0]), port: port, server: "The server",
                    file: file.path,
                    line: place.line, end: place.end))
        }
    }

    /// Hummingbird's `.hostname("127.0.0.1", port: 8080)`; Vapor's `http.server.configuration.port`.
    private mutating func swift(_ file: FolderFacts.File, _ text: String, _ environment: [String: String]) {
        for call in SourceCall.all(".hostname(", in: text) {
            var value = SourceValue(text, environment)
            let host = call.plain.first.map { value.of($0) } ?? "127.0.0.1"
            value = SourceValue(text, environment)
            let port = call.named("port").map { value.of($0) } ?? "8080"
            listeners.append(
                Listener(
                    host: host, port: port.flatMap { Int($0) }, server: "The server", file: file.path, line: call.line,
                    end: call.end, variable: value.variable))
        }
        if text.has("import Vapor"), text.has("Application") {
            let port = text.lines.enumerated().first { $0.element.contains("server.configuration.port") }
            let host = text.lines.enumerated().first { $0.element.contains("server.configuration.hostname") }
            func set(_ line: Substring) -> String? {
                guard let equals = line.firstIndex(of: "=") else { return nil }
                var value = SourceValue(text, environment)
                return value.of(line[line.index(after: equals)...])
            }
            guard let place = port ?? host else { return }
            listeners.append(
                Listener(
                    host: host.map { set($0.element) } ?? nil,
                    port: port.flatMap { set($0.element) }.flatMap { Int($0) },
                    server: "Vapor", file: file.path, line: place.offset + 1, end: place.offset + 1))
        }
    }
}
