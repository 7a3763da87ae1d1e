import StokerCore

/// What is known of a Space that is ill, or of a log alone.
package struct DoctorEvidence: Sendable {
    /// What a visitor was answered.
    package struct Visit: Sendable {
        package var status: Int
        /// By the app, not by the platform's edge.
        package var isOfApp: Bool
        package var text: String

        package init(status: Int, isOfApp: Bool, text: String = "") {
            self.status = status
            self.isOfApp = isOfApp
            self.text = text
        }
    }
    /// Stage, pause, message and verdict, as the other users of the rules see them.
    package var state: Evidence
    package var abuseReason: String?
    package var runLog: LogText?
    package var buildLog: LogText?
    package var visit: Visit?
    /// The port that the platform sends visitors to; nil when it is not known, then 7860.
    package var appPort: Int?
    /// Names alone.
    package var secrets: Set<String>
    package var variables: Set<String>

    package init(
        state: Evidence = Evidence(), abuseReason: String? = nil, runLog: LogText? = nil, buildLog: LogText? = nil,
        visit: Visit? = nil, appPort: Int? = nil, secrets: Set<String> = [], variables: Set<String> = []
    ) {
        self.state = state
        self.abuseReason = abuseReason
        self.runLog = runLog
        self.buildLog = buildLog
        self.visit = visit
        self.appPort = appPort
        self.secrets = secrets
        self.variables = variables
    }
}

/// What the doctor found.
package struct DoctorReport: Sendable {
    /// A line that shows it.
    package struct Proof: Sendable, Equatable {
        package var source: FailureSignature.Source
        /// From 1; nil for what is no log.
        package var line: Int?
        /// Without secrets.
        package var text: String
    }

    package struct RankedCause: Sendable {
        package var rule: String
        package var name: String
        package var explanation: String
        package var fix: String
        /// nil when nothing of it can be done at a command line.
        package var command: String?
        package var verify: String?
        package var severity: FailureSignature.Severity
        /// What Stoker does about it by itself.
        package var automatic: String
        package var proof: [Proof]
        var rank: Int
        var place: Int
    }

    package enum Outcome: String, Sendable, CaseIterable {
        /// At least one cause.
        case found
        /// It failed, and no rule knows why.
        case unknown
        /// No sign of a failure.
        case nothing
    }

    /// The likeliest first.
    package var causes: [RankedCause] = []
    /// What shows that it failed, when no cause is known.
    package var unexplained: [Proof] = []

    /// A cause that only repeats that it failed explains nothing.
    package var outcome: Outcome {
        if causes.contains(where: { $0.rank > Doctor.mostGeneral }) { return .found }
        return causes.contains(where: { $0.severity >= .warn }) || !unexplained.isEmpty ? .unknown : .nothing
    }

    /// Whether something is wrong: what is on its way or asleep is not.
    package var hasProblem: Bool {
        outcome == .found && causes.contains { $0.rank > Doctor.mostGeneral && $0.severity >= .warn }
    }
}

/// Finds out why a Space fails, from its logs, its settings and the Hub's words. Says nothing where there is no proof.
package struct Doctor: Sendable {
    /// Rank up to which a cause only says that something failed.
    static let mostGeneral = 10

    private let file: RuleFile
    private let index: PatternIndex
    private let uses: [Use]

    /// What a pattern of the index is for.
    private enum Use: Sendable {
        case sign(RuleFile.Sign)
        case hit(Int, FailureSignature.Source)
        case near(Int), unless(Int), with(Int), without(Int)
    }

    /// With the rules that are compiled in.
    package static let standard = Doctor(.builtIn)

    /// Each rule, by its first evidence.
    package var rules: [FailureSignature] {
        var seen: Set<String> = []
        return file.signatures.filter { seen.insert($0.id).inserted }
    }

    package init(_ file: RuleFile) {
        self.file = file
        var patterns: [LinePattern] = []
        var uses: [Use] = []
        func add(_ list: [LinePattern], _ use: Use) {
            patterns += list
            uses += [Use](repeating: use, count: list.count)
        }
        for sign in RuleFile.Sign.allCases { add(file.signs[sign] ?? [], .sign(sign)) }
        for (number, signature) in file.signatures.enumerated() {
            for source in FailureSignature.Source.allCases {
                add(signature.evidence[source], .hit(number, source))
            }
            add(signature.evidence.near, .near(number))
            add(signature.evidence.unless, .unless(number))
            add(signature.evidence.with, .with(number))
            add(signature.evidence.without, .without(number))
        }
        index = PatternIndex(patterns)
        self.uses = uses
    }

    /// Linear in the length of the logs.
    package func diagnose(_ evidence: DoctorEvidence) -> DoctorReport {
        var causes: [DoctorReport.RankedCause] = []
        var unexplained: [DoctorReport.Proof] = []
        if let log = evidence.buildLog {
            let (found, rest) = TextScan(self, log, .build, evidence).build()
            causes += found
            unexplained += rest
        }
        if let log = evidence.runLog {
            let (found, rest) = TextScan(self, log, .run, evidence).run()
            causes += found
            unexplained += rest
        }
        if let message = evidence.state.message, !message.isEmpty {
            let text = LogText(message)
            causes += TextScan(self, text, .message, evidence).shortText()
            // The Hub puts the end of a log into its message.
            if causes.isEmpty, text.count > 0 {
                let isBuild = evidence.state.stage == .buildError
                let scan = TextScan(self, text, isBuild ? .build : .run, evidence, shownAs: .message)
                causes += isBuild ? scan.build().causes : scan.run().causes
            }
        }
        if let reason = evidence.abuseReason { causes += TextScan(self, LogText(reason), .abuse, evidence).shortText() }
        causes += ofState(evidence)
        causes += ofVisit(evidence)
        // The same cause from two sources is one, with the proof of both.
        var merged: [DoctorReport.RankedCause] = []
        for cause in causes {
            if let place = merged.firstIndex(where: { $0.rule == cause.rule }) {
                for proof in cause.proof where !merged[place].proof.contains(proof) && merged[place].proof.count < 8 {
                    merged[place].proof.append(proof)
                }
                continue
            }
            merged.append(cause)
        }
        merged.sort { ($0.rank, -$0.place) > ($1.rank, -$1.place) }
        let isExplained = merged.contains { $0.rank > Self.mostGeneral }
        return DoctorReport(causes: Array(merged.prefix(8)), unexplained: isExplained ? [] : unexplained)
    }

    /// What the Hub's stage and message mean: the rules that healing and waiting read.
    private func ofState(_ evidence: DoctorEvidence) -> [DoctorReport.RankedCause] {
        var found: [DoctorReport.RankedCause] = []
        let both = evidence.secrets.intersection(evidence.variables)
        if !both.isEmpty, let signature = signature("RT20") {
            let names = both.sorted().joined(separator: ", ")
            found.append(
                cause(
                    signature, ["name": names],
                    [.init(source: .state, line: nil, text: "variable and secret: \(names)")]))
        }
        guard let rule = DiagnosisRules.find(evidence.state) else { return found }
        var proof: [DoctorReport.Proof] = []
        if let stage = evidence.state.stage { proof.append(.init(source: .state, line: nil, text: "stage \(stage)")) }
        if let message = evidence.state.message, !message.isEmpty {
            proof.append(
                .init(source: .message, line: 1, text: Self.shown(String(message.prefix(while: { $0 != "\n" })))))
        }
        if proof.isEmpty { proof.append(.init(source: .state, line: nil, text: rule.brief)) }
        if let signature = signature(rule.id) { found.append(cause(signature, [:], proof)) }
        return found
    }

    private func ofVisit(_ evidence: DoctorEvidence) -> [DoctorReport.RankedCause] {
        guard let visit = evidence.visit else { return [] }
        var found = TextScan(self, LogText(visit.text), .http, evidence).shortText()
        for signature in file.signatures where !signature.statuses.isEmpty {
            guard signature.statuses.contains(visit.status),
                signature.evidence.isOfApp.map({ $0 == visit.isOfApp }) ?? true,
                signature.evidence[.http].isEmpty
            else { continue }
            found.append(
                cause(
                    signature, [:],
                    [
                        .init(
                            source: .http, line: nil,
                            text: "status \(visit.status) \(visit.isOfApp ? "from the app" : "from the platform")")
                    ]))
        }
        return found
    }

    private func signature(_ id: String) -> FailureSignature? { file.signatures.first { $0.id == id } }

    private func cause(
        _ signature: FailureSignature, _ kept: [String: String], _ proof: [DoctorReport.Proof], place: Int = 0
    ) -> DoctorReport.RankedCause {
        func filled(_ text: String) -> String {
            let isOfName = text.hasPrefix("{") || text.hasPrefix("`{")
            var text = text
            for (name, value) in kept { text = text.replacing("{\(name)}", with: Self.shown(value)) }
            // Not every pattern of a rule keeps the name.
            for (name, word) in Self.words where text.contains("{\(name)}") {
                text = text.replacing("`{\(name)}`", with: word).replacing("{\(name)}", with: word)
            }
            return isOfName ? Formatting.capitalized(text) : text
        }
        return DoctorReport.RankedCause(
            rule: signature.id, name: signature.name, explanation: filled(signature.cause), fix: filled(signature.fix),
            command: signature.command.isEmpty ? nil : signature.command,
            verify: signature.verify.isEmpty ? nil : signature.verify, severity: signature.severity,
            automatic: signature.automatic.isEmpty
                ? "N" : signature.automatic.map(\.rawValue).joined(separator: ", "), proof: proof, rank: signature.rank,
            place: place)
    }

    /// What stands for a name that was not kept.
    private static let words = [
        "module": "a package", "file": "a file", "path": "that folder", "name": "a setting",
        "requirement": "a requirement", "package": "such a package", "process": "see the proof", "host": "an address",
        "port": "a port", "app_port": "the Space's port", "image": "an image", "header": "a header",
    ]

    /// A line as it may be shown.
    static func shown(_ text: String) -> String {
        let text = Redaction.text(text).printable
        return text.count > 400 ? String(text.prefix(400)) + "…" : text
    }

    /// One text with every pattern that it matches, and what follows from them.
    private struct TextScan {
        let doctor: Doctor
        let log: LogText
        let source: FailureSignature.Source
        let shownAs: FailureSignature.Source
        let evidence: DoctorEvidence
        private var signs: [RuleFile.Sign: [Int]] = [:]
        private var listeners: [(line: Int, host: String, port: Int?)] = []
        private var hits: [(signature: Int, line: Int, kept: [String: String])] = []
        private var near: [Int: [Int]] = [:]
        private var unless: [Int: Set<Int>] = [:]
        private var with: [Int: [Int]] = [:]
        private var without: [Int: [Int]] = [:]
        private var noise: Set<Int> = []
        private var access: Set<Int> = []
        private var handled: Set<Int> = []
        private var inner: Set<Int> = []
        private var ordinary: Set<Int> = []
        private var warnings: Set<Int> = []
        private var tracebacks: Tracebacks

        init(
            _ doctor: Doctor, _ log: LogText, _ source: FailureSignature.Source, _ evidence: DoctorEvidence,
            shownAs: FailureSignature.Source? = nil
        ) {
            self.doctor = doctor
            self.log = log
            self.source = source
            self.shownAs = shownAs ?? source
            self.evidence = evidence
            tracebacks = Tracebacks(log, heads: [])
            for hit in doctor.index.hits(log) {
                switch doctor.uses[hit.pattern] {
                case .sign(let sign):
                    // "Is it running at http://localhost:8080?" asks.
                    if sign == .listening, log.folded[log.range(hit.line)].last == UInt8(ascii: "?") { continue }
                    signs[sign, default: []].append(hit.line)
                    if sign == .listening {
                        listeners.append((hit.line, hit.kept["host"] ?? "", hit.kept["port"].flatMap { Int($0) }))
                    }
                case .hit(let signature, let kind): if kind == source { hits.append((signature, hit.line, hit.kept)) }
                case .near(let signature): near[signature, default: []].append(hit.line)
                case .unless(let signature): unless[signature, default: []].insert(hit.line)
                case .with(let signature): with[signature, default: []].append(hit.line)
                case .without(let signature): without[signature, default: []].append(hit.line)
                }
            }
            noise = Set(signs[.noise] ?? [])
            access = Set(signs[.access] ?? [])
            handled = Set(signs[.handled] ?? [])
            inner = Set(signs[.inner] ?? [])
            ordinary = Set(signs[.ordinary] ?? [])
            warnings = Set(signs[.warning] ?? [])
            let heads = (signs[.crashed] ?? []).filter { log[$0].contains("Traceback (most recent call last)") }
            var last = -1
            tracebacks = Tracebacks(
                log,
                heads: heads.filter { line in
                    defer { last = line }
                    return line != last
                })
        }

        private func lines(_ sign: RuleFile.Sign, _ range: Range<Int>) -> [Int] {
            // Several patterns of a sign may stand on one line.
            var last = -1
            return (signs[sign] ?? []).filter { line in
                defer { last = line }
                return line != last && range.contains(line)
            }
        }

        private func proof(_ line: Int) -> DoctorReport.Proof {
            DoctorReport.Proof(source: shownAs, line: log.number(line), text: Doctor.shown(log[line].trimmed))
        }

        /// Whether a hit meets the conditions of its rule, wherever it stands.
        private func isEvidence(_ hit: (signature: Int, line: Int, kept: [String: String]), _ range: Range<Int>) -> Bool
        {
            let signature = doctor.file.signatures[hit.signature]
            guard range.contains(hit.line), !noise.contains(hit.line), !tracebacks.quoted.contains(hit.line) else {
                return false
            }
            if access.contains(hit.line), !signature.evidence.isLoud { return false }
            if unless[hit.signature]?.contains(hit.line) == true { return false }
            if !signature.evidence.near.isEmpty {
                let close = (hit.line - 30)...(hit.line + 8)
                // What another program of the container printed between its lines is not near.
                let source = log.program(hit.line)
                guard near[hit.signature]?.contains(where: { close.contains($0) && log.program($0) == source }) == true
                else { return false }
            }
            if !signature.evidence.with.isEmpty, with[hit.signature]?.contains(where: range.contains) != true {
                return false
            }
            if without[hit.signature]?.contains(where: range.contains) == true { return false }
            if !signature.evidence.stages.isEmpty {
                guard let stage = evidence.state.stage, signature.evidence.stages.contains(stage.rawValue) else {
                    return false
                }
            }
            if signature.evidence.listens != nil { return false }
            return true
        }

        /// Causes of a short text, such as a message or an answer: every line of it counts.
        func shortText() -> [DoctorReport.RankedCause] { causes(hits.filter { isEvidence($0, 0..<log.count) }) }

        private func causes(_ hits: [(signature: Int, line: Int, kept: [String: String])]) -> [DoctorReport.RankedCause]
        {
            var order: [Int] = []
            var grouped: [Int: (kept: [String: String], lines: [Int])] = [:]
            for hit in hits {
                if grouped[hit.signature] == nil {
                    order.append(hit.signature)
                    grouped[hit.signature] = (hit.kept, [hit.line])
                } else if let lines = grouped[hit.signature]?.lines {
                    if !lines.contains(hit.line), lines.count < 4 { grouped[hit.signature]?.lines.append(hit.line) }
                    // The pattern that keeps a name may be another one than the first.
                    grouped[hit.signature]?.kept.merge(hit.kept) { first, _ in first }
                }
            }
            return order.compactMap { number in
                grouped[number].map { group in
                    doctor.cause(
                        doctor.file.signatures[number], group.kept, group.lines.map(proof),
                        place: group.lines.first ?? 0)
                }
            }
        }

        // MARK: Builds

        func build() -> (causes: [DoctorReport.RankedCause], unexplained: [DoctorReport.Proof]) {
            let begin = signs[.queued]?.last(where: { $0 + 2 < log.count }) ?? 0
            let range = begin..<log.count
            let failed = lines(.unbuilt, range).filter { !noise.contains($0) && !handled.contains($0) }
            let built = lines(.built, range).last ?? -1
            let isFailed = evidence.state.stage == .buildError || shownAs == .message
            // A build that went on to its end did not fail at what it printed before.
            let counted = hits.filter { hit in
                guard isEvidence(hit, range) else { return false }
                let signature = doctor.file.signatures[hit.signature]
                if signature.evidence.isAlways { return true }
                if handled.contains(hit.line), !signature.evidence.isLoud { return false }
                // The end of a log that was cut off counts, too.
                let isLast = built < 0 && hit.line >= log.count - 30
                return hit.line > built && (isFailed || !failed.isEmpty || isLast)
            }
            let found = causes(counted)
            let open = failed.filter { $0 > built }
            return (found, found.isEmpty ? open.prefix(3).map(proof) : [])
        }

        // MARK: Running apps

        private typealias Hit = (signature: Int, line: Int, kept: [String: String])
        /// Lines at the end of a log in which a program that died tells why.
        private static let lastWords = 60
        /// Lines that a program without an end may print behind what it failed at.
        private static let mostBehind = 1
        /// Rank from which a rule names one certain failure.
        private static let special = 50

        func run() -> (causes: [DoctorReport.RankedCause], unexplained: [DoctorReport.Proof]) {
            let boots = (signs[.boot] ?? []).filter { $0 < log.count }
            var end = log.count
            // The last container, or the one before when that has said nothing yet.
            for boot in boots.reversed() + (boots.first == 0 ? [] : [0]) {
                let range = boot..<end
                let found = run(range)
                if !found.causes.isEmpty || !found.unexplained.isEmpty || !lines(.alive, range).isEmpty
                    || !lines(.listening, range).isEmpty || range.count > 6
                {
                    return found
                }
                end = boot
            }
            return boots.isEmpty ? run(0..<log.count) : ([], [])
        }

        private func run(_ range: Range<Int>) -> (causes: [DoctorReport.RankedCause], unexplained: [DoctorReport.Proof])
        {
            let failing = lines(.failing, range)
            let alive = (lines(.alive, range) + lines(.listening, range)).sorted()
            let lastAlive = alive.last ?? -1
            let firstAlive = alive.first ?? -1
            let recovered = lines(.recovered, range).last ?? -1
            let ending = Set(lines(.ending, range))
            let goesOn = (lines(.ordinary, range) + lines(.warning, range)).filter {
                !ending.contains($0) && !inner.contains($0)
            }.sorted()
            let ordinaryLines = lines(.ordinary, range).filter { !ending.contains($0) }
            let ends = lines(.crashed, range).filter {
                !access.contains($0) && (!handled.contains($0) || log[$0].contains("CRITICAL"))
            }
            // A traceback that was logged, and behind which work goes on to the end, ended nothing.
            let lastEnd = ends.last { tracebacks.block(of: $0) == nil } ?? -1
            let crashes = ends.filter { line in
                guard let block = tracebacks.block(of: line) else { return true }
                return lastEnd > block.end || !isLogged(block)
                    || linesBehind(block.end, range, ending) <= Self.mostBehind
                    || (goesOn.count { $0 > block.end } < 2 && ending.contains { $0 > block.end })
            }
            let isDead = evidence.state.stage?.isFailed == true || shownAs == .message
            // The Hub says that it runs, and no visitor met anything else.
            let isWell = evidence.state.stage?.isServing == true && evidence.state.cause == nil
            var repeats: [Int: Int] = [:]
            var lastLine: [Int: Int] = [:]
            for hit in hits where range.contains(hit.line) && lastLine[hit.signature] != hit.line {
                lastLine[hit.signature] = hit.line
                repeats[hit.signature, default: 0] += 1
            }
            func count(_ hit: Hit, isLast: Bool) -> Bool {
                guard isEvidence(hit, range) else { return false }
                let signature = doctor.file.signatures[hit.signature]
                if signature.evidence.isAlways { return true }
                if ordinary.contains(hit.line) { return false }
                if !isLast, isHandled(hit.line, range), !signature.evidence.isLoud { return false }
                let logged = tracebacks.block(of: hit.line).flatMap { isLogged($0) ? $0.end : nil }
                // An app that serves and logs an exception goes on: then a request must have failed.
                let isOfRequest =
                    tracebacks.block(of: hit.line).flatMap { lineBefore($0.first) }.map(failing.contains) ?? false
                let goesOnServing =
                    logged != nil && lastAlive >= 0 && lastEnd < hit.line && !isDead && !isOfRequest
                if hit.line > lastAlive, !goesOnServing, !isWell {
                    // Ordinary work behind it, and no end: the program went on. Without an end, what it said last tells.
                    let after = goesOn.count { $0 > logged ?? hit.line }
                    // What it met long before its end, and worked on, is not what it died of.
                    let died = crashes.contains { crash in
                        crash >= hit.line - 60
                            && (crash <= hit.line
                                || ordinaryLines.count { $0 > hit.line && $0 < crash } < 3
                                    && !(tracebacks.block(of: hit.line) == nil && tracebacks.block(of: crash) != nil
                                        && linesBehind(hit.line, hit.line..<crash, ending, upTo: 5) > 5))
                    }
                    return isDead || died
                        || (after < 1 && recovered < hit.line
                            && linesBehind(hit.line, range, ending) <= Self.mostBehind)
                }
                guard signature.evidence.isOfServing, recovered < hit.line else { return false }
                // What the start lived on with, when no request failed behind it.
                if hit.line < firstAlive, !failing.contains(where: { $0 > firstAlive }) { return false }
                // The request's own line stands before a long traceback.
                let start = tracebacks.block(of: hit.line)?.first ?? hit.line
                if failing.contains(where: { ($0 >= start - 80) && ($0 <= hit.line + 80) }) { return true }
                guard isError(hit.line), tracebacks.block(of: hit.line) == nil, !isAnswered(hit.line) else {
                    return false
                }
                // What is general tells of one bad moment, when it comes once.
                return signature.rank >= Self.special || (repeats[hit.signature] ?? 0) >= 3
            }
            var counted = hits.filter { count($0, isLast: false) }
            if counted.isEmpty {
                // It died, and gave no other reason than what it had warned of right before.
                let end = (range.last { !log.isBlank($0) } ?? 0) - Self.lastWords
                let died = isDead || crashes.contains { $0 > lastAlive }
                // The last but one line of ordinary work: what was warned of before it was lived on with.
                let lastWork = ordinaryLines.dropLast().last ?? -1
                if died {
                    counted = hits.filter {
                        $0.line > max(lastAlive, recovered, end, lastWork) && count($0, isLast: true)
                            && (!inner.contains($0.line) || tracebacks.block(of: $0.line)?.end == $0.line)
                    }
                }
            }
            counted.sort { ($0.line, $0.signature) < ($1.line, $1.signature) }
            var found = causes(counted)
            // Where it listened is no matter when it died behind that.
            let hasDied = counted.contains { hit in
                hit.line > lastAlive && !(ordinary.contains(hit.line)) && crashes.contains { $0 >= hit.line - 60 }
            }
            if !hasDied || lastAlive < 0 { found += listening(range) }
            guard found.isEmpty else { return (found, []) }
            var open = crashes.filter { $0 > lastAlive }
            // It goes on, and requests fail again and again.
            if open.isEmpty, failing.count >= 3, failing.count * 5 >= alive.count {
                open = crashes.filter { line in failing.contains { abs($0 - line) <= 80 } }
                if open.isEmpty { open = failing }
            }
            return ([], open.suffix(3).map { proof(endOfTraceback($0)) })
        }

        /// The line that names the exception, for the head of a Python traceback; the line itself for any other.
        private func endOfTraceback(_ line: Int) -> Int { tracebacks.block(of: line)?.end ?? line }

        /// How many lines of its own the program printed behind this one, up to `most` and one; what belongs to it and a good-bye are none.
        private func linesBehind(
            _ line: Int, _ range: Range<Int>, _ ending: Set<Int>, upTo most: Int = mostBehind
        ) -> Int {
            let program = log.program(line)
            var count = 0
            var at = (tracebacks.block(of: line)?.end ?? line) + 1
            while at < range.upperBound, count <= most {
                let isOwn = log.program(at) == program && !log.isIndented(at) && !log.isBlank(at)
                if isOwn, isJSON(at) == isJSON(line), !ending.contains(at), !noise.contains(at) { count += 1 }
                at += 1
            }
            return count
        }

        /// The line before that the same program printed, close by.
        private func lineBefore(_ line: Int) -> Int? {
            let program = log.program(line)
            return ((line - 5)..<line).last { before in
                before >= 0 && log.program(before) == program && isJSON(before) == isJSON(line)
            }
        }

        /// JSON between lines that are none is another program's.
        private func isJSON(_ line: Int) -> Bool { log.folded[log.content(line)].first == UInt8(ascii: "{") }

        /// Whether a logger wrote the traceback: the program went on to write it.
        private func isLogged(_ block: Tracebacks.Block) -> Bool {
            if isJSON(block.head) { return true }
            guard let before = lineBefore(block.first) else { return false }
            let text = log[before].lowercased()
            return ["error", "warn", "exception", "failed"].contains(where: text.contains)
                || ["e 20", "w 20"].contains { Tracebacks.begins(log, before, $0) }
        }

        /// Whether the request that the line is logged for went well: its own line follows at once.
        private func isAnswered(_ line: Int) -> Bool {
            guard line + 1 < log.count, access.contains(line + 1), !log.isIndented(line) else { return false }
            return log[line + 1].contains(" 200")
        }

        private func isError(_ line: Int) -> Bool {
            let text = log[line].lowercased()
            return text.contains("error") || text.contains("critical") || text.contains("fatal")
        }

        /// Whether the line, or the one that introduces its traceback, says that the program goes on.
        private func isHandled(_ line: Int, _ range: Range<Int>) -> Bool {
            if handled.contains(line) || warnings.contains(line) { return true }
            // An exception is handled when the last one that followed from it is.
            guard let block = tracebacks.block(of: line) else { return false }
            let heads = [block.head, block.first]
            return heads.contains { head in
                if handled.contains(head) { return true }
                guard let before = lineBefore(head), range.contains(before), !log.isIndented(before) else {
                    return false
                }
                return handled.contains(before) || warnings.contains(before)
            }
        }

        // MARK: Ports

        /// Causes that lie in where the app listens.
        private func listening(_ range: Range<Int>) -> [DoctorReport.RankedCause] {
            let port = evidence.appPort ?? 7_860
            let all = listeners.filter {
                range.contains($0.line) && !handled.contains($0.line) && !access.contains($0.line)
                    && !inner.contains($0.line) && Self.isOwn($0.host)
            }
            // Behind a server of their own, the others listen where they like.
            if !lines(.proxy, range).isEmpty { return [] }
            if evidence.state.stage?.isServing == true, evidence.state.cause == nil { return [] }
            // A visitor from outside was answered.
            let visited = lines(.access, range).contains { line in
                let text = log[line]
                guard text.contains(" 200") || text.contains(" 304") || text.contains(" 302") else { return false }
                return !text.contains("127.0.0.1") && !text.contains("localhost") && text.contains { $0.isNumber }
                    && Self.hasAddress(text)
            }
            if visited { return [] }
            var found: [DoctorReport.RankedCause] = []
            let isMissing = evidence.state.message?.lowercased().contains("launch timed out") == true
            for signature in doctor.file.signatures {
                guard let listens = signature.evidence.listens else { continue }
                switch listens {
                case .loopback:
                    let here = all.filter { $0.port == nil || $0.port == port }
                    let open = here.filter { !Self.isLoopback($0.host) }
                    let own = all.filter { Self.isLoopback($0.host) }
                    guard open.isEmpty, let first = own.first(where: { $0.port == port }) ?? own.first,
                        !all.contains(where: { !Self.isLoopback($0.host) })
                    else { continue }
                    found.append(
                        doctor.cause(
                            signature, ["host": first.host, "port": "\(first.port ?? port)", "app_port": "\(port)"],
                            [proof(first.line)], place: first.line))
                case .elsewhere:
                    var open = all.filter { !Self.isLoopback($0.host) && $0.port != nil }
                    // The host in one line, the port in another.
                    if open.isEmpty, all.contains(where: { !Self.isLoopback($0.host) }) {
                        open = all.filter { $0.port != nil }
                    }
                    guard let first = open.first, !all.contains(where: { $0.port == port }) else { continue }
                    found.append(
                        doctor.cause(
                            signature, ["host": first.host, "port": "\(first.port ?? 0)", "app_port": "\(port)"],
                            [proof(first.line)], place: first.line))
                case .never:
                    guard all.isEmpty, isMissing else { continue }
                    let last = range.last(where: { !log.isBlank($0) })
                    found.append(doctor.cause(signature, ["app_port": "\(port)"], last.map { [proof($0)] } ?? []))
                }
            }
            return found
        }

        /// Whether a program may listen at such an address: any other is one that it calls.
        static func isOwn(_ host: String) -> Bool {
            host.isEmpty || isLoopback(host) || host.allSatisfy { $0.isHexDigit || ".:[]*".contains($0) }
        }

        static func isLoopback(_ host: String) -> Bool {
            HostAddress.isLoopback(host: host)
        }

        /// An IPv4 address stands in it: that of who asked.
        static func hasAddress(_ text: String) -> Bool {
            text.split(whereSeparator: { !($0.isNumber || $0 == ".") }).contains { word in
                word.split(separator: ".").count == 4 && word.split(separator: ".").allSatisfy { Int($0) != nil }
            }
        }
    }
}

extension String {
    fileprivate var trimmed: String {
        var text = self[...]
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
