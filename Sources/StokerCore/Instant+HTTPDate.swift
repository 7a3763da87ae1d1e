extension Instant {
    /// Names of the months in the dates of HTTP and mail.
    package static let monthNames = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Reads a date of HTTP, in whole seconds: `Sun, 06 Nov 1994 08:49:37 GMT`. nil for anything else, the two older forms included, and
    /// for days that no calendar has. The name of the day is not compared with the date.
    /// Source: RFC 9110 section 5.6.7, IMF-fixdate.
    package init?(httpDate text: some StringProtocol) {
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", words[1].utf8.count == 2, words[4].utf8.count == 8,
            let month = Self.monthNames.firstIndex(where: { $0 == words[2] })
        else { return nil }
        self.init(rfc3339: "\(words[3])-\(month < 9 ? "0" : "")\(month + 1)-\(words[1])T\(words[4])Z")
    }
}
