import Crypto
import Ledger
import Operations
import StokerCore

/// A status page's words, for its page and its feed.
enum StatusPageText {
    static func word(_ verdict: Verdict) -> String { verdict.traits.visitorWord }

    static func headline(_ report: StatusReport) -> String {
        let troubled = report.troubled
        guard !report.services.isEmpty else { return "Nothing is chosen for this page" }
        guard let first = troubled.first else { return "Everything works" }
        if troubled.count == 1 { return "\(first.name): \(word(first.verdict).lowercased())" }
        return "\(troubled.count) of \(report.services.count) have trouble"
    }

    static func model(_ report: StatusReport) -> [String: Any] {
        var groups: [String] = []
        for service in report.services where !groups.contains(service.group) { groups.append(service.group) }
        let open = report.posts.filter { $0.ended == nil }
        let past = report.posts.filter { $0.ended != nil }
        let worst = report.troubled.first?.verdict.name
        return [
            "title": report.title, "slug": report.slug, "headline": headline(report),
            "verdict": worst ?? (report.services.isEmpty ? "unknown" : "up"),
            "icon": Icon.path(worst == nil ? .good : .trouble), "at": Formatting.time(report.now),
            "logo": report.page.logo ?? "", "hasLogo": report.page.logo != nil,
            "groups": groups.enumerated().map { index, group in
                [
                    "label": group, "id": "g\(index)",
                    "services": report.services.filter { $0.group == group }.map { service in
                        [
                            "name": service.name, "verdict": service.isInMaintenance ? "maint" : service.verdict.name,
                            "word": service.isInMaintenance ? "Maintenance" : word(service.verdict),
                            "strip": strip(service), "uptime": Formatting.share(service.uptime),
                        ] as [String: Any]
                    },
                ] as [String: Any]
            },
            "open": open.map { post($0, report.now) }, "hasOpen": !open.isEmpty,
            "maintenance": report.maintenance.map { window in
                [
                    "name": window.name, "text": window.text ?? "", "hasText": window.text != nil,
                    "when": "\(Formatting.time(window.from)) – \(Formatting.time(window.until))",
                ] as [String: Any]
            }, "hasMaintenance": !report.maintenance.isEmpty,
            "past": past.map { post($0, report.now) }, "hasPast": !past.isEmpty,
        ]
    }

    private static func post(_ post: StatusReport.Post, _ now: Instant) -> [String: Any] {
        [
            "title": title(post, now), "verdict": post.verdict.name, "when": span(post),
            "cause": post.cause ?? "", "hasCause": post.cause != nil,
            "notes": post.notes.map { ["at": Formatting.time($0.at), "text": $0.text] as [String: Any] },
        ]
    }

    private static func title(_ post: StatusReport.Post, _ now: Instant) -> String {
        let word = word(post.verdict).lowercased()
        guard let ended = post.ended else { return "\(post.name): \(word)" }
        return "\(post.name): \(word) for \(Formatting.duration(ended - post.began))"
    }

    private static func span(_ post: StatusReport.Post) -> String {
        guard let ended = post.ended else { return "since \(Formatting.time(post.began))" }
        return "\(Formatting.time(post.began)) – \(Formatting.time(ended))"
    }

    // MARK: Days

    /// A bar a day, with what it means for those who point at it.
    private static func strip(_ service: StatusReport.Service) -> String {
        guard !service.days.isEmpty else { return "" }
        var bars = ""
        var downDays = 0
        for (index, day) in service.days.enumerated() {
            let x = index * 4
            let date = Formatting.time(day.from).prefix(10)
            guard let share = day.uptime else {
                bars += "<path class=\"b-none\" d=\"M\(x) 24v-2h3v2z\"><title>\(date): not known</title></path>"
                continue
            }
            let down = day.downTime == 0 ? "" : ", \(Formatting.duration(.milliseconds(day.downTime))) down"
            let title = "<title>\(date): \(Formatting.share(share)) up\(down)</title>"
            if share >= 0.999 {
                bars += "<path class=\"b-up\" d=\"M\(x) 24v-13h3v13z\">\(title)</path>"
            } else if share >= 0.98 {
                bars += "<path class=\"b-slow\" d=\"M\(x) 24v-18l3-3v21z\">\(title)</path>"
            } else {
                bars += "<path class=\"b-down\" d=\"M\(x) 24v-9h3v9zM\(x) 12v-12h3v12z\">\(title)</path>"
                downDays += 1
            }
        }
        let label =
            "\(service.days.count) days: \(Formatting.share(service.uptime)) up"
            + (downDays == 0 ? "" : ", trouble on \(downDays == 1 ? "one day" : "\(downDays) days")")
        return
            "<span class=\"strip\"><svg viewBox=\"0 0 \(service.days.count * 4 - 1) 24\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"\(label)\">\(bars)</svg></span>"
    }

    // MARK: Feed

    /// Atom 1.0 (RFC 4287). Links are relative to the feed's own address, so that no host's name is guessed.
    static func feed(_ report: StatusReport) -> String {
        let updated =
            report.posts.map(\.updated).max()
            ?? Instant(milliseconds: report.now.milliseconds / 86_400_000 * 86_400_000)
        var text = """
            <?xml version="1.0" encoding="utf-8"?>
            <feed xmlns="http://www.w3.org/2005/Atom">
            <id>\(id("feed \(report.slug)"))</id>
            <title>\(escape(report.title))</title>
            <updated>\(updated)</updated>
            <author><name>\(escape(report.title))</name></author>
            <link rel="self" type="application/atom+xml" href="\(report.slug).atom"/>
            <link rel="alternate" type="text/html" href="\(report.slug)"/>

            """
        for post in report.posts.sorted(by: { $0.updated > $1.updated }) {
            var lines = ["\(word(post.verdict)), \(span(post))."]
            if let cause = post.cause { lines.append("\(Formatting.capitalized(cause)).") }
            lines += post.notes.map { "\(Formatting.time($0.at)): \($0.text)" }
            text += """
                <entry>
                <id>\(id("incident \(report.slug) \(post.incident) \(post.began.milliseconds)"))</id>
                <title>\(escape(title(post, report.now)))</title>
                <published>\(post.began)</published>
                <updated>\(post.updated)</updated>
                <link rel="alternate" type="text/html" href="\(report.slug)"/>
                <content type="text">\(escape(lines.joined(separator: "\n")))</content>
                </entry>

                """
        }
        return text + "</feed>\n"
    }

    /// The same for the same thing for ever: a UUID of version 8 (RFC 9562) out of its name.
    private static func id(_ name: String) -> String {
        var bytes = Array(SHA256.hash(data: Array("stoker status page \(name)".utf8)).prefix(16))
        bytes[6] = bytes[6] & 0x0F | 0x80
        bytes[8] = bytes[8] & 0x3F | 0x80
        let hex = Array(Hex.text(bytes))
        return "urn:uuid:"
            + [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(hex[$0]) }.joined(separator: "-")
    }

    /// What XML 1.0 cannot hold is replaced as in pages.
    private static func escape(_ text: String) -> String { Markup.escape(text) }
}
