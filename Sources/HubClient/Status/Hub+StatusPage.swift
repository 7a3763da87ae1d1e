import FoundationEssentials
import NIOCore
import NIOHTTP1
package import StokerCore

/// The platform's status page, which is no part of the Hub: it is asked without a token.
///
/// `https://status.huggingface.co` is a page of Better Stack, and such a page is JSON at `/index.json`: `data.attributes.aggregate_state` is `operational`, `degraded`,
/// `downtime` or `maintenance`; `included` has `status_page_resource` (`public_name`, `status`: the same words or `not_monitored`) and `status_report` (`title`,
/// `report_type`: `manual`, `automatic` or `maintenance`, `starts_at`, `ends_at` or null, `aggregate_state`, which is `resolved` for some that are over,
/// `affected_resources` with `status_page_resource_id` and `status`). Source: Better Stack, "JSON API status" and "Status page reports API response
/// params", read 2026-11. That Spaces are the resources "Spaces" and "Spaces Proxy" was observed.
extension Hub {
    /// What the platform says is wrong with Spaces right now; empty when nothing is.
    /// - Parameters:
    ///   - page: its address, such as `https://status.huggingface.co`.
    ///   - limit: of the whole call.
    package func reports(
        onStatusPage page: String, now: Instant, within limit: Duration
    ) async throws(HubFailure) -> [PlatformReport] {
        var base = page
        while base.hasSuffix("/") { base.removeLast() }
        let doing = "read the platform's status page"
        var request = HubRequest(.GET, base + "/index.json", doing: doing, repeats: .never, timeout: limit)
        request.sendsToken = false
        let answer = try await send(request)
        // It has ninety days of every resource; what is longer than this is no such page.
        guard answer.body.readableBytes <= 8 << 20 else {
            throw HubFailure(.unreadable, doing: doing, said: "the answer is longer than 8 MiB", status: answer.status)
        }
        let json: JSONValue = try answer.decoded(doing: doing)
        return StatusPageDocument.reports(json, page: base, now: now)
    }
}

enum StatusPageDocument {
    /// Reports first, newest first, then resources that fail without one; at most 20.
    static func reports(_ json: JSONValue, page: String, now: Instant) -> [PlatformReport] {
        let included = (json["included"]?.array ?? []).prefix(10_000)
        var resources: [String: JSONValue] = [:]
        for one in included where one["type"]?.string == "status_page_resource" {
            if let id = one["id"]?.string, let values = one["attributes"] { resources[id] = values }
        }
        let spaces = Set(resources.filter { isOfSpaces($0.value["public_name"]?.string) }.keys)
        var told: Set<String> = []
        var found: [PlatformReport] = []
        for one in included where one["type"]?.string == "status_report" {
            guard let report = one["attributes"], isOpen(report, now: now) else { continue }
            let affected = Set(
                (report["affected_resources"]?.array ?? []).compactMap { $0["status_page_resource_id"]?.string })
            // One that names nothing is about everything.
            guard affected.isEmpty || !affected.isDisjoint(with: spaces) else { continue }
            told.formUnion(affected)
            found.append(
                PlatformReport(
                    title: report["title"]?.string ?? "an incident", since: time(report["starts_at"]), page: page))
        }
        found.sort { ($1.since ?? .never, $0.title) < ($0.since ?? .never, $1.title) }
        for id in spaces.subtracting(told).sorted() {
            guard let status = resources[id]?["status"]?.string, status == "downtime" || status == "degraded" else {
                continue
            }
            let name = resources[id]?["public_name"]?.string ?? "Spaces"
            found.append(
                PlatformReport(
                    title: "\(name): \(status == "downtime" ? "down" : "degraded")", since: nil, page: page))
        }
        return Array(found.prefix(20))
    }

    private static func isOfSpaces(_ name: String?) -> Bool { name?.lowercased().contains("space") ?? false }

    private static func isOpen(_ report: JSONValue, now: Instant) -> Bool {
        guard report["report_type"]?.string != "maintenance" else { return false }
        if let state = report["aggregate_state"]?.string,
            ["operational", "resolved", "maintenance"].contains(state.lowercased())
        {
            return false
        }
        if let began = time(report["starts_at"]), began > now { return false }
        if let end = time(report["ends_at"]), end <= now { return false }
        return true
    }

    private static func time(_ value: JSONValue?) -> Instant? { value?.string.flatMap { Instant(rfc3339: $0) } }
}
