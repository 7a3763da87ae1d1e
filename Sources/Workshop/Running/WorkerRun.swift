import Foundation
import HubClient
import Ledger
package import Logging
import Runtime
package import StokerCore

/// One look of one worker, from the newest commit to the published row. It may end at any point and be taken up again by whoever comes
/// next: what was fixed in the ledger is not done twice, and what was not is done anew.
package struct WorkerRun: Sendable {
    package var name: String
    package var settings: WorkerSettings
    package var perspectives: [Perspective]
    /// As git is asked for it.
    package var source: String
    /// What is kept on the disk: copies of repositories, scratch folders.
    package var folder: String
    package var store: WorkerStore
    /// nil: rows stay in the ledger.
    package var publisher: DatasetPublisher?
    /// Why there is no publisher although the worker has a dataset.
    package var unpublishable: Failure?
    package var toolFolders: [String]
    /// Runs the repository's tests; nil: the tools' own, or the system's.
    package var interpreter: String?
    /// nil: no model can be reached from here.
    package var model: ModelAccess?
    /// What is known of the rules; decides which of them publish.
    var rules = RuleTable.measured
    /// What other workers left for this one; nil: it reads none.
    package var reading: (@Sendable () async throws -> [WorkItem])?
    package var now: @Sendable () -> Instant
    package var logger: Logger
    /// Told what it does now.
    package var report: @Sendable (String) -> Void

    package init(
        name: String, settings: WorkerSettings, perspectives: [Perspective], source: String, folder: String,
        store: WorkerStore, publisher: DatasetPublisher?, unpublishable: Failure? = nil, toolFolders: [String] = [],
        now: @escaping @Sendable () -> Instant, logger: Logger, report: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.name = name
        self.settings = settings
        self.perspectives = perspectives
        self.source = source
        self.folder = folder
        self.store = store
        self.publisher = publisher
        self.unpublishable = unpublishable
        self.toolFolders = toolFolders
        self.now = now
        self.logger = logger
        self.report = report
    }

    package struct Outcome: Sendable, Equatable {
        /// The row that was made; nil when nothing new could be said.
        package var row: Int?
        /// Rows that reached the Hub.
        package var published: ClosedRange<Int>?
        package var perspective: String?
        /// Rows that wait, and when they are due.
        package var waitsUntil: Instant?
    }

    /// - Throws: what went wrong, after it was written down.
    package func run() async throws -> Outcome {
        var (record, version) = try await store.load()
        var book = try await store.book()
        // A row was fixed, and its findings were not marked before the process ended.
        if !record.telling.isEmpty {
            let old = book
            book.tell(record.telling)
            try await store.save(book, over: old, at: now())
            record.telling = []
        }
        record.startedAt = now()
        version = try await store.save(record, version: version, at: now())
        var outcome = Outcome()
        do {
            if let wish = record.wish {
                try await carryOut(wish, &record, &version)
                book = try await store.book()
            }
            guard settings.kind == .implementation || !perspectives.isEmpty else {
                // It would call every commit complete.
                throw Failure(
                    .usage, doing: "look at \(Redaction.address(source))",
                    because: "the worker \(name) has no perspective",
                    hint: "name some in `perspectives` of the worker, or leave that key out for all built-in ones")
            }
            var hasNews = false
            let obstacle = WorkerDecision.obstacle(record, hasDataset: settings.dataset != nil, now: now())
            if let obstacle { report(obstacle) }
            // What waits from before goes first: its numbers are given.
            if record.sending == nil, obstacle == nil {
                let made: (row: Int?, perspective: String, hasNews: Bool)?
                switch settings.kind {
                case .analysis: made = try await look(&record, &version, book)
                case .testPlanning: made = try await plan(&record, &version)
                case .implementation: made = try await implement(&record, &version)
                }
                outcome.row = made?.row
                outcome.perspective = made?.perspective
                hasNews = made?.hasNews ?? false
            }
            try await publish(&record, &version, hasNews: hasNews, &outcome)
            record.beatAt = now()
            record.trouble = nil
            _ = try await store.save(record, version: version, at: now())
            return outcome
        } catch is CancellationError { throw CancellationError() } catch {
            let failure = Self.failure(of: error, doing: "look at \(Redaction.address(source))")
            // Somebody else has the worker: its record is theirs.
            guard failure.code != .conflict else { throw failure }
            var (latest, version) = try await store.load()
            latest.trouble = WorkerRecord.Trouble(
                code: failure.code.rawValue, text: Redaction.text("could not \(failure.doing): \(failure.because)"),
                hint: failure.hint, at: now())
            // The look itself went well; only the Hub did not take its row.
            if outcome.row != nil { latest.beatAt = now() }
            version = try await store.save(latest, version: version, at: now())
            throw failure
        }
    }

    private static func failure(of error: any Error, doing: String) -> Failure {
        (error as? Failure) ?? (error as? HubFailure)?.failure
            ?? Failure(.internal, doing: doing, because: "\(type(of: error))", retry: .soon, cause: error)
    }

    // MARK: Looking

    /// What is new of the branch, and what follows from it for what is remembered.
    func fetch(_ record: inout WorkerRecord) async throws -> (GitMirror, GitMirror.Head) {
        report("fetching \(Redaction.address(source))")
        let mirror = try GitMirror(
            // One for each worker: two fetches into one copy would be in each other's way.
            folder: folder + "/mirrors/\(name)-" + Self.folderName(source, settings.branch), source: source,
            branch: settings.branch, token: settings.token)
        let head = try await mirror.update()
        if let known = record.head, known != head.commit {
            if try await !mirror.isAncestor(known, of: head.commit) { record.epoch += 1 }
            for (old, new) in try await mirror.renames(from: known, to: head.commit) {
                record.firstNames[new] = record.firstNames.removeValue(forKey: old) ?? old
            }
            record.complete = nil
        }
        record.head = head.commit
        // A counter that is behind the dataset: the disk was lost. The Hub knows how far we were.
        if record.iteration == 0, let publisher {
            do throws(HubFailure) {
                let newest = try await publisher.newest()
                record.iteration = newest
                record.published = newest
            } catch { throw error.failure }
        }
        return (mirror, head)
    }

    /// Nothing new can be said of the commit.
    func rest(_ record: inout WorkerRecord, _ version: inout Int64, _ head: GitMirror.Head) async throws {
        if record.complete != head.commit {
            record.complete = head.commit
            version = try await store.save(record, version: version, at: now())
        }
        report("complete at \(head.commit.prefix(7))")
    }

    /// Fixes a row in the ledger: until the record names it, nothing has happened.
    /// - Returns: its number.
    func write(_ row: Iteration, _ record: inout WorkerRecord, _ version: inout Int64) async throws -> Int {
        report("writing iteration \(row.iteration)")
        let line = row.json.text
        try await store.keep(line, number: row.iteration, at: now())
        record.iteration = row.iteration
        let today = WorkerDecision.day(now())
        let before = record.day.flatMap { $0.day == today ? $0.bytes : nil } ?? 0
        record.day = .init(day: today, bytes: before + line.utf8.count)
        record.waitingSince = record.waitingSince ?? now()
        if settings.dataset == nil { record.published = row.iteration }
        version = try await store.save(record, version: version, at: now())
        // Not what still has to be published, and not all at once what could not go before.
        let oldest = min(row.iteration - WorkerStore.keptRows, record.published)
        let first = (record.forgotten ?? max(0, oldest - 1)) + 1
        if first <= oldest {
            let last = min(oldest, first + 20)
            for number in first...last { try await store.forgetRow(number) }
            record.forgotten = last
        }
        return row.iteration
    }

    /// Does what a person asked for. Ended in its midst it is begun again: each step comes to the same a second time.
    private func carryOut(
        _ wish: WorkerRecord.Wish, _ record: inout WorkerRecord, _ version: inout Int64
    ) async throws {
        if settings.dataset != nil, publisher == nil {
            throw unpublishable
                ?? Failure(
                    .hubNoAccount, doing: "tidy up the dataset of \(name)", because: "there is no account on the Hub",
                    hint: "start it with HF_TOKEN set, or name the token in `hub.token` of the fleet file")
        }
        do throws(HubFailure) {
            switch wish {
            case .afresh:
                report("beginning afresh")
                try await publisher?.empty()
            case .squash:
                report("squashing the dataset's history")
                try await publisher?.squash()
            }
        } catch {
            if error.isCancelled, Task.isCancelled { throw CancellationError() }
            throw error.failure
        }
        if wish == .afresh { try await store.forgetAll() }
        record.wish = nil
        version = try await store.save(record, version: version, at: now())
    }

    private func look(
        _ record: inout WorkerRecord, _ version: inout Int64, _ old: FindingBook
    ) async throws -> (row: Int?, perspective: String, hasNews: Bool)? {
        let (mirror, head) = try await fetch(&record)
        let next = WorkerDecision.next(perspectives.map(\.id), record, head: head.commit) { !old.news(of: $0).isEmpty }
        guard case .look(let id) = next, let perspective = perspectives.first(where: { $0.id == id }) else {
            return try await deepen(&record, &version, mirror, head, old)
        }
        var book = old
        var look = Inspection()
        let isNewHead = record.looked[id] != head.commit
        if isNewHead {
            report("looking: \(id.replacing("_", with: " "))")
            let scratch = folder + "/scratch/\(name)-\(UUID().uuidString)"
            try PrivateFolder.make(scratch)
            defer { try? FileManager.default.removeItem(atPath: scratch) }  // swept at the next start otherwise
            look = try await takeLook(perspective, mirror, head, scratch, record.firstNames)
            let time = Iteration.text(now())
            for index in look.findings.indices { look.findings[index].firstSeen = time }
            book.take(look.findings, of: id, looked: look.looked, isNewHead: true, now: now())
        }
        try await store.take(look.leads, at: now())
        record.looked[id] = head.commit
        record.last = id
        let row = try await tell(
            perspective, look, book, old, stage: isNewHead ? "Static analysis" : "More of the same look",
            isFirst: !record.told.contains(id), head, &record, &version)
        return (row.number, id, row.hasNews)
    }

    /// Writes what is new of a perspective as a row: first the findings, then the row, then that the row tells them.
    /// - Parameters:
    ///   - isFirst: a row is made also when nothing is new.
    ///   - summary: what is said then, instead of what follows from the findings.
    func tell(
        _ perspective: Perspective, _ look: Inspection, _ book: FindingBook, _ old: FindingBook, stage: String,
        isFirst: Bool, summary: String? = nil, facts: [JSONValue.Member] = [], _ head: GitMirror.Head,
        _ record: inout WorkerRecord, _ version: inout Int64
    ) async throws -> (number: Int?, hasNews: Bool) {
        let id = perspective.id
        let news = book.news(of: id)
        guard !news.isEmpty || isFirst else {
            try await store.save(book, over: old, at: now())
            version = try await store.save(record, version: version, at: now())
            return (nil, false)
        }
        let number = record.iteration + 1
        let said = Self.summary(news, book, perspective, look)
        var row = Iteration(
            iteration: number, timestamp: now(), head: head.commit, perspective: id, stageName: stage,
            summary: news.isEmpty ? summary ?? said : [said, summary].compactMap(\.self).joined(separator: " "),
            findings: news)
        row.insights.lists = record.insights
        row.body = Self.body(perspective, look, book, record.epoch).adding([.init("model", modelNote)] + facts)
        // Before the row: a finding that nobody was told of yet is no loss.
        try await store.save(book, over: old, at: now())
        if !record.told.contains(id) { record.told.append(id) }
        record.telling = news.map(\.id)
        _ = try await write(row, &record, &version)
        var told = book
        told.tell(record.telling)
        try await store.save(told, over: book, at: now())
        record.telling = []
        version = try await store.save(record, version: version, at: now())
        return (number, !news.isEmpty)
    }

    private func takeLook(
        _ perspective: Perspective, _ mirror: GitMirror, _ head: GitMirror.Head, _ scratch: String,
        _ firstNames: [String: String]
    ) async throws -> Inspection {
        try await Inspection.take(perspective, context(mirror, head, scratch, firstNames))
    }

    /// What rules look at.
    func context(
        _ mirror: GitMirror, _ head: GitMirror.Head, _ scratch: String, _ firstNames: [String: String]
    ) async throws -> EvidenceContext {
        let view = try await RepositoryView.read(mirror, at: head)
        var history: History?
        if !head.isShallow {
            let ignored = view.file(".git-blame-ignore-revs")?.lines.compactMap { line -> String? in
                let hash = line.prefix { $0.isHexDigit }
                return hash.count >= 40 ? String(hash) : nil
            }
            history = try await History.read(mirror, at: head, ignoring: Set(ignored ?? []))
        }
        let tools = await EvidenceTools.find(allowed: settings.tools, folders: toolFolders)
        let leads = Dictionary(grouping: try await store.leads(), by: \.file).mapValues { $0.map(\.line) }
        return EvidenceContext(
            mirror: mirror, view: view, history: history, tools: tools, scratch: scratch, firstNames: firstNames,
            leads: leads, rules: rules)
    }

    static func folderName(_ source: String, _ branch: String?) -> String {
        String(Finding.sha256(source + "\n" + (branch ?? "")).prefix(24))
    }

    private static func summary(_ news: [Finding], _ book: FindingBook, _ perspective: Perspective, _ look: Inspection)
        -> String
    {
        var parts: [String] = []
        for (state, word) in [(Finding.State.new, "new"), (.returned, "returned"), (.open, "open"), (.gone, "gone")] {
            let count = news.count { $0.state == state }
            if count > 0 { parts.append("\(count) \(word)") }
        }
        let open = book.open.filter { $0.perspective == perspective.id }.count
        if parts.isEmpty {
            if let kept = look.keptBack { return ([kept] + look.notLookedAt).joined(separator: " ") }
            // An empty look is no praise where a tool did not look.
            return look.notLookedAt.isEmpty ? perspective.nothing : look.notLookedAt.joined(separator: " ")
        }
        let first = news.first.map { " \($0.title)." } ?? ""
        return "\(Formatting.capitalized(parts.joined(separator: ", "))); \(open.counted("finding")) open.\(first)"
    }

    private static func body(_ perspective: Perspective, _ look: Inspection, _ book: FindingBook, _ epoch: Int)
        -> JSONValue
    {
        let open = book.open
        return [
            "question": .string(perspective.question), "rules": .array(look.looked.sorted().map { .string($0) }),
            "not_looked_at": .array(look.notLookedAt.prefix(50).map { .string($0) }),
            "dropped": .integer(Int64(look.dropped)),
            "kept_back": .object(
                look.leads.sorted { $0.key < $1.key }.filter { !$0.value.isEmpty }.map {
                    .init($0.key, .integer(Int64($0.value.count)))
                }), "tools": .array(Set(look.tools).sorted().map { .string($0) }),
            "open": .object(
                Finding.Severity.allCases.reversed().map { severity in
                    .init(severity.rawValue, .integer(Int64(open.count { $0.severity == severity })))
                }), "epoch": .integer(Int64(epoch)),
        ]
    }

    // MARK: Publishing

    func publish(
        _ record: inout WorkerRecord, _ version: inout Int64, hasNews: Bool, _ outcome: inout Outcome
    ) async throws {
        guard settings.dataset != nil, record.published < record.iteration else { return }
        guard let publisher else {
            throw unpublishable
                ?? Failure(
                    .hubNoAccount, doing: "publish the results of \(name)", because: "there is no account on the Hub",
                    hint: "start it with HF_TOKEN set, or name the token in `hub.token` of the fleet file")
        }
        switch WorkerDecision.publication(record, hasNews: hasNews, now: now()) {
        case .nothing: return
        case .at(let time):
            outcome.waitsUntil = time
            return
        case .now: break
        }
        for _ in 0..<5 {
            let range =
                record.sending
                ?? .init(first: record.published + 1, last: min(record.iteration, record.published + 100))
            record.sending = range
            version = try await store.save(record, version: version, at: now())
            var lines: [String] = []
            for number in range.first...range.last {
                guard let line = try await store.line(number) else {
                    throw Failure(
                        .ledger, doing: "publish the results of \(name)", because: "row \(number) is not in the ledger")
                }
                lines.append(line)
            }
            report(
                "publishing \(range.first == range.last ? "iteration \(range.first)" : "iterations \(range.first) to \(range.last)")"
            )
            var insights = Iteration.Insights()
            insights.lists = record.insights
            let result: DatasetPublisher.Outcome
            do throws(HubFailure) {
                result = try await publisher.publish(PendingRows(first: range.first, lines: lines), insights: insights)
            } catch {
                if error.isCancelled, Task.isCancelled { throw CancellationError() }
                throw error.failure
            }
            switch result {
            case .published(let commit, let wasCreated):
                if wasCreated { logger.notice("The dataset was made", metadata: ["dataset": "\(publisher.dataset)"]) }
                record.published = range.last
                record.sending = nil
                record.commit = commit
                record.commits = record.commits.filter { now() - $0 < .seconds(3_600) } + [now()]
                record.waitingSince = record.published < record.iteration ? now() : nil
                version = try await store.save(record, version: version, at: now())
                outcome.published = (outcome.published?.lowerBound ?? range.first)...range.last
                return
            case .taken(let next):
                // Another writer has our numbers: nothing of ours is there, so ours move behind.
                try await renumber(&record, &version, to: next)
                if let row = outcome.row { outcome.row = row + next - range.first }
            }
        }
        throw Failure(
            .hubConflict, doing: "publish the results of \(name)",
            because: "another writer took the numbers of our rows five times",
            hint: "give each worker a dataset of its own", retry: .after(.seconds(60)))
    }

    /// Rows that nobody has seen get new numbers, which none of them had: a kill in between moves nothing twice.
    private func renumber(_ record: inout WorkerRecord, _ version: inout Int64, to next: Int) async throws {
        let (first, last) = (record.published + 1, record.iteration)
        let next = max(next, last + 1)
        for number in first...last {
            guard let line = try await store.line(number),
                var row = (try? JSONValue(reading: line)).flatMap(Iteration.init)
            else { continue }
            row.iteration = number + next - first
            try await store.keep(row.json.text, number: row.iteration, at: now())
        }
        record.published = next - 1
        record.iteration = last + next - first
        record.sending = nil
        version = try await store.save(record, version: version, at: now())
    }
}

extension GitMirror {
    /// Files that have another name now.
    func renames(from old: String, to new: String) async throws -> [(old: String, new: String)] {
        let ended = try await bytes(
            ["diff", "--name-status", "-M", "-z", "--diff-filter=R", "-l", "5000", old, new, "--"],
            doing: "see which files were renamed")
        let parts = ended.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        return stride(from: 0, to: parts.count - 2, by: 3).map { (parts[$0 + 1], parts[$0 + 2]) }
    }
}
