import NIOCore
import Testing

@testable import Safekeeping

/// What every kind of vault keeps to. One suite a kind calls it.
enum VaultContract {
    /// - Parameters:
    ///   - vault: empty.
    ///   - other: the same place, as another process sees it.
    static func check(_ vault: any Vault, seenBy other: any Vault) async throws {
        func bytes(_ text: String) -> ByteBuffer { ByteBuffer(string: text) }
        try await vault.probe()
        #expect(try await vault.readHead() == nil)
        #expect(try await vault.read("v1/p/none") == nil)
        #expect(try await vault.list("v1/p/").isEmpty)

        // The first head: one of two wins.
        guard case .swapped(let first) = try await vault.swapHead(bytes("one"), expecting: nil) else {
            Issue.record("the first head was refused")
            return
        }
        #expect(try await other.swapHead(bytes("two"), expecting: nil) == .refused)
        let read = try #require(try await other.readHead())
        #expect(String(buffer: read.bytes) == "one")

        // What comes with a head is there with it.
        let pack = "v1/p/0000000000000001-00000000000000000000000000000001"
        try await vault.put(ByteBuffer(bytes: Array(0...255) as [UInt8]), as: pack, .withHead)
        try await vault.put(ByteBuffer(bytes: Array(0...255) as [UInt8]), as: pack, .withHead)
        guard case .swapped(let second) = try await vault.swapHead(bytes("three"), expecting: first) else {
            Issue.record("a swap of the version that is there was refused")
            return
        }
        #expect(second != first)
        #expect(try await other.read(pack, 10..<13).map { Array($0.readableBytesView) } == [10, 11, 12])
        #expect(try await other.read(pack, 250..<400).map { $0.readableBytes } == 6)
        #expect(try await other.read(pack).map { $0.readableBytes } == 256)
        #expect(try await other.list("v1/p/") == [StoredObject(name: pack, size: 256)])

        // A version that is over never comes back, not even with the same bytes.
        #expect(try await other.swapHead(bytes("four"), expecting: first) == .refused)
        #expect(try await other.swapHead(bytes("four"), expecting: read.version) == .refused)
        #expect(try await vault.readHead().map { String(buffer: $0.bytes) } == "three")
        let now = try #require(try await other.readHead())
        guard case .swapped = try await other.swapHead(bytes("five"), expecting: now.version) else {
            Issue.record("a swap of the version that was read was refused")
            return
        }

        // At once.
        try await vault.put(bytes("me"), as: "v1/want", .atOnce)
        #expect(try await other.read("v1/want").map { String(buffer: $0) } == "me")
        try await vault.put(bytes("me too"), as: "v1/want", .atOnce)
        #expect(try await other.read("v1/want").map { String(buffer: $0) } == "me too")
        #expect(try await other.list("v1/").map(\.name).contains("v1/want"))

        // Piece by piece, where the place takes that: nobody sees a part, and what is let go leaves nothing.
        let long = "v1/p/0000000000000001-00000000000000000000000000000002"
        var begun = try await vault.stream(long)
        if let first = begun {
            try ([1, 2, 3] as [UInt8]).withUnsafeBytes { try first.write($0) }
            #expect(try await other.read(long) == nil)
        }
        if begun != nil {
            begun = nil
            let stream = try #require(try await vault.stream(long))
            for piece in [[4, 5], [6]] as [[UInt8]] { try piece.withUnsafeBytes { try stream.write($0) } }
            try stream.finish()
            #expect(try await other.read(long).map { Array($0.readableBytesView) } == [4, 5, 6])
            #expect(try await other.list("v1/p/0000000000000001-00000000000000000000000000000002").count == 1)
            try await other.delete([long])
        }

        // What is deleted is gone with the next head at the latest.
        try await other.delete([pack, "v1/p/never"])
        let last = try #require(try await other.readHead())
        guard case .swapped = try await other.swapHead(bytes("six"), expecting: last.version) else {
            Issue.record("a swap behind a deletion was refused")
            return
        }
        #expect(try await vault.read(pack) == nil)
        #expect(try await vault.list("v1/p/").isEmpty)
        #expect(try await vault.readHead().map { String(buffer: $0.bytes) } == "six")
        try await other.delete(["v1/want"])
        #expect(try await vault.read("v1/want") == nil)
    }

    /// Of several writers of one version exactly one wins, every time.
    static func race(_ vault: any Vault, rounds: Int, writers: Int = 4) async throws {
        var version: HeadVersion? = try await vault.readHead()?.version
        for round in 0..<rounds {
            let base = version
            let winners = try await withThrowingTaskGroup(of: HeadVersion?.self) { group in
                for writer in 0..<writers {
                    group.addTask {
                        let text = ByteBuffer(string: "round \(round) writer \(writer)")
                        guard case .swapped(let made) = try await vault.swapHead(text, expecting: base) else {
                            return nil
                        }
                        return made
                    }
                }
                return try await group.reduce(into: [HeadVersion]()) { if let made = $1 { $0.append(made) } }
            }
            #expect(winners.count == 1)
            version = try await vault.readHead()?.version
        }
    }
}

@Suite struct FolderVaultTests {
    @Test func contract() async throws {
        let scratch = Scratch()
        try await VaultContract.check(FolderVault(path: scratch("vault")), seenBy: FolderVault(path: scratch("vault")))
    }

    @Test func ofSeveralWritersOneWins() async throws {
        let scratch = Scratch()
        try await VaultContract.race(FolderVault(path: scratch("vault")), rounds: 10)
    }
}
