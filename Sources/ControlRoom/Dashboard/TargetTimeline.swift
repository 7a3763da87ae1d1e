import Ledger
import StokerCore

/// What happened to a check, from every source, newest first: pings, verdicts, the Hub's stages, healing, notices, deploys and people.
struct TargetTimeline {
    struct Entry {
        var at: Instant
        var sign: String
        /// HTML.
        var text: String
        var source: Source
        /// Since when the same had been seen.
        var since: Instant?
    }
    enum Source: String, CaseIterable {
        case visitor, call, verdict, hub = "Hub", healing, notice, deploy, person, fleet

        init(_ kind: String) {
            switch kind.prefix(while: { $0 != "." }) {
            case "verdict", "incident", "flapping": self = .verdict
            case "space", "hub": self = .hub
            case "heal": self = .healing
            case "notice": self = .notice
            case "deploy", "drift": self = .deploy
            case "paused", "resumed", "acknowledged", "note", "maintenance": self = .person
            default: self = .fleet
            }
        }

        /// What the choice of the page calls it.
        var choice: String { self == .visitor ? "pings" : self == .call ? "calls" : rawValue.lowercased() }
    }

    private(set) var entries: [Entry]

    init(events: [Event], observations: [Observation], name: String, isHeartbeat: Bool) {
        var entries = events.map { event in
            Entry(
                at: event.at, sign: Self.sign(event),
                text: Markup.sentence(Sentence(reading: Self.without(name, event.text))), source: Source(event.kind))
        }
        // Pings that saw the same one after the other are one line.
        var last: (entry: Entry, outcome: Outcome, cause: Cause, count: Int, sum: UInt64)?
        func close() {
            guard var run = last else { return }
            var text = Formatting.capitalized(
                run.cause == .none
                    ? (isHeartbeat ? "the job called" : run.outcome.isGood ? "answered" : run.outcome.name)
                    : run.cause.sentence)
            if run.count > 1 { text += ", \(Formatting.count(run.count)) times in a row" }
            let mean = run.sum / UInt64(run.count)
            if mean > 0 {
                text +=
                    isHeartbeat
                    ? ", ran for \(Formatting.interval(.microseconds(Int64(mean))))"
                    : ", \(Formatting.latency(microseconds: mean))\(run.count > 1 ? " on average" : "")"
            }
            run.entry.text = Markup.escape(text)
            entries.append(run.entry)
            last = nil
        }
        for observation in observations {
            if var run = last, run.outcome == observation.outcome, run.cause == observation.cause {
                run.count += 1
                run.sum += UInt64(observation.latencyMicroseconds)
                run.entry.since = observation.at
                last = run
            } else {
                close()
                last = (
                    Entry(
                        at: observation.at, sign: observation.outcome.name, text: "",
                        source: isHeartbeat ? .call : .visitor),
                    observation.outcome, observation.cause, 1, UInt64(observation.latencyMicroseconds)
                )
            }
        }
        close()
        self.entries = entries.sorted { $0.at > $1.at }
    }

    /// For the template: with a line where a day begins.
    func model(only choice: String, now: Instant) -> [[String: Any]] {
        var day = ""
        var lines: [[String: Any]] = []
        for entry in entries.filter({ choice.isEmpty || $0.source.choice == choice }).prefix(60) {
            let text = entry.at.description
            let date = String(text.prefix(10))
            if date != day {
                day = date
                lines.append(["isDay": true, "day": date == now.description.prefix(10) ? "Today" : date])
            }
            lines.append([
                "isDay": false, "at": "\(entry.at)", "minute": String(text.dropFirst(11).prefix(5)),
                "second": String(text.dropFirst(16).prefix(3)), "sign": entry.sign, "text": entry.text,
                "source": entry.source.rawValue, "plain": entry.source != .verdict && entry.source != .hub,
                "hasSince": entry.since != nil,
                "since": entry.since.map { "since \(String($0.description.dropFirst(11).prefix(8)))" } ?? "",
            ])
        }
        return lines
    }

    /// Choices that have something behind them.
    var choices: [String] {
        let found = Set(entries.map(\.source.choice))
        return Source.allCases.map(\.choice).filter(found.contains)
    }

    /// The page's name is not repeated in its own events.
    private static func without(_ name: String, _ text: String) -> String {
        for lead in ["\(name): ", "\(name) "] where text.hasPrefix(lead) {
            return Formatting.capitalized(text.dropFirst(lead.count))
        }
        return text
    }

    private static func sign(_ event: Event) -> String {
        switch event.payload {
        case .verdict(_, _, let to, _, _): to.name
        case .incidentBegan: "down"
        case .incidentEnded(_, .recovered, _): "up"
        case .flappingBegan: "flapping"
        case .moderated: "moderated"
        case .paused: "paused"
        case .resumed: "person"
        case .spaceStage(_, let stage, _, _, _):
            Look(stage.map { SpaceStage(rawValue: $0) }).name
        case .healing, .healed, .healingFailed: "run"
        default: event.kind.hasPrefix("notice") ? "send" : event.kind.hasPrefix("deploy") ? "deploy" : "note"
        }
    }
}
