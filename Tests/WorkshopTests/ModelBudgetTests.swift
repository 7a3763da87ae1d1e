import Foundation
import Ledger
import StokerCore
import Synchronization
import Testing

@testable import Workshop

/// What a worker may spend, through years of days and kills.
@Suite struct ModelBudgetTests {
    private struct Chance: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 33)
        }
    }

    /// What the provider charges: by the day a question was sent, and by the day it ended.
    private struct Provider {
        var sent: [Int64: (tokens: Int64, money: Int64)] = [:]
        var ended: [Int64: (tokens: Int64, money: Int64)] = [:]

        static func day(_ at: Instant) -> Int64 { at.milliseconds / 86_400_000 }

        mutating func charge(_ tokens: Int64, _ money: Int64, sent begin: Instant, ended end: Instant) {
            sent[Self.day(begin), default: (0, 0)].tokens += tokens
            sent[Self.day(begin), default: (0, 0)].money += money
            ended[Self.day(end), default: (0, 0)].tokens += tokens
            ended[Self.day(end), default: (0, 0)].money += money
        }
        var most: (tokens: Int64, money: Int64) {
            let all = Array(sent.values) + Array(ended.values)
            return (all.map(\.tokens).max() ?? 0, all.map(\.money).max() ?? 0)
        }
    }

    /// 10,000 days: questions of any size, kills before and behind sending, answers after midnight. Whoever comes next knows only what was
    /// written down.
    @Test func noDayIsAboveItsLimit() throws {
        var chance = Chance(state: 11)
        var budget = ModelBudget()
        budget.tokens = .init(50_000, per: .seconds(86_400))
        budget.money = .init(40_000_000, per: .seconds(86_400))
        let price = ModelPrice(input: 700, output: 2_100)
        var stored = try JSONEncoder.stable.encode(ModelBook())
        var provider = Provider()
        var (asked, kills, full) = (0, 0, 0)
        var now = Instant(milliseconds: 1_800_000_000_000)
        let end = now + .seconds(10_000 * 86_400)
        while now < end {
            now = now + .seconds(Int64.random(in: 300...9_000, using: &chance))
            let input = Int64.random(in: 200...9_000, using: &chance)
            let output = Int64.random(in: 50...2_000, using: &chance)
            let id = "\(asked)-\(now.milliseconds)"
            var book = try JSONDecoder().decode(ModelBook.self, from: stored)
            let answer = book.reserve(
                id, tokens: input + output, money: price.cost(input: input, output: output), budget, now: now)
            guard answer == .reserved else {
                full += 1
                continue
            }
            // Killed before the reservation was written: nothing was sent.
            if Int.random(in: 0..<40, using: &chance) == 0 {
                kills += 1
                continue
            }
            stored = try JSONEncoder.stable.encode(book)
            asked += 1
            let ended = now + .seconds(Int64.random(in: 1...180, using: &chance))
            if Int.random(in: 0..<40, using: &chance) == 0 {
                kills += 1
                continue
            }
            let used = (Int64.random(in: 1...input, using: &chance), Int64.random(in: 0...output, using: &chance))
            let cost = price.cost(input: used.0, output: used.1)
            provider.charge(used.0 + used.1, cost, sent: now, ended: ended)
            // Killed with the answer on its way, or before it was settled.
            if Int.random(in: 0..<15, using: &chance) == 0 {
                kills += 1
                continue
            }
            book.settle(id, tokens: used.0 + used.1, money: cost, budget, now: ended)
            stored = try JSONEncoder.stable.encode(book)
            now = ended
        }
        #expect(provider.most.tokens <= 50_000 && provider.most.money <= 40_000_000, "\(provider.most)")
        // The limits were really reached, and kills really happened.
        #expect(full > 5_000 && kills > 5_000 && asked > 50_000, "\(full) \(kills) \(asked)")
        #expect(provider.most.tokens > 40_000)
    }

    /// The same through the client and the records of a ledger that dies around each write.
    @Test func theClientKeepsTheLimitThroughKills() async throws {
        let records = MemoryLedger().records
        var budget = ModelBudget()
        budget.tokens = .init(12_000, per: .seconds(86_400))
        let spent = Mutex<[Int64: Int]>([:])
        var kills = 0
        for day in 0..<20 {
            for hour in 0..<12 {
                let now = Bench.now + .seconds(Int64(day * 86_400 + hour * 3_600))
                let model = ScriptedModel { asked in
                    // As dear as it can be.
                    spent.withLock { $0[Int64(day), default: 0] += asked.text.utf8.count + asked.maxTokens }
                    return ScriptedModel.says(
                        ModelBench.note("Again").text, for: asked.text,
                        usage: (asked.text.utf8.count, asked.maxTokens))
                }
                let dying = DyingRecords(records, after: 1 + (day * 12 + hour) % 7, isLate: hour % 2 == 0)
                let outcome = try? await ModelBench.ask(
                    ModelBench.client(model, budget: budget, records: dying, now: now))
                if outcome == nil { kills += 1 }
            }
        }
        let most = spent.withLock { $0.values.max() ?? 0 }
        #expect(most <= 12_000 && most > 8_000 && kills > 20, "\(most) \(kills)")
        let days = spent.withLock { $0.count }
        #expect(days > 10)
    }

    /// Putting the clock back buys nothing; one that had been years ahead closes nothing for years.
    @Test func aClockThatMovesBuysNothing() {
        var budget = ModelBudget()
        budget.tokens = .init(1_000, per: .seconds(86_400))
        var book = ModelBook()
        let noon = Bench.now
        #expect(book.reserve("a", tokens: 900, money: 0, budget, now: noon) == .reserved)
        for time in [noon - .seconds(86_400), noon, noon - .seconds(3_600), noon + .seconds(60)] {
            #expect(book.reserve("b", tokens: 200, money: 0, budget, now: time) != .reserved)
        }
        var ahead = ModelBook()
        let far = noon + .seconds(70 * 365 * 86_400)
        #expect(ahead.reserve("a", tokens: 900, money: 0, budget, now: far) == .reserved)
        #expect(ahead.reserve("b", tokens: 200, money: 0, budget, now: noon) != .reserved)
        #expect(ahead.reserve("c", tokens: 200, money: 0, budget, now: noon + .seconds(86_400)) == .reserved)
    }

    @Test func aQuestionThatWouldNeverFitIsNotSent() async throws {
        let records = MemoryLedger().records
        var budget = ModelBudget()
        budget.tokens = .init(100, per: .seconds(3_600))
        let model = ScriptedModel { ScriptedModel.says("{}", for: $0.text) }
        let outcome = try await ModelBench.ask(ModelBench.client(model, budget: budget, records: records))
        #expect(outcome.because != nil && model.asked.isEmpty)
        #expect(try await ModelStore(records: records, worker: "tern").book().book.tokens.spent == 0)
    }

    @Test func aBookThatCannotBeReadIsNoEmptyOne() async throws {
        let records = MemoryLedger().records
        try await records.put(NewRecord(kind: ModelStore.bookKind, key: "tern", body: "{", at: Bench.now))
        let model = ScriptedModel { ScriptedModel.says("{}", for: $0.text) }
        await #expect(throws: Failure.self) {
            _ = try await ModelBench.ask(ModelBench.client(model, records: records))
        }
        #expect(model.asked.isEmpty)
    }
}
