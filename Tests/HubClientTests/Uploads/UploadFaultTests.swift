import Foundation
import NIOCore
import StokerCore
import Synchronization
import TestSupport
import Testing

@testable import HubClient

/// Whatever the Hub and the line do: in the end the repository is the folder, each commit was made once, and no file is lost.
@Suite struct UploadFaultTests {
    /// Faults for each kind of call by seed. After a while they end, as real trouble does; until then the upload may fail, and is begun again.
    @Test(arguments: 0..<40) func theEndStateIsTheSame(seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        var rules = SmallHub.Rules()
        rules.chunk = random.below(3) == 0 ? nil : 700
        try await with(rules) { small, hub, repo, scratch, options in
            var random = random
            for index in 0..<(1 + random.below(12)) {
                try scratch.write("f\(index)", random.bytes(random.below(900)))
            }
            for index in 0..<random.below(4) {
                try scratch.write("big\(index)", random.bytes(1000 + random.below(4000)))
            }
            for path in ["gone/1", "gone/2"] { small.push(path, path) }
            var options = options
            options.delete = ["gone/*"]
            options.lanes = 1 + random.below(6)

            let dice = Mutex(random)
            let worst = 60
            small.breaks { call, number in
                guard number < worst else { return .none }
                return dice.withLock { random in
                    guard random.below(4) == 0 else { return .none }
                    let all: [SmallHub.Fault] = [
                        .status(500), .status(503), .throttled, .cutBefore, .cutAfter, .statusAfter(502),
                        .statusAfter(504),
                    ]
                    let fault = all[random.below(all.count)]
                    // Somebody else's commit in between, now and then.
                    if call.name == "commit", random.below(3) == 0 { return .status(412) }
                    return fault
                }
            }
            func uploaded() async throws -> CommitResult {
                for _ in 0..<60 {
                    do {
                        return try await hub.upload(folder: scratch.path, to: repo, options: options)
                    } catch {
                        let transient: Set<HubFailure.Kind> = [
                            .trouble, .unreachable, .throttled, .stale, .unreadable,
                        ]
                        #expect(transient.contains(error.kind), "seed \(seed): \(error)")
                    }
                }
                return try await hub.upload(folder: scratch.path, to: repo, options: options)
            }
            _ = try await uploaded()
            var wanted: [RepoPath: [UInt8]] = [:]
            for name in try scratch.names() { wanted[RepoPath(unchecked: name)] = try scratch.read(name) }
            #expect(small.content == wanted, "seed \(seed)")
            let ours = small.state.withLock { $0.commits.filter { $0.title.hasPrefix("Deploy") } }
            #expect(ours.count == 1, "seed \(seed): \(ours.map(\.title))")
            #expect(ours.first?.changes == wanted.count + 2)
            // A call too many that changes nothing is fine, a commit too many is not. The trouble may go on.
            #expect(try await uploaded().commits.isEmpty)
        }
    }

    /// Two uploads of different folders at once: both are there in the end.
    @Test func twoWriters() async throws {
        try await with { small, hub, repo, scratch, options in
            let other = try Scratch()
            let otherHub = HubClientTests.hub(at: small)
            for index in 0..<5 {
                try scratch.write("a\(index)", "a\(index)")
                try other.write("b\(index)", "b\(index)")
            }
            async let first = hub.upload(folder: scratch.path, to: repo, options: options)
            async let second = otherHub.upload(folder: other.path, to: repo, options: options)
            let results = try await [first, second]
            #expect(results.allSatisfy { $0.commits.count == 1 })
            #expect(small.content.count == 10)
            try await otherHub.shutdown()
        }
    }

    @Test func cancelledIsNoFailure() async throws {
        try await with { small, hub, repo, scratch, options in
            try scratch.write("a", "a")
            small.breaks { call, _ in call.name == "preupload" ? .silence : .none }
            let task = Task { () -> HubFailure? in
                do {
                    _ = try await hub.upload(folder: scratch.path, to: repo, options: options)
                    return nil
                } catch { return error as? HubFailure }
            }
            try await eventually { !small.calls("preupload").isEmpty }
            task.cancel()
            #expect(await task.value?.isCancelled == true)
            #expect(small.calls("commit").isEmpty)
        }
    }
}

@Suite struct LFSScheduleTests {
    /// Plays the schedule with random ends: everything is hashed once, sent once, finished once, and never more at a time than allowed.
    @Test(arguments: 0..<60) func everyObjectOnce(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let count = 1 + random.below(600)
        let lanes = 1 + random.below(8)
        let files = (0..<count).map { _ in LFSSchedule.File(size: Int64(1 + random.below(50)), oid: nil, stored: nil) }
        let oids = (0..<count).map { _ in "o\(random.below(count))" }
        var schedule = LFSSchedule(files, lanes: lanes)
        var running: [LFSSchedule.Job] = []
        var sent: [String: [Int?]] = [:]
        var finished: [Int: Int] = [:]
        var expired: Set<Int> = []
        var steps = 0
        while true {
            while let job = schedule.next() { running.append(job) }
            let puts = running.filter { if case .put = $0 { true } else { false } }.count
            #expect(puts <= lanes)
            guard !running.isEmpty else { break }
            steps += 1
            if steps > 50_000 { break }
            let job = running.remove(at: random.below(running.count))
            switch job {
            case .hash(let file): schedule.didHash(file, oid: oids[file])
            case .ask(let asked):
                #expect(asked.count <= 256)
                var works: [Int: LFSWork] = [:]
                for file in asked {
                    switch random.below(4) {
                    case 0: works[file] = .present
                    case 1: works[file] = .basic(upload: "u", verify: nil)
                    default:
                        let chunk: Int64 = 10
                        let parts = Int((files[file].size + chunk - 1) / chunk)
                        works[file] = .multipart(
                            LFSParts(chunk: chunk, urls: (0..<parts).map { "p\($0)" }, completion: "c"), verify: nil)
                    }
                    sent[oids[file]] = []
                }
                schedule.didAsk(asked, works: works)
            case .put(let file, let part):
                if !expired.contains(file), random.below(20) == 0 {
                    expired.insert(file)
                    schedule.expired(file, during: job)
                } else {
                    sent[oids[file], default: []].append(part)
                    schedule.didPut(file)
                }
            case .finish(let file):
                finished[file, default: 0] += 1
                schedule.didFinish(file)
            }
        }
        #expect(schedule.isDone, "seed \(seed)")
        #expect(finished.values.allSatisfy { $0 == 1 })
        for (file, state) in schedule.states.enumerated() where state == .sent {
            guard case .multipart(let parts, _) = schedule.works[file] else { continue }
            let put = Set((sent[oids[file]] ?? []).compactMap { $0 })
            #expect(put.isSuperset(of: parts.urls.indices), "seed \(seed)")
        }
    }
}

@Suite struct DecoderFuzzTests {
    /// Bytes that are almost what the Hub says are refused or read, and never end the program.
    @Test(arguments: 0..<20) func damagedAnswers(seed: UInt64) throws {
        let samples = [
            #"{"files":[{"path":"Dockerfile","uploadMode":"regular","shouldIgnore":false,"oid":"0b6f1d2e3c4a59687786a5b4c3d2e1f001122334"}],"commitOid":"b4a1"}"#,
            #"{"transfer":"multipart","objects":[{"oid":"aa11","size":734003200,"actions":{"upload":{"href":"https://h/c","header":{"chunk_size":"314572800","00001":"https://u/1","00002":"u2","00003":"u3"}},"verify":{"href":"v"}}},{"oid":"ff","size":1,"error":{"code":422,"message":"Object too large"}}]}"#,
            #"[{"type":"file","oid":"5c4d","size":18350080,"path":"assets/map.bin","lfs":{"oid":"2f6b","size":18350080,"pointerSize":133},"xetHash":"c0"},{"type":"directory","oid":"77","size":0,"path":"assets"}]"#,
        ]
        var random = SplitMix64(seed: seed)
        let decoder = JSONDecoder()
        for sample in samples {
            for _ in 0..<300 {
                var bytes = Array(sample.utf8)
                for _ in 0...random.below(4) {
                    let place = random.below(bytes.count)
                    switch random.below(4) {
                    case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                    case 1: bytes.remove(at: place)
                    case 2: bytes.insert(Array("0123456789-e\"{}[],:nulltrue".utf8)[random.below(27)], at: place)
                    default: bytes.removeLast(random.below(bytes.count))
                    }
                    if bytes.isEmpty { bytes = [0] }
                }
                let data = Data(bytes)
                _ = try? decoder.decode(PreuploadAnswer.self, from: data)  // refusing is right
                _ = try? decoder.decode([HubEntry].self, from: data)  // refusing is right
                if let batch = try? decoder.decode(LFSBatchAnswer.self, from: data) {  // refusing is right
                    for object in batch.objects {
                        guard let work = try? object.work(size: 734_003_200, doing: "test"),  // refusing is right
                            case .multipart(let parts, _) = work
                        else { continue }
                        let lengths = parts.urls.indices.map { parts.range(of: $0, size: 734_003_200).length }
                        #expect(lengths.reduce(0, +) == 734_003_200)
                        #expect(lengths.allSatisfy { $0 > 0 })
                    }
                }
                _ = HubLink.next(String(decoding: bytes, as: UTF8.self))
            }
        }
    }

    @Test(arguments: [
        ("<https://h/a?cursor=1>; rel=\"next\"", "https://h/a?cursor=1"), ("<a>; rel=next", "a"),
        ("<a>; rel=\"prev\", <b>; rel=\"next\"", "b"), ("<a>; rel=\"first next\"", "a"), ("<a>; rel=\"prev\"", nil),
        ("", nil), ("<", nil),
    ]) func links(header: String, next: String?) { #expect(HubLink.next(header) == next) }

    @Test(arguments: [("0", 5), ("-1", 5), ("x", 5), ("10", 5), ("9223372036854775807", 2)])
    func partsThatAreNone(chunk: String, urls: Int) throws {
        let header = (1...urls).map { #""\#($0)":"u""# }.joined(separator: ",")
        let text =
            #"{"oid":"a","size":1,"actions":{"upload":{"href":"c","header":{"chunk_size":"\#(chunk)",\#(header)}}}}"#
        let object = try JSONDecoder().decode(LFSBatchAnswer.Object.self, from: Data(text.utf8))
        #expect(throws: HubFailure.self) { try object.work(size: 1000, doing: "test") }
    }
}
