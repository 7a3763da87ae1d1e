import ArgumentParser
import Foundation
import Logging

/// The parts of the benchmarks that must run inside the engine. `Benchmarks/run.sh` calls these and compares; each prints
/// JSON, one document a line, the last one being the result.
@main
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stoker-bench",
        abstract: "Measures single parts of Stoker for Benchmarks/run.sh.",
        subcommands: [
            EngineBench.self, PipelineBench.self, ResolveBench.self, DeadNamesBench.self, RememberBench.self,
            TendBench.self,
            LedgerAppendBench.self, LedgerYearBench.self, HubSimulatorBench.self, HubUploadBench.self,
            HubDayBench.self, NoticesBench.self,
        ])
}

/// Prints one JSON line at once: the harness reads while we run.
func say(_ figures: [String: any Sendable]) throws {
    let data = try JSONSerialization.data(withJSONObject: figures, options: [.sortedKeys])
    FileHandle.standardOutput.write(data + Data("\n".utf8))
}

/// Only what went wrong: a log line per ping would be measured too.
func quietLogger() -> Logger {
    var logger = Logger(label: "stoker-bench") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = .error
    return logger
}

/// Address `number` of the fleet, counted from 127.1.0.0 as the C programs do.
func loopback(_ number: Int) -> String {
    let value = 0x7F01_0000 + number
    return "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)"
}

func folder(_ path: String) throws -> String {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
}
