import Foundation
import Glibc
import Logging
import Runtime
import StokerCore

extension Guard {
    /// Claims, restores and verifies.
    func start() async throws -> RecoveryRecord {
        status.enter(.claiming, at: now())
        try await store.askForPen(as: settings.holder, within: settings.handover)
        let claim = try await store.claim(as: settings.holder, remembering: await remembered())
        holds(claim)
        status.update { facts in
            facts.epoch = claim.epoch
            facts.newest = claim.newest
        }
        try Task.checkCancellation()
        status.enter(.restoring, at: now())
        return try await bringBack(claim)
    }

    private func bringBack(_ claim: Claim) async throws -> RecoveryRecord {
        let begin = ContinuousClock.now
        var source = store
        var found = claim.newest
        if found == nil, let fallback {
            found = try await fallback.patiently { try await fallback.newest() }
            source = fallback
        }
        guard let newest = found else {
            var record = RecoveryRecord(.first, at: now(), claim: claim)
            record.duration = ContinuousClock.now - begin
            return record
        }
        let places = places
        let (occupied, origin) = try await TreeCapture.onThread { (places.occupied, places.origin) }
        if !occupied.isEmpty, origin == newest.id {
            var record = RecoveryRecord(.continued, at: now(), claim: claim)
            (record.snapshot, record.number, record.from) = (newest.id, newest.number, newest.time)
            if let failure = await verified(&record) {
                // What lies there is no snapshot: the snapshot is.
                record.warnings.append("what lay on the disk was not taken by the owner's check: \(failure)")
            } else {
                return record
            }
        }
        var warnings: [String] = []
        if !occupied.isEmpty {
            let isKnown = origin != nil
            guard isKnown || settings.existing == .aside else {
                throw Failure(
                    .restoreFailed, doing: "restore snapshot \(newest.id)",
                    because:
                        "\(occupied.map(\.place).joined(separator: ", ")) \(occupied.count == 1 ? "is" : "are") not empty, and did not come from this vault",
                    hint: "move it away, leave it out of the image, or say --existing aside")
            }
            let stamp = now().description.filter { $0 != ":" && $0 != "." }
            let aside = try await TreeCapture.onThread { try places.moveAside(stamp) }
            warnings.append("what was there is now \(aside.joined(separator: ", "))")
        }
        return try await restoreFirst(of: claim, newest, in: source, begin, warnings)
    }

    /// The newest, then that of the other vault, and by the owner's word older ones.
    /// - Parameter source: where the newest is.
    private func restoreFirst(
        of claim: Claim, _ newest: Snapshot, in source: SnapshotStore, _ begin: ContinuousClock.Instant,
        _ warnings: [String]
    ) async throws -> RecoveryRecord {
        var reasons: [String] = []
        var candidates = [(newest, source)]
        var index = 0
        while index < candidates.count {
            let (snapshot, from) = candidates[index]
            index += 1
            do {
                let isOther = from !== store
                var record = RecoveryRecord(
                    snapshot == newest || isOther ? .restored : .older, at: now(), claim: claim)
                record.warnings = warnings
                let report = try await from.patiently { try await restore(snapshot, from: from) }
                (record.snapshot, record.number, record.from) = (snapshot.id, snapshot.number, snapshot.time)
                (record.files, record.bytes) = (report.files, report.bytes)
                record.warnings += report.warnings
                if let failure = await verified(&record) {
                    try Task.checkCancellation()
                    let places = places
                    try await TreeCapture.onThread { try places.clear() }
                    throw Failure(.restoreFailed, doing: "verify snapshot \(snapshot.id)", because: failure)
                }
                record.duration = ContinuousClock.now - begin
                if isOther {
                    // What its writer did after it is not known here.
                    record.wasReleased = false
                    reasons.append("from \(from.vault.name)")
                }
                record.because = reasons.isEmpty ? nil : reasons.joined(separator: "; ")
                if snapshot == newest || isOther {
                    try? await note(snapshot)  // without the note, a restart on this disk restores
                } else if settings.onFailedRestore == .readOnly {
                    isReadOnlyFromNowOn()
                }
                return record
            } catch {
                if error is CancellationError || Task.isCancelled || error is Fenced { throw error }
                let failure = Failure(telling: error, doing: "restore snapshot \(snapshot.id)")
                reasons.append("\(snapshot.id): \(failure.because)")
                logger.error("\(failure)")
                if index == 1, from === store, let fallback,
                    let other = try? await fallback.patiently({ try await fallback.newest() })
                {
                    candidates.append((other, fallback))
                    continue
                }
                if settings.onFailedRestore == .stop { throw failure }
                if settings.onFailedRestore != .empty, !candidates.contains(where: { $0.0 != newest && $0.1 === store })
                {
                    let all = try? await store.patiently { try await store.snapshots() }
                    candidates += (all ?? []).filter { $0.number < newest.number }.prefix(20).map { ($0, store) }
                }
            }
        }
        guard settings.onFailedRestore == .empty || settings.onFailedRestore == .readOnly else {
            throw Failure(
                .restoreFailed, doing: "restore an older snapshot", because: reasons.joined(separator: "; "),
                hint: "`stoker snapshots list` shows what is there")
        }
        var record = RecoveryRecord(.empty, at: now(), claim: claim)
        record.because = reasons.joined(separator: "; ")
        record.warnings = warnings
        record.duration = ContinuousClock.now - begin
        if settings.onFailedRestore == .readOnly { isReadOnlyFromNowOn() }
        return record
    }

    private func note(_ snapshot: Snapshot) async throws {
        let places = places
        try await TreeCapture.onThread { try places.note(snapshot: snapshot.id) }
    }

    /// All paths into folders beside their places first; then all are brought there. Until then nothing of what is there is touched.
    private func restore(_ snapshot: Snapshot, from source: SnapshotStore) async throws -> RestoreReport {
        let places = places
        let id = snapshot.id
        let stages = try await TreeCapture.onThread { try places.stages(id) }
        do {
            var whole: RestoreReport?
            for stage in stages {
                let report = try await source.restore(snapshot, to: stage.folder, only: [stage.path.name])
                if whole == nil {
                    whole = report
                } else {
                    whole?.files += report.files
                    whole?.bytes += report.bytes
                    whole?.fetched += report.fetched
                    whole?.warnings += report.warnings
                }
            }
            try await TreeCapture.onThread { try GuardedPlaces.settle(stages) }
            guard let whole else { throw Failure(.internal, doing: "restore", because: "no path is guarded") }
            return whole
        } catch {
            await Task { try? await TreeCapture.onThread { for stage in stages { stage.remove() } } }.value
            throw error
        }
    }

    /// The owner's command, in the app's surroundings.
    /// - Returns: why the state is not taken; nil when it is, and without a command.
    private func verified(_ record: inout RecoveryRecord) async -> String? {
        guard let verify = settings.verify, !Self.isAddress(verify) else { return nil }
        status.enter(.verifying, at: now())
        do {
            try await hook(verify, "verify")
            record.verify = "ok"
            return nil
        } catch {
            let because = (error as? Failure)?.because ?? "\(error)"
            record.verify = because
            return because
        }
    }

    static func isAddress(_ text: String) -> Bool { text.hasPrefix("http://") || text.hasPrefix("https://") }

    /// The owner's address of the app, once it is there.
    /// - Returns: why the app is not taken.
    func checkAddress(_ app: AppProcess) async -> String? {
        guard let verify = settings.verify, Self.isAddress(verify) else { return nil }
        status.enter(.verifying, at: now())
        let end = ContinuousClock.now + settings.hookLimit
        var last = "no answer"
        while ContinuousClock.now < end, app.known == nil {
            switch await LocalRequest.get(verify, within: .seconds(10)) {
            case .success(let code) where (200..<300).contains(code):
                status.update { $0.recovery?.verify = "ok" }
                return nil
            case .success(let code): last = "it answered \(code)"
            case .failure(let failure): last = failure.because
            }
            try? await Task.sleep(for: .milliseconds(250))  // a cancelled wait ends with the loop's time
        }
        if let ended = app.known { return "the app ended with \(ended.status) before its check" }
        return "\(verify) was not well within \(settings.hookLimit.text): \(last)"
    }
}

/// Who holds a pen: machine, process and when that process began, so that a later process of that number is not taken for it.
package struct GuardHolder: Sendable, Equatable {
    package var host: String
    package var pid: Int32
    /// In the kernel's ticks since the machine's start.
    package var began: UInt64
    /// Namespace of process ids: in another one the number means another process.
    package var space: UInt64

    package static var own: GuardHolder {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, 255)
        let host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return GuardHolder(host: host, pid: getpid(), began: beginning(of: getpid()) ?? 0, space: pidSpace)
    }

    package var text: String { "\(host)/\(pid)/\(began)/\(space)" }

    package init(host: String, pid: Int32, began: UInt64, space: UInt64) {
        self.host = host
        self.pid = pid
        self.began = began
        self.space = space
    }

    /// For people: the machine and the process.
    package static func shown(_ text: String) -> String {
        GuardHolder(reading: text).map { "\($0.host), process \($0.pid)" } ?? text
    }

    package init?(reading text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 4, let pid = Int32(parts[1]), let began = UInt64(parts[2]), let space = UInt64(parts[3])
        else {
            return nil
        }
        self.init(host: String(parts[0]), pid: pid, began: began, space: space)
    }

    /// Known to be gone: it was of this machine's same namespace, and no process of that number began then.
    package var isDead: Bool {
        let own = Self.own
        guard host == own.host, space == own.space else { return false }
        return Self.beginning(of: pid) != began
    }

    private static var pidSpace: UInt64 {
        var facts = stat()
        return stat("/proc/self/ns/pid", &facts) == 0 ? UInt64(facts.st_ino) : 0
    }

    /// The 22nd field of /proc/PID/stat; nil for a process that is dead and only waits for its parent. Source: proc(5).
    private static func beginning(of pid: pid_t) -> UInt64? {
        guard let data = try? PlainFile.read("/proc/\(pid)/stat", upTo: 2_048) else { return nil }
        let text = String(decoding: data, as: UTF8.self)
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
        return UInt64(fields[19])
    }
}
