import StokerCore
import Testing

@testable import Diagnosis

@Suite struct DoctorTests {
    private func run(_ text: String, port: Int? = nil, stage: SpaceStage? = nil, message: String? = nil)
        -> DoctorReport
    {
        Doctor.standard.diagnose(
            DoctorEvidence(state: Evidence(stage: stage, message: message), runLog: LogText(text), appPort: port))
    }
    private func build(_ text: String) -> DoctorReport {
        Doctor.standard.diagnose(DoctorEvidence(buildLog: LogText(text)))
    }

    @Test func theFileOfRulesIsRead() throws {
        _ = try RuleFile(builtIn: RuleFile.compiledIn())
        let rules = Doctor.standard.rules
        #expect(rules.count >= 122)
        for rule in rules {
            for text in [rule.cause, rule.fix] {
                #expect(text.hasSuffix(".") || text.hasSuffix("?"), "\(rule.id): \(text)")
            }
            #expect(!rule.name.hasSuffix("."), "\(rule.id)")
        }
    }

    /// What may be done by itself is said in the file, and done by the rules that healing reads: both say the same.
    @Test func whatHealingDoesIsWhatTheRulesSay() {
        for rule in DiagnosisRules.all {
            guard let told = Doctor.standard.rules.first(where: { $0.id == rule.id }) else {
                Issue.record("\(rule.id) is no rule of the doctor")
                continue
            }
            let restarts = told.automatic.contains(.restart) || told.automatic.contains(.build)
            #expect(restarts == rule.restartHelps, "\(rule.id)")
            #expect(rule.remedy.filter { !"“”".contains($0) } == told.fix.filter { $0 != "`" }, "\(rule.id)")
        }
    }

    @Test func everyMistakeOfAFileOfRulesIsToldWithItsPlace() throws {
        let text = """
            sings: { alive: [warm] }
            rules:
              - { id: X1, name: a, cause: A., fix: B., bild: [abc] }
              - { id: X2, name: a, cause: A., fix: B., run: [ab] }
              - { id: x3, name: a, cause: A., fix: B., run: [abc] }
              - { id: X4, name: a, fix: B., run: [abc], severity: fatal, rank: 101 }
              - { id: X5, name: a, cause: A., fix: B. }
              - { id: X6, name: a, cause: A., fix: B., run: "a {b", evidence: [{ near: [abc], stages: [AWAKE] }] }
            """
        let problems = #expect(throws: FleetProblems.self) { try RuleFile(text, name: "own.yaml") }
        let told = (problems?.list ?? []).map(\.description)
        let expected = [
            "own.yaml:1:1:", "own.yaml:3:44:", "own.yaml:4:50:", "own.yaml:5:11:", "own.yaml:6:5:", "own.yaml:6:55:",
            "own.yaml:6:68:", "own.yaml:7:5:", "own.yaml:8:49:", "own.yaml:8:92:",
        ]
        for place in expected { #expect(told.contains { $0.hasPrefix(place) }, "\(place) in \(told)") }
    }

    @Test func rulesOfOtherFilesStandBesideTheBuiltInOnes() throws {
        let own = try RuleFile(
            """
            signs:
              alive: ["tide engine is warm"]
            rules:
              - id: X01
                name: The feed is gone
                cause: "The feed {feed} does not exist."
                fix: Name another feed.
                command: ""
                rank: 90
                run: "no such feed: {feed}"
              - { id: D01, name: A package, cause: "Ours: {module}.", fix: Ask us., run: "No module named '{module}'" }
            """, name: "own.yaml")
        let doctor = Doctor(RuleFile.builtIn.adding([own]))
        func first(_ text: String) -> DoctorReport.RankedCause? {
            doctor.diagnose(DoctorEvidence(runLog: LogText(text))).causes.first
        }
        let cause = try #require(first("starting\nfatal: no such feed: bremen"))
        #expect(cause.rule == "X01" && cause.explanation == "The feed bremen does not exist." && cause.command == nil)
        // Ours in place of the built-in one, and our sign of life.
        #expect(first("ModuleNotFoundError: No module named 'x'")?.explanation == "Ours: x.")
        #expect(first("ModuleNotFoundError: No module named 'x'\ntide engine is warm") == nil)
        #expect(first("exit code: 137")?.rule == "RT08")
    }

    @Test func aMissingPackageIsNamedWithItsLine() throws {
        let report = run(
            "Starting\nTraceback (most recent call last):\n  File \"app.py\", line 2, in <module>\n    import lightgbm\n\u{1B}[31mModuleNotFoundError: No module named 'lightgbm'\u{1B}[0m\n"
        )
        let cause = try #require(report.causes.first)
        #expect(cause.rule == "D01" && cause.explanation.contains("`lightgbm`"))
        #expect(cause.proof == [.init(source: .run, line: 5, text: "ModuleNotFoundError: No module named 'lightgbm'")])
        #expect(report.hasProblem)
    }

    @Test func whatAnAppLivedOnWithIsNoCause() {
        let text = """
            ERROR:root:xformers is not there, falling back to plain attention
            Traceback (most recent call last):
              File "app.py", line 6, in <module>
                import xformers
            ModuleNotFoundError: No module named 'xformers'
            INFO:     Application startup complete.
            INFO:     Uvicorn running on http://0.0.0.0:7860 (Press CTRL+C to quit)
            """
        #expect(run(text).outcome == .nothing)
        #expect(
            run("INFO:     10.2.3.4:0 - \"GET /docs/ModuleNotFoundError HTTP/1.1\" 404 Not Found").outcome == .nothing)
    }

    @Test func whatASourceLineSaysDidNotHappen() {
        let text = """
            Traceback (most recent call last):
              File "app.py", line 3, in save
                raise OSError(28, "No space left on device") if full else ValueError(row)
            ValueError: row 7
            """
        #expect(run(text).outcome == .unknown)
        #expect(
            run(text.replacing("ValueError: row 7", with: "OSError: No space left on device")).causes[0].rule == "RT09")
    }

    /// Behind prefixes, between lines of another program, in a chain: the exception is found, and its line is the proof.
    @Test func aTracebackIsReadWhereverItStands() {
        let lines = [
            "Traceback (most recent call last):", "  File \"app.py\", line 2, in <module>", "    load()",
            "ModuleNotFoundError: No module named 'lightgbm'", "",
            "The above exception was the direct cause of the following exception:", "",
            "Traceback (most recent call last):", "  File \"app.py\", line 4, in <module>", "    raise Broken() from e",
            "Broken: cannot start",
        ]
        for prefix in ["", "web-1  | ", "[web] ", "2026-11-30T08:00:00.120Z ", "2026-11-30T08:00:00.120Z stderr F "] {
            let text = lines.flatMap { [prefix + $0, "{\"level\":\"info\",\"logger\":\"sidecar\",\"msg\":\"ok\"}"] }
            let report = run(text.joined(separator: "\n"))
            #expect(report.causes.first?.rule == "D01", "\(prefix)")
            #expect(report.causes.first?.proof.first?.line == 7, "\(prefix)")
        }
    }

    /// What another program of the container prints is not near.
    @Test func anotherProgramsLinesAreNotNear() {
        let refused = "[web] ConnectionRefusedError: [Errno 111] Connection refused"
        #expect(run("[web] asking the store\n[redis] Ready to accept\n\(refused)").causes.first?.rule == "D27")
        #expect(run("[web] asking redis\n\(refused)").causes.first?.rule == "DB02")
    }

    @Test func workThatGoesOnShowsThatItLived() {
        let line = "2026-11-30 08:00:00 ERROR feed: [Errno 111] Connection refused"
        #expect(run(line).causes.first?.rule == "D27")
        #expect(run(line + "\n2026-11-30 08:00:09 INFO feed: 12 rows").outcome == .nothing)
        // Long before the end of another kind it is not the cause.
        let rows = (0..<4).map { "2026-11-30 08:00:0\($0) INFO row \($0)" }.joined(separator: "\n")
        let end = "Traceback (most recent call last):\n  File \"app.py\", line 3\nKeyError: 'level'"
        #expect(run("\(line)\n\(rows)\n\(end)").outcome == .unknown)
        // What the Hub says of the Space decides.
        #expect(run(line, stage: .runtimeError).causes.first?.rule == "D27")
        #expect(run(line, stage: .running).outcome == .nothing)
    }

    @Test func aCrashWithoutARuleIsUnknownWithTheLineThatNamesIt() {
        let report = run(
            "Traceback (most recent call last):\n  File \"app.py\", line 3, in <module>\n    row[\"station\"]\nKeyError: 'station'\n"
        )
        #expect(report.outcome == .unknown && !report.hasProblem)
        #expect(report.unexplained.map(\.text) == ["KeyError: 'station'"])
    }

    @Test func thePortIsComparedWithTheSpacesOwn() {
        let line = "INFO:     Uvicorn running on http://0.0.0.0:8000 (Press CTRL+C to quit)"
        #expect(run(line).causes.map(\.rule) == ["P01"])
        #expect(run(line, port: 8_000).outcome == .nothing)
        #expect(run("[INFO] Listening at: http://0.0.0.0:7860 (1)", port: 8_000).causes.map(\.rule) == ["P01"])
        #expect(run("* Running on local URL:  http://127.0.0.1:7860").causes.map(\.rule) == ["P02"])
        // Flask tells both when it listens everywhere.
        let flask =
            " * Running on all addresses (0.0.0.0)\n * Running on http://127.0.0.1:7860\n * Running on http://10.0.0.5:7860"
        #expect(run(flask).outcome == .nothing)
        // Visitors came through the outer server.
        let inner = "INFO success: nginx entered RUNNING state\nINFO:     Uvicorn running on http://127.0.0.1:8000"
        #expect(run(inner).outcome == .nothing)
    }

    @Test func theKindOfLogDecides() {
        #expect(build("RUN make\nThe command returned a non-zero code\nexit code: 137").causes.first?.rule == "B15")
        #expect(run("python app.py\nexit code: 137").causes.first?.rule == "RT08")
        #expect(run("ERROR: Could not find a version that satisfies the requirement x==9").outcome != .found)
    }

    @Test func aPortThatWasNeverOpenedOutranksTheTimeout() {
        let report = run(
            "* Running on local URL:  http://127.0.0.1:7860", stage: .runtimeError,
            message: "Launch timed out, workload was not healthy after 30 min")
        #expect(report.causes.map(\.rule).prefix(2) == ["P02", "RT06"])
    }

    @Test func theEndOfALogInTheHubsMessageIsRead() {
        let report = Doctor.standard.diagnose(
            DoctorEvidence(
                state: Evidence(
                    stage: .runtimeError,
                    message:
                        "Exit code: 1. Reason: Traceback (most recent call last):\nModuleNotFoundError: No module named 'pandas'"
                )))
        #expect(report.causes.first?.rule == "D01")
        #expect(report.causes.first?.proof.first?.source == .message)
    }

    @Test func oneNameAsVariableAndSecretIsNamed() {
        let report = Doctor.standard.diagnose(
            DoctorEvidence(
                state: Evidence(stage: .configError), secrets: ["A", "HF_TOKEN"], variables: ["B", "HF_TOKEN"]))
        #expect(report.causes.first?.rule == "RT20")
        #expect(report.causes.first?.proof.first?.text.contains("HF_TOKEN") == true)
    }

    @Test func aSpaceOnItsWayIsNotIll() {
        for stage in [SpaceStage.building, .appStarting, .sleeping] {
            let report = Doctor.standard.diagnose(DoctorEvidence(state: Evidence(stage: stage)))
            #expect(!report.causes.isEmpty && !report.hasProblem, "\(stage)")
        }
    }

    @Test func secretsOfALogAreNotShown() {
        let report = run(
            "ValueError: HF_TOKEN=hf_abcdefghijklmnopqrstuvwxyz0123456789 ModuleNotFoundError: No module named 'x'")
        #expect(report.causes.first?.proof.first?.text.contains("hf_abcdefghij") == false)
    }

    @Test func linesThatAreNoTextAndLongOnesAreNoTrouble() {
        let log = LogText(
            bytes: [0xFF, 0xFE, 0x1B, 0x5B, 0x0A, 0x1B] + Array(repeating: 0x61, count: 100_000) + [0x0A])
        #expect(log.count == 2)
        #expect(log[1].utf8.count == LogText.longestLine)
        #expect(LogText("").count == 0 && LogText("a").count == 1 && LogText("a\nb\n").count == 2)
        #expect(LogText("set: pipefail\r: invalid\r\n")[0] == "set: pipefail\\r: invalid")
    }
}
