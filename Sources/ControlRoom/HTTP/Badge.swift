import Ledger
import Operations
import StokerCore

/// `/badge/{name}.svg` and `.json`: a small picture for a README, or the same for shields.io.
struct Badge: Sendable, Equatable {
    enum Kind: String, CaseIterable, Sendable {
        case status
        case uptime24h = "uptime-24h"
        case uptime7d = "uptime-7d"
        case uptime30d = "uptime-30d"
        case uptime90d = "uptime-90d"
        case latency
        /// The commit that the running app was built from.
        case commit
        /// How long the Space has been awake.
        case awake
        /// When a restore of what the Space keeps was proven last.
        case restore

        /// The name of the span whose uptime it is.
        var span: String? { rawValue.hasPrefix("uptime-") ? String(rawValue.dropFirst("uptime-".count)) : nil }
    }

    enum Format: String, CaseIterable, Sendable {
        case svg
        /// What shields.io asks an endpoint for. Source: https://shields.io/badges/endpoint-badge, read in November 2026.
        case json

        var mediaType: String { self == .svg ? "image/svg+xml; charset=utf-8" : "application/json; charset=utf-8" }
    }

    var label: String
    var text: String
    /// `#rrggbb`.
    var colour: String

    init(label: String, text: String, colour: String) {
        self.label = label
        self.text = text
        self.colour = colour
    }

    private init(_ label: String, _ text: String, _ tone: Look.Tone) {
        self.init(label: label, text: text, colour: Self.colour(tone))
    }

    /// - Parameter states: what the fleet keeps in vaults; nil where nothing is known of it.
    static func make(
        _ kind: Kind, _ status: CheckStatus, ledger: any Ledger, states: StateBoard?, now: Instant
    ) async throws(Failure) -> Badge {
        let view = CheckView(status, now: now)
        switch kind {
        case .uptime24h, .uptime7d, .uptime30d, .uptime90d:
            let uptime = try await Uptime.read(
                of: status.id, wanted: kind.span.map { [$0] }, from: ledger, now: now
            ).first
            let text = uptime.map { $0.share + ($0.remark.map { " (\($0))" } ?? "") } ?? Formatting.share(nil)
            return Badge("\(view.name) \(kind.rawValue.replacing("-", with: " "))", text, uptime?.tone ?? .unknown)
        case .latency: return Badge("\(view.name) latency", view.latency, .busy)
        case .commit: return commit(status, view)
        case .awake: return awake(status, view, now)
        case .restore:
            let proof = try await states?.lastProof(of: status.check.space ?? status.check.target)
            return Badge("\(view.name) last proven restore", proof?.text ?? "nothing is kept", proof?.tone ?? .unknown)
        case .status:
            // A reader wants to know whether to wait, and whoever works on it knows what is up.
            if view.maintenance != nil { return Badge(label: view.name, text: "maintenance", colour: "#0d6669") }
            return Badge(view.name, view.look.name, view.look.tone)
        }
    }

    /// The commit as the Hub tells it: also that the repository is ahead.
    private static func commit(_ status: CheckStatus, _ view: CheckView) -> Badge {
        let label = "\(view.name) commit"
        guard let hub = status.hubStatus, hub.isFresh, let running = hub.runningCommit else {
            return Badge(label, "not known", .unknown)
        }
        let short = String(running.prefix(7))
        return hub.oldBuild == nil ? Badge(label, short, .good) : Badge(label, "\(short), not the newest", .fair)
    }

    /// Since when it is awake: by the Hub's stage and by its answers, whichever saw it earlier. Neither sees the time before it was watched.
    private static func awake(_ status: CheckStatus, _ view: CheckView, _ now: Instant) -> Badge {
        let label = "\(view.name) awake"
        let answersSince = status.state.standing == .up ? view.since : nil
        if let hub = status.hubStatus, hub.isFresh, let stage = hub.stage {
            if stage.isAsleep { return Badge(label, "asleep", .paused) }
            if stage == .paused { return Badge(label, "paused", .paused) }
            if !stage.isServing {
                return Badge(label, stage.isMoving ? "waking up" : "no", stage.isMoving ? .busy : .bad)
            }
            let since = answersSince.map { min($0, hub.stageSince) } ?? hub.stageSince
            return Badge(label, Formatting.duration(now - since), .good)
        }
        guard let answersSince else {
            return Badge(label, view.look.name, view.look.tone)
        }
        return Badge(label, Formatting.duration(now - answersSince), .good)
    }

    private static func colour(_ tone: Look.Tone) -> String {
        switch tone {
        case .good: "#2b7a4b"
        case .fair: "#946200"
        case .busy: "#3b6ea5"
        case .bad: "#b3261e"
        case .paused, .unknown: "#5f6368"
        }
    }

    func written(as format: Format) -> [UInt8] {
        switch format {
        case .svg: Array(Self.svg(label: label, text: text, colour: colour).utf8)
        case .json:
            JSONValue.object([
                .init("schemaVersion", 1), .init("label", .string(label)), .init("message", .string(text)),
                .init("color", .string(colour)),
            ]).bytes
        }
    }

    static func svg(label: String, text: String, colour: String) -> String {
        let label = label.count > 60 ? "\(label.prefix(59))…" : label
        let (left, right) = (width(label) + 12, width(text) + 12)
        let (shownLabel, shownText) = (Markup.escape(label), Markup.escape(text))
        return """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(left + right)" height="20" role="img" aria-label="\(shownLabel): \(shownText)">\
            <title>\(shownLabel): \(shownText)</title>\
            <clipPath id="r"><rect width="\(left + right)" height="20" rx="4"/></clipPath>\
            <g clip-path="url(#r)"><rect width="\(left)" height="20" fill="#3a3733"/>\
            <rect x="\(left)" width="\(right)" height="20" fill="\(colour)"/></g>\
            <g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">\
            <text x="6" y="14" textLength="\(left - 12)">\(shownLabel)</text>\
            <text x="\(left + 6)" y="14" textLength="\(right - 12)">\(shownText)</text></g></svg>
            """
    }

    /// Width in pixels of Verdana 11, near enough: `textLength` makes up for the rest.
    private static func width(_ text: String) -> Int {
        let tenths = text.reduce(0) { sum, character in
            switch character {
            case "i", "j", "l", "I", ".", ",", ":", "'", "!", "|": sum + 38
            case "f", "t", "r", "(", ")", "/", " ", "-": sum + 46
            case "m", "w", "M", "W", "%": sum + 104
            case "A"..."Z": sum + 78
            default: character.isASCII ? sum + 68 : sum + 110
            }
        }
        return (tenths + 9) / 10
    }
}

/// The window's icon: says by shape and colour how the fleet is.
enum Icon {
    static func path(_ mood: FleetHealth.Mood) -> String { "/icons/\(mood.rawValue).svg" }

    static func svg(_ mood: FleetHealth.Mood) -> String {
        let (colour, mark): (String, String) =
            switch mood {
            case .good: ("#2b7a4b", "<path d=\"M9 17l5 5 10-12\" fill=\"none\" stroke=\"#fff\" stroke-width=\"3.4\"/>")
            case .unsteady:
                ("#946200", "<path d=\"M6 17h5l4-8 4 14 3-6h4\" fill=\"none\" stroke=\"#fff\" stroke-width=\"3\"/>")
            case .waking: ("#3b6ea5", "<path d=\"M16 8v9l6 4\" fill=\"none\" stroke=\"#fff\" stroke-width=\"3.4\"/>")
            case .trouble:
                ("#c5221f", "<path d=\"M16 7v12M16 23v3\" fill=\"none\" stroke=\"#fff\" stroke-width=\"4.4\"/>")
            case .offline:
                ("#5f6368", "<path d=\"M9 9l14 14M23 9L9 23\" fill=\"none\" stroke=\"#fff\" stroke-width=\"3.4\"/>")
            case .standby:
                ("#5f6368", "<path d=\"M12 9v14M20 9v14\" fill=\"none\" stroke=\"#fff\" stroke-width=\"4\"/>")
            case .empty: ("#a8480f", "<circle cx=\"16\" cy=\"16\" r=\"5\" fill=\"#fff\"/>")
            }
        // Trouble is a square: it can be told from the circle without its colour.
        let shape =
            mood == .trouble
            ? "<rect x=\"1\" y=\"1\" width=\"30\" height=\"30\" rx=\"6\" fill=\"\(colour)\"/>"
            : "<circle cx=\"16\" cy=\"16\" r=\"15\" fill=\"\(colour)\"/>"
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\">\(shape)\(mark)</svg>"
    }
}
