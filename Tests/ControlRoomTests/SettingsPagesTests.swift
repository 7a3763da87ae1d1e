import ControlRoom
import Foundation
import Ledger
import Operations
import StokerCore
import TestSupport
import Testing

/// The pages of settings: configuration, access, activity.
@Suite(.timeLimit(.minutes(2))) struct SettingsPagesTests {
    private static let token = Secret("an admin's token of this test")
    private static let page = [("Accept", "text/html")]

    private static func run(_ test: @escaping @Sendable (Served, FleetDouble) async throws -> Void) async throws {
        let fleet = FleetDouble()
        try await fleet.keepFinding()
        let access = Access(token: token, book: try fleet.context.access, now: { fleet.now })
        try await Served.run(SampleFleet.dozen(), access: access, context: fleet.context) { try await test($0, fleet) }
    }

    private static func bearer(_ secret: Secret) -> [(String, String)] {
        page + [("Authorization", "Bearer \(secret.reveal())")]
    }

    @Test func eachIsForWhoHasItsScope() async throws {
        try await Self.run { served, fleet in
            let book = try fleet.context.access
            for scope in Scope.allCases {
                let secret = try await book.addToken("of-\(scope.rawValue)", scope: scope, ends: nil, by: "test").secret
                for (path, needed) in [
                    ("/settings", Scope.operate), ("/settings/activity", .operate),
                    ("/settings/activity.csv", .operate),
                    ("/settings/access", .admin),
                ] {
                    let answer = try await served.get(path, headers: Self.bearer(secret))
                    #expect(answer.status == (scope >= needed ? 200 : 403), "\(path) \(scope)")
                    if answer.status == 200, !path.hasSuffix("csv") {
                        try Markup.check(answer.text)
                        // A tab that one may not open is not offered.
                        #expect(answer.text.contains("href=\"/settings/access\"") == (scope == .admin))
                    }
                }
                let home = try await served.get("/", headers: Self.bearer(secret)).text
                #expect(home.contains("href=\"/settings\"") == (scope >= .operate))
            }
            let stranger = try await served.get("/settings", headers: Self.page)
            #expect(stranger.status == 303 && stranger.headers["location"] == "/login?next=%2Fsettings")
        }
    }

    @Test func theConfigurationSaysWhereFrom() async throws {
        try await Self.run { served, _ in
            let own = try await served.get("/settings", headers: Self.bearer(Self.token)).text
            #expect(own.contains("<code>serve.port</code>") && own.contains("--port"))
            #expect(!own.contains("<code>serve.host</code>"))
            let all = try await served.get("/settings?show=all&q=serve.", headers: Self.bearer(Self.token)).text
            #expect(all.contains("<code>serve.host</code>") && !all.contains("<code>hub.endpoint</code>"))
            #expect(all.contains("needs a restart"))
            // Beside a key stands what is in force, not how its default is described.
            #expect(all.contains("127.0.0.1") && !all.contains("in a container"))
        }
    }

    @Test func aTokenIsShownOnceAndRevoked() async throws {
        try await Self.run { served, fleet in
            let admin = Self.bearer(Self.token)
            let made = try await served.get(
                "/settings/tokens", method: "POST", headers: admin, body: "name=grafana&scope=read&expires_in=90d")
            #expect(made.status == 200)
            try Markup.check(made.text)
            let secret = Secret(
                String(try #require(made.text.firstMatch(of: #/id="new-token">(stk_[0-9a-f]{40})</#)).1))
            let list = try await served.get("/settings/access", headers: admin)
            #expect(list.text.contains("grafana") && !list.text.contains(secret.reveal()))
            #expect(list.text.contains("maren") && list.text.contains("192.0.2.14"))
            #expect(try await served.get("/settings/access", headers: Self.bearer(secret)).status == 403)
            // A second one of that name, and a name that is none.
            for body in ["name=grafana&scope=read", "name=%3Cb%3E&scope=read", "name=x&scope=owner"] {
                let refused = try await served.get("/settings/tokens", method: "POST", headers: admin, body: body)
                #expect(refused.status >= 400 && refused.text.contains("That did not work"), "\(body)")
                try Markup.check(refused.text)
            }
            // Who may not, does not, and the log has it.
            let tried = try await served.get(
                "/settings/tokens", method: "POST", headers: Self.bearer(secret), body: "name=mine&scope=admin")
            #expect(tried.status == 403)
            let revoked = try await served.get(
                "/settings/tokens/grafana/revoke", method: "POST", headers: admin, body: "x=1")
            #expect(revoked.status == 303)
            #expect(try fleet.context.access.token(secret.reveal()) == nil)
            let log = try await served.get("/settings/activity", headers: admin).text
            try Markup.check(log)
            for part in ["make a token", "revoke a token", "STOKER_TOKEN", "refused", "127.0.0.1"] {
                #expect(log.contains(part), "\(part)")
            }
            #expect(!log.contains(secret.reveal()))
            let refusals = try await served.get("/settings/activity?result=refused", headers: admin).text
            #expect(refusals.contains("grafana") && !refusals.contains("revoke a token"))
        }
    }

    @Test func aSessionIsEnded() async throws {
        try await Self.run { served, fleet in
            let path = "/settings/sessions/\(FleetDouble.sessionID)/end"
            #expect(try await served.get(path, method: "POST", headers: Self.page, body: "x=1").status == 401)
            #expect(try fleet.context.access.sessions.count == 1)
            let ended = try await served.get(path, method: "POST", headers: Self.bearer(Self.token), body: "x=1")
            #expect(ended.status == 303)
            #expect(try fleet.context.access.sessions.isEmpty)
        }
    }

    @Test func theActivityIsAFileToo() async throws {
        try await Self.run { served, fleet in
            let odd = "<b>\"odd\", =1+1</b>"
            let id = try await fleet.ledger.activities.begin(
                NewActivity(
                    at: fleet.now, actor: .agent, name: odd, address: "192.0.2.1", operation: "pause", target: odd,
                    inputs: #"{"for":"2h"}"#), within: .seconds(1))
            try await fleet.ledger.activities.end(id, as: .failed, because: odd)
            let log = try await served.get("/settings/activity?actor=agent", headers: Self.bearer(Self.token)).text
            try Markup.check(log)
            #expect(!log.contains("<b>") && log.contains("agent"))
            let file = try await served.get("/settings/activity.csv?actor=agent", headers: Self.bearer(Self.token))
            #expect(file.headers["content-type"]?.hasPrefix("text/csv") == true)
            let lines = file.text.split(separator: "\r\n")
            #expect(lines.count == 2 && lines[0] == "id,at,actor,by,address,operation,target,inputs,result,because")
            #expect(lines[1].contains(",agent,"))
        }
    }
}
