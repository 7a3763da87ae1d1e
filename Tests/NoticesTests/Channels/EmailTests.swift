import Foundation
@testable import Notices
import StokerCore
import TestSupport
import Testing

/// Against aiosmtpd, a mail server of Python's.
@Suite("Mail by SMTP")
struct EmailTests {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    struct Mail {
        var from: String
        var to: [String]
        var content: String
        var isEncrypted: Bool
        var isSignedIn: Bool

        var headers: [Substring] {
            // Folded lines are one.
            let head = content.firstRange(of: "\r\n\r\n").map { content[..<$0.lowerBound] } ?? content[...]
            return String(head).replacing("\r\n ", with: " ").split(separator: "\r\n")
        }
    }

    /// A server for as long as the body takes; also what it was given.
    static func serve(
        _ options: [String], _ body: (Int) async throws -> Delivery
    ) async throws -> (delivery: Delivery, mails: [Mail]) {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("smtp-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }  // only scratch
        let python = root.appendingPathComponent(".build/venv/bin/python").path
        let script = root.appendingPathComponent("Tests/NoticesTests/Channels/smtp_server.py").path
        let server = try StokerProcess(
            python, ["-B", script] + options, environment: ["PATH": "/usr/bin:/bin"], directory: folder.path,
            name: "smtp")
        do {
            try await eventually("\(server)") { !server.outputLines.isEmpty }
            let port = try #require(try JSONValue(reading: server.outputLines[0])["port"]?.integer)
            let delivery = try await body(port)
            let mails = try server.outputLines.dropFirst().map { line in
                let json = try JSONValue(reading: line)
                return Mail(
                    from: json["from"]?.string ?? "", to: json["to"]?.array?.compactMap(\.string) ?? [],
                    content: json["content"]?.string ?? "", isEncrypted: json["encrypted"]?.bool ?? false,
                    isSignedIn: json["signed_in"]?.bool ?? false)
            }
            await server.stop()
            return (delivery, mails)
        } catch {
            await server.stop()
            throw error
        }
    }

    static func send(
        _ options: [String], scheme: String = "smtp", to: String = "ops@example.com", _ more: String = "",
        notice: Notice = .sample(), limit: Duration = .seconds(20)
    ) async throws -> (delivery: Delivery, mails: [Mail]) {
        try await serve(options) { port in
            let channel = try Read.channel(
                "email: \(to), from: \"Stöker <stoker@example.com>\", smtp: \"\(scheme)://127.0.0.1:\(port)\"\(more)",
                ["PASSWORD": "hunter2 and more"])
            return try await Means.lend(limit: limit) { await channel.deliver(notice, with: $0) }
        }
    }

    static let login = ", user: stoker, password: \"${PASSWORD}\", verify_tls: false"

    @Test(arguments: [
        ("starttls", "smtp", "PLAIN,LOGIN"), ("starttls", "smtp", "LOGIN"), ("implicit", "smtps", "PLAIN"),
    ])
    func itSignsInOverTLS(_ tls: String, _ scheme: String, _ mechanisms: String) async throws {
        let (delivery, mails) = try await Self.send(
            ["--tls", tls, "--auth", "--mechanisms", mechanisms], scheme: scheme, Self.login)
        #expect(delivery == .delivered(note: "2.0.0 Queued as 42"))
        let mail = try #require(mails.first)
        #expect(mails.count == 1 && mail.isEncrypted && mail.isSignedIn)
        #expect(mail.from == "stoker@example.com" && mail.to == ["ops@example.com"])
        #expect(mail.headers.contains("Subject: bot is down"))
        #expect(mail.headers.contains("Message-ID: <7-42-down@example.com>"))
        #expect(mail.headers.contains("From: =?UTF-8?B?U3TDtmtlcg==?= <stoker@example.com>"))
        #expect(mail.headers.contains("Date: Wed, 18 Nov 2026 11:06:40 +0000"))
    }

    @Test func aCertificateThatNobodyKnowsIsNotTrusted() async throws {
        for (tls, scheme) in [("starttls", "smtp"), ("implicit", "smtps")] {
            let (delivery, mails) = try await Self.send(
                ["--tls", tls, "--auth"], scheme: scheme, ", user: stoker, password: \"${PASSWORD}\"")
            #expect(mails.isEmpty)
            #expect(
                delivery
                    == .later(after: nil, because: "127.0.0.1 could not be reached: its certificate is not trusted"))
        }
    }

    @Test func aWrongPasswordIsFinalAndNotShown() async throws {
        let (delivery, mails) = try await Self.send(
            ["--tls", "starttls", "--auth"], ", user: stoker, password: wrong-password-1, verify_tls: false")
        #expect(mails.isEmpty)
        guard case .refused(let because) = delivery else {
            Issue.record("\(delivery)")
            return
        }
        #expect(because.hasPrefix("127.0.0.1 refused the sign-in: 535"))
        #expect(!because.contains("wrong-password"))
    }

    @Test func recipientsThatAreRefusedAreNamed() async throws {
        let (delivery, mails) = try await Self.send([], to: "[ops@example.com, gone@example.com]")
        #expect(mails.map(\.to) == [["ops@example.com"]])
        #expect(
            delivery
                == .partly(
                    because: "delivered to 1 of 2; 127.0.0.1 refused gone@example.com: 550 5.1.1 No such user here"))
    }

    @Test(arguments: [
        ("later@example.com", true), ("gone@example.com", false), ("busy@example.com", true), ("cut@example.com", true),
        ("[gone@example.com, later@example.com]", true),
    ])
    func itsRepliesDecide(_ to: String, _ isForLater: Bool) async throws {
        let (delivery, _) = try await Self.send([], to: to)
        switch delivery {
        case .later(nil, _): #expect(isForLater)
        case .refused: #expect(!isForLater)
        default: Issue.record("\(delivery)")
        }
    }

    @Test func noReplyToTheMessageIsForLater() async throws {
        let (delivery, mails) = try await Self.send([], to: "never@example.com", limit: .seconds(2))
        #expect(mails.count == 1)
        #expect(delivery == .later(after: nil, because: "127.0.0.1 was not done within 2 s"))
    }

    @Test func foreignTextStaysInItsPlace() async throws {
        var notice = Notice.sample(sentence: "bad\r\nBcc: evil@example.com\r\n\r\n.\r\nMAIL FROM:<evil@example.com>")
        notice.subjects[0].check = "bot\r\nBcc: evil@example.com"
        notice.hint = ".\r\n.hidden ünïcode " + String(repeating: "wörd ", count: 40)
        let (delivery, mails) = try await Self.send([], notice: notice)
        guard case .delivered = delivery else {
            Issue.record("\(delivery)")
            return
        }
        let mail = try #require(mails.first)
        #expect(mails.count == 1)
        #expect(!mail.headers.contains { $0.lowercased().hasPrefix("bcc") })
        #expect(mail.headers.contains("Subject: bot Bcc: evil@example.com is down"))
        #expect(mail.content.split(separator: "\r\n").allSatisfy { $0.utf8.count <= 78 })
    }

    @Test func somethingElseThanAMailServerIsForLater() async throws {
        let delivery: Delivery = try await Means.serve({ _ in [] }) { server in
            try await Means.lend(limit: .seconds(1)) { means in
                try await Read.channel(
                    "email: a@x.example, from: s@x.example, smtp: \"smtp://127.0.0.1:\(server.port)\""
                ).deliver(.sample(), with: means)
            }
        }
        #expect(delivery == .later(after: nil, because: "127.0.0.1 was not done within 1 s"))
    }
}
