/// Numbers as people write them.
package enum Quantity {
    /// `1 request`, `288 requests`.
    package static func requests(_ value: Double) -> String {
        let shown = number(value)
        return shown == "1" ? "1 request" : "\(shown) requests"
    }

    /// `1,152`, `0.1`.
    package static func number(_ value: Double) -> String {
        if value != 0, abs(value) < 10, abs(value - value.rounded()) > 0.005 {
            let tenths = (value * 10).rounded() / 10
            return tenths == 0 ? "under 0.1" : "\(tenths)"
        }
        let whole = Int64(value.rounded())
        var digits = String(abs(whole))
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return (whole < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
    }
}
