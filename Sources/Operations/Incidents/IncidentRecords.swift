package import Ledger
import Notices
package import StokerCore

/// What a person said about an incident: that it was seen, and how it goes on. Kept as records of the ledger.
package struct Acknowledgement: Sendable, Equatable {
    /// When it was acknowledged.
    package var at: Instant
    /// Who said it, as the caller names itself; nil where it does not.
    package var by: String?
    /// What was said with it; nil for nothing.
    package var text: String?

    var json: JSONValue { ["at": .instant(at), "by": .text(by), "text": .text(text)] }
}

/// One entry of an incident's own story.
package struct IncidentNote: Sendable, Equatable {
    /// Begins at 1 for each incident.
    package var number: Int
    package var at: Instant
    package var by: String?
    package var text: String
    /// Not for status pages.
    package var isInternal: Bool

    var json: JSONValue {
        [
            "number": .count(number), "at": .instant(at), "by": .text(by), "text": .string(text),
            "internal": .bool(isInternal),
        ]
    }
}

/// Acknowledgements and notes in the ledger. Notices stop repeats and escalation on the acknowledgements.
package struct IncidentRecords: Sendable {
    /// Key: number of the incident.
    static let acknowledgementKind = NoticeBoard.acknowledgement
    /// Key: number of the incident, a slash, number of the note in four digits.
    static let noteKind = "incident-note"
    /// Notes an incident may have.
    static let maxNotes = 200
    package static let mostText = 4_000

    private let records: any RecordStore

    package init(_ records: any RecordStore) { self.records = records }

    package func acknowledgement(of incident: Int64) async throws(Failure) -> Acknowledgement? {
        try await records.record(kind: Self.acknowledgementKind, key: "\(incident)").map(Self.acknowledgement)
    }

    /// All there are, by the incident's number.
    package func acknowledgements() async throws(Failure) -> [Int64: Acknowledgement] {
        var found: [Int64: Acknowledgement] = [:]
        for record in try await records.records(kind: Self.acknowledgementKind) {
            guard let number = Int64(record.key) else { continue }
            found[number] = Self.acknowledgement(record)
        }
        return found
    }

    /// Who acknowledged it first, and when, stays. Another text replaces the one there is.
    package func acknowledge(
        _ incident: Int64, by: String?, text: String?, at: Instant
    ) async throws(Failure) {
        let earlier = try await acknowledgement(of: incident)
        if earlier != nil, text == nil { return }
        let body: JSONValue = ["by": .text(earlier?.by ?? by), "text": .text(text)]
        try await records.put(
            NewRecord(kind: Self.acknowledgementKind, key: "\(incident)", body: body.text, at: earlier?.at ?? at))
    }

    /// - Returns: whether there was one.
    package func withdraw(_ incident: Int64) async throws(Failure) -> Bool {
        try await records.remove(kind: Self.acknowledgementKind, key: "\(incident)")
    }

    /// Oldest first.
    package func notes(of incident: Int64) async throws(Failure) -> [IncidentNote] {
        try await records.records(
            kind: Self.noteKind, prefix: "\(incident)/", after: nil, limit: Self.maxNotes
        ).compactMap(Self.note)
    }

    /// - Throws: `conflict` when there are ``maxNotes`` already.
    package func add(
        to incident: Int64, _ text: String, by: String?, isInternal: Bool, at: Instant
    ) async throws(Failure) {
        let body: JSONValue = ["by": .text(by), "text": .string(text), "internal": .bool(isInternal)]
        var number = (try await notes(of: incident).last?.number ?? 0) + 1
        while number <= Self.maxNotes {
            let digits = "\(number)"
            let key = "\(incident)/" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
            // Another process may write one at the same moment.
            let record = NewRecord(kind: Self.noteKind, key: key, body: body.text, at: at)
            if try await records.put(record, ifVersion: 0) != nil { return }
            number += 1
        }
        throw Failure(
            .conflict, doing: "write a note on incident \(incident)",
            because: "it has \(Self.maxNotes) notes, and no more are kept")
    }

    private static func acknowledgement(_ record: Record) -> Acknowledgement {
        // What cannot be read was an acknowledgement all the same.
        let body = try? JSONValue(reading: Array(record.body.utf8))
        return Acknowledgement(at: record.at, by: body?["by"]?.string, text: body?["text"]?.string)
    }

    private static func note(_ record: Record) -> IncidentNote? {
        guard let number = record.key.split(separator: "/").last.flatMap({ Int($0) }),
            let body = try? JSONValue(reading: Array(record.body.utf8)), let text = body["text"]?.string
        else { return nil }
        return IncidentNote(
            number: number, at: record.at, by: body["by"]?.string, text: text,
            isInternal: body["internal"]?.bool ?? false)
    }
}

extension OperationContext {
    /// The incident that an address names.
    /// - Throws: `usage` for what is no number, `not_found` where there is none.
    func incident(_ text: String, doing: String) async throws(Failure) -> Incident {
        let number = try Operation.incidentNumber(text, doing: doing)
        if let found = try await ledger.incident(number) { return found }
        throw Failure(
            .notFound, doing: doing, because: "there is no incident \(number)",
            hint: "`stoker incidents list` shows their numbers")
    }
}

extension Ledger {
    package func incident(_ number: Int64) async throws(Failure) -> Incident? {
        let last = number == .max ? nil : number + 1
        let found = try await incidents(of: nil, openOnly: false, before: last, limit: 1).first
        return found?.id == number ? found : nil
    }
}

extension Operation {
    static func incidentNumber(_ text: String, doing: String) throws(Failure) -> Int64 {
        guard let number = Int64(text), number > 0 else {
            throw Failure(
                .usage, doing: doing, because: "\"\(text.shortened)\" is not the number of an incident",
                hint: "`stoker incidents list` shows the numbers")
        }
        return number
    }
}

extension Operation.Parameter {
    static let incident = Operation.Parameter(
        "name", .path, .text(upTo: 20), form: rowForm, "Number of the incident")
    static func by(_ location: Location) -> Operation.Parameter {
        .init("by", location, .text(upTo: 100), "Who says it")
    }
}
