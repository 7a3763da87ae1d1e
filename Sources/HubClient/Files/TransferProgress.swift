import Synchronization

/// How far an upload or download is.
package struct TransferProgress: Sendable, Equatable {
    /// What is being done now; raw values are those of progress events.
    package enum Phase: String, Sendable, CaseIterable {
        /// Reading the folder.
        case scanning
        /// Asking the Hub which files it has and how it wants the others.
        case comparing
        /// Reading large files for their hashes, and sending them.
        case sending
        /// Handing over the commit.
        case committing
        case downloading
        case done
    }
    /// Phases follow each other in this order; those that are not needed are left out.
    package var phase: Phase
    /// Files that are through, of those that matter.
    package var files: Int
    /// Files that matter: those that are sent or received.
    package var filesTotal: Int
    /// Bytes that are through. Those of a piece that has to be sent again are taken off first.
    package var bytes: Int64
    /// Of those files.
    package var bytesTotal: Int64
    /// Bytes a second over the last seconds; 0 as long as nothing is known.
    package var rate: Double
    /// Seconds left at this rate; nil when that cannot be said.
    package var secondsLeft: Double?
}

/// Counts what moves and reports it, ten times a second at most and once at the end.
final class TransferMeter: Sendable {
    private struct State {
        var progress: TransferProgress
        /// Bytes that count for the rate: what was skipped does not.
        var moved: Int64 = 0
        var marks: [(at: ContinuousClock.Instant, moved: Int64)] = []
        var reported: ContinuousClock.Instant?
    }
    private let state: Mutex<State>
    private let report: @Sendable (TransferProgress) -> Void
    private let now: @Sendable () -> ContinuousClock.Instant

    init(
        files: Int = 0, bytes: Int64 = 0, phase: TransferProgress.Phase,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now },
        report: @escaping @Sendable (TransferProgress) -> Void
    ) {
        self.now = now
        self.report = report
        state = Mutex(
            State(
                progress: TransferProgress(
                    phase: phase, files: 0, filesTotal: files, bytes: 0, bytesTotal: bytes, rate: 0)))
    }

    func enter(_ phase: TransferProgress.Phase) { change(force: true) { $0.progress.phase = phase } }

    func expect(files: Int, bytes: Int64) {
        change {
            $0.progress.files = 0
            $0.progress.bytes = 0
            $0.progress.filesTotal = files
            $0.progress.bytesTotal = bytes
        }
    }

    /// Bytes went over the wire; negative when some will go again.
    func moved(_ bytes: Int64) {
        change {
            $0.progress.bytes += bytes
            $0.moved += bytes
        }
    }

    /// A file that need not move, or a part of one.
    func skipped(bytes: Int64, file: Bool = true) {
        change {
            $0.progress.bytes += bytes
            $0.progress.files += file ? 1 : 0
        }
    }

    func finishedFile(_ count: Int = 1) { change { $0.progress.files += count } }

    func end() { change(force: true) { $0.progress.phase = .done } }

    private func change(force: Bool = false, _ body: (inout State) -> Void) {
        let at = now()
        let due = state.withLock { state -> TransferProgress? in
            body(&state)
            if !force, let reported = state.reported, at - reported < .milliseconds(100) { return nil }
            state.reported = at
            state.marks.append((at, state.moved))
            // The rate is that of the last ten seconds: what was long ago says nothing of the line now.
            while state.marks.count > 2, at - state.marks[1].at > .seconds(10) { state.marks.removeFirst() }
            let first = state.marks[0]
            let seconds = (at - first.at) / .seconds(1)
            state.progress.rate = seconds > 0 ? max(0, Double(state.moved - first.moved) / seconds) : 0
            let left = state.progress.bytesTotal - state.progress.bytes
            state.progress.secondsLeft =
                if left <= 0 { 0 } else if state.progress.rate > 0 { Double(left) / state.progress.rate } else { nil }
            return state.progress
        }
        if let due { report(due) }
    }
}
