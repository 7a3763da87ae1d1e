import HubClient
import HubSimulator
import Ledger
import StokerCore
import Synchronization
import Testing

@testable import Workshop

/// A ledger's records that stop to take anything after so many writes, as for a process that was killed.
final class DyingRecords: RecordStore {
    struct Killed: Error {}
    private let real: any RecordStore
    private let left: Mutex<Int>
    /// Whether the write that kills is still made.
    private let isLate: Bool

    init(_ real: any RecordStore, after writes: Int, isLate: Bool) {
        self.real = real
        self.isLate = isLate
        left = Mutex(writes)
    }
    var isDead: Bool { left.withLock { $0 <= 0 } }

    private func write<Value>(_ work: () async throws(Failure) -> Value) async throws(Failure) -> Value {
        let rest = left.withLock {
            $0 -= 1
            return $0
        }
        let dead = Failure(.ledger, doing: "write", because: "the process was killed")
        if rest < 0 || (rest == 0 && !isLate) { throw dead }
        let value = try await work()
        if rest == 0 { throw dead }
        return value
    }

    func put(_ record: NewRecord, ifVersion version: Int64?) async throws(Failure) -> Record? {
        try await write { () async throws(Failure) in try await real.put(record, ifVersion: version) }
    }
    func remove(kind: String, key: String) async throws(Failure) -> Bool {
        try await write { () async throws(Failure) in try await real.remove(kind: kind, key: key) }
    }
    func record(kind: String, key: String) async throws(Failure) -> Record? {
        try await real.record(kind: kind, key: key)
    }
    func records(kind: String, prefix: String, after: String?, limit: Int) async throws(Failure) -> [Record] {
        try await real.records(kind: kind, prefix: prefix, after: after, limit: limit)
    }
    func prune(now: Instant) async throws(Failure) -> Int { try await real.prune(now: now) }
}

enum MemoryRecordsOfTest {
    static func make() -> any RecordStore { MemoryLedger().records }
}

/// Killed before and behind each write of the ledger, and run again: each row once, each finding told once.
@Suite struct KillTests {
    @Test func whateverIsKilledWhenEachRowIsThereOnce() async throws {
        try await Bench.with(hub: true) { bench async throws in
            // What a run without a kill comes to.
            let whole = MemoryRecordsOfTest.make()
            // Those that need no program but git.
            let perspectives = ["architecture", "test_coverage"]
            var plain = bench.settings
            plain.tools = []
            for _ in 0..<3 {
                _ = try await bench.run(plain, perspectives: perspectives, tools: [], records: whole).run()
            }
            let expected = try await bench.store(whole).rows(newest: 2, limit: 5).map { row in row.findings.map(\.id) }
            #expect(expected.count == 2 && expected.allSatisfy { $0.count == 1 })

            var kills = 0
            for writes in 1... {
                var died = false
                for isLate in [false, true] {
                    kills += 1
                    let name = "maren/kill-\(kills)"
                    var settings = plain
                    settings.dataset = FleetReference(name)
                    let real = MemoryRecordsOfTest.make()
                    let dying = DyingRecords(real, after: writes, isLate: isLate)
                    for look in 0..<3 {
                        // The process dies with its ledger; the next one has a whole one.
                        let records: any RecordStore = dying.isDead ? real : dying
                        _ = try? await bench.run(
                            settings, perspectives: perspectives, publisher: try bench.publisher(name),
                            now: Bench.now + .seconds(Int64(look) * 400), tools: [], records: records
                        ).run()
                    }
                    died = died || dying.isDead
                    for look in 3..<6 {
                        _ = try await bench.run(
                            settings, perspectives: perspectives, publisher: try bench.publisher(name),
                            now: Bench.now + .seconds(Int64(look) * 400), tools: [], records: real
                        ).run()
                    }
                    let layout = try #require(try await bench.publisher(name).look()?.layout)
                    #expect(layout.newest == 2 && layout.parts.reduce(0) { $0 + $1.count } == 2, "\(writes) \(isLate)")
                    let hub = try #require(bench.hub)
                    var told: [[String]] = []
                    for part in layout.parts {
                        let text = try await hub.text(of: part.path, in: try RepoID(.dataset, name))
                        for line in text.split(separator: "\n") {
                            let row = try #require(Iteration(try JSONValue(reading: String(line))))
                            told.append(row.findings.map(\.id))
                        }
                    }
                    #expect(told.reversed().map(\.self) == expected, "\(writes) \(isLate)")
                }
                if !died { break }
            }
            #expect(kills >= 30)
        }
    }
}
