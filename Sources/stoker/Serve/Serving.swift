import CommandLine
import ControlRoom
import Logging
import Operations
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
        let read = fleet
        try options.apply(to: &fleet.serve, surroundings: surroundings)
        let plan = Engine.Plan(
            fleet: fleet, source: watched,
            dataFolder: options.data ?? surroundings.dataFolder,
            standbyOf: request.standbyOf, standbyEvery: request.standbyEvery, ledgerSource: request.ledgerSource,
            frameAncestors: surroundings.frameAncestors,
            reachable: options.reachable(fleet.serve, said: request.fleet.path, surroundings),
            overrides: options.overrides(read, fleet, FleetFile.places(in: source.text), surroundings))
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
        if host == nil, !serve.isHostSaid, let sign = surroundings.containerEvidence {
            return "\(place), because this is a container (\(sign)); "
                + "--host 127.0.0.1\(file == nil ? "" : " or serve.host: 127.0.0.1") keeps it inside"
        }
        return place + (host == nil && file != nil ? " (serve.host of \(file ?? ""))" : " (--host)")
    }

    /// What the fleet file did not decide, by the keys' paths.
    /// - Parameters:
    ///   - read: as the file says.
    ///   - fleet: what is served.
    func overrides(
        _ read: Fleet, _ fleet: Fleet, _ places: [String: FleetPlace], _ surroundings: ProcessEnvironment
    ) -> [String: ConfigurationBoard.Override] {
        func said(_ name: String) -> Bool { surroundings.environment[name].map { !$0.isEmpty } ?? false }
        var all: [String: ConfigurationBoard.Override] = [:]
        if port != nil {
            all["serve.port"] = .init(.flag, "--port")
        } else if said("PORT") {
            all["serve.port"] = .init(.environment, "PORT")
        }
        if host != nil {
            all["serve.host"] = .init(.flag, "--host")
        } else if fleet.serve.host != read.serve.host {
            all["serve.host"] = .init(.made, "a container: \(surroundings.containerEvidence ?? "")")
        }
        if read.serve.publicURL == nil, fleet.serve.publicURL != nil {
            all["serve.public_url"] = .init(.environment, "SPACE_HOST")
        }
        if said("STOKER_TOKEN") { all["serve.token"] = .init(.environment, "STOKER_TOKEN") }
        // What the file says of these wins.
        if places["hub.token"] == nil, said("HF_TOKEN") { all["hub.token"] = .init(.environment, "HF_TOKEN") }
        if places["hub.endpoint"] == nil, said("HF_ENDPOINT") {
            all["hub.endpoint"] = .init(.environment, "HF_ENDPOINT")
        }
        return all
    }

    /// The command line wins, then the environment, then the fleet file.
    func apply(to serve: inout Fleet.Serve, surroundings: ProcessEnvironment) throws(Failure) {
        let fromEnvironment = try surroundings.port
        if let port = port ?? fromEnvironment { serve.port = port }
        if let host {
            serve.host = host
        } else if !serve.isHostSaid, surroundings.containerEvidence != nil {
            serve.host = "0.0.0.0"
        }
        serve.publicURL = serve.publicURL ?? surroundings.publicURL
        if let token = surroundings.environment["STOKER_TOKEN"], !token.isEmpty { serve.token = Secret(token) }
    }
}
