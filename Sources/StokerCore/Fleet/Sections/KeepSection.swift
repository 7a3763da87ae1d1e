internal import Yams

/// The settings of a check as far as one mapping says them; nil leaves the level above in force.
struct CheckSettings: Sendable {
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
    var hours: Toggle<Hours>?
    var downAfter: Threshold?
    var expect: Expectation?
    var method: String?
    var headers: [Request.Header] = []
    var body: String?
    var redirects: Int?
    var verifyTLS: Bool?
    /// Where the interval and the waits are said, for advice.
    var everyPlace: (mark: SourcePosition, place: DocumentPath)?
    var waitPlace: (mark: SourcePosition, place: DocumentPath)?

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

    /// What one mapping says; keys that are not those of `keep` are somebody else's.
    init(_ section: Section) { Self.table.read(section, into: &self) }

    /// What is known of one of the keys.
    static func row(_ name: String) -> FleetKeyRow {
        guard let key = table.keys.first(where: { $0.row.name == name }) else {
            preconditionFailure("`keep` has no key \(name)")
        }
        return key.row
    }

    private static let attempt = Duration.milliseconds(10) ... .seconds(3_600)
    private static let levels: [(String, Toggle<Warmth>)] =
        Warmth.allCases.map { ($0.rawValue, .on($0)) } + [("never", .off)]

    /// Limits: an interval of a second to a year; attempts of 10 ms to an hour; ten retries.
    static let table = FleetTable<CheckSettings>(
        [
            FleetKey(
                FleetKeyRow(
                    "warmth",
                    "A named interval, see [warmth.md](warmth.md); `never` pauses the check. Not together with `every`.",
                    range: Warmth.allCases.map { "`\($0.rawValue)` \($0.interval.text)" }.joined(separator: ", ")
                        + ", `never`",
                    example: "warm", invalidExamples: ["lukewarm"], schema: FleetSchema.words(levels.map(\.0))),
                read: { value, settings in
                    switch value.word(levels) {
                    case .on(let level):
                        settings.warmth = level
                        settings.every = level.interval
                    case .off: settings.paused = true
                    case nil: break
                    }
                    settings.everyPlace = (value.mark, value.place)
                }),
            key(
                "every", .duration(.seconds(1) ... .seconds(366 * 86_400), example: "2m, 45m or 12h"), \.every,
                "Time between two pings.", defaultValue: "45m", example: "5m",
                invalidExamples: ["5", "5sec", "0s", "400d"]
            ) { value, settings in
                if settings.everyPlace == nil { settings.everyPlace = (value.mark, value.place) }
            },
            FleetKey(
                FleetKeyRow(
                    "path", "Path that is asked for, behind the Space's address.", defaultValue: "`/`",
                    example: "/health",
                    invalidExamples: ["health", "https://a.example/health", "\"/a b\""],
                    schema: FleetSchema.pattern("^/[^\\s#]*$")),
                read: { value, settings in
                    guard let text = value.text("a path such as /health") else { return }
                    settings.path = path(text, value)
                    settings.pathHidden = text.hidden()
                }),
            key(
                "timeout", .duration(attempt, example: "120s"), \.timeout,
                "Limit of one attempt, from the first packet to the last byte; a start is waited for.",
                defaultValue: "120s", example: "30s", invalidExamples: ["30", "1ms", "2h"]
            ) { value, settings in settings.waitPlace = (value.mark, value.place) },
            key(
                "connect_timeout", .duration(attempt, example: "10s"), \.connectTimeout,
                "Limit for the connection inside `timeout`.", defaultValue: "10s", example: "5s",
                invalidExamples: ["5", "1ms", "2h"]),
            key(
                "tls_timeout", .duration(attempt, example: "10s"), \.tlsTimeout,
                "Limit for the TLS handshake inside `timeout`.", defaultValue: "10s", example: "5s",
                invalidExamples: ["5", "1ms", "2h"]),
            FleetKey(
                FleetKeyRow(
                    "retry", "Waits before the further attempts of one ping, at most 10.",
                    defaultValue: "`[5s, 10s, 20s]`",
                    range: "list of 0s to 1h, or `off`", example: "[2s, 4s]",
                    invalidExamples: ["[2]", "sometimes", "[1s, 1s, 1s, 1s, 1s, 1s, 1s, 1s, 1s, 1s, 1s]"],
                    schema: [
                        "anyOf": [
                            ["type": "array", "maxItems": 10, "items": FleetSchema.duration],
                            FleetSchema.duration, ["enum": [false, "off", "never", "false"]],
                        ]
                    ]),
                read: { value, settings in
                    settings.retry = retry(value)
                    if settings.waitPlace == nil { settings.waitPlace = (value.mark, value.place) }
                }),
            key(
                "recheck", .duration(.seconds(1) ... .seconds(86_400), example: "60s"), \.recheck,
                "Time between two pings while the check fails; at most `every`.", defaultValue: "60s", example: "30s",
                invalidExamples: ["30", "10ms", "2d"]),
            FleetKey(
                FleetKeyRow(
                    "jitter", "How much each interval is varied.", defaultValue: "5%",
                    range: "`5%` or `0.05`; at most 50%",
                    example: "10%", invalidExamples: ["60%", "little", "-1%"],
                    schema: [
                        "anyOf": [
                            ["type": "number", "minimum": 0, "maximum": 0.5],
                            [
                                "type": "string",
                                "pattern": .string(
                                    "^(50|[0-4]?[0-9](\\.[0-9]+)?)%$|^0?\\.[0-9]+$|\(FleetSchema.variable)"),
                            ],
                        ]
                    ]), read: { value, settings in settings.jitter = jitter(value) }),
            FleetKey(
                FleetKeyRow(
                    "hours", "When pings are made; `always` undoes the level above.", defaultValue: "always",
                    range: "`Mon-Fri 07:00-20:00 Europe/Berlin`, several windows by comma, UTC without a zone",
                    example: "\"Mon-Fri 07:00-20:00 Europe/Berlin\"",
                    invalidExamples: ["\"25:00-26:00\"", "\"Mon-Fri\"", "\"07:00-20:00 Europe/Nowhere\""],
                    schema: hoursSchema),
                read: { value, settings in
                    guard let text = value.text("hours such as Mon-Fri 07:00-20:00 Europe/Berlin") else { return }
                    if text.value == "always" {
                        settings.hours = .off
                    } else {
                        do throws(Hours.Fault) { settings.hours = .on(try Hours(text: text.value)) } catch {
                            value.report(
                                .value, text.substituted ? "\(text.shown) cannot be read as hours" : error.because)
                        }
                    }
                }),
            FleetKey(
                FleetKeyRow(
                    "down_after", "How many failed pings of how many make the check down.", defaultValue: "1 of 1",
                    range: "`2 of 3`; up to 32", example: "2 of 3", invalidExamples: ["3 of 2", "often", "0", "33"],
                    schema: [
                        "anyOf": [
                            ["type": "integer", "minimum": 1, "maximum": 32],
                            [
                                "type": "string",
                                "pattern": .string("^[0-9]+( +of +[0-9]+)?$|\(FleetSchema.variable)"),
                            ],
                        ]
                    ]), read: { value, settings in settings.downAfter = threshold(value) }),
            FleetKey(
                FleetKeyRow(
                    "expect", "What an answer must look like, see below.", defaultValue: "status 200-399",
                    example: "{ status: 200 }", invalidExamples: ["ok"], schema: FleetSchema.reference("expect")),
                read: { value, settings in
                    var said = ExpectSettings()
                    guard ExpectSettings.table.read(value, into: &said) else { return }
                    settings.expect = said.expect
                    settings.expectHidden = said.hidden
                }),
            FleetKey(
                FleetKeyRow(
                    "method", "HTTP method, in capitals.", defaultValue: "GET", example: "HEAD",
                    invalidExamples: ["get", "CONNECT", "\"G T\""],
                    schema: FleetSchema.pattern(
                        "^(?!(get|head|post|put|patch|delete|options|CONNECT)$)[A-Za-z0-9!#$%&'*+.^_`|~-]{1,32}$")),
                read: { value, settings in
                    if let text = value.text("a method such as GET") { settings.method = method(text, value) }
                }),
            FleetKey(
                FleetKeyRow(
                    "headers", "Headers to send. Values are never shown.", example: "{ Accept: text/html }",
                    invalidExamples: ["{ \"a b\": c }", "{ Content-Length: 1 }", "{ A: \"b\\nc\" }", "text/html"],
                    isSecret: true,
                    schema: [
                        "type": ["object", "null"],
                        "propertyNames": [
                            "pattern":
                                "^(?!([Cc]ontent-[Ll]ength|[Tt]ransfer-[Ee]ncoding|[Cc]onnection|[Uu]pgrade|[Ee]xpect|[Tt][Ee]|[Tt]railer)$)[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
                        ],
                        "additionalProperties": [
                            "type": ["string", "number", "boolean"],
                            "pattern": "^[^\\u0000-\\u0008\\n-\\u001f\\u007f]*$",
                        ],
                    ]), read: { value, settings in settings.headers = headers(value) }),
            FleetKey(
                FleetKeyRow(
                    "body", "Body to send, at most 64 KiB.", example: "ping", invalidExamples: ["[a]", "{ a: b }"],
                    schema: FleetSchema.text),
                read: { value, settings in
                    guard let text = value.text("the text to send") else { return }
                    settings.body = text.value
                    settings.bodyHidden = text.hidden()
                    if text.value.utf8.count > 65_536 { value.report(.range, "has more than 64 KiB") }
                }),
            key(
                "redirects", .integer(0...20, "how many redirects are followed, such as 5"), \.redirects,
                "How many redirects are followed; 0 judges the redirect itself.", defaultValue: "5", example: "0",
                invalidExamples: ["21", "all"]),
            key(
                "verify_tls", .bool, \.verifyTLS, "Whether certificates are checked.", defaultValue: "true",
                example: "false", invalidExamples: ["maybe"]),
            key(
                "paused", .bool, \.paused, "Whether no pings are made; the check stays in the list.",
                defaultValue: "false",
                example: "true", invalidExamples: ["maybe"]),
        ], schemaBesides: [.init("not", ["required": ["warmth", "every"]])],
        finish: { settings, said in
            if said.has("warmth"), said.has("every") {
                said.report(.conflict, "says the interval, and so does `every`; leave one of them out", at: "warmth")
            }
            for (key, limit) in [
                ("connect_timeout", settings.connectTimeout), ("tls_timeout", settings.tlsTimeout),
            ] {
                if let limit, let timeout = settings.timeout, limit > timeout {
                    said.report(.conflict, "is longer than the timeout of \(timeout.text) it is a part of", at: key)
                }
            }
            if let recheck = settings.recheck, let every = settings.every, recheck > every {
                said.report(
                    .conflict,
                    "is longer than the interval of \(every.text); a failing check is looked at sooner, not later",
                    at: "recheck")
            }
        })

    /// A key that reads into a setting, and notes where it was said.
    private static func key<Output>(
        _ name: String, _ type: FleetValue<Output>, _ path: any WritableKeyPath<CheckSettings, Output?> & Sendable,
        _ summary: String, defaultValue: String, example: String, invalidExamples: [String],
        note: @escaping @Sendable (Value, inout CheckSettings) -> Void = { _, _ in }
    ) -> FleetKey<CheckSettings> {
        FleetKey(
            FleetKeyRow(
                name, summary, defaultValue: defaultValue, range: type.range, example: example,
                invalidExamples: invalidExamples,
                schema: type.schema),
            read: { value, settings in
                if let read = type.read(value) { settings[keyPath: path] = read }
                note(value, &settings)
            })
    }

    private static let dayPattern =
        "(?:[Mm]on(?:day)?|[Tt]ue(?:sday)?|[Ww]ed(?:nesday)?|[Tt]hu(?:rsday)?|[Ff]ri(?:day)?|[Ss]at(?:urday)?|[Ss]un(?:day)?)"
    static let hoursSchema: JSONValue = {
        let days = "\(dayPattern)(-\(dayPattern))?"
        let time = "(([01]?[0-9]|2[0-3]):[0-5][0-9]|24:00)"
        return FleetSchema.pattern(
            "^(always|(\\s*(\(days)\\s*)?((,\\s*|\\s+)\(days))*\\s*\(time)-\(time)\\s*,?)+(\\s+[A-Za-z][A-Za-z0-9_+/-]*)?\\s*)$"
        )
    }()

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

/// What one `expect:` says; what it does not say keeps its default.
struct ExpectSettings: Sendable {
    var expect = Expectation()
    /// What variables put into the texts that are looked for.
    var hidden: [Secret] = []

    private static let common: [FleetKey<ExpectSettings>] = [
        FleetKey(
            FleetKeyRow(
                "status", "Accepted status codes.", defaultValue: "200-399",
                range: "`200`, `2xx`, `200-299` or a list of them", example: "[200, 204, 3xx]",
                invalidExamples: ["ok", "[]", "299-200", "600", "6xx"],
                schema: [
                    "anyOf": [
                        statusSchema, ["type": "array", "minItems": 1, "maxItems": 100, "items": statusSchema],
                    ]
                ]),
            read: { value, said in said.expect.status = Expectation.statuses(value) ?? said.expect.status }),
        FleetKey(
            FleetKeyRow(
                "text", "Text that must be in the body.", example: "pong", invalidExamples: ["\"\"", "[a]"],
                schema: FleetSchema.text),
            read: { value, said in
                let wanted = "text that must be in the answer"
                said.expect.text = value.string(wanted)
                if said.expect.text != nil { said.hidden += value.text(wanted)?.hidden() ?? [] }
            }),
        FleetKey(
            FleetKeyRow(
                "regex", "Regular expression that must match in the body.", example: "\"po+ng\"",
                invalidExamples: ["\"(a\"", "\"(?=a)\"", "\"(a)\\\\1\""], schema: FleetSchema.text),
            read: { value, said in
                guard let pattern = value.text("a regular expression"), !pattern.value.isEmpty else { return }
                do {
                    // For what it says about mistakes; it is matched by the one that cannot be kept busy for ever.
                    _ = try Regex(pattern.value)
                    _ = try LinearPattern(pattern.value)
                    said.expect.regex = pattern.value
                    said.hidden += pattern.hidden()
                } catch let refused as LinearPattern.Refused {
                    value.report(.value, "\(pattern.shown) is no pattern Stoker can match: \(refused.because)")
                } catch {
                    value.report(
                        .value,
                        pattern.substituted
                            ? "\(pattern.shown) is not a regular expression"
                            : "\(pattern.shown) is not a regular expression: \(Expectation.plain("\(error)"))")
                }
            }),
        FleetKey(
            FleetKeyRow(
                "json", "Paths into a JSON answer and the value each must have.", example: "{ $.database: connected }",
                invalidExamples: ["{ database: connected }", "{ \"$.*\": 1 }", "connected"],
                schema: [
                    "type": ["object", "null"],
                    "propertyNames": [
                        "pattern": "^\\$(\\.[^.\\[\\]*]+|\\[[0-9]+\\]|\\[\\\"[^\\\"]*\\\"\\]|\\['[^']*'\\])*$"
                    ],
                    "additionalProperties": ["type": ["string", "number", "boolean", "null"]],
                ]),
            read: { value, said in
                for entry in value.section(nil)?.entries ?? [] {
                    if let fault = JSONPath.fault(in: entry.key) {
                        value.reading.report(.value, fault, at: entry.keyMark, in: entry.value.place)
                    } else if let scalar = Expectation.scalar(entry.value) {
                        if case .scalar = entry.value.node, !entry.value.isNull {
                            said.hidden += entry.value.text("a value")?.hidden() ?? []
                        }
                        said.expect.json.append(Expectation.JSONRule(path: entry.key, value: scalar))
                    }
                }
            }),
        FleetKey(
            "within", .duration(.milliseconds(1) ... .seconds(3_600), example: "800ms or 2s"), \.expect.within,
            "Longest time to the first byte; a slower answer is slow, not down.", example: "800ms",
            invalidExamples: ["2", "2h", "soon"]),
        FleetKey(
            "certificate_days", .integer(0...3_650, "days such as 14"), \.expect.certificateDays,
            "Fewest days the certificate must still be good for.", example: "14",
            invalidExamples: ["-1", "3651", "14d"]),
    ]

    /// What only one kind of check expects: one text or a list of them.
    private static func own(_ expectation: OwnExpectation) -> FleetKey<ExpectSettings> {
        FleetKey(
            FleetKeyRow(
                expectation.key, "\(expectation.summary).", example: expectation.sample,
                invalidExamples: expectation.invalidExamples,
                schema: FleetSchema.oneOrMany(
                    ["type": ["string", "number"]],
                    besides: [.init("minItems", 1), .init("maxItems", .integer(Int64(expectation.most)))])),
            read: { value, said in
                said.expect.own[expectation.key] =
                    texts(value, expectation, &said.hidden) ?? said.expect.own[expectation.key]
            })
    }

    private static func texts(_ value: Value, _ key: OwnExpectation, _ hidden: inout [Secret]) -> [String]? {
        guard let items = value.items(key.wanted) else { return nil }
        guard !items.isEmpty else {
            value.report(.missing, "is an empty list; expected \(key.wanted)")
            return nil
        }
        guard items.count <= key.most else {
            value.report(.range, "has \(items.count) entries; at most \(key.most) are looked for")
            return nil
        }
        let texts = items.map { item -> String? in
            guard let text = item.string(key.wanted) else { return nil }
            hidden += item.text(key.wanted)?.hidden() ?? []
            return text
        }
        return texts.contains(nil) ? nil : texts.compactMap(\.self)
    }

    static let table = FleetTable<ExpectSettings>(common + CheckKinds.ownExpectations.map(own))
    /// Keys that more than one kind of check takes.
    static let commonRows = common.map(\.row)

    private static let statusSchema: JSONValue = [
        "anyOf": [
            ["type": "integer", "minimum": 100, "maximum": 599],
            [
                "type": "string",
                "pattern": .string("^([1-5][0-9][0-9](-[1-5][0-9][0-9])?|[1-5][xX]{2})$|\(FleetSchema.variable)"),
            ],
        ]
    ]
}

extension Expectation {
    fileprivate static func plain(_ text: String) -> String {
        String(text.split(separator: "\n").first ?? "").prefix(120).description
    }

    fileprivate static func statuses(_ value: Value) -> [ClosedRange<Int>]? {
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

    fileprivate static func scalar(_ value: Value) -> JSONScalar? {
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
