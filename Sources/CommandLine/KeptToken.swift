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

    /// For a server at a loopback address that this user (or root) runs. Who else may have opened the port does not get the token.
    static func forServer(at url: URL, in folder: String) -> Secret? {
        guard let host = url.host, HostAddress.isLoopback(host: host), let token = read(in: folder) else { return nil }
        let port = url.port ?? (url.scheme == "https" ? 443 : 80)
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map {
            String(decoding: (try? Data(contentsOf: URL(fileURLWithPath: $0))) ?? Data(), as: UTF8.self)
        }
        let users = Set(tables.flatMap { listeners(at: port, in: $0) })
        return !users.isEmpty && users.isSubset(of: [0, geteuid()]) ? token : nil
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
