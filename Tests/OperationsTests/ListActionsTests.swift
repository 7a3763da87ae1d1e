import Foundation
import Ledger
import Logging
import StokerCore
import Testing

@testable import Operations

@Suite("list-actions")
struct ListActionsTests {
    private let moment = Instant(seconds: 1_790_000_000)

    /// Three of healing and one of a person, a minute apart.
    private func fill(_ store: any ActionStore) async throws {
        for (number, row) in [
            (Action.Kind.healing(.restart), "acme/bot", Action.State.succeeded),
            (.asked(.pause), "acme/bot", .failed), (.suggestion, "acme/rag", .succeeded),
            (.healing(.wake), "acme/rag", .begun),
        ].enumerated() {
            let action = try await store.begin(
                NewAction(
                    row.0, on: row.1, by: "healing", because: "it is down", began: moment + .seconds(60 * number),
                    details: ["endpoint": "https://huggingface.co"]), within: .seconds(3))
            guard row.2 != .begun else { continue }
            try await store.end(
                action.id, fence: action.fence, as: row.2, result: "seen", now: moment + .seconds(60 * number + 5))
        }
    }

    private func list(
        _ given: [(name: String, value: JSONValue)], in context: OperationContext
    ) async throws -> JSONValue { try await Operation.listActions.call(given, in: context) }

    @Test(
        "by Space, kind, state and time",
        arguments: [
            ("", "", ["heal.wake", "heal.suggested", "space.pause", "heal.restart"]),
            ("space", "ACME/Bot", ["space.pause", "heal.restart"]),
            ("kind", "heal", ["heal.wake", "heal.suggested", "heal.restart"]),
            ("kind", "heal.restart", ["heal.restart"]), ("kind", "hea", []),
            ("state", "failed", ["space.pause"]), ("from", "2m", ["heal.wake", "heal.suggested"]),
        ])
    func filters(_ name: String, _ value: String, _ kinds: [String]) async throws {
        let ledger = MemoryLedger()
        try await fill(ledger.actions)
        let context = OperationContext(ledger: ledger, now: { [moment] in moment + .seconds(4 * 60) })
        let page = try await list(name.isEmpty ? [] : [(name, .string(value))], in: context)
        #expect(page["items"]?.array?.compactMap { $0["kind"]?.string } == kinds)
        #expect(page["next_cursor"] == .null)
    }

    @Test func pagesMeetWithoutALoss() async throws {
        let ledger = MemoryLedger()
        try await fill(ledger.actions)
        let context = OperationContext(ledger: ledger, now: { [moment] in moment })
        var (ids, cursor): ([Int], JSONValue) = ([], .null)
        repeat {
            let page = try await list([("limit", 1), ("kind", "heal"), ("cursor", cursor)], in: context)
            ids += page["items"]?.array?.compactMap { $0["id"]?.integer } ?? []
            cursor = page["next_cursor"] ?? .null
        } while !cursor.isNull && ids.count < 10
        #expect(ids.count == 3 && ids == ids.sorted(by: >))
    }

    @Test("a command reads the ledger of its data folder; without one it says what to do")
    func ofACommand() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/actions-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // What is left of it is the system's temporary folder's business.
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let context = OperationContext(now: { [moment] in moment }, dataFolder: folder)
        let failure = await #expect(throws: Failure.self) { try await list([], in: context) }
        #expect(failure?.code == .conflict && failure?.hint?.contains("STOKER_DATA") == true)
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let stores = try await SharedStores.open(path: folder + "/stoker.sqlite", logger: quiet)
        try await fill(stores.actions)
        await stores.close()
        let first = try #require(try await list([("limit", 1)], in: context)["items"]?.array?.first)
        #expect(first["state"] == "begun" && first["ended"] == .null && first["space"] == "acme/rag")
        #expect(first["details"] == ["endpoint": "https://huggingface.co"])
    }
}
