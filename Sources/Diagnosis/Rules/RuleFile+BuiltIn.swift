import StokerCore

/// What only the rules of the built-in file say: what the Hub's stage and message and a check's result mean. Healing, waiting and pages act on it, so it is
/// not for files of others.
extension RuleFile {
    static let builtInSection = section(
        FleetTable<RuleText>(keys + hubKeys, finish: { rule, said in finishBuiltIn(&rule, said) }))

    private static let cause = FleetValue<Cause>.word(Cause.allCases.map { ($0.code, $0) })

    /// One exit code, or a span such as 1-127.
    private static let exitCodes = FleetValue<ClosedRange<Int>>.parsed(
        "an exit code, or a span such as 1-127", pattern: "^[0-9]{1,3}(-[0-9]{1,3})?$",
        write: { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
    ) { text in
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, (0...last).contains(first)
        else { return .failure(FleetValueFault("is no exit code")) }
        return .success(first...last)
    }

    private static let whenTable = FleetTable<DiagnosisRule.Signs>([
        FleetKey(
            "pause", .word([("moderation", .moderation), ("spend-limit", .spendLimit), ("owner", .owner)]), \.pause,
            "Why it is paused.", example: "moderation", invalidExamples: ["off"]),
        FleetKey(
            "stages",
            FleetValue<[String]>.list(stage, "stages of the Hub", limit: 20)
                .map(
                    { Set($0.map { SpaceStage(rawValue: $0) }) }, back: { $0.map(\.rawValue).sorted() }),
            \.stages, "In one of these stages of the Hub.", example: "[PAUSED]", invalidExamples: ["[AWAKE]"]),
        FleetKey(
            "message", .list(.text("words of the Hub's message"), "words", limit: 20), \.messages,
            "Words of the Hub's message, in small letters.", example: "[oomkilled]", invalidExamples: ["{ a: b }"]),
        FleetKey(
            "exit_codes", .list(exitCodes, "exit codes", limit: 20), \.exitCodes,
            "Of the app, as the Hub's message tells it. One of `message` and `exit_codes` is enough.",
            example: "[1-127]", invalidExamples: ["[a]"]),
        FleetKey(
            "visit",
            FleetValue<[Cause]>.list(cause, "codes of causes", limit: 20).map({ Set($0) }, back: { Array($0) }),
            \.causes, "What a visitor met.", example: "[space.running_dead]", invalidExamples: ["[space.gone]"]),
    ])

    private static let hubKeys: [FleetKey<RuleText>] = [
        FleetKey(
            "when", .table(whenTable, DiagnosisRule.Signs()), \.signs,
            "What must show of the Hub's stage and message and of a visit.", example: "{ stages: [PAUSED] }",
            invalidExamples: ["{ stages: [AWAKE] }"]),
        FleetKey(
            "shows", cause, \.shows, "The cause that a check shows.", example: "space.crashed",
            invalidExamples: ["gone"]),
        FleetKey(
            "advises", .list(cause, "codes of causes", limit: 20), \.advises,
            "The causes of checks for which `fix` is what a person can do.", example: "[space.crashed]",
            invalidExamples: ["[gone]"]),
        FleetKey(
            "brief", .text("a few words"), \.brief, "What is so, in words that follow a colon.",
            example: "it is paused",
            invalidExamples: ["[a]"]),
        FleetKey(
            "next", .text("words with a command"), \.next,
            "The command that goes on from here, in words; `{space}` stands for the Space.",
            example: "\"read `stoker space logs {space}`\"", invalidExamples: ["[a]"]),
        FleetKey(
            "restart", FleetValue<DiagnosisRule.Restart>.word, \.restart,
            "Whether starting the container anew helps, for healing.", defaultValue: "never", example: "ladder",
            invalidExamples: ["often"]),
    ]

    private static func finishBuiltIn(_ rule: inout RuleText, _ said: FleetTableReport) {
        finish(&rule, said)
        guard said.has("when") else { return }
        for key in ["shows", "brief"] where !said.has(key) {
            said.report(.missing, "`\(key)` is missing in \(rule.id), which has `when`")
        }
    }
}
