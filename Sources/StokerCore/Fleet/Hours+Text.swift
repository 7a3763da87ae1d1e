internal import Foundation

extension Hours {
    /// Why a text is no hours, in words that fit behind the text that was read.
    package struct Fault: Error, Equatable {
        package var because: String
    }

    private static let dayNames = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    private static let longNames = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

    /// Reads `Mon-Fri 07:00-20:00 Europe/Berlin`, `07:00-20:00`, `Mon,Wed 9:00-12:00, Sat 22:00-04:00 UTC`.
    ///
    /// Parts are joined by commas; days without a time belong to the next time. A missing day means every day, a missing zone
    /// UTC. The zone stands at the end, once. An end at or before the start is on the next day; 24:00 is the end of the day.
    /// - Throws: ``Fault``.
    package init(text: String) throws(Fault) {
        var words = text.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "\n" })
        var zone = "UTC"
        if let last = words.last, !last.contains(":"), Self.days(last) == nil, !last.hasSuffix(","),
            last.first?.isLetter == true,
            !last.contains(",")
        {
            zone = try Self.checked(zone: String(last))
            words.removeLast()
        }
        var windows: [Window] = []
        var days: UInt8 = 0
        let parts = words.joined(separator: " ").split(separator: ",", omittingEmptySubsequences: false)
        guard !words.isEmpty else { throw Fault(because: "names no time; write Mon-Fri 07:00-20:00 Europe/Berlin") }
        for part in parts {
            let pieces = part.split(separator: " ")
            guard let last = pieces.last else { throw Fault(because: "has a comma with nothing beside it") }
            let hasTime = last.contains(":")
            for piece in pieces.dropLast(hasTime ? 1 : 0) {
                guard let more = Self.days(piece) else {
                    let nearest = ClosestMatch.of(String(piece.prefix(20)), among: Self.dayNames.map(\.capitalized))
                    throw Fault(
                        because:
                            "\"\(piece.prefix(20))\" is neither a day nor a time\(nearest.map { "; did you mean \($0)?" } ?? "; write Mon-Fri 07:00-20:00 Europe/Berlin")"
                    )
                }
                days |= more
            }
            guard hasTime else { continue }
            let (start, end) = try Self.times(last)
            windows.append(Window(days: days == 0 ? 0x7F : days, start: start, end: end))
            days = 0
        }
        guard days == 0, !windows.isEmpty else {
            throw Fault(because: "ends with days that have no time; write Mon-Fri 07:00-20:00")
        }
        guard windows.count <= 50 else { throw Fault(because: "has more than 50 windows") }
        self.init(windows: windows, zone: zone, text: text)
    }

    private static func days(_ text: Substring) -> UInt8? {
        let ends = text.lowercased().split(separator: "-", omittingEmptySubsequences: false).map { name in
            dayNames.firstIndex(of: String(name)) ?? longNames.firstIndex(of: String(name))
        }
        switch ends.count {
        case 1: return ends[0].map { 1 << UInt8($0) }
        case 2:
            guard let from = ends[0], let to = ends[1] else { return nil }
            var bits: UInt8 = 0
            var day = from
            while true {
                bits |= 1 << UInt8(day)
                if day == to { return bits }
                day = (day + 1) % 7
            }
        default: return nil
        }
    }

    private static func times(_ text: Substring) throws(Fault) -> (Int, Int) {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2 else {
            throw Fault(because: "\"\(text.prefix(20))\" is not a span of time; write 07:00-20:00")
        }
        var minutes: [Int] = []
        for end in ends {
            let parts = end.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, (1...2).contains(parts[0].count), parts[1].count == 2,
                parts.allSatisfy({ $0.allSatisfy { $0.isASCII && $0.isNumber } }), let hour = Int(parts[0]),
                let minute = Int(parts[1]),
                minute < 60, hour * 60 + minute <= 1_440
            else { throw Fault(because: "\"\(end.prefix(20))\" is not a time of day; write 00:00 to 24:00") }
            minutes.append(hour * 60 + minute)
        }
        guard minutes[0] != minutes[1], minutes[0] < 1_440 else {
            throw Fault(because: "\"\(text)\" is empty; write 00:00-24:00 for the whole day")
        }
        return (minutes[0], minutes[1])
    }

    static func checked(zone: String) throws(Fault) -> String {
        if zone == "UTC" || zone == "GMT" || zone == "Z" { return zone == "Z" ? "UTC" : zone }
        let known = TimeZone.knownTimeZoneIdentifiers
        if known.contains(zone) { return zone }
        // Older names such as Asia/Calcutta are good; abbreviations such as CET are not: they change their meaning in summer.
        if zone.contains("/"), TimeZone(identifier: zone) != nil { return zone }
        let nearest =
            ClosestMatch.of(zone, among: known) ?? known.first { $0.lowercased().hasSuffix("/" + zone.lowercased()) }
        throw Fault(
            because:
                "\"\(zone.prefix(40))\" is not a time zone\(nearest.map { "; did you mean \($0)?" } ?? "; write one such as Europe/Berlin or UTC")"
        )
    }

    /// Share of a week in which pings are made, 0…1; 1 for always.
    package var shareOfWeek: Double {
        var minutes = [Bool](repeating: false, count: 7 * 1_440)
        for window in windows {
            let length = window.end > window.start ? window.end - window.start : window.end + 1_440 - window.start
            for day in 0..<7 where window.days & (1 << UInt8(day)) != 0 {
                for minute in 0..<length { minutes[(day * 1_440 + window.start + minute) % minutes.count] = true }
            }
        }
        return Double(minutes.count { $0 }) / Double(minutes.count)
    }
}
