import CLinux
import Foundation
import Runtime
import StokerCore
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Where code of a repository is run: no network, an empty environment, one writable folder, bounds on time, memory, processes and output. The kernel
/// holds it; nothing that it starts outlives it.
struct Jail: Sendable {
    /// What the walls are made of.
    enum Walls: String, Sendable, CaseIterable {
        /// Namespaces of its own, made by bubblewrap: other processes, files and networks are not there at all.
        case bubblewrap
        /// They are there and refused: Landlock and seccomp.
        case landlock
    }

    /// All that it may write to; it starts there. Belongs to the jail's user afterwards.
    var folder: String
    /// Programs and libraries, besides those of the system.
    var readable: [String] = []
    var seconds = 120
    /// Bytes of data of a process.
    var memory: UInt64 = 1 << 30
    /// Bytes of output that are kept.
    var limit = 1 << 20
    var walls = Jail.walls

    /// The best that this machine has; nil when it has none. Namespaces are tried once, which takes some milliseconds.
    static let walls: Walls? = works(.bubblewrap) ? .bubblewrap : works(.landlock) ? .landlock : nil

    /// Why there is no jail here; nil when there is. Without one nothing is run.
    static let obstacle: String? =
        walls != nil
        ? nil : "this machine has neither bubblewrap with namespaces nor Landlock, so code of the repository is not run"

    /// Whether these can be made here.
    static func works(_ walls: Walls) -> Bool {
        #if os(Linux)
        switch walls {
        case .landlock: return stoker_jail_landlock() >= 1
        case .bubblewrap:
            guard Program.find("bwrap") != nil else { return false }
            // Containers usually forbid them, and only trying tells.
            let folder = NSTemporaryDirectory() + "/stoker-jail-\(UUID().uuidString)"
            guard (try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)) != nil
            else { return false }
            defer { try? FileManager.default.removeItem(atPath: folder) }  // in the temporary folder anyway
            var jail = Jail(folder: folder, seconds: 5, walls: .bubblewrap)
            jail.limit = 4_096
            let ended = try? jail.start("/bin/sh", ["-c", "echo here"], [:]) { _ in }
            return ended?.status == 0 && ended?.output == "here\n"
        }
        #else
        return false
        #endif
    }

    struct Ended: Sendable, Equatable {
        /// 128 + signal where a signal ended it.
        var status: Int32
        var output: String
        var isOverTime: Bool
    }

    private static let system = [
        "/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime",
        "/etc/mime.types",
    ]

    /// - Throws: `conflict` where there is no jail; `internal` when it could not be closed; `CancellationError`.
    func run(_ program: String, _ arguments: [String], environment: [String: String] = [:]) async throws -> Ended {
        if let obstacle = Self.obstacle {
            throw Failure(.conflict, doing: "run code of the repository", because: obstacle)
        }
        let watcher = Mutex<pid_t>(0)
        return try await withTaskCancellationHandler {
            let ended: Ended = try await withCheckedThrowingContinuation { continuation in
                // A thread of its own, which lives as long as the jail: the kernel ends the jail with the thread that made it.
                let thread = Thread {
                    continuation.resume(
                        with: Result {
                            try start(program, arguments, environment) { pid in watcher.withLock { $0 = pid } }
                        })
                }
                thread.start()
            }
            try Task.checkCancellation()
            return ended
        } onCancel: {
            let pid = watcher.withLock { $0 }
            if pid > 0 { kill(pid, SIGTERM) }
        }
    }

    /// Blocks until it has ended.
    private func start(
        _ program: String, _ arguments: [String], _ environment: [String: String], _ began: (pid_t) -> Void
    ) throws -> Ended {
        var ends: [Int32] = [0, 0]
        guard stoker_jail_pipe(&ends) == 0 else {
            throw Failure(.internal, doing: "run \(program)", because: String(cString: strerror(errno)))
        }
        let (reading, writing) = (ends[0], ends[1])
        defer { close(reading) }
        var all = [
            "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": folder, "TMPDIR": folder, "LC_ALL": "C.UTF-8", "TZ": "UTC",
        ]
        all.merge(environment) { $1 }
        let user = JailUser.take()
        defer { JailUser.giveBack(user) }
        if geteuid() == 0 { Self.give(folder, to: user) }
        let isWrapped = walls == .bubblewrap
        var command = [program] + arguments
        if isWrapped { command = try wrapped(command, all, user) }
        let pid = Self.withStrings(command) { argv in
            Self.withStrings(all.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }) { envp in
                Self.withStrings(Self.system + readable) { readable in
                    Self.withStrings([folder]) { writable in
                        var jail = stoker_jail()
                        jail.program = UnsafePointer(argv[0])
                        jail.argv = UnsafePointer(argv)
                        jail.envp = UnsafePointer(envp)
                        jail.folder = UnsafePointer(writable[0])
                        return readable.withMemoryRebound(
                            to: UnsafePointer<CChar>?.self, capacity: Self.system.count + self.readable.count
                        ) { paths in
                            writable.withMemoryRebound(to: UnsafePointer<CChar>?.self, capacity: 1) { folders in
                                jail.readable = UnsafePointer(paths)
                                jail.readable_count = Self.system.count + self.readable.count
                                jail.writable = UnsafePointer(folders)
                                jail.writable_count = 1
                                jail.output = writing
                                jail.seconds = UInt32(seconds)
                                jail.memory = memory
                                jail.file = 256 << 20
                                jail.processes = 256
                                jail.user = user
                                jail.wrapped = isWrapped ? 1 : 0
                                return stoker_jail_start(&jail)
                            }
                        }
                    }
                }
            }
        }
        close(writing)
        guard pid > 0 else {
            throw Failure(.internal, doing: "run \(program)", because: String(cString: strerror(-pid)))
        }
        began(pid)
        var kept: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(reading, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            // What is too much is read and dropped: a full pipe would stop it for ever.
            kept += buffer.prefix(min(count, max(0, limit - kept.count)))
        }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        began(0)
        let code = (status & 0x7F) == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
        let output = String(decoding: kept, as: UTF8.self)
        guard code != Int32(STOKER_JAIL_FAILED) else {
            throw Failure(.internal, doing: "run \(program) in the jail", because: Redaction.quote(output, limit: 200))
        }
        return Ended(status: code, output: output, isOverTime: code == Int32(STOKER_JAIL_TIMEOUT))
    }

    /// The command line of bubblewrap around a command.
    private func wrapped(_ command: [String], _ environment: [String: String], _ user: UInt32) throws -> [String] {
        guard let bwrap = Program.find("bwrap") else {
            throw Failure(.internal, doing: "run \(command[0])", because: "bubblewrap is gone")
        }
        var line = [
            bwrap, "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session",
            "--cap-drop", "ALL", "--hostname", "jail", "--clearenv",
        ]
        if geteuid() == 0 { line += ["--uid", "\(user)", "--gid", "\(user)"] }
        for (name, value) in environment.sorted(by: { $0.key < $1.key }) { line += ["--setenv", name, value] }
        for path in Self.system + readable { line += ["--ro-bind-try", path, path] }
        // What is not bound is in memory, which nobody counts: it is closed.
        line += [
            "--proc", "/proc", "--dev", "/dev", "--dir", "/tmp", "--bind", folder, folder, "--remount-ro", "/dev",
            "--remount-ro", "/", "--chdir", folder, "--seccomp", "\(STOKER_JAIL_FILTER)", "--",
        ]
        return line + command
    }

    /// Links are not followed.
    private static func give(_ folder: String, to user: UInt32) {
        lchown(folder, user, user)
        for case let name as String in FileManager.default.enumerator(atPath: folder) ?? .init() {
            lchown(folder + "/" + name, user, user)
        }
    }

    private static func withStrings<Value>(
        _ strings: [String], _ work: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Value
    ) -> Value {
        let pointers = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: strings.count + 1)
        for (index, string) in strings.enumerated() { pointers[index] = strdup(string) }
        pointers[strings.count] = nil
        defer {
            for index in strings.indices { free(pointers[index]) }
            pointers.deallocate()
        }
        return work(pointers)
    }
}

/// A user for each jail, where ours is root: the kernel counts processes by user, and one jail may not use up what another needs.
enum JailUser {
    /// Numbers that the system's own services take for a while and give back. Source: systemd, "Users, Groups, UIDs and GIDs on systemd Systems".
    static let all: ClosedRange<UInt32> = 61_184...65_519
    private static let taken = Mutex<Set<UInt32>>([])

    static func take() -> UInt32 {
        taken.withLock { taken in
            // By chance: another process of ours takes some too.
            var user = UInt32.random(in: all)
            while taken.contains(user), taken.count < all.count { user = UInt32.random(in: all) }
            taken.insert(user)
            return user
        }
    }
    static func giveBack(_ user: UInt32) { taken.withLock { _ = $0.remove(user) } }
}

/// A folder with all files of a commit.
enum ScratchCopy {
    /// - Parameter changes: files that are otherwise than in the commit.
    static func make(
        _ mirror: GitMirror, at commit: String, folder: String, changes: [String: String] = [:]
    ) async throws {
        let entries = try await mirror.tree(of: commit).filter { $0.kind == .file || $0.kind == .program }
        guard entries.reduce(0, { $0 + $1.size }) <= 500_000_000 else {
            throw Failure(.tooLarge, doing: "copy the repository", because: "its files have more than 500 MB")
        }
        for start in stride(from: 0, to: entries.count, by: 200) {
            let part = Array(entries[start..<min(start + 200, entries.count)])
            let contents = try await mirror.blobs(part.map(\.blob))
            try await BlockingWork.run {
                for (entry, bytes) in zip(part, contents) {
                    guard let bytes else { continue }
                    try write(bytes, to: folder + "/" + entry.path, isProgram: entry.kind == .program)
                }
            }
        }
        try await BlockingWork.run {
            for (path, text) in changes {
                try write(Array(text.utf8), to: folder + "/" + path, isProgram: false)
            }
        }
    }

    private static func write(_ bytes: [UInt8], to path: String, isProgram: Bool) throws {
        try FileManager.default.createDirectory(atPath: path.parentFolder, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        if isProgram { chmod(path, 0o755) }
    }
}
