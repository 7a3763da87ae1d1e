/// A program that serves, and where it listens unless it is told: one row for each.
///
/// Sources: the programs' own documentation of their commands, read November 2026.
struct ServerProgram: Sendable {
    var name: String
    /// One of these words comes first, as in `streamlit run`; empty when none is needed.
    var verbs: Set<String> = []
    var hosts: [String] = []
    var ports: [String] = []
    /// Options that take `host:port`, or a port alone.
    var binds: [String] = []
    var host: String
    /// nil: it takes one only from its options, or from a file.
    var port: Int?
    var hostVariable: String?
    var portVariable: String?
    /// A number that stands alone is its port.
    var takesNumber = false
    /// A word `host:port` that stands alone is where it listens.
    var takesAddress = false
    /// Listens on a socket or on what another program opened.
    var elsewhere: [String] = []
    /// The package of PyPI that brings it; nil for others.
    var package: String?
    /// A way to tell the host that works wherever the options stand.
    var hostFix: [String] = []

    static let all: [ServerProgram] = [
        .init(
            name: "uvicorn", hosts: ["--host"], ports: ["--port"], host: "127.0.0.1", port: 8_000,
            hostVariable: "UVICORN_HOST", portVariable: "UVICORN_PORT", elsewhere: ["--uds", "--fd"],
            package: "uvicorn", hostFix: ["--host", "0.0.0.0"]),
        .init(
            name: "hypercorn", binds: ["--bind", "-b"], host: "127.0.0.1", port: 8_000,
            elsewhere: ["--config", "-c"], package: "hypercorn"),
        .init(
            name: "daphne", hosts: ["-b", "--bind"], ports: ["-p", "--port"], host: "127.0.0.1", port: 8_000,
            elsewhere: ["-u", "--fd", "-e", "--endpoint"], package: "daphne", hostFix: ["-b", "0.0.0.0"]),
        .init(
            name: "gunicorn", binds: ["--bind", "-b"], host: "127.0.0.1", port: 8_000,
            elsewhere: ["--config", "-c"], package: "gunicorn"),
        .init(
            name: "granian", hosts: ["--host"], ports: ["--port"], host: "127.0.0.1", port: 8_000,
            hostVariable: "GRANIAN_HOST", portVariable: "GRANIAN_PORT", package: "granian",
            hostFix: ["--host", "0.0.0.0"]),
        .init(
            name: "waitress-serve", hosts: ["--host"], ports: ["--port"], binds: ["--listen"], host: "0.0.0.0",
            port: 8_080, package: "waitress"),
        .init(
            name: "flask", verbs: ["run"], hosts: ["--host", "-h"], ports: ["--port", "-p"], host: "127.0.0.1",
            port: 5_000, hostVariable: "FLASK_RUN_HOST", portVariable: "FLASK_RUN_PORT", package: "flask",
            hostFix: ["--host", "0.0.0.0"]),
        .init(
            name: "fastapi", verbs: ["run"], hosts: ["--host"], ports: ["--port"], host: "0.0.0.0", port: 8_000,
            portVariable: "PORT"),
        .init(
            name: "fastapi", verbs: ["dev"], hosts: ["--host"], ports: ["--port"], host: "127.0.0.1", port: 8_000,
            portVariable: "PORT", hostFix: ["--host", "0.0.0.0"]),
        .init(
            name: "streamlit", verbs: ["run"], hosts: ["--server.address"], ports: ["--server.port"],
            host: "0.0.0.0", port: 8_501, hostVariable: "STREAMLIT_SERVER_ADDRESS",
            portVariable: "STREAMLIT_SERVER_PORT", package: "streamlit"),
        .init(
            name: "chainlit", verbs: ["run"], hosts: ["--host"], ports: ["--port"], host: "127.0.0.1", port: 8_000,
            hostVariable: "CHAINLIT_HOST", portVariable: "CHAINLIT_PORT", package: "chainlit",
            hostFix: ["--host", "0.0.0.0"]),
        .init(
            name: "panel", verbs: ["serve"], hosts: ["--address"], ports: ["--port"], host: "0.0.0.0", port: 5_006,
            package: "panel"),
        .init(
            name: "shiny", verbs: ["run"], hosts: ["--host", "-h"], ports: ["--port", "-p"], host: "127.0.0.1",
            port: 8_000, package: "shiny", hostFix: ["--host", "0.0.0.0"]),
        .init(
            name: "marimo", verbs: ["run", "edit"], hosts: ["--host"], ports: ["--port", "-p"], host: "127.0.0.1",
            port: 2_718, package: "marimo", hostFix: ["--host", "0.0.0.0"]),
        .init(
            name: "jupyter", verbs: ["lab", "notebook"], hosts: ["--ip", "--ServerApp.ip", "--NotebookApp.ip"],
            ports: ["--port", "--ServerApp.port"], host: "localhost", port: 8_888,
            elsewhere: ["--config"]),
        .init(
            name: "jupyter-lab", hosts: ["--ip", "--ServerApp.ip"], ports: ["--port", "--ServerApp.port"],
            host: "localhost", port: 8_888, elsewhere: ["--config"]),
        .init(
            name: "mlflow", verbs: ["ui", "server"], hosts: ["--host", "-h"], ports: ["--port", "-p"],
            host: "127.0.0.1", port: 5_000, package: "mlflow", hostFix: ["--host", "0.0.0.0"]),
        .init(
            name: "http.server", hosts: ["--bind", "-b"], host: "0.0.0.0", port: 8_000, takesNumber: true),
        .init(
            name: "manage.py", verbs: ["runserver"], host: "127.0.0.1", port: 8_000, takesNumber: true,
            takesAddress: true),
        .init(
            name: "next", verbs: ["start", "dev"], hosts: ["-H", "--hostname"], ports: ["-p", "--port"],
            host: "0.0.0.0", port: 3_000, portVariable: "PORT"),
        .init(
            name: "vite", verbs: ["preview"], hosts: ["--host"], ports: ["--port"], host: "localhost", port: 4_173),
        .init(
            name: "serve", binds: ["-l", "--listen"], host: "0.0.0.0", port: 3_000, hostVariable: nil,
            portVariable: "PORT"),
        .init(
            name: "http-server", hosts: ["-a"], ports: ["-p", "--port"], host: "0.0.0.0", port: 8_080,
            portVariable: "PORT"),
        .init(
            name: "llama-server", hosts: ["--host"], ports: ["--port"], host: "127.0.0.1", port: 8_080,
            hostVariable: "LLAMA_ARG_HOST", portVariable: "LLAMA_ARG_PORT", hostFix: ["--host", "0.0.0.0"]),
    ]

    /// Where it listens by these options.
    /// - Parameter environment: what the image sets.
    func place(_ options: [String], _ environment: [String: String]) -> (host: String?, port: Int?) {
        func option(_ names: [String]) -> String? {
            for (number, word) in options.enumerated() {
                for name in names {
                    if word == name {
                        // An option without a value, such as vite's `--host`, means everywhere.
                        let next = number + 1 < options.count ? options[number + 1] : ""
                        return next.hasPrefix("-") || next.isEmpty ? "0.0.0.0" : next
                    }
                    if word.hasPrefix(name + "=") { return String(word.dropFirst(name.count + 1)) }
                    if name.count == 2, word.hasPrefix(name), word.count > 2, !word.hasPrefix("--") {
                        return String(word.dropFirst(2))
                    }
                }
            }
            return nil
        }
        var host = option(hosts) ?? hostVariable.flatMap { environment[$0] } ?? self.host
        var port = option(ports) ?? portVariable.flatMap { environment[$0] } ?? self.port.map { "\($0)" }
        var bind = option(binds)
        if name == "gunicorn", bind == nil { bind = environment["PORT"].map { "0.0.0.0:\($0)" } }
        if takesAddress { bind = options.first { $0.contains(":") && $0.last?.isNumber == true } }
        if let bind {
            if bind.hasPrefix("unix:") || bind.hasPrefix("fd:") { return (nil, nil) }
            let address = bind.hasPrefix("tcp://") ? String(bind.dropFirst(6)) : bind
            if let number = Int(address) {
                (host, port) = (name == "serve" ? self.host : "0.0.0.0", "\(number)")
            } else {
                let parts = address.split(separator: ":", omittingEmptySubsequences: false)
                host = parts.count > 1 ? parts.dropLast().joined(separator: ":") : address
                if host.isEmpty { host = "0.0.0.0" }
                if parts.count > 1 { port = String(parts[parts.count - 1]) }
            }
        } else if takesNumber, let number = options.first(where: { Int($0) != nil }) {
            port = number
        }
        return (host, port.flatMap { Int($0) })
    }

    /// Whether it was told to listen where only its files know.
    func isElsewhere(_ options: [String]) -> Bool {
        options.contains { word in elsewhere.contains { word == $0 || word.hasPrefix($0 + "=") } }
    }
}
