import Deployment
import HubClient
import StokerCore

extension Operation {
    package static let importHub = Operation(
        name: "import-hub",
        summary:
            "Writes a fleet file that describes the Spaces of a namespace as they are, with their `deploy`. Only reads",
        doing: "import from the Hub", permission: .write, method: .post, path: "/import/hub",
        parameters: [
            .init("namespace", .body, .text(upTo: 200), "A user or an organisation; the account's own unless given"),
            .init(
                "schema", .body, .text(upTo: 1_000),
                "Where the schema is as seen from the file, for editors; without it no line names one"),
        ], answer: .fleetDraft
    ) { context, arguments in
        let hub = try context.hub
        let namespace: String
        if let given = arguments.text("namespace") {
            namespace = given
        } else {
            namespace = try await hub.whoami().name
        }
        let spaces = try await HubImport.read(namespace, from: hub) { done, all in
            context.tell(
                .init(
                    "reading", "reading Space \(done) of \(all)", done: Int64(done), total: Int64(all), isFrequent: true
                ))
        }
        guard !spaces.isEmpty else {
            throw Failure(
                .notFound, doing: "import from the Hub", because: "\(namespace.printable) has no Spaces to be seen",
                hint: "name a user or an organisation, and use a token that sees private Spaces")
        }
        var draft = FleetDraft(imported: spaces)
        if hub.settings.endpoint != Fleet.Hub().endpoint { draft.endpoint = hub.settings.endpoint }
        draft.schemaLine = arguments.text("schema").map(FleetSchema.line)
        return [
            "file_name": "fleet.yaml", "content": .string(draft.text), "addresses": .count(draft.entries.count),
            "left_out": [],
        ]
    }
}
