import Foundation
import NIOHTTP1
import TestSupport
import Testing

/// The built program, used as a person would use it: through its command line, its port and its files.
///
/// Each test has a folder, ports and processes of its own, and most of its time is waiting. So several run at once, as many
/// as Scripts/test.sh says.
@Suite(.keepsScratchWhenRed) struct EndToEnd {}

extension Trait where Self == IssueHandlingTrait {
    /// Leaves the scratch directory of a test that was red.
    static var keepsScratchWhenRed: Self {
        .compactMapIssues { issue in
            Scratch.noteIssue()
            return issue
        }
    }
}

/// The program that lies beside this test bundle, or where `STOKER_BINARY` says.
enum Binary {
    static let path: String = {
        if let named = ProcessInfo.processInfo.environment["STOKER_BINARY"], !named.isEmpty { return named }
        let bundle = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        var folder = bundle.deletingLastPathComponent()
        // swift test may run the bundle through a helper of the toolchain; the build folder is then the usual one.
        while folder.path != "/" {
            let candidate = folder.appendingPathComponent("stoker").path
            if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
            folder = folder.deletingLastPathComponent()
        }
        return FileManager.default.currentDirectoryPath + "/.build/debug/stoker"
    }()
}

extension Scratch {
    /// Runs the program to its end.
    func stoker(
        _ arguments: String..., environment: [String: String] = [:], within: Duration = .seconds(30),
        input: String = "/dev/null"
    ) async throws -> StokerProcess {
        try await run(Binary.path, arguments, environment: environment, within: within, input: input)
    }

    /// Starts `stoker serve` over this fleet, on a free port of loopback, and waits for its readiness line.
    /// - Parameter name: Names the output files and the data folder.
    func serve(
        _ fleet: String, data: String = "data", more: [String] = [], environment: [String: String] = [:],
        name: String = "serve", within: Duration = .seconds(30)
    ) async throws -> Server {
        let file = try write(fleet, to: "\(name).yaml")
        let child = try start(
            Binary.path,
            ["serve", "--fleet", file, "--host", "127.0.0.1", "--port", "0", "--data", data] + more,
            environment: environment, name: name)
        var server = try await Server.ready(child, fleetFile: file, within: within)
        let kept = data.hasPrefix("/") ? data : path + "/" + data
        server.token = try? String(contentsOfFile: kept + "/token", encoding: .utf8).split(separator: "\n").first.map(
            String.init)
        return server
    }
}

/// A running Stoker.
struct Server: Sendable {
    var process: StokerProcess
    /// `http://127.0.0.1:PORT`.
    var address: String
    var fleetFile: String
    /// The one that it made for itself and keeps in its data folder.
    var token: String?
    var authorization: [String: String] { token.map { ["authorization": "Bearer \($0)"] } ?? [:] }

    static let readiness = "stoker: serving "

    static func ready(_ child: StokerProcess, fleetFile: String = "", within: Duration = .seconds(30)) async throws
        -> Server
    {
        let line = try await child.waitForLine("the readiness line", within: within) { $0.hasPrefix(readiness) }
        return Server(process: child, address: String(line.dropFirst(readiness.count)), fleetFile: fleetFile)
    }

    var port: Int { Int(address.split(separator: ":").last ?? "") ?? 0 }

    func get(_ path: String, _ headers: [String: String] = [:]) async throws -> Reply {
        try await HTTP.call(address + path, headers)
    }
    func post(_ path: String, _ body: String = "", _ headers: [String: String] = [:]) async throws -> Reply {
        try await HTTP.call(address + path, authorization.merging(headers) { $1 }, method: .POST, body: body)
    }
    func json(_ path: String) async throws -> JSON { try await get(path).json }

    func overview() async throws -> JSON { try await json("/api/v1/overview") }
    func check(_ name: String) async throws -> JSON { try await json("/api/v1/checks/\(name)") }
    func incidents(of name: String) async throws -> [JSON] {
        try await json("/api/v1/incidents?check=\(name)").items.array
    }
    /// The newest incident of a check, once it is remembered and fits: the ledger writes in batches.
    func incident(of name: String, where fits: (JSON) -> Bool) async throws -> JSON {
        try await Wait.for("an incident of \(name)") {
            try await incidents(of: name).first.flatMap { fits($0) ? $0 : nil }
        }
    }

    /// Waits until events of all these kinds are remembered: the ledger writes in batches.
    func wait(forEvents kinds: String...) async throws {
        try await Wait.until("the events \(kinds.joined(separator: ", "))") {
            let seen = Set(try await json("/api/v1/events?limit=200").items.array.compactMap(\.kind.string))
            guard seen.isSuperset(of: kinds) else { throw Unlike(seen: "\(seen.sorted())") }
            return true
        }
    }

    /// Waits until a check's verdict is one of these.
    @discardableResult
    func wait(for name: String, toBe verdicts: String..., within: Duration = .seconds(40)) async throws -> JSON {
        try await Wait.for("\(name) to be \(verdicts.joined(separator: " or "))", within: within) {
            let check = try await self.check(name)
            guard verdicts.contains(check.verdict.string ?? "") else {
                throw Unlike(seen: "\(check.verdict) \(check.cause)")
            }
            return check
        }
    }

    struct Unlike: Error, CustomStringConvertible {
        var seen: String
        var description: String { seen }
    }
}
