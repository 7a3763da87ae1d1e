import StokerCore

/// What is known of the findings of a rule, and what follows from it: whether they are published.
struct RuleStanding: Sendable, Equatable {
    /// Where the figure comes from.
    enum Basis: Sendable, Equatable {
        /// So many findings were read, on repositories that the rule was not made with; how many each reader called useful.
        case read(Int, useful: [Int])
        /// A command has just shown what each finding says.
        case shown(String)
        /// Nobody has read any.
        case unread
    }
    /// What its output is: findings are published, leads only say where to look first.
    enum Tier: Sendable, Equatable { case finding, lead }

    var basis: Basis

    /// The least precision of a rule whose findings are published.
    static let bar = 0.8

    /// Mean of the readers' shares, 0 to 1.
    var precision: Double {
        switch basis {
        case .read(let count, let useful):
            count > 0 && !useful.isEmpty
                ? Double(useful.reduce(0, +)) / Double(useful.count) / Double(count) : 0
        case .shown: 1
        case .unread: 0
        }
    }

    var tier: Tier { precision >= Self.bar ? .finding : .lead }

    /// As pages and documents have it: `5 of 6`, `14 and 17 of 19`.
    var measured: String {
        switch basis {
        case .read(let count, let useful): "\(useful.map(String.init).joined(separator: " and ")) of \(count)"
        case .shown(let how): how
        case .unread: "not read"
        }
    }
}

/// The figure of each rule. A rule that is not in it makes leads.
struct RuleTable: Sendable, Equatable {
    var rows: [String: RuleStanding.Basis]

    init(_ rows: [String: RuleStanding.Basis]) { self.rows = rows }

    func standing(of rule: String) -> RuleStanding { RuleStanding(basis: rows[rule] ?? .unread) }

    /// What was measured: docs/workshop-precision.md has how. Nothing else decides what is published.
    static let measured = RuleTable([
        "workflows": .read(16, useful: [9, 10]),
        "hot_function": .read(39, useful: [6, 11]),
        "knowledge_gone": .read(7, useful: [0, 1]),
        "big_hot_file": .read(11, useful: [6]),
        "tests_off": .read(21, useful: [2, 4]),
        "unrun_lines": .shown("shown by a run"),
        "surviving_mutants": .shown("shown by two runs"),
    ])
}
