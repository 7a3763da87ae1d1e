package import StokerCore

/// One thing that can ail a Space: how it shows, what it is, what helps.
package struct DiagnosisRule: Sendable, Equatable {
    /// Whether starting the container anew helps.
    package enum Restart: String, Sendable, CaseIterable {
        /// A visit is enough.
        case wake
        /// The ladder: restarts inside the budget, then a build from scratch.
        case ladder
        /// One restart; if it comes back a person must look.
        case once
        /// A build from scratch, at once.
        case fromScratch = "from-scratch"
        /// It would end the same way, or is not ours to do.
        case never
    }

    /// What must show. What is empty or nil does not matter; of several messages and exit codes one is enough.
    package struct Signs: Sendable, Equatable {
        var stages: Set<SpaceStage> = []
        var pause: SpaceFacts.PauseReason?
        /// Parts of the Hub's message, in small letters.
        var messages: [String] = []
        /// Of the app, as the Hub's message tells it.
        var exitCodes: [ClosedRange<Int>] = []
        var causes: Set<Cause> = []

        var isEmpty: Bool {
            stages.isEmpty && pause == nil && messages.isEmpty && exitCodes.isEmpty && causes.isEmpty
        }

        /// What is more specific has less: a pause before a message, a message before a stage, a stage before what a visitor met.
        var order: Int { pause != nil ? 0 : isOfMessage ? 1 : stages.isEmpty ? 3 : 2 }

        /// Whether the Hub's message is looked at.
        var isOfMessage: Bool { !messages.isEmpty || !exitCodes.isEmpty }

        /// - Parameters:
        ///   - message: in small letters.
        ///   - exitCode: that the message tells.
        func match(_ evidence: Evidence, message: String, exitCode: Int?) -> Bool {
            if isEmpty { return false }
            if !stages.isEmpty, evidence.stage.map(stages.contains) != true { return false }
            if let pause, evidence.pause != pause { return false }
            if !causes.isEmpty, evidence.cause.map(causes.contains) != true { return false }
            guard isOfMessage else { return true }
            // What is left of an older failure says nothing of a Space that is on its way or runs.
            if let stage = evidence.stage, !stage.isFailed { return false }
            if let exitCode, exitCodes.contains(where: { $0.contains(exitCode) }) { return true }
            return messages.contains { message.contains($0) }
        }
    }

    package let id: String
    package let signs: Signs
    /// The cause that a check shows.
    package let cause: Cause
    /// What is so, in a few words that follow a colon: "it is paused".
    package let brief: String
    /// What a person can do about it, a sentence.
    package let remedy: String
    package let restart: Restart
    private let nextStep: String?

    /// nil when the rule has no signs of the Hub or of a visit.
    init?(_ rule: RuleFile.RuleText) {
        guard !rule.signs.isEmpty, let cause = rule.shows else { return nil }
        id = rule.id
        signs = rule.signs
        self.cause = cause
        brief = rule.brief
        remedy = rule.fix.quoted
        nextStep = rule.next
        restart = rule.restart
    }

    /// The command that goes on from here, in words; nil when there is nothing to do at a command line.
    package func next(_ space: String) -> String? { nextStep?.replacing("{space}", with: space) }

    /// Whether the ladder may restart a Space for this, once or oftener.
    package var restartHelps: Bool {
        switch restart {
        case .ladder, .once, .fromScratch: true
        case .wake, .never: false
        }
    }
}

extension String {
    /// Words between backticks in quotation marks, for pages.
    var quoted: String {
        split(separator: "`", omittingEmptySubsequences: false).enumerated()
            .map { $0 == 0 ? "\($1)" : ($0 % 2 == 1 ? "“" : "”") + $1 }.joined()
    }
}
