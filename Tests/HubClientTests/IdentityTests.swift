import FoundationEssentials
import HubClient
import StokerCore
import Testing

@Suite struct IdentityTests {
    private static func identity(
        role: String? = "write", orgRole: String = "write", restrictions: String = "", extra: String = "",
        scoped: String = ""
    ) throws -> HubIdentity {
        let token = role.map {
            #""accessToken": {"displayName": "fleet", "role": "\#($0)", "createdAt": "x"\#(scoped)}"#
        }
        let text = """
            {"type": "user", "id": "64d1", "name": "maren", "isPro": true, "periodEnd": null, "orgs": [
              {"type": "org", "name": "kestrel-labs", "plan": "team", "roleInOrg": "\(orgRole)"\(restrictions)}],
             "auth": {"type": "\(role == nil ? "oauth" : "access_token")"\(token.map { ", " + $0 } ?? "")\(extra)}, "novel": []}
            """
        return try JSONDecoder().decode(HubIdentity.self, from: Data(text.utf8))
    }

    private static func fine(_ scopes: String) -> String { #", "fineGrained": {"scoped": [\#(scopes)], "global": []}"# }
    private static func scope(_ type: String, _ name: String, _ permissions: String) -> String {
        #"{"entity": {"_id": "1", "type": "\#(type)", "name": "\#(name)"}, "permissions": [\#(permissions)]}"#
    }

    @Test func aWriteTokenWritesWhereItsOwnerMay() throws {
        let me = try Self.identity()
        #expect(try me.canWrite(.space("maren/x")) == .yes("token \"fleet\" may write"))
        #expect(try me.canWrite(.space("kestrel-labs/x")).isLikely)
        #expect(try !me.canWrite(.space("stranger/x")).isLikely)
    }

    @Test(arguments: [
        ("read", "write", "", "is for reading"), ("write", "read", "", "has the role \"read\""),
        (
            "write", "write", #", "securityRestrictions": ["token-policy"]"#,
            "does not accept this token now (token-policy)"
        ),
        ("write", "write", #", "pendingSSO": true"#, "SSO"),
    ]) func aNoHasItsReason(role: String, orgRole: String, restrictions: String, reason: String) throws {
        let right = try Self.identity(role: role, orgRole: orgRole, restrictions: restrictions)
            .canWrite(try .space("kestrel-labs/landing"))
        #expect(!right.isLikely)
        #expect(right.reason.contains(reason), "\(right.reason)")
    }

    @Test func fineGrainedTokensAreReadByScope() throws {
        let scopes = [
            Self.scope("user", "maren", #""repo.content.read", "repo.write""#),
            Self.scope("space", "kestrel-labs/landing", #""repo.content.read""#),
        ].joined(separator: ",")
        let me = try Self.identity(role: "fineGrained", scoped: Self.fine(scopes))
        #expect(try me.canWrite(.space("maren/x")).isLikely)
        let no = me.canWrite(try .space("kestrel-labs/landing"))
        #expect(!no.isLikely && no.reason.contains("lacks repo.write") && no.reason.contains("repo.content.read"))
        #expect(try me.canWrite(.space("kestrel-labs/other")).reason.contains("no rights"))
        let one = try Self.identity(
            role: "fineGrained", scoped: Self.fine(Self.scope("dataset", "maren/d", #""repo.write""#)))
        #expect(try one.canWrite(RepoID(.dataset, "maren/d")).isLikely)
        #expect(try !one.canWrite(.space("maren/d")).isLikely)
    }

    @Test func whatIsNotToldIsUnknown() throws {
        let login = try Self.identity(role: nil)
        #expect(login.isLogin)
        guard case .unknown = login.canWrite(try .space("maren/x")) else { throw Unexpected() }
        guard case .unknown = try Self.identity(role: "novel").canWrite(try .space("maren/x")) else {
            throw Unexpected()
        }
        let bound = try Self.identity(role: nil, extra: #", "resource": {"sub": "spaces/maren/x"}"#)
        #expect(try bound.canWrite(.space("maren/x")).isLikely)
        #expect(try !bound.canWrite(.space("maren/y")).isLikely)
        #expect(try !bound.canWrite(.space("ren/x")).isLikely)
    }
    private struct Unexpected: Error {}

    @Test func fieldsOfAnotherKindAreLeftOut() throws {
        let text =
            #"{"name": "maren", "isPro": "yes", "orgs": [7, {"name": "k", "plan": {"a": 1}}], "auth": {"accessToken": {"role": 5}}}"#
        let me = try JSONDecoder().decode(HubIdentity.self, from: Data(text.utf8))
        #expect(me.isPro == nil && me.organizations.map(\.name) == ["k"] && me.role == nil)
        #expect(throws: (any Error).self) { try JSONDecoder().decode(HubIdentity.self, from: Data(#"{"id": 1}"#.utf8)) }
    }

    @Test func isAskedOnceInTenMinutes() async throws {
        let server = try await ScriptedHub.start([.json(#"{"name": "maren", "auth": {}}"#)])
        let clock = FastClock()
        try await withHub(server, clock: clock) { hub async throws in
            for _ in 0..<3 { #expect(try await hub.whoami().name == "maren") }
            #expect(server.asked().count == 1)
            clock.advance(.seconds(601))
            _ = try await hub.whoami()
            _ = try await hub.whoami(fresh: true)
            #expect(server.asked().count == 3)
        }
    }

    @Test func withoutATokenNobodyIsAsked() async throws {
        let server = try await ScriptedHub.start([.json("{}")])
        let failure = await #expect(throws: HubFailure.self) {
            try await withHub(server, token: nil) { try await $0.whoami() }
        }
        #expect(failure?.kind == .badToken && server.asked().isEmpty)
    }

    @Test func accessIsAskedOfTheHub() async throws {
        let server = try await ScriptedHub.start([.text("OK"), .json(#"{"error":"no"}"#, status: 403)])
        try await withHub(server) { hub async throws in
            #expect(try await hub.checkAccess(to: .space("a/b")).isGranted)
            let access = try await hub.checkAccess(to: .space("a/b"), write: true)
            guard case .refused(let failure) = access else { throw Unexpected() }
            #expect(failure.hint == "the token needs write access to a/b")
        }
        #expect(server.asked().map(\.path) == ["/api/spaces/a/b/auth-check", "/api/spaces/a/b/auth-check/write"])
    }
}
