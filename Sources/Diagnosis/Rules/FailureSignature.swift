/// How one failure shows in what programs print, what it is, and what helps: a rule of the data file `diagnosis.yaml`.
package struct FailureSignature: Sendable {
    /// Where a text is from. A rule's patterns hold for one kind only: what a build says means something else than what an app says.
    package enum Source: String, Sendable, CaseIterable {
        /// The log of the running app.
        case run
        /// The log of the build.
        case build
        /// The Hub's message of a failed Space (`errorMessage`).
        case message
        /// Why the Hub's moderation stopped it (`abuse.reason`).
        case abuse
        /// What a visitor was answered.
        case http
        /// An answer of the Hub's API.
        case api
        /// What git says of a push.
        case git
        /// What reading a dataset says.
        case dataset
        /// An answer of the inference router.
        case llm
        /// Not a text: what the settings, the time or Stoker's own bookkeeping show.
        case state
    }

    package enum Severity: String, Sendable, CaseIterable, Comparable {
        case info, warn, error, critical

        private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }
        package static func < (a: Severity, b: Severity) -> Bool { a.order < b.order }
    }

    /// Which port the app opens, compared with the Space's settings.
    enum Listens: String, Sendable {
        /// Only inside the container.
        case loopback
        /// Another than the Space's.
        case elsewhere = "other-port"
        /// None.
        case never
    }

    package let id: String
    /// In a few words, as a heading.
    package let name: String
    /// What is so, a sentence; `{name}` stands for what a pattern kept.
    package let cause: String
    /// What to do about it, a sentence.
    package let fix: String
    /// One command that fixes or leads on, one that verifies; `{space}` stands for the Space.
    package let command: String
    package let verify: String
    package let severity: Severity
    /// What may be done without a person; letters of the collection of rules.
    package let automatic: String
    /// Which of several causes is the first: what is more specific has more. 0 to 100.
    let rank: Int

    var patterns: [Source: [LinePattern]] = [:]
    /// One of these must stand near: up to 30 lines before, 8 behind.
    var near: [LinePattern] = []
    /// None of these on the same line.
    var unless: [LinePattern] = []
    /// One of these somewhere in the same text, none of those.
    var with: [LinePattern] = []
    var without: [LinePattern] = []
    /// The Hub's stages in which it counts; empty for all.
    var stages: Set<String> = []
    var listens: Listens?
    /// Status codes of a visitor's answer, and whether the app gave it.
    var statuses: [ClosedRange<Int>] = []
    var isAnswerOfApp: Bool?
    /// Shows in an app that goes on serving: a failed request is enough.
    let isOfServing: Bool
    /// Counts whatever happened after it.
    let isAlways: Bool
    /// Also on a line that says that the program goes on.
    let isLoud: Bool
}
