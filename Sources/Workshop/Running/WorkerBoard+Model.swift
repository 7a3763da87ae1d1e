import HubClient
import Ledger
package import StokerCore

extension WorkerBoard {
    /// A worker's model, and what it spent.
    package struct ModelStatus: Sendable, Equatable {
        package var name: String
        /// Without secrets.
        package var url: String
        /// nil before it was asked for the first time.
        package var capability: ModelCapability?
        package var tokens: Spent
        /// Billionths of a US dollar; nil without a limit and a price.
        package var money: Spent?
        /// Questions so far.
        package var asked: Int
        /// Nothing is asked before.
        package var waitsUntil: Instant?
        package var waitsBecause: String?

        package struct Spent: Sendable, Equatable {
            package var spent: Int64
            /// nil: no limit.
            package var limit: Int64?
            package var resets: Instant
        }
    }

    func modelStatus(_ name: String, _ settings: WorkerSettings) async throws(Failure) -> ModelStatus? {
        guard let model = settings.model else { return nil }
        let store = ModelStore(records: ledger.records, worker: name)
        let (now, budget) = (now(), settings.budget ?? ModelBudget())
        let book = try await store.book().book
        let capability = try await store.capability(of: model, at: now)
        func spent(_ meter: ModelBook.Meter, _ span: Duration, _ limit: Int64?) -> ModelStatus.Spent {
            let start = ModelBook.Meter.start(of: span, at: now)
            return .init(spent: start > meter.start ? 0 : meter.spent, limit: limit, resets: start + span)
        }
        let block = book.block(at: now)
        return ModelStatus(
            name: model.name ?? "", url: Redaction.address(model.url ?? ""), capability: capability,
            tokens: spent(book.tokens, budget.tokenCap.span, budget.tokenCap.amount),
            money: budget.money != nil || (model.price ?? capability?.price) != nil
                ? spent(
                    book.money, budget.money?.span ?? ModelBudget.usualTokens.span, budget.money?.amount) : nil,
            asked: book.asked, waitsUntil: block?.until, waitsBecause: block.map { Redaction.text($0.because) })
    }

    /// What a worker asked its model, newest first.
    /// - Throws: `not_found`.
    package func asks(of name: String, limit: Int) async throws(Failure) -> [ModelAsk] {
        _ = try await status(name)
        return try await ModelStore(records: ledger.records, worker: name).asks(limit: limit)
    }

    /// Who took a finding up, and what became of it; nil: nobody did.
    package func claim(of id: String) async throws(Failure) -> WorkClaims.Claim? {
        try await WorkClaims.claim(of: id, in: ledger.records)
    }

    /// Rows of a dataset that are looked through for work.
    private static let rowsOfDataset = 300
    private static let rowsOfWorker = 60

    /// What the workers and datasets that it reads left for an implementation worker.
    func work(for settings: WorkerSettings) async throws -> [WorkItem] {
        var all: [WorkItem] = []
        var ids: Set<String> = []
        for source in settings.reads {
            for item in try await work(of: source.name) where ids.insert(item.id).inserted { all.append(item) }
        }
        return WorkItem.sorted(all)
    }

    private func work(of name: String) async throws -> [WorkItem] {
        if name.contains("/") { return try await work(ofDataset: name, from: name) }
        guard let settings = worker(name) else { return [] }
        let store = store(name)
        let record = try await store.load().record
        // A worker that runs elsewhere is known by its dataset alone.
        if record.iteration == 0 || settings.runsAt != nil, let dataset = settings.datasetID(namespace: namespace),
            hub != nil
        {
            return try await work(ofDataset: dataset.description, from: name)
        }
        let rows = try await store.rows(newest: record.iteration, limit: Self.rowsOfWorker)
        if settings.kind == .testPlanning { return WorkItem.items(of: rows.reversed(), from: name) }
        // The ledger knows every finding, also one whose row went long ago.
        var told: [String: Int] = [:]
        for row in rows.reversed() { for finding in row.findings { told[finding.id] = row.iteration } }
        return try await store.book().open.map {
            WorkItem.item(of: $0, from: name, iteration: told[$0.id] ?? 0)
        }
    }

    private func work(ofDataset name: String, from: String) async throws -> [WorkItem] {
        guard let hub else {
            throw Failure(
                .hubNoAccount, doing: "read the results of \(name)", because: "there is no account on the Hub",
                hint: "start it with HF_TOKEN set, or name the token in `hub.token` of the fleet file")
        }
        do throws(HubFailure) {
            let reader = DatasetReader(hub: hub, dataset: try Self.dataset(name))
            return WorkItem.items(of: try await reader.rows(newest: Self.rowsOfDataset), from: from)
        } catch { throw error.failure }
    }

    private static func dataset(_ name: String) throws(HubFailure) -> RepoID {
        do throws(Failure) { return try RepoID(.dataset, name) } catch {
            throw HubFailure(.refusedByUs, doing: error.doing, said: error.because, hint: error.hint)
        }
    }
}
