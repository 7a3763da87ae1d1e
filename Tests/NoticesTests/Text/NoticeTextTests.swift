import Foundation
@testable import Notices
import StokerCore
import Testing

@Suite("The words of a message")
struct NoticeTextTests {
    static let form = NoticeText.Form(mostTitle: 300, mostText: 4_000)

    @Test(arguments: Notice.Kind.allCases) func eachKindHasItsWords(_ kind: Notice.Kind) {
        #expect(NoticeTemplate.standard[kind] != nil)
        for count in [1, 3] {
            var notice = Notice.sample(kind)
            if count > 1 { notice.subjects.append(.init(check: "rag", verdict: .down)) }
            notice.count = count
            let text = NoticeText(notice, form: Self.form)
            #expect(!text.title.isEmpty && !text.text.isEmpty, "\(kind)")
            #expect(!text.title.contains("{") && !text.text.contains("{") && !text.text.contains("\n\n"), "\(text)")
        }
        var alone = Notice.sample(kind)
        alone.subjects = []
        alone.count = 0
        #expect(!NoticeText(alone, form: Self.form).title.isEmpty)
    }

    @Test func oneTarget() {
        let text = NoticeText(.sample(), form: Self.form)
        #expect(text.title == "bot is down")
        #expect(
            text.text == """
                Connection refused.
                Down since 2026-11-18 10:50:00 UTC.
                Restarted the Space.
                Hint: Look at its logs.
                """)
        #expect(text.link == "https://stoker.example.com/targets/bot?a=1&b=2")
    }

    /// What is over is told as such, and for how long it lasted.
    @Test func whatIsWellAgainIsToldInThePast() {
        var notice = Notice.sample(.recovered, sentence: "answered 503")
        notice.subjects = [
            .init(
                check: "bot", verdict: .up, sentence: "the connection was refused: nothing listens there",
                since: Instant(milliseconds: 1_794_999_000_000), lastedMilliseconds: 720_000, was: .down)
        ]
        notice.hint = nil
        notice.done = []
        #expect(
            NoticeText(notice, form: Self.form).text == """
                Was down for 12 min: the connection was refused: nothing listens there.
                Up since 2026-11-18 10:50:00 UTC.
                """)
        notice.subjects.append(
            .init(check: "job", verdict: .up, sentence: "no call came", lastedMilliseconds: 60_000, was: .silent))
        notice.count = 2
        #expect(
            NoticeText(notice, form: Self.form).text == """
                • bot: was down for 12 min: the connection was refused: nothing listens there
                • job: was silent for 1 min: no call came
                """)
        // Of a ledger that does not say what it was.
        notice.subjects = [.init(check: "bot", verdict: .up)]
        notice.count = 1
        #expect(NoticeText(notice, form: Self.form).text == "Was down: answered 503.")
    }

    @Test func repeatedAndLate() {
        var notice = Notice.sample()
        notice.repeated = 2
        notice.isLate = true
        notice.sender = "second"
        let text = NoticeText(notice, form: Self.form)
        #expect(text.title == "bot is still down")
        #expect(
            text.text.hasPrefix(
                "This message is late: it happened at 2026-11-18 11:06:30 UTC and could not be sent then.\n"))
        #expect(text.text.hasSuffix("Told 2 times before.\nSent by second."))
    }

    @Test func manyTargetsAreCounted() {
        var notice = Notice.sample(sentence: "3 targets went down at once")
        notice.subjects = (0..<50).map { .init(check: "check-\($0)", verdict: .down, sentence: "timeout") }
        notice.count = 10_000
        let text = NoticeText(notice, form: Self.form)
        #expect(text.title == "10,000 targets are down")
        #expect(text.text.hasPrefix("3 targets went down at once.\n• check-0: down. Timeout.\n"))
        #expect(text.text.contains("• and 9,980 more"))
        #expect(!text.text.contains("check-20"))
    }

    /// Whatever comes, a service's limits hold.
    @Test func limitsHold() {
        var notice = Notice.sample(sentence: String(repeating: "<&*_ ", count: 2_000))
        notice.subjects = (0..<50).map {
            .init(
                check: String(repeating: "<n\($0)>", count: 60), verdict: .down,
                sentence: String(repeating: "&", count: 3_000))
        }
        notice.count = 50
        notice.done = (0..<40).map { _ in String(repeating: "'\"", count: 1_000) }
        notice.hint = String(repeating: "*", count: 5_000)
        for escaping in [TextEscaping.plain, .discord, .slack, .html, .telegram] {
            for most in [2_900, 4_000] {
                for templates in [
                    [], [FleetNamed(name: "all", value: "{{cause}}{{hint}}" + String(repeating: "a ", count: 2_000))],
                ] {
                    let form = NoticeText.Form(
                        titleEscaping: escaping, escaping: escaping, mostTitle: 256, mostText: most,
                        measure: NoticeText.Form.utf16)
                    for count in [1, 50] {
                        notice.count = count
                        let text = NoticeText(notice, templates, form: form)
                        #expect(text.title.utf16.count <= 256 && text.text.utf16.count <= most)
                        // Nothing escaped was cut in its middle.
                        #expect(!text.text.hasSuffix("&") && !text.text.hasSuffix("\\"))
                    }
                }
            }
        }
    }

    @Test func ownTemplates() {
        let templates = [
            FleetNamed(
                name: "down", value: "<@&7> {{title}}\n{{#targets}}{{name}} {{/targets}}{{^hint}}no hint{{/hint}}"),
            FleetNamed(name: "all", value: "{{kind}}: {{cause}}"),
        ]
        var form = Self.form
        form.escaping = .discord
        var notice = Notice.sample(sentence: "@everyone <b>")
        notice.subjects[0].check = "my_bot"
        #expect(NoticeText(notice, templates, form: form).text == "<@&7> my\\_bot is down\nmy\\_bot")
        notice.kind = .slow
        #expect(NoticeText(notice, templates, form: form).text == "slow: \\@everyone \\<b\\>.")
    }

    // MARK: Escaping

    /// Foreign text that would mention, link, format, or break out of its line.
    static let hostile = [
        "@everyone <@123> <@&1> <!here> <!channel> <users/all>", "[click](http://evil.example)",
        "<http://evil.example|click>",
        "**bold** __under__ ~~gone~~ `code` ```block``` ||spoiler||",
        "<a href=\"http://evil.example\">x</a><script>alert(1)</script>",
        "line\nbreak\r\n# heading\n> quote\n- item", "{{cause}} {{{title}}} {{#targets}}",
        "\u{202E}gnirts\u{200B} \u{1B}[31mred",
        "&lt;already&gt; &amp;",
    ]

    @Test(arguments: hostile) func foreignTextIsText(_ text: String) throws {
        var notice = Notice.sample(sentence: text)
        notice.hint = text
        notice.done = [text]
        notice.subjects[0].check = text
        notice.subjects[0].group = text

        var discord = DiscordChannel()
        discord.address = Secret("https://discord.com/api/webhooks/1/a")
        let embed = try #require(discord.document(notice)["embeds"]?.array?.first)
        for part in [
            embed["title"]?.string, embed["description"]?.string?.components(separatedBy: "\n[Acknowledge]").first,
        ] {
            var shown = try #require(part)
            // Whatever is behind a backslash is text.
            for mark in "\\*_~`|[]()<>@#:" { shown = shown.replacing("\\\(mark)", with: "") }
            #expect(!shown.contains { "*`|[]()<>@#".contains($0) }, "\(shown)")
        }
        #expect(discord.document(notice)["allowed_mentions"] == ["parse": []])

        var telegram = TelegramChannel()
        telegram.token = Secret("1:a")
        let html = try #require(telegram.document(notice, "1")["text"]?.string)
        let tags = html.matches(of: #/<[^>]*>/#).map { String($0.output) }
        #expect(
            tags.allSatisfy {
                ["<b>", "</b>", "</a>"].contains($0) || $0.hasPrefix("<a href=\"https://stoker.example.com/")
            })
        #expect(!html.contains("@everyone") && !html.contains("http://evil"))

        var slack = SlackChannel()
        slack.address = Secret("https://hooks.slack.com/services/T/B/a")
        for templates in [[], [FleetNamed(name: "all", value: "{{cause}} {{hint}} {{target}}")]] {
            slack.templates = templates
            for block in slack.document(notice)["blocks"]?.array ?? [] where block["type"] == "section" {
                guard block["text"]?["type"] == "mrkdwn" else { continue }
                let words = try #require(block["text"]?["text"]?.string)
                #expect(!words.contains("<") && !words.contains(">") && !words.contains("**") && !words.contains("``"))
            }
            #expect(slack.document(notice)["text"]?.string?.contains("<") == false)
        }

        var chat = GoogleChatChannel()
        chat.address = Secret("https://chat.googleapis.com/v1/spaces/A/messages")
        let widgets = chat.document(notice)["cardsV2"]?.array?.first?["card"]?["sections"]?.array?.first?["widgets"]?
            .array
        let paragraph = try #require(widgets?.first?["textParagraph"]?["text"]?.string)
        #expect(paragraph.replacing("<br>", with: "").contains("<") == false)

        let plain = NoticeText(notice, form: Self.form)
        #expect(
            !plain.title.contains { $0.isNewline }
                && !(plain.title + plain.text).unicodeScalars.contains { $0 == "\u{1B}" || $0 == "\u{202E}" })
        #expect(plain.text.split(separator: "\n").count == 4)
    }

    @Test func secretsInForeignTextAreHidden() {
        let text = NoticeText(
            .sample(sentence: "GET https://a.example/?token=abcdefgh answered hf_abcdefghijklmnop"), form: Self.form)
        #expect(!text.text.contains("abcdefgh"))
    }

    @Test func headersOfAMail() {
        #expect(MailMessage.header("plain") == "plain")
        #expect(MailMessage.header("ünïcode") == "=?UTF-8?B?w7xuw69jb2Rl?=")
        let long = MailMessage.header(String(repeating: "wörd ", count: 40))
        #expect(long.split(separator: "\r\n ").allSatisfy { $0.utf8.count <= 75 } && long.contains("\r\n "))
        #expect(!MailMessage.header("a\r\nBcc: b").contains("\r\nBcc"))
        #expect(String(decoding: MailMessage.quotedPrintable("a=b ü \n.x"), as: UTF8.self) == "a=3Db =C3=BC=20\r\n.x")
        #expect(
            String(decoding: SMTPDelivery.stuffed(Array(".a\r\n..\r\nb".utf8)), as: UTF8.self)
                == "..a\r\n...\r\nb\r\n.\r\n")
        #expect(MailMessage.date(Instant(milliseconds: 0)) == "Thu, 01 Jan 1970 00:00:00 +0000")
        for bad in ["", "a", "a@", "@b", "a@b@c", "a b@c", "a@b\r\nc", "ä@b.example", "a <b@c", ".a@b", "a..b@c"] {
            #expect(MailAddress(bad) == nil, "\(bad)")
        }
    }

    @Test func aCauseThatBeginsWithAnAddressOrATargetsNameIsLeftAsItIsSpelled() {
        for (sentence, whole) in [
            ("http://127.0.0.1:7860 refused it", "http://127.0.0.1:7860 refused it."),
            ("bot was restarted", "bot was restarted."),
            ("connection refused", "Connection refused."),
        ] {
            let text = NoticeText(Notice.sample(sentence: sentence), form: .init(mostTitle: 200, mostText: 2_000))
            #expect(text.text.hasPrefix(whole), "\(text.text)")
        }
    }
}
