/// What somebody may have done. Each scope holds those before it.
package enum Scope: String, Sendable, CaseIterable, Comparable {
    /// Sees everything, secrets excepted.
    case read
    /// Changes what can be changed back.
    case operate
    /// Also destroys, spends money, and gives others access.
    case admin

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    package static func < (one: Scope, other: Scope) -> Bool { one.rank < other.rank }
}
