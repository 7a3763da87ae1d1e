import Foundation
import StokerCore

/// What became of a question.
enum ModelOutcome<Value: Sendable>: Sendable {
    case answered(Value)
    /// It was asked, and what came back was of no use, or it cannot be asked at all: evidence alone has to do.
    case unusable(because: String)
    /// Nothing may be asked before then.
    case waiting(until: Instant, because: String)
}

/// Why an answer was not used, in words that fit behind "it was not used:".
struct ModelFault: Error, Equatable {
    var because: String
}

/// How much fits into one question.
struct ModelRoom: Equatable {
    /// Of the document.
    var bytes: Int
    /// Tokens of the answer.
    var answer: Int
}

/// Asks a model: inside the budget, by what the server was seen to do, and with every answer checked. What a question can cost is set aside in
/// the ledger before it is sent.
struct ModelClient: Sendable {
    var settings: ModelSettings
    var budget: ModelBudget
    var store: ModelStore
    var transport: ModelTransport
    /// What never leaves in a text: the tokens that we know.
    var secrets: [Secret]
    var now: @Sendable () -> Instant

    /// Of one call.
    static let limit = Duration.seconds(180)
    static let firstWait = Duration.seconds(30)
    static let longestWait = Duration.seconds(900)
    /// A server may ask for so long a wait.
    static let longestRetryAfter = Duration.seconds(31 * 86_400)
    /// Questions are not longer, whatever the model could read.
    static let mostBytes = 48_000
    /// Tokens that a template of a chat adds, at most.
    static let template = 256

    /// - Parameters:
    ///   - answer: tokens of the answer, at most.
    ///   - make: the question, for so much room.
    ///   - read: what the answer means; a fault is told to the model once.
    /// - Throws: `ledger.unavailable`, `conflict`, `CancellationError`.
    func ask<Value: Sendable>(
        answer: Int, _ make: @Sendable (ModelRoom) -> ModelQuestion,
        read: @Sendable (JSONValue) -> Result<Value, ModelFault>
    ) async throws -> ModelOutcome<Value> {
        var capability: ModelCapability
        switch try await known() {
        case .answered(let found): capability = found
        case .unusable(let because): return .unusable(because: because)
        case .waiting(let until, let because): return .waiting(until: until, because: because)
        }
        var repair: String?
        // Once more when it was too long, and once more when its answer was of no use.
        for _ in 0..<3 {
            let question = make(room(capability, answer: answer))
            let fault: String
            switch try await exchange(question, capability, repair: repair) {
            case .text(let text):
                switch Self.read(text, read) {
                case .success(let value):
                    return .answered(value)
                case .failure(let found): fault = found.because
                }
            case .unusable(let because), .refusedParameter(let because): fault = because
            case .tooLong(let context, let because):
                let half = (capability.context ?? ModelCapability.usualContext) / 2
                let next = min(context ?? half, half * 2 - 1)
                guard next >= 512 else { return .unusable(because: because) }
                capability.context = next
                try await store.keep(capability, of: settings, at: now())
                continue
            case .waiting(let until, let because): return .waiting(until: until, because: because)
            }
            guard repair == nil else { return .unusable(because: fault) }
            repair = fault
        }
        return .unusable(because: "the question does not fit into the model's context")
    }

    private static func read<Value>(
        _ text: String, _ read: (JSONValue) -> Result<Value, ModelFault>
    ) -> Result<Value, ModelFault> {
        // What was no text came out of a broken stream.
        if text.contains("\u{FFFD}") { return .failure(ModelFault(because: "it has characters that are none")) }
        guard let json = ModelReading.object(in: text) else {
            return .failure(ModelFault(because: "it is no JSON object"))
        }
        return read(json)
    }

    private func room(_ capability: ModelCapability, answer wanted: Int) -> ModelRoom {
        let context = settings.context ?? capability.context ?? ModelCapability.usualContext
        let answer = max(64, min(wanted, context / 3))
        // Code has three bytes a token and more. The rules and the schema have about 500 tokens.
        let bytes = (context - answer - Self.template - 500) * 3
        return ModelRoom(bytes: max(600, min(Self.mostBytes, bytes)), answer: answer)
    }

    // MARK: One call

    private enum Exchange {
        case text(String)
        case unusable(String)
        case waiting(until: Instant, because: String)
        case tooLong(context: Int?, because: String)
        case refusedParameter(String)
    }

    private func exchange(_ asked: ModelQuestion, _ capability: ModelCapability, repair: String?) async throws
        -> Exchange
    {
        var question = asked
        question.document = Self.redacted(question.document, secrets)
        let body = Array(question.body(settings, capability, repair: repair).text.utf8)
        // No token has less than a byte.
        let tokens = Int64(body.count + Self.template + question.answer)
        let price = settings.price ?? capability.price
        if budget.money != nil, price == nil {
            return .waiting(
                until: now() + .seconds(3_600),
                because:
                    "`budget.usd` holds only with a price, and the server does not say it; write `price` of the model")
        }
        let cost = price?.cost(input: tokens - Int64(question.answer), output: Int64(question.answer)) ?? 0
        let id = UUID().uuidString
        let (budget, time) = (budget, now())
        let (reserved, number) = try await store.change(at: time) { book -> (ModelBook.Answer, Int) in
            // Asked here as well: another look of the same worker may have been told to wait.
            if let block = book.block(at: time) { return (.full(until: block.until, because: block.because), 0) }
            let answer = book.reserve(id, tokens: tokens, money: cost, budget, now: time)
            if answer == .reserved { book.asked += 1 }
            return (answer, book.asked)
        }
        switch reserved {
        case .reserved: break
        case .tooLarge(let because): return .unusable(because)
        case .full(let until, let because): return .waiting(until: until, because: because)
        }

        let reading: ModelReading
        var said = ""
        do {
            let reply = try await transport(
                ModelRequest(
                    url: settings.address("chat/completions"), token: settings.token, body: body, limit: Self.limit))
            reading = ModelReading.of(reply, bytes: Self.size(of: question, repair), now: now())
            said = String(decoding: reply.body.prefix(20_000), as: UTF8.self)
        } catch let silence as ModelSilence {
            reading = .wait(because: silence.because, retryAfter: nil, isCharged: silence.mayHaveArrived)
        }
        return try await settle(
            reading, id, tokens: tokens, cost: cost, price, question: question, number: number, asked: time, said: said)
    }

    /// Bytes of what the model reads.
    private static func size(of question: ModelQuestion, _ repair: String?) -> Int {
        question.document.text.utf8.count + ModelQuestion.rules.utf8.count + question.task.utf8.count
    }

    private func settle(
        _ reading: ModelReading, _ id: String, tokens: Int64, cost: Int64, _ price: ModelPrice?,
        question: ModelQuestion, number: Int, asked: Instant, said: String
    ) async throws -> Exchange {
        let time = now()
        let budget = budget
        // Without a count that can be, all that was set aside is spent.
        var (spentTokens, spentMoney) = (tokens, cost)
        func count(_ usage: ModelReading.Usage?) {
            guard let usage else { return }
            spentTokens = usage.input + usage.output
            spentMoney = price?.cost(input: usage.input, output: usage.output) ?? 0
        }
        var answer = said
        let outcome: String
        switch reading {
        case .text(let text, let usage):
            count(usage)
            answer = text
            outcome = "answered"
        case .unusable(let because, let usage):
            count(usage)
            outcome = because
        case .wait(let because, _, let isCharged):
            if !isCharged { (spentTokens, spentMoney) = (0, 0) }
            outcome = because
        case .stop(let because, _), .tooLong(_, let because), .refusedParameter(let because):
            (spentTokens, spentMoney) = (0, 0)
            outcome = because
        }
        let (finalTokens, finalMoney) = (spentTokens, spentMoney)
        let until = try await store.change(at: time) { book -> Instant? in
            book.settle(id, tokens: finalTokens, money: finalMoney, budget, now: time)
            switch reading {
            case .wait(let because, let retryAfter, _):
                book.failures += 1
                let usual = min(Self.longestWait, Self.firstWait * (1 << min(book.failures - 1, 5)))
                let wait = min(Self.longestRetryAfter, max(retryAfter ?? usual, .seconds(1)))
                book.block(until: time + wait, because: because)
            case .stop(let because, let retryAfter):
                // Money comes back when the budget begins anew, unless the server knows better.
                let reset =
                    budget.money.map { ModelBook.Meter.start(of: $0.span, at: time) + $0.span }
                    ?? (ModelBook.Meter.start(of: budget.tokenCap.span, at: time) + budget.tokenCap.span)
                book.block(
                    until: retryAfter.map { time + min($0, Self.longestRetryAfter) } ?? reset, because: because)
            default:
                book.failures = 0
                book.blockedUntil = nil
                book.blockedBecause = nil
            }
            return book.blockedUntil
        }
        try await store.keep(
            ModelAsk(
                number: number, at: asked, purpose: question.purpose, model: settings.name ?? "",
                question: question.document.text.cut(toBytes: 24_000),
                answer: Redaction.hide(secrets, in: Redaction.text(answer)).cut(toBytes: 8_000),
                outcome: Redaction.text(outcome), tokens: finalTokens, cost: finalMoney))
        switch reading {
        case .text(let text, _): return .text(text)
        case .unusable(let because, _): return .unusable(because)
        case .wait(let because, _, _), .stop(let because, _):
            return .waiting(until: until ?? time + Self.firstWait, because: because)
        case .tooLong(let context, let because): return .tooLong(context: context, because: because)
        case .refusedParameter(let because): return .refusedParameter(because)
        }
    }

    // MARK: What leaves

    /// Every text of a document without what looks like a secret, and without our own.
    static func redacted(_ value: JSONValue, _ secrets: [Secret]) -> JSONValue {
        switch value {
        case .string(let text):
            let plain = Redaction.text(text)
            let known = secrets.filter { !$0.isEmpty }
            return .string(known.isEmpty ? plain : Redaction.hide(known, in: plain))
        case .array(let items): return .array(items.map { redacted($0, secrets) })
        case .object(let members): return .object(members.map { .init($0.name, redacted($0.value, secrets)) })
        default: return value
        }
    }

    // MARK: What the server can do

    /// What is known of the model, asked of its server where nobody did for a week.
    func known() async throws -> ModelOutcome<ModelCapability> {
        if let block = try await store.book().book.block(at: now()) {
            return .waiting(until: block.until, because: block.because)
        }
        if let known = try await store.capability(of: settings, at: now()) { return .answered(known) }
        var capability = await listed()
        // Nothing seen to help: the schema stands in the question only, and the answer is checked as always.
        var seen = ModelFormat.plain
        formats: for format in [ModelFormat.schema, .tool, .object] {
            capability.format = format
            for _ in 0..<2 {
                let nonce = "w" + String(UUID().uuidString.lowercased().filter { $0 != "-" }.prefix(10))
                switch try await exchange(Self.probe(nonce), capability, repair: nil) {
                case .text(let text):
                    guard ModelReading.object(in: text)?["word"]?.string == nonce else { continue formats }
                    seen = format
                    break formats
                case .waiting(let until, let because): return .waiting(until: until, because: because)
                case .refusedParameter(let because)
                where because.contains("max_completion_tokens") && !capability.usesCompletionTokens:
                    // Source: OpenAI, "Unsupported parameter: 'max_tokens' is not supported with this model".
                    capability.usesCompletionTokens = true
                case .unusable, .tooLong, .refusedParameter: continue formats
                }
            }
        }
        capability.format = seen
        try await store.keep(capability, of: settings, at: now())
        return .answered(capability)
    }

    /// The word stands in the schema alone: only who reads the schema can say it.
    private static func probe(_ nonce: String) -> ModelQuestion {
        ModelQuestion(
            purpose: "see what the server can do", task: "Say the word that the schema allows.",
            document: ["evidence": []],
            schema: [
                "type": "object", "properties": ["word": ["type": "string", "enum": [.string(nonce)]]],
                "required": ["word"], "additionalProperties": false,
            ], answer: 200)
    }

    /// What the list of models says of it. Many servers say nothing, and that is no fault.
    private func listed() async -> ModelCapability {
        var capability = ModelCapability()
        func get(_ url: String) async -> JSONValue? {
            guard
                let reply = try? await transport(
                    ModelRequest(url: url, token: settings.token, body: nil, limit: .seconds(20))), reply.status == 200
            else { return nil }
            return try? JSONValue(reading: reply.body, .lenient)
        }
        if let list = await get(settings.address("models"))?["data"]?.array {
            let name = settings.name ?? ""
            // Behind the router's names a provider may stand: `model:provider`.
            let plain = name.split(separator: ":").first.map(String.init) ?? name
            if let found = list.first(where: { $0["id"]?.string == name })
                ?? list.first(where: { $0["id"]?.string == plain }) ?? (list.count == 1 ? list.first : nil)
            {
                (capability.context, capability.price) = Self.facts(found)
            }
        }
        if capability.context == nil, let url = settings.url, url.hasSuffix("/v1") || url.hasSuffix("/v1/") {
            // llama.cpp says what it was started with beside its OpenAI address.
            let root = url.hasSuffix("/") ? url.dropLast(4) : url.dropLast(3)
            capability.context = await get(root + "/props")?["default_generation_settings"]?["n_ctx"]?.integer
        }
        if let context = capability.context, !(512...10_000_000).contains(context) { capability.context = nil }
        return capability
    }

    /// Source: the answers of router.huggingface.co (`providers` with `context_length` and `pricing` in dollars for a million tokens), vLLM
    /// (`max_model_len`) and llama.cpp (`meta.n_ctx`).
    private static func facts(_ model: JSONValue) -> (Int?, ModelPrice?) {
        let providers = model["providers"]?.array ?? []
        let contexts =
            ([model] + providers).compactMap { $0["context_length"]?.integer }
            + [model["max_model_len"]?.integer, model["meta"]?["n_ctx"]?.integer].compactMap(\.self)
        // Whoever of them answers: the smallest context, the highest price.
        let prices = providers.compactMap { provider -> ModelPrice? in
            guard let input = provider["pricing"]?["input"]?.double,
                let output = provider["pricing"]?["output"]?.double,
                (0...10_000).contains(input), (0...10_000).contains(output)
            else { return nil }
            return ModelPrice(
                input: Int64((input * 1_000).rounded(.up)), output: Int64((output * 1_000).rounded(.up)))
        }
        let isWhole = !providers.isEmpty && prices.count == providers.count
        return (
            contexts.min(),
            isWhole
                ? ModelPrice(input: prices.map(\.input).max() ?? 0, output: prices.map(\.output).max() ?? 0) : nil
        )
    }
}
