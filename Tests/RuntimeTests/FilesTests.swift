import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Runtime

@Suite struct FilesTests {
    private func withFolder(_ work: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "/stoker-runtime-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try work(folder)
    }

    @Test func aFileIsReplacedAsAWholeAndForItsOwnerAlone() throws {
        try withFolder { folder in
            let path = folder + "/notes"
            try Data("left by a run that was killed".utf8).write(to: URL(fileURLWithPath: path + ".new"))
            try AtomicFile.replace(path, with: Array("one".utf8))
            try AtomicFile.replace(path, with: Array("two".utf8))
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "two")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["notes"])
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
        }
    }

    /// What cannot take its place leaves the old one, and no part of itself.
    @Test func whatCannotBeReplacedIsTold() throws {
        try withFolder { folder in
            let path = folder + "/taken"
            try FileManager.default.createDirectory(atPath: path + "/inside", withIntermediateDirectories: true)
            #expect(throws: SystemError.self) { try AtomicFile.replace(path, with: [1]) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["taken"])
            let missing = #expect(throws: SystemError.self) {
                try AtomicFile.replace(folder + "/no/such/folder", with: [1])
            }
            #expect(missing?.code == ENOENT && missing?.description == "No such file or directory")
        }
    }

    @Test func aLockKeepsOthersAwayUntilTheFileIsClosed() throws {
        try withFolder { folder in
            let path = folder + "/lock"
            let held = try #require(try FileLock.open(path))
            #expect(try FileLock.open(path) == nil)
            close(held)
            let again = try #require(try FileLock.open(path))
            close(again)
        }
    }

    /// A holder removes its file while it has the lock: who comes next makes a new one, and does not hold one without a name.
    @Test func aLockIsAlwaysOfTheFileOfThatName() throws {
        try withFolder { folder in
            let path = folder + "/lock"
            let held = try #require(try FileLock.open(path))
            unlink(path)
            let next = try #require(try FileLock.open(path))
            #expect(try FileLock.open(path) == nil)
            close(held)
            #expect(try FileLock.open(path) == nil)
            close(next)
        }
    }

    @Test func sharedLocksGoTogether() throws {
        try withFolder { folder in
            let path = folder + "/lock"
            close(try #require(try FileLock.open(path)))
            let (one, two) = (open(path, O_RDONLY), open(path, O_RDONLY))
            defer {
                close(one)
                close(two)
            }
            #expect(try FileLock.take(one, .shared))
            #expect(try FileLock.take(two, .shared))
            #expect(try FileLock.open(path) == nil)
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct ProgramTests {
    @Test func aProgramIsRunToItsEnd() async throws {
        let shell = try #require(Program.find("sh"))
        let ended = try await Program.run(
            shell, ["-c", "echo \"$GREETING\"; exit 3"], environment: ["GREETING": "hello"])
        #expect(ended.status == 3 && ended.output == "hello\n")
        let told = try await Program.runTelling(shell, ["-c", "echo trouble >&2"], echo: { _ in })
        #expect(told.status == 0 && told.errors == "trouble\n")
        #expect(Program.find("no-such-program-anywhere") == nil)
    }

    /// As git, which waits for a helper that holds its pipes.
    @Test(arguments: [true, false]) func whoCancelsDoesNotWaitForWhatTheProgramStarted(isApart: Bool) async throws {
        let shell = try #require(Program.find("sh"))
        let heard = Mutex("")
        let work = Task {
            try await Program.runTelling(
                shell, ["-c", "sleep 300 & echo $! >&2; wait"], isApart: isApart,
                echo: { bytes in heard.withLock { $0 += String(decoding: bytes, as: UTF8.self) } })
        }
        try await eventually("the program says nothing") { heard.withLock { $0.hasSuffix("\n") } }
        let helper = try #require(heard.withLock { pid_t($0.dropLast()) })
        defer { kill(helper, SIGKILL) }
        #expect(kill(helper, 0) == 0)
        work.cancel()
        let result = await work.result
        #expect((try? result.get())?.status != 0)
        // A limit of a minute holds for the test: the helper would live for five.
        if isApart { try await eventually("the helper goes on") { kill(helper, 0) != 0 || Self.isZombie(helper) } }
    }

    private static func isZombie(_ pid: pid_t) -> Bool {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
        return text.split(separator: ")").last?.split(separator: " ").first == "Z"
    }
}
