import ArgumentParser
import ControlRoom
import Foundation
import Logging
import StokerCore

/// Options of the commands that keep running.
struct ServeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Port; 0 takes a free one (default: $PORT, the fleet file, else 7860).", valueName: "port"))
    var port: Int?

    @Option(
        help: ArgumentHelp(
            "Address to bind (default: serve.host of the fleet file, else 0.0.0.0 in a container and 127.0.0.1 elsewhere).",
            valueName: "address"))
    var host: String?

    @Option(
        help: ArgumentHelp(
            "Folder of the ledger and the token (default: $STOKER_DATA, else ~/.local/state/stoker; of a demonstration one that is removed at its end).",
            valueName: "folder"), completion: .directory)
    var data: String?

    @Option(help: "How log lines look.")
    var logFormat = LogFormat.text

    @Option(
        help: ArgumentHelp(
            "Least level that is logged: trace, debug, info, notice, warning, error.", valueName: "level"),
        completion: .list(Logger.Level.allCases.map(\.rawValue)))
    var logLevel = "info"

    func level() throws -> Logger.Level {
        guard let level = Logger.Level(rawValue: logLevel) else {
            throw ValidationError("'\(logLevel)' is not a log level; use trace, debug, info, notice, warning or error")
        }
        return level
    }

    func validate() throws {
        _ = try level()
        if let port, !(0...65_535).contains(port) { throw ValidationError("--port takes a number from 0 to 65535") }
    }

    /// Why others can reach the server, and what changes that; nil when nobody else can.
    /// - Parameter said: where `serve` is written; nil when there is no file.
    func reachable(_ serve: Fleet.Serve, said file: String?, _ surroundings: Surroundings) -> String? {
        guard Access.isReachable(serve) else {
            return serve.privateReading ? "serve.private is set, so looking needs it too" : nil
        }
        guard Access.isReachable(Fleet.Serve(host: serve.host)) else {
            return "the world reaches it under \(Redaction.address(serve.publicURL ?? ""))"
        }
        let place = "it listens on \(serve.host), where others can reach it"
        if host == nil, !serve.isHostSaid, let sign = surroundings.containerSign {
            return "\(place), because this is a container (\(sign)); "
                + "--host 127.0.0.1\(file == nil ? "" : " or serve.host: 127.0.0.1") keeps it inside"
        }
        return place + (host == nil && file != nil ? " (serve.host of \(file ?? ""))" : " (--host)")
    }

    /// The command line wins, then the environment, then the fleet file.
    func apply(to serve: inout Fleet.Serve, surroundings: Surroundings) throws(Failure) {
        let fromEnvironment = try surroundings.port
        if let port = port ?? fromEnvironment { serve.port = port }
        if let host {
            serve.host = host
        } else if !serve.isHostSaid, surroundings.containerSign != nil {
            serve.host = "0.0.0.0"
        }
        serve.publicURL = serve.publicURL ?? surroundings.publicURL
        if let token = surroundings.environment["STOKER_TOKEN"], !token.isEmpty { serve.token = Secret(token) }
    }
}

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Tend a fleet: ping it on schedule, judge, remember, show.",
        discussion: """
            Prints one line on standard output, "stoker: serving http://ADDRESS:PORT", when the port is open; logs go to \
            standard error. SIGHUP reads the fleet file again (so does saving it); SIGTERM finishes and stops within 5 s.

            EXAMPLES
              stoker serve
              stoker serve --fleet my.yaml --port 8000 --data /var/lib/stoker
              stoker serve --standby-of https://acme-master.hf.space
            """)

    @OptionGroup var fleetOptions: FleetOptions
    @OptionGroup var options: ServeOptions

    @Option(
        help: ArgumentHelp(
            "Be the second master: watch this first one and tend the same fleet while it is silent.", valueName: "url"))
    var standbyOf: String?

    @Option(
        help: ArgumentHelp(
            "How often the first master is looked at; three misses make the takeover.", valueName: "time"))
    var standbyEvery = "10s"

    func validate() throws {
        guard let every = Duration(text: standbyEvery), every >= .milliseconds(100) else {
            throw ValidationError("--standby-every: '\(standbyEvery)' is not a time; write 10s or 1m")
        }
        if let standbyOf, !standbyOf.hasPrefix("http://"), !standbyOf.hasPrefix("https://") {
            throw ValidationError("--standby-of takes an address that begins with http:// or https://")
        }
    }

    func run() async throws {
        Logs.bootstrap(format: options.logFormat, level: try options.level())
        let surroundings = Surroundings.process
        let watched = WatchedFleet(options: fleetOptions)
        let source = try await watched.source(within: .seconds(60))
        var fleet = try source.fleet()
        let logger = Logger(label: "stoker")
        if FleetFile.isBlank(source.text) {
            logger.warning("The fleet file is empty: no check is made", metadata: ["file": "\(source.path)"])
        }
        try options.apply(to: &fleet.serve, surroundings: surroundings)
        let first = standbyOf.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
        let plan = Engine.Plan(
            fleet: fleet, source: watched,
            dataFolder: options.data ?? surroundings.dataFolder,
            standbyOf: first, standbyEvery: Duration(text: standbyEvery) ?? .seconds(10),
            frameAncestors: surroundings.frameAncestors,
            reachable: options.reachable(fleet.serve, said: fleetOptions.path, surroundings))
        try await Engine(plan: plan, logger: logger).run()
    }
}
