import Ledger
import StokerCore

extension Operation {
    package static let showIncident = Operation(
        name: "show-incident", summary: "One incident with what people said about it",
        doing: "show the incident", needsFleet: true, path: "/incidents/{name}", parameters: [.incident],
        answer: .incidentDetail
    ) { (context, arguments) throws(Failure) in
        try await context.detail(of: context.incident(arguments.name(), doing: "show the incident"))
    }

    package static let noteIncident = Operation(
        name: "note-incident",
        summary: "Writes an entry into an incident's story, which status pages show unless it is internal",
        doing: "write a note", effect: .write, needsFleet: true, method: .post, path: "/incidents/{name}/notes",
        parameters: [
            .incident,
            .init(
                "text", .body, .text(upTo: IncidentRecords.mostText), required: true, form: Parameter.someText,
                "What people shall read"),
            .by(.body),
            .init("internal", .body, .flag, defaultValue: false, "Not for status pages"),
        ],
        answer: .incidentDetail
    ) { (context, arguments) throws(Failure) in
        let incident = try await context.incident(arguments.name(), doing: "write a note")
        let text = arguments.name("text").trimmedOfSpace
        guard !text.isEmpty else {
            throw Failure(.usage, doing: "write a note", because: "\"text\" is empty")
        }
        try await IncidentRecords(context.ledger.records).add(
            to: incident.id, text, by: arguments.text("by"), isInternal: arguments.flag("internal"),
            at: context.now())
        return try await context.detail(of: incident)
    }
}

extension String {
    fileprivate var trimmedOfSpace: String {
        var text = Substring(self)
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }
}

extension OperationContext {
    func detail(of incident: Incident) async throws(Failure) -> JSONValue {
        let store = try ledger.records
        let records = IncidentRecords(store)
        let names = try await names(of: [incident.check], unless: nil)
        return incident.json(
            name: names[incident.check], now: now(), acknowledged: try await records.acknowledgement(of: incident.id),
            maintenance: try await IncidentMaintenance.read(from: store)
        ).adding([.init("notes", .array(try await records.notes(of: incident.id).map(\.json)))])
    }
}
