import Foundation
@testable import Notices
import StokerCore
import TestSupport
import Testing

/// Receivers on loopback that answer as services do, or worse.
@Suite("What channels send, and what an answer means")
struct ChannelDeliveryTests {
    static func webhook(_ port: Int, _ more: String = "") throws -> any Channel {
        try Read.channel("webhook: \"http://127.0.0.1:\(port)/hook/secret-path-0123\"\(more)")
    }

    static func deliver(
        _ steps: [MisbehavingServer.Step], limit: Duration = .seconds(20)
    ) async throws -> (Delivery, [MisbehavingServer.Heard]) {
        try await Means.serve({ _ in steps }) { server in
            try await Means.lend(limit: limit) { means in
                let delivery = try await webhook(server.port).deliver(.sample(), with: means)
                return (delivery, server.requests)
            }
        }
    }

    // MARK: Answers

    @Test(arguments: ["200 OK", "202 Accepted", "204 No Content"])
    func allOfTwoHundredIsDelivered(_ status: String) async throws {
        #expect(try await Self.deliver(Means.answer(status)).0 == .delivered(note: nil))
    }

    @Test func aWaitThatIsAskedForIsKept() async throws {
        func wait(_ header: String) async throws -> Duration? {
            let (delivery, _) = try await Self.deliver(Means.answer("429 Too Many Requests", "slow", headers: [header]))
            guard case .later(let after, let because) = delivery else {
                Issue.record("\(delivery)")
                return nil
            }
            #expect(because == "The webhook answered 429: slow")
            return after
        }
        #expect(try await wait("retry-after: 7") == .seconds(7))
        #expect(try await wait("retry-after: 0.35") == .milliseconds(350))
        // Means.now is 2026-11-18 11:06:40 UTC.
        #expect(
            try await wait("retry-after: Wed, 18 Nov 2026 11:07:20 GMT") == Instant(rfc3339: "2026-11-18T11:07:20Z")!
                - Means.now)
        #expect(try await wait("retry-after: 99999999") == .seconds(6 * 3_600))
        #expect(try await wait("x-none: 1") == nil)
    }

    @Test(arguments: ["500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable", "408 Request Timeout"])
    func troubleOfTheirsIsForLater(_ status: String) async throws {
        guard case .later = try await Self.deliver(Means.answer(status)).0 else {
            Issue.record("\(status) is not for later")
            return
        }
    }

    @Test(arguments: ["400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found", "410 Gone", "422 Nope"])
    func whatIsWrongWithUsIsFinal(_ status: String) async throws {
        guard case .refused = try await Self.deliver(Means.answer(status)).0 else {
            Issue.record("\(status) is not final")
            return
        }
    }

    @Test func aRedirectIsNotFollowed() async throws {
        let (delivery, heard) = try await Self.deliver(
            Means.answer("302 Found", headers: ["location: http://127.0.0.1:1/other?token=abc"]))
        #expect(heard.count == 1)
        #expect(
            delivery
                == .refused(
                    because:
                        "The webhook answered 302, a redirect to 127.0.0.1; a message is not sent after it: write the new address"
                ))
    }

    @Test func silenceIsForLater() async throws {
        let (delivery, _) = try await Self.deliver([.hold], limit: .seconds(2))
        #expect(delivery == .later(after: nil, because: "The webhook did not answer within 2 s"))
    }

    @Test func anEndInTheMiddleOfTheHeadIsForLater() async throws {
        let (delivery, _) = try await Self.deliver([.send("HTTP/1.1 20"), .close])
        guard case .later(nil, let because) = delivery else {
            Issue.record("\(delivery)")
            return
        }
        #expect(because.hasPrefix("The webhook could not be reached"))
    }

    @Test func anEndInTheMiddleOfTheBodyChangesNothing() async throws {
        let (delivery, _) = try await Self.deliver([
            .send("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nhalf"), .reset,
        ])
        #expect(delivery == .delivered(note: nil))
    }

    /// Whoever sent its status has the message: to send it again because of the rest would be a second copy.
    @Test func aBodyThatDoesNotEndInTimeChangesNothing() async throws {
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nhalf"
        #expect(try await Self.deliver([.send(head), .hold], limit: .seconds(2)).0 == .delivered(note: nil))
    }

    @Test(.timeLimit(.minutes(1))) func whoIsCalledOffWaitsForNoAnswer() async throws {
        let delivery: Delivery = try await Means.serve({ _ in [.hold] }) { server in
            try await Means.lend(limit: .seconds(300)) { means in
                let work = Task { try await Self.webhook(server.port).deliver(.sample(), with: means) }
                try await eventually("the webhook was not asked") { !server.requests.isEmpty }
                work.cancel()
                return try await work.value
            }
        }
        #expect(delivery.isFailure, "\(delivery)")
    }

    @Test(.timeLimit(.minutes(1))) func aBodyWithoutEndIsNotRead() async throws {
        let (delivery, _) = try await Self.deliver(
            [
                .send("HTTP/1.1 404 Gone\r\ncontent-length: 999999999\r\n\r\n"),
                .sendForever(String(repeating: "x", count: 8_192)),
            ])
        guard case .refused(let because) = delivery else {
            Issue.record("\(delivery)")
            return
        }
        #expect(because.count < 260)
    }

    @Test func nobodyThereIsForLater() async throws {
        let port = try await Means.serve({ _ in [.close] }) { $0.port }
        try await Means.lend { means in
            guard case .later(nil, let because) = try await Self.webhook(port).deliver(.sample(), with: means) else {
                Issue.record("not for later")
                return
            }
            #expect(because.hasPrefix("The webhook could not be reached"))
            #expect(!because.contains("secret-path"))
        }
    }

    /// The effect happened, the answer says it did not: the second copy is known by its key.
    @Test func aSecondCopyHasTheSameKey() async throws {
        let heard: [MisbehavingServer.Heard] = try await Means.serve({ _ in Means.answer("500 After All") }) { server in
            try await Means.lend { means in
                for _ in 0..<2 { _ = try await Self.webhook(server.port).deliver(.sample(), with: means) }
                return server.requests
            }
        }
        #expect(heard.map { $0.header("idempotency-key") } == ["7-42-down", "7-42-down"])
        #expect(heard.map { $0.json?["key"]?.string } == ["7-42-down", "7-42-down"])
    }

    @Test func whatTheyRepeatOfTheAddressIsHidden() async throws {
        let (delivery, _) = try await Self.deliver(
            Means.answer("404 Not Found", "no hook /hook/secret-path-0123 here\nhf_abcdefghijklmnop"))
        #expect(delivery == .refused(because: "The webhook answered 404: no hook /hook/*** here hf_***"))
    }

    // MARK: Requests

    @Test func theWebhookIsSigned() async throws {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        // Svix's published example of the scheme.
        #expect(
            WebhookChannel.signature(
                "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, Array(#"{"test": 2432232314}"#.utf8), Secret(secret))
                == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        let heard: [MisbehavingServer.Heard] = try await Means.serve({ _ in Means.answer("200 OK") }) { server in
            try await Means.lend { means in
                _ = try await Self.webhook(server.port, ", secret: \(secret), token: abc").deliver(
                    .sample(), with: means)
                return server.requests
            }
        }
        let request = try #require(heard.first)
        #expect(request.header("webhook-id") == "7-42-down")
        #expect(request.header("webhook-timestamp") == "1795000000")
        #expect(request.header("authorization") == "Bearer abc")
        #expect(
            request.header("webhook-signature")
                == WebhookChannel.signature("7-42-down", 1_795_000_000, Array(request.body.utf8), Secret(secret)))
        let body = try #require(request.json)
        #expect(body["kind"]?.string == "down" && body["title"]?.string == "bot is down" && body["late"]?.bool == false)
        #expect(body["targets"]?.array?.first?["check"]?.string == "bot")
        #expect(body["link"]?.string == "https://stoker.example.com/targets/bot?a=1&b=2")
    }

    @Test func eachServiceGetsItsOwnForm() async throws {
        let key = "0123456789abcdef0123456789abcdef"
        let heard: [MisbehavingServer.Heard] = try await Means.serve({ _ in
            Means.answer("200 OK", #"{"ok":true,"id":"9"}"#)
        }) { server in
            let base = "http://127.0.0.1:\(server.port)"
            return try await Means.lend { means in
                let channels = [
                    "discord: \"\(base)/api/webhooks/1/a\", mention: \"<@&55>\"",
                    "slack: \"\(base)/services/T/B/a\", mention: \"<!here>\"",
                    "telegram: \"1:a\", chat: \"-5\", api: \"\(base)\"", "teams: \"\(base)/workflows/1\"",
                    "google_chat: \"\(base)/v1/spaces/A/messages?key=a\"", "ntfy: \"\(base)/topic\", token: tk_a",
                    "pagerduty: \(key), api: \"\(base)\"",
                    "email: [a@x.example, b@x.example], from: \"Stoker <s@x.example>\", api: resend, key: k, url: \"\(base)\"",
                    "email: a@x.example, from: s@x.example, api: sendgrid, key: k, url: \"\(base)\"",
                    "email: a@x.example, from: s@x.example, api: mailgun, key: k, url: \"\(base)\"",
                    "email: a@x.example, from: s@x.example, api: postmark, key: k, url: \"\(base)\"",
                ]
                for text in channels {
                    guard case .delivered = try await Read.channel(text).deliver(.sample(), with: means) else {
                        Issue.record("\(text)")
                        continue
                    }
                }
                return server.requests
            }
        }
        #expect(
            heard.map { $0.line.split(separator: " ")[1] } == [
                "/api/webhooks/1/a?wait=true", "/services/T/B/a", "/bot1:a/sendMessage", "/workflows/1",
                "/v1/spaces/A/messages?key=a&requestId=7-42-down",
                "/", "/v2/enqueue", "/emails", "/v3/mail/send", "/v3/x.example/messages", "/email",
            ])
        guard heard.count == 11 else { return }
        let bodies = heard.map(\.json)
        #expect(bodies[0]?["allowed_mentions"] == ["roles": ["55"]] && bodies[0]?["content"] == "<@&55>")
        #expect(bodies[0]?["embeds"]?.array?.first?["url"]?.string?.hasSuffix("a=1&b=2") == true)
        #expect(bodies[1]?["blocks"]?.array?.first?["text"]?["text"] == "🔴 bot is down")
        #expect(bodies[2]?["parse_mode"] == "HTML" && bodies[2]?["chat_id"] == "-5")
        #expect(bodies[3]?["attachments"]?.array?.first?["content"]?["type"] == "AdaptiveCard")
        #expect(bodies[4]?["cardsV2"]?.array?.first?["cardId"] == "7-42-down")
        #expect(
            bodies[5]?["topic"] == "topic" && bodies[5]?["priority"] == 5
                && heard[5].header("authorization") == "Bearer tk_a")
        #expect(
            bodies[6]?["event_action"] == "trigger" && bodies[6]?["dedup_key"] == "stoker/bot"
                && bodies[6]?["routing_key"]?.string == key)
        #expect(bodies[6]?["payload"]?["severity"] == "critical")
        #expect(heard[7].header("idempotency-key") == "7-42-down" && bodies[7]?["to"]?.array?.count == 2)
        #expect(bodies[8]?["headers"]?["Message-ID"] == "<7-42-down@x.example>")
        #expect(heard[9].body.contains("h%3AMessage-Id=%3C7-42-down%40x.example%3E"))
        #expect(heard[10].header("x-postmark-server-token") == "k")
    }

    @Test func servicesSayInTheirBodiesHowLongToWait() async throws {
        let discord = #"{"message":"You are being rate limited.","retry_after":1.5,"global":false}"#
        let telegram =
            #"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 12","parameters":{"retry_after":12}}"#
        func delivery(_ body: String, _ channel: (Int) -> String) async throws -> Delivery {
            try await Means.serve({ _ in Means.answer("429 Too Many Requests", body, headers: ["retry-after: 3"]) }) {
                server in
                try await Means.lend { try await Read.channel(channel(server.port)).deliver(.sample(), with: $0) }
            }
        }
        #expect(
            try await delivery(discord) { "discord: \"http://127.0.0.1:\($0)/api/webhooks/1/a\"" }
                == .later(after: .milliseconds(1_500), because: "Discord answered 429: You are being rate limited."))
        #expect(
            try await delivery(telegram) { "telegram: \"1:a\", chat: \"5\", api: \"http://127.0.0.1:\($0)\"" }
                == .later(after: .seconds(12), because: "Telegram answered 429: Too Many Requests: retry after 12"))
    }

    @Test func servicesSayInTheirOwnWayWhatIsToBeDone() async throws {
        func delivery(_ status: String, _ body: String, _ headers: [String] = [], _ channel: (Int) -> String)
            async throws -> Delivery
        {
            try await Means.serve({ _ in Means.answer(status, body, headers: headers) }) { server in
                try await Means.lend { try await Read.channel(channel(server.port)).deliver(.sample(), with: $0) }
            }
        }
        let mail = { (port: Int) in
            "email: a@x.example, from: s@x.example, api: sendgrid, key: k, url: \"http://127.0.0.1:\(port)\""
        }
        let full = #"{"errors":[{"field":null,"message":"too many requests"}]}"#
        func wait(_ headers: [String]) async throws -> Duration? {
            guard
                case .later(let after, "SendGrid answered 429: too many requests") = try await delivery(
                    "429 Too Many Requests", full, headers, mail)
            else {
                Issue.record("\(headers)")
                return nil
            }
            return after
        }
        let reset = Means.now.milliseconds / 1_000 + 40
        #expect(try await wait(["x-ratelimit-reset: \(reset)"]) == .seconds(40))
        #expect(try await wait(["x-ratelimit-reset: \(reset)", "retry-after: 3"]) == .seconds(3))
        #expect(try await wait(["x-ratelimit-reset: 1"]) == .seconds(1), "a window that is over")
        #expect(try await wait(["x-ratelimit-reset: soon"]) == nil)
        #expect(try await wait(["x-ratelimit-reset: \(Int64.max)"]) == nil)
        let moved =
            #"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1001234}}"#
        #expect(
            try await delivery("400 Bad Request", moved) {
                "telegram: \"1:a\", chat: \"-5\", api: \"http://127.0.0.1:\($0)\""
            }
                == .refused(
                    because:
                        "Telegram answered 400: Bad Request: group chat was upgraded to a supergroup chat; write chat: \"-1001234\""
                ))
    }

    @Test(arguments: [
        ("https://c.test/v1?key=a&token=b", "https://c.test/v1?key=a&token=b&requestId=7-42-down"),
        ("https://c.test/v1", "https://c.test/v1?requestId=7-42-down"),
        ("https://c.test/v1?key=a#x", "https://c.test/v1?key=a&requestId=7-42-down"),
    ]) func googleChatKnowsAMessageItHas(address: String, asked: String) {
        #expect(GoogleChatChannel.address(Secret(address), for: .sample()).reveal() == asked)
    }

    @Test func pagerDutyOpensAndResolvesAnAlertForEachTarget() async throws {
        let heard: [MisbehavingServer.Heard] = try await Means.serve({ _ in Means.answer("202 Accepted") }) { server in
            try await Means.lend { means in
                let channel = try Read.channel(
                    "pagerduty: 0123456789abcdef0123456789abcdef, source: berlin, api: \"http://127.0.0.1:\(server.port)\""
                )
                var notice = Notice.sample()
                notice.subjects.append(.init(check: "rag", verdict: .down))
                notice.count = 900
                _ = await channel.deliver(notice, with: means)
                _ = await channel.deliver(.sample(.acknowledged), with: means)
                notice.kind = .recovered
                _ = await channel.deliver(notice, with: means)
                _ = await channel.deliver(.sample(.healed), with: means)
                return server.requests
            }
        }
        let events = heard.map { "\($0.json?["event_action"]?.string ?? "-") \($0.json?["dedup_key"]?.string ?? "-")" }
        #expect(
            events == [
                "trigger berlin/bot", "trigger berlin/rag", "acknowledge berlin/bot", "resolve berlin/bot",
                "resolve berlin/rag", "- -",
            ])
        #expect(heard.first?.json?["payload"]?["custom_details"]?["targets_in_trouble"] == 900)
        #expect(heard.last?.line.contains("/v2/change/enqueue") == true)
    }

    @Test func postmarkSaysWhoDoesNotGetIt() async throws {
        let body = #"""
            {"To":"a@x.example, B@x.example","MessageID":"089d","ErrorCode":0,"Message":"Message OK, but will not deliver to these inactive addresses: b@x.example. Inactive recipients are ones that have generated a hard bounce or a spam complaint."}
            """#
        let delivery: Delivery = try await Means.serve({ _ in Means.answer("200 OK", body) }) { server in
            try await Means.lend { means in
                try await Read.channel(
                    "email: [a@x.example, B@x.example], from: s@x.example, api: postmark, key: k, url: \"http://127.0.0.1:\(server.port)\""
                ).deliver(.sample(), with: means)
            }
        }
        guard case .partly(let because) = delivery else {
            Issue.record("\(delivery)")
            return
        }
        #expect(because.hasPrefix("delivered to 1 of 2; Postmark does not deliver to b@x.example"))
    }

    @Test func resendKnowsACopyThatHasOtherWordsByNow() async throws {
        let delivery: Delivery = try await Means.serve({ _ in
            Means.answer("409 Conflict", #"{"statusCode":409,"name":"invalid_idempotent_request","message":"differs"}"#)
        }) { server in
            try await Means.lend { means in
                try await Read.channel(
                    "email: a@x.example, from: s@x.example, api: resend, key: k, url: \"http://127.0.0.1:\(server.port)\""
                ).deliver(.sample(), with: means)
            }
        }
        #expect(delivery == .delivered(note: "Resend had it already"))
    }
}
