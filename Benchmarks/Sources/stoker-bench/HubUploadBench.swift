import ArgumentParser
import Foundation
import HubClient
import HubSimulator
import StokerCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

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
        configuration.distance = .milliseconds(later)
        let hub = try await SimulatedHub.start(configuration, logger: quietLogger())
        try say(["endpoint": hub.endpoint])
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
        #if canImport(Glibc)
        // Not `ru_maxrss`: Linux counts there what the harness had when it started us.
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        let peak = (line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Double($0) } ?? 0) / 1_024
        #else
        var usage = rusage()
        getrusage(RUSAGE_SELF, &usage)
        let peak = Double(usage.ru_maxrss) / 1_048_576
        #endif
        try say([
            "wall_seconds": wall, "cpu_seconds": meter.cpuSeconds, "peak_mib": peak, "commit": result.commit,
            "written": result.written, "commits": result.commits.count,
        ])
    }
}
