import Foundation
import GRDB
import StokerCore
import Testing

@testable import Ledger

/// Several processes, one file.
@Suite("Shared stores")
struct SharedStoresTests {
    private func restart(_ number: Int) -> NewAction {
        NewAction(
            .environment, on: "acme/\(number)", by: "stoker space secrets", because: "a change",
            began: morning + .seconds(number))
    }

    @Test("beside an engine at work both write, and each sees the other's rows")
    func beside() async throws {
        let scratch = try Scratch()
        let ledger = try await openLedger(scratch)
        let other = try await SharedStores.open(path: scratch.path(), logger: quiet)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for number in 0..<150 {
                    try await ledger.record(
                        Batch(
                            observations: (0..<50).map { observation(1, Double(number * 50 + $0)) },
                            jobs: [try NewJob(kind: "mail", payload: "\(number)", createdAt: morning)]))
                    if number % 20 == 0 { _ = try await ledger.compact() }
                }
            }
            group.addTask {
                for number in 0..<150 {
                    let action = try await other.actions.begin(restart(number), within: .seconds(20))
                    let now = action.began + .seconds(1)
                    let isEnded = try await other.actions.end(
                        action.id, fence: action.fence, as: .succeeded, result: "x", now: now)
                    #expect(isEnded)
                    for job in try await other.jobs.claim(
                        ["mail"], by: "other", limit: 3, lease: .seconds(60), now: morning)
                    {
                        let isDone = try await other.jobs.complete(job.id, fence: job.fence, now: morning)
                        #expect(isDone)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await ledger.actions.actions(ActionQuery(limit: 999)).count == 150)
        #expect(try await ledger.jobs.jobs(kind: nil, states: [], before: nil, limit: 999).count == 150)
        #expect(try await ledger.statistics().observations == 7_500)
        // Who leaves first takes nothing along.
        await other.close()
        try await ledger.record(Batch(observations: [observation(1, 9_000)]))
        #expect(try await ledger.statistics().observations == 7_501)
        await ledger.close()
        let again = try await openLedger(scratch)
        #expect(again.movedAside == nil)
        #expect(try await again.statistics().observations == 7_501)
        let told = try await again.incidents(of: Incident.ofLedger, openOnly: false, before: nil, limit: 5)
        #expect(told.isEmpty)
        await again.close()
    }

    @Test("several claim from one queue, and no job goes to two")
    func queue() async throws {
        let scratch = try Scratch()
        let first = try await SharedStores.open(path: scratch.path(), logger: quiet)
        let second = try await SharedStores.open(path: scratch.path(), logger: quiet)
        try await first.jobs.insert((0..<200).map { try NewJob(kind: "mail", payload: "\($0)", createdAt: morning) })
        let claimed = try await withThrowingTaskGroup(of: [Job].self) { group in
            for (name, stores) in [("a", first), ("b", second), ("c", first)] {
                group.addTask {
                    var own: [Job] = []
                    while true {
                        let more = try await stores.jobs.claim(
                            ["mail"], by: name, limit: 7, lease: .seconds(60), now: morning)
                        if more.isEmpty { return own }
                        own += more
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(claimed.count == 200 && Set(claimed.map(\.id)).count == 200)
        await first.close()
        await second.close()
    }

    @Test("a command makes the file when there is none, and carries an older one forward")
    func making() async throws {
        let scratch = try Scratch()
        let none = try await SharedStores.openExisting(path: scratch.path())
        #expect(none == nil)
        #expect(!FileManager.default.fileExists(atPath: scratch.path()), "only looked at")
        let stores = try await SharedStores.open(path: scratch.path(), logger: quiet)
        let action = try await stores.actions.begin(restart(1), within: .seconds(5))
        // An engine may start beside it.
        let ledger = try await openLedger(scratch)
        #expect(try await ledger.actions.actions(ActionQuery()) == [action])
        await stores.close()
        await ledger.close()
        let mode = try FileManager.default.attributesOfItem(atPath: scratch.path())[.posixPermissions] as? Int
        #expect(mode == 0o600)

        let queue = try DatabaseQueue(path: scratch.path())
        try await queue.write { db in
            try db.execute(sql: "DROP TABLE job; DROP TABLE action; ALTER TABLE event DROP COLUMN payload")
            try db.execute(sql: "DELETE FROM grdb_migrations WHERE identifier = '003-stores'")
        }
        try queue.close()
        let older = try await SharedStores.openExisting(path: scratch.path())
        #expect(older == nil)
        let later = try await SharedStores.open(path: scratch.path(), logger: quiet)
        #expect(try await later.actions.actions(ActionQuery()).isEmpty)
        await later.close()
    }

    @Test("carrying an older ledger forward may take as long as it takes; a disk that is silent may not")
    func longWork() async throws {
        let (mayEnd, neverEnds) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let (isBusy, began) = AsyncStream.makeStream(of: Void.self)
        async let carried = SharedStores.offPool("carry it forward", within: .milliseconds(50)) { busy in
            busy()
            began.yield()
            mayEnd.wait()
            return try DatabaseQueue()
        }
        for await _ in isBusy { break }
        // Its limit is set after that of the work above, which has passed when this one ends.
        let failure = await #expect(throws: Failure.self) {
            _ = try await SharedStores.offPool("open it", within: .milliseconds(100)) { _ in
                neverEnds.wait()
                return nil
            }
        }
        #expect(failure?.because.contains("has not answered within") == true)
        mayEnd.signal()
        neverEnds.signal()
        let database = try await carried
        #expect(database != nil)

        // A ledger of an older schema is such work; one of this version is opened within the limit.
        let scratch = try Scratch()
        let stores = try await SharedStores.open(path: scratch.path(), logger: quiet)
        await stores.close()
        func timesBusy() throws -> Int {
            var times = 0
            let opened = try OpenedDatabase(path: scratch.path(), readOnly: false, logger: quiet) { times += 1 }
            try opened.pool.close()
            opened.lock?.mark(.closed)
            opened.lock?.release()
            return times
        }
        #expect(try timesBusy() == 0)
        let queue = try DatabaseQueue(path: scratch.path())
        try await queue.write { db in
            try db.execute(sql: "DROP TABLE job; DROP TABLE action; ALTER TABLE event DROP COLUMN payload")
            try db.execute(sql: "DELETE FROM grdb_migrations WHERE identifier = '003-stores'")
        }
        try queue.close()
        #expect(try timesBusy() == 1)
    }

    @Test("a foreign file and a newer ledger are refused and left as they are")
    func foreign() async throws {
        let scratch = try Scratch()
        let text = Data("hello, this is a letter to somebody".utf8)
        try text.write(to: URL(fileURLWithPath: scratch.path()))
        await #expect(throws: Failure.self) {
            try await SharedStores.open(path: scratch.path(), logger: quiet)
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: scratch.path())) == text)
        let ledger = try await SQLiteLedger(path: scratch.path("new.sqlite"), logger: quiet)
        try await ledger.write("newer") {
            try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('999-tomorrow')")
        }
        await ledger.close()
        let failure = await #expect(throws: Failure.self) {
            try await SharedStores.open(path: scratch.path("new.sqlite"), logger: quiet)
        }
        #expect(failure?.because.contains("newer Stoker") == true)
    }

    @Test("whether a process is gone is seen on its own machine")
    func owners() async throws {
        let own = try #require(ProcessOwner.own)
        #expect(own.isGone == false)
        #expect(ProcessOwner("\(own)") == own)
        #expect(ProcessOwner("elsewhere/\(getpid())/1")?.isGone == nil)
        let parts = "\(own)".split(separator: "/")
        #expect(ProcessOwner("\(parts[0])/\(parts[1])/1")?.isGone == true, "another process has the number now")
        #expect(ProcessOwner("\(parts[0])/4194304/1")?.isGone == true)
        for text in ["", "a", "a/b/c", "a/-1/2", "a/1"] { #expect(ProcessOwner(text) == nil) }
    }

    @Test(
        "a command that is killed at any instant leaves the engine's ledger whole", arguments: 1...4 as ClosedRange<Int>
    )
    func killed(seed: Int) async throws {
        let scratch = try Scratch()
        let path = scratch.path()
        let ledger = try await openLedger(scratch)
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, seed = seed as Int] in
            let stores = try await SharedStores.open(path: path, logger: quiet)
            var random = SplitMix64(seed: UInt64(seed))
            let delay = UInt32.random(in: 5_000...60_000, using: &random)
            Thread.detachNewThread {
                usleep(delay)
                kill(getpid(), SIGKILL)
            }
            for number in 0... {
                let action = NewAction(
                    .environment, on: "acme/\(number)", by: "x", because: "y", began: morning,
                    owner: ProcessOwner.own?.description)
                _ = try await stores.actions.begin(action, within: .seconds(20))
                try "\(number + 1)".write(toFile: path + ".acknowledged", atomically: true, encoding: .utf8)
            }
        }
        let said = try? String(contentsOfFile: path + ".acknowledged", encoding: .utf8)
        let acknowledged = said.flatMap { Int($0) } ?? 0
        let found = try await ledger.actions.actions(ActionQuery(openOnly: true, limit: .max))
        #expect(found.count == acknowledged || found.count == acknowledged + 1)
        #expect(found.allSatisfy { $0.owner.flatMap { ProcessOwner($0) }?.isGone == true })
        try await ledger.record(Batch(observations: [observation(1, 1)]))
        #expect(try await ledger.verify() == false)
        await ledger.close()
    }
}
