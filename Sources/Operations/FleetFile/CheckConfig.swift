import Deployment
import StokerCore

extension Operation {
    package static let checkConfig = Operation(
        name: "check-config",
        summary: "Explains a fleet file: what is pinged when, what it costs, and every mistake at once",
        doing: "check the fleet file", permission: .write, method: .post, path: "/check-config",
        parameters: [.fleetFile(.body, required: true, "The file to explain. Nothing of it is monitored or kept")],
        bodyLimit: 1 << 20, answer: .fleetReport
    ) { (context, arguments) throws(Failure) in
        guard let given = arguments.object("fleet_file") else { return .null }  // it is required
        let text = FleetText(given)
        switch text.read() {
        case .success(let fleet): return FleetReport(fleet).json(file: text.name)
        case .failure(let problems): return FleetReport.json(problems, file: text.name)
        }
    }
}

extension Shape {
    static let fleetReport = Shape(
        name: "FleetReport", summary: "What a fleet file says, or what is wrong with it.",
        fields: [
            .init("file", .text, "Its name"),
            .init("valid", .flag, "Whether it can be monitored"),
            .init("problems", .list(.shape(problem)), "Every mistake, in the order of the lines; none in a valid file"),
            .init("warnings", .list(.shape(warning)), "What is allowed and probably not meant"),
            .init("checks", .list(.shape(configuredCheck)), "What is looked at; none while there are problems"),
            .init("requests_per_day", .number, "Requests of the master while all is well"),
            .init("requests_per_five_minutes", .number, "The same in five minutes, at most"),
            .init("warmth", .list(.shape(warmth)), "Which interval suits which service, and which Spaces have it"),
            .init("budget", .shape(.budget), optional: true, "What all of it costs; null while there are problems"),
        ])

    private static let places: [Field] = [
        .init("file", .text, "The file, which may be the environment file"),
        .init("line", .integer, optional: true, "From 1; null when it is about no place in particular"),
        .init("column", .integer, optional: true, "From 1"),
        .init("path", .text, "Place in the document, such as `spaces.bot.keep.every`"),
        .init("text", .text, "What is wrong, and what to write instead"),
    ]
    private static let problem = Shape(
        name: "FleetProblem", summary: "A mistake in a fleet file.",
        fields: places + [.init("rule", .choice(Problem.Rule.allCases.map(\.rawValue)), "The kind of mistake")])
    private static let warning = Shape(
        name: "FleetWarning", summary: "Advice about a fleet file.", fields: places)
    private static let configuredCheck = Shape(
        name: "ConfiguredCheck", summary: "One check as the fleet file has it.",
        fields: [
            .init("name", .text, "Unique in the fleet"),
            .init("kind", .choice(CheckPolicy.Kind.allCases.map(\.rawValue)), "How it is checked"),
            .init("role", .choice(["alive", "ready"]), "`ready` checks tell more and never keep a Space warm"),
            .init("space", .text, optional: true, "`owner/name` of a Space"),
            .init("address", .text, optional: true, "What is pinged, secrets replaced by `***`; null for a heartbeat"),
            .init("group", .text, optional: true, "Label of the fleet file"),
            .init("every_seconds", .number, "Time between two pings or beats"),
            .init("timeout_seconds", .number, optional: true, "How long an attempt may take; null for a heartbeat"),
            .init("retry_seconds", .list(.number), "Waits before further attempts"),
            .init("hours", .text, optional: true, "When it is pinged; null for always"),
            .init("enabled", .flag, "False for what the file pauses"),
            .init("requests_per_day", .number, "Requests while all is well"),
            .init("when", .text, "The interval, for a person"),
            .init("what", .text, "What is done and expected, for a person"),
        ])
    private static let warmth = Shape(
        name: "WarmthAdvice", summary: "What a level of warmth is good for.",
        fields: [
            .init("level", .choice(Warmth.allCases.map(\.rawValue)), "Word of the fleet file"),
            .init("every_seconds", .number, "Its interval"),
            .init("services", .text, "What it is good for"),
            .init("checks", .list(.text), "Spaces of this fleet that are pinged so"),
        ])
}

extension FleetReport {
    func json(file: String) -> JSONValue {
        [
            "file": .string(file), "valid": true, "problems": [],
            "warnings": .array(fleet.advice.map { Self.json($0, file: file) }),
            "checks": .array(
                fleet.checks.map { check in
                    let policy = check.policy
                    let kind = policy.kind.type
                    return [
                        "name": .string(check.name), "kind": .string(kind.name),
                        "role": .string(policy.role.rawValue), "space": .text(check.space),
                        "address": .text(check.shownAddress),
                        "group": .text(policy.group), "every_seconds": .seconds(policy.every),
                        "timeout_seconds": kind.isPassive ? .null : .seconds(policy.timeout),
                        "retry_seconds": .array(policy.retry.map { .seconds($0) }), "hours": .text(policy.hours?.text),
                        "enabled": .bool(policy.enabled), "requests_per_day": .number(requestsPerDay(check)),
                        "when": .string(when(policy)), "what": .string(kind.work(of: check)),
                    ]
                }),
            "requests_per_day": .number(budget.master.perDay),
            "requests_per_five_minutes": .number(budget.master.perFiveMinutes),
            "warmth": .array(
                warmth.map {
                    [
                        "level": .string($0.level.rawValue), "every_seconds": .seconds($0.level.interval),
                        "services": .string($0.services), "checks": .array($0.checks.map { .string($0) }),
                    ]
                }),
            "budget": budget.json(wakeEvery: .seconds(300)),
        ]
    }

    /// The same document for a file with problems.
    static func json(_ problems: FleetProblems, file: String) -> JSONValue {
        [
            "file": .string(file), "valid": false,
            "problems": .array(
                problems.list.map { problem in
                    place(problem.file, problem.line, problem.column, problem.path, problem.text)
                        .adding([.init("rule", .string(problem.rule.rawValue))])
                }),
            "warnings": [], "checks": [], "requests_per_day": 0, "requests_per_five_minutes": 0, "warmth": [],
            "budget": nil,
        ]
    }

    private static func json(_ advice: Fleet.Advice, file: String) -> JSONValue {
        place(file, advice.line, advice.column, advice.path, advice.text)
    }

    private static func place(_ file: String, _ line: Int, _ column: Int, _ path: String, _ text: String) -> JSONValue {
        [
            "file": .string(file), "line": line > 0 ? .count(line) : .null, "column": line > 0 ? .count(column) : .null,
            "path": .string(path), "text": .string(text),
        ]
    }
}
