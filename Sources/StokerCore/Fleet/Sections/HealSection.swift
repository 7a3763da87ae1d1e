internal import Yams

/// What may be done when a Space fails: at the top of the file, and below it at a Space and at a further check.
extension HealRule {
    static let table = FleetTable<HealRule>(
        [
            FleetKey(
                FleetKeyRow(
                    "mode", "What is done.", defaultValue: "`suggest`", range: "`off`, `suggest`, `act`",
                    example: "act",
                    invalidExamples: ["always"], schema: modeSchema),
                read: { value, rule in rule.mode = mode(value) ?? rule.mode }, write: { .string($0.mode.rawValue) },
                differs: { $0.mode != $1.mode }),
            FleetKey(
                "after", .integer(1...1_000, "failed pings in a row, such as 3"), \.after,
                "Failed pings in a row before anything is done.", defaultValue: "3", example: "5",
                invalidExamples: ["0", "1001", "soon"]),
            FleetKey(
                FleetKeyRow(
                    "at_most", "Most restarts in which time; a build from scratch comes on top, once.",
                    defaultValue: "2 per 6h",
                    range: "0 to 20 restarts per 10m to 7d", example: "1 per 12h",
                    invalidExamples: ["2", "2 per 5m", "21 per 6h", "two per 6h"],
                    schema: FleetSchema.pattern("^([0-9]|1[0-9]|20) per \(FleetSchema.durationPattern)$")),
                read: { value, rule in if let said = budget(value) { (rule.restarts, rule.within) = said } },
                write: { .string("\($0.restarts) per \($0.within.text)") },
                differs: { ($0.restarts, $0.within) != ($1.restarts, $1.within) }),
            FleetKey(
                FleetKeyRow(
                    "with",
                    "What may be done: `factory-restart` is a build from scratch, once in that time. Naming it without a `mode` means `act`.",
                    defaultValue: "both", range: "`restart`, `factory-restart`, or a list", example: "[restart]",
                    invalidExamples: ["reboot"],
                    schema: FleetSchema.oneOrMany(FleetSchema.words(["restart", "factory-restart"]))),
                read: { value, rule in
                    guard let items = value.items("restart, factory-restart, or both") else { return }
                    let steps = items.compactMap { $0.word([("restart", false), ("factory-restart", true)]) }
                    if !steps.contains(false), !steps.isEmpty { rule.restarts = 0 }
                    rule.factoryRestarts = steps.contains(true) ? 1 : 0
                },
                write: { rule in
                    .array(
                        (rule.restarts > 0 ? ["restart"] : []) + (rule.factoryRestarts > 0 ? ["factory-restart"] : []))
                }, differs: { ($0.restarts > 0, $0.factoryRestarts) != ($1.restarts > 0, $1.factoryRestarts) }),
            FleetKey(
                "wait", .duration(.seconds(60) ... .seconds(86_400), example: "10m"), \.wait,
                "Least time between the first action and the second, doubled for each further one.",
                defaultValue: "10m",
                example: "20m", invalidExamples: ["10", "30s", "2d"]),
        ],
        finish: { rule, said in
            // Who says what is to be done wants it done.
            if said.has("with"), !said.has("mode") { rule.mode = .act }
        })
    static let summary =
        "What may be done when a Space fails: off, suggest (default) or act; or a mapping that says more."
    static let schema: JSONValue = ["description": .string(summary), "anyOf": [modeSchema, table.schema]]

    // YAML's older readers take a bare off for false.
    private static let modeSchema = FleetSchema.words(Mode.allCases.map(\.rawValue), besides: [false, "false"])

    private static func mode(_ value: Value) -> Mode? {
        if case .scalar(let scalar) = value.node, scalar.string == "false" { return .off }
        return value.word(Mode.allCases.map { ($0.rawValue, $0) })
    }

    /// `act`, or a mapping that says more; what it does not say is as above.
    init(_ value: Value, above: HealRule) {
        self = above
        if case .scalar = value.node, !value.isNull {
            mode = Self.mode(value) ?? mode
            return
        }
        Self.table.read(value, into: &self)
    }

    private static func budget(_ value: Value) -> (Int, Duration)? {
        guard let text = value.text("how many restarts in which time, such as 2 per 6h") else { return nil }
        let words = text.value.split(separator: " ")
        guard words.count == 3, words[1] == "per", let count = Int(words[0]), let span = Duration(text: words[2]) else {
            value.report(.value, "\(text.shown) does not say how many in which time; write 2 per 6h")
            return nil
        }
        guard (0...20).contains(count), (Duration.seconds(600) ... .seconds(7 * 86_400)).contains(span) else {
            value.report(.range, "\(text.shown) is outside 0 to 20 restarts per 10m to 7d")
            return nil
        }
        return (count, span)
    }
}
