extension BinaryInteger {
    /// `1 ping`, `2 pings`; `number` is how the number is written, when not plainly.
    package func counted(_ word: String, as number: String? = nil) -> String {
        "\(number ?? "\(self)") \(word)\(self == 1 ? "" : "s")"
    }
}
