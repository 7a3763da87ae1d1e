import Ledger
import Operations
import StokerCore
import TestSupport
import Testing

@Suite struct IncidentTests {
    private func ids(_ fleet: FleetDouble, _ given: [(name: String, value: JSONValue)]) async throws -> [Int] {
        try await fleet.call("incidents", given)["items"]?.array?.compactMap { $0["id"]?.integer } ?? []
    }

    @Test func incidentsAreFiltered() async throws {
        let fleet = FleetDouble()
        #expect(try await ids(fleet, []) == [5, 4, 3, 2, 1])
        #expect(try await ids(fleet, [("state", "open")]) == [5])
        #expect(try await ids(fleet, [("state", "closed")]) == [4, 3, 2, 1])
        #expect(try await ids(fleet, [("group", "edge"), ("state", "closed"), ("limit", 2)]) == [4, 3])
        #expect(try await ids(fleet, [("target", "bot")]) == [])
        #expect(try await ids(fleet, [("cause", "dns.failed")]) == [])
        // Closed ones last 50 s, the open one 500 s.
        #expect(try await ids(fleet, [("longer", "1m")]) == [5])
        // Number 2 ended 750 s ago.
        #expect(try await ids(fleet, [("from", "700s")]) == [5, 4, 3])
        // Number 3 began 700 s ago.
        #expect(try await ids(fleet, [("to", "750s")]) == [2, 1])
    }

    @Test func aFilteredListGoesOnWhereItEnded() async throws {
        let fleet = FleetDouble()
        var found: [Int] = []
        var cursor: JSONValue = nil
        repeat {
            let page = try await fleet.call("incidents", [("state", "closed"), ("limit", 1), ("cursor", cursor)])
            found += page["items"]?.array?.compactMap { $0["id"]?.integer } ?? []
            cursor = page["next_cursor"] ?? nil
        } while !cursor.isNull
        #expect(found == [4, 3, 2, 1])
    }

    @Test func anAcknowledgementSaysWhoAndCanBeTakenBack() async throws {
        let fleet = FleetDouble()
        _ = try await fleet.call("acknowledge", [("name", "5"), ("by", "mara"), ("text", "on it")])
        let seen = try await fleet.call("show-incident", [("name", "5")])["acknowledged"]
        #expect(seen?["by"] == "mara" && seen?["text"] == "on it" && seen?["at"]?.string == fleet.now.description)
        #expect(try await ids(fleet, [("acknowledged", true)]) == [5])
        #expect(try await ids(fleet, [("acknowledged", false), ("state", "open")]) == [])
        // Who was first stays.
        _ = try await fleet.call("acknowledge", [("name", "5"), ("by", "jonas")])
        #expect(try await fleet.call("show-incident", [("name", "5")])["acknowledged"]?["by"] == "mara")
        _ = try await fleet.call("acknowledge", [("name", "5"), ("by", "jonas"), ("text", "the disk is full")])
        let later = try await fleet.call("show-incident", [("name", "5")])["acknowledged"]
        #expect(later?["by"] == "mara" && later?["text"] == "the disk is full" && later?["at"] == seen?["at"])
        for _ in 0..<2 {
            let back = try await fleet.call("withdraw-acknowledgement", [("name", "5")])
            #expect(back["acknowledged"] == .null)
        }
        let over = await #expect(throws: Failure.self) { try await fleet.call("acknowledge", [("name", "4")]) }
        #expect(over?.code == .conflict)
    }

    @Test func whatWasInMaintenanceIsSaid() async throws {
        let fleet = FleetDouble()
        func incident(_ number: Int) async throws -> JSONValue {
            try await fleet.call("show-incident", [("name", .string("\(number)"))])
        }
        let open = try await incident(5)
        #expect(open["maintenance_seconds"]?.double == 0)
        #expect(OutputFormatting.maintenance(ofIncident: open) == nil)
        let check = Int32(open["check_id"]?.integer ?? 0)
        // The incident lasts 500 s. Two times overlap, one lies before it, and one goes on into the future.
        for (number, (from, until)) in [(9_000, 8_000), (400, 300), (350, 200), (30, -600)].enumerated() {
            var span = MaintenanceSpan(
                MaintenanceWindow(
                    id: "m\(number)", name: "updates", from: fleet.now - .seconds(from),
                    until: fleet.now - .seconds(until),
                    scope: MaintenanceScope(targets: ["x"]), isByHand: true), checks: [[check, check]])
            try await fleet.ledger.records.put(span.record(at: fleet.now))
            // Of another check.
            span.id += "-other"
            span.checks = [[check + 1, check + 9]]
            span.from = 0
            try await fleet.ledger.records.put(span.record(at: fleet.now))
        }
        let listed = try await fleet.call("incidents", [("state", "open")])["items"]?.array?.first
        #expect(listed?["maintenance_seconds"]?.double == 230)
        #expect(try await incident(5)["maintenance_seconds"]?.double == 230)
        let item = try #require(listed)
        #expect(OutputFormatting.cause(ofIncident: item).hasSuffix(" (3 min of it in maintenance)"))
        let columns = OutputFormatting.incidentColumns
        #expect(columns.last == "maintenance_seconds")
        #expect(OutputFormatting.csv(item, columns).hasSuffix(",230\r\n"))
        let whole: JSONValue = ["sentence": "refused", "seconds": 60, "maintenance_seconds": 60]
        #expect(OutputFormatting.cause(ofIncident: whole) == "refused (all of it in maintenance)")
    }

    @Test func notesAreKeptInTheirOrder() async throws {
        let fleet = FleetDouble()
        for number in 1...11 {
            _ = try await fleet.call(
                "note-incident", [("name", "4"), ("text", .string("note \(number)")), ("internal", .bool(number == 3))])
        }
        let notes = try await fleet.call("show-incident", [("name", "4")])["notes"]?.array ?? []
        #expect(notes.compactMap { $0["text"]?.string } == (1...11).map { "note \($0)" })
        #expect(notes.compactMap { $0["internal"]?.bool }.firstIndex(of: true) == 2)
        // Those of 4 are not those of 40 or 5.
        #expect(try await fleet.call("show-incident", [("name", "5")])["notes"] == [])
        let empty = await #expect(throws: Failure.self) {
            try await fleet.call("note-incident", [("name", "4"), ("text", "  ")])
        }
        #expect(empty?.code == .unsuitable)
        let none = await #expect(throws: Failure.self) { try await fleet.call("show-incident", [("name", "6")]) }
        #expect(none?.code == .notFound)
    }

    @Test func eventsAreFiltered() async throws {
        let fleet = FleetDouble()
        func ids(_ given: [(name: String, value: JSONValue)]) async throws -> [Int] {
            try await fleet.call("events", given)["items"]?.array?.compactMap { $0["id"]?.integer } ?? []
        }
        #expect(try await ids([("group", "edge")]) == [5, 4, 2, 1])
        #expect(try await ids([("kind", "verdict"), ("limit", 2)]) == [5, 4])
        #expect(try await ids([("kind", "verd")]) == [])
        // Number 3 is 597 s old.
        #expect(try await ids([("from", "597s")]) == [5, 4, 3])
        #expect(try await ids([("to", "597s")]) == [2, 1])
    }

    @Test(arguments: ["", "-a", "a-", "A", "a_b", "a/b", "a.b", "é", String(repeating: "a", count: 41)])
    func whatCannotBePartOfAnAddressIsNoPage(_ name: String) {
        #expect(!StatusPageSettings.isSlug(name))
        let text = "targets: { a: https://a.example }\nstatus_pages: { \"\(name)\": { targets: [a] } }"
        #expect(throws: (any Error).self) {
            _ = try FleetFile.read(text: text, name: "fleet.yaml", environment: [:], sections: .all).get()
        }
    }
}
