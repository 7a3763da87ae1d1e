import NIOCore
import NIOHTTP1
import Runtime
import StokerCore
import Synchronization

/// Brings large files to the Hub's LFS storage.
struct LFSTransfer: Sendable {
    let hub: Hub
    let repo: RepoID
    let revision: String
    let items: [UploadItem]
    let notes: UploadResumeStore
    let meter: TransferMeter
    let lanes: Int
    /// Seconds since 1970.
    let now: Int64
    /// Answers to an address that mean "no longer".
    private static let expired: Set<Int> = [400, 403, 404, 409, 410, 412, 422]
    /// An address that was given longer ago than this may have run out: those for whole objects are good for 15 minutes, as
    /// huggingface_hub's issues 1311 and 1312 show; nothing is documented.
    static let freshness: Duration = .seconds(600)
    /// How often the addresses of an object are asked for anew.
    static let maxRenewals = 5

    init(
        _ items: [UploadItem], to repo: RepoID, revision: String, hub: Hub, notes: UploadResumeStore,
        meter: TransferMeter,
        lanes: Int, now: Int64
    ) {
        self.items = items
        self.repo = repo
        self.revision = revision
        self.hub = hub
        self.notes = notes
        self.meter = meter
        self.lanes = lanes
        self.now = now
    }

    struct Outcome: Sendable {
        /// SHA-256 of each item.
        var oids: [String]
        /// Items the repository has in this form already.
        var unchanged: Set<Int>
        var sent: Int64
        /// Why nothing could be noted for a later run; nil as a rule.
        var unnoted: String?
    }

    /// When the addresses of an object were asked for, by the Hub's clock, and how often before.
    private struct Given: Sendable {
        var at: Duration
        var renewals = 0
    }

    private enum Ended: Sendable {
        case hashed(Int, String)
        case asked([Int], [Int: LFSWork], [Int: UploadResumeStore.Note], at: Duration)
        case put(Int, Int?, String)
        case finished(Int)
        case expired(Int, LFSSchedule.Job)
    }

    /// - Parameters:
    ///   - stored: what the repository has under each name.
    ///   - known: hashes from an earlier plan.
    func run(stored: [String?], known: [String?]) async throws(HubFailure) -> Outcome {
        let doing = "send large files to \(repo)"
        do {
            return try await transfer(stored: stored, known: known, doing: doing)
        } catch {
            throw HubFailure.caught(error, doing: doing)
        }
    }

    private func transfer(stored: [String?], known: [String?], doing: String) async throws -> Outcome {
        var schedule = LFSSchedule(
            items.indices.map { LFSSchedule.File(size: items[$0].size, oid: known[$0], stored: stored[$0]) },
            lanes: lanes)
        var records: [Int: UploadResumeStore.Note] = [:]
        var given: [Int: Given] = [:]
        var sent: Int64 = 0
        var unnoted: String?
        try await Disk.run { [notes, now] in notes.sweep(now: now) }
        try await withThrowingTaskGroup(of: Ended.self) { group in
            while true {
                while let job = schedule.next() {
                    begin(job, schedule, records, given, in: &group, doing: doing)
                }
                guard let ended = try await group.next() else { break }
                switch ended {
                case .hashed(let file, let oid): schedule.didHash(file, oid: oid)
                case .asked(let asked, let works, let found, let at):
                    for file in asked { given[file, default: Given(at: at)].at = at }
                    var done: [Int: Set<Int>] = [:]
                    for (file, note) in found {
                        records[file] = note
                        let parts = note.etags.indices.filter { note.etags[$0] != nil }
                        done[file] = Set(parts)
                        for part in parts {
                            meter.skipped(bytes: note.parts.range(of: part, size: note.size).length, file: false)
                        }
                    }
                    schedule.didAsk(asked, works: works, sent: done)
                    for file in asked {
                        if case .present = schedule.states[file] { meter.skipped(bytes: items[file].size) }
                    }
                    let refused = asked.compactMap { file -> String? in
                        guard case .refused(let why) = schedule.states[file] else { return nil }
                        return "\(items[file].path): \(why)"
                    }
                    if !refused.isEmpty {
                        throw HubFailure(
                            .invalid, doing: doing,
                            said: "the Hub refused \(refused.count) of \(items.count) large files: "
                                + refused.prefix(5).joined(separator: "; "))
                    }
                case .put(let file, let part, let etag):
                    if let part {
                        guard var note = records[file] else {
                            schedule.didPut(file)
                            continue
                        }
                        note.etags[part] = etag
                        records[file] = note
                        if let oid = schedule.files[file].oid, unnoted == nil {
                            // A full or read-only disk costs the notes, not the upload.
                            unnoted = try await Disk.run { [notes, note] in notes.keep(note, of: oid) }
                        }
                        sent += note.parts.range(of: part, size: note.size).length
                    } else {
                        sent += items[file].size
                    }
                    schedule.didPut(file)
                case .finished(let file):
                    records[file] = nil
                    schedule.didFinish(file)
                    meter.finishedFile()
                case .expired(let file, let job):
                    if let note = records.removeValue(forKey: file) {
                        if let oid = schedule.files[file].oid {
                            try await Disk.run { [notes] in notes.drop(oid) }
                        }
                        for part in note.etags.indices where note.etags[part] != nil {
                            meter.skipped(bytes: -note.parts.range(of: part, size: note.size).length, file: false)
                        }
                    }
                    // Parts that were on their way together expire together, and are asked about once.
                    if schedule.states[file] != .expiring { given[file]?.renewals += 1 }
                    schedule.expired(file, during: job)
                }
            }
        }
        var unchanged: Set<Int> = []
        for (file, state) in schedule.states.enumerated() {
            switch state {
            case .unchanged:
                unchanged.insert(file)
                meter.skipped(bytes: items[file].size)
            case .twin: meter.skipped(bytes: items[file].size)
            default: break
            }
        }
        return Outcome(
            oids: schedule.files.map { $0.oid ?? "" }, unchanged: unchanged, sent: sent, unnoted: unnoted)
    }

    private func begin(
        _ job: LFSSchedule.Job, _ schedule: LFSSchedule, _ records: [Int: UploadResumeStore.Note],
        _ given: [Int: Given],
        in group: inout ThrowingTaskGroup<Ended, any Error>, doing: String
    ) {
        switch job {
        case .hash(let file):
            let item = items[file]
            group.addTask {
                let hash = try await Disk.run { flag in try item.hash(.sha256) { _ in try flag.check() } }
                return .hashed(file, "\(hash)")
            }
        case .ask(let asked):
            let objects = asked.map { Hub.LFSObject(oid: schedule.files[$0].oid ?? "", size: items[$0].size) }
            group.addTask { try await ask(asked, objects, doing: doing) }
        case .put(let file, let part):
            guard let work = schedule.works[file] else { return }
            let isResumed = records[file].map { $0.made != now } ?? false
            let given = given[file]
            group.addTask {
                let counter = AttemptCounter { [meter] in meter.moved($0) }
                do {
                    return .put(file, part, try await put(items[file], part, work, counter, doing: doing))
                } catch let failure as HubFailure where Self.expired.contains(failure.status) {
                    // The first look at an address says more about the object than about the address.
                    guard isResumed || counter.attempts > 1 || isOld(given), mayRenew(given) else { throw failure }
                    return .expired(file, job)
                }
            }
        case .finish(let file):
            guard let work = schedule.works[file], let oid = schedule.files[file].oid else { return }
            let note = records[file]
            let given = given[file]
            group.addTask {
                do {
                    try await finish(oid, size: items[file].size, work, note, doing: doing)
                } catch let failure as HubFailure {
                    // Whatever is wrong with the parts, a new run must not begin with them again.
                    if let note {
                        let isOfBefore = note.made != now
                        let isExpired = Self.expired.contains(failure.status)
                        if isOfBefore && failure.status >= 500 || isExpired && (isOfBefore || isOld(given)),
                            mayRenew(given)
                        {
                            return .expired(file, job)
                        }
                        if isOfBefore || isExpired { try await Disk.run { [notes] in notes.drop(oid) } }
                    }
                    throw failure
                }
                if note != nil { try await Disk.run { [notes] in notes.drop(oid) } }
                return .finished(file)
            }
        }
    }

    private func isOld(_ given: Given?) -> Bool {
        given.map { hub.pace.clock.now() - $0.at >= Self.freshness } ?? false
    }

    private func mayRenew(_ given: Given?) -> Bool { given.map { $0.renewals < Self.maxRenewals } ?? false }

    private func ask(_ asked: [Int], _ objects: [Hub.LFSObject], doing: String) async throws -> Ended {
        let at = hub.pace.clock.now()
        let answer = try await hub.lfsBatch(objects, to: repo, revision: revision, doing: doing)
        var works: [Int: LFSWork] = [:]
        var found: [Int: UploadResumeStore.Note] = [:]
        for (file, object) in zip(asked, objects) {
            guard let work = answer[object.oid] else { continue }
            works[file] = work
            guard case .multipart(let parts, let verify) = work else { continue }
            let earlier = try await Disk.run { [notes, now] in notes.read(object.oid, size: object.size, now: now) }
            if let earlier, earlier.etags.contains(where: { $0 != nil }) {
                found[file] = earlier
                works[file] = .multipart(earlier.parts, verify: earlier.verify)
            } else {
                found[file] = UploadResumeStore.Note(
                    size: object.size, made: now, parts: parts, verify: verify,
                    etags: Array(repeating: nil, count: parts.urls.count))
            }
        }
        return .asked(asked, works, found, at: at)
    }

    /// Sends an object or a part of it. Returns the ETag of a part.
    private func put(
        _ item: UploadItem, _ part: Int?, _ work: LFSWork, _ counter: AttemptCounter, doing: String
    ) async throws -> String {
        let address: String
        let range: (offset: Int64, length: Int64)
        switch (work, part) {
        case (.multipart(let parts, _), let part?):
            address = parts.urls[part]
            range = parts.range(of: part, size: item.size)
        case (.basic(let upload, _), _):
            address = upload
            range = (0, item.size)
        default: return ""
        }
        var request = HubRequest(
            .PUT, hub.atEndpoint(address), doing: "send \(item.path) to \(repo)",
            body: .pieces(length: range.length, type: "application/octet-stream") { [range] in
                counter.beginAttempt()
                return try item.pieces(from: range.offset, count: range.length) { counter.moved($0) }
            },
            repeats: .freely, timeout: .seconds(6 * 3600))
        request.idle = .seconds(60)
        request.sendsToken = false
        let answer: HubAnswer
        do {
            answer = try await hub.send(request)
        } catch {
            counter.begin()
            throw error
        }
        guard part != nil else { return "" }
        guard let etag = answer.headers.first(name: "ETag"), !etag.isEmpty else {
            throw HubFailure(
                .unreadable, doing: request.doing, said: "the storage took a part without naming it (no ETag)",
                status: answer.status)
        }
        return etag
    }

    private func finish(_ oid: String, size: Int64, _ work: LFSWork, _ note: UploadResumeStore.Note?, doing: String)
        async throws(HubFailure)
    {
        var verify: String?
        switch work {
        case .multipart(let parts, let check):
            struct Completion: Encodable {
                struct Part: Encodable {
                    var partNumber: Int
                    var etag: String
                }
                var oid: String
                var parts: [Part]
            }
            let completion = Completion(
                oid: oid,
                parts: (note?.etags ?? []).enumerated().map { .init(partNumber: $0 + 1, etag: $1 ?? "") })
            guard case .json(let body) = HubRequest.Body.json(encoding: completion) else { return }
            // The storage puts the parts together before it answers.
            var request = HubRequest(
                .POST, hub.atEndpoint(parts.completion), doing: doing, headers: ["Accept": Hub.lfsType],
                body: .bytes(body, type: Hub.lfsType), right: "write access to \(repo)", repeats: .freely,
                timeout: .seconds(300))
            request.sendsToken = false
            _ = try await hub.send(request)
            verify = check
        case .basic(_, let check): verify = check
        default: break
        }
        if let verify {
            do {
                _ = try await hub.send(
                    HubRequest(
                        .POST, hub.atEndpoint(verify), doing: doing,
                        body: .json(encoding: Hub.LFSObject(oid: oid, size: size)), right: "write access to \(repo)",
                        repeats: .freely, timeout: .seconds(60)))
            } catch  where error.status == 404 || error.status == 422 {
                // Of the object, not of the repository.
                throw error.hinting(
                    "what was sent did not arrive whole, though the storage took it; the same command sends it again")
            }
        }
    }
}

/// Bytes of one request; those of an attempt that is repeated are taken off again.
final class AttemptCounter: Sendable {
    private let report: @Sendable (Int64) -> Void
    private let attempt = Mutex<Int64>(0)
    private let count = Mutex(0)
    init(_ report: @escaping @Sendable (Int64) -> Void) { self.report = report }

    /// How often the request was sent.
    var attempts: Int { count.withLock { $0 } }

    func beginAttempt() {
        count.withLock { $0 += 1 }
        begin()
    }

    func begin() {
        let lost = attempt.withLock { count in
            defer { count = 0 }
            return count
        }
        if lost > 0 { report(-lost) }
    }

    func moved(_ bytes: Int64) {
        attempt.withLock { $0 += bytes }
        report(bytes)
    }
}

extension UploadItem {
    /// A stretch of the content, read as it is asked for.
    func pieces(from offset: Int64, count: Int64, counted: @escaping @Sendable (Int64) -> Void) throws
        -> AsyncThrowingStream<ByteBuffer, any Error>
    {
        struct Reading {
            var place: Int64
            var file: LocalFile?
            var ring = BufferRing()
        }
        let reading = Mutex(Reading(place: offset))
        let end = offset + count
        let item = self
        return AsyncThrowingStream {
            try await Disk.untilHandedOver()
            let piece = try await Disk.run {
                try reading.withLock { reading -> ByteBuffer? in
                    let wanted = Int(min(Int64(Disk.piece), end - reading.place))
                    guard wanted > 0 else { return nil }
                    defer { reading.place += Int64(wanted) }
                    switch item.source {
                    case .bytes(let bytes):
                        return bytes.getSlice(at: bytes.readerIndex + Int(reading.place), length: wanted)
                    case .file:
                        if reading.file == nil { reading.file = try item.open() }
                        guard let file = reading.file else { return nil }
                        let place = reading.place
                        let piece = try reading.ring.filled(capacity: Disk.piece) {
                            try file.read(wanted, at: place, into: &$0)
                        }
                        guard piece.readableBytes == wanted else {
                            throw item.becameShorter
                        }
                        if place + Int64(wanted) == end { try item.check(file) }
                        return piece
                    }
                }
            }
            if let piece { counted(Int64(piece.readableBytes)) }
            return piece
        }
    }
}
