import Foundation
import Runtime
package import StokerCore
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Captures guarded paths, again and again: files by walking, databases by copies that a child process makes (``DatabaseCopy``).
///
/// The last copy of each database stays in the scratch folder until the next one is whole: it is what a snapshot holds while the app locks its
/// database. One capture at a time.
package final class TreeCapture: Sendable {
    package struct Settings: Sendable {
        package var paths: [GuardedPath]
        /// Patterns of gitignore(5), seen from the folder that relative paths are seen from.
        package var exclude: [String] = []
        /// A folder for copies; made when missing, its contents thrown away.
        package var scratch: String
        /// What copies a database, before its source and target: our own program.
        package var copier: [String]
        /// Longest time for one database. Default 60 s, and 1 s more for each 50 MB.
        package var databaseLimit: Duration = .seconds(60)
        /// A list of mounts, as proc(5) has it in mountinfo.
        var mounts = "/proc/self/mountinfo"

        package init(paths: [GuardedPath], scratch: String, copier: [String]) {
            self.paths = paths
            self.scratch = scratch
            self.copier = copier
        }
    }

    /// What a look at the paths found, without reading a file.
    package struct Scan: Sendable, Equatable {
        /// Of everything that is seen; equal ones need no snapshot.
        package var digest: UInt64
        package var report: CaptureReport
        /// Nothing has changed in the last moment: what changes later shows in the file system's clock, which has ticks of some milliseconds.
        package var isRipe: Bool
    }

    package let settings: Settings
    private let state = Mutex(State())

    private struct State {
        var copies: [[UInt8]: Copy] = [:]
        /// Files that are no databases: inode and when they changed. Emptied when it gets long.
        var plain: [UInt64: Int64] = [:]
        var report = CaptureReport()
        /// What could not be read of the last entries that were given.
        var unread = CaptureReport()
        var number = 0
        /// The process that copies now.
        var copying: pid_t?
        var isInterrupted = false
    }
    private struct Copy {
        var file: String
        var outcome: DatabaseCopy.Outcome
        var stamps: [FileStamp?]
        var size: Int64
        var at: Instant
        /// Why it is older than it should be.
        var note: String?
        /// Made for the capture of that number.
        var number: Int
    }

    package init(_ settings: Settings) throws(Failure) {
        self.settings = settings
        do {
            try PrivateFolder.make(settings.scratch)
            for name in try FileManager.default.contentsOfDirectory(atPath: settings.scratch) {
                try FileManager.default.removeItem(atPath: settings.scratch + "/" + name)
            }
        } catch {
            throw Failure(
                .fileUnwritable, doing: "make the scratch folder \(settings.scratch)",
                because: "\(error.localizedDescription)",
                hint: "name another with --scratch")
        }
    }

    /// Looks at everything and reads nothing.
    package func look() async throws -> Scan {
        try await Self.onThread { [self] in
            var digest: UInt64 = 0x9E37_79B9_7F4A_7C15
            func mix(_ value: UInt64) { digest = ((digest ^ value) &* 0x9E37_79B9_7F4A_7C15) ^ (digest >> 31) }
            let now = Self.nanoseconds()
            var newest: Int64 = 0
            var walk = TreeWalk(paths: settings.paths, exclude: settings.exclude)
            try walk.run { found in
                // The index of a write-ahead log is written by readers as well, who make an empty log, too.
                let end = found.path.suffix(4)
                if end == Self.companions[1][...] || (end == Self.companions[0][...] && found.stamp.size == 0) {
                    return
                }
                mix(FNV1a.hash(found.path))
                mix(UInt64(found.facts.st_mode) << 32 | UInt64(found.facts.st_uid))
                if found.isFolder { return }
                mix(UInt64(bitPattern: found.stamp.size))
                mix(UInt64(bitPattern: found.stamp.modified))
                mix(UInt64(bitPattern: found.stamp.changed))
                mix(found.stamp.inode)
                newest = max(newest, found.stamp.changed)
            }
            return Scan(digest: digest, report: walk.report, isRipe: now - newest > 50_000_000)
        }
    }

    /// Copies the databases, so that what is captured of them is of about one moment, and their rows are known.
    /// - Throws: when one cannot be copied and there is no older copy of it.
    package func prepare() async throws -> CaptureReport {
        try await withTaskCancellationHandler {
            try Task.checkCancellation()
            return try await copyAll()
        } onCancel: {
            interrupt()
        }
    }

    /// Ends the copying that is under way.
    private func interrupt() {
        let pid = state.withLock { state in
            state.isInterrupted = true
            return state.copying
        }
        if let pid, ChildProcesses.own.isOurs(pid) { kill(-pid, SIGKILL) }
    }

    private func copyAll() async throws -> CaptureReport {
        try await Self.onThread { [self] in
            let number = state.withLock { state in
                state.number += 1
                state.report = CaptureReport()
                state.isInterrupted = false
                return state.number
            }
            var walk = TreeWalk(paths: settings.paths, exclude: settings.exclude)
            var rows: Int64? = 0
            var databases: Set<[UInt8]> = []
            try walk.run { found in
                guard found.isFile, try isDatabase(found) else { return }
                databases.insert(found.path)
                let copy = try copy(of: found, for: number)
                rows = rows.flatMap { sum in copy?.outcome.rows.map { sum + $0 } }
            }
            let gone = state.withLock { state in
                let gone = state.copies.filter { !databases.contains($0.key) }
                for path in gone.keys { state.copies[path] = nil }
                return gone.values.map(\.file)
            }
            for file in gone { unlink(file) }
            return state.withLock { state in
                state.report.databases = databases.count
                state.report.rows = databases.isEmpty ? nil : rows
                return state.report
            }
        }
    }

    /// All entries, in the order of a tree. Call ``prepare()`` before it.
    package func entries() -> CaptureStream {
        CaptureStream { [self] give in
            let number = state.withLock(\.number)
            var walk = TreeWalk(paths: settings.paths, exclude: settings.exclude, readsAttributes: true)
            var links: [UInt64: [UInt8]] = [:]
            var databases: Set<[UInt8]> = []
            var skipped: [[UInt8]] = []
            let begin = Self.nanoseconds()
            var files = 0
            state.withLock { $0.unread = CaptureReport() }
            try walk.run { found in
                files += 1
                var facts = FileFacts(
                    mode: UInt32(found.facts.st_mode & 0o7777), modified: found.stamp.modified, uid: found.facts.st_uid,
                    gid: found.facts.st_gid, attributes: found.attributes)
                if found.isFolder { return try give(CapturedEntry(path: found.path, kind: .folder, facts: facts)) }
                if let target = found.target {
                    return try give(CapturedEntry(path: found.path, kind: .link(target), facts: facts))
                }
                for suffix in Self.companions where found.path.suffix(suffix.count) == suffix[...] {
                    if databases.contains(Array(found.path.dropLast(suffix.count))) { return }
                }
                if try isDatabase(found) {
                    databases.insert(found.path)
                    guard let copy = try copy(of: found, for: number) else {
                        skipped.append(found.path)
                        return
                    }
                    // Until it or its log changes, its copy is the same.
                    facts.changed = Self.age(of: copy.stamps, at: begin) ? Self.digest(copy.stamps) : 0
                    facts.inode = found.stamp.inode
                    let note = copy.note ?? (copy.outcome.kind == .damaged ? "damaged: \(copy.outcome.message)" : nil)
                    return try give(
                        CapturedEntry(
                            path: found.path,
                            kind: .database(CopySource(copy.file, size: copy.size), pageSize: copy.outcome.pageSize),
                            facts: facts, note: note))
                }
                if found.facts.st_nlink > 1 {
                    if let first = links[found.stamp.inode] {
                        return try give(CapturedEntry(path: found.path, kind: .hardLink(first), facts: facts))
                    }
                    links[found.stamp.inode] = found.path
                }
                // What changed a moment ago may change again within the same tick of the file system's clock.
                let isFresh = begin - max(found.stamp.changed, found.stamp.modified) < 2_000_000_000
                facts.changed = isFresh ? 0 : found.stamp.changed
                facts.inode = found.stamp.inode
                try give(
                    CapturedEntry(
                        path: found.path,
                        kind: .file(
                            FileSource(root: found.root, path: found.parts, size: found.stamp.size) { [self] error in
                                state.withLock { $0.unread.unreadable(found.path, error) }
                            }),
                        facts: facts))
            }
            let seen = walk.report
            let count = files
            state.withLock { state in
                let (notes, databases, rows) = (state.report.notes, state.report.databases, state.report.rows)
                state.report = seen
                state.report.notes = notes
                state.report.databases = databases
                state.report.rows = rows
                state.report.files = count
            }
        }
    }

    /// Of the last capture.
    package var report: CaptureReport {
        state.withLock { state in
            var report = state.report
            report.unreadable = Array((report.unreadable + state.unread.unreadable).prefix(100))
            report.unreadableCount += state.unread.unreadableCount
            return report
        }
    }

    // MARK: Databases

    private static let companions = ["-wal", "-shm", "-journal"].map { Array($0.utf8) }

    /// The header is read by hand: this process has no SQLite connection whose locks that could drop.
    private func isDatabase(_ found: TreeWalk.Found) throws -> Bool {
        guard found.stamp.size >= 512 else { return false }
        let stamp = found.stamp
        if state.withLock({ $0.plain[stamp.inode] }) == stamp.changed { return false }
        guard let file = try? found.root.openFile(found.parts, O_RDONLY) else { return false }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: DatabaseCopy.magic.count)
        let isOne = pread(file, &bytes, bytes.count, 0) == bytes.count && bytes == DatabaseCopy.magic
        if !isOne {
            state.withLock { state in
                if state.plain.count > 200_000 { state.plain = [:] }
                state.plain[stamp.inode] = stamp.changed
            }
        }
        return isOne
    }

    /// - Returns: nil when it is gone.
    private func copy(of found: TreeWalk.Found, for number: Int) throws -> Copy? {
        let known = state.withLock { $0.copies[found.path] }
        if let known, known.number == number { return known }
        guard let before = stamps(found) else { return nil }
        let now = Self.nanoseconds()
        if var known, known.note == nil, known.stamps == before, Self.age(of: before, at: now) {
            known.number = number
            state.withLock { $0.copies[found.path] = known }
            return known
        }
        if let place = String(validating: found.place, as: UTF8.self),
            FileSystemKind.of(place, mounts: settings.mounts)?.isHubMount == true
        {
            throw Failure(
                .databaseUncopied, doing: "capture the database \(TreePath.text(found.path))",
                because:
                    "it is on hf-mount, which keeps no locks and lets the last writer win: SQLite damages it there",
                hint: "keep databases on the container's own disk, and name the bucket as the vault: bucket:owner/name")
        }
        var made = try make(of: found, before)
        // Put in place of another while it was copied: the copy is of what has no name any more.
        for _ in 0..<2 {
            guard made.outcome.kind == .copied, let after = stamps(found), after[0]?.inode != before[0]?.inode else {
                break
            }
            made = try make(of: found, after)
        }
        made.number = number
        let name = TreePath.text(found.path)
        switch made.outcome.kind {
        case .copied: break
        case .damaged:
            note("\(name) is damaged (\(made.outcome.message))")
            if made.size == 0 {
                // SQLite gave nothing: what is there is kept byte for byte.
                unlink(made.file)
                guard copyBytes(found, to: made.file) else { return try older(known, found, made.outcome, number) }
                made.size = Self.size(made.file)
                made.outcome.pageSize = 4_096
            }
        case .locked, .failed: return try older(known, found, made.outcome, number)
        }
        if let known { unlink(known.file) }
        let whole = made
        state.withLock { $0.copies[found.path] = whole }
        return made
    }

    /// The copy that was made before stays.
    private func older(
        _ known: Copy?, _ found: TreeWalk.Found, _ outcome: DatabaseCopy.Outcome, _ number: Int
    ) throws -> Copy {
        let name = TreePath.text(found.path)
        let why = outcome.kind == .locked ? "is locked by the app" : "cannot be copied (\(outcome.message))"
        guard var known else {
            throw Failure(
                .databaseUncopied, doing: "capture the database \(name)",
                because: "it \(why), and there is no earlier copy of it",
                hint: outcome.kind == .locked
                    ? "an app in locking_mode=EXCLUSIVE lets nobody read; dump it by `before:` and exclude the file"
                    : nil,
                retry: .soon)
        }
        known.note = "\(why): the copy of \(known.at) stays"
        known.number = number
        let kept = known
        state.withLock { $0.copies[found.path] = kept }
        note("\(name) \(kept.note ?? "")")
        return known
    }

    private func note(_ text: String) { state.withLock { $0.report.notes.append(text) } }

    private func make(of found: TreeWalk.Found, _ stamps: [FileStamp?]) throws -> Copy {
        let name = UUID().uuidString
        let (file, link) = ("\(settings.scratch)/\(name).db", "\(settings.scratch)/\(name).from")
        defer { unlink(link) }
        // A name of plain letters for a path of any bytes; SQLite looks for the -wal beside what it leads to.
        guard found.place.withCString({ symlink($0, link) }) == 0 else { throw SystemError() }
        var outcome = try copyInChild(link, file, stamps)
        if outcome.kind == .failed, let aside = copyAside(found, name) {
            // A read-only folder: SQLite cannot make its index beside the -wal.
            outcome = try copyInChild(aside, file, stamps)
            for suffix in ["", "-wal", "-shm", "-journal"] { unlink(aside + suffix) }
        }
        let size = Self.size(file)
        if outcome.kind == .locked || outcome.kind == .failed { unlink(file) }
        return Copy(file: file, outcome: outcome, stamps: stamps, size: size, at: Clocks.real.wall(), number: 0)
    }

    private func copyInChild(_ source: String, _ target: String, _ stamps: [FileStamp?]) throws -> DatabaseCopy.Outcome
    {
        let bytes = stamps.reduce(Int64(0)) { $0 + ($1?.size ?? 0) }
        let limit = settings.databaseLimit + .seconds(bytes / 50_000_000)
        let answer = target + ".json"
        defer { unlink(answer) }
        let output = open(answer, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard output >= 0 else { throw SystemError() }
        defer { close(output) }
        var program = ChildProcesses.Program(
            settings.copier + [source, target, "\(limit.milliseconds)"],
            environment: ["PATH": "/usr/bin:/bin", "TMPDIR": settings.scratch])
        program.output = output
        let done = DispatchSemaphore(value: 0)
        let pid = try ChildProcesses.own.start(program) { _ in done.signal() }
        defer { state.withLock { $0.copying = nil } }
        let isInterrupted = state.withLock { state in
            state.copying = pid
            return state.isInterrupted
        }
        if isInterrupted { kill(-pid, SIGKILL) }
        if done.wait(timeout: .now() + .milliseconds(Int(limit.milliseconds) + 5_000)) == .timedOut {
            kill(-pid, SIGKILL)
            done.wait()
            return DatabaseCopy.Outcome(.locked, message: "the copying process did not end")
        }
        if state.withLock(\.isInterrupted) { throw CancellationError() }
        var text = [UInt8](repeating: 0, count: 4_096)
        let count = pread(output, &text, text.count, 0)
        return DatabaseCopy.Outcome(reading: String(decoding: text.prefix(max(count, 0)), as: UTF8.self).trimmed)
    }

    /// Database, write-ahead log and journal; nil when the database is gone.
    private func stamps(_ found: TreeWalk.Found) -> [FileStamp?]? {
        var all: [FileStamp?] = []
        for suffix in [[], Self.companions[0], Self.companions[2]] {
            var facts = stat()
            let result = (found.place + suffix).withCString { lstat($0, &facts) }
            if result != 0, suffix.isEmpty { return nil }
            // An empty log says nothing; a reader may have made it.
            let counts = result == 0 && (suffix.isEmpty || facts.st_size > 0)
            all.append(counts ? FileStamp(facts) : nil)
        }
        return all
    }

    private static func age(of stamps: [FileStamp?], at now: Int64) -> Bool {
        stamps.allSatisfy { $0.map { now - max($0.changed, $0.modified) >= 2_000_000_000 } ?? true }
    }

    /// Never 0.
    private static func digest(_ stamps: [FileStamp?]) -> Int64 {
        var hash: UInt64 = 0x9E37_79B9_7F4A_7C15
        for stamp in stamps {
            for value in [
                stamp?.size ?? -1, stamp?.modified ?? -1, stamp?.changed ?? -1, Int64(bitPattern: stamp?.inode ?? 0),
            ] {
                hash = ((hash ^ UInt64(bitPattern: value)) &* 0x9E37_79B9_7F4A_7C15) ^ (hash >> 31)
            }
        }
        return Int64(bitPattern: hash | 1)
    }

    /// Database and log, copied while both stood still.
    /// - Returns: the copy's path; nil when they did not, or cannot be read.
    private func copyAside(_ found: TreeWalk.Found, _ name: String) -> String? {
        guard let before = stamps(found), before[1] != nil || before[2] != nil else { return nil }
        let aside = "\(settings.scratch)/\(name).aside"
        for suffix in ["", "-wal", "-journal"] {
            guard let from = String(validating: found.place, as: UTF8.self) else { return nil }
            guard FileManager.default.fileExists(atPath: from + suffix) else { continue }
            guard (try? FileManager.default.copyItem(atPath: from + suffix, toPath: aside + suffix)) != nil else {
                return nil
            }
            chmod(aside + suffix, 0o600)
        }
        return stamps(found) == before ? aside : nil
    }

    private func copyBytes(_ found: TreeWalk.Found, to file: String) -> Bool {
        guard let from = String(validating: found.place, as: UTF8.self) else { return false }
        return (try? FileManager.default.copyItem(atPath: from, toPath: file)) != nil
    }

    private static func size(_ path: String) -> Int64 {
        var facts = stat()
        return stat(path, &facts) == 0 ? Int64(facts.st_size) : 0
    }

    private static func nanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Work that blocks, away from the pool's two threads.
    static func onThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let thread = Thread { continuation.resume(with: Result { try work() }) }
            thread.stackSize = 1 << 20
            thread.start()
        }
    }
}

extension Failure.Code {
    /// A program could not be started.
    package static let programUnstartable = Failure.Code(rawValue: "program.unstartable")
    /// A database could not be copied, and no earlier copy is there.
    package static let databaseUncopied = Failure.Code(rawValue: "capture.database")
}

extension Duration {
    var milliseconds: Int64 { components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000 }
}

extension String {
    fileprivate var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
