import Foundation
import Ledger
import StokerCore
import TestSupport
import Testing

@testable import Operations

@Suite struct ApplyLeaseTests {
    private static let context = OperationContext(now: { Instant(milliseconds: 1_795_000_000_000) })
    private static let hub = "https://hub.example"

    private static func other(_ actions: MemoryActions, owner: String?, until: Instant, endpoint: String = hub) {
        _ = actions.begin(
            NewAction(
                Action.Kind(rawValue: "deploy.apply"), on: "*", by: "`stoker apply`", because: "3 Spaces",
                began: context.now() - .seconds(60), owner: owner, leaseUntil: until, details: ["endpoint": endpoint]),
            within: .seconds(1))
    }

    private static func open(_ actions: MemoryActions) -> [Action] { actions.actions(ActionQuery(openOnly: true)) }

    @Test func oneAtATime() async throws {
        let actions = MemoryActions()
        let value = try await ApplyLease.holding(actions, endpoint: Self.hub, what: "maren/bot", context: Self.context)
        {
            #expect(Self.open(actions).count == 1)
            // Its own process is there.
            let second = await #expect(throws: Failure.self) {
                try await ApplyLease.holding(actions, endpoint: Self.hub, what: "other", context: Self.context) {}
            }
            #expect(second?.code == .conflict && second?.because.contains("maren/bot") == true)
            // Another Hub is another matter.
            try await ApplyLease.holding(actions, endpoint: "https://other.example", what: "x", context: Self.context) {
            }
            return 7
        }
        #expect(value == 7)
        #expect(Self.open(actions).isEmpty)
    }

    @Test func workThatFailsGivesItBack() async throws {
        let actions = MemoryActions()
        struct Broken: Error {}
        await #expect(throws: Broken.self) {
            try await ApplyLease.holding(actions, endpoint: Self.hub, what: "x", context: Self.context) {
                throw Broken()
            }
        }
        #expect(Self.open(actions).isEmpty)
        #expect(actions.actions(ActionQuery()).map(\.state) == [.failed])
    }

    @Test func oneThatIsGoneIsTakenOver() async throws {
        let own = try #require(ProcessOwner.own)
        let parts = "\(own)".split(separator: "/").map(String.init)
        // The same machine, and a process that never was.
        let gone = "\(parts[0])/2147483646/1"
        let actions = MemoryActions()
        Self.other(actions, owner: gone, until: Self.context.now() + .seconds(200))
        try await ApplyLease.holding(actions, endpoint: Self.hub, what: "x", context: Self.context) {
            #expect(Self.open(actions).map(\.owner) == ["\(own)"])
        }
        #expect(Self.open(actions).isEmpty)
        // Of another machine nobody can tell; its lease counts until it is over.
        Self.other(actions, owner: "elsewhere/1/1", until: Self.context.now() + .seconds(200))
        let held = await #expect(throws: Failure.self) {
            try await ApplyLease.holding(actions, endpoint: Self.hub, what: "x", context: Self.context) {}
        }
        #expect(held?.code == .conflict)
        let late = MemoryActions()
        Self.other(late, owner: "elsewhere/1/1", until: Self.context.now() - .seconds(1))
        try await ApplyLease.holding(late, endpoint: Self.hub, what: "x", context: Self.context) {}
        #expect(Self.open(late).isEmpty)
    }

    @Test func oneThatWasTakenOverMeanwhileKnowsIt() async throws {
        let actions = MemoryActions()
        let status = ApplyLease.Status()
        try await ApplyLease.holding(
            actions, endpoint: Self.hub, what: "x", context: Self.context, status: status, pause: .milliseconds(1)
        ) {
            #expect(!status.isLost)
            let mine = try #require(Self.open(actions).first)
            // As after a sleep of the machine: the lease is over, and another one takes over.
            let later = Self.context.now() + .seconds(3_600)
            let other = actions.takeOver(
                mine.id, by: "elsewhere/1/1", until: later + .seconds(300), gone: mine.owner, now: later)
            #expect(other != nil)
            try await eventually { status.isLost }
        }
        // The other one's action stays its own.
        #expect(Self.open(actions).map(\.owner) == ["elsewhere/1/1"])
    }
}
