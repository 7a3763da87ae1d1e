import Foundation
import StokerCore

func fleet(_ text: String, _ environment: [String: String] = [:]) throws -> Fleet {
    try FleetFile.read(text: text, name: "fleet.yaml", environment: environment).get()
}

/// Four Spaces every five minutes, as in requirement KA9, one of them hotter, and things an export must leave out.
let sampleText = """
    hub: { namespace: acme }
    serve: { public_url: https://acme-master.hf.space }
    spaces:
      bot: { keep: { warmth: hot, path: /health } }
      llm: { keep: { warmth: warm } }
      rag: { keep: { every: 30m } }
      private: { keep: { every: 2m, headers: { Authorization: "Bearer ${KEY:-s3cret}" } } }
    targets:
      keyed: { url: "https://api.example.com/a?key=s3cret", every: 1m }
      odd: { url: "https://api.example.com/it's%20100%", every: 3m }
      db: { url: "tcp://db.example.com:5432", every: 1m }
      off: { url: https://off.example.com, every: 1m, paused: true }
    heartbeats:
      job: { every: 1m }
    """

enum Program {
    static func exists(_ name: String) -> Bool {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/\(name)")
        }
    }

    /// Runs a program over a file, without blocking the test's thread; what it wrote and its status.
    static func run(_ name: String, _ arguments: [String], file text: String, suffix: String = "txt") async throws -> (
        String, Int32
    ) {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("stoker-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let input = folder.appendingPathComponent("input.\(suffix)")
        let output = folder.appendingPathComponent("output")
        try Data(text.utf8).write(to: input)
        _ = FileManager.default.createFile(atPath: output.path, contents: nil)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [name] + arguments + [input.path]
        let handle = try FileHandle(forWritingTo: output)
        process.standardOutput = handle
        process.standardError = handle
        let status = try await withCheckedThrowingContinuation { (done: CheckedContinuation<Int32, any Error>) in
            process.terminationHandler = { done.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { done.resume(throwing: error) }
        }
        return (String(decoding: try Data(contentsOf: output), as: UTF8.self), status)
    }
}
