import StokerCore

/// What rules look at: one commit of a repository.
struct EvidenceContext: Sendable {
    var mirror: GitMirror
    var view: RepositoryView
    /// nil in a shallow clone: then nothing that needs the past can be said.
    var history: History?
    var tools: EvidenceTools
    /// A folder of our own that is removed afterwards.
    var scratch: String
    /// Names of today's files when they were first seen, where that is another.
    var firstNames: [String: String] = [:]
    /// What other tools and rules below the bar said: lines by file.
    var leads: [String: [Int]] = [:]
    /// What is known of the rules; decides which of them publish.
    var rules = RuleTable.measured

    var head: GitMirror.Head { view.head }
}

/// What a rule saw.
struct RuleResult: Sendable {
    var seen: [FindingCandidate] = []
    /// What it could not look at, in a sentence each. Empty: it looked at all that it is for.
    var notLookedAt: [String] = []
    /// It could not look at all: nothing follows from its silence.
    var isBlind = false
    var tools: [String] = []

    static func blind(_ reason: String) -> RuleResult { RuleResult(notLookedAt: [reason], isBlind: true) }
}

/// A finding before it has a name, a state and a quote.
struct FindingCandidate: Sendable {
    var file: String
    var lines: ClosedRange<Int>
    /// What is meant; part of the fingerprint. Empty: the first lines stand for it.
    var symbol: String
    var title: String
    var why: String
    var evidence: [String]
    var command: String
    var severity: Finding.Severity
    /// Recency-weighted fixes, 1 where they do not matter.
    var weight: Double = 1
    /// The file is no part of the fingerprint: the finding is one of the whole repository.
    var isOfRepository = false

    /// The first 15 places, and how many more there are.
    static func evidence(_ places: [String]) -> [String] {
        places.prefix(15) + (places.count > 15 ? ["and \(places.count - 15) more"] : [])
    }
}

/// Gathers evidence of one kind. Whether what it sees is published is decided by ``RuleTable``.
struct EvidenceRule: Sendable {
    var id: String
    /// Whether it reads the repository, or sees what its tests do.
    var depth = Depth.reading
    var gather: @Sendable (EvidenceContext) async throws -> RuleResult

    /// How deep one has to look for it. What is deeper comes when nothing new can be said of a commit otherwise.
    enum Depth: String, Sendable, CaseIterable {
        case reading, coverage, mutants
    }

    /// All rules that perspectives may name.
    static let all: [EvidenceRule] = [
        .workflows, .hotFunction, .knowledgeGone, .bigHotFile, .testsOff, .danglingReferences, .documentedParameters,
        .shadowedTests, .supportContradicts, .unrunLines, .survivingMutants,
    ]
    static func named(_ id: String) -> EvidenceRule? { all.first { $0.id == id } }
}
