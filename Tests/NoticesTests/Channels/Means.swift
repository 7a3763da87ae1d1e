import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOPosix
@testable import Notices
import Runtime
import StokerCore
import TestSupport

/// What channels are given in tests.
enum Means {
    static let now = Instant(milliseconds: 1_795_000_000_000)

    /// Lends means whose client is shut down afterwards.
    static func lend<Result>(
        limit: Duration = .seconds(20), _ body: (DeliveryMeans) async throws -> Result
    ) async throws -> Result {
        let http = DeliveryMeans.client(on: MultiThreadedEventLoopGroup.singleton)
        let means = DeliveryMeans(
            http: http, logger: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }, now: { now }, limit: limit)
        do {
            let result = try await body(means)
            try await http.shutdown()
            return result
        } catch {
            try await http.shutdown()
            throw error
        }
    }

    /// A server that plays this for each request, and is stopped afterwards.
    static func serve<Result>(
        _ script: @escaping MisbehavingServer.Script, _ body: (MisbehavingServer) async throws -> Result
    ) async throws -> Result {
        let server = try await MisbehavingServer.start(on: MultiThreadedEventLoopGroup.singleton, script)
        do {
            let result = try await body(server)
            try await server.stop()
            return result
        } catch {
            try await server.stop()
            throw error
        }
    }

    static func answer(_ status: String, _ body: String = "", headers: [String] = []) -> [MisbehavingServer.Step] {
        let head = ["HTTP/1.1 \(status)", "content-length: \(body.utf8.count)", "connection: close"] + headers
        return [.send(head.joined(separator: "\r\n") + "\r\n\r\n" + body), .close]
    }
}

extension MisbehavingServer.Heard {
    var body: String { request.firstRange(of: "\r\n\r\n").map { String(request[$0.upperBound...]) } ?? "" }

    func header(_ name: String) -> String? {
        request.split(separator: "\r\n").first { $0.lowercased().hasPrefix("\(name): ") }
            .map { String($0.dropFirst(name.count + 2)) }
    }

    var json: JSONValue? { try? JSONValue(reading: body) }
}

extension Notice {
    static func sample(_ kind: Kind = .down, key: String = "7-42-down", sentence: String = "connection refused")
        -> Notice
    {
        Notice(
            key: key, kind: kind, at: Instant(milliseconds: 1_794_999_990_000),
            subjects: [
                .init(
                    check: "bot", group: "production", verdict: .down, since: Instant(milliseconds: 1_794_999_000_000))
            ], sentence: sentence, done: ["restarted the Space"], hint: "look at its logs",
            link: "https://stoker.example.com/targets/bot?a=1&b=2",
            acknowledgeLink: "https://stoker.example.com/acknowledge?incident=42&sig=abc")
    }
}

/// Reads a channel out of a fleet file.
enum Read {
    static func fleet(_ text: String, _ environment: [String: String] = [:]) -> Result<Fleet, FleetProblems> {
        FleetFile.read(
            text: text, name: "f.yaml", environment: environment,
            sections: FleetSections.standard.adding(ChannelsSection.section))
    }

    static func channel(_ keys: String, _ environment: [String: String] = [:]) throws -> any Notices.Channel {
        let channels = try fleet("channels: { a: { \(keys) } }", environment).get()[ChannelsSection.section]
        guard let first = channels.first else { throw Missing() }
        return first.value.channel
    }

    static func problems(_ text: String, _ environment: [String: String] = [:]) -> [Problem] {
        guard case .failure(let problems) = fleet(text, environment) else { return [] }
        return problems.list
    }

    struct Missing: Error {}
}
