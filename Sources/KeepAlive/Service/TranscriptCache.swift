import StokerCore

/// The newest transcript of each check, in bounded memory: when the shelf is full the one put there first goes.
/// Failed ones also reach the ledger, so only transcripts of good pings are ever lost, and only in very large fleets.
struct TranscriptCache {
    /// Keeps the pieces a transcript is made of; text is only made for the one that somebody reads.
    struct Entry {
        var attempt: Attempt
        var number: Int
        var finding: AttemptResult

        /// One that was made already, for the time after a change of the fleet file.
        static func kept(_ transcript: Transcript) -> Entry {
            Entry(
                attempt: Attempt(at: transcript.at, result: .connected, phases: .init()) { _, _, _, _ in transcript },
                number: transcript.attempt,
                finding: AttemptResult(outcome: transcript.outcome, cause: transcript.cause, detail: transcript.detail))
        }

        var transcript: Transcript {
            attempt.transcript(number, finding.outcome, finding.cause, finding.detail)
        }
    }

    let limit: Int
    private var entries: [UInt32: (entry: Entry, turn: UInt64)] = [:]
    private var order: [(index: UInt32, turn: UInt64)] = []
    private var head = 0
    private var turn: UInt64 = 0

    /// - Parameter limit: most transcripts kept, at about 3 KiB each.
    init(limit: Int) { self.limit = limit }

    subscript(index: UInt32) -> Entry? { entries[index]?.entry }

    mutating func put(_ entry: Entry, for index: UInt32) {
        // One queue place per check: a check already there keeps its place, so small fleets never move anything.
        if let old = entries[index] {
            entries[index] = (entry, old.turn)
            return
        }
        turn += 1
        entries[index] = (entry, turn)
        order.append((index, turn))
        while entries.count > limit {
            let (oldest, itsTurn) = order[head]
            head += 1
            if entries[oldest]?.turn == itsTurn { entries[oldest] = nil }
        }
        if head > 1_024, head * 2 > order.count {
            order.removeFirst(head)
            head = 0
        }
    }

    mutating func removeAll() {
        entries.removeAll()
        order.removeAll()
        head = 0
    }
}
