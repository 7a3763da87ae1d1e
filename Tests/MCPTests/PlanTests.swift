import MCP
import Operations
import StokerCore
import Synchronization
import Testing

/// What destroys or costs is done for a plan that a person saw: these inputs, this caller, this question, once, in time.
@Suite struct PlanTests {
    /// Deletes after a yes to its question.
    private static func deleting(
        _ question: @escaping @Sendable () -> String = { "Delete it?" },
        now: @escaping @Sendable () -> Instant = { ScriptedExecutor.now },
        _ done: @escaping @Sendable () -> Void
    ) -> ScriptedExecutor {
        ScriptedExecutor(
            now: now,
            [
                "delete-space": { (_, caller) throws(Failure) in
                    let asked = Question(.destroys, doing: "delete acme/bot", question())
                    try caller.principal.require(asked.reason.scope, doing: asked.doing)
                    try await caller.ask(asked)
                    done()
                    return ["space": "acme/bot", "deleted": true]
                }
            ])
    }

    private static let space: JSONValue = ["space_id": "acme/bot"]
    private static func with(_ plan: JSONValue?, _ space: String = "acme/bot") -> JSONValue {
        ["space_id": .string(space), "plan_id": plan ?? .null]
    }

    @Test func aPlanIsCarriedOutOnce() async throws {
        let done = Mutex(0)
        let wire = Wire(Self.deleting { done.withLock { $0 += 1 } })
        let plan = await wire.call("delete_space", Self.space).structured
        #expect(
            plan["done"] == false && plan["plan"]?["question"] == "Delete it?" && plan["plan"]?["reason"] == "destroys")
        #expect(plan["next_steps"]?.array?.first?.string?.contains("Nothing was changed") == true)
        #expect(done.withLock { $0 } == 0)
        // Whatever the order of the inputs.
        let gone = await wire.call("delete_space", ["plan_id": plan["plan_id"] ?? .null, "space_id": "acme/bot"])
        #expect(gone.structured["deleted"] == true && done.withLock { $0 } == 1)
        let again = await wire.call("delete_space", Self.with(plan["plan_id"]))
        #expect(again["isError"] == true && again.firstText.contains("carried out before"))
        #expect(done.withLock { $0 } == 1)
    }

    @Test func itIsForItsCallerAndInputsOnly() async throws {
        let done = Mutex(0)
        let seal = Seal()
        let executor = Self.deleting { done.withLock { $0 += 1 } }
        let wire = Wire(executor, seal: seal)
        let plan = await wire.call("delete_space", Self.space).structured["plan_id"]
        let text = try #require(plan?.string)
        var stranger = Wire(executor, seal: seal)
        stranger.client.principal.name = "another"
        for (words, result) in [
            ("other inputs", await wire.call("delete_space", Self.with(plan, "acme/other"))),
            (
                "another tool",
                await wire.call("create_space", ["space_id": "acme/bot", "sdk": "docker", "plan_id": .string(text)])
            ),
            ("another caller", await stranger.call("delete_space", Self.with(plan))),
            ("not made here", await Wire(executor).call("delete_space", Self.with(plan))),
            ("not made here", await wire.call("delete_space", Self.with(.string(text + "x")))),
            ("not made here", await wire.call("delete_space", Self.with(""))),
        ] { #expect(result["isError"] == true && result.firstText.contains(words), "\(words): \(result.firstText)") }
        #expect(done.withLock { $0 } == 0)
    }

    @Test func itIsForTenMinutesOnly() async throws {
        let done = Mutex(0)
        let clock = Mutex(ScriptedExecutor.now)
        let wire = Wire(Self.deleting(now: { clock.withLock { $0 } }) { done.withLock { $0 += 1 } })
        let plan = await wire.call("delete_space", Self.space).structured["plan_id"]
        clock.withLock { $0 = $0 + .seconds(601) }
        let late = await wire.call("delete_space", Self.with(plan))
        #expect(late["isError"] == true && late.firstText.contains("10 minutes") && done.withLock { $0 } == 0)
    }

    @Test func anotherQuestionIsAnotherPlan() async throws {
        let done = Mutex(0)
        let question = Mutex("It costs $1. Proceed?")
        let wire = Wire(Self.deleting({ question.withLock { $0 } }) { done.withLock { $0 += 1 } })
        let first = await wire.call("delete_space", Self.space).structured
        question.withLock { $0 = "It costs $9. Proceed?" }
        let second = await wire.call("delete_space", Self.with(first["plan_id"])).structured
        #expect(second["done"] == false && second["plan"]?["question"] == "It costs $9. Proceed?")
        #expect(second["warnings"]?.array?.isEmpty == false && done.withLock { $0 } == 0)
        let third = await wire.call("delete_space", Self.with(second["plan_id"]))
        #expect(third.structured["deleted"] == true && done.withLock { $0 } == 1)
    }

    @Test func severalQuestionsAreSeveralSteps() async throws {
        let executor = ScriptedExecutor([
            "delete-space": { (_, caller) throws(Failure) in
                try await caller.ask(Question(.reveals, doing: "a", "One?"))
                try await caller.ask(Question(.destroys, doing: "b", "Two?"))
                return ["deleted": true]
            }
        ])
        let wire = Wire(executor)
        let one = await wire.call("delete_space", Self.space).structured
        let two = await wire.call("delete_space", Self.with(one["plan_id"])).structured
        #expect(one["plan"]?["question"] == "One?" && two["plan"]?["question"] == "Two?")
        let end = await wire.call("delete_space", Self.with(two["plan_id"])).structured
        #expect(end["deleted"] == true)
    }

    @Test func withoutTheScopeItIsRefused() async throws {
        let executor = Self.deleting {}
        var wire = Wire(executor)
        wire.client.principal.scope = .operate
        for (tool, arguments) in [
            ("delete_space", Self.space), ("apply", [:]), ("create_space", ["space_id": "acme/bot", "sdk": "docker"]),
        ] as [(String, JSONValue)] {
            let result = await wire.call(tool, arguments)
            #expect(
                result["isError"] == true && result.firstText.contains("needs the scope admin"), "\(result.firstText)")
        }
        #expect(executor.calls.isEmpty)
    }

    /// What is applied is what was shown, by `plan` or by `apply`.
    @Test func applyTakesThePlanThatWasShown() async throws {
        let plans = Mutex(1)
        let applied = Mutex<[JSONValue?]>([])
        let executor = ScriptedExecutor([
            "plan": { (_, _) throws(Failure) in
                [
                    "kind": "plan", "create": 0, "change": .integer(Int64(plans.withLock { $0 })), "needs": [],
                    "endpoint": "https://hub",
                    "spaces": [["space": "acme/bot", "n": .integer(Int64(plans.withLock { $0 }))]],
                ]
            },
            "apply": { (given, _) throws(Failure) in
                applied.withLock { $0.append(given["plan"]) }
                return ["sentence": "done"]
            },
        ])
        let wire = Wire(executor)
        let shown = await wire.call("plan").structured
        plans.withLock { $0 = 2 }
        let changed = await wire.call("apply", ["plan_id": shown["plan_id"] ?? .null]).structured
        #expect(changed["done"] == false && changed["warnings"]?.array?.count == 1)
        #expect(applied.withLock { $0 }.isEmpty)
        let done = await wire.call("apply", ["plan_id": changed["plan_id"] ?? .null]).structured
        #expect(done["sentence"] == "done")
        #expect(applied.withLock { $0 }.first??.string?.contains("\"n\":2") == true)
        let planned = await wire.call("apply", ["names": ["bot"]]).structured
        #expect(planned["done"] == false && planned["plan"]?["spaces"] != nil)
        plans.withLock { $0 = 0 }
        let nothing = await wire.call("plan").structured
        #expect(nothing["plan_id"] == nil)
    }
}
