import ControlRoom
import Foundation
import Ledger
import NIOCore
import Operations
import StokerCore
import Synchronization
import TestSupport
import Testing

/// Whatever a request to the API or to the pages is made of: it is answered or refused, shows nothing that is private, and does nothing.
@Suite(.timeLimit(.minutes(10))) struct MutatedRequestTests {
    static let token = "t0ken-of-16-chars"
    /// Places that everybody may open.
    static let open = ["/health", "/login", "/robots.txt", "/favicon.ico", "/icons/", "/assets/"]

    static var count: Int { Int(ProcessInfo.processInfo.environment["STOKER_MUTATIONS"] ?? "") ?? 500 }

    @Test func mutatedCallsOfTheAPIDoNothing() async throws {
        try await Self.run(seed: 31) { port, dice in
            var mutation = Mutation(port: port)
            mutation.path =
                [
                    "/api/v1/backup", "/api/v1/checks/bot/pause", "/api/v1/spaces/a%2Fb/restart",
                    "/api/v1/heartbeats/nightly%20export/fail",
                    "/api/heartbeats/bot/1", "/api/v1/queue", "/api/v1/checks?limit=1", "/api/v1/notify/test",
                    "/api/v1/import", "/api/v1/openapi.json",
                ].randomElement(using: &dice) ?? ""
            mutation.method = ["POST", "PUT", "DELETE", "GET"].randomElement(using: &dice) ?? ""
            mutation.body =
                [#"{"name": "x.sqlite"}"#, "for=2h&x", #"{"signal": "fail", "note": "x"}"#, ""].randomElement(
                    using: &dice) ?? ""
            mutation.headers.append(
                (
                    "Content-Type",
                    ["application/json", "application/x-www-form-urlencoded", "text/plain"].randomElement(using: &dice)
                        ?? ""
                ))
            return mutation
        }
    }

    @Test func mutatedRequestsOfPagesDoNothing() async throws {
        try await Self.run(seed: 37) { port, dice in
            var mutation = Mutation(port: port)
            mutation.path =
                [
                    "/actions/pause", "/actions/ping", "/actions/restart", "/acknowledge", "/",
                    "/targets/website?range=week", "/fragments/log/website",
                    "/incidents?page=2", "/maintenance", "/deploys", "/workers", "/notices", "/status", "/metrics",
                    "/events", "/badge/website.svg?kind=awake", "/incidents.csv",
                    "/assets/../../etc/passwd", "/icons/good.svg", "/login",
                ].randomElement(using: &dice) ?? ""
            mutation.method = ["POST", "GET", "HEAD"].randomElement(using: &dice) ?? ""
            mutation.body =
                ["name=website", "name=website&minutes=5&from=//evil", "token=x&next=//evil", ""].randomElement(
                    using: &dice) ?? ""
            mutation.headers += [
                ("Content-Type", "application/x-www-form-urlencoded"),
                ("Accept", ["text/html", "*/*"].randomElement(using: &dice) ?? ""),
            ]
            return mutation
        }
    }

    /// A server whose reading is private, with a fleet behind API and pages that is the same afterwards as before.
    private static func run(
        seed: UInt64, _ sound: @escaping @Sendable (_ port: Int, _ dice: inout Dice) -> Mutation
    ) async throws {
        let fleet = FleetDouble()
        let whole = SampleFleet.dozen()
        // Wrong tokens make their address wait; the clock goes on at the end.
        let later = Mutex(Int64(0))
        let access = Access(
            token: Secret(token), privateReading: true,
            now: { SampleFleet.now + .seconds(later.withLock { $0 }) })
        var settings = ControlRoomServer.Settings(port: 0)
        // All come from one address, and are to be looked at.
        settings.rateLimits.reading = .init(perSecond: 1e9, burst: 1e9)
        settings.rateLimits.writing = settings.rateLimits.reading
        settings.rateLimits.beats = settings.rateLimits.reading
        let before = await fleet.monitor.statuses(StatusQuery())
        let pages = await whole.monitor.statuses(StatusQuery())
        let count = count
        try await Served.run(
            whole, access: access, settings: settings,
            extraRoutes: { addREST(to: $0, context: fleet.context, token: Secret(token), access: access) }
        ) { (served) async throws in
            var dice = Dice(seed: seed)
            for number in 0..<count {
                let mutation = sound(served.port, &dice).mutated(&dice)
                let request = mutation.text
                let answer = await exchange(served, request)
                let status = answer.split(separator: " ").dropFirst().first.flatMap { Int($0.prefix(3)) }
                let isOpen = open.contains { mutation.path.hasPrefix($0) }
                // Nothing, a refusal, or the way to the login.
                let isFine =
                    status.map { (400...599).contains($0) || $0 == 303 || isOpen && (200...399).contains($0) }
                    ?? answer.isEmpty
                #expect(isFine, "request \(number) of seed \(seed) got \(answer.prefix(80))\n\(request.prefix(300))")
                // A stranger's mistake is none of ours.
                #expect(
                    status != 500, "request \(number) of seed \(seed) got \(answer.prefix(300))\n\(request.prefix(300))"
                )
                #expect(!answer.contains(token) && !answer.contains("root:x:"), "request \(number) of seed \(seed)")
            }
            later.withLock { $0 = 300 }
            let friend = [("Authorization", "Bearer \(token)")]
            #expect(try await served.get("/api/v1/checks", headers: friend).status == 200)
            #expect(try await served.get("/status", headers: friend).status == 200)
        }
        #expect(await fleet.monitor.statuses(StatusQuery()) == before)
        #expect(await whole.monitor.statuses(StatusQuery()) == pages)
        #expect(fleet.ledger.state.withLock { $0.backups }.isEmpty)
        #expect(try await fleet.ledger.records.records(kind: "idempotency").isEmpty)
    }

    private static func exchange(_ served: Served, _ request: String) async -> String {
        // A body that never ends is waited for by the server: the visitor leaves.
        let answer = Answer()
        await withTaskGroup { group in
            group.addTask {
                do {
                    for try await part in try await served.stream(raw: request) {
                        let isWhole = answer.text.withLock { text in
                            text += String(buffer: part)
                            return text.contains("\r\n\r\n")
                        }
                        if isWhole { break }
                    }
                } catch {
                    return  // closed in the midst of it
                }
            }
            group.addTask { try? await Task.sleep(for: .seconds(1)) }
            await group.next()
            group.cancelAll()
        }
        return answer.text.withLock { $0 }
    }

    private final class Answer: Sendable { let text = Mutex("") }

    /// A request, and what is wrong with it. None carries the right token.
    struct Mutation {
        var method = "GET"
        var path = "/"
        var version = "HTTP/1.1"
        var headers: [(String, String)]
        var body = ""
        /// Bytes of the body that are not sent.
        var cut = 0

        init(port: Int) { headers = [("Host", "127.0.0.1:\(port)")] }

        func mutated(_ dice: inout Dice) -> Mutation {
            var it = self
            for _ in 0...Int.random(in: 0...2, using: &dice) {
                switch Int.random(in: 0...14, using: &dice) {
                case 0:
                    it.headers[0].1 =
                        ["evil.example", "", "127.0.0.1:1:2", "[::1", "a b"].randomElement(using: &dice) ?? ""
                case 1:
                    it.headers.append(
                        (
                            "Origin",
                            ["null", "https://evil.example", "file://", "\u{0}"].randomElement(using: &dice) ?? ""
                        ))
                case 2:
                    let wrong = [
                        "Bearer", "Bearer x", "Basic dDp0", "bearer  ", "Bearer \(token) x",
                        "Bearer \(token.dropLast())",
                    ]
                    it.headers.append(("Authorization", wrong.randomElement(using: &dice) ?? ""))
                case 3:
                    it.headers.append(
                        (
                            "Transfer-Encoding",
                            ["chunked", "identity, chunked", "gzip", " chunked", "xchunked"].randomElement(using: &dice)
                                ?? ""
                        ))
                case 4:
                    it.headers.append(
                        (
                            "Content-Length",
                            ["-1", "0", "99999999999999999999", "5, 6", "+3", "0x10"].randomElement(using: &dice) ?? ""
                        ))
                case 5: it.headers.append(("Transfer-Encoding : chunked\r\nContent-Length", "4"))
                case 6:
                    let steps = [
                        "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2f", "//evil.example/", "/%00",
                        "/%ff%fe", "?%", "/\u{1F600}", "#x",
                    ]
                    it.path += steps.randomElement(using: &dice) ?? ""
                case 7: it.path = String(repeating: "/a", count: Int.random(in: 1...20_000, using: &dice))
                case 8:
                    it.method =
                        ["TRACE", "CONNECT", "post", "P\tOST", "PATCH", "OPTIONS", "DELETE", ""].randomElement(
                            using: &dice) ?? ""
                case 9: it.version = ["HTTP/1.0", "HTTP/9.9", "HTTP", "", "HTTP/2.0"].randomElement(using: &dice) ?? ""
                case 10: it.cut = Int.random(in: 1...4, using: &dice)
                case 11:
                    it.headers.append(("X", String(repeating: "a", count: Int.random(in: 1...100_000, using: &dice))))
                case 12: it.body = String(repeating: "a=b&", count: Int.random(in: 1...40_000, using: &dice))
                case 13:
                    it.headers.append(
                        (
                            "Cookie",
                            [
                                "stoker_session=1.99999999999.abcd", "stoker_session=",
                                "a=b; stoker_session=1.1.\(String(repeating: "0", count: 64))",
                            ].randomElement(using: &dice) ?? ""
                        ))
                default:
                    it.headers.append(
                        (
                            "X-Forwarded-For",
                            ["127.0.0.1", "::1", "127.0.0.1, 127.0.0.1", "\u{0}"].randomElement(using: &dice) ?? ""
                        ))
                }
            }
            if Int.random(in: 0...9, using: &dice) == 0 { it.headers.append(("Idempotency-Key", "k")) }
            return it
        }

        var text: String {
            var text = "\(method) \(path) \(version)\r\n"
            for (name, value) in headers { text += "\(name): \(value)\r\n" }
            if !headers.contains(where: { ["Content-Length", "Transfer-Encoding"].contains($0.0) }), !body.isEmpty {
                text += "Content-Length: \(body.utf8.count)\r\n"
            }
            return text + "Connection: close\r\n\r\n\(body.dropLast(cut))"
        }
    }
}
