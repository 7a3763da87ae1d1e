import NIOCore
import NIOPosix
import StokerCore
import Synchronization
import TestSupport
import Testing

@testable import KeepAlive

/// Answers of any bytes: reported exactly once, never a crash, never more kept than is wanted.
@Suite(.timeLimit(.minutes(2)))
struct ProbeFuzzTests {
    private static let valid = [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nTrailer: 1\r\n\r\n",
        "HTTP/1.0 404 Not Found\r\n\r\nsome text until the end",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 302 Found\r\nLocation: /next?x=1\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n\u{1}\u{2}",
        "HTTP/1.1 204 No Content\r\nSet-Cookie: a=b\r\n\r\n",
    ]

    /// One answer, changed at random places and cut into random pieces.
    static func answer(_ random: inout SplitMix64) -> [MisbehavingServer.Step] {
        var bytes = Array((valid.randomElement(using: &random) ?? "").utf8)
        for _ in 0..<Int.random(in: 0...6, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0...5, using: &random) {
            case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.remove(at: place)
            case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
            case 3: bytes.removeSubrange(place...)
            case 4: bytes.insert(contentsOf: bytes.prefix(place), at: place)
            default: bytes.insert(contentsOf: [UInt8](repeating: bytes[place], count: 3_000), at: place)
            }
        }
        var steps: [MisbehavingServer.Step] = []
        while !bytes.isEmpty {
            let count = Int.random(in: 1...max(1, bytes.count), using: &random)
            steps.append(.sendBytes(Array(bytes.prefix(count))))
            bytes.removeFirst(min(count, bytes.count))
            if Int.random(in: 0...3, using: &random) == 0 { steps.append(.wait(.milliseconds(1))) }
        }
        return steps + [[.close], [.reset], [.close], [.hold]][Int.random(in: 0...3, using: &random)]
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func anyAnswer(_ seed: UInt64) async throws {
        let random = Mutex(SplitMix64(seed: seed))
        try await ProbeBench.run { bench in
            let server = try await MisbehavingServer.start(on: bench.group) { _ in
                random.withLock { Self.answer(&$0) }
            }
            let policies: [CheckPolicy] = [
                .quick(timeout: .milliseconds(250)),
                .quick(timeout: .milliseconds(250), expect: Expectation(text: "hello")),
                .quick(timeout: .milliseconds(250), request: Request(method: "HEAD", redirects: 0)),
            ]
            let checks = (0..<400).map { number in
                Check(name: "f\(number)", address: "http://127.0.0.1:\(server.port)/", policy: policies[number % 3])
            }
            let reports = Mutex<[Int: Int]>([:])
            await ProbeSweep.run(checks, on: [bench.lane], concurrency: 64) { index, attempt in
                reports.withLock { $0[index, default: 0] += 1 }
                if case .answer(let answer) = attempt.result {
                    #expect(answer.body.readableBytes <= (index % 3 == 1 ? AnswerBody.limit : 1_024))
                    #expect(answer.redirects <= 5)
                }
                let transcript = attempt.transcript(1, .up, .none, "")
                #expect(transcript.exchanges.count <= 6)
                #expect(transcript.exchanges.allSatisfy { $0.body.utf8.count <= 4_096 })
            }
            #expect(reports.withLock { $0.count == 400 && $0.values.allSatisfy { $0 == 1 } })
            try await bench.expectQuiet(server)
        }
    }
}
