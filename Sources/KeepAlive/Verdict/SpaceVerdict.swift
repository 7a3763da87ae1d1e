package import StokerCore

/// What is believed of a Space: a function of what the Hub says it does and of what a visitor got. See docs/two-sources.md.
package enum SpaceVerdict {
    /// What a visitor can meet.
    package enum VisitorResult: Int, Sendable, CaseIterable {
        case serves, oldBuild, slow, wrong, held, starting, inError, hidden, throttled, unreachable

        package var word: String {
            switch self {
            case .serves: "serves"
            case .oldBuild: "old build"
            case .slow: "slow"
            case .wrong: "wrong"
            case .held: "held"
            case .starting: "starting"
            case .inError: "in error"
            case .hidden: "hidden"
            case .throttled: "throttled"
            case .unreachable: "unreachable"
            }
        }
    }

    /// What would help such a Space, were it allowed.
    package enum Healing: String, Sendable {
        case no, wake, restart
    }

    /// One cell of the grid.
    package struct GridCell: Sendable, Equatable {
        package var name: String
        package var verdict: Verdict
        /// nil: what the visitor saw.
        package var cause: Cause?
        package var healing: Healing
        package var disagrees: Bool
        /// What the owner is told.
        package var said: String

        init(
            _ name: String, _ verdict: Verdict, _ cause: Cause?, _ healing: Healing, _ disagrees: Bool, _ said: String
        ) {
            self.name = name
            self.verdict = verdict
            self.cause = cause
            self.healing = healing
            self.disagrees = disagrees
            self.said = said
        }
    }

    /// The rows of the grid.
    package static let stages: [SpaceStage?] = [
        .running, .runningBuilding, .runningAppStarting, .building, .appStarting, .buildError, .configError, .noAppFile,
        .runtimeError, .sleeping, .stopped, .paused, .deleting, nil,
    ]
    private static let places: [SpaceStage: Int] = Dictionary(
        uniqueKeysWithValues: stages.enumerated().compactMap { place, stage in stage.map { ($0, place) } })

    /// - Parameter stage: nil, or one that nobody knows: then the visitor's word holds.
    package static func cell(_ stage: SpaceStage?, _ behaviour: VisitorResult) -> GridCell {
        let place = stage.flatMap { places[$0] } ?? stages.count - 1
        return grid[place][behaviour.rawValue]
    }

    /// What a ping's finding is for the grid; nil when it says nothing of the Space: moderation, or trouble of our own.
    /// - Parameter oldBuild: the Hub says that another commit runs than the repository holds.
    package static func behaviour(of finding: AttemptResult, oldBuild: Bool = false) -> VisitorResult? {
        switch finding.cause {
        case .none: oldBuild ? .oldBuild : .serves
        case .tooSlow, .tlsExpiresSoon, .dnsStale: .slow
        case .spaceHeld, .spaceStuck: .held
        case .spaceStarting: .starting
        case .spaceError, .spacePaused: .inError
        case .spaceHidden: .hidden
        case .spaceThrottled: .throttled
        case .status, .textMissing, .regexMissing, .jsonMismatch, .bodyTimeout, .closedEarly, .notHTTP,
            .headersTooLarge, .tooManyRedirects, .badRedirect, .recordMissing:
            .wrong
        case .dnsNoSuchName, .dnsNoRecord, .dnsFailed, .dnsTimeout, .connectRefused, .connectTimeout,
            .connectUnreachable,
            .connectionReset, .tlsHandshake, .tlsCertificate, .tlsExpired, .tlsWrongName, .tlsUntrusted, .tlsTimeout,
            .firstByteTimeout, .spacePlatformPage:
            .unreachable
        default: nil
        }
    }

    /// What the Hub is known to say of a Space.
    package struct HubReading: Sendable, Equatable {
        package var facts: SpaceFacts
        /// When the Hub was read.
        package var readAt: Instant
        /// Since when it has said the same stage, as far as we have watched.
        package var stageSince: Instant
        /// Since when another commit has been running than the repository holds; nil while they agree.
        package var oldBuildSince: Instant?

        package init(facts: SpaceFacts, readAt: Instant, stageSince: Instant, oldBuildSince: Instant? = nil) {
            self.facts = facts
            self.readAt = readAt
            self.stageSince = stageSince
            self.oldBuildSince = oldBuildSince
        }

        package func isFresh(at now: Instant) -> Bool { now - readAt <= Self.freshFor }
        /// Older than this the Hub's word does not count any more.
        package static let freshFor = Duration.seconds(300)
        /// A build takes minutes after its push: so long another commit may run. Source: diagnosis-rules RT23.
        package static let buildGrace = Duration.seconds(600)
        /// How long a stage must have been the same before it is believed against the visitor.
        package static let settledAfter = Duration.seconds(60)
    }

    /// How long the Hub's word must have stood before it is held against what a visitor saw.
    package struct GracePeriods: Sendable, Equatable {
        /// For another commit than the newest one: a build takes its time. Default ``HubReading/buildGrace``.
        package var build: Duration
        /// For a stage. Default ``HubReading/settledAfter``.
        package var stage: Duration

        package init(build: Duration = HubReading.buildGrace, stage: Duration = HubReading.settledAfter) {
            self.build = build
            self.stage = stage
        }
    }

    /// Both sources taken together.
    package struct Combined: Equatable {
        package var finding: AttemptResult
        /// nil when the Hub's word does not count, or the finding says nothing of the Space.
        package var cell: GridCell?
        /// Not pinged any more until the Hub says something else.
        package var pauses = false
    }

    /// - Parameters:
    ///   - troubleBegan: the first ping of the present trouble, this one if there was none before.
    ///   - believed: the cause for which it is down or paused already; nil while it is neither. What was proven once stays, until either source says
    ///     something else.
    ///   - incident: the causes of which the fleet's failures say that they are the platform's.
    package static func join(
        _ finding: AttemptResult, _ word: HubReading?, troubleBegan: Instant, believed: Cause? = nil,
        incident: Set<Cause> = [],
        patience: GracePeriods = GracePeriods(), now: Instant
    ) -> Combined {
        guard let word, word.isFresh(at: now) else { return Combined(finding: finding) }
        if word.facts.pauseReason == .moderation {
            let detail = word.facts.abuse ?? "the Hub says that the Space was flagged"
            return Combined(
                finding: AttemptResult(outcome: .down, cause: .spaceModerated, code: finding.code, detail: detail))
        }
        let old = word.oldBuildSince.map { now - $0 >= patience.build || word.facts.stage != .running } ?? false
        guard let behaviour = behaviour(of: finding, oldBuild: old) else { return Combined(finding: finding) }
        var cell = cell(word.facts.stage, behaviour)
        if cell.verdict == .paused, word.facts.pauseReason == .spendLimit {
            cell.verdict = .down
            cell.cause = .spaceSpendLimit
            cell.said = "\(Cause.spaceSpendLimit.sentence). Raise the limit, then restart it."
        }
        let isProven = believed != nil && believed == cell.cause
        if isWorse(cell.verdict, than: finding.outcome), !isProven,
            word.readAt < troubleBegan || now - word.stageSince < patience.stage
        {
            return Combined(finding: finding, cell: Self.cell(nil, behaviour))
        }
        var combined = Combined(finding: finding, cell: cell)
        if let cause = cell.cause { combined.finding.cause = cause }
        combined.finding.detail = detail(finding, word.facts, cell)
        combined.finding.outcome = cell.verdict.traits.outcome
        combined.pauses = cell.verdict == .paused
        if combined.finding.outcome == .down, incident.contains(combined.finding.cause) {
            combined.finding.cause = .platformIncident
        }
        return combined
    }

    private static func isWorse(_ verdict: Verdict, than outcome: Outcome) -> Bool {
        verdict == .down && outcome != .down || verdict == .paused && outcome != .down
    }

    private static func detail(_ finding: AttemptResult, _ facts: SpaceFacts, _ cell: GridCell) -> String {
        guard let stage = facts.stage, cell.verdict != .up else { return finding.detail }
        let message = facts.errorMessage.map { " (\(quoted($0)))" } ?? ""
        let seen = finding.detail.isEmpty ? finding.cause.sentence : finding.detail
        return "the Hub says \(stage)\(message); a visitor: \(seen)"
    }
}
