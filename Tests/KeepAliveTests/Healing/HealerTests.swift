import Foundation
import StokerCore
import Testing

@testable import KeepAlive

@Suite struct HealerTests {
    struct Row: CustomTestStringConvertible, Sendable {
        var name, mode, stage, visitor, message, failures, past, decision: String
        var testDescription: String { name }
        static let all: [Row] = docsTable("healing.md", "healer table", columns: 8).map {
            Row(
                name: $0[0], mode: $0[1], stage: $0[2], visitor: $0[3], message: $0[4], failures: $0[5], past: $0[6],
                decision: $0[7])
        }
    }

    private static let now = Instant(seconds: 1_800_000_000)

    @Test func theTableIsThere() { #expect(Row.all.count >= 45) }

    @Test(arguments: Row.all) func row(_ row: Row) throws {
        var rule = HealRule()
        rule.mode = try #require(HealRule.Mode(rawValue: row.mode))
        let stage = row.stage == "unknown" ? SpaceStage(rawValue: "MELTING") : SpaceStage(rawValue: row.stage)
        let isDev = row.message == "(dev mode)"
        let facts = SpaceFacts(
            id: "a/b", stage: stage, errorMessage: row.message.isEmpty || isDev ? nil : row.message, devMode: isDev)
        let special: [String: Cause] = ["no name": .dnsNoSuchName, "incident": .platformIncident]
        let behaviour = SpaceVerdict.VisitorResult.allCases.first { $0.word == row.visitor }
        let cell = SpaceVerdict.cell(stage, behaviour ?? .unreachable)
        let silent = row.stage == "(silent)"
        let patient = Healer.FailingCheck(
            rule: rule, verdict: cell.verdict, cause: special[row.visitor] ?? cell.cause ?? .status,
            failures: try #require(Int(row.failures)), cell: silent ? nil : cell, facts: silent ? nil : facts)
        let words = row.past.split(separator: " ")
        let blank = try words.first { $0.hasPrefix("m") }.map {
            Self.now - (try #require(Duration(text: $0.dropFirst())))
        }
        let actions = try words.filter { !$0.hasPrefix("m") }.map { word in
            let steps: [Character: Healer.Step] = ["r": .restart, "f": .factoryRestart, "w": .wake]
            let (isAsked, word) = word.first == "p" ? (true, word.dropFirst()) : (false, word)
            return Healer.Past.Action(
                at: Self.now - (try #require(Duration(text: word.dropFirst()))),
                step: try #require(word.first.flatMap { steps[$0] }), isAsked: isAsked)
        }
        let text: String =
            switch Healer.decide(
                patient, Healer.Past(actions.sorted { $0.at < $1.at }, blankBefore: blank), now: Self.now)
            {
            case .nothing(let reason): "nothing: \(reason.rawValue)"
            case .suggest(let step): "suggest \(step.word)"
            case .act(let step): step.word
            case .exhausted(let how): "exhausted: \(how.rawValue)"
            }
        #expect(text == row.decision)
    }

    @Test func aSpaceThatMaySleepIsNotWoken() {
        let patient = Healer.FailingCheck(
            rule: HealRule(mode: .act), awake: .onDemand, verdict: .down, cause: .spaceError, failures: 9,
            cell: SpaceVerdict.cell(.sleeping, .inError), facts: SpaceFacts(id: "a/b", stage: .sleeping))
        #expect(Healer.decide(patient, Healer.Past(), now: Self.now) == .nothing(.mayUse))
    }

    /// Whatever happens in whatever order: no more than the budget in any six hours.
    @Test(arguments: 1...20) func theBudgetHoldsOverADay(seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        var past = Healer.Past()
        var at = Self.now
        let rule = HealRule(mode: .act)
        for _ in 0..<1_440 {
            at = at + .seconds(60)
            let stage = SpaceStage.known.randomElement(using: &random) ?? .running
            let behaviour = SpaceVerdict.VisitorResult.allCases.randomElement(using: &random) ?? .wrong
            let cell = SpaceVerdict.cell(stage, behaviour)
            let patient = Healer.FailingCheck(
                rule: rule, verdict: cell.verdict, cause: cell.cause ?? .status,
                failures: Int.random(in: 0...9, using: &random), cell: cell, facts: SpaceFacts(id: "a/b", stage: stage))
            if case .act(let step) = Healer.decide(patient, past, now: at) {
                past.actions.append(.init(at: at, step: step))
                #expect(!stage.isMoving && stage != .paused)
            }
        }
        #expect(!past.actions.isEmpty)
        for action in past.actions {
            let window = past.actions.filter { $0.at >= action.at && $0.at - action.at < rule.within }
            #expect(window.count { $0.step == .restart } <= 2)
            #expect(window.count { $0.step == .factoryRestart } <= 1)
        }
    }
}

@Suite struct PlatformIncidentDetectorTests {
    private static let now = Instant(seconds: 1_800_000_000)
    private func failing(_ ages: [Int], _ cause: Cause = .spaceRunningDead) -> [PlatformIncidentDetector.Failing] {
        ages.enumerated().map { .init(space: "a/s\($0)", cause: cause, began: Self.now - .seconds($1)) }
    }

    @Test func threeAlikeWithinTenMinutesAreThePlatform() {
        var watch = PlatformIncidentDetector()
        #expect(watch.look(failing([10, 20]), now: Self.now) == .init())
        #expect(watch.look(failing([10, 20, 600]), now: Self.now).began == [.spaceRunningDead: 3])
        #expect(Set(watch.incident.keys) == [.spaceRunningDead])
    }

    @Test func threeOverLongerAreNot() {
        var watch = PlatformIncidentDetector()
        #expect(watch.look(failing([0, 300, 601]), now: Self.now) == .init())
    }

    @Test func threeInDifferentWaysAreNot() {
        var watch = PlatformIncidentDetector()
        let mixed = failing([1, 2], .status) + [.init(space: "a/x", cause: .spaceCrashed, began: Self.now)]
        #expect(watch.look(mixed, now: Self.now) == .init())
    }

    @Test func threeMistakesOfTheirOwnersAreNot() {
        var watch = PlatformIncidentDetector()
        #expect(watch.look(failing([1, 2, 3], .spaceConfigError), now: Self.now) == .init())
    }

    @Test func itLastsAsLongAsThreeFailAndIsTheSameUnderItsNewName() {
        var watch = PlatformIncidentDetector()
        _ = watch.look(failing([1, 2, 3]), now: Self.now)
        #expect(watch.look(failing([1, 2, 3], .platformIncident), now: Self.now + .seconds(1_000)) == .init())
        #expect(!watch.incident.isEmpty)
        let end = watch.look(failing([1, 2], .platformIncident), now: Self.now + .seconds(1_060))
        #expect(end.ended == [.spaceRunningDead])
        #expect(watch.incident.isEmpty)
    }

    @Test func afterTwoHoursEachIsLookedAtForItself() {
        var watch = PlatformIncidentDetector()
        _ = watch.look(failing([1, 2, 3]), now: Self.now)
        #expect(watch.look(failing([1, 2, 3]), now: Self.now + .seconds(7_201)).ended == [.spaceRunningDead])
        #expect(
            watch.look(failing([1, 2, 3]), now: Self.now + .seconds(7_260)) == .init(), "and it does not begin anew")
    }
}
