import Deployment
import StokerCore

extension Operation {
    package static let export = Operation(
        name: "export", summary: "Writes a waker for a service outside that keeps the master awake; it holds no secret",
        doing: "export a waker", path: "/export/{kind}",
        parameters: [
            .init("kind", .path, .choice(Export.Kind.allCases.map(\.rawValue)), "The service that wakes"),
            .init(
                "master", .query, .text(upTo: 2_000),
                "The master's public address; `serve.public_url` of the fleet file unless given, else a place to fill in"
            ),
            .init(
                "every", .query, .duration, defaultValue: "5m",
                "How often the master is woken: whole minutes, 1m to 30m"),
            .fleetFile(.local, "The fleet; the running one unless given"),
        ], answer: .madeFile
    ) { context, arguments in
        let completed = try await context.completedFleet(arguments)
        let kind = arguments.text("kind").flatMap { Export.Kind(rawValue: $0) } ?? .crontab
        let export = try Export.make(
            kind, fleet: completed.fleet, master: arguments.text("master"),
            wakeEvery: arguments.duration("every") ?? .seconds(300), hidden: completed.hidden)
        return [
            "file_name": .string(kind.fileName), "content": .string(export.content),
            "instructions": .array(export.instructions.map { .string($0) }),
        ]
    }
}

extension Shape {
    /// What operations answer that write a file: it is written by whoever asked.
    static let madeFile = Shape(
        name: "MadeFile", summary: "A file for whoever asked to keep.",
        fields: [
            .init("file_name", .text, "A name to save it under"), .init("content", .text, "The file"),
            .init("instructions", .list(.text), "What to do with it, a step each"),
        ])
}
