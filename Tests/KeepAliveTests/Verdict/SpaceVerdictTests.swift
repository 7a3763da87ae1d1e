import Foundation
import StokerCore
import Testing

@testable import KeepAlive

/// A table of a page in docs/, between `<!-- name -->` and `<!-- end -->`, without its head.
func docsTable(_ page: String, _ name: String, columns: Int) -> [[String]] {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "docs/\(page)")
    guard let text = try? String(contentsOf: file, encoding: .utf8), let start = text.range(of: "<!-- \(name) -->"),
        let end = text.range(of: "<!-- end -->", range: start.upperBound..<text.endIndex)
    else { return [] }
    return text[start.upperBound..<end.lowerBound].split(separator: "\n").dropFirst(2).compactMap { line in
        let cells = line.split(separator: "|", omittingEmptySubsequences: false)
            .map { $0.trimmingCharacters(in: .whitespaces) }
        return cells.count == columns + 2 ? Array(cells[1...columns]) : nil
    }
}

/// A row of the grid in docs/two-sources.md.
struct GridRow: CustomTestStringConvertible, Sendable {
    var stage, visitor, name, verdict, cause, heal, sources, said: String
    var testDescription: String { name }
    var knownStage: SpaceStage? { stage == "unknown" ? nil : SpaceStage(rawValue: stage) }
    var behaviour: SpaceVerdict.VisitorResult? { SpaceVerdict.VisitorResult.allCases.first { $0.word == visitor } }

    static let all: [GridRow] = docsTable("two-sources.md", "grid", columns: 8).map {
        GridRow(
            stage: $0[0], visitor: $0[1], name: $0[2], verdict: $0[3], cause: $0[4], heal: $0[5], sources: $0[6],
            said: $0[7])
    }
}

@Suite struct SpaceVerdictTests {
    static let now = Instant(seconds: 1_800_000_000)

    @Test func theGridIsWhole() {
        #expect(GridRow.all.count == 140)
        #expect(Set(GridRow.all.map(\.name)).count == 140, "every cell has a name of its own")
        #expect(Set(GridRow.all.map { $0.stage + $0.visitor }).count == 140)
        #expect(Set(SpaceVerdict.stages.compactMap(\.self)) == Set(SpaceStage.known))
    }

    @Test(arguments: GridRow.all) func cell(_ row: GridRow) throws {
        let cell = SpaceVerdict.cell(row.knownStage, try #require(row.behaviour))
        #expect(cell.name == row.name)
        #expect(cell.verdict.name == row.verdict)
        #expect((cell.cause.map(\.code) ?? "seen") == row.cause)
        #expect(cell.healing.rawValue == row.heal)
        #expect((cell.disagrees ? "disagree" : "agree") == row.sources)
        #expect(cell.said == row.said)
    }

    @Test func aStageThatNobodyKnowsLeavesTheVisitorsWord() {
        #expect(SpaceVerdict.cell(SpaceStage(rawValue: "MELTING"), .held) == SpaceVerdict.cell(nil, .held))
    }

    // MARK: Which source counts

    private static func word(
        _ stage: SpaceStage, read: Duration = .zero, since: Duration = .seconds(3_600), message: String? = nil,
        abuse: String? = nil, old: Duration? = nil
    ) -> SpaceVerdict.HubReading {
        SpaceVerdict.HubReading(
            facts: SpaceFacts(id: "a/b", stage: stage, errorMessage: message, abuse: abuse), readAt: now - read,
            stageSince: now - since, oldBuildSince: old.map { now - $0 })
    }
    private static let held = AttemptResult(outcome: .waking, cause: .spaceHeld, code: 504)

    /// The next ping comes before the next reading: what was proven is not taken back, but another cause needs its own proof.
    @Test func whatIsDownByBothStaysDownUntilTheHubIsReadAgain() {
        let word = Self.word(.running, read: .seconds(20))
        let began = Self.now - .seconds(10)
        func join(_ believed: Cause?) -> SpaceVerdict.Combined {
            SpaceVerdict.join(Self.held, word, troubleBegan: began, believed: believed, now: Self.now)
        }
        #expect(join(.spaceRunningDead).finding.outcome == .down)
        #expect(join(nil).finding.outcome == .waking)
        #expect(join(.status).finding.outcome == .waking)
    }

    @Test func runningButDeadIsDownAndNotWaking() {
        let combined = SpaceVerdict.join(
            Self.held, Self.word(.running), troubleBegan: Self.now - .seconds(60), now: Self.now)
        #expect(combined.finding.outcome == .down)
        #expect(combined.finding.cause == .spaceRunningDead)
        #expect(combined.cell?.healing == .restart)
        #expect(combined.finding.detail.contains("RUNNING"))
    }

    @Test(arguments: [
        (Duration.seconds(61), Duration.seconds(3_600)),  // read before the trouble
        (Duration.zero, Duration.seconds(59)),  // RUNNING for less than a minute
    ])
    func untilTheStageIsSureTheVisitorsWordHolds(read: Duration, since: Duration) {
        let combined = SpaceVerdict.join(
            Self.held, Self.word(.running, read: read, since: since), troubleBegan: Self.now - .seconds(60),
            now: Self.now)
        #expect(combined.finding == Self.held)
        #expect(combined.cell?.healing == .no)
    }

    @Test func anOldWordDoesNotCount() {
        let combined = SpaceVerdict.join(
            Self.held, Self.word(.running, read: .seconds(301)), troubleBegan: Self.now - .seconds(900), now: Self.now)
        #expect(combined == SpaceVerdict.Combined(finding: Self.held))
        #expect(
            SpaceVerdict.join(Self.held, nil, troubleBegan: Self.now, now: Self.now)
                == SpaceVerdict.Combined(finding: Self.held))
    }

    @Test(arguments: [("Flagged as abusive", nil), (nil, "cmdline match: ttyd")] as [(String?, String?)])
    func moderationOutranksEverything(message: String?, abuse: String?) {
        let word = Self.word(.paused, message: message, abuse: abuse)
        for outcome in [AttemptResult(outcome: .up, cause: .none, code: 200), Self.held] {
            let combined = SpaceVerdict.join(outcome, word, troubleBegan: Self.now, now: Self.now)
            #expect(combined.finding.cause == .spaceModerated)
            #expect(combined.finding.outcome == .down)
            #expect(!combined.pauses)
        }
    }

    @Test func theOwnersPauseIsNoOutageAndASpendingLimitIs() {
        let page = AttemptResult(outcome: .down, cause: .spacePaused, code: 503)
        let owner = SpaceVerdict.join(page, Self.word(.paused), troubleBegan: Self.now, now: Self.now)
        #expect(owner.pauses)
        #expect(owner.finding.outcome == .unknown)
        #expect(owner.finding.cause == .spacePausedByOwner)
        let limit = SpaceVerdict.join(
            page, Self.word(.paused, message: "Spending limit of the resource group reached"), troubleBegan: Self.now,
            now: Self.now)
        #expect(!limit.pauses)
        #expect(limit.finding.outcome == .down)
        #expect(limit.finding.cause == .spaceSpendLimit)
    }

    @Test func anotherCommitThanTheNewestIsToldAfterTenMinutes() {
        let good = AttemptResult(outcome: .up, cause: .none, code: 200)
        func cause(_ old: Duration) -> Cause {
            SpaceVerdict.join(good, Self.word(.running, old: old), troubleBegan: Self.now, now: Self.now).finding.cause
        }
        #expect(cause(.seconds(599)) == .none)
        #expect(cause(.seconds(600)) == .spaceOldBuild)
    }

    @Test func whatFailsWithThePlatformIsCalledSo() {
        let down = AttemptResult(outcome: .down, cause: .status, code: 500)
        let combined = SpaceVerdict.join(
            down, Self.word(.running), troubleBegan: Self.now - .seconds(90), incident: [.status], now: Self.now)
        #expect(combined.finding.cause == .platformIncident)
    }

    @Test func everyCauseThatAPingCanHaveIsOneOfTheTen() {
        let neither: Set<Cause> = [
            .spaceModerated, .selfOffline, .selfOverloaded, .invalidAddress, .heartbeatFailed, .heartbeatMissed,
            .heartbeatOverran, .ledgerDamaged,
        ]
        let ofBoth: Set<Cause> = [
            .spaceRunningDead, .spaceOldBuild, .spaceAsleep, .spacePausedByOwner, .spaceSpendLimit, .platformIncident,
            .spaceBuildFailed, .spaceConfigError, .spaceNoApp, .spaceCrashed, .spaceDeleting, .hubLags,
            .spaceNeedsToken,
        ]
        for cause in Cause.allCases {
            let found = SpaceVerdict.behaviour(of: AttemptResult(outcome: .down, cause: cause)) != nil
            #expect(found == (!neither.contains(cause) && !ofBoth.contains(cause)), "\(cause)")
        }
    }

    // MARK: Facts

    @Test func whyASpaceIsPaused() {
        #expect(SpaceFacts(id: "a/b", stage: .running).pauseReason == nil)
        #expect(SpaceFacts(id: "a/b", stage: .paused).pauseReason == .owner)
        #expect(SpaceFacts(id: "a/b", stage: .paused, errorMessage: "Flagged as abusive").pauseReason == .moderation)
        #expect(SpaceFacts(id: "a/b", stage: .running, abuse: "RepoScanner").pauseReason == .moderation)
        #expect(SpaceFacts(id: "a/b", stage: .paused, errorMessage: "Billing issue").pauseReason == .spendLimit)
        let free = SpaceFacts(id: "a/b", stage: .paused, errorMessage: "Payment API", hardware: "cpu-basic")
        #expect(free.pauseReason == .owner, "what costs nothing has no spending limit")
    }

    @Test func inDevModeNoBuildIsOld() {
        var facts = SpaceFacts(id: "a/b", runningSHA: "1", repoSHA: "2")
        #expect(facts.servesOldBuild == true)
        facts.devMode = true
        #expect(facts.servesOldBuild == nil)
        facts = SpaceFacts(id: "a/b", repoSHA: "2")
        #expect(facts.servesOldBuild == nil, "the Hub does not say what runs")
    }
}
