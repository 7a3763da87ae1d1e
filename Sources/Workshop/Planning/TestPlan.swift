import StokerCore

/// What should be tested, by one question: cases with the lines they are about.
struct TestPlan: Sendable, Equatable {
    enum Level: String, Sendable { case unit, integration, system }
    struct Case: Sendable, Equatable {
        /// The same for the same case, wherever its lines move.
        var id: String
        var given: String
        var when: String
        var then: String
        var level: Level
        /// `path:line`.
        var evidence: [String]
        var file: String
        var line: Int
        var symbol: String

        var json: JSONValue {
            [
                "id": .string(id), "given": .string(given), "when": .string(when), "then": .string(then),
                "level": .string(level.rawValue), "evidence": .array(evidence.map { .string($0) }),
            ]
        }
    }
    var cases: [Case] = []
    var insights = Iteration.Insights()
    /// What was counted, a sentence each.
    var facts: [String] = []
    var notLookedAt: [String] = []

    /// Cases in a row.
    static let most = 10

    var json: JSONValue {
        [
            "targets": .array(
                cases.map {
                    ["file": .string($0.file), "lines": .string("\($0.line)"), "symbol": .string($0.symbol)]
                }), "cases": .array(cases.map(\.json)), "facts": .array(facts.map { .string($0) }),
            "not_looked_at": .array(notLookedAt.map { .string($0) }),
        ]
    }

    /// The same for the same cases.
    var fingerprint: String { String(Finding.sha256(cases.map(\.id).sorted().joined(separator: "\n")).prefix(16)) }
}

/// Makes plans for one commit: what deserves a test comes from the code and its history, most worked on first.
struct TestPlanner: Sendable {
    let view: RepositoryView
    let history: History?
    let sites: PlanSites

    init(view: RepositoryView, history: History?) {
        self.view = view
        self.history = history
        sites = PlanSites(view)
    }

    /// - Parameter perspective: one of the fifteen.
    func plan(_ perspective: String) -> TestPlan {
        var plan: TestPlan
        switch perspective {
        case "what_are_we_testing": plan = promises()
        case "failure_modes": plan = failures()
        case "integration_points": plan = touches()
        case "edge_cases": plan = edges()
        case "performance_impact":
            plan = of([.loop], level: .unit) { site in
                (
                    "\(site.symbol) with 1 and with 1,000 inputs", "it runs",
                    "the number of calls of `\(site.what)` grows no faster than the input"
                )
            }
        case "data_integrity":
            plan = of([.write, .sql], level: .integration) { site in
                (
                    "a process that is killed while \(site.symbol) writes by `\(site.what)`", "it starts again",
                    "the old state is there or the new one, never a part"
                )
            }
        case "error_handling":
            plan = of([.swallow], level: .unit) { site in
                (
                    "what `\(site.what)` catches in \(site.symbol) happens", "\(site.symbol) runs",
                    "somebody can see that it happened"
                )
            }
        case "user_experience":
            plan = of([.message], level: .system) { site in
                (
                    "a person who makes \(site.symbol) reach `\(site.what)`", "they read the output",
                    "it says what was wrong and what to do, and the exit status is asserted"
                )
            }
        case "security":
            plan = of([.trust], level: .unit) { site in
                (
                    "hostile text (`../`, quotes, 1 MB, control characters)",
                    "it reaches `\(site.what)` in \(site.symbol)", "it is refused or taken as text"
                )
            }
        case "coverage_strategy": plan = coverage()
        case "mocking_strategy": plan = mocks()
        case "ci_cd": plan = pipelines()
        case "test_pyramid": plan = pyramid()
        case "backwards_compatibility": plan = promises(isOfExports: true)
        case "big_picture": plan = bigPicture()
        default: plan = TestPlan()
        }
        if !sites.hasTests { plan.notLookedAt.append("The repository has no tests that are known by their names.") }
        if history == nil { plan.notLookedAt.append("What is worked on most is not known: the clone is shallow.") }
        plan.cases = Array(plan.cases.prefix(TestPlan.most))
        return plan
    }

    // MARK: Order

    /// Places in files that are worked on come first, and of those the ones that no test names.
    private func ranked(_ sites: [PlanSite]) -> [PlanSite] {
        let heat = Dictionary(grouping: sites, by: \.file).keys.reduce(into: [String: Double]()) { heat, file in
            heat[file] = history?.heat(of: file, at: view.head.time) ?? 0
        }
        var perFunction: [String: Int] = [:]
        return sites.filter { !$0.isTested && !$0.symbol.isEmpty }.sorted {
            let (a, b) = (heat[$0.file] ?? 0, heat[$1.file] ?? 0)
            return a != b ? a > b : ($0.file, $0.line) < ($1.file, $1.line)
        }.filter { site in
            // One function is not the whole plan.
            perFunction[site.file + site.symbol, default: 0] += 1
            return perFunction[site.file + site.symbol, default: 0] <= 2
        }
    }

    private func make(
        _ site: PlanSite, _ perspective: String, _ level: TestPlan.Level,
        _ words: (given: String, when: String, then: String)
    ) -> TestPlan.Case {
        TestPlan.Case(
            id: Finding.fingerprint(
                rule: "plan/\(perspective)/\(site.kind.rawValue)", path: site.file,
                symbol: "\(site.symbol) \(site.what)", lines: [Substring]()),
            given: Redaction.text(words.given), when: Redaction.text(words.when), then: Redaction.text(words.then),
            level: level,
            evidence: [site.place], file: site.file, line: site.line, symbol: site.symbol)
    }

    private func of(
        _ kinds: Set<PlanSite.Kind>, level: TestPlan.Level,
        _ words: (PlanSite) -> (given: String, when: String, then: String)
    ) -> TestPlan {
        let all = sites.sites(of: kinds)
        var plan = TestPlan()
        plan.cases = ranked(all).prefix(TestPlan.most).map {
            make($0, kinds.map(\.rawValue).sorted().joined(), level, words($0))
        }
        plan.facts = [
            "\(all.count.counted("place")), \(all.count { $0.isTested }) of them in functions that tests name"
        ]
        return plan
    }

    // MARK: Single questions

    private func failures() -> TestPlan {
        var plan = of([.raise], level: .unit) { site in
            (
                "what makes \(site.symbol) end with `\(site.what)`", "\(site.symbol) is called",
                "`\(site.what)` comes, and its message names the cause"
            )
        }
        plan.insights.lists[0] = ranked(sites.sites(of: [.raise])).prefix(20).map {
            "\($0.symbol) ends with \($0.what), which no test provokes (\($0.place))"
        }
        return plan
    }

    private func touches() -> TestPlan {
        let kinds: Set<PlanSite.Kind> = [.http, .sql, .process, .file, .environment, .clock, .chance]
        var plan = of(kinds, level: .integration) { site in
            (
                "\(Self.noun(site.kind)) that fails, is slow, or answers nonsense",
                "\(site.symbol) uses `\(site.what)`", "it ends in a known way within a known time"
            )
        }
        plan.insights.lists[1] = ranked(sites.sites(of: kinds)).prefix(20).map {
            "\($0.symbol) touches \(Self.noun($0.kind)) by \($0.what) (\($0.place))"
        }
        return plan
    }

    private static func noun(_ kind: PlanSite.Kind) -> String {
        switch kind {
        case .http: "a server"
        case .sql: "a database"
        case .process: "another program"
        case .file: "a file"
        case .environment: "the environment"
        case .clock: "the clock"
        case .chance: "chance"
        default: "the world"
        }
    }

    private func edges() -> TestPlan {
        var plan = of([.boundary], level: .unit) { site in
            (
                "a value just below, at, and just above the boundary `\(site.what)`", "\(site.symbol) is called",
                "each side does what is meant"
            )
        }
        plan.insights.lists[2] = ranked(sites.sites(of: [.boundary])).prefix(20).map {
            "\($0.symbol) changes at \($0.what) (\($0.place))"
        }
        return plan
    }

    /// Functions that others may call, and no test names.
    private func functions() -> [PlanSite] {
        var found: [PlanSite] = []
        for file in view.sources {
            guard let language = file.language else { continue }
            let code = CodeMask.masked(file.text, language).split(separator: "\n", omittingEmptySubsequences: false)
            for (number, line) in code.enumerated() {
                guard let name = PlanSites.definition(line, language), Self.isPublic(name, line, language) else {
                    continue
                }
                found.append(
                    PlanSite(
                        kind: .message, file: file.path, line: number + 1, symbol: name, what: "",
                        isTested: sites.isNamed(name)))
            }
        }
        return found
    }

    private static func isPublic(_ name: String, _ line: Substring, _ language: SourceLanguage) -> Bool {
        switch language {
        case .python, .ruby: !name.hasPrefix("_")
        case .go: name.first?.isUppercase == true
        case .swift: line.contains("public ") || line.contains("open ")
        case .rust: line.contains("pub ")
        case .javascript, .typescript: line.contains("export ")
        default: !line.contains("private ")
        }
    }

    private func promises(isOfExports: Bool = false) -> TestPlan {
        let all = functions()
        var plan = TestPlan()
        plan.cases = ranked(all).prefix(TestPlan.most).map { site in
            make(
                site, isOfExports ? "backwards_compatibility" : "what_are_we_testing", .unit,
                isOfExports
                    ? (
                        "the call of \(site.symbol) as it is today, with its defaults", "a later version runs it",
                        "it answers the same"
                    )
                    : (
                        "an ordinary input", "\(site.symbol) is called",
                        "it does what its name promises; no test names it today"
                    ))
        }
        plan.facts = ["\(all.count.counted("public function")), \(all.count { $0.isTested }) named by tests"]
        return plan
    }

    private func coverage() -> TestPlan {
        let fixes = functions().filter { site in history?.commits(of: site.file).contains { $0.isFix } ?? false }
        var plan = TestPlan()
        plan.cases = ranked(fixes).prefix(TestPlan.most).map { site in
            make(
                site, "coverage_strategy", .unit,
                (
                    "what the last fix of \(site.file) was about", "\(site.symbol) is called",
                    "the fault does not come back"
                ))
        }
        plan.facts = [
            "\(fixes.count.counted("public function")) in files that were mended, \(fixes.count { !$0.isTested }) without a test that names them"
        ]
        plan.notLookedAt = ["Which lines run was not measured."]
        return plan
    }

    /// Names that tests replace and that are not there any more.
    private func mocks() -> TestPlan {
        var plan = TestPlan()
        let names = Set(
            view.files.filter { $0.language == .python }.flatMap { file in
                file.text.split { !($0.isLetter || $0.isNumber || $0 == "_") }
            })
        var count = 0
        for file in view.files where file.role == .test && file.language == .python {
            for (number, line) in file.lines.enumerated() {
                guard let range = line.firstRange(of: "patch(") else { continue }
                let rest = line[range.upperBound...].drop { $0 == " " || $0 == "\"" || $0 == "'" }
                let path = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." }
                guard path.contains("."), let last = path.split(separator: ".").last else { continue }
                count += 1
                // It stands in the test itself; anywhere else it has to stand as well.
                let others = view.files.filter { $0.role == .source && $0.language == .python }
                guard names.contains(last), !others.contains(where: { $0.text.contains(last) }) else { continue }
                let site = PlanSite(
                    kind: .trust, file: file.path, line: number + 1, symbol: String(last), what: String(path),
                    isTested: false)
                plan.cases.append(
                    make(
                        site, "mocking_strategy", .integration,
                        (
                            "the real \(last)", "the test at \(site.place) runs without its patch of `\(path)`",
                            "it still passes: the name it replaces is not in the source any more"
                        )))
            }
        }
        plan.facts = [count.counted("patched name")]
        return plan
    }

    private func pipelines() -> TestPlan {
        var plan = TestPlan()
        for file in view.files where file.path.hasPrefix(".github/workflows/") {
            for (number, line) in file.lines.enumerated() {
                guard
                    let what = ["continue-on-error: true", "|| true", "|| exit 0"].first(where: { line.contains($0) }),
                    !line.trimmingPrefix(while: { $0.isWhitespace }).hasPrefix("#")
                else { continue }
                let site = PlanSite(
                    kind: .swallow, file: file.path, line: number + 1, symbol: "\(file.path)", what: what,
                    isTested: false)
                plan.cases.append(
                    make(
                        site, "ci_cd", .system,
                        (
                            "a step that fails", "the workflow reaches \(site.place)",
                            "the run is red, or `\(what)` says why it need not be"
                        )))
            }
        }
        plan.facts = ["\(view.files.count { $0.path.hasPrefix(".github/workflows/") }.counted("workflow"))"]
        return plan
    }

    private func pyramid() -> TestPlan {
        let files = view.files.filter { $0.role == .test && $0.language != nil }
        func isOf(_ words: [String]) -> (SourceFile) -> Bool {
            { file in words.contains { file.path.lowercased().contains($0) } }
        }
        let system = files.count(where: isOf(["e2e", "end_to_end", "endtoend", "system", "browser"]))
        let integration = files.count(where: isOf(["integration", "functional", "contract"]))
        var plan = of([.http, .sql, .process], level: .integration) { site in
            (
                "the real \(Self.noun(site.kind)), not a fake", "\(site.symbol) uses `\(site.what)`",
                "one test at this level shows that the two fit"
            )
        }
        plan.facts = [
            "\(files.count.counted("test file")): \(system) of the whole system, \(integration) of parts together, \(files.count - system - integration) others; seconds were not measured"
        ]
        return plan
    }

    /// The first two of each of the others, the most worked on first.
    private func bigPicture() -> TestPlan {
        let others = [
            "failure_modes", "edge_cases", "integration_points", "error_handling", "data_integrity", "security",
            "coverage_strategy",
        ]
        var seen: Set<String> = []
        let all = others.flatMap { self.plan($0).cases.prefix(2) }.filter { seen.insert($0.file + $0.symbol).inserted }
        var plan = TestPlan()
        plan.cases = all.sorted {
            let (a, b) = (
                history?.heat(of: $0.file, at: view.head.time) ?? 0, history?.heat(of: $1.file, at: view.head.time) ?? 0
            )
            return a != b ? a > b : $0.id < $1.id
        }
        plan.facts = ["the first of seven other plans, in the order of work on their files"]
        return plan
    }
}
