import Foundation
import HubClient
import Ledger
import Logging
import StokerCore
import Synchronization
import Testing

@testable import Operations

@Suite("Hashes of secrets in the ledger")
final class SecretFingerprintStoreTests: Sendable {
    private let folder = FileManager.default.temporaryDirectory.path + "/prints-\(UUID().uuidString)"
    private final class Told: Sendable {
        let texts = Mutex<[String]>([])
    }
    private let told = Told()
    private let space: RepoID

    init() throws { space = try RepoID(.space, "acme/bot") }

    deinit {
        // What is left of it is the system's temporary folder's business.
        try? FileManager.default.removeItem(atPath: folder)
    }

    private var store: SecretFingerprintStore {
        SecretFingerprintStore(folder: folder, now: { Instant(seconds: 1_790_000_000) }) { [told] text in
            told.texts.withLock { $0.append(text) }
        }
    }
    private var said: [String] { told.texts.withLock { $0 } }
    private var older: String { folder + "/secret-prints.json" }

    private func writeOlder(_ data: Data) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try data.write(to: URL(fileURLWithPath: older))
    }

    private func standing(
        _ name: String, _ value: String, _ prints: SecretFingerprints, at updatedAt: String = "t"
    ) -> SecretFingerprints.Comparison {
        prints.comparison(of: name, value: Secret(value), in: space, updatedAt: updatedAt)
    }

    @Test("looking makes nothing")
    func looking() async throws {
        let prints = try await store.read()
        #expect(standing("A", "1", prints) == .unknown)
        #expect(!FileManager.default.fileExists(atPath: folder))
    }

    @Test("what commands that run at once note and forget is put together, by one key")
    func together() async throws {
        let (store, space) = (store, space)
        let keys = try await withThrowingTaskGroup(of: Data.self) { group in
            for name in ["A", "B", "C", "D"] {
                group.addTask {
                    let before = try await store.begin()
                    var after = before
                    after.note(name, value: Secret("v-\(name)"), in: space, updatedAt: "t")
                    try await store.keep(from: before, to: after)
                    return after.key
                }
            }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(keys.count == 1)
        let before = try await store.read()
        for name in ["A", "B", "C", "D"] { #expect(standing(name, "v-\(name)", before) == .unchanged, "\(name)") }
        var after = before
        after.forget("B", in: space)
        after.note("C", value: Secret("other"), in: space, updatedAt: "u")
        try await store.keep(from: before, to: after)
        let last = try await store.read()
        #expect(last == after)
        #expect(standing("B", "v-B", last) == .unknown && standing("C", "other", last, at: "u") == .unchanged)
        #expect(said.isEmpty)
    }

    @Test("a long name has its record")
    func longName() async throws {
        let before = try await store.begin()
        var after = before
        let name = String(repeating: "N", count: 200)
        after.note(name, value: Secret("1"), in: space, updatedAt: "t")
        try await store.keep(from: before, to: after)
        #expect(standing(name, "1", try await store.read()) == .unchanged)
    }

    @Test("the file of earlier versions is carried over once and moved aside; what is newer stays")
    func carried() async throws {
        var file = SecretFingerprints()
        file.note("A", value: Secret("1"), in: space, updatedAt: "t")
        file.note("B", value: Secret("2"), in: space, updatedAt: "t")
        let bytes = try JSONEncoder().encode(file)
        try writeOlder(bytes)
        try writeOlder(bytes)
        let prints = try await store.read()
        #expect(prints == file)
        #expect(!FileManager.default.fileExists(atPath: older))
        #expect(FileManager.default.fileExists(atPath: older + ".moved"))

        var newer = prints
        newer.note("A", value: Secret("new"), in: space, updatedAt: "u")
        try await store.keep(from: prints, to: newer)
        // A kill right before it was moved aside.
        try writeOlder(bytes)
        #expect(try await store.begin() == newer)
        #expect(!FileManager.default.fileExists(atPath: older))
        #expect(said.isEmpty)

        // An older version was at work once more, without its file: it has made another key.
        var foreign = SecretFingerprints()
        foreign.note("C", value: Secret("3"), in: space, updatedAt: "t")
        try writeOlder(JSONEncoder().encode(foreign))
        #expect(try await store.read() == newer)
        #expect(said.count == 1 && said[0].contains("older Stoker"))
        #expect(!FileManager.default.fileExists(atPath: older))
    }

    @Test("a damaged file is put aside and told", arguments: ["{\"key\":", "{\"key\":\"AAAA\",\"entries\":{}}", ""])
    func damagedFile(_ text: String) async throws {
        try writeOlder(Data(text.utf8))
        #expect(standing("A", "1", try await store.read()) == .unknown)
        #expect(said.count == 1 && said[0].contains("secret-prints.json.damaged"))
        #expect(FileManager.default.fileExists(atPath: older + ".damaged"))
        _ = try await store.begin()
        #expect(said.count == 1, "told once")
    }

    @Test("a damaged key is made anew and told; hashes of the one before count as unknown")
    func damagedKey() async throws {
        let before = try await store.begin()
        var after = before
        after.note("A", value: Secret("1"), in: space, updatedAt: "t")
        try await store.keep(from: before, to: after)
        _ = try await SharedStores.using(
            folder + "/stoker.sqlite", making: false, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { (stores) async throws(Failure) in
            try await stores.records.put(
                NewRecord(
                    kind: SecretFingerprintStore.keyKind, key: SecretFingerprintStore.keyName, body: "{}",
                    at: Instant(seconds: 1)))
        }
        let read = try await store.read()
        #expect(read.key != before.key && standing("A", "1", read) == .unknown)
        #expect(try await store.begin() == read)
        #expect(said.count == 1)
    }
}
