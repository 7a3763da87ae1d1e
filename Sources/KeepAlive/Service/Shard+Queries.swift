import Runtime
import StokerCore

/// What the pages and the API ask a shard. Large fleets are scanned in slices with the loop free in between.
extension Shard {
    func status(_ index: UInt32) -> CheckStatus {
        let row = Int(index)
        let check = self.check(row)
        return CheckStatus(
            check: check, id: ids[row], state: states[row],
            nextDue: states[row].verdict == .paused ? nil : nextDue(index),
            pinging: pings[index]?.ticket != nil,
            hubStatus: check.space.flatMap {
                shared.hub.hubStatus(of: check.name, space: $0, cell: cells[index], now: clocks.wall())
            }, maintenance: shared.maintenance.window(of: check, at: clocks.wall()))
    }

    func cell(_ index: UInt32, _ name: String) -> SpaceVerdict.GridCell? { holds(index, name) ? cells[index] : nil }

    func status(_ index: UInt32, _ name: String) -> CheckStatus? { holds(index, name) ? status(index) : nil }

    /// nil for a row that is not there any more.
    func statuses(_ indices: [UInt32]) -> [CheckStatus?] { indices.map { Int($0) < count ? status($0) : nil } }

    /// The strip, nil when the fleet is too large to keep any, and the number under which the ledger has it.
    func strip(_ index: UInt32, _ name: String) -> (kept: [Sample]?, id: Int32)? {
        holds(index, name) ? (recentPings.isKept ? recentPings[Int(index)] : nil, ids[Int(index)]) : nil
    }

    func lastTranscript(_ index: UInt32, _ name: String) -> (transcript: Transcript?, id: Int32)? {
        holds(index, name) ? (transcriptCache[index]?.transcript, ids[Int(index)]) : nil
    }

    /// Enough of a match to sort it before its page is cut.
    struct Match: Sendable {
        var index: UInt32
        /// See ``CheckState/urgency``.
        var urgency: Int
        var latency: UInt32
        var lastPing: Instant
    }

    /// So many matches come with their statuses at once: asking twice would cost two more changes of thread.
    static let few = 64

    /// What the query asks for, and how many of each verdict there are among what all of it but the verdicts lets pass.
    /// `statuses` are those of the matches, in their order; empty when there are more than ``few``, or more than the page takes.
    func matches(_ query: StatusQuery) async -> (found: [Match], counts: [Verdict: Int], statuses: [CheckStatus]) {
        var found: [Match] = []
        var counts: [Verdict: Int] = [:]
        var index = 0
        while index < count {
            // The fleet may be replaced while the loop is lent out: the bounds are read again.
            let end = min(index + 20_000, count)
            for row in index..<end {
                let state = states[row]
                let check = self.check(row)
                guard query.matches(check) else { continue }
                counts[state.verdict, default: 0] += 1
                if !query.verdicts.isEmpty || !query.looks.isEmpty, !query.verdicts.contains(state.verdict),
                    query.looks.isEmpty || !query.looks.contains(state.look)
                {
                    continue
                }
                found.append(
                    Match(
                        index: UInt32(row), urgency: state.urgency, latency: state.latencyMicroseconds,
                        lastPing: state.lastPing))
            }
            index = end
            if index < count { await Task.yield() }
        }
        let areFew = found.count <= min(Self.few, query.limit)
        return (found, counts, areFew ? found.compactMap { Int($0.index) < count ? status($0.index) : nil } : [])
    }

    struct Summary: Sendable {
        var counts: VerdictCounts
        var counters: Counters
        var lateness: LatenessWindow
        var open: Int
        var openLimit: Int
    }

    func summary() -> Summary {
        Summary(
            counts: counts, counters: counters, lateness: lateness, open: admission.open, openLimit: admission.openLimit
        )
    }
}
