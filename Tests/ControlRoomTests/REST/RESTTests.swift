import ControlRoom
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import Operations
import StokerCore
import Synchronization
import TestSupport
import Testing

@Suite struct RESTTests {
    /// Whoever asks, and from wherever: what destroys or costs needs the scope `admin`, and no header makes one.
    @Test(arguments: [("t0ken", 503), ("operate", 403), ("read", 403), ("wrong", 401)])
    func whatDestroysNeedsAnAdmin(_ bearer: String, _ status: Int) async throws {
        let fleet = FleetDouble()
        let token = Secret("t0ken")
        let book = AccessBook(records: fleet.ledger.records, mainToken: token, now: { fleet.now })
        var bearer = bearer
        if let scope = Scope(rawValue: bearer) {
            bearer = try await book.addToken("ci", scope: scope, ends: nil, by: "test").secret.reveal()
        }
        let router = Router(context: BasicRequestContext.self)
        addREST(
            to: router, context: fleet.context, token: token,
            access: Access(token: token, publicURL: "https://stoker.example.com", book: book, now: { fleet.now }))
        let destructive = Operation.all.filter { $0.effect == .destructive || $0.effect == .paid }
        #expect(destructive.count > 10)
        let app = Application(router: router, logger: Logger(label: "rest"))
        let header = "Bearer \(bearer)"
        try await app.test(.router) { client in
            for operation in destructive {
                let fields: HTTPFields = [
                    .authorization: header, HTTPFields.Element.Name("X-Forwarded-For")!: "127.0.0.1",
                ]
                let path =
                    "/api/v1"
                    + operation.path.split(separator: "/").map { $0.hasPrefix("{") ? "/some" : "/\($0)" }.joined()
                let answer = try await client.execute(
                    uri: path, method: HTTPRequest.Method(rawValue: operation.method.rawValue)!, headers: fields)
                // What is missing is told only to whom it may be of use.
                let expected = status == 503 ? [400, 404, 409, 503] : [status]
                #expect(expected.contains(answer.status.code), "\(operation.name): \(String(buffer: answer.body))")
            }
        }
    }

    struct Answer {
        var status: Int
        var headers: HTTPFields
        var body: JSONValue
        var length: Int
    }

    /// Asks the door over a real socket; `token` is what the server has.
    static func ask(
        _ method: HTTPRequest.Method, _ path: String, body: String? = nil, type: String? = nil, bearer: String? = nil,
        token: String? = nil, privateReading: Bool = false, fleet: FleetDouble = FleetDouble()
    ) async throws -> Answer {
        try await fleet.keepFinding()
        let secret = token.map { Secret($0) }
        let access = Access(token: secret, privateReading: privateReading, now: { fleet.now })
        let router = Router(context: BasicRequestContext.self)
        addREST(to: router, context: fleet.context, token: secret, access: access)
        let headers = {
            var headers = HTTPFields()
            headers[.contentType] = type
            headers[.authorization] = bearer.map { "Bearer \($0)" }
            return headers
        }()
        let app = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            logger: Logger(label: "rest"))
        return try await app.test(.live) { client in
            let response = try await client.execute(
                uri: path, method: method, headers: headers, body: body.map { ByteBuffer(string: $0) })
            let bytes = Array(response.body.readableBytesView)
            return Answer(
                status: response.status.code, headers: response.headers,
                body: bytes.isEmpty ? nil : try JSONValue(reading: bytes),
                length: bytes.count)
        }
    }

    static let calledHere = Operation.all.filter(\.needsFleet)

    /// What an operation must be told.
    private static let bodies = [
        "note-incident": #"{"text": "we look into it"}"#, "start-maintenance": #"{"targets": ["bot"], "for": "2h"}"#,
        "stop-maintenance": #"{"id": "hand-1"}"#, "add-token": #"{"name": "grafana", "scope": "read"}"#,
        "restart-worker": #"{"confirm": true}"#, "squash-worker": #"{"confirm": true}"#,
        "tell-state": #"{"vault": "folder:/v", "sequence": 3, "epoch": 1}"#,
        "import-leads": #"{"document": "{\"version\": \"2.1.0\", \"runs\": []}"}"#,
    ]

    private static func call(_ operation: Operation) -> (method: HTTPRequest.Method, path: String, body: String?) {
        let name =
            if operation.path.contains("heartbeats") {
                "nightly%20export"
            } else if operation.path.contains("incidents") {
                operation.name == "acknowledge" ? "7" : "5"
            } else if operation.path.contains("notify") {
                ["notify-test": "team", "notify-retry": "2"][operation.name] ?? "1"
            } else if operation.path.contains("workers") {
                "analysis"
            } else if operation.path.contains("states") {
                "acme%2Fbot"
            } else if operation.path.contains("tokens") {
                "ci?confirm=true"
            } else if operation.path.contains("findings") {
                "0123456789abcdef"
            } else {
                "bot"
            }
        let path =
            operation.path.split(separator: "{name}", omittingEmptySubsequences: false).joined(separator: name)
            .replacing("{id}", with: FleetDouble.sessionID)
            + (operation.name == "recall-state" ? "?vault=folder:/v" : "")
        let method: HTTPRequest.Method =
            switch operation.method {
            case .get: .get
            case .delete: .delete
            default: .post
            }
        return (method, "/api/v1" + path, bodies[operation.name])
    }

    @Test(arguments: calledHere.map(\.name)) func everyOperationHasItsRoute(_ name: String)
        async throws
    {
        let operation = try #require(Operation.named(name))
        let (method, path, body) = Self.call(operation)
        let answer = try await Self.ask(method, path, body: body)
        #expect(answer.status == 200, "\(answer.body.text)")
        #expect(answer.headers[.contentType] == "application/json; charset=utf-8")
        #expect(answer.headers[.cacheControl] == "no-store")
        // The answer has the members its shape names.
        for field in operation.answer.fields where !field.sparse {
            #expect(answer.body[field.name] != nil, "\(field.name)")
        }
    }

    @Test(arguments: calledHere.map(\.name)) func everyOperationAsksForItsPermission(
        _ name: String
    ) async throws {
        let operation = try #require(Operation.named(name))
        let (method, path, body) = Self.call(operation)
        let fleet = FleetDouble()
        let stranger = try await Self.ask(method, path, body: body, token: "t0ken", fleet: fleet)
        #expect(stranger.status == (operation.permission == .read ? 200 : 401))
        #expect(fleet.monitor.calls.isEmpty)
        let hidden = try await Self.ask(method, path, body: body, token: "t0ken", privateReading: true)
        #expect(hidden.status == 401)
        #expect(hidden.headers[.wwwAuthenticate] == "Bearer realm=\"stoker\"")
        #expect(hidden.body["error"]?["code"] == "unauthorized")
        let friend = try await Self.ask(method, path, body: body, bearer: "t0ken", token: "t0ken", privateReading: true)
        #expect(friend.status == 200)
    }

    @Test(arguments: [
        ("/api/v1/checks/bot", "bot"), ("/api/v1/checks/bot/ready", "bot/ready"),
        ("/api/v1/checks/bot%2Fready", "bot/ready"),
        ("/api/v1/checks/nightly%20export", "nightly export"), ("/api/v1/checks/bot/", "bot"),
    ]) func namesMayHoldSlashes(_ path: String, _ name: String) async throws {
        let answer = try await Self.ask(.get, path)
        #expect(answer.status == 200)
        #expect(answer.body["name"]?.string == name)
        let ping = try await Self.ask(.get, "/api/v1/checks/bot/ready/transcript")
        #expect(ping.body["check"] == "bot/ready")
    }

    @Test(
        arguments: [
            (.get, "/api/v1/chekcs", 404, "not_found", "/api/v1/checks"),
            (.get, "/api/v1/check", 405, "method_not_allowed", nil),
            (.get, "/api/v1/overviw", 404, "not_found", "/api/v1/overview"),
            (.get, "/api", 404, "not_found", "openapi.json"),
            (.get, "/api/v2/checks", 404, "not_found", "/api/v1/checks"),
            (.get, "/api/v1/checks/boot", 404, "not_found", "did you mean"),
            (.get, "/api/v1/checks?limt=3", 400, "usage", "limit"), (.get, "/api/v1/checks?q=%ff", 400, "usage", nil),
            (.get, "/api/v1/checks/%zz", 400, "usage", nil),
            (.post, "/api/v1/checks/nightly%20export/ping", 409, "conflict", nil),
        ] as [(HTTPRequest.Method, String, Int, String, String?)])
    func mistakesAreAnswered(
        _ method: HTTPRequest.Method, _ path: String, _ status: Int, _ code: String, _ hint: String?
    ) async throws {
        let answer = try await Self.ask(method, path)
        #expect(answer.status == status)
        let error = try #require(answer.body["error"])
        #expect(error["code"]?.string == code)
        #expect(error.members?.map(\.name) == ["code", "message", "hint", "request_id"])
        #expect(error["message"]?.string?.hasPrefix("could not ") == true)
        #expect(error["request_id"]?.string?.isEmpty == false)
        if let hint { #expect(error["hint"]?.string?.contains(hint) == true, "\(error.text)") }
    }

    @Test(
        arguments: [
            (.post, "/api/v1/overview", "GET, HEAD"), (.get, "/api/v1/checks/bot/pause", "POST"),
            (.delete, "/api/v1/checks/bot", "GET, HEAD"),
            (.put, "/api/heartbeats/x", "GET, HEAD, POST"), (.options, "/api/v1/reload", "POST"),
        ] as [(HTTPRequest.Method, String, String)])
    func aWrongMethodIsToldTheRightOnes(_ method: HTTPRequest.Method, _ path: String, _ allow: String) async throws {
        let answer = try await Self.ask(method, path)
        #expect(answer.status == 405)
        #expect(answer.headers[.allow] == allow)
        #expect(answer.body["error"]?["code"] == "method_not_allowed")
    }

    @Test func headAnswersWithoutABody() async throws {
        let answer = try await Self.ask(.head, "/api/v1/overview")
        #expect(answer.status == 200)
        #expect(answer.length == 0)
        let full = try await Self.ask(.get, "/api/v1/overview")
        #expect(answer.headers[.contentLength] == "\(full.length)")
    }

    @Test(
        arguments: [
            (#"{"for": "2h"}"#, "application/json"), (#"{"for": "2h"}"#, nil),
            ("for=2h", "application/x-www-form-urlencoded"),
            (#"{"for": "2h"}"#, "application/x-www-form-urlencoded"),
            (#"{"for": "2h", "until": null}"#, "application/json; charset=utf-8"),
        ] as [(String, String?)]) func inputsComeInABody(_ body: String, _ type: String?) async throws
    {
        let answer = try await Self.ask(.post, "/api/v1/checks/bot/pause", body: body, type: type)
        #expect(answer.body["paused"]?["until"] == "2026-11-21T14:00:00.000Z")
    }

    @Test(arguments: [
        ("[1]", "application/json", "not a JSON object"), ("{\"for\":", "application/json", "not a JSON object"),
        ("{\"fro\": \"2h\"}", "application/json", "did you mean \"for\"?"),
        ("for=2h", "text/plain", "type is \"text/plain\""),
        ("{\"for\": 7200}", "application/json", "expected a duration"),
    ]) func badBodiesAreRefused(_ body: String, _ type: String, _ expected: String) async throws {
        let answer = try await Self.ask(.post, "/api/v1/checks/bot/pause", body: body, type: type)
        #expect(answer.status == 400)
        #expect(answer.body["error"]?["message"]?.string?.contains(expected) == true, "\(answer.body.text)")
    }

    @Test func aLargeBodyIsRefused() async throws {
        let answer = try await Self.ask(
            .post, "/api/v1/checks/bot/pause", body: "{\"for\": \"\(String(repeating: "1", count: 70_000))\"}",
            type: "application/json")
        #expect(answer.status == 413)
        #expect(answer.body["error"]?["code"] == "too_large")
    }

    @Test func inputsOfAPostMayStandInTheAddress() async throws {
        let answer = try await Self.ask(.post, "/api/v1/checks/bot/pause?for=30m")
        #expect(answer.body["paused"]?["until"] == "2026-11-21T12:30:00.000Z")
    }

    // MARK: Heartbeats

    @Test(
        arguments: ["/api/heartbeats", "/api/v1/heartbeats"],
        [
            ("", .success), ("/start", .start), ("/fail", .fail), ("/log", .log), ("/0", .exit(0)),
            ("/255", .exit(255)),
        ] as [(String, Beat.Signal)])
    func jobsCall(_ prefix: String, _ call: (String, Beat.Signal)) async throws {
        for method in [HTTPRequest.Method.get, .head, .post] {
            let fleet = FleetDouble()
            let answer = try await Self.ask(
                method, "\(prefix)/nightly%20export\(call.0)?rid=run-1", body: method == .post ? "12 rows" : nil,
                fleet: fleet)
            #expect(answer.status == 200)
            let beats = fleet.monitor.beats
            #expect(beats.count == 1)
            #expect(beats.first?.signal == call.1)
            #expect(beats.first?.run == "run-1")
            #expect(beats.first?.body == (method == .post ? "12 rows" : ""))
        }
    }

    /// A job that says that it failed is never taken for well, however it says so.
    @Test(
        arguments: ["/api/heartbeats", "/api/v1/heartbeats"],
        [
            ("", #"{"signal":"fail","note":"disk full"}"#, "application/json", .fail, "disk full"),
            ("", #"{"signal":"fail"}"#, nil, .fail, ""), ("", #"{"signal":"fail"}"#, "text/plain", .fail, ""),
            ("", #" {"signal":"exit","code":3}"#, "application/json; charset=utf-8", .exit(3), ""),
            ("", #"{"code":3}"#, "application/x-www-form-urlencoded", .exit(3), ""),
            ("", #"{"code":0}"#, "application/json", .exit(0), ""),
            ("", #"{"note":"all is well"}"#, "application/json", .success, "all is well"),
            ("", "signal=fail", "application/x-www-form-urlencoded", .fail, ""),
            ("", "signal=fail&note=disk+100% full%21\n", "application/x-www-form-urlencoded", .fail, "disk 100% full!"),
            ("", "code=3&note=a%26b", nil, .exit(3), "a&b"), ("?signal=fail", "", nil, .fail, ""),
            ("?signal=exit&code=3", "", nil, .exit(3), ""), ("?code=0", "", nil, .exit(0), ""),
            ("?signal=fail&code=3&t=17", "the log", "text/plain", .exit(3), "the log"),
            ("?signal=fail", "signal=fail&note=x", "application/x-www-form-urlencoded", .fail, "x"),
            ("?note=first", "second", "text/plain", .success, "first\nsecond"),
            ("/fail", "note=disk full", "application/x-www-form-urlencoded", .fail, "disk full"),
            // The job's own words, whatever they look like.
            ("", "retry x?a=1&code=500", "application/x-www-form-urlencoded", .success, "retry x?a=1&code=500"),
            ("", #"{"rows":12,"code":200}"#, "application/json", .success, #"{"rows":12,"code":200}"#),
            ("", "signal=fail", "text/plain", .success, "signal=fail"),
            ("/fail", #"{"signal": "#, "application/json", .fail, #"{"signal": "#),
            ("/fail", #"{"signal":"SIGTERM","pid":3}"#, "application/json", .fail, #"{"signal":"SIGTERM","pid":3}"#),
        ] as [(String, String, String?, Beat.Signal, String)])
    func whatAJobSaysIsTaken(_ prefix: String, _ call: (String, String, String?, Beat.Signal, String)) async throws {
        let fleet = FleetDouble()
        let answer = try await Self.ask(
            .post, "\(prefix)/nightly%20export\(call.0)", body: call.1.isEmpty ? nil : call.1, type: call.2,
            fleet: fleet)
        #expect(answer.status == 200, "\(answer.body.text)")
        let beats = fleet.monitor.beats
        #expect(beats.map(\.signal) == [call.3])
        #expect(beats.first?.body == call.4)
    }

    @Test(
        arguments: [
            ("", #"{"signal":"fial"}"#, "application/json", "did you mean \"fail\"?"),
            ("", #"{"signl":"fail"}"#, "application/json", "did you mean \"signal\"?"),
            ("", #"{"signal":"fail","notes":"x"}"#, "application/json", "did you mean \"note\"?"),
            ("", #"{"signal":"fail""#, "application/json", "not a JSON object"),
            ("", #"{"signal":"success","code":3}"#, "application/json", "do not go together"),
            ("", #"{"signal":"exit"}"#, "application/json", "without its"),
            ("?signl=fail", "", nil, "did you mean \"signal\"?"),
            ("", "signal=fail&nte=x", "application/x-www-form-urlencoded", "did you mean \"note\"?"),
            ("", "code=256", "application/x-www-form-urlencoded", "0…255"),
            ("/fail", "signal=success", "application/x-www-form-urlencoded", "both \"fail\" and \"success\""),
            (
                "", "--x\r\nContent-Disposition: form-data; name=\"signal\"\r\n\r\nfail\r\n--x--",
                "multipart/form-data; boundary=x", "multipart/form-data"
            ),
        ] as [(String, String, String?, String)])
    func whatAJobCannotHaveMeantIsRefused(_ end: String, _ body: String, _ type: String?, _ expected: String)
        async throws
    {
        let fleet = FleetDouble()
        let answer = try await Self.ask(
            .post, "/api/v1/heartbeats/nightly%20export\(end)", body: body.isEmpty ? nil : body, type: type,
            fleet: fleet)
        #expect([400, 409].contains(answer.status))
        #expect(answer.body["error"]?["message"]?.string?.contains(expected) == true, "\(answer.body.text)")
        #expect(fleet.monitor.beats.isEmpty)
    }

    @Test(arguments: [65_536, 65_537, 200_000, 1_048_576]) func aLongLogIsHeard(_ bytes: Int) async throws {
        let fleet = FleetDouble()
        let log = String(repeating: "x", count: bytes)
        let form = "application/x-www-form-urlencoded"
        let answer = try await Self.ask(
            .post, "/api/heartbeats/nightly%20export/fail", body: log, type: form, fleet: fleet)
        #expect(answer.status == 200)
        let said = try await Self.ask(
            .post, "/api/heartbeats/nightly%20export", body: "signal=fail&note=\(log.dropLast(17))", type: form,
            fleet: fleet)
        #expect(said.status == 200)
        #expect(fleet.monitor.beats.map(\.signal) == [.fail, .fail])
        #expect(
            fleet.monitor.beats.map(\.body)
                == .init(repeating: String(log.prefix(10_000)), count: 2))
    }

    @Test(arguments: [
        ("/api/heartbeats/nightly%20export/fail", 1_048_577), ("/api/v1/checks/bot/pause", 65_537),
        ("/api/v1/overview", 65_537),
    ]) func aBodyOverTheLimitIs413(_ path: String, _ bytes: Int) async throws {
        let answer = try await Self.ask(
            path.hasSuffix("overview") ? .get : .post, path, body: String(repeating: "x", count: bytes))
        #expect(answer.status == 413)
        #expect(answer.body["error"]?["code"] == "too_large")
        #expect(answer.body["error"]?["request_id"]?.string?.isEmpty == false)
    }

    @Test func theFirstTenThousandBytesAreKept() async throws {
        let fleet = FleetDouble()
        // The cut goes through a character.
        let answer = try await Self.ask(
            .post, "/api/heartbeats/nightly%20export", body: "a" + String(repeating: "é", count: 40_000), fleet: fleet)
        #expect(answer.status == 200)
        let body = fleet.monitor.beats.first?.body
        #expect(body == "a" + String(repeating: "é", count: 4_999))
    }

    @Test func aKeyOpensItsOwnHeartbeatOnly() async throws {
        let keys = HeartbeatKeys(token: Secret("t0ken"))
        let key = try #require(keys.key(of: "nightly export"))
        #expect(key.utf8.count == 32)
        let path = "/api/heartbeats/nightly%20export"
        #expect(try await Self.ask(.get, "\(path)?key=\(key)", token: "t0ken").status == 200)
        #expect(try await Self.ask(.get, path, bearer: "t0ken", token: "t0ken").status == 200)
        let other = try #require(keys.key(of: "other"))
        for wrong in ["\(path)?key=\(other)", "\(path)?key=", path, "\(path)?key=t0ken"] {
            let answer = try await Self.ask(.get, wrong, token: "t0ken")
            #expect(answer.status == 401, "\(wrong)")
        }
        // It opens nothing else.
        #expect(try await Self.ask(.post, "/api/v1/checks/bot/ping?key=\(key)", token: "t0ken").status == 401)
        #expect(HeartbeatKeys(token: Secret("other")).key(of: "nightly export") != key)
        #expect(HeartbeatKeys(token: nil).key(of: "nightly export") == nil)
    }

    @Test func anUnknownHeartbeatIsNotFound() async throws {
        #expect(try await Self.ask(.get, "/api/heartbeats/nobody").status == 404)
        #expect(try await Self.ask(.get, "/api/heartbeats/bot").status == 409)
        // No exit status, and no part of a name either: what is wrong with it is told.
        let tooLarge = try await Self.ask(.get, "/api/heartbeats/nightly%20export/256")
        #expect(tooLarge.status == 400 && "\(tooLarge.body.text)".contains("code"), "\(tooLarge.body.text)")
    }
}
