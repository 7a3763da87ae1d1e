import Foundation
import Ledger
import StokerCore
import Testing

/// Implementations of the ledger; every test of the contract runs over each.
enum Kind: String, CaseIterable, CustomTestStringConvertible {
    case memory
    case sqlite
    /// The same with rows moved on after every write.
    case sqliteTended

    var testDescription: String { rawValue }

    func withLedger(_ body: (any Ledger, () async throws -> Void) async throws -> Void) async throws {
        switch self {
        case .memory: try await body(MemoryLedger()) {}
        case .sqlite, .sqliteTended:
            let scratch = try Scratch()
            let ledger = try await openLedger(scratch)
            try await body(ledger) { if self == .sqliteTended { try await ledger.compactAll() } }
            await ledger.close()
        }
    }
}

@Suite("Ledger contract")
struct ContractTests {
    @Test("after closing, calls say so", arguments: Kind.allCases)
    func closed(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            await ledger.close()
            await ledger.close()
            let failure = await #expect(throws: Failure.self) { try await ledger.register(["a"]) }
            #expect(failure?.because == "the ledger is closed")
            #expect(failure?.code == .ledger)
        }
    }
}
