extension Instant {
    /// Reads RFC 3339: `2026-11-21T08:15:00Z`, `2026-11-21T09:15:00.250+01:00`; a date alone is its midnight in UTC.
    /// A time needs its zone. nil for anything else, and for days that no calendar has.
    package init?(rfc3339 text: some StringProtocol) {
        var rest = Substring(text)
        func number(_ width: Int) -> Int? {
            let digits = rest.prefix(width)
            guard digits.utf8.count == width, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            rest = rest.dropFirst(width)
            return Int(digits)
        }
        func take(_ choices: String) -> Character? {
            guard let first = rest.first, choices.contains(first) else { return nil }
            rest = rest.dropFirst()
            return first
        }
        guard let year = number(4), take("-") != nil, let month = number(2), take("-") != nil, let day = number(2),
            (1...12).contains(month), (1...Self.days(in: month, of: year)).contains(day)
        else { return nil }
        var milliseconds = Self.dayNumber(year, month, day) * 86_400_000
        if !rest.isEmpty {
            guard take("Tt ") != nil, let hour = number(2), take(":") != nil, let minute = number(2), take(":") != nil,
                let second = number(2), hour < 24, minute < 60, second <= 60
            else { return nil }
            milliseconds += (hour * 3_600 + minute * 60 + min(second, 59)) * 1_000
            if take(".") != nil {
                let digits = rest.prefix { $0.isASCII && $0.isNumber }
                guard (1...9).contains(digits.count), let thousandth = Int((digits + "00").prefix(3)) else {
                    return nil
                }
                milliseconds += thousandth
                rest = rest.dropFirst(digits.count)
            }
            guard let zone = take("Zz+-") else { return nil }
            if zone == "+" || zone == "-" {
                guard let hours = number(2), take(":") != nil, let minutes = number(2), hours < 24, minutes < 60
                else { return nil }
                milliseconds -= (zone == "+" ? 1 : -1) * (hours * 60 + minutes) * 60_000
            }
            guard rest.isEmpty else { return nil }
        }
        self.init(milliseconds: Int64(milliseconds))
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970-01-01. Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    private static func dayNumber(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}
