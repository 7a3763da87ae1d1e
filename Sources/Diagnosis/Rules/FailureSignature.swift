/// How one failure shows in what programs print, what it is, and what helps: a rule of a file of rules, with one of its evidences.
package struct FailureSignature: Sendable, Equatable {
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

        var summary: String {
            switch self {
            case .run: "Patterns for the log of the running app."
            case .build: "Patterns for the log of the build."
            case .message: "Patterns for the Hub's message of a failed Space."
            case .abuse: "Patterns for the reason of the Hub's moderation."
            case .http: "Patterns for what a visitor was answered."
            case .api: "Patterns for an answer of the Hub's API."
            case .git: "Patterns for what git says of a push."
            case .dataset: "Patterns for what reading a dataset says."
            case .llm: "Patterns for an answer of the inference router."
            case .state: "No text."
            }
        }
    }

    package enum Severity: String, Sendable, CaseIterable, Comparable {
        case info, warn, error, critical

        private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }
        package static func < (a: Severity, b: Severity) -> Bool { a.order < b.order }
    }

    /// What may be done without a person; letters of the collection of rules.
    enum Automatic: String, Sendable, CaseIterable {
        case restart = "R", build = "F", configuration = "C", commit = "D", wait = "W", tell = "A", nothing = "N"
    }

    /// Which port the app opens, compared with the Space's settings.
    enum Listens: String, Sendable, CaseIterable {
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
    let automatic: [Automatic]
    /// Which of several causes is the first: what is more specific has more. 0 to 100.
    let rank: Int
    /// How it shows. A rule with several evidences is several signatures.
    let evidence: RuleFile.EvidenceText

    var statuses: [Int] { evidence.status }
}
