import Deployment
import StokerCore

extension Operation {
    package static let importFleet = Operation(
        name: "import-fleet",
        summary:
            "Writes a fleet file from a file of Uptime Kuma, Gatus, UptimeRobot or healthchecks.io, and tells what could not be carried over",
        doing: "import a fleet", permission: .write, method: .post, path: "/import",
        parameters: [
            .init("tool", .body, .choice(ForeignTool.allCases.map(\.rawValue)), required: true, "Whose file it is"),
            .init("text", .body, .text(upTo: 16 << 20), required: true, "The file. Nothing of it is kept"),
            .init("name", .body, .text(upTo: 4_096), defaultValue: "file", "Its name, for messages"),
            .init(
                "schema", .body, .text(upTo: 1_000),
                "Where the schema is as seen from the file, for editors; without it no line names one"),
        ], bodyLimit: 1 << 20, answer: .importedFleet
    ) { (_, arguments) throws(Failure) in
        guard let tool = ForeignTool(rawValue: arguments.name("tool")) else { return .null }  // it is a choice
        var fleet = try tool.read(arguments.name("text"), name: arguments.name("name"))
        let text = try fleet.settled(schemaLine: arguments.text("schema").map(FleetSchema.line))
        return [
            "file_name": "fleet.yaml", "content": .string(text), "checks": .count(fleet.checks),
            "left_out": .array(fleet.leftOut.map { ["what": .string($0.what), "why": .string($0.why)] }),
            "variables": .array(
                fleet.variables.map {
                    ["name": .string($0.name), "what": .string($0.what), "required": .bool($0.isNeeded)]
                }),
        ]
    }
}

extension ImportedFleet {
    /// The text, without what the reader of fleet files refuses: that is told like everything else that is left out.
    mutating func settled(schemaLine: String?) throws(Failure) -> String {
        for _ in 0..<100 {
            let (text, places) = written(schemaLine: schemaLine)
            // Those that may be empty are: nobody has set them yet.
            let given = Dictionary(variables.filter(\.isNeeded).map { ($0.name, "x") }) { first, _ in first }
            switch FleetText(name: "fleet.yaml", text: text, variables: given).read() {
            case .success: return text
            case .failure(let problems):
                let found = problems.list.compactMap { problem in
                    places[problem.line].map { (place: $0, text: problem.text) }
                }
                guard drop(found) else { throw problems.failure(file: "the file that was made") }
            }
        }
        throw Failure(
            .internal, doing: "import a fleet", because: "the file that was made still has mistakes",
            hint: "import its parts one by one")
    }
}

extension Shape {
    static let importedFleet = Shape(
        name: "ImportedFleet", summary: "A fleet file that was made from another tool's file.",
        fields: [
            .init("file_name", .text, "A name to save it under"), .init("content", .text, "The file"),
            .init("checks", .integer, "Targets and heartbeats in it"),
            .init("left_out", .list(.shape(leftOut)), "What the file does not say, with the reason of each"),
            .init(
                "variables", .list(.shape(variable)),
                "What has to be set in the environment: values that may be secrets are not copied"),
        ])
    private static let leftOut = Shape(
        name: "LeftOut", summary: "Something that could not be carried over.",
        fields: [
            .init("what", .text, "What it is there: `monitor \"API\": proxyId`"),
            .init("why", .text, "Why, and what to do in its place"),
        ])
    private static let variable = Shape(
        name: "ImportedVariable", summary: "A variable of a fleet file that was made.",
        fields: [
            .init("name", .text, "As in `${NAME}`"), .init("what", .text, "What it has to hold"),
            .init("required", .flag, "Without a value the file has a mistake; others switch off what they belong to"),
        ])
}
