import StokerCore

/// One check as the dashboard shows it: for the template, and for the event stream that patches what the template made.
struct CheckRow {
    let view: CheckView
    let samples: [Sample]

    init(_ view: CheckView, samples: [Sample]) {
        self.view = view
        self.samples = samples
    }

    init(_ status: CheckStatus, samples: [Sample], now: Instant) {
        self.init(CheckView(status, now: now), samples: samples)
    }

    /// The second line under the name: what is wrong, or nothing.
    private var reason: String {
        [view.reason?.text, view.streak].compactMap(\.self).joined(separator: " · ")
    }

    func model(mayWrite: Bool, from: String) -> [String: Any] {
        let (paused, isHeartbeat) = (view.isPaused, view.isHeartbeat)
        return [
            "name": view.name, "href": PageFormatting.path(view.name), "verdict": view.look.name,
            "word": view.look.title,
            "address": view.place, "fullAddress": view.address ?? "", "rhythm": view.rhythm,
            "latency": view.latency, "reason": reason,
            "last": Markup.time(view.lastPing, now: view.now, never: isHeartbeat ? "none yet" : "not yet"),
            "due": Markup.next(view), "strip": LatencyBars.svg(samples), "pinging": view.status.pinging,
            "paused": paused,
            "mayWrite": mayWrite,
            "canPing": mayWrite && !isHeartbeat, "canPause": mayWrite && !paused, "canResume": mayWrite && paused,
            "from": from, "heartbeat": isHeartbeat,
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
            text.key("a")
            text.value(LatencyBars.label(samples))
            text.key("s")
            text.array(LatencyBars.paths(samples)) { $0.value($1) }
        }
    }
}
