import Foundation
import StokerCore
import TestSupport
import Testing

@testable import CommandLine

/// The token file that a command reads by itself.
@Suite struct KeptTokenTests {
    private static let table = """
          sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
           0: 0100007F:1EB4 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0
           1: 0100007F:1EB4 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1001        0 4712 1 0 20 4 0 10 -1
           2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 100 0 0 10 0
           3: junk
        """

    @Test func whoListensAtAPort() {
        #expect(KeptToken.listeners(at: 7_860, in: Self.table) == [1_000])
        #expect(KeptToken.listeners(at: 22, in: Self.table) == [0])
        #expect(KeptToken.listeners(at: 443, in: Self.table).isEmpty)
        #expect(KeptToken.listeners(at: 22, in: "").isEmpty)
    }

    /// Its own server, also one that root sees from outside or that is in another container; not what another user has opened.
    @Test func whoMayBeBehindAPort() {
        let table = [Self.table]
        #expect(KeptToken.isOwn(7_860, tables: table, users: [0, 1_000], isContainer: false))
        #expect(!KeptToken.isOwn(7_860, tables: table, users: [0, 1_001], isContainer: true))
        #expect(!KeptToken.isOwn(7_860, tables: table, users: [0], isContainer: true))
        #expect(KeptToken.isOwn(22, tables: table, users: [0, 1_001], isContainer: false))
        #expect(KeptToken.isOwn(443, tables: table, users: [0, 1_001], isContainer: false), "handed on by the kernel")
        #expect(KeptToken.isOwn(443, tables: [], users: [0, 1_001], isContainer: true))
        #expect(!KeptToken.isOwn(443, tables: [], users: [0, 1_001], isContainer: false))
    }

    /// A server that listens on all addresses of a container, asked by root, by its own user and by nobody else.
    @Test func aServerOnAllAddressesIsKnown() throws {
        let folder = NSTemporaryDirectory() + "kept-token-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data("abcdefgh12345678\n".utf8).write(to: URL(fileURLWithPath: folder + "/token"))
        let environment = ProcessEnvironment(environment: ["STOKER_DATA": folder, "KUBERNETES_SERVICE_HOST": "x"])
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 1) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        #expect(isBound)
        let port = UInt16(bigEndian: address.sin_port)
        for host in ["127.0.0.1", "localhost", "[::1]"] {
            let url = try WebOrigin("http://\(host):\(port)")
            #expect(KeptToken.forServer(at: url, in: environment)?.reveal() == "abcdefgh12345678", "\(host)")
        }
    }

    @Test func onlyAWholeTokenIsRead() throws {
        let folder = NSTemporaryDirectory() + "kept-token-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(KeptToken.read(in: folder) == nil)
        try Data("abcdefgh12345678\n".utf8).write(to: URL(fileURLWithPath: folder + "/token"))
        #expect(KeptToken.read(in: folder)?.reveal() == "abcdefgh12345678")
        for wrong in ["", "\n", "two words", "line\r\nX-Evil: 1", "ü"] {
            try Data(wrong.utf8).write(to: URL(fileURLWithPath: folder + "/token"))
            #expect(KeptToken.read(in: folder) == nil, "\(wrong)")
        }
    }

    @Test(arguments: ["http://198.51.100.7:7860", "http://example.com", "https://stoker.example"])
    func anotherMachineNeverGetsIt(address: String) throws {
        let folder = NSTemporaryDirectory() + "kept-token-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data("abcdefgh12345678\n".utf8).write(to: URL(fileURLWithPath: folder + "/token"))
        // Nor does it where the ports cannot be seen.
        for sign in [[:], ["SPACE_ID": "acme/stoker"]] {
            let environment = ProcessEnvironment(environment: sign.merging(["STOKER_DATA": folder]) { $1 })
            #expect(KeptToken.forServer(at: try WebOrigin(address), in: environment) == nil)
        }
    }
}
