package import StokerCore

/// `deploy.readme:` of the fleet file: what the header of a Space's README says.
package struct ReadmeSettings: Sendable, Equatable {
    /// In the order of ``table``.
    package var members: [JSONValue.Member] = []

    package init() {}

    subscript(text name: String) -> String? {
        get { value(name)?.string }
        set { set(name, newValue.map { .string($0) }) }
    }
    subscript(flag name: String) -> Bool? {
        get { value(name)?.bool }
        set { set(name, newValue.map { .bool($0) }) }
    }
    subscript(number name: String) -> Int? {
        get { value(name)?.integer }
        set { set(name, newValue.map { .integer(Int64($0)) }) }
    }
    subscript(list name: String) -> [String]? {
        get { value(name)?.array?.compactMap(\.string) }
        set { set(name, newValue.map { .array($0.map { .string($0) }) }) }
    }
    subscript(headers name: String) -> [FleetNamed<String>]? {
        get { value(name)?.members?.map { FleetNamed(name: $0.name, value: $0.value.string ?? "") } }
        set { set(name, newValue.map { .object($0.map { .init($0.name, .string($0.value)) }) }) }
    }

    private func value(_ name: String) -> JSONValue? { members.first { $0.name == name }?.value }

    private mutating func set(_ name: String, _ value: JSONValue?) {
        members.removeAll { $0.name == name }
        if let value { members.append(.init(name, value)) }
    }
}

extension ReadmeSettings {
    /// Keys of the header besides `sdk` and `tags`, which are keys of `deploy` itself.
    /// Source: hub-docs `spaces-config-reference`, huggingface.js `RepoCardData`, read 2026-08-22.
    package static let table = FleetTable<ReadmeSettings>([
        text("title", "Shown on the Hub.", defaultValue: "the Space's name", example: "Backend"),
        text("emoji", "Shown beside the title.", example: "🚀"),
        color("colorFrom"), color("colorTo"),
        text("sdk_version", "Version of Gradio.", defaultValue: "the newest", example: "\"5.49.1\""),
        text("python_version", "`3.x` or `3.x.y`.", defaultValue: "3.10", example: "\"3.12\""),
        text(
            "app_file", "What starts the app; Gradio and static Spaces.", defaultValue: "app.py, index.html",
            example: "app.py"),
        text("app_build_command", "Builds a static Space.", example: "npm run build"),
        FleetKey(
            "app_port", .integer(1...65_535, "a port such as 7860"), \.[number: "app_port"],
            "Port of a Docker app that visitors are sent to.", defaultValue: "7860", example: "8000",
            invalidExamples: ["0", "http", "70000"]),
        FleetKey(
            "base_path",
            .text("a path such as /docs", pattern: "^/") { $0.hasPrefix("/") ? nil : "does not begin with /" },
            \.[text: "base_path"], "Where visitors begin.", defaultValue: "/", example: "/docs",
            invalidExamples: ["docs", "[a]"]),
        text("suggested_hardware", "A hint for those who duplicate it.", example: "cpu-upgrade"),
        FleetKey(
            "startup_duration_timeout",
            .text("a duration such as 30m or 1h", pattern: "^[0-9]+[smhd]$|^[0-9]+ ?[a-z]+$") {
                $0.first?.isNumber == true && $0.last?.isLetter == true ? nil : "is not a duration; write 30m or 1h"
            }, \.[text: "startup_duration_timeout"], "How long the app may take to start.", defaultValue: "30m",
            example: "1h", invalidExamples: ["long", "30"]),
        flag("fullWidth", "Fills the page's width.", defaultValue: "true"),
        FleetKey(
            "header", .word([("mini", "mini"), ("default", "default")]), \.[text: "header"], "Header of its page.",
            defaultValue: "default", example: "mini", invalidExamples: ["maxi"]),
        FleetKey(
            "short_description",
            .text("up to 60 characters", pattern: "^.{1,60}$") {
                $0.count <= 60 ? nil : "is longer than 60 characters, which the Hub refuses"
            }, \.[text: "short_description"], "Shown in lists.", range: "up to 60 characters",
            example: "Answers questions",
            invalidExamples: ["\"1234567890123456789012345678901234567890123456789012345678901\"", "[a]"]),
        text("thumbnail", "Address of its picture for links.", example: "https://acme.example/a.png"),
        flag("pinned", "Stands first on its owner's page.", defaultValue: "false"),
        list("models", "Models it uses.", example: "[openai/whisper-small]"),
        list("datasets", "Datasets it uses.", example: "[acme/faq]"),
        list("license", "Licence, or several.", example: "mit"),
        list(
            "preload_from_hub",
            "What is downloaded before it starts: `owner/name`, or `owner/name file,file revision`.",
            example: "[\"openai/whisper-small\"]"),
        flag("hf_oauth", "Visitors can sign in with the Hub.", defaultValue: "false"),
        list("hf_oauth_scopes", "What the app may do for who signs in.", example: "[read-repos]"),
        FleetKey(
            "hf_oauth_expiration_minutes", .integer(1...43_200, "minutes, at most 43200"),
            \.[number: "hf_oauth_expiration_minutes"], "How long a sign-in holds.", defaultValue: "480", example: "60",
            invalidExamples: ["0", "50000"]),
        list("hf_oauth_authorized_org", "Only members of these organisations sign in.", example: "acme"),
        flag("disable_embedding", "Other sites cannot show it in a frame.", defaultValue: "false"),
        FleetKey(
            "custom_headers", .named(.anyText("a header's value"), fault: headerFault), \.[headers: "custom_headers"],
            "Headers of its answers.",
            range: "`cross-origin-embedder-policy`, `cross-origin-opener-policy`, `cross-origin-resource-policy`",
            example: "{ cross-origin-embedder-policy: require-corp }",
            invalidExamples: ["{ x-frame-options: deny }", "[a]"]),
    ])

    private static func headerFault(_ name: String) -> String? {
        ["cross-origin-embedder-policy", "cross-origin-opener-policy", "cross-origin-resource-policy"].contains(name)
            ? nil : "is not one of the three headers that a Space may set, all in small letters"
    }

    private static func text(
        _ name: String, _ summary: String, defaultValue: String? = nil, example: String
    ) -> FleetKey<ReadmeSettings> {
        FleetKey(
            name, .text("text"), \.[text: name], summary, defaultValue: defaultValue, example: example,
            invalidExamples: ["[a]", "{ a: b }"])
    }

    private static func flag(_ name: String, _ summary: String, defaultValue: String) -> FleetKey<ReadmeSettings> {
        FleetKey(
            name, .bool, \.[flag: name], summary, defaultValue: defaultValue, example: "true",
            invalidExamples: ["perhaps", "[a]"])
    }

    private static func list(_ name: String, _ summary: String, example: String) -> FleetKey<ReadmeSettings> {
        FleetKey(
            name, .list(.text("text"), "a list", limit: 100), \.[list: name], summary, example: example,
            invalidExamples: ["{ a: b }", "[[a]]"])
    }

    private static func color(_ name: String) -> FleetKey<ReadmeSettings> {
        let colors = ["red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"]
        return FleetKey(
            name, .word(colors.map { ($0, $0) }), \.[text: name], "Colour of its card.", example: "blue",
            invalidExamples: ["beige"])
    }
}
