import Operations
import StokerCore
import TestSupport
import Testing

/// Every list comes in pages.
@Suite struct PagingTests {
    /// What has rows and is no list: it answers one question, whole.
    private static let reports: [String: String] = [
        "overview": "the fleet in one sentence and its numbers", "check-series": "a chart; `buckets` says how fine",
        "transcript": "one ping", "configuration": "the keys of the program, each once",
        "notify-rules": "who hears of what; made of the fleet file", "budget": "a calculation",
        "whoami": "one account", "hub-allowance": "one account", "doctor": "a diagnosis",
        "audit": "a protocol of points", "space-logs": "a log; `lines` says how many",
        "gate-results": "a yes or no with its first hundred reasons", "download-space": "files and their contents",
        "latest-result": "one row", "space-runtime": "what one Space does",
    ]

    private static func hasRows(_ shape: Shape) -> Bool {
        shape.fields.contains { field in
            if case .list(.shape) = field.type { true } else { false }
        }
    }

    /// A new list without a cursor is found here.
    @Test func eachListHasACursor() {
        for operation in Operation.all where operation.effect == .read && operation.method == .get {
            guard !operation.name.hasPrefix("show-"), Self.hasRows(operation.answer) else { continue }
            let isPaged =
                operation.parameters.contains { $0.name == "cursor" }
                && operation.answer.fields.contains { $0.name == "next_cursor" }
            #expect(isPaged != (Self.reports[operation.name] != nil), "\(operation.name)")
        }
        for operation in Operation.all {
            guard let paging = operation.paging else { continue }
            let rows = operation.answer.fields.first { $0.name == paging.rows }
            guard case .list(.shape(let row)) = rows?.type else {
                Issue.record("\(operation.name) has no rows \(paging.rows)")
                continue
            }
            for name in paging.key { #expect(row.fields.contains { $0.name == name }, "\(operation.name): \(name)") }
        }
        for name in Self.reports.keys { #expect(Operation.named(name) != nil, "\(name)") }
    }

    /// Page by page, one row each, every list of a fleet is what it is whole.
    @Test func aWalkSeesEachRowOnce() async throws {
        let fleet = FleetDouble()
        try await fleet.keepFinding()
        var walked = 0
        for (name, given) in OperationTests.calls {
            let operation = try #require(Operation.named(name))
            guard operation.parameters.contains(where: { $0.name == "cursor" }) else { continue }
            let limit = operation.paging?.limit.name ?? "limit"
            guard case .integer(let sizes) = operation.parameters.first(where: { $0.name == limit })?.kind else {
                Issue.record("\(name) has no \(limit)")
                continue
            }
            let rows = operation.paging?.rows ?? "items"
            let others = given.filter { $0.name != limit }
            func page(_ more: [(name: String, value: JSONValue)]) async throws -> JSONValue {
                try await fleet.call(name, others + more)
            }
            let whole = try await page([(limit, .integer(Int64(sizes.upperBound)))])[rows]?.array ?? []
            var seen: [JSONValue] = []
            var cursor: JSONValue = .null
            repeat {
                let next = try await page([(limit, 1), ("cursor", cursor)])
                seen += next[rows]?.array ?? []
                cursor = next["next_cursor"] ?? .null
            } while !cursor.isNull && seen.count <= whole.count
            #expect(seen == whole, "\(name)")
            if whole.count > 1 { walked += 1 }
        }
        #expect(walked >= 5)
    }

    private static func page(_ rows: [String], _ limit: Int, _ cursor: JSONValue) throws -> JSONValue {
        let arguments = try Arguments(
            [("limit", .integer(Int64(limit))), ("cursor", cursor)], for: .listTokens, now: Instant(milliseconds: 0))
        return try Paging(by: "name").page(
            of: ["items": .array(rows.map { ["name": .string($0)] })], arguments, isLocal: false, given: [])
    }

    private static func names(_ page: JSONValue) -> [String] {
        page["items"]?.array?.compactMap { $0["name"]?.string } ?? []
    }

    /// Rows that come or go before the place move nothing, and a row that went is stood for by its place.
    @Test func rowsMayComeAndGo() throws {
        let rows = ["a", "b", "c", "d"]
        let first = try Self.page(rows, 2, .null)
        let cursor = try #require(first["next_cursor"])
        #expect(Self.names(first) == ["a", "b"])
        for (now, rest) in [
            (rows, ["c", "d"]), (["0", "a", "b", "c", "d"], ["c", "d"]), (["b", "c", "d"], ["c", "d"]),
            (["a", "b"], []), ([], []),
        ] {
            let second = try Self.page(now, 2, cursor)
            #expect(Self.names(second) == rest && second["next_cursor"] == .null)
        }
        // `b` went: what stood behind its place goes on; `c` is at its place now.
        #expect(Self.names(try Self.page(["a", "c", "d"], 2, cursor)) == ["c", "d"])
    }

    @Test(arguments: ["", "1", "x.0123456789abcdef", "1.short", "-1.0123456789abcdef"])
    func whatNoPageGaveIsRefused(_ cursor: String) {
        #expect(throws: Failure.self) { try Self.page(["a", "b"], 1, .string(cursor)) }
    }

    @Test func whoIsHereAndDoesNotAskForPagesGetsAll() throws {
        let arguments = try Arguments([], for: .listTokens, now: Instant(milliseconds: 0))
        let all: JSONValue = ["items": .array((0..<1_200).map { ["name": .integer(Int64($0))] })]
        let paging = Paging(by: "name")
        #expect(try paging.page(of: all, arguments, isLocal: true, given: [])["items"]?.array?.count == 1_200)
        let page = try paging.page(of: all, arguments, isLocal: false, given: [])
        #expect(page["items"]?.array?.count == 1_000 && page["next_cursor"]?.string?.hasPrefix("999.") == true)
    }
}
