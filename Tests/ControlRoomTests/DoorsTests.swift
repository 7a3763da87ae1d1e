import ControlRoom
import Foundation
import Hummingbird
import Ledger
import NIOCore
import NIOPosix
import ServiceLifecycle
import StokerCore
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct DoorsTests {
    @Test func healthIsTheFixedText() async throws {
        try await Served.run(SampleFleet.dozen()) { served in
            let get = try await served.get("/health")
            #expect(get.status == 200)
            #expect(get.text == #"{"status":"alive"}"#)
            #expect(get.headers["content-type"] == "application/json")
            let head = try await served.get("/health", method: "HEAD")
            #expect(head.status == 200)
            #expect(head.bytes.isEmpty)
            #expect(head.headers["content-length"] == "18")
        }
    }

    @Test func statusTellsOfEveryTarget() async throws {
        try await Served.run(SampleFleet.dozen()) { served in
            let answer = try await served.get("/status")
            let json = try #require(try JSONSerialization.jsonObject(with: Data(answer.bytes)) as? [String: Any])
            #expect(json["uptime_seconds"] as? Int == 266_400)
            #expect(json["total"] as? Int == 12)
            let counts = try #require(json["counts"] as? [String: Int])
            #expect(counts["down"] == 2)
            #expect(counts["silent"] == 1)
            let targets = try #require(json["targets"] as? [[String: Any]])
            #expect(targets.count == 12)
            let website = try #require(targets.first { $0["name"] as? String == "website" })
            #expect(website["url"] as? String == "https://www.example.com/")
            #expect(website["interval_seconds"] as? Int == 300)
            #expect(website["status"] as? String == "down")
            #expect(website["cause"] as? String == "connect.refused")
            #expect(website["attempts"] as? Int == 4)
            #expect(website["failures_in_a_row"] as? Int == 3)
            #expect((website["last_ping"] as? String)?.hasSuffix("Z") == true)
            #expect(!answer.text.contains("hidden-value"))
        }
    }

    @Test func statusIsCachedByItsGeneration() async throws {
        let whole = SampleFleet.dozen()
        try await Served.run(whole) { served in
            let tag = try #require(try await served.get("/status").headers["etag"])
            #expect(try await served.get("/status", headers: [("If-None-Match", tag)]).status == 304)
            whole.monitor.change("website") { $0.state.verdict = .up }
            // A copy may be 200 ms old.
            var status = 304
            while status == 304 { status = try await served.get("/status", headers: [("If-None-Match", tag)]).status }
            #expect(status == 200)
        }
    }

    @Test func largeTextsArePackedForWhoTakesIt() async throws {
        try await Served.run(SampleFleet.many(5_000)) { served in
            let plain = try await served.get("/")
            #expect(plain.headers["content-encoding"] == nil)
            let packed = try await served.get("/", headers: [("Accept-Encoding", "br, gzip")])
            #expect(packed.headers["content-encoding"] == "gzip")
            #expect(packed.headers["vary"] == "Accept-Encoding")
            #expect(Array(packed.bytes.prefix(2)) == [0x1f, 0x8b])
            #expect(packed.bytes.count * 4 < plain.bytes.count)
            #expect(
                try await served.get("/", headers: [("Accept-Encoding", "gzip;q=0")]).headers["content-encoding"] == nil
            )

            // The first view of a large fleet: page, sheet and scripts together.
            var total = packed.bytes.count
            for match in plain.text.matches(of: #/(?:href|src)="(/assets/[^"]+)"/#) {
                let file = try await served.get(String(match.1), headers: [("Accept-Encoding", "gzip")])
                #expect(file.status == 200)
                #expect(file.headers["cache-control"]?.contains("immutable") == true)
                total += file.bytes.count
            }
            #expect(total < 150 * 1_024)
        }
    }

    @Test func metricsArePlausible() async throws {
        try await Served.run(SampleFleet.dozen()) { served in
            let answer = try await served.get("/metrics")
            #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(answer.text.contains("\nstoker_checks{verdict=\"down\"} 2\n"))
            #expect(answer.text.contains("\nstoker_check_up{check=\"website\"} 0\n"))
            // Neither up nor down: 0 would read as down.
            let paused = try #require(
                answer.text.firstMatch(of: #/stoker_check_verdict\{check="([^"]+)",verdict="paused"\}/#))
            #expect(!answer.text.contains("stoker_check_up{check=\"\(paused.1)\"}"))
            #expect(answer.text.contains("\nstoker_check_latency_seconds{check=\"discord-bot\"} 0.088\n"))
            #expect(answer.text.contains("\nstoker_pings_total 48213\n"))
        }
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/promtool"), "promtool is not installed"))
    func promtoolAcceptsTheMetrics() async throws {
        let text = try await Served.run(SampleFleet.dozen(overview: { $0.hub = SampleFleet.hub })) {
            try await $0.get("/metrics").text
        }
        #expect(text.contains("\nstoker_hub_window_remaining{bucket=\"api\"} 2488\n"))
        #expect(text.contains("\nstoker_hub_window_quota{bucket=\"api\"} 2500\n"))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/promtool")
        process.arguments = ["check", "metrics"]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        process.standardError = output
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
        try input.fileHandleForWriting.close()
        let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(said)")
        #expect(said.isEmpty, "\(said)")
    }

    @Test func metricsOfAHugeFleetLeaveOutTheChecks() async throws {
        let text = try await Served.run(SampleFleet.many(10_001)) { try await $0.get("/metrics").text }
        #expect(!text.contains("stoker_check_up"))
        #expect(text.contains("# 10001 checks: series per check are left out above 10000"))
    }

    @Test(arguments: ["status", "uptime-24h", "uptime-7d", "uptime-30d", "uptime-90d", "latency", "commit", "awake"])
    func badges(kind: String) async throws {
        try await Served.run(SampleFleet.dozen()) { served in
            let answer = try await served.get("/badge/llm-backend/ready.svg?kind=\(kind)")
            #expect(answer.status == 200)
            // What is kept here and what others may keep is 10 s together.
            #expect(answer.headers["cache-control"] == "public, max-age=5")
            let tag = try #require(answer.headers["etag"])
            let again = try await served.get(
                "/badge/llm-backend/ready.svg?kind=\(kind)", headers: [("if-none-match", tag)])
            #expect(again.status == 304 && again.text.isEmpty)
            let shield = try await served.get("/badge/llm-backend/ready.json?kind=\(kind)")
            let document = try JSONValue(reading: shield.text)
            #expect(document["schemaVersion"] == 1 && document["message"]?.string?.isEmpty == false)
            #expect(document["label"]?.string?.hasPrefix("llm-backend/ready") == true)
            #expect(answer.text.contains("\(document["message"]?.string ?? "?")"))
            #expect(answer.headers["content-type"] == "image/svg+xml; charset=utf-8")
            #expect(answer.text.contains("llm-backend/ready"))
            try Markup.check(answer.text)
            #expect(try await served.get("/badge/llm-backend.svg?kind=weather").status == 400)
            #expect(try await served.get("/badge/nobody.svg").status == 404)
        }
    }

    @Test func viewersSeeChanges() async throws {
        let whole = SampleFleet.dozen()
        try await Served.run(whole) { served in
            var events = try await served.stream(raw: "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                .makeAsyncIterator()
            var text = ""
            while !text.contains("event: hello") { text += String(buffer: try #require(try await events.next())) }
            #expect(text.contains("text/event-stream"))
            whole.monitor.change("website") { status in
                status.state.verdict = .up
                status.state.cause = .none
            }
            while !text.contains("\"n\":\"website\"") { text += String(buffer: try #require(try await events.next())) }
            #expect(text.contains("event: change"))
            #expect(text.contains("\"sentence\":\"3 of 12 need a look: "))
        }
    }

    @Test func theServerStopsWithViewersConnected() async throws {
        let whole = SampleFleet.dozen()
        try await Served.run(whole) { served in
            var subscribers: [AsyncThrowingStream<ByteBuffer, any Error>.AsyncIterator] = []
            for _ in 0..<10 {
                var viewer = try await served.stream(raw: "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    .makeAsyncIterator()
                _ = try await viewer.next()
                subscribers.append(viewer)
            }
            await served.group.triggerGracefulShutdown()
            // Every stream ends by itself; the suite's time limit is what would be seen otherwise.
            for index in subscribers.indices { while try await subscribers[index].next() != nil {} }
        }
    }

    @Test func tooManyViewersAreSentAway() async throws {
        let settings = ControlRoomServer.Settings(port: 0, subscribers: 1)
        try await Served.run(SampleFleet.dozen(), settings: settings) { served in
            var first = try await served.stream(raw: "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                .makeAsyncIterator()
            _ = try await first.next()
            let second = try await served.get("/events")
            #expect(second.status == 429)
            #expect(second.headers["retry-after"] == "30")
            _ = first
        }
    }

    @Test func whoDoesNotReadIsLetGo() async throws {
        let whole = SampleFleet.many(60)
        try await Served.run(whole) { served in
            // A small window, so that little has to be sent until nothing more fits.
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelOption(.autoRead, value: false).channelOption(.socketOption(.so_rcvbuf), value: 4_096)
                .connect(host: "127.0.0.1", port: served.port).get()
            try await channel.writeAndFlush(ByteBuffer(string: "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"))
            func subscribers() async throws -> Bool {
                // The sample's clock stands still: only a change makes the page anew.
                whole.monitor.change(["service-0"]) { $0.state.failures &+= 1 }
                return try await served.get("/metrics").text.contains("\nstoker_viewers 1\n")
            }
            try await Wait.until(
                "the viewer to be counted", within: .seconds(60), every: .milliseconds(100), subscribers)
            let names = (0..<60).map { "service-\($0)" }
            // Fills the socket's buffers, then the viewer's queue; then he is let go and the server goes on.
            try await Wait.until("the viewer to be let go", within: .seconds(100), every: .milliseconds(100)) {
                for _ in 0..<100 { whole.monitor.change(names) { $0.state.failures &+= 1 } }
                return try await !subscribers()
            }
            #expect(try await served.get("/health").status == 200)
            try await channel.close()
        }
    }

    @Test func aTakenPortIsToldPlainly() async throws {
        try await Served.run(SampleFleet.empty()) { served in
            let second = try Served.room(SampleFleet.empty(), settings: .init(port: served.port))
            let failure = await #expect(throws: Failure.self) { try await second.run() }
            #expect(failure?.code == .portTaken)
            #expect(failure?.hint?.contains("--port") == true)
        }
    }

    @Test func brokenRequestsHurtNobody() async throws {
        try await Served.run(SampleFleet.dozen()) { served in
            for raw in [
                "\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /%zz HTTP/1.1\r\nHost: x y\r\n\r\n",
            ] {
                var count = 0
                for try await part in try await served.stream(
                    raw: raw + "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n")
                {
                    count += part.readableBytes
                }
                #expect(count > 0)
            }
            #expect(try await served.get("/health").status == 200)
        }
    }
}
