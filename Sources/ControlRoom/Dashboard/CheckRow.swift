import StokerCore

/// Trouble of a check that lasts, and whether somebody has seen it.
struct OpenIncident: Sendable {
    var id: Int64
    var isSeen = false
    /// Who acknowledged it, as the caller named itself.
    var by: String?

    /// `acknowledged by mara`
    var seen: String { "acknowledged" + (by.map { " by \($0)" } ?? "") }
}

/// One check as the dashboard shows it: for the template, and for the event stream that patches what the template made.
struct CheckRow {
    let view: CheckView

    init(_ view: CheckView) { self.view = view }

    init(_ status: CheckStatus, now: Instant) { self.init(CheckView(status, now: now)) }

    /// The second line under the name: what is wrong, or nothing.
    private var reason: String {
        [view.reason?.text, view.streak].compactMap(\.self).joined(separator: " · ")
    }

    /// Page of the check's Space on the Hub; nil for what is no Space.
    /// - Parameter hub: address of the Hub.
    func hubPage(_ hub: String?) -> String? {
        guard let space = view.check.space else { return nil }
        let hub = hub.flatMap { $0.hasPrefix("http") ? $0 : nil } ?? Fleet.Hub.official
        return "\(hub.hasSuffix("/") ? String(hub.dropLast()) : hub)/spaces/"
            + PercentCoding.encoded(space, keepingSlash: true)
    }

    /// - Parameters:
    ///   - isLoud: the row says its cause at length and brings its buttons along.
    ///   - incident: of a loud row.
    func model(
        mayWrite: Bool, from: String, history: RowHistory? = nil, hub: String? = nil, isLoud: Bool = false,
        incident: OpenIncident? = nil
    ) -> [String: Any] {
        let (paused, isHeartbeat) = (view.isPaused, view.isHeartbeat)
        let hubPage = hubPage(hub)
        return [
            "name": view.name, "href": PageFormatting.path(view.name), "verdict": view.look.name,
            "word": view.look.title,
            "address": view.shortAddress, "fullAddress": view.address ?? "", "rhythm": view.rhythm,
            "latency": view.latency, "reason": reason, "hasReason": !reason.isEmpty,
            "last": Markup.time(view.lastPing, now: view.now, never: isHeartbeat ? "none yet" : "not yet"),
            "due": Markup.next(view), "strip": history?.strip ?? "", "share": history?.share ?? "–",
            "low": history?.isLow ?? false, "known": history?.known ?? "", "hasKnown": history?.known != nil,
            "pinging": view.status.pinging,
            "paused": paused, "loud": isLoud, "hubPage": hubPage ?? "", "hasHubPage": hubPage != nil,
            "isSpace": view.check.space != nil, "mayRestart": view.look != .moderated,
            "mayWrite": mayWrite,
            "canPing": mayWrite && !isHeartbeat, "canPause": mayWrite && !paused, "canResume": mayWrite && paused,
            "from": from, "heartbeat": isHeartbeat,
            "incident": incident.map { "\($0.id)" } ?? "", "mayAcknowledge": mayWrite && incident?.isSeen == false,
            "isSeen": incident?.isSeen ?? false, "seen": incident?.seen ?? "",
        ]
    }

    /// The row's part of an event: short keys, read by `patchRow` in stoker.js.
    func write(_ text: inout JSONText) {
        text.object { text in
            text.key("n")
            text.value(view.name)
            text.key("v")
            text.value(view.look.name)
            text.key("w")
            text.value(view.look.title)
            text.key("l")
            text.value(view.latency)
            text.key("t")
            text.value(view.lastPing?.milliseconds ?? 0)
            text.key("d")
            text.value(view.status.nextDue?.milliseconds ?? 0)
            text.key("e")
            text.value(view.rhythm)
            text.key("r")
            text.value(reason)
            text.key("p")
            text.value(view.status.pinging)
        }
    }
}
