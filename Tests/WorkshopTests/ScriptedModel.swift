import Foundation
import Ledger
import StokerCore
import Synchronization

@testable import Workshop

/// A model's server that does what a test says: no network, no chance.
final class ScriptedModel: Sendable {
    /// What it does with a question. The probe of what it can do is answered by itself, unless `answersProbe` is false.
    typealias Script = @Sendable (Asked) throws -> ModelReply

    struct Asked: Sendable {
        /// From 1, probes not counted.
        var number: Int
        var body: JSONValue
        var text: String
        var document: JSONValue { (try? JSONValue(reading: message(1))) ?? .null }
        var task: String { message(0) }
        var repair: String? { message(2).isEmpty ? nil : message(2) }
        /// Ids on the evidence sheet.
        var ids: [String] { document["evidence"]?.array?.compactMap { $0["id"]?.string } ?? [] }
        var maxTokens: Int { body["max_tokens"]?.integer ?? body["max_completion_tokens"]?.integer ?? 0 }

        private func message(_ index: Int) -> String {
            guard let all = body["messages"]?.array, index < all.count else { return "" }
            return all[index]["content"]?.string ?? ""
        }
    }

    private let log = Mutex<[Asked]>([])
    private let script: Script
    let answersProbe: Bool
    let models: JSONValue

    init(
        models: JSONValue = ["data": []], answersProbe: Bool = true, _ script: @escaping Script
    ) {
        self.models = models
        self.answersProbe = answersProbe
        self.script = script
    }

    /// Questions, without probes.
    var asked: [Asked] { log.withLock { $0 } }

    var transport: ModelTransport {
        { request in
            guard let body = request.body else {
                return ModelReply(status: request.url.hasSuffix("/models") ? 200 : 404, body: self.models.bytes)
            }
            let json = try JSONValue(reading: String(decoding: body, as: UTF8.self))
            let text = String(decoding: body, as: UTF8.self)
            let isProbe = text.contains("Say the word that the schema allows.")
            if isProbe, self.answersProbe {
                return Self.says(Self.probed(json), for: text)
            }
            let asked = self.log.withLock { log in
                log.append(Asked(number: log.count + 1, body: json, text: text))
                return log[log.count - 1]
            }
            return try self.script(asked)
        }
    }

    /// The word of a probe, as a server that knows schemas says it.
    static func probed(_ body: JSONValue) -> String {
        let schema = body["response_format"]?["json_schema"]?["schema"]
        let word = schema?["properties"]?["word"]?["enum"]?.array?.first?.string ?? "none"
        return JSONValue.object([.init("word", .string(word))]).text
    }

    /// A whole answer with honest usage.
    static func says(
        _ content: String, for question: String, finish: String = "stop", usage: (Int, Int)? = nil
    ) -> ModelReply {
        let counted = usage ?? (question.utf8.count / 4, max(1, content.utf8.count / 4))
        let body: JSONValue = [
            "choices": [
                ["message": ["role": "assistant", "content": .string(content)], "finish_reason": .string(finish)]
            ],
            "usage": [
                "prompt_tokens": .integer(Int64(counted.0)), "completion_tokens": .integer(Int64(counted.1)),
            ],
        ]
        return ModelReply(status: 200, body: body.bytes)
    }

    static func says(_ content: JSONValue, for question: String) -> ModelReply { says(content.text, for: question) }

    static func refuses(_ status: Int, _ message: String = "no", retryAfter: String? = nil, code: String? = nil)
        -> ModelReply
    {
        var error: [JSONValue.Member] = [.init("message", .string(message))]
        if let code { error.append(.init("code", .string(code))) }
        let body = JSONValue.object([.init("error", .object(error))])
        return ModelReply(status: status, retryAfter: retryAfter, body: body.bytes)
    }
}

enum ModelBench {
    static let token = Secret("hf_modelkeymodelkeymodelkey1234")

    static var settings: ModelSettings {
        var settings = ModelSettings()
        settings.url = "http://127.0.0.1:9/v1"
        settings.name = "small"
        settings.token = token
        return settings
    }

    static func client(
        _ model: ScriptedModel, budget: ModelBudget = ModelBudget(), records: any RecordStore,
        now: Instant = Bench.now, settings: ModelSettings? = nil
    ) -> ModelClient {
        ModelClient(
            settings: settings ?? Self.settings, budget: budget, store: ModelStore(records: records, worker: "tern"),
            transport: model.transport, secrets: [token], now: { now })
    }

    /// A question of so many bytes about one piece of evidence.
    static func ask(_ client: ModelClient, text: String = "raise ValueError(stop)") async throws
        -> ModelOutcome<ModelNotes>
    {
        var sheet = EvidenceSheet()
        sheet.add(
            .init(kind: .place, file: "src/tern/planner.py", line: 3, symbol: "plan_route", says: "raise", text: text))
        let fixed = sheet
        return try await client.ask(
            answer: 500,
            { room in
                ModelQuestion(
                    purpose: "explain test", task: "Say something.", sheet: fixed, document: ["evidence": fixed.json],
                    schema: ModelNotes.schema(fixed), answer: room.answer)
            }, read: { ModelNotes.read($0, $1) })
    }

    static func note(_ text: String, _ ids: [String] = ["E1"], quote: String = "") -> JSONValue {
        [
            "notes": [
                [
                    "kind": "explain", "text": .string(text), "evidence": .array(ids.map { .string($0) }),
                    "quote": .string(quote),
                ]
            ]
        ]
    }
}

extension ModelOutcome {
    var value: Value? { if case .answered(let value) = self { value } else { nil } }
    var because: String? {
        switch self {
        case .answered: nil
        case .unusable(let because), .waiting(_, let because): because
        }
    }
    var until: Instant? { if case .waiting(let until, _) = self { until } else { nil } }
}
