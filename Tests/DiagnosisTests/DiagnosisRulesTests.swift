import StokerCore
import Testing

@testable import Diagnosis

@Suite struct DiagnosisRulesTests {
    @Test func everyRuleHasAnIdOfItsOwn() {
        let ids = DiagnosisRules.all.map(\.id)
        #expect(Set(ids).count == ids.count)
        #expect(ids.allSatisfy { $0.contains(#/^(RT|P|ST|B|D|S|G|L)[0-9]{2}$/#) }, "\(ids)")
    }

    @Test(arguments: DiagnosisRules.all.map(\.id)) func aRuleSaysWhatToDo(id: String) throws {
        let rule = try #require(DiagnosisRules.all.first { $0.id == id })
        #expect(rule.remedy.hasSuffix(".") || rule.remedy.hasSuffix("?"), "a remedy is a sentence: \(rule.remedy)")
        #expect(rule.remedy.first?.isUppercase == true)
        #expect(!rule.brief.isEmpty && !rule.brief.hasSuffix(".") && rule.brief.first?.isUppercase == false)
        #expect(!rule.signs.isEmpty)
        #expect(rule.signs.messages.allSatisfy { $0 == $0.lowercased() && !$0.isEmpty })
        #expect(rule.next("acme/bot")?.contains("{") != true)
    }

    /// What a rule asks for is enough to find it, or one before it that is meant to be found first.
    @Test(arguments: DiagnosisRules.all.map(\.id)) func aRuleIsFoundByItsSigns(id: String) throws {
        let signs = try #require(DiagnosisRules.all.first { $0.id == id }).signs
        let messages =
            signs.isOfMessage
            ? signs.messages + signs.exitCodes.map { "Exit code: \($0.lowerBound). Reason:" }
            : [String?.none].map { $0 ?? "" }
        for message in messages {
            let evidence = Evidence(
                stage: signs.stages.first, pause: signs.pause, message: message, cause: signs.causes.first)
            #expect(DiagnosisRules.find(evidence)?.id == id, "\(message)")
        }
    }

    @Test(arguments: [
        ("Scheduling failure: not enough hardware capacity", "RT11"),
        ("Scheduling failure: unable to schedule", "RT10"),
        ("Launch timed out, workload was not healthy after 30 min", "RT06"), ("Memory limit exceeded (16Gi)", "RT07"),
        ("Workload evicted, storage limit exceeded (50G)", "RT09"), ("Exit code: 137. Reason: OOMKilled", "RT08"),
        ("Exit code: 0. Reason:", "RT14"), ("exit code 1: Traceback", "RT13"),
        ("Exit code: 1. Reason: containerd was in the log", "RT13"), ("Exit code: 128. Reason: error", "RT12"),
        ("containerd: no such task", "RT12"),
    ])
    func theHubsMessageIsExplained(message: String, id: String) {
        #expect(DiagnosisRules.find(message: message)?.id == id)
        #expect(DiagnosisRules.find(Evidence(stage: .runtimeError, message: message))?.id == id)
    }

    @Test func whatNobodyHasWrittenDownIsNotExplained() {
        #expect(DiagnosisRules.find(message: nil) == nil)
        #expect(DiagnosisRules.find(message: "") == nil)
        #expect(DiagnosisRules.find(message: "something new") == nil)
        #expect(DiagnosisRules.find(message: "exit code: 99999999999999999999999") == nil)
        #expect(DiagnosisRules.find(Evidence(stage: SpaceStage(rawValue: "MELTING"))) == nil)
        #expect(DiagnosisRules.find(Evidence()) == nil)
    }

    /// A pause is explained before what the Hub's message says of the time before it.
    @Test func aStopOnPurposeComesFirst() {
        let flagged = SpaceFacts(id: "a/b", stage: .paused, errorMessage: "Flagged as abusive. Exit code: 1")
        #expect(DiagnosisRules.find(Evidence(flagged))?.id == "RT03")
        #expect(DiagnosisRules.find(Evidence(SpaceFacts(id: "a/b", stage: .paused)))?.id == "RT02")
        let limit = SpaceFacts(
            id: "a/b", stage: .paused, errorMessage: "spending limit reached", hardware: "t4-small")
        #expect(DiagnosisRules.find(Evidence(limit))?.id == "ST01")
        for rule in DiagnosisRules.all where rule.signs.pause != nil { #expect(rule.restart == .never) }
    }

    /// What is left of an older failure says nothing of a Space that is on its way or runs.
    @Test func anOldMessageIsNotBelieved() {
        #expect(DiagnosisRules.find(Evidence(stage: .building, message: "Exit code: 1"))?.id == "ST05")
        #expect(DiagnosisRules.find(Evidence(stage: .running, message: "Exit code: 1")) == nil)
    }

    @Test(arguments: SpaceStage.known.filter { $0 != .running }) func everyStageButRunningIsExplained(stage: SpaceStage)
    {
        #expect(DiagnosisRules.find(Evidence(stage: stage)) != nil)
    }

    @Test func aRestartHelpsWhereTheAppIsTheTrouble() {
        #expect(
            Cause.allCases.filter { DiagnosisRules.restartHelps($0) } == [
                .spaceRunningDead, .spaceOldBuild, .spaceCrashed,
            ])
    }

    /// What a page or a message advises is the `fix` of one row.
    @Test func everyCauseOfACheckHasOneRow() throws {
        let text = RuleFile.compiledIn()
        for cause in Cause.allCases where cause != .none {
            let advice = try #require(DiagnosisRules.advice(cause), "\(cause)")
            #expect(advice.hasSuffix(".") || advice.hasSuffix("?"), "\(cause): \(advice)")
            #expect(!advice.contains("`") && !advice.contains("{"), "\(cause): \(advice)")
            let rows = text.split(separator: "\n").filter { line in
                line.firstRange(of: "advises: [").map {
                    line[$0.upperBound...].prefix { $0 != "]" }.split(separator: ", ").contains { $0 == cause.code }
                } == true
            }
            #expect(rows.count == 1, "\(cause.code): \(rows)")
        }
        #expect(DiagnosisRules.advice(.none) == nil)
    }

    /// A check that shows a cause gets the words of a rule that shows it.
    @Test func whatARuleShowsIsACauseWithARow() {
        for rule in DiagnosisRules.all { #expect(DiagnosisRules.advice(rule.cause) != nil, "\(rule.id)") }
        #expect(Set(DiagnosisRules.all.map(\.signs.order)) == [0, 1, 2, 3])
        #expect(DiagnosisRules.all.map(\.signs.order) == DiagnosisRules.all.map(\.signs.order).sorted())
    }

    /// What healing acts on is no key of files of others, and each mistake of it is told.
    @Test func theHubsSignsAreOfTheBuiltInFileAlone() throws {
        func rule(_ more: String) -> String {
            "rules: [ { id: X01, name: a, cause: A., fix: B., run: [abc], shows: space.crashed, brief: it is so, \(more) } ]"
        }
        let whole = rule("when: { message: [oomkilled], exit_codes: ['137', 3-5] }, restart: once")
        let read = try RuleFile(builtIn: whole).states
        #expect(read.map(\.id) == ["X01"] && read[0].restart == .once && read[0].signs.exitCodes == [137...137, 3...5])
        #expect(throws: FleetProblems.self) { try RuleFile(whole, name: "own.yaml") }
        for mistake in [
            "when: { message: [a], exit_codes: [5-3] }", "when: { stages: [AWAKE] }", "when: { visit: [gone] }",
            "when: { pause: never }", "when: { message: [a] }, restart: often", "advises: [space.gone]",
        ] {
            #expect(throws: FleetProblems.self, "\(mistake)") { try RuleFile(builtIn: rule(mistake)) }
        }
        #expect(throws: FleetProblems.self) {
            try RuleFile(builtIn: "rules: [ { id: X01, name: a, cause: A., fix: B., when: { message: [abc] } } ]")
        }
    }
}
