import StokerCore

/// Texts of a model, before anybody sees them.
enum ModelText {
    /// One line without secrets; nil for what a model may not say: links, commands, markup, or nothing.
    static func clean(_ text: String?, limit: Int = 300) -> String? {
        guard let text else { return nil }
        let plain = Redaction.quote(text, limit: limit)
        guard plain.contains(where: { $0.isLetter }) else { return nil }
        let low = plain.lowercased()
        return marks.contains { low.contains($0) } ? nil : plain
    }

    /// A reader might follow the one and run the other.
    private static let marks = [
        "://", "www.", "](", "<a ", "<img", "<script", "javascript:", "curl ", "wget ", "sudo ", "rm -", "pip install",
        "npm install", "| sh", "| bash", "bash -c", "sh -c", "chmod ", "git push", "git clone", "powershell",
    ]
}

/// What a model says of evidence: a lead, never a finding.
struct ModelNote: Sendable, Equatable {
    enum Kind: String, Sendable, CaseIterable { case explain, connect, propose }
    var kind: Kind
    var text: String
    /// The pieces it goes by; at least one.
    var evidence: [EvidenceSheet.Item]

    var json: JSONValue {
        [
            "kind": .string(kind.rawValue), "text": .string(text),
            "evidence": .array(evidence.map { .string($0.place) }),
            "findings": .array(evidence.compactMap(\.finding).map { .string($0) }), "source": "model",
        ]
    }
}

/// An answer that was read: what of it can be used, and how much could not.
struct ModelNotes: Sendable, Equatable {
    var notes: [ModelNote] = []
    var cases: [TestPlan.Case] = []
    var dropped = 0

    /// In an answer.
    static let most = 6

    // MARK: Notes

    static func schema(_ sheet: EvidenceSheet) -> JSONValue {
        object([
            (
                "notes",
                list(
                    object([
                        (
                            "kind",
                            ["type": "string", "enum": .array(ModelNote.Kind.allCases.map { .string($0.rawValue) })]
                        ),
                        ("evidence", list(["type": "string", "enum": sheet.ids], least: 1, most: 4)), ("text", text),
                        ("quote", text),
                    ]), least: 0, most: most)
            )
        ])
    }

    static func read(_ json: JSONValue, _ sheet: EvidenceSheet) -> Result<ModelNotes, ModelFault> {
        guard let items = json["notes"]?.array else { return .failure(ModelFault(because: "it has no list `notes`")) }
        var result = ModelNotes()
        var fault: String?
        for item in items.prefix(most) {
            guard let kind = item["kind"]?.string.flatMap(ModelNote.Kind.init(rawValue:)),
                let text = ModelText.clean(item["text"]?.string)
            else {
                fault = "a note has no kind or no plain text"
                continue
            }
            switch evidence(of: item, sheet) {
            case .failure(let found): fault = found.because
            case .success(let evidence):
                // What is quoted has to be there, blanks aside.
                if let quote = item["quote"]?.string, quote.contains(where: { !$0.isWhitespace }),
                    !evidence.contains(where: { folded($0.text).contains(folded(quote)) })
                {
                    fault = "a quote is not in the evidence that it names"
                    continue
                }
                result.notes.append(ModelNote(kind: kind, text: text, evidence: evidence))
            }
        }
        result.dropped = items.count - result.notes.count
        // Something to say, and nothing of it holds: that is worth a second try.
        if let fault, result.notes.isEmpty { return .failure(ModelFault(because: fault)) }
        return .success(result)
    }

    private static func evidence(of item: JSONValue, _ sheet: EvidenceSheet)
        -> Result<[EvidenceSheet.Item], ModelFault>
    {
        let ids = item["evidence"]?.array?.compactMap(\.string) ?? []
        guard !ids.isEmpty, ids.count <= 10 else { return .failure(ModelFault(because: "a point names no evidence")) }
        var found: [EvidenceSheet.Item] = []
        for id in ids {
            guard let item = sheet.item(id) else {
                return .failure(
                    ModelFault(because: "there is no evidence \(Redaction.quote(id, limit: 20)) on the sheet"))
            }
            if !found.contains(item) { found.append(item) }
        }
        return .success(found)
    }

    private static func folded(_ text: String) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    // MARK: Cases of a plan

    static func casesSchema(_ sheet: EvidenceSheet) -> JSONValue {
        object([
            (
                "cases",
                list(
                    object([
                        ("given", text), ("when", text), ("then", text),
                        ("level", ["type": "string", "enum": ["unit", "integration", "system"]]),
                        ("evidence", list(["type": "string", "enum": sheet.ids], least: 1, most: 4)),
                    ]), least: 0, most: most)
            )
        ])
    }

    static func readCases(_ json: JSONValue, _ sheet: EvidenceSheet, perspective: String)
        -> Result<ModelNotes, ModelFault>
    {
        guard let items = json["cases"]?.array else { return .failure(ModelFault(because: "it has no list `cases`")) }
        var result = ModelNotes()
        var fault: String?
        for item in items.prefix(most) {
            guard let given = ModelText.clean(item["given"]?.string), let when = ModelText.clean(item["when"]?.string),
                let then = ModelText.clean(item["then"]?.string),
                let level = item["level"]?.string.flatMap(TestPlan.Level.init(rawValue:))
            else {
                fault = "a case has no plain given, when, then or level"
                continue
            }
            switch evidence(of: item, sheet) {
            case .failure(let found): fault = found.because
            case .success(let evidence):
                // A case is about a place in the code.
                guard let target = evidence.first(where: { $0.kind == .place || $0.kind == .finding }) else {
                    fault = "a case names no place in the code"
                    continue
                }
                result.cases.append(
                    TestPlan.Case(
                        id: Finding.fingerprint(
                            rule: "plan/model/\(perspective)", path: target.file, symbol: "\(target.symbol) \(when)",
                            lines: [Substring]()), given: given, when: when, then: then, level: level,
                        evidence: evidence.map(\.place), file: target.file, line: target.line, symbol: target.symbol))
            }
        }
        result.dropped = items.count - result.cases.count
        if let fault, result.cases.isEmpty { return .failure(ModelFault(because: fault)) }
        return .success(result)
    }

    // MARK: Schemas

    static let text: JSONValue = ["type": "string"]
    static func object(_ members: [(String, JSONValue)]) -> JSONValue {
        [
            "type": "object", "properties": .object(members.map { .init($0.0, $0.1) }),
            "required": .array(members.map { .string($0.0) }), "additionalProperties": false,
        ]
    }
    static func list(_ item: JSONValue, least: Int, most: Int) -> JSONValue {
        ["type": "array", "items": item, "minItems": .integer(Int64(least)), "maxItems": .integer(Int64(most))]
    }
}
