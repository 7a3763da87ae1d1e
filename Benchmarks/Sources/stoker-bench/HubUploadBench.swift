import ArgumentParser
import Foundation
import HubClient
import HubSimulator
import StokerCore

/// The Hub that both clients upload to, in a process of its own so that its work counts for nobody.
struct HubSimulatorBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hub-simulator", abstract: "A Hub on loopback, until it is ended.")

    @Option var data: String
    @Option(help: "Milliseconds that every answer comes later: how far away the Hub is.")
    var later: Int = 0

    func run() async throws {
        var configuration = HubConfiguration(folder: try folder(data))
        configuration.limits.commitsPerHour = nil
        // Rounds follow each other within one window of an account.
        configuration.limits.quotas[.api] = 1_000_000
        configuration.distance = .milliseconds(later)
        // A whole world: its journal is where the harness counts the round trips.
        let world = try await SimulatedWorld.start(configuration, logger: quietLogger())
        try say(["endpoint": world.hub.endpoint])
        // The harness ends it.
        while !Task.isCancelled { try await Task.sleep(for: .seconds(3600)) }
    }
}

/// One upload of a folder, as `stoker space upload` makes it.
struct HubUploadBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "hub-upload", abstract: "Uploads a folder to a Hub.")

    @Option var endpoint: String
    @Option var repo: String
    @Option var folder: String
    @Option var state: String

    func run() async throws {
        let hub = Hub(Hub.Settings(endpoint: endpoint, token: Secret("hf_maren")), logger: quietLogger())
        var options = UploadOptions(summary: "bench")
        options.stateFolder = state
        let meter = Meter()
        let result = try await hub.upload(folder: folder, to: try RepoID(.dataset, repo), options: options)
        let wall = meter.wallSeconds
        try await hub.shutdown()
        try say([
            "wall_seconds": wall, "cpu_seconds": Meter.cpuSeconds(), "commit": result.commit, "written": result.written,
            "commits": result.commits.count,
        ])
    }
}
