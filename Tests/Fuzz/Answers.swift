import Foundation
import NIOCore
import NIOPosix
import StokerCore
import Synchronization

@testable import KeepAlive

/// Bytes as what a server answers, over a real connection of loopback and through the real prober. The first byte says how the
/// check looks at it and into how many pieces the answer is cut.
enum AnswerFuzz {
    private static let bench = Bench()

    static func take(_ bytes: [UInt8]) {
        guard let first = bytes.first else { return }
        let policy = CheckPolicy(
            timeout: .milliseconds(500),
            // Not one redirect: the bytes would choose whom to ask next.
            request: Request(method: first & 1 == 0 ? "GET" : "HEAD", redirects: 0),
            expect: first & 2 == 0
                ? Expectation() : Expectation(text: "hello", json: [.init(path: "$.a", value: .null)]))
        bench.take(
            Array(bytes.dropFirst()), pieces: 1 + Int(first >> 4),
            check: Check(
                name: "f", address: "http://127.0.0.1:\(bench.port)/", space: first & 4 == 0 ? nil : "acme/bot",
                policy: policy))
    }

    /// One prober and one server, for all inputs.
    private final class Bench: Sendable {
        let port: Int
        private let listener: CInt
        private let lane: ProbeLane
        private let evaluator = ResponseEvaluator()
        private let resolver: NameResolver

        init() {
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            var settings = ResolverConfiguration()
            settings.resolvConf = nil
            settings.hosts = nil
            settings.servers = []
            resolver = NameResolver(eventLoop: group.next(), configuration: settings)
            lane = ProbeLane(
                eventLoop: group.next(), resolver: resolver, tls: ProbeTLS(), userAgent: "Stoker/fuzz",
                now: { Instant(milliseconds: 1_700_000_000_000) })
            listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let (listener, bound) = withUnsafeMutablePointer(to: &address) { [listener] place in
                place.withMemoryRebound(to: sockaddr.self, capacity: 1) { place in
                    let isOpen = bind(listener, place, size) == 0 && listen(listener, 64) == 0
                    return (listener, isOpen && getsockname(listener, place, &size) == 0)
                }
            }
            precondition(bound && listener >= 0, "no port on loopback")
            port = Int(UInt16(bigEndian: address.sin_port))
        }

        func take(_ bytes: [UInt8], pieces: Int, check: Check) {
            let ended = DispatchSemaphore(value: 0)
            let reports = Atomic(0)
            lane.eventLoop.execute { [lane, evaluator] in
                lane.start(check) { attempt in
                    reports.wrappingAdd(1, ordering: .relaxed)
                    if case .answer(let answer) = attempt.result {
                        must(
                            answer.body.readableBytes <= AnswerBody.limit && answer.redirects == 0,
                            "more kept than wanted")
                    }
                    let finding = evaluator.examine(attempt, check: check, now: attempt.at)
                    let transcript = attempt.transcript(1, finding.outcome, finding.cause, finding.detail)
                    must(transcript.exchanges.allSatisfy { $0.body.utf8.count <= 4_096 }, "a transcript without end")
                    ended.signal()
                }
            }
            serve(bytes, pieces: pieces)
            must(ended.wait(timeout: .now() + 5) == .success, "never reported")
            must(reports.load(ordering: .relaxed) == 1, "reported twice")
        }

        /// One connection: reads the request, answers, closes.
        private func serve(_ bytes: [UInt8], pieces: Int) {
            let connection = accept(listener, nil, nil)
            guard connection >= 0 else { return }
            var request = [UInt8](repeating: 0, count: 4_096)
            _ = read(connection, &request, request.count)
            let size = max(1, (bytes.count + pieces - 1) / pieces)
            for start in stride(from: 0, to: bytes.count, by: size) {
                let part = Array(bytes[start..<min(start + size, bytes.count)])
                // The prober may have had enough and be gone: that is no fault of either.
                if send(connection, part, part.count, CInt(MSG_NOSIGNAL)) < 0 { break }
            }
            close(connection)
        }
    }
}
