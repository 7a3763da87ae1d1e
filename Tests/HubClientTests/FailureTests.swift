import HubClient
import NIOHTTP1
import StokerCore
import Testing

@Suite struct FailureTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var status: Int
        var headers: HTTPHeaders = [:]
        var body = ""
        var token: String? = "hf_abcdefghijklmnop1234"
        var path = "/api/spaces/maren/orbit-api"
        var kind: HubFailure.Kind
        var said: String
        var hint: String?
        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case(
            name: "repo not found", status: 404,
            headers: ["X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"],
            body: #"{"error": "Repository not found"}"#, kind: .notFound, said: "Repository not found",
            hint: "only found by a token that may read it"),
        Case(
            name: "anonymous 401 of a repo", status: 401, body: #"{"error": "Invalid username or password."}"#,
            token: nil,
            kind: .notFound, said: "Invalid username or password.", hint: "a private one needs a token"),
        Case(
            name: "bad token", status: 401, headers: ["X-Error-Message": "Invalid credentials in Authorization header"],
            body: #"{"error": "Invalid user token"}"#, kind: .badToken,
            said: "Invalid credentials in Authorization header; Invalid user token", hint: "expired or revoked"),
        Case(
            name: "401 elsewhere", status: 401, body: #"{"error": "x"}"#, token: nil, path: "/api/settings/webhooks",
            kind: .badToken, said: "x", hint: "HF_TOKEN"),
        Case(
            name: "login cannot restart", status: 401, body: #"{"error": "Invalid username or password."}"#,
            token: "hf_oauth_abcdefghijkl", path: "/api/spaces/a/b/restart?factory=true", kind: .notFound,
            said: "Invalid username", hint: "use an access token"),
        Case(
            name: "login cannot set sleep time", status: 403, token: "hf_oauth_abcdefghijkl",
            path: "/api/spaces/a/b/sleeptime", kind: .forbidden, said: "did not say why", hint: "use an access token"),
        Case(
            name: "list of errors", status: 400,
            body: #"{"error": ["colorFrom must be one of the allowed colors", "short_description is too long"]}"#,
            kind: .invalid, said: "colorFrom must be one of the allowed colors; short_description is too long"),
        Case(
            name: "errors with messages", status: 400,
            body:
                #"{"errors": [{"message": "\"app_port\" must be a number", "type": "error"}], "httpStatusCode": 400}"#,
            kind: .invalid, said: "\"app_port\" must be a number"),
        Case(
            name: "oauth", status: 400,
            body: #"{"error": "invalid_grant", "error_description": "The code has expired"}"#,
            kind: .invalid, said: "invalid_grant: The code has expired"),
        Case(
            name: "page", status: 502,
            headers: ["Content-Type": "text/html"],
            body: "<html><head><title>502 Bad Gateway</title></head><body>cloudfront</body></html>", kind: .trouble,
            said: "a web page, \"502 bad gateway\""),
        Case(name: "nothing", status: 500, kind: .trouble, said: "the Hub has trouble of its own"),
        Case(name: "plain", status: 422, body: " no \n good ", kind: .invalid, said: "no good"),
        Case(
            name: "stale parent", status: 412,
            body: #"{"error": "The branch was updated since you opened this page. Please refresh and try again."}"#,
            kind: .stale, said: "The branch was updated since you opened this page.", hint: "read it again"),
        Case(
            name: "plan", status: 402,
            body:
                #"{"error": "Static Spaces are free, but a Gradio or Docker Space on cpu-basic needs a PRO subscription."}"#,
            kind: .plan, said: "PRO subscription", hint: "plan or credit"),
        Case(
            name: "forbidden", status: 403, kind: .forbidden, said: "", hint: "the token needs write access to maren/x"),
        Case(
            name: "disabled", status: 403, headers: ["X-Error-Message": "Access to this resource is disabled."],
            kind: .forbidden, said: "disabled", hint: "support"),
        Case(
            name: "gated", status: 403, headers: ["X-Error-Code": "GatedRepo"], kind: .forbidden, said: "",
            hint: "ask for access"),
        Case(
            name: "revision", status: 404, headers: ["X-Error-Code": "RevisionNotFound"], kind: .notFound, said: "",
            hint: "branch"),
        Case(
            name: "conflict", status: 409,
            body: #"{"error": "Cannot create repo: another conflicting operation is in progress"}"#, kind: .conflict,
            said: "conflicting operation"),
        Case(
            name: "not implemented", status: 501, body: #"{"error": "not supported here"}"#, kind: .unsupported,
            said: "this Hub does not have that (not supported here)"),
        Case(
            name: "FastAPI has no such address", status: 404, body: #"{"detail":"Not Found"}"#,
            path: "/api/spaces/a/b/runtime", kind: .unsupported, said: "this Hub does not have that"),
        Case(
            name: "no such catalogue", status: 404, body: #"{"detail":"Not Found"}"#, path: "/api/spaces/hardware",
            kind: .unsupported, said: "this Hub does not have that"),
        Case(
            name: "Express has no such address", status: 404, headers: ["Content-Type": "text/html"],
            body: "<pre>Cannot POST /api/spaces/a/b/pause</pre>", path: "/api/spaces/a/b/pause", kind: .unsupported,
            said: "this Hub does not have that"),
        Case(
            name: "Go has no such address", status: 404, body: "404 page not found\n",
            path: "/api/spaces/a/b/secrets", kind: .unsupported, said: "this Hub does not have that"),
        Case(
            name: "wrong method", status: 405, body: #"{"detail":"Method Not Allowed"}"#,
            path: "/api/spaces/a/b/hardware", kind: .unsupported, said: "this Hub does not have that"),
        Case(
            name: "FastAPI has no such repo", status: 404, body: #"{"detail":"Repository not found"}"#,
            path: "/api/spaces/a/b/runtime", kind: .notFound, said: "Repository not found"),
        Case(
            name: "no such repo in a framework's words", status: 404, body: #"{"detail":"Not Found"}"#,
            path: "/api/spaces/a/b", kind: .notFound, said: "Not Found"),
        Case(
            name: "a feature's own code", status: 404, headers: ["X-Error-Code": "RepoNotFound"],
            path: "/api/spaces/a/b/runtime", kind: .notFound, said: ""),
        Case(
            name: "FastAPI's own words", status: 400, body: #"{"detail":"the quota of maren is used up"}"#,
            kind: .invalid, said: "the quota of maren is used up"),
        Case(
            name: "FastAPI's list", status: 422,
            body:
                #"{"detail":[{"loc":["body","paths",0],"msg":"Field required","type":"missing"},{"msg":"and more"}]}"#,
            kind: .invalid, said: "body.paths.0: Field required; and more"),
        Case(
            name: "FastAPI's object", status: 403, body: #"{"detail":{"error":"not yours","code":7}}"#,
            kind: .forbidden, said: "not yours"),
        Case(name: "too large", status: 413, kind: .tooLarge, said: "", hint: "less at once"),
    ]

    @Test(arguments: cases) func isNamed(_ shape: Case) async throws {
        let server = try await ScriptedHub.start([
            .text(shape.body, status: shape.status, shape.headers.addingID("Root=1-abc;def"))
        ])
        let failure = try #require(
            await #expect(throws: HubFailure.self) {
                try await withHub(server, token: shape.token) {
                    try await $0.send(
                        .init(.POST, shape.path, doing: "do it", right: "write access to maren/x"))
                }
            })
        #expect(failure.kind == shape.kind)
        #expect(failure.status == shape.status)
        #expect(failure.said.contains(shape.said))
        if let hint = shape.hint { #expect(failure.hint?.contains(hint) == true, "\(failure.hint ?? "no hint")") }
        #expect(failure.requestID == "Root=1-abc;def")
        #expect(failure.failure.code.rawValue == shape.kind.rawValue)
        #expect(failure.description.contains("could not do it: "))
        #expect(failure.description.contains("HTTP \(shape.status)"))
    }

    /// Neither repeated nor settled by looking: it will be the same for ever.
    @Test(arguments: [(501, "{}"), (404, #"{"detail":"Not Found"}"#), (405, "")])
    func whatAHubDoesNotHaveIsAskedForOnce(status: Int, body: String) async throws {
        let space = try RepoID.space("maren/orbit-api")
        let server = try await ScriptedHub.start { asked, _ in
            asked.method == .GET && asked.path.hasSuffix("/runtime")
                ? .json(#"{"stage":"RUNNING"}"#) : .json(body, status: status)
        }
        try await withHub(server) { hub in
            for work in [
                { _ = try await hub.pause(space) }, { _ = try await hub.restart(space) },
                { _ = try await hub.setSleepTime(of: space, seconds: 60) },
                { try await hub.set(.secret, "A", to: Secret("x"), of: space) },
                { _ = try await hub.secrets(of: space) }, { try await hub.followLog(.run, of: space) { _ in } },
            ] as [() async throws -> Void] {
                let before = server.asked().count { !$0.path.hasSuffix("/runtime") }
                let failure = await #expect(throws: HubFailure.self) { try await work() }
                #expect(failure?.kind == .unsupported)
                #expect(server.asked().count { !$0.path.hasSuffix("/runtime") } == before + 1)
            }
        }
    }

    @Test func filesAreLookedUpByAForm() async throws {
        let server = try await ScriptedHub.start([.json("[]")])
        try await withHub(server) { hub in
            _ = try await hub.entries(at: ["a b.txt", "ü/c+d&e"], in: try .space("maren/orbit-api"))
        }
        let asked = try #require(server.asked().first)
        #expect(asked.headers.first(name: "Content-Type") == "application/x-www-form-urlencoded")
        #expect(asked.headers.first(name: "Accept") == "*/*")
        #expect(asked.text == "paths=a+b.txt&paths=%C3%BC%2Fc%2Bd%26e&expand=false")
    }

    @Test func noSecretIsQuoted() async throws {
        let token = "hf_VerySecretTokenOfMaren99"
        let server = try await ScriptedHub.start([
            .text(
                #"{"error": "bad \#(token) and Bearer abc.def123456789 and eyJhbGciOi.eyJhbGciOiJIUzI1NiIs.sig and \u001b[31m?X-Amz-Signature=deadbeef"}"#,
                status: 400)
        ])
        let failure = try #require(
            await #expect(throws: HubFailure.self) {
                try await withHub(server, token: token) { try await $0.send(.init(.GET, "/x", doing: "x")) }
            })
        for secret in ["VerySecret", "abc.def", "deadbeef", "eyJhbGci", "\u{1b}"] {
            #expect(!failure.description.contains(secret), "\(failure.description)")
        }
        #expect(failure.said.hasPrefix("bad "))
    }

    @Test(arguments: HubFailure.Kind.allCases) func everyKindIsACodeWithItsStatus(kind: HubFailure.Kind) {
        let failure = HubFailure(kind, doing: "x", said: "y").failure
        #expect((failure.hint == nil) == (kind == .cancelled), "a failure names a next step")
        let code = failure.code
        #expect(code.httpStatus != 500)
        #expect(code.exitStatus == 2 || code.exitStatus == 3)
    }
}

extension HTTPHeaders {
    fileprivate func addingID(_ id: String) -> HTTPHeaders {
        var headers = self
        headers.add(name: "X-Request-Id", value: id)
        return headers
    }
}
