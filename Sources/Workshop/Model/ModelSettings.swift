package import StokerCore

/// A language model behind an OpenAI-compatible address, as `model:` of a worker has it.
package struct ModelSettings: Sendable, Equatable {
    /// Up to and with `/v1`, as its maker writes it.
    package var url: String?
    package var name: String?
    package var token: Secret?
    /// Tokens that a question and its answer have together; nil: asked for, else ``ModelCapability/usualContext``.
    package var context: Int?
    package var price: ModelPrice?

    package init() {}

    /// The address of one of its calls.
    func address(_ call: String) -> String {
        var base = (url ?? "")[...]
        while base.hasSuffix("/") { base = base.dropLast() }
        return base + "/" + call
    }
}

/// What tokens cost, in billionths of a US dollar for each: 0.2 dollars for a million tokens are 200.
package struct ModelPrice: Sendable, Equatable, Codable {
    package var input: Int64
    package var output: Int64

    package init(input: Int64, output: Int64) {
        self.input = input
        self.output = output
    }

    /// `0.2/0.6`: US dollars for a million tokens of questions and of answers.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map {
            Self.thousandths($0.filter { $0 != " " })
        }
        guard parts.count == 2, let input = parts[0], let output = parts[1] else { return nil }
        self.init(input: input, output: output)
    }

    /// Rounded up, so that nothing costs less than it does. At most 10,000 dollars.
    static func thousandths(_ text: String) -> Int64? {
        let halves = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(halves.count), let whole = Int64(halves[0]), (0...10_000).contains(whole) else {
            return nil
        }
        guard halves.count == 2 else { return whole * 1_000 }
        let digits = halves[1].utf8.map { Int64($0) - 0x30 }
        guard (1...12).contains(digits.count), digits.allSatisfy({ (0...9).contains($0) }) else { return nil }
        let first = (0..<3).reduce(Int64(0)) { $0 * 10 + ($1 < digits.count ? digits[$1] : 0) }
        return whole * 1_000 + first + (digits.dropFirst(3).contains { $0 > 0 } ? 1 : 0)
    }

    var text: String { "\(Self.decimal(input))/\(Self.decimal(output))" }

    private static func decimal(_ thousandths: Int64) -> String {
        let rest = "\(1_000 + thousandths % 1_000)".dropFirst()
        return "\(thousandths / 1_000).\(rest)"
    }

    func cost(input tokens: Int64, output more: Int64) -> Int64 { input * tokens + output * more }
}

/// What a worker may spend on its model, as `budget:` has it. Nothing is sent that could go above it.
package struct ModelBudget: Sendable, Equatable {
    package struct Cap: Sendable, Equatable {
        /// Tokens, or billionths of a US dollar.
        package var amount: Int64
        package var span: Duration

        package init(_ amount: Int64, per span: Duration) {
            self.amount = amount
            self.span = span
        }
    }
    package var tokens: Cap?
    /// Billionths of a US dollar.
    package var money: Cap?

    package init() {}

    /// With a model and without a word about tokens: so many.
    package static let usualTokens = Cap(200_000, per: .seconds(86_400))
    var tokenCap: Cap { tokens ?? Self.usualTokens }

    static let billion: Int64 = 1_000_000_000
}

enum ModelSection {
    static let model = FleetTable<ModelSettings>(
        [
            FleetKey(
                "url", .webAddress, \.url,
                "Its OpenAI-compatible address up to `/v1`: the router of Hugging Face, OpenAI, or a server of Ollama, vLLM or llama.cpp.",
                example: "https://router.huggingface.co/v1", invalidExamples: ["[a]", "ftp://a"]),
            FleetKey(
                "name", .text("a model's name"), \.name, "Its name, as that server knows it.",
                example: "Qwen/Qwen3-Coder-30B-A3B-Instruct", invalidExamples: ["[a]"]),
            FleetKey(
                "token", .secret("a token for the model"), \.token,
                "Sent to `url` alone. Written as a variable, `${HF_TOKEN:-}`; never shown.", defaultValue: "none",
                example: "${NONE:-}", invalidExamples: ["[a]"], isSecret: true),
            FleetKey(
                "context", .integer(512...10_000_000, "a number of tokens such as 32768"), \.context,
                "Tokens that a question and its answer may have together.",
                defaultValue: "what the server says, else 8192", example: "32768", invalidExamples: ["100", "large"]),
            FleetKey(
                "price",
                .parsed(
                    "a price such as 0.2/0.6", pattern: "^[0-9]+([.][0-9]+)?/[0-9]+([.][0-9]+)?$", write: { $0.text }
                ) { text in
                    ModelPrice(text).map { .success($0) }
                        ?? .failure(
                            FleetValueFault(
                                "is no price; write dollars for a million tokens of questions and of answers, such as 0.2/0.6"
                            ))
                }, \.price, "US dollars for a million tokens of questions, and of answers. `budget.usd` needs it.",
                defaultValue: "what the server says", range: "`0.2/0.6`", example: "0.2/0.6",
                invalidExamples: ["cheap", "1"]),
        ],
        finish: { model, said in
            if model.url == nil { said.report(.missing, "has no `url`; write the address up to /v1") }
            if model.name == nil { said.report(.missing, "has no `name`; write the model's name") }
        })

    static let budget = FleetTable<ModelBudget>([
        FleetKey(
            "tokens", cap("200000 per 1d", unit: 1, most: 1_000_000_000), \.tokens,
            "Tokens of questions and answers in a span, which begins at 00:00 UTC. Nothing is sent that could go above it.",
            defaultValue: "`200000 per 1d`", range: "`200000 per 1d`; 1h to 31d", example: "200000 per 1d",
            invalidExamples: ["200000", "many per 1d", "10 per 1s"]),
        FleetKey(
            "usd", cap("2 per 1d", unit: ModelBudget.billion, most: 100_000), \.money,
            "US dollars in a span, in the same way. Nothing is sent as long as the price is not known.",
            defaultValue: "no limit besides `tokens`", range: "`2 per 1d`, `0.50 per 1d`; 1h to 31d",
            example: "2 per 1d", invalidExamples: ["2", "two per 1d", "2 per 400d"]),
    ])

    private static func cap(_ example: String, unit: Int64, most: Int64) -> FleetValue<ModelBudget.Cap> {
        .parsed(
            "an amount and its span such as \(example)", pattern: "^[0-9]+([.][0-9]+)? per [0-9]+[a-z]+$",
            write: { written($0, unit) }
        ) { text in
            let wrong = FleetValueFault("is no amount in a span; write \(example)")
            let words = text.split(separator: " ")
            guard words.count == 3, words[1] == "per", let span = Duration(text: words[2]) else {
                return .failure(wrong)
            }
            let amount: Int64?
            if unit == 1 {
                amount = Int64(words[0])
            } else {
                amount = ModelPrice.thousandths(String(words[0])).map { $0 * (unit / 1_000) }
            }
            guard let amount else { return .failure(wrong) }
            guard (1...(most * unit)).contains(amount),
                (Duration.seconds(3_600) ... .seconds(31 * 86_400)).contains(span)
            else {
                return .failure(
                    FleetValueFault("is outside of what can be: above 0, at most \(most), for 1h to 31d"))
            }
            return .success(ModelBudget.Cap(amount, per: span))
        }
    }

    private static func written(_ cap: ModelBudget.Cap, _ unit: Int64) -> String {
        let amount =
            unit == 1
            ? "\(cap.amount)" : ModelMoney.text(cap.amount).filter { $0 != "$" && $0 != "," }
        return "\(amount) per \(cap.span.text)"
    }
}

/// Money for people.
package enum ModelMoney {
    /// `$0.0123`: four digits behind the point, rounded up.
    package static func text(_ billionths: Int64) -> String {
        let tenThousandths = (billionths + 99_999) / 100_000
        return "$\(tenThousandths / 10_000).\("\(10_000 + tenThousandths % 10_000)".dropFirst())"
    }
}
