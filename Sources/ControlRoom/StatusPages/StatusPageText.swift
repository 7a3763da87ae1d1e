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
        if troubled.count == 1 {
            let others = report.services.filter { $0.name != first.name }
            let rest = !others.isEmpty && others.allSatisfy { $0.verdict == .up } ? "; the rest works" : ""
            return "\(first.name): \(word(first.verdict).lowercased())\(rest)"
        }
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
            "icon": Icon.path(worst == nil ? .good : .trouble), "at": moment(report.now, report.now),
            "logo": report.page.logo ?? "", "hasLogo": report.page.logo != nil,
            "groups": groups.enumerated().map { index, group in
                [
                    "label": group, "id": "g\(index)",
                    "services": report.services.filter { $0.group == group }.map { service in
                        [
                            "name": service.name, "verdict": service.isInMaintenance ? "maint" : service.verdict.name,
                            "word": service.isInMaintenance ? "Maintenance" : word(service.verdict),
                            "strip": strip(service),
                            "uptime": service.uptime.map { "\(Formatting.share($0)) up" } ?? "nothing known yet",
                            "leftOut": service.maintenance ?? "", "hasLeftOut": service.maintenance != nil,
                        ] as [String: Any]
                    },
                ] as [String: Any]
            },
            "open": open.map { post($0, report.now) }, "hasOpen": !open.isEmpty,
            "maintenance": report.maintenance.map { window in
                [
                    "name": window.name.isEmpty ? "Maintenance" : window.name, "text": window.text ?? "",
                    "hasText": window.text != nil, "when": span(window.from, window.until, report.now),
                ] as [String: Any]
            }, "hasMaintenance": !report.maintenance.isEmpty,
            "past": past.map { post($0, report.now) }, "hasPast": !past.isEmpty,
        ]
    }

    private static func post(_ post: StatusReport.Post, _ now: Instant) -> [String: Any] {
        [
            "title": title(post, now), "verdict": post.verdict.name, "when": span(post.began, post.ended, now),
            "cause": Formatting.capitalized(post.cause ?? ""), "hasCause": post.cause != nil,
            "notes": post.notes.map { ["at": moment($0.at, now), "text": $0.text] as [String: Any] },
        ]
    }

    private static func title(_ post: StatusReport.Post, _ now: Instant) -> String {
        let word = word(post.verdict).lowercased()
        guard let ended = post.ended else { return "\(post.name): \(word)" }
        return "\(post.name): \(word) for \(Formatting.duration(ended - post.began))"
    }

    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]

    /// `30 November, 08:46 UTC`, with the year where it is another.
    private static func moment(_ moment: Instant, _ now: Instant) -> String {
        let text = Formatting.bareTime(moment)
        let parts = text.prefix(10).split(separator: "-").compactMap { Int($0) }
        guard parts.count == 3, months.indices.contains(parts[1] - 1) else { return Formatting.time(moment) }
        let year = text.prefix(4) == Formatting.bareTime(now).prefix(4) ? "" : " \(parts[0])"
        return "\(parts[2]) \(months[parts[1] - 1])\(year), \(text.dropFirst(11).prefix(5)) UTC"
    }

    private static func span(_ from: Instant, _ until: Instant?, _ now: Instant) -> String {
        guard let until else { return "since \(moment(from, now))" }
        // On one day the day and the zone are said once.
        let (begin, end) = (moment(from, now), moment(until, now))
        guard Formatting.bareTime(from).prefix(10) == Formatting.bareTime(until).prefix(10) else {
            return "\(begin) – \(end)"
        }
        return "\(begin.dropLast(4))–\(end.suffix(9))"
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
            let leftOut = day.leftOut.map { ", \($0)" } ?? ""
            guard let share = day.uptime else {
                if !leftOut.isEmpty {
                    bars +=
                        "<path class=\"b-maintenance\" d=\"\(TimeBars.hatching(x: x, height: 24))\"><title>\(date): maintenance\(leftOut)</title></path>"
                    continue
                }
                bars += "<path class=\"b-none\" d=\"M\(x) 24v-2h3v2z\"><title>\(date): not known</title></path>"
                continue
            }
            let down = day.downTime == 0 ? "" : ", \(Formatting.duration(.milliseconds(day.downTime))) down"
            let title = "<title>\(date): \(Formatting.share(share)) up\(down)\(leftOut)</title>"
            if share >= 0.999, !leftOut.isEmpty {
                bars += "<path class=\"b-maintenance\" d=\"\(TimeBars.hatching(x: x, height: 24))\">\(title)</path>"
            } else if share >= 0.999 {
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
            + (service.maintenance.map { ", \($0)" } ?? "")
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
