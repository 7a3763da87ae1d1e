import Foundation
import HubClient
import Ledger
import Logging
import StokerCore
import Testing

@testable import Operations

@Suite("What people do to Spaces is written down")
struct SpaceDeedTests {
    private let space: RepoID
    private let moment = Instant(seconds: 1_790_000_000)

    init() throws { space = try RepoID(.space, "acme/bot") }

    private struct LocalCaller: OperationCaller {
        var isLocal: Bool { true }
    }

    @Test("before it is done, and how it ended")
    func recorded() async throws {
        let ledger = MemoryLedger()
        let context = OperationContext(ledger: ledger, now: { [moment] in moment })
        let during = try await context.recording(.restart, on: space, as: "restart") {
            try await ledger.actions.actions(ActionQuery(space: "acme/bot"))
        }
        #expect(during.map(\.state) == [.begun] && during.map(\.kind) == [.asked(.restart)])
        #expect(during.map(\.actor) == ["a request to this server"])
        await #expect(throws: Failure.self) {
            try await context.recording(.pause, on: space, as: "pause") {
                throw Failure(.hubForbidden, doing: "pause acme/bot", because: "the Hub answered 403")
            }
        }
        await #expect(throws: Failure.self) {
            try await context.recording(.wake, on: space, as: "wake") {
                throw Failure(.hubUnreachable, doing: "wake acme/bot", because: "no answer came")
            }
        }
        let all = try await ledger.actions.actions(ActionQuery())
        #expect(all.map(\.state) == [.unknown, .failed, .succeeded])
        #expect(all.map(\.kind.askedDeed) == [.wake, .pause, .restart])
        #expect(all[1].result == "the Hub answered 403")
    }

    @Test("a command writes into the ledger of its data folder when there is one, and makes none")
    func ofACommand() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/deeds-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // What is left of it is the system's temporary folder's business.
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let context = OperationContext(now: { [moment] in moment }, dataFolder: folder, caller: LocalCaller())
        await context.recording(.restart, on: space, as: "restart") {}
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let stores = try await SharedStores.open(path: folder + "/stoker.sqlite", logger: quiet)
        await context.recording(.factoryRestart, on: space, as: "restart") {}
        let all = try await stores.actions.actions(ActionQuery())
        await stores.close()
        #expect(all.map(\.kind) == [.asked(.factoryRestart)] && all.map(\.state) == [.succeeded])
        #expect(all.map(\.actor) == ["`stoker space restart`"])
    }
}
