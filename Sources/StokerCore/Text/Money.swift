/// Amounts in US dollars, for people.
package enum Money {
    /// `$21.90`, and `$1,292` when there are no cents; a dash when it is not known. Negative amounts are shown as none.
    package static func text(_ dollars: Double?) -> String {
        guard let dollars else { return "–" }
        let cents = Int((min(max(dollars, 0), 1e9) * 100).rounded())
        let whole = "$\(Formatting.count(cents / 100))"
        return cents % 100 == 0 ? whole : "\(whole).\(cents % 100 < 10 ? "0" : "")\(cents % 100)"
    }

    /// `+$21.90`
    package static func difference(_ dollars: Double) -> String { (dollars < 0 ? "−" : "+") + text(abs(dollars)) }
}
