import Foundation
import GRDB
import Runtime
import StokerCore
import Testing

@testable import Ledger

@Suite("Pending restarts")
struct PendingRestartsTests {
    private static let hub = "https://hub.example.org"

    private func pending(_ scratch: Scratch, _ wall: Wall = Wall()) -> PendingRestarts {
        PendingRestarts(
            ledger: scratch.path("stoker.sqlite"), older: scratch.path("restarts"), now: { wall.now }, logger: quiet)
    }

    @Test("looking makes nothing")
    func looking() async throws {
        let scratch = try Scratch()
        #expect(try await pending(scratch).left(endpoint: Self.hub).isEmpty)
        try await pending(scratch).forget(space: "acme/bot", endpoint: Self.hub)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.folder).isEmpty)
    }

    @Test("what this process holds is not left until it leaves it; what is finished is gone")
    func holding() async throws {
        let scratch = try Scratch()
        let wall = Wall()
        let notes = pending(scratch, wall)
        let held = try await notes.begin(space: "Acme/Bot", endpoint: Self.hub, command: "stoker space secrets")
        let other = try await notes.begin(space: "acme/other", endpoint: Self.hub, command: "stoker space variables")
        wall.now = morning + .seconds(86_400)
        #expect(try await notes.left(endpoint: Self.hub).isEmpty, "its process is there, whatever the time")
        await held.leave()
        #expect(
            try await notes.left(of: "acme/bot", endpoint: Self.hub) == [
                .init(space: "Acme/Bot", endpoint: Self.hub, command: "stoker space secrets", began: morning)
            ])
        #expect(try await notes.left(endpoint: "https://another.example.org").isEmpty)
        // Whoever comes next takes it over.
        let again = try await notes.begin(space: "acme/bot", endpoint: Self.hub, command: "stoker space variables")
        #expect(try await notes.left(endpoint: Self.hub).isEmpty)
        await again.finish()
        await other.finish()
        // The one before is late.
        await held.finish()
        #expect(try await notes.left(endpoint: Self.hub).isEmpty)
        let ledger = try await SQLiteLedger(path: scratch.path("stoker.sqlite"), logger: quiet)
        #expect(try await ledger.actions.actions(ActionQuery(openOnly: true)).isEmpty)
        await ledger.close()
    }

    @Test(
        "a command that lives holds a Space beyond its lease; another endpoint's is another Space",
        .timeLimit(.minutes(1)))
    func beyondItsLease() async throws {
        let scratch = try Scratch()
        let ledger = try await SQLiteLedger(path: scratch.path("stoker.sqlite"), logger: quiet)
        let wall = Wall()
        let notes = pending(scratch, wall)
        let held = try await notes.begin(space: "acme/bot", endpoint: Self.hub, command: "stoker space secrets")
        wall.now = morning + .seconds(1_000)
        let elsewhere = try await notes.begin(
            space: "acme/bot", endpoint: "https://another.example.org", command: "stoker space secrets")
        let waiting = Task {
            try await notes.begin(space: "acme/bot", endpoint: Self.hub, command: "stoker space variables")
        }
        // Three looks of the one that waits.
        try await Task.sleep(for: .milliseconds(700))
        let open = try await ledger.actions.actions(ActionQuery())
        #expect(open.map(\.state) == [.begun, .begun], "nothing was ended or begun")
        await held.finish()
        let next = try await waiting.value
        let all = try await ledger.actions.actions(ActionQuery())
        #expect(all.map(\.state) == [.begun, .begun, .succeeded])
        await next.finish()
        await elsewhere.finish()
        #expect(try await ledger.actions.actions(ActionQuery(openOnly: true)).isEmpty)
        await ledger.close()
    }

    @Test("work that takes longer than its lease is not taken over by somebody who cannot see its process")
    func longWork() async throws {
        let scratch = try Scratch()
        let wall = Wall()
        let lease = Duration.seconds(30)
        var clock = WaitClock.real
        // Each wait of the holder moves the time on, at once.
        clock.sleep = { wait in
            try await Task.sleep(for: .milliseconds(1))
            wall.now = wall.now + wait
        }
        let far = PendingRestarts(
            ledger: scratch.path("stoker.sqlite"), older: scratch.path("restarts"), owner: "in another container",
            lease: lease, clock: clock, now: { wall.now }, logger: quiet)
        let held = try await far.begin(space: "acme/bot", endpoint: Self.hub, command: "stoker space secrets")
        let notes = pending(scratch, wall)
        let left = await held.during {
            while wall.now < morning + lease * 10, !Task.isCancelled { await Task.yield() }
            return try? await notes.left(endpoint: Self.hub)
        }
        #expect(left?.isEmpty == true)
        // Nobody extends it any more: as after a kill.
        wall.now = wall.now + lease
        #expect(try await notes.left(endpoint: Self.hub).map(\.space) == ["acme/bot"])
    }

    @Test("a damaged row of the Space keeps nobody from changing it")
    func damaged() async throws {
        let scratch = try Scratch()
        let notes = pending(scratch)
        _ = try await notes.begin(space: "acme/bot", endpoint: Self.hub, command: "stoker space secrets")
        let ledger = try await SQLiteLedger(path: scratch.path("stoker.sqlite"), logger: quiet)
        try await ledger.write("wound") { try $0.execute(sql: "UPDATE action SET details = '{\"a\":'") }
        let next = NewAction(
            .environment, on: "acme/bot", by: "stoker space variables", because: "a change while it is paused",
            began: morning, details: ["endpoint": Self.hub])
        guard case .begun(let action) = try await ledger.actions.beginAlone(next, within: .seconds(5)) else {
            Issue.record("held by a row that cannot be read")
            return
        }
        #expect(try await ledger.actions.actions(ActionQuery()).map(\.id) == [action.id])
        #expect(!ledger.damage.isEmpty)
        await ledger.close()
    }

    @Test("what a killed command left is seen at once, also beside an engine, and forgotten when it is seen to")
    func killed() async throws {
        let scratch = try Scratch()
        let ledger = try await SQLiteLedger(path: scratch.path("stoker.sqlite"), logger: quiet)
        await #expect(processExitsWith: .signal(SIGKILL)) { [folder = scratch.folder as String] in
            let notes = PendingRestarts(
                ledger: folder + "/stoker.sqlite", older: folder + "/restarts", now: { morning }, logger: quiet)
            _ = try await notes.begin(space: "acme/bot", endpoint: hubOfTheKilled, command: "stoker space secrets")
            kill(getpid(), SIGKILL)
        }
        let notes = pending(scratch)
        #expect(try await notes.left(endpoint: hubOfTheKilled).map(\.space) == ["acme/bot"])
        try await notes.forget(space: "ACME/bot", endpoint: hubOfTheKilled)
        #expect(try await notes.left(endpoint: hubOfTheKilled).isEmpty)
        let all = try await ledger.actions.actions(ActionQuery())
        #expect(all.map(\.state) == [.succeeded] && all.map(\.kind) == [.environment])
        await ledger.close()
    }

    @Test("notes of older versions are carried over, but for one that a command still holds")
    func older() async throws {
        let scratch = try Scratch()
        let folder = scratch.path("restarts")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        func write(_ name: String, _ text: String) throws {
            try text.write(toFile: "\(folder)/\(name).json", atomically: true, encoding: .utf8)
        }
        func note(_ space: String) -> String {
            #"{"space":"\#(space)","endpoint":"\#(Self.hub)","command":"stoker space secrets","at":"2026-11-21T08:00:00Z"}"#
        }
        try write("left", note("acme/bot"))
        try write("held", note("acme/held"))
        try write("cut", #"{"space":"acme/c"#)
        let held = open("\(folder)/held.json", O_RDWR | O_CLOEXEC)
        #expect(flock(held, LOCK_EX | LOCK_NB) == 0)
        let notes = pending(scratch)
        let left = try await notes.left(endpoint: Self.hub)
        #expect(left == [.init(space: "acme/bot", endpoint: Self.hub, command: "stoker space secrets", began: morning)])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["held.json"])
        #expect(try await notes.left(endpoint: Self.hub) == left, "once")
        LockFile.shut(held)
        #expect(try await notes.left(endpoint: Self.hub).map(\.space).sorted() == ["acme/bot", "acme/held"])
    }
}

private let hubOfTheKilled = "https://hub.example.org"
