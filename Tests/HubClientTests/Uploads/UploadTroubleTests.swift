import Foundation
import NIOCore
import StokerCore
import Synchronization
import TestSupport
import Testing

@testable import HubClient

/// What goes wrong on long ways: addresses that run out, files that change, notes that cannot be kept.
@Suite struct UploadTroubleTests {
    /// - Parameter age: seconds between the question for an address and its refusal.
    private func upload(refusedAt age: Int, _ check: (SmallHub, [UInt8], HubFailure?) -> Void) async throws {
        try await with { small, _, repo, scratch, options in
            let clock = FastClock()
            let hub = Hub(
                .init(endpoint: small.address, token: Secret("hf_test")), pace: HubRateLimiter(clock: clock.hubClock),
                logger: LogNotes().logger, jitter: { 0 })
            var random = SplitMix64(seed: 6)
            let bytes = random.bytes(5_000)
            try scratch.write("big.bin", bytes)
            let isRefused = Mutex(false)
            small.breaks { call, _ in
                guard call.name == "put" else { return .none }
                let isFirst = isRefused.withLock { isRefused in
                    defer { isRefused = true }
                    return !isRefused
                }
                if isFirst { clock.advance(.seconds(age)) }
                return isFirst ? .status(403) : .none
            }
            var failure: HubFailure?
            do {
                _ = try await hub.upload(folder: scratch.path, to: repo, options: options)
            } catch let error as HubFailure { failure = error }
            try await hub.shutdown()
            check(small, bytes, failure)
        }
    }

    @Test func anAddressThatRanOutIsAskedForAnew() async throws {
        try await upload(refusedAt: 1_000) { small, bytes, failure in
            #expect(failure == nil)
            #expect(small.content[RepoPath(unchecked: "big.bin")] == bytes)
            #expect(small.calls("batch").count == 2)
        }
    }

    @Test func aFreshAddressThatIsRefusedIsRefused() async throws {
        try await upload(refusedAt: 0) { small, _, failure in
            #expect(failure?.kind == .forbidden)
            #expect(small.calls("batch").count == 1)
            #expect(small.calls("commit").isEmpty)
        }
    }

    @Test func anAddressThatIsAlwaysRefusedEndsTheUpload() async throws {
        try await with { small, _, repo, scratch, options in
            let clock = FastClock()
            let hub = Hub(
                .init(endpoint: small.address, token: Secret("hf_test")), pace: HubRateLimiter(clock: clock.hubClock),
                logger: LogNotes().logger, jitter: { 0 })
            var random = SplitMix64(seed: 7)
            try scratch.write("big.bin", random.bytes(5_000))
            small.breaks { call, _ in
                guard call.name == "put" else { return .none }
                clock.advance(.seconds(1_000))
                return .status(403)
            }
            let failure = await #expect(throws: HubFailure.self) {
                try await hub.upload(folder: scratch.path, to: repo, options: options)
            }
            #expect(failure?.kind == .forbidden)
            #expect(small.calls("batch").count == 1 + LFSTransfer.maxRenewals)
            try await hub.shutdown()
        }
    }

    /// A question holds no more than is sent soon, and the next waits until it is.
    @Test func questionsAreSmallEnoughToBeUsed() {
        let size: Int64 = 400 << 20
        var schedule = LFSSchedule(
            (0..<10).map { LFSSchedule.File(size: size, oid: "o\($0)", stored: nil) }, lanes: 2)
        var asked: [[Int]] = []
        var running: [LFSSchedule.Job] = []
        while true {
            while let job = schedule.next() { running.append(job) }
            guard !running.isEmpty else { break }
            switch running.removeFirst() {
            case .hash(let file): schedule.didHash(file, oid: "o\(file)")
            case .ask(let files):
                asked.append(files)
                schedule.didAsk(
                    files, works: Dictionary(uniqueKeysWithValues: files.map { ($0, .basic(upload: "u", verify: nil)) })
                )
            case .put(let file, _): schedule.didPut(file)
            case .finish(let file): schedule.didFinish(file)
            }
        }
        #expect(schedule.isDone)
        #expect(asked.joined().sorted() == Array(0..<10))
        #expect(asked.allSatisfy { Int64($0.count) * size <= LFSSchedule.question })
    }

    @Test func withoutAPlaceForNotesItGoesOn() async throws {
        var rules = SmallHub.Rules()
        rules.chunk = 1_000
        try await with(rules) { small, hub, repo, scratch, options in
            var random = SplitMix64(seed: 8)
            let bytes = random.bytes(4_500)
            try scratch.write("big.bin", bytes)
            let elsewhere = try Scratch()
            try elsewhere.write("file", "no folder")
            var options = options
            options.stateFolder = elsewhere.path + "/file/notes"
            let result = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(small.content[RepoPath(unchecked: "big.bin")] == bytes)
            #expect(result.notes.contains { $0.contains("begin its large files anew") })
        }
        #expect(UploadResumeStore.defaultFolder([:]) == nil)
        #expect(UploadResumeStore.defaultFolder(["HOME": "/h"]) == "/h/.cache/stoker/uploads")
    }

    @Test func oldNotesAreSweptAway() async throws {
        try await with { _, hub, repo, scratch, options in
            let folder = try #require(options.stateFolder)
            let old = folder + "/0123456789abcdef-ab.json"
            try Data("{}".utf8).write(to: URL(fileURLWithPath: old))
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -50_000)], ofItemAtPath: old)
            var random = SplitMix64(seed: 9)
            try scratch.write("big.bin", random.bytes(2_000))
            _ = try await hub.upload(folder: scratch.path, to: repo, options: options)
            // `with` finds the folder of notes empty.
        }
    }

    @Test func longNotesAreReadAgain() throws {
        let scratch = try Scratch()
        let notes = UploadResumeStore(folder: scratch.path, endpoint: "https://h", repo: try .space("a/b"))
        let url = "https://storage.example/" + String(repeating: "x", count: 700)
        let parts = LFSParts(chunk: 1, urls: Array(repeating: url, count: 10_000), completion: "c")
        let note = UploadResumeStore.Note(
            size: 10_000, made: 1_000, parts: parts, verify: nil, etags: Array(repeating: "\"e\"", count: 10_000))
        #expect(notes.keep(note, of: "ab") == nil)
        #expect(notes.read("ab", size: 10_000, now: 1_001) == note)
        #expect(try scratch.names().count == 1)
        notes.sweep(now: Int64(Date().timeIntervalSince1970))
        #expect(try scratch.names().count == 1, "it is new")
    }

    /// What is left of yesterday's upload may be beyond mending on the other side.
    @Test func partsThatCannotBePutTogetherAreSentAnew() async throws {
        var rules = SmallHub.Rules()
        rules.chunk = 1_000
        try await with(rules) { small, hub, repo, scratch, options in
            var random = SplitMix64(seed: 10)
            let bytes = random.bytes(4_500)
            try scratch.write("big.bin", bytes)
            var options = options
            options.lanes = 1
            small.breaks { call, _ in call.path.hasSuffix("/5") && call.name == "put" ? .status(501) : .none }
            await #expect(throws: HubFailure.self) {
                try await hub.upload(folder: scratch.path, to: repo, options: options)
            }
            let folder = try #require(options.stateFolder)
            let note = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).first)
            var text = try String(contentsOfFile: folder + "/" + note, encoding: .utf8)
            let made = try #require(text.firstMatch(of: /"made":(\d+)/))
            text.replace("\"made\":\(made.1)", with: "\"made\":\(Int(made.1)! - 60)")
            try text.write(toFile: folder + "/" + note, atomically: true, encoding: .utf8)
            small.breaks { call, _ in call.path.hasPrefix("/complete/u1") ? .status(500) : .none }
            _ = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(small.content[RepoPath(unchecked: "big.bin")] == bytes)
        }
    }

    // MARK: Files that change

    private func item(_ scratch: Scratch) throws -> (UploadItem, change: @Sendable () throws -> Void) {
        try scratch.write("f", [UInt8](repeating: 1, count: 1 << 20))
        let path = scratch.path + "/f"
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1_000_000_000)], ofItemAtPath: path)
        return (
            try UploadItem(path: RepoPath("f"), source: .file(path)),
            {
                let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
                try file.seek(toOffset: 1 << 19)
                try file.write(contentsOf: Data([2]))
                try file.close()
            }
        )
    }

    private func drain(_ pieces: AsyncThrowingStream<ByteBuffer, any Error>, afterFirst: () throws -> Void) async throws
    {
        var count = 0
        for try await _ in pieces {
            count += 1
            if count == 1 { try afterFirst() }
        }
    }

    @Test func whatIsWrittenToMeanwhileIsNotSentTorn() async throws {
        let scratch = try Scratch()
        let (item, change) = try item(scratch)
        let body = CommitBody(summary: "s", description: "", parent: nil, lines: [.file(item)])
        try await drain(body.pieces { _ in }) {}
        try await drain(try item.pieces(from: 0, count: item.size) { _ in }) {}
        let failure = await #expect(throws: LocalFile.Trouble.self) {
            try await drain(body.pieces { _ in }, afterFirst: change)
        }
        #expect(failure?.reason == "it was changed during the upload")
    }

    @Test func nobodyIsSentATornObject() async throws {
        let scratch = try Scratch()
        let (item, change) = try item(scratch)
        let failure = await #expect(throws: LocalFile.Trouble.self) {
            try await drain(try item.pieces(from: 0, count: item.size) { _ in }, afterFirst: change)
        }
        #expect(failure?.reason == "it was changed during the upload")
    }

    @Test func longWorkOnADiskHearsThatItIsCalledOff() async throws {
        let began = Mutex(false)
        let task = Task {
            try await Disk.run { flag in
                began.withLock { $0 = true }
                while true { try flag.check() }
            }
        }
        try await eventually { began.withLock { $0 } }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func withoutIgnoreFilesTheHubIsToldSo() async throws {
        try await with { small, hub, repo, scratch, options in
            try scratch.write("a", "a")
            var options = options
            options.usesIgnoreFiles = false
            _ = try await hub.upload(folder: scratch.path, to: repo, options: options)
            let question = String(decoding: try #require(small.calls("preupload").first).body, as: UTF8.self)
            #expect(question.contains(#""gitIgnore":"\n""#))
        }
    }
}
