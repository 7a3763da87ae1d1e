package import FoundationEssentials
import NIOCore
import NIOHTTP1
import Runtime
package import StokerCore
import Synchronization

/// Why the reading of a stream ended.
package enum StreamEnd: Sendable, Equatable {
    /// The Hub ended it.
    case ended
    /// Nothing came for as long as we wait, not even a keep-alive.
    case silent
    /// The reader had enough.
    case enough
    /// The connection was cut.
    case cut
}

/// What happens while a log is followed, beside its lines.
package enum LogNote: Sendable, Equatable {
    /// The stream ended or was cut and is opened again; the stage as the Hub tells it, when it does.
    case reconnecting(stage: SpaceStage?)
    /// Lines come again.
    case connected
}

extension Hub {
    /// How long a log that is only read to its present end may be silent. Source: `huggingface_hub` `fetch_space_logs`, 5 s.
    package static let drainSilence: Duration = .seconds(5)
    /// How long a followed log may be silent before the connection is taken for dead; keep-alives count. Source: as above, 120 s.
    package static let followSilence: Duration = .seconds(120)

    /// Reads what a log holds now and returns: at the end of the stream, at the first line that was written after the answer began, or when
    /// nothing more comes.
    /// - Parameters:
    ///   - tail: only the last so many lines; nil for all that the container still holds.
    ///   - each: called for every line, in order.
    package func drainLog(
        _ kind: SpaceLogKind, of space: RepoID, tail: Int? = nil, silence: Duration = Hub.drainSilence,
        each: @escaping @Sendable (LogLine) async throws -> Void
    ) async throws {
        guard let stream = try await openToDrain(kind, of: space, tail: tail, silence: silence) else { return }
        let began = Self.slightlyAfter(stream)
        let end = try await read(stream, silence: silence) { event in
            guard let line = LogLine(event) else { return true }
            if let began, let date = line.date, date > began { return false }
            try await each(line)
            return true
        }
        if end == .cut {
            throw HubFailure(
                .unreachable, doing: "read the \(kind) log of \(space)", said: "the stream was cut", retry: .soon)
        }
    }

    /// How often a followed build is looked at, to see whether it is over: the Hub may keep its log open for ever.
    package static let buildLooks: Duration = .seconds(5)

    /// Follows a log until it is cancelled: through restarts of the container, cuts and silence, each line once. A build log ends when the
    /// build is over and no line has come for `drainSilence`.
    /// - Parameters:
    ///   - tail: begin with the last so many lines; 0 begins with what comes next; nil with all that the container still holds.
    ///   - after: resume behind this moment.
    ///   - buildLooks: time between looks at a build.
    ///   - drainSilence: how long a build that is over may still bring lines.
    ///   - waits: before each new connection in a row; the last one repeats.
    ///   - note: told about the connection.
    ///   - each: called for every line, in order; memory does not grow with their number.
    /// - Throws: ``HubFailure`` when the Space or the right to read it is gone, or the first answer is no event stream; what `each` throws.
    package func followLog(
        _ kind: SpaceLogKind, of space: RepoID, tail: Int? = nil, after: Date? = nil,
        silence: Duration = Hub.followSilence, buildLooks: Duration = Hub.buildLooks,
        drainSilence: Duration = Hub.drainSilence,
        waits: [Duration] = [.seconds(1), .seconds(2), .seconds(4), .seconds(8), .seconds(15), .seconds(30)],
        note: @escaping @Sendable (LogNote) async -> Void = { _ in },
        each: @escaping @Sendable (LogLine) async throws -> Void
    ) async throws {
        let replay = Shared(LogReplay(after: after))
        let state = Shared((lines: 0, isFirst: true))
        var failures = 0
        while true {
            let before = state.withLock(\.lines)
            let isFirst = state.withLock(\.isFirst)
            do {
                let wasBuilt = kind == .build ? try await isBuilt(space) : false
                let wanted = isFirst ? tail : nil
                // What is over may not even have headers for us.
                let opened =
                    wasBuilt
                    ? try await openToDrain(kind, of: space, tail: wanted, silence: drainSilence)
                    : try await openLog(kind, of: space, tail: wanted)
                guard let stream = opened else { return }
                if !isFirst {
                    replay.withLock { $0.reconnected() }
                    await note(.connected)
                } else if tail == 0, let date = ServerDate(stream.headers)?.date {
                    // Without a line to go by, the Hub's clock says what is old.
                    replay.withLock { $0 = LogReplay(after: max(date, after ?? date)) }
                }
                state.withLock { $0.isFirst = false }
                let over: BuildEnd? =
                    kind == .build
                    ? BuildEnd(looks: buildLooks, silence: drainSilence) { try await self.isBuilt(space) } : nil
                let began = wasBuilt ? Self.slightlyAfter(stream) : nil
                let end = try await read(stream, silence: silence, over: over) { event in
                    guard let line = LogLine(event) else { return true }
                    // Not of the build that was over when we asked: of another one, or of none.
                    if let began, let date = line.date, date > began, try await self.isBuilt(space) { return false }
                    let isNew = replay.withLock { replay in
                        if isFirst, let tail, tail > 0 { replay.began(inTheMiddleAt: line) }
                        return replay.isNew(line)
                    }
                    guard isNew else { return true }
                    state.withLock { $0.lines += 1 }
                    try await each(line)
                    return true
                }
                if end == .enough { return }
            } catch let failure as HubFailure where failure.mayHaveHappened || failure.kind == .throttled {
                // No connection, or trouble of the Hub: the same as a cut. But what never was a log is none a minute later.
                if isFirst, failure.kind == .unreadable { throw failure }
            }
            try Task.checkCancellation()
            failures = state.withLock(\.lines) == before ? failures + 1 : 0
            let stage = try await stageWhileAway(of: space)
            if kind == .build, let stage, !stage.isBuilding { return }
            await note(.reconnecting(stage: stage))
            if !waits.isEmpty { try await pace.clock.sleep(waits[min(failures, waits.count - 1)]) }
        }
    }

    /// What was written later than this was written after the answer began. A Date header has whole seconds and many servers make it anew
    /// only once a second: a line from just before the question may look two seconds younger than it. The official client allows one and
    /// loses such lines.
    private static func slightlyAfter(_ stream: HubStream) -> Date? {
        ServerDate(stream.headers)?.date.addingTimeInterval(3)
    }

    /// False also when the Hub cannot be asked just now.
    private func isBuilt(_ space: RepoID) async throws(HubFailure) -> Bool {
        try await stageWhileAway(of: space).map { !$0.isBuilding } ?? false
    }

    /// nil when the Hub cannot be asked just now.
    private func stageWhileAway(of space: RepoID) async throws(HubFailure) -> SpaceStage? {
        do { return try await runtime(of: space).stage } catch  where error.mayHaveHappened || error.kind == .throttled
        {
            return nil
        }
    }

    /// When the oldest line that the container still holds was written: its start, unless it has written a lot.
    func beginningOfRunLog(of space: RepoID) async throws -> Date? {
        let stream = try await openLog(.run, of: space, tail: nil, isUrgent: true)
        let first = Shared<Date?>(nil)
        _ = try await read(stream, silence: Self.drainSilence) { event in
            guard let date = LogLine(event)?.date else { return true }
            first.withLock { $0 = date }
            return false
        }
        return first.withLock(\.self)
    }

    /// Nil when nothing comes, not even headers: of a quiet Space the Hub's come with its first line. The official client's read timeout
    /// means the end of the log here, too.
    private func openToDrain(
        _ kind: SpaceLogKind, of space: RepoID, tail: Int?, silence: Duration
    ) async throws(HubFailure) -> HubStream? {
        do {
            return try await openLog(kind, of: space, tail: tail, within: silence)
        } catch {
            guard error.wasSlow else { throw error }
            // Or the Hub is away: then this fails.
            _ = try await runtime(of: space)
            return nil
        }
    }

    /// - Parameter silence: longest wait for the headers, and then no second try; nil for the usual ones.
    private func openLog(
        _ kind: SpaceLogKind, of space: RepoID, tail: Int?, within silence: Duration? = nil, isUrgent: Bool = false
    ) async throws(HubFailure) -> HubStream {
        var request = HubRequest(
            .GET, "\(space.api)/logs/\(kind.rawValue)", doing: "read the \(kind) log of \(space)",
            query: tail.map { [("tail", "\($0)")] } ?? [], right: "read access to \(space)")
        request.headers.add(name: "Accept", value: "text/event-stream")
        request.isUrgent = isUrgent
        if let silence {
            request.timeout = silence
            request.slownessIsAnAnswer = true
        }
        let stream: HubStream
        do { stream = try await open(request) } catch { throw await namingStatic(error, of: space) }
        if let type = stream.headers.first(name: "Content-Type")?.lowercased(), !type.hasPrefix("text/event-stream") {
            throw .noStream(request.doing, type: type)
        }
        return stream
    }

    /// When the reading of a build's log ends though its stream does not.
    struct BuildEnd: Sendable {
        /// Time between looks.
        var looks: Duration
        /// Without a line after the end of the build.
        var silence: Duration
        var isOver: @Sendable () async throws -> Bool
    }

    /// Hands the events of a stream to `each` until it says false, the stream ends, or nothing comes for `silence`.
    /// - Throws: `hub.unreadable` when what came is no event stream; what `each` throws.
    func read(
        _ stream: HubStream, silence: Duration, over: BuildEnd? = nil,
        each: @escaping @Sendable (SSEEvent) async throws -> Bool
    ) async throws -> StreamEnd {
        let heard = Shared(ContinuousClock.now)
        // Of events that say something: keep-alives come for ever.
        let spoken = Shared(ContinuousClock.now)
        let outcome: StreamEnd = try await withThrowingTaskGroup(of: StreamEnd.self) { group in
            group.addTask {
                var decoder = SSEDecoder()
                var events: [SSEEvent] = []
                var count = 0
                do {
                    for try await piece in stream.pieces {
                        heard.withLock { $0 = .now }
                        decoder.feed(piece) { events.append($0) }
                        count += events.count
                        if events.contains(where: { !$0.data.isEmpty }) { spoken.withLock { $0 = .now } }
                        for event in events where try await !each(event) { return .enough }
                        events.removeAll(keepingCapacity: true)
                    }
                    if count == 0, decoder.isNoStream { throw HubFailure.noStream(stream.pieces.doing, type: nil) }
                    return .ended
                } catch let failure as HubFailure where failure.kind == .unreachable {
                    return .cut
                }
            }
            group.addTask {
                while true {
                    let deadline = heard.withLock(\.self) + silence
                    if ContinuousClock.now >= deadline { return .silent }
                    try await Task.sleep(until: deadline, clock: .continuous)
                }
            }
            if let over {
                group.addTask {
                    while try await !over.isOver() { try await Task.sleep(for: over.looks) }
                    while true {
                        let deadline = spoken.withLock(\.self) + over.silence
                        if ContinuousClock.now >= deadline { return .ended }
                        try await Task.sleep(until: deadline, clock: .continuous)
                    }
                }
            }
            defer { group.cancelAll() }
            return try await group.next() ?? .ended
        }
        try Task.checkCancellation()
        return outcome
    }
}

extension HubFailure {
    /// An answer of success that is a proxy's page or a document: it says nothing of the log.
    fileprivate static func noStream(_ doing: String, type: String?) -> HubFailure {
        let what =
            type?.contains("html") == true
            ? "a web page came in place of the stream"
            : "what came is no event stream\(type.map { " but \(Redaction.quote($0, limit: 60))" } ?? "")"
        return HubFailure(.unreadable, doing: doing, said: what, status: 200)
    }
}

/// A value that the tasks of one reading share.
private final class Shared<Value: Sendable>: Sendable {
    private let value: Mutex<Value>
    init(_ value: Value) { self.value = Mutex(value) }
    func withLock<Result>(_ body: (inout Value) -> Result) -> Result { value.withLock { body(&$0) } }
}
