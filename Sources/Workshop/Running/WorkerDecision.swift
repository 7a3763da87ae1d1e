import StokerCore

/// What a worker does next: decided from what it remembers, without a clock or a disk.
enum WorkerDecision {
    enum Next: Equatable {
        case look(String)
        /// Nothing new can be said of this commit.
        case rest
    }

    /// The perspective that is next, in turn: one that has not looked at the commit, else one that has more to tell than fits into a row.
    static func next(_ perspectives: [String], _ record: WorkerRecord, head: String, hasNews: (String) -> Bool) -> Next
    {
        guard !perspectives.isEmpty else { return .rest }
        let start = record.last.flatMap { perspectives.firstIndex(of: $0) }.map { $0 + 1 } ?? 0
        let turn = (0..<perspectives.count).map { perspectives[(start + $0) % perspectives.count] }
        if let one = turn.first(where: { record.looked[$0] != head }) { return .look(one) }
        if let one = turn.first(where: hasNews) { return .look(one) }
        return .rest
    }

    /// Commits to a dataset in an hour.
    static let commitsAnHour = 30
    /// Rows without news wait so long for others.
    static let patience = Duration.seconds(300)

    /// Bytes that the rows of a day may add to a dataset; a row is written three times in its life.
    static let bytesADay = 14_000_000
    static let copiesOfARow = 3
    /// Rows that wait for the Hub, at most.
    static let mostWaiting = 1_000

    static func day(_ now: Instant) -> Int { Int(now.milliseconds / 86_400_000) }

    /// Why no row is made now; nil when one may be.
    static func obstacle(_ record: WorkerRecord, hasDataset: Bool, now: Instant) -> String? {
        guard hasDataset else { return nil }
        if let today = record.day, today.day == day(now), today.bytes * copiesOfARow >= bytesADay {
            return "waits for tomorrow: the rows of today fill the dataset's 14 MB"
        }
        if record.iteration - record.published >= mostWaiting {
            return "waits for the Hub: \(record.iteration - record.published) rows are not published yet"
        }
        return nil
    }

    enum Publication: Equatable {
        case now
        case at(Instant)
        case nothing
    }

    /// When waiting rows are sent: at once with news, else together with what comes within five minutes, never more often than the budget lets.
    static func publication(_ record: WorkerRecord, hasNews: Bool, now: Instant) -> Publication {
        guard record.published < record.iteration else { return .nothing }
        let hour = now - .seconds(3_600)
        let recent = record.commits.filter { $0 > hour && $0 <= now }.sorted()
        if recent.count >= commitsAnHour, let first = recent.dropLast(commitsAnHour - 1).last {
            return .at(first + .seconds(3_600))
        }
        if record.sending != nil || hasNews || record.iteration == 1 { return .now }
        let due = (record.waitingSince ?? now) + patience
        return due <= now ? .now : .at(due)
    }
}
