import Foundation
@testable import Notices
import StokerCore
import Testing

@Suite("Channels in the fleet file")
struct ChannelSettingsTests {
    static let kinds = ChannelKinds.all.map { $0.name }

    static func kind(_ name: String) throws -> any Channel.Type {
        try #require(ChannelKinds.all.first { $0.name == name })
    }

    static func rows(_ kind: any Channel.Type) -> [FleetKeyRow] {
        func rows<One: Channel>(_ kind: One.Type) -> [FleetKeyRow] { One.table.rows }
        return rows(kind)
    }

    /// A channel of that kind that says one key besides those it needs.
    static func document(_ kind: any Channel.Type, _ key: String, _ value: String) -> String {
        var keys = kind.example
        if let said = keys.firstRange(of: "\(key): "),
            said.lowerBound == keys.startIndex || keys[..<said.lowerBound].hasSuffix(", ")
        {
            // What is tried replaces what the example says: the values there have no comma.
            let rest = keys[said.upperBound...]
            keys = keys[..<said.lowerBound] + (rest.firstRange(of: ", ").map { String(rest[$0.upperBound...]) } ?? "")
        }
        // The two ways to send a mail exclude each other.
        if kind.name == "email", ["api", "key", "domain", "url"].contains(key) {
            keys = "email: ops@example.com, from: stoker@example.com"
            if key != "api" { keys += ", api: mailgun" }
            if key != "key" { keys += ", key: abc" }
        }
        if kind.name == "email", key == "user" { keys += ", password: abc" }
        let all = (keys.isEmpty ? [] : [keys.hasSuffix(", ") ? String(keys.dropLast(2)) : keys]) + ["\(key): \(value)"]
        return "channels: { a: { \(all.joined(separator: ", ")) } }"
    }

    @Test(arguments: kinds) func eachKindHasWhatTheListNeeds(_ name: String) throws {
        let kind = try Self.kind(name)
        #expect(Self.rows(kind).first?.name == name)
        #expect(Self.rows(kind).last?.name == "templates")
        let channel = try Read.channel(kind.example)
        #expect(channel.isOn && type(of: channel).name == name && !channel.shown.isEmpty)
        #expect(!kind.init().isOn)
        let reserved = ["to", "on", "groups", "targets", "lasting", "repeat", "quiet", "together"]
        #expect(Self.rows(kind).allSatisfy { !reserved.contains($0.name) })
    }

    @Test(arguments: kinds) func everyKeyTakesItsExample(_ name: String) throws {
        let kind = try Self.kind(name)
        for row in Self.rows(kind) {
            let text = Self.document(kind, row.name, row.example)
            #expect(Read.problems(text) == [], "\(text)")
        }
    }

    @Test(arguments: kinds) func everyKeyRefusesItsMistakes(_ name: String) throws {
        let kind = try Self.kind(name)
        for row in Self.rows(kind) {
            #expect(!row.invalidExamples.isEmpty)
            for mistake in row.invalidExamples {
                let text = Self.document(kind, row.name, mistake)
                let problems = Read.problems(text)
                #expect(problems.contains { $0.path.hasPrefix("channels.a") }, "\(text) \(problems)")
            }
        }
    }

    @Test(arguments: kinds) func anEmptyAddressSwitchesItOff(_ name: String) throws {
        let kind = try Self.kind(name)
        let channel = try Read.channel(
            Self.document(kind, name, "\"${NOTHING:-}\"").replacing("channels: { a: { ", with: "").replacing(
                " } }", with: ""))
        #expect(!channel.isOn)
        #expect(channel.shown.isEmpty)
    }

    @Test func secretsAreNotShown() throws {
        let secret = "abcdef1234567890"
        let token = "hidden0123456789hidden0123456789"
        let texts = [
            "discord: \"https://discord.com/api/webhooks/1/${S}\"",
            "slack: \"https://hooks.slack.com/services/T/B/${S}\"",
            "telegram: \"123:${S}\", chat: \"1\"", "teams: \"https://a.logic.azure.com/workflows/1?sig=${S}\"",
            "google_chat: \"https://chat.googleapis.com/v1/spaces/A/messages?key=${S}\"",
            "ntfy: \"https://ntfy.sh/${S}\"",
            "pagerduty: \"${T}\"", "webhook: \"https://ops.example.com/${S}\", secret: \"${S}\", token: \"${S}\"",
            "email: a@b.example, from: a@b.example, smtp: \"smtps://m.example\", user: u, password: \"${S}\"",
        ]
        for text in texts {
            let fleet = try Read.fleet("channels: { a: { \(text) } }", ["S": secret, "T": token]).get()
            let shown = fleet[ChannelsSection.section][0].value.channel.shown
            #expect(!shown.contains(secret) && !shown.contains(token), "\(text)")
            let written = FleetSections.standard.adding(ChannelsSection.section).written(fleet).text
            #expect(!written.contains(secret) && !written.contains(token), "\(written)")
            #expect(!String(describing: fleet[ChannelsSection.section]).contains(secret))
        }
        // A wrong one is not shown either.
        let problems = Read.problems("channels: { a: { discord: \"https://elsewhere.example/${S}\" } }", ["S": secret])
        #expect(problems.count == 1 && !"\(problems)".contains(secret))
    }

    @Test func mailNeedsToKnowHow() {
        func rules(_ keys: String) -> [String] {
            Read.problems("channels: { a: { \(keys) } }").map { "\($0.rule.rawValue)" }
        }
        #expect(rules("email: a@b.example, from: a@b.example") == ["missing"])
        #expect(rules("email: a@b.example, smtp: \"smtps://m.example\"") == ["missing"])
        #expect(
            rules("email: a@b.example, from: a@b.example, smtp: \"smtps://m.example\", api: resend, key: a") == [
                "conflict"
            ])
        #expect(rules("email: a@b.example, from: a@b.example, api: resend") == ["missing"])
        #expect(
            rules("email: a@b.example, from: a@b.example, smtp: \"smtp://m.example\", user: a, password: b, tls: off")
                == ["conflict"])
        #expect(
            rules("email: a@b.example, from: a@b.example, smtp: \"smtp://127.0.0.1\", user: a, password: b, tls: off")
                == [])
        #expect(rules("telegram: \"1:a\"") == ["missing"])
    }

    @Test func smtpIsToldOfClosedPorts() throws {
        let keys = "email: a@b.example, from: a@b.example, "
        let smtp = try Read.channel(keys + "smtp: \"smtps://m.example\"")
        #expect(smtp.advice(in: ["SPACE_ID": "acme/stoker"])?.contains("cannot leave a Space") == true)
        #expect(smtp.advice(in: [:]) == nil)
        #expect(try Read.channel(keys + "api: postmark, key: a").advice(in: ["SPACE_ID": "acme/stoker"]) == nil)
        #expect(try Read.channel("ntfy: \"https://ntfy.sh/a\"").advice(in: ["SPACE_ID": "acme/stoker"]) == nil)
    }

    @Test(arguments: [
        ("{{cause}", "does not end"), ("{{#cause}}a", "not closed"), ("{{#cause}}a{{/hint}}", "another name"),
        ("{{caus}}", "did you mean {{cause}}?"), ("{{> file}}", "partials"), ("{{=<% %>=}}", "delimiters"),
        ("{{#targets}}{{#targets}}a{{/targets}}{{/targets}}", "inside itself"),
        (String(repeating: "a", count: 4_097), "4096 bytes"),
    ])
    func aBrokenTemplateIsRefusedInItsPlace(_ template: String, _ words: String) {
        let text = "channels:\n  a:\n    webhook: https://a.example\n    templates:\n      down: \"\(template)\"\n"
        let problems = Read.problems(text)
        #expect(problems.count == 1 && problems.first?.text.contains(words) == true, "\(problems)")
        #expect(problems.first?.line == 5)
    }

    /// `STOKER_WRITE_DOCS=1` writes the tables.
    @Test func theDocsHaveEveryKey() throws {
        let file = EmailTests.root.appending(path: "docs/channels.md")
        var page = try String(contentsOf: file, encoding: .utf8)
        let isWriting = ProcessInfo.processInfo.environment["STOKER_WRITE_DOCS"] == "1"
        for kind in ChannelKinds.all {
            let start = "<!-- keys of \(kind.name), made from its table; a test compares them -->\n"
            let head = try #require(page.firstRange(of: start), "docs/channels.md has no place for \(kind.name)")
            let tail = try #require(page[head.upperBound...].firstRange(of: "<!-- end -->"))
            // `templates` has a chapter of its own.
            let rows = Self.rows(kind).filter { $0.name != "templates" }
            let made = FleetKeyGroup(kind.name, rows, document: "", schemaPath: []).table()
            if isWriting {
                page.replaceSubrange(head.upperBound..<tail.lowerBound, with: made)
            } else {
                #expect(page[head.upperBound..<tail.lowerBound] == made, "write it anew with STOKER_WRITE_DOCS=1")
            }
        }
        if isWriting { try page.write(to: file, atomically: true, encoding: .utf8) }
    }
}
