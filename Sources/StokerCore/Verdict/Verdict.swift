/// What is believed about a check. Raw values are stored: never renumber.
///
/// A new verdict is a case and a row of ``traits`` here, what the judge makes of it, a colour in `stoker.css` and a sign in
/// `signs.mustache`. Everything else reads the row.
package enum Verdict: UInt8, Sendable, CaseIterable, Codable {
    /// Not looked at yet, or we were offline all along.
    case unknown = 0
    case up = 1
    case slow = 2
    case waking = 3
    case down = 4
    /// Paused by a person, by its hours, or because the platform asked for it.
    case paused = 5
    /// A heartbeat that did not come.
    case silent = 6

    /// What a verdict means outside the judge.
    package struct Traits: Sendable {
        package let look: Look
        /// Somebody should look.
        package var isTrouble = false
        /// The value of the metric `stoker_check_up`; nil where nothing is claimed and the series is missing.
        package var isAvailable: Bool?
        /// What uptime takes the time for.
        package let standing: Standing
        /// What a ping must have seen to be believed so.
        package let outcome: Outcome
        /// For a visitor of a status page, who knows nothing of verdicts: `Working`.
        package let visitorWord: String
    }

    /// The row of this verdict. To change what a page says of it, change it there.
    package var traits: Traits {
        switch self {
        case .unknown:
            Traits(look: .unknown, standing: .unknown, outcome: .unknown, visitorWord: "Not known yet")
        case .up: Traits(look: .up, isAvailable: true, standing: .up, outcome: .up, visitorWord: "Working")
        case .slow: Traits(look: .slow, isAvailable: true, standing: .up, outcome: .slow, visitorWord: "Slow")
        case .waking:
            Traits(look: .waking, isAvailable: false, standing: .waking, outcome: .waking, visitorWord: "Starting")
        case .down:
            Traits(
                look: .down, isTrouble: true, isAvailable: false, standing: .down, outcome: .down,
                visitorWord: "Not reachable")
        case .paused: Traits(look: .paused, standing: .paused, outcome: .unknown, visitorWord: "Not watched")
        case .silent:
            Traits(
                look: .silent, isTrouble: true, isAvailable: false, standing: .down, outcome: .down,
                visitorWord: "Overdue")
        }
    }

    /// Stable name for APIs, metrics and badges.
    package var name: String { traits.look.name }
    /// Somebody should look: down and silent.
    package var isTrouble: Bool { traits.isTrouble }
    package var isAvailable: Bool? { traits.isAvailable }

    package init?(name: some StringProtocol) {
        guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }

    /// `up or slow`: those for which ``isAvailable`` is so.
    package static func names(available: Bool?) -> String {
        let names = allCases.filter { $0.isAvailable == available }.map(\.name)
        return [names.dropLast().joined(separator: ", "), names.last ?? ""].filter { !$0.isEmpty }
            .joined(separator: " or ")
    }

    /// All verdicts, the one that needs a person most first.
    package static let byUrgency = allCases.sorted { $0.traits.look.urgency < $1.traits.look.urgency }
}

/// What a screen shows of a state: the verdict, or `flapping` and `moderated` where the verdict alone looks better than it is.
package struct Look: Sendable, Hashable {
    /// Stable name: the API's `look`, the class of the style sheet (`v-down`) and the sign of the layout (`s-down`).
    package let name: String
    /// For the head of a row: `Down`.
    package let title: String
    /// Completes "3 are …".
    package let phrase: String
    package let tone: Tone
    /// Place in a list that has trouble first, 0 is first.
    package let urgency: Int

    /// Not as it should be, and nothing to do yet: between trouble and well.
    package var isUnsteady: Bool { tone == .fair || tone == .busy }

    /// Which colour a look has, wherever there is colour.
    package enum Tone: Sendable {
        case good, fair, busy, bad, paused, unknown
    }

    package static let unknown = Look(
        name: "unknown", title: "Unknown", phrase: "not yet known", tone: .unknown, urgency: 5)
    package static let up = Look(name: "up", title: "Up", phrase: "up", tone: .good, urgency: 6)
    package static let slow = Look(name: "slow", title: "Slow", phrase: "slow", tone: .fair, urgency: 4)
    package static let waking = Look(name: "waking", title: "Waking", phrase: "waking up", tone: .busy, urgency: 3)
    package static let down = Look(name: "down", title: "Down", phrase: "down", tone: .bad, urgency: 0)
    package static let paused = Look(name: "paused", title: "Paused", phrase: "paused", tone: .paused, urgency: 7)
    package static let silent = Look(name: "silent", title: "Silent", phrase: "silent", tone: .bad, urgency: 1)
    package static let flapping = Look(
        name: "flapping", title: "Flapping", phrase: "coming and going", tone: .fair, urgency: 2)
    package static let moderated = Look(
        name: "moderated", title: "Moderated", phrase: "flagged by the platform", tone: .bad, urgency: 1)

    /// Every look there is: those of the verdicts, then the two others.
    package static let all = Verdict.allCases.map(\.traits.look) + [.flapping, .moderated]

    package init?(name: some StringProtocol) {
        guard let found = Self.all.first(where: { $0.name == name }) else { return nil }
        self = found
    }

    /// Of a Space's stage, as the Hub tells it; ``unknown`` while it has told none.
    package init(_ stage: SpaceStage?) {
        guard let stage else {
            self = .unknown
            return
        }
        self = stage.isFailed ? .down : stage.isMoving ? .waking : stage.isServing ? .up : .paused
    }

    private init(name: String, title: String, phrase: String, tone: Tone, urgency: Int) {
        self.name = name
        self.title = title
        self.phrase = phrase
        self.tone = tone
        self.urgency = urgency
    }
}

extension CheckState {
    /// What a screen shows of it. A check that comes and goes is shown so while it is up or slow.
    package var appearance: Look {
        if isModerated { return .moderated }
        return flapping && verdict.isAvailable == true ? .flapping : verdict.traits.look
    }

    /// The name of ``appearance``.
    package var look: String { appearance.name }

    /// Place in a list that has trouble first, 0 is first. What comes and goes stands behind the trouble, also while it starts.
    package var urgency: Int {
        if isModerated { return Look.moderated.urgency }
        let own = verdict.traits.look.urgency
        return flapping && verdict.isAvailable != nil ? min(own, Look.flapping.urgency) : own
    }
}
