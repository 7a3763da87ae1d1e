import Foundation
import Runtime
package import StokerCore

/// The token that a server made for itself, in the file `token` of its data folder, which only its owner can read.
package enum KeptToken {
    /// nil when there is none, or it cannot be read.
    package static func read(in folder: String) -> Secret? {
        guard let bytes = try? PlainFile.read(folder + "/token", upTo: 4_096) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        return text.isEmpty || text.contains(where: { !$0.isASCII || $0.isWhitespace }) ? nil : Secret(text)
    }

    /// For a server at a loopback address that the token's owner runs. Another user who has opened the port does not get it.
    static func forServer(at origin: WebOrigin, in environment: ProcessEnvironment) -> Secret? {
        let folder = environment.dataFolder
        guard origin.isLoopback, let token = read(in: folder) else { return nil }
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"].compactMap {
            try? String(decoding: Data(contentsOf: URL(fileURLWithPath: $0)), as: UTF8.self)  // some systems have none
        }
        // Root enters a container whose server runs as somebody else; the file belongs to that server then.
        var facts = stat()
        let owner = stat(folder + "/token", &facts) == 0 ? facts.st_uid : geteuid()
        return isOwn(
            origin.port, tables: tables, users: [0, geteuid(), owner], isContainer: environment.containerEvidence != nil
        )
            ? token : nil
    }

    /// Whether nobody but these users can be behind a port of this machine.
    /// - Parameter isContainer: it has one user, so that a system that does not show its ports is believed.
    static func isOwn(_ port: Int, tables: [String], users: Set<UInt32>, isContainer: Bool) -> Bool {
        guard !tables.isEmpty else { return isContainer }
        // Without a listener nothing answers, or the kernel hands the port on, into a container for example: only root can have that done.
        return users.isSuperset(of: tables.flatMap { listeners(at: port, in: $0) })
    }

    /// Numbers of the users that listen on a port, at whatever address.
    /// - Parameter table: as in `/proc/net/tcp`: number, local address, remote address, state (0A: listens), queues, timer,
    ///   retransmissions, user, … Source: linux/Documentation/networking/proc_net_tcp.rst.
    static func listeners(at port: Int, in table: String) -> [UInt32] {
        table.split(separator: "\n").dropFirst().compactMap { line in
            let words = line.split(separator: " ")
            guard words.count > 7, words[3] == "0A", let place = words[1].split(separator: ":").last,
                Int(place, radix: 16) == port
            else { return nil }
            return UInt32(words[7])
        }
    }
}
