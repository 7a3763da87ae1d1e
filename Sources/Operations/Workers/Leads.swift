import StokerCore
import Workshop

extension Operation {
    package static let importLeads = Operation(
        name: "import-leads",
        summary:
            "Takes the results of another tool (SARIF 2.1.0) as leads of a worker: it looks there first, and publishes none of them",
        doing: "import the leads", effect: .write, needsFleet: true, method: .post, path: "/workers/{name}/leads",
        parameters: [
            .workerName,
            .init(
                "document", .body, .text(upTo: 4_000_000), required: true,
                "The SARIF document as text; it takes the place of what the same tools said before"),
        ], answer: .leadImport
    ) { (context, arguments) throws(Failure) in
        let document: JSONValue
        do { document = try JSONValue(reading: arguments.text("document") ?? "") } catch {
            throw Failure(
                .usage, doing: "read the SARIF document", because: "it is no JSON: \(error)",
                hint: "hand in a document of SARIF 2.1.0")
        }
        let read = try Lead.read(sarif: document)
        try await context.workers.take(read, of: arguments.name())
        return [
            "taken": .count(read.leads.count), "left_out": .count(read.leftOut),
            "tools": .array(read.tools.map { .string($0) }),
        ]
    }

    package static let listLeads = Operation(
        name: "list-leads", summary: "What other tools said, and what rules saw that publish nothing",
        doing: "list the leads",
        permission: .write, needsFleet: true, path: "/workers/{name}/leads", parameters: [.workerName],
        answer: .leadList, paging: Paging(by: "id")
    ) { (context, arguments) throws(Failure) in
        ["items": .array(try await context.workers.leads(of: arguments.name()).map(\.json))]
    }
}

extension Shape {
    static let lead = Shape(
        name: "Lead", summary: "What another tool, or a rule that publishes nothing, says of a place.",
        fields: [
            .init("id", .text, "The same for the same thing said of the same place"),
            .init("tool", .text, "Name and version of the tool; `stoker:RULE` for a rule of a worker"),
            .init("rule", .text, "Its rule"),
            .init("level", .text, "`error`, `warning` or `note`, as it says"), .init("file", .text, "Where"),
            .init("line", .integer, "From 1"), .init("message", .text, "What it says, on one line"),
        ])

    static let leadList = Shape(
        name: "LeadList", summary: "Leads of a worker.",
        fields: [.init("items", .list(.shape(.lead)), "Leads"), .nextCursor])

    static let leadImport = Shape(
        name: "LeadImport", summary: "What was taken of a SARIF document.",
        fields: [
            .init("taken", .integer, "Leads that the worker has of it; 1,000 at most"),
            .init(
                "left_out", .integer,
                "Results without a place in the repository, suppressed ones, and those beyond 1,000"),
            .init("tools", .list(.text), "Who wrote it"),
        ])
}
