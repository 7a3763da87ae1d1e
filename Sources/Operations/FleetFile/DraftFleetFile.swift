import Deployment
import HubClient
import KeepAlive
import StokerCore

extension Operation {
    package static let initFleet = Operation(
        name: "init", summary: "Writes a commented fleet file from addresses, from a list of pings, or from the Hub",
        doing: "write a fleet file", permission: .write, method: .post, path: "/init",
        parameters: [
            .init(
                "addresses", .body, .list(.text(upTo: 2_000), upTo: 10_000),
                "Spaces (owner/name, their page or their *.hf.space address) and any other addresses"),
            .init(
                "pings", .body, .text(upTo: 64 << 20),
                "A JSON list of `{\"url\", \"interval_minutes\", \"space_id\"}`, as ping scripts keep it"),
            .init(
                "from_hub", .body,
                .object([
                    .init(
                        "namespaces", .body, .list(.text(upTo: 200), upTo: 100),
                        "Users and organisations; the account's own unless given"),
                    .init("names", .body, .list(.text(upTo: 200), upTo: 100), "Only names like these; * is any text"),
                    .init(
                        "sdks", .body, .list(.choice(["docker", "gradio", "streamlit", "static"]), upTo: 10),
                        "Only these SDKs; all but static ones unless given"),
                    .init("tags", .body, .list(.text(upTo: 200), upTo: 100), "Only Spaces with all of these tags"),
                ]), "Take the Spaces that run an app, as the Hub lists them for the account. Nothing is woken by it"),
            .init(
                "schema", .body, .text(upTo: 1_000),
                "Where the schema is as seen from the file, for editors; without it no line names one"),
        ], bodyLimit: 1 << 20, answer: .fleetDraft
    ) { context, arguments in
        var draft = try FleetDraft(addresses: arguments.texts("addresses"))
        if let pings = arguments.text("pings") { draft.entries += try FleetDraft(json: pings).entries }
        var leftOut: [String] = []
        if let wanted = arguments.object("from_hub") {
            let found = try await spacesOfHub(wanted, context)
            draft.entries += found.draft.entries.filter { !draft.entries.contains($0) }
            draft.endpoint = found.draft.endpoint
            leftOut = found.leftOut
        }
        draft.schemaLine = arguments.text("schema").map(FleetSchema.line)
        return [
            "file_name": "fleet.yaml", "content": .string(draft.text), "addresses": .count(draft.entries.count),
            "left_out": .array(leftOut.map { .string($0) }),
        ]
    }

    /// What the Hub lists and the filters let pass, and the static Spaces that nobody asked for.
    private static func spacesOfHub(
        _ given: Arguments, _ context: OperationContext
    ) async throws -> (draft: FleetDraft, leftOut: [String]) {
        let hub = try context.hub
        let namespaces = given.texts("namespaces")
        let owners = namespaces.isEmpty ? [try await hub.whoami().name] : namespaces
        let wanted = Fleet.Discovery(
            namespaces: owners, sdks: given.texts("sdks"), tags: given.texts("tags"), names: given.texts("names"))
        let gateway = HubClientGateway(hub: hub)
        var listed: [SpaceFacts] = []
        for owner in owners { listed += try await gateway.spaces(of: owner).spaces }
        if let nothing = wanted.nothingFound(among: listed) {
            throw Failure(
                .notFound, doing: "find Spaces of \(owners.joined(separator: ", ").printable)",
                because: nothing.because,
                hint: nothing.hint)
        }
        var draft = FleetDraft(spaces: listed.filter(wanted.takes))
        let endpoint = hub.settings.endpoint
        if endpoint != Fleet.Hub().endpoint { draft.endpoint = endpoint }
        return (draft, wanted.sdks.isEmpty ? listed.filter(\.isStatic).map(\.id).sorted() : [])
    }
}

extension Shape {
    static let fleetDraft = Shape(
        name: "FleetDraft", summary: "A first fleet file.",
        fields: [
            .init("file_name", .text, "A name to save it under"), .init("content", .text, "The file"),
            .init("addresses", .integer, "Spaces and addresses in it"),
            .init("left_out", .list(.text), "Static Spaces that the Hub lists: they never sleep"),
        ])
}
