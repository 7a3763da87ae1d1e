import FoundationEssentials
package import Ledger
package import StokerCore

/// What a worker spent on its model, and until when it asks nothing: a value. What is reserved counts as spent, so that a process that is
/// killed between sending and settling leaves no gap: its question counts in full.
package struct ModelBook: Codable, Sendable, Equatable {
    /// What was spent in the span that began at `start`.
    package struct Meter: Codable, Sendable, Equatable {
        package var start = Instant(milliseconds: 0)
        package var spent: Int64 = 0

        /// - Returns: whether a new span began.
        mutating func roll(to now: Instant, span: Duration) -> Bool {
            let began = Self.start(of: span, at: now)
            guard began != start else { return false }
            // A clock that was put back begins no new span: what was spent stays.
            let isNew = began > start
            start = began
            if isNew { spent = 0 }
            return isNew
        }

        /// Spans are counted from 1970-01-01 00:00 UTC, so that days begin at midnight UTC.
        static func start(of span: Duration, at now: Instant) -> Instant {
            let length = max(1, span.wholeMilliseconds)
            let at = now.milliseconds
            return Instant(milliseconds: at - ((at % length) + length) % length)
        }
    }

    /// A question that was sent, or is about to be.
    struct Reservation: Codable, Sendable, Equatable {
        var id: String
        var tokens: Int64
        var money: Int64
        var tokenStart: Instant
        var moneyStart: Instant
    }

    package var tokens = Meter()
    /// Billionths of a US dollar.
    package var money = Meter()
    var open: [Reservation] = []
    /// Nothing is asked before.
    package var blockedUntil: Instant?
    package var blockedBecause: String?
    /// Failures in a row.
    var failures = 0
    /// Questions so far.
    package var asked = 0

    package init() {}

    enum Answer: Equatable {
        case reserved
        /// It does not fit before then.
        case full(until: Instant, because: String)
        /// It would never fit.
        case tooLarge(because: String)
    }

    /// Sets aside what a question can cost at most.
    mutating func reserve(_ id: String, tokens wanted: Int64, money cost: Int64, _ budget: ModelBudget, now: Instant)
        -> Answer
    {
        roll(budget, now)
        let cap = budget.tokenCap
        guard wanted <= cap.amount else {
            return .tooLarge(because: "a question of \(wanted) tokens is more than the budget of \(cap.amount)")
        }
        if tokens.spent + wanted > cap.amount {
            return .full(
                until: tokens.start + cap.span,
                because: "\(tokens.spent) of \(cap.amount) tokens are spent")
        }
        if let cap = budget.money {
            guard cost <= cap.amount else {
                return .tooLarge(
                    because:
                        "a question for \(ModelMoney.text(cost)) is more than the budget of \(ModelMoney.text(cap.amount))"
                )
            }
            if money.spent + cost > cap.amount {
                return .full(
                    until: money.start + cap.span,
                    because: "\(ModelMoney.text(money.spent)) of \(ModelMoney.text(cap.amount)) are spent")
            }
        }
        tokens.spent += wanted
        money.spent += cost
        open.append(
            Reservation(id: id, tokens: wanted, money: cost, tokenStart: tokens.start, moneyStart: money.start))
        return .reserved
    }

    /// Puts what a question did cost into the place of what was set aside for it. Without a reservation of that id nothing happens.
    mutating func settle(_ id: String, tokens actual: Int64, money cost: Int64, _ budget: ModelBudget, now: Instant) {
        guard let index = open.firstIndex(where: { $0.id == id }) else { return }
        let reservation = open.remove(at: index)
        tokens.settle(reservation.tokens, actual, since: reservation.tokenStart, budget.tokenCap.span, now)
        money.settle(
            reservation.money, cost, since: reservation.moneyStart, budget.money?.span ?? ModelBudget.usualTokens.span,
            now)
    }

    /// What is still open belongs to a process that was killed. It counts where it was sent, and also where it ends: nobody knows when that was.
    private mutating func roll(_ budget: ModelBudget, _ now: Instant) {
        let isNewForTokens = tokens.roll(to: now, span: budget.tokenCap.span)
        let isNewForMoney = money.roll(to: now, span: budget.money?.span ?? ModelBudget.usualTokens.span)
        for old in open {
            if isNewForTokens { tokens.spent += old.tokens }
            if isNewForMoney { money.spent += old.money }
        }
        open = []
    }

    mutating func block(until time: Instant, because: String) {
        blockedUntil = time
        blockedBecause = because
    }

    /// Until when it may not ask; nil when it may.
    package func block(at now: Instant) -> (until: Instant, because: String)? {
        guard let blockedUntil, blockedUntil > now else { return nil }
        return (blockedUntil, blockedBecause ?? "it has to wait")
    }
}

extension ModelBook.Meter {
    fileprivate mutating func settle(
        _ reserved: Int64, _ actual: Int64, since began: Instant, _ span: Duration, _ now: Instant
    ) {
        if roll(to: now, span: span) {
            // Sent in one span, answered in the next: it counts in both, so that neither is above its limit.
            spent += actual
        } else if start == began {
            spent = max(0, spent - reserved + actual)
        } else {
            // The clock was put back in between.
            spent += max(0, actual - reserved)
        }
    }
}

/// What a worker asked its model, as people may see it.
package struct ModelAsk: Sendable, Equatable, Codable {
    package var number: Int
    package var at: Instant
    /// `explain code_quality`
    package var purpose: String
    package var model: String
    /// Redacted before it was sent.
    package var question: String
    /// Redacted.
    package var answer: String
    /// `answered`, or why the answer was not used.
    package var outcome: String
    package var tokens: Int64
    /// Billionths of a US dollar.
    package var cost: Int64
}

/// Where a worker keeps what it knows of its model: records of the ledger.
package struct ModelStore: Sendable {
    let records: any RecordStore
    let worker: String

    static let bookKind = "worker-model"
    static let askKind = "worker-ask"
    static let capabilityKind = "model-capability"
    /// Questions that stay.
    package static let keptAsks = 30

    package init(records: any RecordStore, worker: String) {
        self.records = records
        self.worker = worker
    }

    package func book() async throws(Failure) -> (book: ModelBook, version: Int64) {
        guard let found = try await records.record(kind: Self.bookKind, key: worker) else { return (ModelBook(), 0) }
        do {
            return (try JSONDecoder().decode(ModelBook.self, from: Data(found.body.utf8)), found.version)
        } catch {
            // A book that cannot be read is not an empty one: the budget would begin anew.
            throw Failure(
                .ledger, doing: "read what \(worker) spent on its model", because: "the record cannot be read",
                hint: "restore the ledger, or leave `model` out", cause: error)
        }
    }

    /// Reads, changes and writes; once more when somebody else wrote in between.
    func change<Value: Sendable>(at now: Instant, _ work: (inout ModelBook) -> Value) async throws(Failure) -> Value {
        for _ in 0..<5 {
            var (book, version) = try await book()
            let value = work(&book)
            let body: String
            do { body = String(decoding: try JSONEncoder.stable.encode(book), as: UTF8.self) } catch {
                throw Failure(.internal, doing: "write what \(worker) spent on its model", because: "\(error)")
            }
            if try await records.put(
                NewRecord(kind: Self.bookKind, key: worker, body: body, at: now), ifVersion: version) != nil
            {
                return value
            }
        }
        throw Failure(
            .conflict, doing: "write what \(worker) spent on its model", because: "another process writes it too",
            retry: .soon)
    }

    // MARK: Questions

    private func key(_ number: Int) -> String { "\(worker)/\("\(1_000_000_000 + number)".dropFirst())" }

    func keep(_ ask: ModelAsk) async throws(Failure) {
        let body: String
        do { body = String(decoding: try JSONEncoder.stable.encode(ask), as: UTF8.self) } catch {
            throw Failure(.internal, doing: "write what \(worker) asked its model", because: "\(error)")
        }
        try await records.put(NewRecord(kind: Self.askKind, key: key(ask.number), body: body, at: ask.at))
        if ask.number > Self.keptAsks {
            try await records.remove(kind: Self.askKind, key: key(ask.number - Self.keptAsks))
        }
    }

    /// Newest first.
    package func asks(limit: Int) async throws(Failure) -> [ModelAsk] {
        let all = try await records.records(
            kind: Self.askKind, prefix: worker + "/", after: nil, limit: 4 * Self.keptAsks)
        return all.suffix(limit).reversed().compactMap {
            try? JSONDecoder().decode(ModelAsk.self, from: Data($0.body.utf8))
        }
    }

    // MARK: What the model can do

    private static func key(_ settings: ModelSettings) -> String {
        String(Finding.sha256("\(settings.url ?? "")\n\(settings.name ?? "")").prefix(32))
    }

    package func capability(of settings: ModelSettings, at now: Instant) async throws(Failure) -> ModelCapability? {
        guard let found = try await records.record(kind: Self.capabilityKind, key: Self.key(settings)),
            now - found.at < ModelCapability.lasts, found.at <= now
        else { return nil }
        return try? JSONDecoder().decode(ModelCapability.self, from: Data(found.body.utf8))
    }

    func keep(_ capability: ModelCapability, of settings: ModelSettings, at now: Instant) async throws(Failure) {
        let body: String
        do { body = String(decoding: try JSONEncoder.stable.encode(capability), as: UTF8.self) } catch {
            throw Failure(.internal, doing: "write what the model can do", because: "\(error)")
        }
        try await records.put(
            NewRecord(kind: Self.capabilityKind, key: Self.key(settings), body: body, at: now))
    }
}
