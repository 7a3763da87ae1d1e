import CommandLine
import ControlRoom
import Logging
import StokerCore

/// `stoker serve`.
enum Serving {
    static func run(_ request: ServeRequest) async throws {
        let options = request.options
        Logs.bootstrap(format: options.logFormat, level: try options.level())
        let surroundings = ProcessEnvironment.process
        let watched = FleetFileWatcher(options: request.fleet)
        let source = try await watched.source(within: .seconds(60))
        var fleet = try source.fleet()
        let logger = Logger(label: "stoker")
        if FleetFile.isBlank(source.text) {
            logger.warning("The fleet file is empty: no check is made", metadata: ["file": "\(source.path)"])
        }
        try options.apply(to: &fleet.serve, surroundings: surroundings)
        let plan = Engine.Plan(
            fleet: fleet, source: watched,
            dataFolder: options.data ?? surroundings.dataFolder,
            standbyOf: request.standbyOf, standbyEvery: request.standbyEvery, ledgerSource: request.ledgerSource,
            frameAncestors: surroundings.frameAncestors,
            reachable: options.reachable(fleet.serve, said: request.fleet.path, surroundings))
        try await Engine(plan: plan, logger: logger).run()
    }
}

extension ServeOptions {
    /// Why others can reach the server, and what changes that; nil when nobody else can.
    /// - Parameter said: where `serve` is written; nil when there is no file.
    func reachable(_ serve: Fleet.Serve, said file: String?, _ surroundings: ProcessEnvironment) -> String? {
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
    func apply(to serve: inout Fleet.Serve, surroundings: ProcessEnvironment) throws(Failure) {
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
