import AsyncHTTPClient
package import StokerCore

/// Mail, by SMTP or by the HTTP API of a mail service.
///
/// By SMTP the message's key is its `Message-ID`, so that mailboxes recognise a second copy. See ``SMTPDelivery`` and ``MailService`` for wire facts.
package struct EmailChannel: Channel {
    package var to: [String] = []
    package var from: String?
    package var smtp: String?
    package var user: String?
    package var password: Secret?
    package var tls = TLS.required
    package var verifiesTLS = true
    package var api: MailService?
    package var key: Secret?
    package var domain: String?
    package var apiAddress: String?
    package var templates: [FleetNamed<String>] = []

    package static let name = "email"
    package static let example = "email: ops@example.com, from: stoker@example.com, smtp: \"smtps://smtp.example.com\""

    package enum TLS: String, Sendable, CaseIterable {
        case required
        case off
    }

    package init() {}

    private static let mailbox = FleetValue<String>.text(
        "a mail address such as ops@example.com", pattern: "@",
        fault: { MailAddress($0) == nil ? MailAddress.wanted : nil })

    package static let table = FleetTable<EmailChannel>(
        [
            FleetKey(
                "email", .list(mailbox, "mail addresses", limit: 20), \.to,
                "Who gets the mail, at most 20. Empty switches the channel off.", range: "`ops@example.com`, or a list",
                example: "[ops@example.com]", invalidExamples: ["ops", "\"a@b@c\"", "{ a: b }"]),
            FleetKey(
                "from", mailbox, \.from, "Who it is from; must be said.",
                range: "`stoker@example.com`, `Stoker <stoker@example.com>`",
                example: "\"Stoker <stoker@example.com>\"", invalidExamples: ["stoker", "\"a <b\""]),
            FleetKey(
                "smtp",
                .text("a mail server such as smtps://smtp.example.com", pattern: "^smtps?://") { text in
                    do throws(Address.Fault) {
                        _ = try SMTPServer(text)
                        return nil
                    } catch { return error.because }
                }, \.smtp,
                "Mail server: `smtps://` is encrypted from the start (port 465), `smtp://` by STARTTLS (port 587).",
                range: "`smtps://HOST`, `smtp://HOST:PORT`", example: "\"smtp://smtp.example.com:2525\"",
                invalidExamples: [
                    "smtp.example.com", "\"https://smtp.example.com\"", "\"smtp://a:b@c\"", "\"smtp://a/b\"",
                ]),
            FleetKey(
                "user", .text("a user's name"), \.user, "Signs in to the mail server, with PLAIN or LOGIN.",
                defaultValue: "no sign-in",
                example: "stoker", invalidExamples: ["[a]"]),
            FleetKey(
                "password", .secret("a password"), \.password, "Password of `user`.", example: "\"${SMTP_PASSWORD:-}\"",
                invalidExamples: ["[a]"], isSecret: true),
            FleetKey(
                "tls", .word, \.tls,
                "`off` sends in the clear, for a server in your own network. A server on loopback may do without in any case.",
                defaultValue: "`required`", example: "required", invalidExamples: ["maybe"]),
            FleetKey(
                "verify_tls", .bool, \.verifiesTLS, "Whether the server's certificate is checked.",
                defaultValue: "true",
                example: "false", invalidExamples: ["maybe"]),
            FleetKey(
                "api", .word, \.api, "Mail service that sends it over HTTPS, in place of `smtp`.", example: "resend",
                invalidExamples: ["pigeon"]),
            FleetKey(
                "key", .secret("the mail service's key"), \.key,
                "API key (Postmark: server token) of the mail service.",
                example: "\"${MAIL_KEY:-}\"", invalidExamples: ["[a]", "\"a b\""], isSecret: true),
            FleetKey(
                "domain",
                .text("a domain", pattern: "^[A-Za-z0-9.-]+$") { text in
                    text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "." || $0 == "-") }
                        ? nil : "is not a domain"
                }, \.domain, "Sending domain at Mailgun.", defaultValue: "that of `from`", example: "mg.example.com",
                invalidExamples: ["\"a b\""]),
            FleetKey(
                "url", .webAddress, \.apiAddress,
                "Address of the mail service's API, such as `https://api.eu.mailgun.net` for the EU.",
                defaultValue: "the service's own",
                example: "https://api.eu.mailgun.net", invalidExamples: ["eu"]),
            TemplateSettings.key(\.templates),
        ], finish: check)

    private static func check(_ settings: inout EmailChannel, _ said: FleetTableReport) {
        if said.has("smtp"), said.has("api") {
            said.report(.conflict, "says how it is sent, and so does `smtp`; leave one of them out", at: "api")
        } else if !said.has("smtp"), !said.has("api") {
            said.report(.missing, "does not say how it is sent; add smtp: smtps://smtp.example.com, or `api` and `key`")
        }
        if !said.has("from") { said.report(.missing, "does not say who it is `from`") }
        if said.has("api"), !said.has("key") { said.report(.missing, "needs the `key` of the mail service", at: "api") }
        if said.has("user"), !said.has("password") {
            said.report(.missing, "needs the `password` of that user", at: "user")
        }
        if let key = settings.key?.reveal(), !key.allSatisfy({ $0.isASCII && $0 > " " && $0 != "\u{7F}" }) {
            said.report(.value, "has a character that no header can hold", at: "key")
        }
        if settings.tls == .off, settings.user != nil, let text = settings.smtp, let server = try? SMTPServer(text),
            !server.isImplicitTLS, !HostAddress.isLoopback(host: server.host)
        {
            said.report(
                .conflict, "would send the password in the clear; leave it out, or `user` and `password`", at: "tls")
        }
        TemplateSettings.check(settings.templates, said)
    }

    package var isOn: Bool { !to.isEmpty && from != nil && (smtp != nil || api != nil && key != nil) }
    /// Without the mailboxes: a dashboard may be read by anybody.
    package var shown: String {
        isOn ? api?.title ?? (try? SMTPServer(smtp ?? ""))?.host ?? "" : ""
    }

    package func advice(in environment: [String: String]) -> String? {
        // Source: Hugging Face docs, "Spaces Overview", Networking: only the ports 80, 443 and 8080 are open to the outside.
        guard isOn, smtp != nil, environment["SPACE_ID"]?.isEmpty == false else { return nil }
        return
            "mail by SMTP cannot leave a Space: its ports are closed. Use a mail service with `api` and `key`, see docs/channels.md"
    }

    static let form = NoticeText.Form(mostTitle: 300, mostText: 20_000)

    package func deliver(_ notice: Notice, with means: DeliveryMeans) async -> Delivery {
        guard isOn, let sender = from.flatMap(MailAddress.init) else {
            return .refused(because: "the channel is switched off")
        }
        let text = NoticeText(notice, templates, form: Self.form)
        var body = text.text
        let links = [text.link.map { "Open: \($0)" }, text.acknowledge.map { "Acknowledge: \($0)" }].compactMap(\.self)
        if !links.isEmpty { body += (body.isEmpty ? "" : "\n\n") + links.joined(separator: "\n") }
        let message = MailMessage(
            from: sender, to: to.compactMap(MailAddress.init), subject: text.title, text: body + "\n", key: notice.key,
            at: means.now())
        if let api, let key {
            return await api.deliver(message, key, domain: domain ?? sender.domain, at: apiAddress, with: means)
        }
        guard let server = try? SMTPServer(smtp ?? "") else {
            return .refused(because: "the mail server's address cannot be read")
        }
        let delivery = SMTPDelivery(
            server: server, user: user, password: password,
            mayBeClear: tls == .off || HostAddress.isLoopback(host: server.host),
            verifies: verifiesTLS, message: message, limit: means.limit)
        return await delivery.run(on: means.http.eventLoopGroup)
    }
}
