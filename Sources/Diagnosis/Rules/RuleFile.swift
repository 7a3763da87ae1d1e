import StokerAssets
package import StokerCore

/// A file of rules, read: signs of life and of failure, and the rules. docs/doctor.md has the format; the built-in file is `diagnosis.yaml`.
package struct RuleFile: Sendable, Equatable {
    /// What lines say beside the causes; the keys of `signs` in the file.
    package enum Sign: String, CaseIterable, Sendable {
        case boot, queued, listening, inner, alive, failing, handled, ordinary, warning, recovered, access, crashed,
            ending,
            built, unbuilt, noise, proxy

        /// What a line with it says; ends with a period.
        var summary: String {
            switch self {
            case .boot: "A new container begins."
            case .queued: "A new build begins."
            case .listening: "A server tells where it listens: `{host}` and `{port}`, or one of the two."
            case .inner: "The line is about a server that visitors are not sent to, such as one for metrics."
            case .alive: "The app answers, or is ready."
            case .failing: "A request failed."
            case .handled: "The line tells that the program goes on."
            case .ordinary: "A line of ordinary work, of a level below warnings."
            case .warning: "A warning, which ends nothing."
            case .recovered: "What was wrong is well again."
            case .access: "A line about a request, which may hold anything."
            case .crashed: "The program died."
            case .ending: "The program ends in good order: no work."
            case .built: "The build is done."
            case .unbuilt: "The build failed."
            case .noise: "Put there by the platform; says nothing."
            case .proxy: "The outer server of several: what the others listen on is no matter."
            }
        }
    }

    var signs: [Sign: [LinePattern]] = [:]
    /// Each evidence of each rule.
    var signatures: [FailureSignature] = []
    /// What the Hub's stage and message and a visit mean; of the built-in file only.
    var states: [DiagnosisRule] = []
    /// What a person can do where a check has a cause; of the built-in file only.
    var advice: [Cause: String] = [:]

    /// No rules.
    package init() {}

    /// Every mistake of the file is reported with its place.
    /// - Parameter name: the file's name as the person gave it.
    package init(_ text: String, name: String) throws(FleetProblems) {
        try self.init(text, name: name, Self.ruleSection)
    }

    /// The file that is compiled in, whose rules have further keys.
    init(builtIn text: String) throws(FleetProblems) {
        try self.init(text, name: "diagnosis.yaml", Self.builtInSection)
    }

    private init(_ text: String, name: String, _ section: FleetSection<[RuleText]>) throws(FleetProblems) {
        let read = FleetFile.read(
            text: text, name: name, environment: [:], sections: .none.adding(Self.signSection).adding(section))
        switch read {
        case .success(let file):
            signs = file[Self.signSection].patterns
            let rules = file[section]
            signatures = rules.flatMap(\.signatures)
            states = rules.compactMap { DiagnosisRule($0) }
            for rule in rules { for cause in rule.advises { advice[cause] = rule.fix.quoted } }
        case .failure(let problems): throw problems
        }
    }

    /// With the rules of other files beside these. A rule of theirs takes the place of one with the same id.
    package func adding(_ others: [RuleFile]) -> RuleFile {
        var all = self
        for other in others {
            let ids = Set(other.signatures.map(\.id))
            all.signatures.removeAll { ids.contains($0.id) }
            all.signatures += other.signatures
            all.signs.merge(other.signs) { $0 + $1 }
        }
        return all
    }

    package var ids: Set<String> { Set(signatures.map(\.id)) }

    // MARK: The format

    private static let pattern = FleetValue<LinePattern>.parsed(
        "a pattern: text in pieces, such as Cannot reach {host}", pattern: ".{3,}", write: { $0.text }
    ) { text in
        do throws(LinePattern.Wrong) { return .success(try LinePattern(text)) } catch {
            return .failure(FleetValueFault(error.because))
        }
    }
    private static let patterns = FleetValue<[LinePattern]>.list(pattern, "patterns", limit: 500)

    /// The signs of a file.
    struct Signs: Sendable, Equatable {
        var patterns: [Sign: [LinePattern]] = [:]
        subscript(sign: Sign) -> [LinePattern] {
            get { patterns[sign] ?? [] }
            set { patterns[sign] = newValue }
        }
    }

    static let signTable = FleetTable<Signs>(
        Sign.allCases.map { sign in
            FleetKey(
                sign.rawValue, patterns, \Signs[sign], sign.summary, example: "[\"cache is warm\"]",
                invalidExamples: ["[ab]", "{ a: b }"])
        })
    private static let signSection = FleetSection(
        "signs", "What lines say beside the causes.", signTable, initial: Signs())

    /// What must show, and where.
    struct EvidenceText: Sendable, Equatable {
        var patterns: [FailureSignature.Source: [LinePattern]] = [:]
        var near: [LinePattern] = []
        var unless: [LinePattern] = []
        var with: [LinePattern] = []
        var without: [LinePattern] = []
        var stages: [String] = []
        var listens: FailureSignature.Listens?
        var status: [Int] = []
        var isOfApp: Bool?
        var isOfServing = false
        var isAlways = false
        var isLoud = false

        subscript(source: FailureSignature.Source) -> [LinePattern] {
            get { patterns[source] ?? [] }
            set { patterns[source] = newValue }
        }
        var isEmpty: Bool { patterns.allSatisfy { $0.value.isEmpty } && listens == nil && status.isEmpty }
    }

    /// The keys of an evidence, which a rule has as well for its first one.
    private static let evidenceKeys: [FleetKey<EvidenceText>] = {
        func patternKey(
            _ name: String, _ list: any WritableKeyPath<EvidenceText, [LinePattern]> & Sendable, _ summary: String
        ) -> FleetKey<EvidenceText> {
            FleetKey(
                name, patterns, list, summary, example: "[\"no such feed\"]",
                invalidExamples: ["[ab]", "\"*\"", "\"{ is open\""])
        }
        func flagKey(
            _ name: String, _ flag: any WritableKeyPath<EvidenceText, Bool> & Sendable, _ summary: String
        ) -> FleetKey<EvidenceText> {
            FleetKey(
                name, FleetValue<Bool>.bool, flag, summary, defaultValue: "false", example: "true",
                invalidExamples: ["maybe"])
        }
        var keys: [FleetKey<EvidenceText>] = []
        for source in FailureSignature.Source.allCases where source != .state {
            keys.append(patternKey(source.rawValue, \EvidenceText[source], source.summary))
        }
        keys.append(patternKey("near", \.near, "One of these must stand up to 30 lines before or 8 behind."))
        keys.append(patternKey("unless", \.unless, "None of these may stand on the same line."))
        keys.append(patternKey("with", \.with, "One of these must stand somewhere in the same log."))
        keys.append(patternKey("without", \.without, "None of these may stand in the same log."))
        keys.append(
            FleetKey(
                "stages", FleetValue<[String]>.list(stage, "stages of the Hub", limit: 20),
                \.stages, "Only in these stages of the Hub.", defaultValue: "any",
                example: "[RUNTIME_ERROR]", invalidExamples: ["[AWAKE]"]))
        keys.append(
            FleetKey(
                "listens", FleetValue<FailureSignature.Listens>.word, \.listens,
                "Where the app listens, against the Space's port: inside the container only, on another port, or nowhere.",
                example: "loopback", invalidExamples: ["elsewhere"]))
        keys.append(
            FleetKey(
                "status",
                FleetValue<[Int]>.list(.integer(100...599, "a status such as 503"), "status codes", limit: 20),
                \.status, "A visitor got one of these.", example: "[503]",
                invalidExamples: ["[99]", "[a]"]))
        keys.append(
            FleetKey(
                "of_app", FleetValue<Bool>.bool, \.isOfApp,
                "With `status`: given by the app, or by the platform's edge.", defaultValue: "either", example: "true",
                invalidExamples: ["maybe"]))
        keys.append(
            flagKey(
                "serving", \.isOfServing,
                "Also in an app that goes on answering, when a request fails. Otherwise a line counts when nothing shows that the app lived on."
            ))
        keys.append(flagKey("always", \.isAlways, "Counts whatever comes after it."))
        keys.append(
            flagKey(
                "loud", \.isLoud, "Also on lines about requests, and on those that say that the program goes on."))
        return keys
    }()

    static let stage = FleetValue<String>.text(
        "a stage of the Hub, such as RUNTIME_ERROR", pattern: "^[A-Z_]+$"
    ) { word in
        SpaceStage.known.contains { $0.rawValue == word } ? nil : "is no stage that Stoker knows"
    }

    /// A rule as it is written.
    struct RuleText: Sendable, Equatable {
        var id = ""
        var name = ""
        var cause = ""
        var fix = ""
        var command = "stoker space upload {space} ."
        var verify = "stoker space wait {space}"
        var severity = FailureSignature.Severity.error
        var automatic: [FailureSignature.Automatic] = []
        var rank = 50
        var state: String?
        var signs = DiagnosisRule.Signs()
        var shows: Cause?
        var advises: [Cause] = []
        var brief = ""
        var next: String?
        var restart = DiagnosisRule.Restart.never
        var own = EvidenceText()
        var evidence: [EvidenceText] = []

        var signatures: [FailureSignature] {
            let all = (own.isEmpty && !evidence.isEmpty ? [] : [own]) + evidence
            return all.map { evidence in
                FailureSignature(
                    id: id, name: name, cause: cause, fix: fix, command: command, verify: verify, severity: severity,
                    automatic: automatic, rank: rank, evidence: evidence)
            }
        }
    }

    private static let evidenceTable = FleetTable<EvidenceText>(evidenceKeys)

    private static let ownKeys: [FleetKey<RuleText>] =
        [
            FleetKey(
                "id",
                .text("an id such as X01", pattern: "^[A-Z][A-Z0-9-]{1,19}$") { id in
                    id.utf8.count <= 20 && id.utf8.first.map { (0x41...0x5A).contains($0) } == true
                        && id.utf8.count > 1
                        && id.utf8.allSatisfy { (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
                        ? nil : "is no id; write capitals, digits and -, such as X01"
                }, \.id, "Stable name. That of a built-in rule takes its place.", example: "X01",
                invalidExamples: ["x01"]),
            FleetKey(
                "name", FleetValue<String>.text("a few words"), \.name, "What is wrong in a few words, as a heading.",
                example: "The feed is gone", invalidExamples: ["[a]"]),
            FleetKey(
                "cause", .text("a sentence"), \.cause,
                "What is so, a sentence. `{name}` stands for what a pattern kept.",
                example: "\"The feed `{host}` does not exist.\"", invalidExamples: ["[a]"]),
            FleetKey(
                "fix", .text("a sentence"), \.fix, "What to do about it, a sentence.",
                example: "\"Name another feed.\"", invalidExamples: ["[a]"]),
            FleetKey(
                "command", .anyText("a command"), \.command,
                "The command that fixes it or leads on; `{space}` stands for the Space. Empty for none.",
                defaultValue: "`stoker space upload {space} .`", example: "\"stoker space restart {space}\"",
                invalidExamples: ["[a]"]),
            FleetKey(
                "verify", .anyText("a command"), \.verify,
                "The command that shows whether it is well again. Empty for none.",
                defaultValue: "`stoker space wait {space}`", example: "\"\"", invalidExamples: ["[a]"]),
            FleetKey(
                "severity", FleetValue<FailureSignature.Severity>.word, \.severity, "How bad it is.",
                defaultValue: "error",
                example: "warn", invalidExamples: ["fatal"]),
            FleetKey(
                "auto",
                FleetValue<[FailureSignature.Automatic]>.list(.word, "what may be done without a person", limit: 8),
                \.automatic,
                "What may be done without a person: R restart once, F build from scratch once, C change of configuration, D new commit, W wait, A tell. It is told, and changes nothing of what healing does.",
                defaultValue: "`N`, nothing", example: "[R, A]", invalidExamples: ["[X]"]),
            FleetKey(
                "rank", .integer(0...100, "a number such as 50"), \.rank,
                "The cause with more comes first: what is more specific has more. One up to 10 explains nothing.",
                defaultValue: "50", example: "60", invalidExamples: ["101", "high"]),
            FleetKey(
                "state", .text("a few words"), \.state,
                "In place of patterns, for the built-in rules: what Stoker sees in stage, settings, time or its own records.",
                example: "stage PAUSED", invalidExamples: ["[a]"]),
        ]
    private static let furtherKeys: [FleetKey<RuleText>] = [
        FleetKey(
            "evidence", FleetValue<[EvidenceText]>.list(.table(evidenceTable, EvidenceText()), "evidences", limit: 20),
            \.evidence,
            "Further ways in which it shows, each with its own patterns and conditions.",
            example: "[{ run: \"no such feed\", near: \"feed.py\" }]",
            invalidExamples: ["[a]", "[{ run: ab }]"])
    ]

    static let ruleTable = FleetTable<RuleText>(
        keys, finish: { rule, said in finish(&rule, said) })
    static let keys = ownKeys + evidenceKeys.map { $0.of(\RuleText.own) } + furtherKeys

    static func finish(_ rule: inout RuleText, _ said: FleetTableReport) {
        for key in ["id", "name", "cause", "fix"] where !said.has(key) {
            said.report(.missing, "`\(key)` is missing in \(rule.id.isEmpty ? "a rule" : rule.id)")
        }
        // What was said and is wrong is told already.
        let ways = FailureSignature.Source.allCases.map(\.rawValue) + ["listens", "status", "evidence", "when"]
        let isSaid = ways.contains { said.has($0) }
        if !isSaid {
            said.report(
                .missing,
                "\(rule.id.isEmpty ? "the rule" : rule.id) says nowhere how it shows; give it patterns, such as run: [Cannot reach {host}]"
            )
        }
    }

    private static let ruleSection = section(ruleTable)

    static func section(_ table: FleetTable<RuleText>) -> FleetSection<[RuleText]> {
        FleetSection(
            "rules", "One failure each.", FleetValue<[RuleText]>.list(.table(table, RuleText()), "rules", limit: 2_000),
            initial: [])
    }

    // MARK: The built-in rules

    /// The rules that are compiled in. A test reads them: a build with a wrong file knows no cause.
    package static let builtIn: RuleFile = (try? RuleFile(builtIn: compiledIn())) ?? RuleFile()

    /// The bytes that are compiled in.
    static func compiledIn() -> String {
        guard let file = stoker_asset_named("diagnosis.yaml")?.pointee else { return "" }
        return String(decoding: UnsafeBufferPointer(start: file.bytes, count: file.length), as: UTF8.self)
    }
}
