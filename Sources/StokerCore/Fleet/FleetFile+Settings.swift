internal import Yams

/// The settings of a check as far as one mapping says them; nil leaves the level above in force.
struct CheckSettings {
    var every: Duration?
    var warmth: Warmth?
    var paused: Bool?
    var path: String?
    /// What variables put into the path, the body and the expectations.
    var pathHidden: [Secret] = []
    var bodyHidden: [Secret] = []
    var expectHidden: [Secret] = []
    var timeout: Duration?
    var connectTimeout: Duration?
    var tlsTimeout: Duration?
    var retry: [Duration]?
    var recheck: Duration?
    var jitter: Double?
    var hours: Switched<Hours>?
    var downAfter: Threshold?
    var expect: Expectation?
    var method: String?
    var headers: [Request.Header] = []
    var body: String?
    var redirects: Int?
    var verifyTLS: Bool?
    /// Where the interval and the waits are said, for advice.
    var everyPlace: (mark: Spot, place: Place)?
    var waitPlace: (mark: Spot, place: Place)?

    /// These settings, with the gaps filled from the level above.
    func over(_ above: CheckSettings) -> CheckSettings {
        var result = self
        // `every` and `warmth` say the same thing in two ways: the nearer one wins over both of the level above.
        if every == nil && warmth == nil {
            result.every = above.every
            result.warmth = above.warmth
            result.everyPlace = above.everyPlace
        }
        result.paused = paused ?? above.paused
        result.path = path ?? above.path
        if path == nil { result.pathHidden = above.pathHidden }
        result.timeout = timeout ?? above.timeout
        result.connectTimeout = connectTimeout ?? above.connectTimeout
        result.tlsTimeout = tlsTimeout ?? above.tlsTimeout
        result.retry = retry ?? above.retry
        result.recheck = recheck ?? above.recheck
        result.jitter = jitter ?? above.jitter
        result.hours = hours ?? above.hours
        result.downAfter = downAfter ?? above.downAfter
        result.expect = expect ?? above.expect
        if expect == nil { result.expectHidden = above.expectHidden }
        result.method = method ?? above.method
        let own = Set(headers.map { $0.name.lowercased() })
        result.headers = above.headers.filter { !own.contains($0.name.lowercased()) } + headers
        result.body = body ?? above.body
        if body == nil { result.bodyHidden = above.bodyHidden }
        result.redirects = redirects ?? above.redirects
        result.verifyTLS = verifyTLS ?? above.verifyTLS
        result.waitPlace = waitPlace ?? above.waitPlace
        return result
    }

    /// What a further check of a Space takes over from the Space: how it is spoken to, not what is asked how often.
    var shared: CheckSettings {
        var result = self
        result.every = nil
        result.warmth = nil
        result.everyPlace = nil
        result.path = nil
        result.expect = nil
        result.method = nil
        result.body = nil
        return result
    }

    init() {}

    /// Limits: an interval of a second to a year; attempts of 10 ms to an hour; ten retries.
    init(_ section: Section) {
        if let value = section["every"] {
            every = value.duration(.seconds(1) ... .seconds(366 * 86_400), example: "2m, 45m or 12h")
            everyPlace = (value.mark, value.place)
        }
        if let value = section["warmth"] {
            let levels: [(String, Switched<Warmth>)] =
                Warmth.allCases.map { ($0.rawValue, .on($0)) } + [("never", .off)]
            switch value.word(levels) {
            case .on(let level):
                warmth = level
                every = every ?? level.interval
            case .off: paused = true
            case nil: break
            }
            if section.has("every") {
                value.report(.conflict, "says the interval, and so does `every`; leave one of them out")
            }
            everyPlace = (value.mark, value.place)
        }
        if let value = section["paused"], let said = value.bool() { paused = said }
        let attempt = Duration.milliseconds(10) ... .seconds(3_600)
        timeout = section["timeout"]?.duration(attempt, example: "120s")
        connectTimeout = section["connect_timeout"]?.duration(attempt, example: "10s")
        tlsTimeout = section["tls_timeout"]?.duration(attempt, example: "10s")
        for (key, limit) in [("connect_timeout", connectTimeout), ("tls_timeout", tlsTimeout)] {
            if let limit, let timeout, limit > timeout {
                section.report(.conflict, "is longer than the timeout of \(timeout.text) it is a part of", at: key)
            }
        }
        if let value = section["retry"] { retry = Self.retry(value) }
        if let value = section["timeout"] ?? section["retry"] { waitPlace = (value.mark, value.place) }
        recheck = section["recheck"]?.duration(.seconds(1) ... .seconds(86_400), example: "60s")
        if let recheck, let every, recheck > every {
            section.report(
                .conflict,
                "is longer than the interval of \(every.text); a failing check is looked at sooner, not later",
                at: "recheck")
        }
        jitter = section["jitter"].flatMap { Self.jitter($0) }
        if let value = section["hours"], let text = value.text("hours such as Mon-Fri 07:00-20:00 Europe/Berlin") {
            if text.value == "always" {
                hours = .off
            } else {
                do throws(Hours.Fault) { hours = .on(try Hours(text: text.value)) } catch {
                    value.report(.value, text.substituted ? "\(text.shown) cannot be read as hours" : error.because)
                }
            }
        }
        downAfter = section["down_after"].flatMap { Self.threshold($0) }
        if let value = section["path"], let text = value.text("a path such as /health") {
            path = Self.path(text, value)
            pathHidden = text.hidden()
        }
        if let value = section["method"], let text = value.text("a method such as GET") {
            method = Self.method(text, value)
        }
        if let value = section["headers"] { headers = Self.headers(value) }
        if let value = section["body"], let text = value.text("the text to send") {
            body = text.value
            bodyHidden = text.hidden()
            if text.value.utf8.count > 65_536 { value.report(.range, "has more than 64 KiB") }
        }
        redirects = section["redirects"]?.integer(0...20, "how many redirects are followed, such as 5")
        verifyTLS = section["verify_tls"]?.bool()
        if let value = section["expect"], let said = value.section(.expect) {
            expect = Expectation(said, hidden: &expectHidden)
        }
    }

    private static func retry(_ value: Value) -> [Duration]? {
        if case .scalar(let scalar) = value.node, ["off", "never", "false"].contains(scalar.string) { return [] }
        guard let items = value.items("waits such as [5s, 10s, 20s], or off") else { return nil }
        guard items.count <= 10 else {
            value.report(.range, "has \(items.count) waits; at most 10 retries are made")
            return nil
        }
        let waits = items.map { $0.duration(.zero ... .seconds(3_600), example: "5s") }
        return waits.contains(nil) ? nil : waits.compactMap(\.self)
    }

    private static func jitter(_ value: Value) -> Double? {
        guard let text = value.text("a share such as 5% or 0.05") else { return nil }
        let share = text.value.hasSuffix("%") ? Double(text.value.dropLast()).map { $0 / 100 } : Double(text.value)
        guard let share, share.isFinite else {
            value.report(.value, "\(text.shown) is not a share of the interval; write 5% or 0.05")
            return nil
        }
        guard (0...0.5).contains(share) else {
            value.report(.range, "\(text.shown) is outside 0%…50%")
            return nil
        }
        return share
    }

    static func threshold(_ value: Value) -> Threshold? {
        guard let text = value.text("how many failed pings of how many, such as 2 of 3") else { return nil }
        let words = text.value.split(separator: " ")
        let numbers: (Int, Int)? =
            if words.count == 1, let number = Int(words[0]) {
                (number, number)
            } else if words.count == 3, words[1] == "of",
                let failures = Int(words[0]), let of = Int(words[2])
            { (failures, of) } else { nil }
        guard let (failures, of) = numbers else {
            value.report(.value, "\(text.shown) does not say how many of how many; write 2 of 3")
            return nil
        }
        guard (1...32).contains(of), (1...of).contains(failures) else {
            value.report(
                .range, "\(text.shown) cannot be; the first number is 1 up to the second, the second at most 32")
            return nil
        }
        return Threshold(failures: failures, of: of)
    }

    private static func path(_ text: Value.Text, _ value: Value) -> String? {
        if text.value.contains("://") {
            value.report(.value, "\(text.shown) is an address; `path` is the part behind the host, such as /health")
        } else if !text.value.hasPrefix("/") {
            value.report(
                .value, "\(text.shown) does not begin with /\(text.substituted ? "" : "; write /\(text.value)")")
        } else if case .failure(let fault) = Address.checked("http://host" + text.value) {
            value.report(.value, "\(text.shown) \(fault.because)")
        } else {
            return text.value
        }
        return nil
    }

    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "!#$%&'*+-.^_`|~".contains($0)) }
    }

    private static func method(_ text: Value.Text, _ value: Value) -> String? {
        guard isToken(text.value), text.value.count <= 32 else {
            value.report(.value, "\(text.shown) is not a method; write GET, HEAD, POST …")
            return nil
        }
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        if let upper = known.first(where: { $0 == text.value.uppercased() }), upper != text.value {
            value.report(.value, "\(text.shown) is written \(upper): methods have a case")
            return nil
        }
        if text.value == "CONNECT" {
            value.report(.value, "CONNECT opens tunnels; it is not a way to ask for anything")
            return nil
        }
        return text.value
    }

    private static func headers(_ value: Value) -> [Request.Header] {
        guard let section = value.section(nil) else { return [] }
        var headers: [Request.Header] = []
        var names = Set<String>()
        for entry in section.entries {
            let name = entry.key.lowercased()
            func report(_ rule: Problem.Rule, _ text: String) {
                section.reading.report(rule, text, at: entry.keyMark, in: entry.value.place)
            }
            if !isToken(entry.key) || entry.key.count > 256 {
                report(.value, "is not the name of a header")
                continue
            }
            if ["content-length", "transfer-encoding", "connection", "upgrade", "expect", "te", "trailer"].contains(
                name)
            {
                report(.conflict, "is written by the probe itself")
                continue
            }
            if !names.insert(name).inserted {
                report(.duplicateKey, "is there twice; header names have no case")
                continue
            }
            guard let text = entry.value.text("the header's value") else { continue }
            if text.value.unicodeScalars.contains(where: { ($0.value < 0x20 && $0 != "\t") || $0.value == 0x7F }) {
                entry.value.report(.value, "has a line break or another control character in it")
                continue
            }
            // An empty variable means: without this header.
            if text.substituted, text.value.isEmpty { continue }
            headers.append(Request.Header(name: entry.key, value: Secret(text.value)))
        }
        return headers
    }
}

extension Expectation {
    /// What one `expect:` says; what it does not say keeps its default.
    ///
    /// - Parameter hidden: gets what variables put into the texts that are looked for.
    init(_ section: Section, hidden: inout [Secret]) {
        self.init()
        if let value = section["status"] { status = Self.statuses(value) ?? status }
        if let value = section["text"] {
            let wanted = "text that must be in the answer"
            text = value.string(wanted)
            if text != nil { hidden += value.text(wanted)?.hidden() ?? [] }
        }
        if let value = section["regex"], let pattern = value.text("a regular expression"), !pattern.value.isEmpty {
            do {
                // For what it says about mistakes; it is matched by the one that cannot be kept busy for ever.
                _ = try Regex(pattern.value)
                _ = try LinearPattern(pattern.value)
                regex = pattern.value
                hidden += pattern.hidden()
            } catch let refused as LinearPattern.Refused {
                value.report(.value, "\(pattern.shown) is no pattern Stoker can match: \(refused.because)")
            } catch {
                value.report(
                    .value,
                    pattern.substituted
                        ? "\(pattern.shown) is not a regular expression"
                        : "\(pattern.shown) is not a regular expression: \(Self.plain("\(error)"))")
            }
        }
        if let value = section["json"], let rules = value.section(nil) {
            for entry in rules.entries {
                if let fault = JSONPath.fault(in: entry.key) {
                    section.reading.report(.value, fault, at: entry.keyMark, in: entry.value.place)
                } else if let scalar = Self.scalar(entry.value) {
                    if case .scalar = entry.value.node, !entry.value.isNull {
                        hidden += entry.value.text("a value")?.hidden() ?? []
                    }
                    json.append(JSONRule(path: entry.key, value: scalar))
                }
            }
        }
        within = section["within"]?.duration(.milliseconds(1) ... .seconds(3_600), example: "800ms or 2s")
        certificateDays = section["certificate_days"]?.integer(0...3_650, "days such as 14")
    }

    private static func plain(_ text: String) -> String {
        String(text.split(separator: "\n").first ?? "").prefix(120).description
    }

    private static func statuses(_ value: Value) -> [ClosedRange<Int>]? {
        let wanted = "status codes such as 200, 2xx, 200-299 or [200, 204]"
        guard let items = value.items(wanted) else { return nil }
        guard !items.isEmpty else {
            value.report(.missing, "is an empty list; expected \(wanted)")
            return nil
        }
        guard items.count <= 100 else {
            value.report(.range, "has more than 100 entries")
            return nil
        }
        var ranges: [ClosedRange<Int>] = []
        var sound = true
        for item in items {
            guard let text = item.text(wanted) else {
                sound = false
                continue
            }
            let word = text.value.lowercased()
            let range: ClosedRange<Int>?
            if word.count == 3, word.hasSuffix("xx"), let first = word.first?.wholeNumberValue, (1...5).contains(first)
            {
                range = first * 100...first * 100 + 99
            } else {
                let ends = word.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
                range =
                    switch ends.count {
                    case 1: ends[0].map { $0...$0 }
                    case 2: if let low = ends[0], let high = ends[1], low <= high { low...high } else { nil }
                    default: nil
                    }
            }
            guard let range else {
                item.report(.value, "\(text.shown) is not a status; write 200, 2xx or 200-299")
                sound = false
                continue
            }
            guard range.lowerBound >= 100, range.upperBound <= 599 else {
                item.report(.range, "\(text.shown) is outside 100…599")
                sound = false
                continue
            }
            ranges.append(range)
        }
        return sound ? ranges : nil
    }

    private static func scalar(_ value: Value) -> JSONScalar? {
        if value.isNull { return .null }
        guard let text = value.text("the value the answer must have there: text, a number, true, false or null") else {
            return nil
        }
        guard text.plain else { return .string(text.value) }
        switch text.value {
        case "true": return .bool(true)
        case "false": return .bool(false)
        case "null", "~": return .null
        default: break
        }
        guard let number = JSONNumber(text.value) else {
            if let reader = Double(text.value), reader.isFinite, text.value.contains(where: \.isNumber) {
                value.reading.advise(
                    "\(text.shown) is no number as JSON writes them, so it is read as text; put it between quotes to say so",
                    at: value.mark, in: value.place)
            }
            return .string(text.value)
        }
        // Versions and commits look like this more often than numbers do.
        let mantissa = text.value.prefix { $0 != "e" && $0 != "E" }
        if mantissa.count < text.value.count || mantissa.contains(".") && mantissa.hasSuffix("0") {
            value.reading.advise(
                "\(text.shown) is read as a number; put it between quotes when the answer has it as text (a version, a commit)",
                at: value.mark, in: value.place)
        }
        return .number(number)
    }
}
