import Foundation
import HubSimulator
import NIOCore
import NIOHTTP1
import StokerCore
import Testing

@testable import HubClient

/// The client of the provider alone: what it believes of the Hub's answer.
@Suite struct HubSignInTests {
    private static let redirect = "http://127.0.0.1:7860/login/callback"

    /// A code for this attempt, as a browser would bring it.
    private static func code(_ signIn: HubSignIn, _ attempt: HubSignIn.Attempt, _ hub: Hub) async throws -> String {
        let address = signIn.address(attempt, redirect: redirect)
        let query = String(address.split(separator: "?", maxSplits: 1).last ?? "")
        var ask = HubRequest(.POST, "/oauth/authorize", doing: "say yes", accepted: [302])
        ask.body = .bytes(.init(string: query + "&account=maren&answer=yes"), type: "application/x-www-form-urlencoded")
        ask.redirects = .none
        let answer = try await hub.send(ask)
        let location = try #require(answer.headers.first(name: "Location"))
        let items = URLComponents(string: location)?.queryItems ?? []
        #expect(items.first { $0.name == "state" }?.value == attempt.state)
        return try #require(items.first { $0.name == "code" }?.value)
    }

    private static func withHub(_ work: (HubSignIn, Hub, Instant) async throws -> Void) async throws {
        let server = try await SimulatedHub.start(HubConfiguration(), logger: LogNotes().logger)
        let hub = Hub(.init(endpoint: server.endpoint), logger: LogNotes().logger, jitter: { 0 })
        let signIn = HubSignIn(.init(clientID: "stoker-app", clientSecret: Secret("stoker-app-secret")), hub: hub)
        do {
            try await work(signIn, hub, Instant(seconds: Date().timeIntervalSince1970))
            try await hub.shutdown()
            await server.shutdown()
        } catch {
            try await hub.shutdown()
            await server.shutdown()
            throw error
        }
    }

    @Test func theHubSaysWhoItIs() async throws {
        try await Self.withHub { signIn, hub, now in
            let attempt = HubSignIn.begin()
            let code = try await Self.code(signIn, attempt, hub)
            let person = try await signIn.person(code: code, attempt: attempt, redirect: Self.redirect, now: now)
            #expect(person == HubSignIn.Person(user: "maren", organisations: ["kestrel-labs"]))
            // A code is good once.
            let again = await #expect(throws: Failure.self) {
                try await signIn.person(code: code, attempt: attempt, redirect: Self.redirect, now: now)
            }
            #expect(again?.code == .unauthorized)
            #expect(again.map { !"\($0)".contains(code) } == true)
        }
    }

    @Test func anAnswerToAnotherSignInIsRefused() async throws {
        try await Self.withHub { signIn, hub, now in
            // Another verifier, another nonce, another address, too late.
            for change in 0..<4 {
                var attempt = HubSignIn.begin()
                let code = try await Self.code(signIn, attempt, hub)
                var (redirect, moment) = (Self.redirect, now)
                switch change {
                case 0: attempt.verifier += "x"
                case 1: attempt.nonce = "another"
                case 2: redirect = "http://127.0.0.1:7861/login/callback"
                default: moment = now + .seconds(86_400)
                }
                let failure = await #expect(throws: Failure.self) {
                    try await signIn.person(code: code, attempt: attempt, redirect: redirect, now: moment)
                }
                #expect(failure?.code == .unauthorized, "\(change)")
            }
        }
    }

    @Test func aWrongSecretIsToldAndNotRepeated() async throws {
        try await Self.withHub { _, hub, now in
            let wrong = HubSignIn(.init(clientID: "stoker-app", clientSecret: Secret("wr0ng-secret-value")), hub: hub)
            let attempt = HubSignIn.begin()
            let code = try await Self.code(wrong, attempt, hub)
            let failure = await #expect(throws: Failure.self) {
                try await wrong.person(code: code, attempt: attempt, redirect: Self.redirect, now: now)
            }
            #expect(failure?.code == .unauthorized && failure?.hint?.contains("secret") == true)
            #expect(failure.map { !"\($0)".contains("wr0ng") } == true)
        }
    }

    @Test func onlyAnAppsOwnAddressGetsACode() async throws {
        try await Self.withHub { signIn, hub, _ in
            for redirect in [
                "https://evil.example/login/callback", "http://127.0.0.1.evil.example/", "http://u@127.0.0.1/",
            ] {
                let address = signIn.address(HubSignIn.begin(), redirect: redirect)
                let path = String(address.dropFirst(signIn.provider.count))
                let failure = await #expect(throws: HubFailure.self) {
                    try await hub.send(HubRequest(.GET, path, doing: "ask"))
                }
                #expect(failure?.status == 400)
            }
        }
    }
}
