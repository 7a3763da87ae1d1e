import Ledger
import Operations
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

        init(_ event: Event) {
            if case .spaceAsked(let deed, _, _) = event.payload {
                self = deed == .deploy || deed == .rollback ? .deploy : .person
            } else {
                self.init(event.kind)
            }
        }

        private init(_ kind: String) {
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
        // The change of the verdict says the same at the same moment.
        let verdicts = Set(
            events.compactMap { event in if case .verdict = event.payload { event.at } else { nil } })
        var entries: [Entry] = events.compactMap { event in
            if case .incidentBegan = event.payload, verdicts.contains(event.at) { return nil }
            return Entry(
                at: event.at, sign: Self.sign(event),
                text: Markup.sentence(Sentence(reading: Self.text(of: event, name: name))), source: Source(event))
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
        // What was read first stays first where the moment is the same.
        self.entries = entries.enumerated().sorted { ($1.element.at, $0.offset) < ($0.element.at, $1.offset) }
            .map(\.element)
    }

    /// For the template: with a line where a day begins.
    func model(only choice: String, now: Instant) -> [[String: Any]] {
        var day = ""
        var lines: [[String: Any]] = []
        for entry in joined(choice).prefix(60) {
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

    /// Of one choice. What is said several times in a row, such as a message that is repeated, is one line with its first time.
    private func joined(_ choice: String) -> [Entry] {
        var lines: [(entry: Entry, times: Int)] = []
        for entry in entries where choice.isEmpty || entry.source.choice == choice {
            if let last = lines.last, last.entry.text == entry.text, last.entry.source == entry.source,
                entry.source != .visitor, entry.source != .call
            {
                lines[lines.count - 1].times += 1
                lines[lines.count - 1].entry.since = entry.at
            } else {
                lines.append((entry, 1))
            }
        }
        return lines.map { entry, times in
            var entry = entry
            if times > 1 { entry.text += ", \(Formatting.count(times)) times" }
            return entry
        }
    }

    /// Choices that have something behind them.
    var choices: [String] {
        let found = Set(entries.map(\.source.choice))
        return Source.allCases.map(\.choice).filter(found.contains)
    }

    private static func text(of event: Event, name: String) -> String {
        if case .spaceStage(let space, _, _, _, _) = event.payload {
            return event.text.replacing(" that \(space) is ", with: " ")
        }
        return without(name, event.text)
    }

    /// The page's name is not repeated in its own events.
    static func without(_ name: String, _ text: String) -> String {
        for lead in ["\(name): ", "\(name) is ", "\(name) "] where text.hasPrefix(lead) {
            return Formatting.capitalized(text.dropFirst(lead.count))
        }
        return text
    }

    // MARK: What other stores know

    mutating func add(messages: [ToldMessage]) {
        for told in messages {
            guard let at = told.ended ?? told.at else { continue }
            add(Entry(at: at, sign: "send", text: Markup.escape(told.sentence), source: .notice))
        }
    }

    mutating func add(acknowledged at: Instant, by: String?, text: String?) {
        let who = by.map { "\($0) acknowledged the incident" } ?? "The incident was acknowledged"
        add(
            Entry(
                at: at, sign: "person", text: "<bdi>\(Markup.escape(who + (text.map { ": “\($0)”" } ?? "")))</bdi>",
                source: .person))
    }

    mutating func add(note text: String, at: Instant, by: String?, isInternal: Bool) {
        let who = (by.map { "\($0) wrote" } ?? "Note") + (isInternal ? " (internal)" : "")
        add(
            Entry(
                at: at, sign: "person", text: "<bdi>\(Markup.escape("\(who): “\(text.prefix(300))”"))</bdi>",
                source: .person))
    }

    private mutating func add(_ entry: Entry) {
        let place = entries.firstIndex { $0.at <= entry.at } ?? entries.endIndex
        entries.insert(entry, at: place)
    }

    /// What the Hub said of a Space, and the platform of itself, newest first. These events are the fleet's: of the newest 2,000 those of the Space are taken.
    static func stages(
        of space: String?, from ledger: any Ledger, since: Instant, to: Instant
    ) async throws(Failure) -> [Event] {
        guard let space else { return [] }
        var found: [Event] = []
        var before: Int64?
        for _ in 0..<4 {
            let page = try await ledger.events(of: nil, before: before, limit: 500)
            found += page.filter { event in
                guard event.at >= since, event.at <= to else { return false }
                return switch event.payload {
                case .spaceStage(let name, _, _, _, _): name.lowercased() == space.lowercased()
                case .platformReported: true
                default: false
                }
            }
            before = page.last?.id
            guard page.count == 500, let last = page.last, last.at >= since else { break }
        }
        return found
    }

    /// Of an event as the operation `events` answers it.
    static func sign(kind: String, verdict: String?) -> String {
        switch kind {
        case "verdict": verdict ?? "note"
        case "incident.began": "down"
        case "incident.ended": "up"
        case "flapping.began": "flapping"
        case "paused": "paused"
        case "resumed": "person"
        case _ where kind.hasPrefix("heal."): "run"
        default: "note"
        }
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
        case .spaceAsked(.deploy, _, _), .spaceAsked(.rollback, _, _), .drifted, .driftEnded: "deploy"
        default: event.kind.hasPrefix("notice") ? "send" : event.kind.hasPrefix("deploy") ? "deploy" : "note"
        }
    }
}
