import StokerCore

/// `templates:` of a channel: a text of a person's own for a kind of event.
enum TemplateSettings {
    /// Holds for every kind that has none of its own.
    static let allKinds = "all"
    private static let names = Notice.Kind.allCases.filter { $0 != .acknowledged }.map(\.rawValue) + [allKinds]

    /// The key of a channel's table. What it holds is checked by ``check(_:_:)``.
    static func key<Settings>(
        _ path: any WritableKeyPath<Settings, [FleetNamed<String>]> & Sendable
    ) -> FleetKey<Settings> {
        FleetKey(
            "templates",
            .named(.text("a Mustache template", pattern: "", fault: NoticeTemplate.fault)), path,
            "Texts of your own, by kind of event or `all`, as Mustache; see [templates](channels.md#templates).",
            defaultValue: "built-in", range: "`{ down: \"{{target}} is down. {{cause}}\" }`",
            example: "{ down: \"{{cause}}\" }",
            invalidExamples: ["{ down: \"{{cause\" }", "{ down: \"{{caus}}\" }", "{ dwon: a }"])
    }

    /// Reports names that are no kind of event.
    static func check(_ templates: [FleetNamed<String>], _ said: FleetTableReport) {
        for template in templates where !names.contains(template.name) {
            let hint = ClosestMatch.of(template.name, among: names).map { "did you mean `\($0)`?" }
            said.report(
                .unknownKey,
                "has a text for \"\(template.name.prefix(40))\", which is no kind of event; \(hint ?? "known are \(names.joined(separator: ", "))")",
                at: "templates")
        }
    }
}
