import Foundation
import Glibc
import StokerCore
import Testing

@testable import Safekeeping

/// Capture of files that hold still, and of files that do not.
@Suite struct TreeCaptureTests {
    /// A folder that is gone at the end, with `data` in it.
    final class Place {
        let path = NSTemporaryDirectory() + "stoker-capture-\(UUID().uuidString.prefix(8))"
        init() throws {
            try FileManager.default.createDirectory(atPath: path + "/data", withIntermediateDirectories: true)
        }
        deinit { try? FileManager.default.removeItem(atPath: path) }

        func write(_ text: String, to name: String) throws {
            let file = path + "/data/" + name
            try FileManager.default.createDirectory(
                atPath: file.parentFolder, withIntermediateDirectories: true)
            try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        }

        func capture(exclude: [String] = [], copier: [String] = ["/bin/false"]) throws -> TreeCapture {
            var settings = TreeCapture.Settings(
                paths: try GuardedPath.list(["data"], in: path), scratch: path + "/scratch", copier: copier)
            settings.exclude = exclude
            return try TreeCapture(settings)
        }
    }

    /// What the store would keep of an entry.
    struct Read: Equatable {
        var bytes: [UInt8] = []
        var holes: Int64 = 0
        var end = ContentEnd.whole
    }

    static func entries(_ capture: TreeCapture) async throws -> [CapturedEntry] {
        _ = try await capture.prepare()
        var all: [CapturedEntry] = []
        for try await entry in capture.entries() { all.append(entry) }
        return all
    }

    static func read(_ entry: CapturedEntry, meanwhile: (Int) throws -> Void = { _ in }) throws -> Read {
        guard case .file(let source) = entry.kind else { return Read() }
        var attempt = 0
        while true {
            attempt += 1
            let reader = try source.open()
            var read = Read()
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
            defer { buffer.deallocate() }
            reading: while true {
                switch try reader.next(into: buffer) {
                case .bytes(let count): read.bytes += buffer[..<count]
                case .hole(let length): read.holes += length
                case .end: break reading
                }
                try meanwhile(attempt)
            }
            read.end = try reader.end()
            if read.end != .readAgain { return read }
        }
    }

    @Test func aTreeIsGivenInItsOrderWithWhatTheFileSystemKnows() async throws {
        let place = try Place()
        try place.write("one", to: "b/file")
        try place.write("two", to: "b.txt")
        try place.write("three", to: "a")
        #expect(symlink("/etc/passwd", place.path + "/data/link") == 0)
        #expect(link(place.path + "/data/a", place.path + "/data/second") == 0)
        #expect(chmod(place.path + "/data/a", 0o640) == 0)
        let all = try await Self.entries(try place.capture())
        let paths = all.map { TreePath.text($0.path) }
        #expect(paths == ["data", "data/a", "data/b", "data/b/file", "data/b.txt", "data/link", "data/second"])
        for (one, next) in zip(all, all.dropFirst()) { #expect(TreePath.isBefore(one.path, next.path)) }
        #expect(all[1].facts.mode == 0o640)
        #expect(try Self.read(all[1]) == Read(bytes: Array("three".utf8)))
        if case .link(let target) = all[5].kind {
            #expect(target == Array("/etc/passwd".utf8))
        } else {
            Issue.record("no link")
        }
        if case .hardLink(let first) = all[6].kind {
            #expect(first == Array("data/a".utf8))
        } else {
            Issue.record("no hard link")
        }
    }

    /// 44: what only grows is cut where it ended at the first look, and counts as whole.
    @Test func aLogThatGrowsIsCutAndWhole() async throws {
        let place = try Place()
        try place.write("line\n", to: "log")
        let entry = try #require(try await Self.entries(try place.capture()).last)
        let log = try #require(FileHandle(forWritingAtPath: place.path + "/data/log"))
        try log.seekToEnd()
        let read = try Self.read(entry) { _ in try log.write(contentsOf: Data("more\n".utf8)) }
        #expect(read == Read(bytes: Array("line\n".utf8)))
    }

    /// 43: what is written anew under the reading is marked.
    @Test func aFileThatIsRewrittenAgainAndAgainIsTorn() async throws {
        let place = try Place()
        try place.write(String(repeating: "a", count: 100_000), to: "file")
        let entry = try #require(try await Self.entries(try place.capture()).last)
        var generation = 0
        let read = try Self.read(entry) { _ in
            generation += 1
            let file = try #require(FileHandle(forWritingAtPath: place.path + "/data/file"))
            try file.write(contentsOf: Data(String(repeating: "\(generation % 10)", count: 100_000).utf8))
        }
        #expect(read.end == .torn)
    }

    @Test func aFileThatIsRewrittenOnceIsReadAgain() async throws {
        let place = try Place()
        try place.write(String(repeating: "a", count: 100_000), to: "file")
        let entry = try #require(try await Self.entries(try place.capture()).last)
        let read = try Self.read(entry) { attempt in
            guard attempt == 1 else { return }
            let file = try #require(FileHandle(forWritingAtPath: place.path + "/data/file"))
            try file.write(contentsOf: Data(String(repeating: "b", count: 100_000).utf8))
        }
        #expect(read == Read(bytes: Array(String(repeating: "b", count: 100_000).utf8)))
    }

    /// 45: a folder that is exchanged for a link after it was seen leads nowhere.
    @Test func aFolderThatBecomesALinkIsNotFollowed() async throws {
        let place = try Place()
        try place.write("inside", to: "folder/passwd")
        let entry = try #require(try await Self.entries(try place.capture()).last)
        try FileManager.default.removeItem(atPath: place.path + "/data/folder")
        #expect(symlink("/etc", place.path + "/data/folder") == 0)
        #expect(throws: (any Error).self) { try Self.read(entry) }
        let now = try await Self.entries(try place.capture())
        #expect(now.map { TreePath.text($0.path) } == ["data", "data/folder"])
    }

    /// 46: names are bytes, and paths are longer than one call takes.
    @Test func namesOfAnyBytesAndLongPathsAreExact() async throws {
        let place = try Place()
        let odd: [UInt8] = [0xFF, 0x0A, 0x5C]
        let file = (Array((place.path + "/data/").utf8) + odd).withCString { open($0, O_CREAT | O_WRONLY, 0o600) }
        #expect(file >= 0)
        close(file)
        var folder = open(place.path + "/data", O_RDONLY)
        let name = String(repeating: "d", count: 200)
        for _ in 0..<30 {
            #expect(mkdirat(folder, name, 0o700) == 0)
            let next = openat(folder, name, O_RDONLY, 0)
            close(folder)
            folder = next
        }
        close(folder)
        let all = try await Self.entries(try place.capture())
        #expect(all.contains { $0.path == Array("data/".utf8) + odd })
        #expect(all.contains { $0.path.count > 6_000 })
        // Foundation cannot remove it.
        _ = try? Process.run(URL(fileURLWithPath: "/bin/rm"), arguments: ["-rf", place.path + "/data"]).waitUntilExit()
    }

    /// 47: a hole costs nothing.
    @Test func aHoleOfATerabyteTakesNoTime() async throws {
        let place = try Place()
        try place.write("", to: "sparse")
        let file = open(place.path + "/data/sparse", O_WRONLY)
        #expect(pwrite(file, "end", 3, 1 << 40) == 3)
        close(file)
        let entry = try #require(try await Self.entries(try place.capture()).last)
        let read = try Self.read(entry)
        #expect(read.holes + Int64(read.bytes.count) == (1 << 40) + 3)
        #expect(read.bytes.suffix(3) == Array("end".utf8)[...])
        #expect(read.bytes.count <= 65_536)
    }

    /// 49: what cannot be read is not waited for; 48: what may not be read is told.
    @Test func fifosSocketsAndUnreadableFilesAreToldAndHangNobody() async throws {
        let place = try Place()
        #expect(mkfifo(place.path + "/data/pipe", 0o600) == 0)
        try place.write("kept", to: "z")
        let capture = try place.capture()
        let all = try await Self.entries(capture)
        #expect(all.map { TreePath.text($0.path) } == ["data", "data/z"])
        #expect(capture.report.sentences == ["data/pipe is a FIFO and is not kept"])
    }

    // MARK: Databases

    /// A copier that does what a script says, with `$1` and `$2` as the source and the copy.
    static func copier(_ script: String, in place: Place) throws -> [String] {
        try script.write(toFile: place.path + "/copier.sh", atomically: true, encoding: .utf8)
        return ["/bin/sh", place.path + "/copier.sh"]
    }
    static let copied = #"echo '{"kind":"copied","page_size":4096,"pages":2,"rows":5,"message":""}'"#
    static func database(_ fill: UInt8) -> Data {
        Data(DatabaseCopy.magic + [UInt8](repeating: fill, count: 8_192 - DatabaseCopy.magic.count))
    }

    static func firstByte(_ entry: CapturedEntry) throws -> UInt8? {
        guard case .database(let source, _) = entry.kind else { return nil }
        let reader = try source.open()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 8_192, alignment: 16)
        defer { buffer.deallocate() }
        guard case .bytes = try reader.next(into: buffer) else { return nil }
        return buffer[100]
    }

    @Test func aDatabaseIsOneEntryWithoutItsLogs() async throws {
        let place = try Place()
        try Self.database(1).write(to: URL(fileURLWithPath: place.path + "/data/app.db"))
        for suffix in ["-wal", "-shm", "-journal"] { try place.write("x", to: "app.db" + suffix) }
        try place.write("kept", to: "other-wal")
        let capture = try place.capture(copier: try Self.copier("cp $1 $2; " + Self.copied, in: place))
        #expect(try await capture.prepare().rows == 5)
        let all = try await Self.entries(capture)
        #expect(all.map { TreePath.text($0.path) } == ["data", "data/app.db", "data/other-wal"])
        guard case .database(let source, let pageSize) = all[1].kind else {
            Issue.record("it is no database")
            return
        }
        #expect(pageSize == 4_096 && source.size == 8_192 && all[1].note == nil)
    }

    /// 38: while the app locks its database, the last copy stays, and that is told; without one there is no snapshot.
    @Test func aLockedDatabaseKeepsItsLastCopy() async throws {
        let place = try Place()
        try Self.database(1).write(to: URL(fileURLWithPath: place.path + "/data/app.db"))
        let script =
            "if [ -e \(place.path)/locked ]; then echo '{\"kind\":\"locked\"}'; else cp $1 $2; " + Self.copied + "; fi"
        try Data().write(to: URL(fileURLWithPath: place.path + "/locked"))
        let capture = try place.capture(copier: try Self.copier(script, in: place))
        let failure = await #expect(throws: Failure.self) { try await capture.prepare() }
        #expect(failure?.code == .databaseUncopied)
        try FileManager.default.removeItem(atPath: place.path + "/locked")
        #expect(try Self.firstByte(try await Self.entries(capture)[1]) == 1)
        try Data().write(to: URL(fileURLWithPath: place.path + "/locked"))
        try Self.database(2).write(to: URL(fileURLWithPath: place.path + "/data/app.db"))
        let entry = try await Self.entries(capture)[1]
        #expect(try Self.firstByte(entry) == 1)
        #expect(entry.note?.contains("is locked by the app: the copy of") == true)
        #expect(capture.report.notes.count == 1)
    }

    /// 40
    @Test func aDatabaseThatIsReplacedWhileItIsCopiedIsCopiedAgain() async throws {
        let place = try Place()
        try Self.database(1).write(to: URL(fileURLWithPath: place.path + "/data/app.db"))
        try Self.database(2).write(to: URL(fileURLWithPath: place.path + "/new"))
        let script =
            "cp $1 $2; [ -e \(place.path)/new ] && mv \(place.path)/new \(place.path)/data/app.db; " + Self.copied
        let capture = try place.capture(copier: try Self.copier(script, in: place))
        #expect(try Self.firstByte(try await Self.entries(capture)[1]) == 2)
    }

    @Test func aCopyThatIsCalledOffEndsAtOnce() async throws {
        let place = try Place()
        try Self.database(1).write(to: URL(fileURLWithPath: place.path + "/data/app.db"))
        let capture = try place.capture(copier: try Self.copier("touch \(place.path)/begun; sleep 600", in: place))
        let work = Task { try await capture.prepare() }
        for _ in 0..<1_000 where !FileManager.default.fileExists(atPath: place.path + "/begun") {
            try await Task.sleep(for: .milliseconds(10))
        }
        work.cancel()
        await #expect(throws: (any Error).self) { try await work.value }
    }

    @Test func patternsKeepFilesOut() async throws {
        let place = try Place()
        for name in ["a.tmp", "keep", "cache/x", "sub/b.tmp"] { try place.write("x", to: name) }
        let all = try await Self.entries(try place.capture(exclude: ["*.tmp", "data/cache"]))
        #expect(all.map { TreePath.text($0.path) } == ["data", "data/keep", "data/sub"])
    }

    @Test func aLookSeesChangesAndNothingElse() async throws {
        let place = try Place()
        try place.write("one", to: "file")
        let capture = try place.capture()
        let first = try await capture.look()
        #expect(try await capture.look() == first)
        try place.write("two", to: "file")
        let second = try await capture.look()
        #expect(second != first)
        try place.write("", to: "new")
        #expect(try await capture.look() != second)
    }

    @Test func aReaderThatGoesAwayEndsTheWalk() async throws {
        let place = try Place()
        for number in 0..<500 { try place.write("x", to: "\(number)") }
        let capture = try place.capture()
        _ = try await capture.prepare()
        for try await _ in capture.entries() { break }
        // Another one begins at once.
        #expect(try await Self.entries(capture).count == 501)
    }

    @Test(arguments: ["", "/", ".", "../x", "a/../b"]) func whatCannotBeGuardedIsRefused(path: String) {
        #expect(throws: Failure.self) { try GuardedPath(path, in: "/app") }
    }

    @Test func pathsInsideOneAnotherAreRefused() throws {
        #expect(throws: Failure.self) { try GuardedPath.list(["data", "data/x"], in: "/app") }
        let both = try GuardedPath.list(["./data/", "/var/lib/x"], in: "/app")
        #expect(both.map(\.place) == ["/app/data", "/var/lib/x"])
        #expect(both.map { TreePath.text($0.name) } == ["data", "var/lib/x"])
    }
}
