import Foundation
import HubClient
import NIOHTTP1
import StokerCore
import Synchronization
import Testing

private typealias Reply = ScriptedHub.Reply

private final class Lines: Sendable {
    private let kept = Mutex<[String]>([])
    func add(_ line: LogLine) { kept.withLock { $0.append(line.plainText) } }
    var all: [String] { kept.withLock { $0 } }
}

@Suite struct LogTests {
    let space: RepoID
    init() throws { space = try .space("maren/orbit-api") }

    static func event(_ second: Int, _ text: String) -> String {
        let at = "2026-05-28T11:41:\(second < 10 ? "0" : "")\(second).000Z"
        return "data: {\"data\":\"\(text)\\n\",\"timestamp\":\"\(at)\"}\n\n"
    }
    static func stream(_ body: String, _ ending: ScriptedHub.Reply.Ending = .whole) -> ScriptedHub.Reply {
        // A length only when it ends: a stream that stays open has none.
        var headers: HTTPHeaders = ["Content-Type": "text/event-stream", "Date": "Thu, 28 May 2026 11:41:20 GMT"]
        if case .never = ending { headers.add(name: "Content-Length", value: "1000000") }
        if case .cutAfter = ending { headers.add(name: "Content-Length", value: "1000000") }
        return .init(status: 200, headers: headers, body: body, ending: ending)
    }

    @Test func drainingEndsWithTheStream() async throws {
        let server = try await ScriptedHub.start([
            Self.stream(Self.event(5, "one") + "data:\n\n" + "data: not json\n\n" + Self.event(6, "two"))
        ])
        let lines = Lines()
        try await withHub(server) { try await $0.drainLog(.build, of: space, tail: 7) { lines.add($0) } }
        #expect(lines.all == ["one", "two"])
        #expect(server.asked().first?.uri == "/api/spaces/maren/orbit-api/logs/build?tail=7")
    }

    @Test func drainingEndsWhenWhatComesWasWrittenAfterTheBeginning() async throws {
        let server = try await ScriptedHub.start([
            Self.stream(Self.event(5, "old") + Self.event(23, "edge") + Self.event(24, "live"), .never)
        ])
        let lines = Lines()
        try await withHub(server) { try await $0.drainLog(.run, of: space) { lines.add($0) } }
        #expect(lines.all == ["old", "edge"])
    }

    @Test func drainingEndsWithSilence() async throws {
        let server = try await ScriptedHub.start([Self.stream(Self.event(5, "one"), .never)])
        let lines = Lines()
        try await withHub(server) {
            try await $0.drainLog(.run, of: space, silence: .milliseconds(200)) { lines.add($0) }
        }
        #expect(lines.all == ["one"])
    }

    /// Of a quiet Space not even headers come before its first line.
    @Test func drainingEndsWithSilenceBeforeTheAnswer() async throws {
        let server = try await ScriptedHub.start { asked, _ in
            asked.path.hasSuffix("/runtime") ? .json(#"{"stage":"RUNNING"}"#) : .silence
        }
        let lines = Lines()
        try await withHub(server) {
            try await $0.drainLog(.run, of: space, silence: .seconds(1)) { lines.add($0) }
        }
        #expect(lines.all.isEmpty)
        #expect(server.asked().count { $0.path.hasSuffix("/logs/run") } <= 1)
    }

    @Test func aDrainThatIsCutSaysSo() async throws {
        let body = Self.event(5, "one") + Self.event(6, "two")
        let server = try await ScriptedHub.start([Self.stream(body, .cutAfter(body.utf8.count - 20))])
        let lines = Lines()
        let failure = try #require(
            await #expect(throws: HubFailure.self) {
                try await withHub(server) { try await $0.drainLog(.run, of: space) { lines.add($0) } }
            })
        #expect(failure.kind == .unreachable)
        #expect(lines.all == ["one"])
    }

    struct Enough: Error {}

    /// Follows a script of connections until a line "stop" comes.
    private func follow(
        _ connections: [ScriptedHub.Reply], stage: String = "RUNNING", kind: SpaceLogKind = .run, tail: Int? = nil,
        silence: Duration = .seconds(20)
    ) async throws -> (lines: [String], asked: [ScriptedHub.Asked]) {
        let count = Mutex(0)
        let server = try await ScriptedHub.start { asked, _ in
            if asked.path.hasSuffix("/runtime") { return .json(#"{"stage":"\#(stage)"}"#) }
            let number = count.withLock { count in
                count += 1
                return count
            }
            return connections[min(number, connections.count) - 1]
        }
        let lines = Lines()
        do {
            try await withHub(server) { hub in
                try await hub.followLog(kind, of: space, tail: tail, silence: silence) { line in
                    if line.plainText == "stop" { throw Enough() }
                    lines.add(line)
                }
            }
        } catch is Enough {}
        return (lines.all, server.asked())
    }

    @Test func followingSurvivesCutsEndsAndARestart() async throws {
        let first = Self.event(1, "a") + Self.event(2, "b")
        let (lines, asked) = try await follow([
            Self.stream(first + Self.event(2, "cut"), .cutAfter(first.utf8.count + 12)),
            .text("<html>502</html>", status: 502),
            Self.stream(first + Self.event(2, "b") + Self.event(3, "c")),
            // A new container with a new buffer.
            Self.stream(
                Self.event(10, "===== Application Startup") + Self.event(11, "a") + Self.event(12, "stop"), .never),
        ])
        #expect(lines == ["a", "b", "b", "c", "===== Application Startup", "a"])
        #expect(asked.count { $0.path.hasSuffix("/runtime") } >= 2)
    }

    @Test func silenceIsTakenForADeadConnection() async throws {
        let (lines, _) = try await follow(
            [
                Self.stream(Self.event(1, "a"), .never),
                Self.stream(Self.event(1, "a") + Self.event(2, "b") + Self.event(3, "stop"), .never),
            ], silence: .milliseconds(200))
        #expect(lines == ["a", "b"])
    }

    @Test func aTailIsAskedForOnceOnly() async throws {
        let (lines, asked) = try await follow(
            [
                Self.stream(Self.event(8, "h") + Self.event(9, "i")),
                Self.stream(
                    (1...9).map { Self.event($0, ["h", "i"][$0 % 2]) }.joined() + Self.event(10, "stop"), .never),
            ], tail: 2)
        #expect(lines == ["h", "i"])
        let logs = asked.filter { $0.path.hasSuffix("/logs/run") }.map(\.uri)
        #expect(logs.first?.hasSuffix("?tail=2") == true)
        #expect(logs.last?.contains("tail") == false)
    }

    @Test func aBuildLogEndsWithTheBuild() async throws {
        let (lines, _) = try await follow(
            [Self.stream(Self.event(1, "step 1"))], stage: "RUNNING", kind: .build)
        #expect(lines == ["step 1"])
    }

    /// The Hub keeps the stream of a build open; its stage tells that it is over, and keep-alives do not count.
    @Test(.timeLimit(.minutes(1))) func aBuildLogEndsWithTheBuildThoughItsStreamDoesNot() async throws {
        let looks = Mutex(0)
        let server = try await ScriptedHub.start { asked, _ in
            guard asked.path.hasSuffix("/runtime") else {
                return Self.stream(Self.event(1, "step 1") + Self.event(2, "step 2") + "data:\n\n", .never)
            }
            let number = looks.withLock { looks in
                looks += 1
                return looks
            }
            return .json(#"{"stage":"\#(number < 4 ? "BUILDING" : "RUNNING")"}"#)
        }
        let lines = Lines()
        try await withHub(server) { hub in
            try await hub.followLog(
                .build, of: space, buildLooks: .milliseconds(20), drainSilence: .milliseconds(200)
            ) { lines.add($0) }
        }
        #expect(lines.all == ["step 1", "step 2"])
        #expect(looks.withLock(\.self) >= 4)
    }

    @Test(arguments: [
        ("text/html", "<html><body>Sign in</body></html>"), ("application/json", "{}"), ("", "<html></html>"),
        ("", "{}"), ("text/event-stream", "<!doctype html>\n<title>x</title>\n"),
    ]) func whatIsNoStreamIsNoEmptyLog(type: String, body: String) async throws {
        for follows in [false, true] {
            let headers: HTTPHeaders = type.isEmpty ? [:] : ["Content-Type": type]
            let server = try await ScriptedHub.start([Reply(status: 200, headers: headers, body: body)])
            let failure = try #require(
                await #expect(throws: HubFailure.self) {
                    try await withHub(server) { hub in
                        if follows {
                            try await hub.followLog(.run, of: space) { _ in }
                        } else {
                            try await hub.drainLog(.run, of: space) { _ in }
                        }
                    }
                })
            #expect(failure.kind == .unreadable)
        }
    }

    @Test func aSpaceThatIsGoneEndsTheFollowing() async throws {
        let failure = try #require(
            await #expect(throws: HubFailure.self) {
                try await follow([
                    .json(#"{"error":"Repository not found"}"#, status: 404, ["X-Error-Code": "RepoNotFound"])
                ])
            })
        #expect(failure.kind == .notFound)
    }

    @Test func eventsAreHintsWhateverTheyHold() async throws {
        let server = try await ScriptedHub.start { asked, _ in
            asked.path.hasSuffix("/events")
                ? Self.stream(
                    "event: status\ndata: {\"status\":{\"stage\":\"SLEEPING\"}}\n\ndata: hello\n\ndata:\n\ndata: [1]\n\n"
                )
                : Self.stream("data: {\"cpu_usage_pct\":12.5,\"replica\":\"abc\",\"odd\":[]}\n\ndata: 7\n\n")
        }
        let hints = Mutex<[SpaceEvent]>([])
        let usages = Mutex<[SpaceUsage]>([])
        try await withHub(server) { hub in
            let listened = try await hub.listen(to: space) { hint in hints.withLock { $0.append(hint) } }
            let measured = try await hub.measure(space) { usage in usages.withLock { $0.append(usage) } }
            #expect([listened, measured] == [.ended, .ended])
        }
        #expect(hints.withLock { $0.map(\.stage) } == [.sleeping, nil, nil])
        #expect(hints.withLock { $0.first?.name } == "status")
        #expect(usages.withLock { $0.map(\.cpuPercent) } == [12.5])
    }
}
