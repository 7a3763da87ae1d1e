import Foundation
import Glibc
import NIOCore
import TestSupport

/// A real web server on loopback, with a log of who asked.
struct Nginx: Sendable {
    var process: StokerProcess
    var port: Int
    var log: String

    var address: String { "http://127.0.0.1:\(port)" }

    /// Requests logged so far, one line each: status, host, path, user agent. The last may be missing although it was
    /// answered; where their number matters, ask ``answered()``.
    var requests: [String] {
        String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self).split(separator: "\n").map(
            String.init)
    }
    func requests(of path: String) -> Int { requests.count { $0.contains(" \(path) ") } }

    /// All that was answered before this was called. nginx writes its log after the answer is gone, one request after the
    /// other: when one of our own is there, those before it are.
    func answered() async throws -> [String] {
        let mark = "/mark-\(UUID().uuidString)"
        _ = try await HTTP.call(address + mark)
        try await Wait.until("nginx to write its log") { requests(of: mark) == 1 }
        return requests.filter { !$0.contains(" /mark-") }
    }
    func answered(_ path: String) async throws -> Int { try await answered().count { $0.contains(" \(path) ") } }

    /// A configuration file for one process in the foreground that keeps its things in `folder`.
    static func configuration(_ locations: String, on address: String, folder: String) -> String {
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map { "\($0)_temp_path \(folder)/\($0);" }.joined(separator: "\n")
        return """
            daemon off; master_process off; pid \(folder)/pid; error_log \(folder)/error.log;
            events { worker_connections 12000; }
            http {
                log_format who '$status $host $request_uri "$http_user_agent"';
                access_log \(folder)/access.log who;
                default_type text/plain;
                \(temporary)
                server { listen \(address) backlog=4096; \(locations) }
            }
            """
    }
}

extension Scratch {
    /// Starts nginx and waits until it answers.
    /// - Parameters:
    ///   - locations: Body of its `server` block.
    ///   - host: Addresses it listens on; 0.0.0.0 takes the whole of 127.0.0.0/8.
    func nginx(
        _ locations: String = "location / { return 200 'fine'; }", port wanted: Int? = nil, host: String = "127.0.0.1"
    ) async throws -> Nginx {
        // nginx cannot be told to choose a port and say which; another program may take ours in between, so try again.
        var last: any Error = Taken()
        for _ in 0..<5 {
            let port = try wanted ?? Port.free()
            do { return try await nginx(locations, on: port, host: host) } catch { last = error }
            if wanted != nil { try await Task.sleep(for: .milliseconds(200)) }
        }
        throw last
    }

    private func nginx(_ locations: String, on port: Int, host: String) async throws -> Nginx {
        let folder = path + "/nginx-\(port)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let configuration = Nginx.configuration(locations, on: "\(host):\(port)", folder: folder)
        let file = try write(configuration, to: "nginx-\(port).conf")
        let child = try start("nginx", ["-e", folder + "/error.log", "-c", file], name: "nginx")
        let server = Nginx(process: child, port: port, log: folder + "/access.log")
        do {
            try await Wait.until("nginx answers", within: .seconds(10)) {
                if let exit = child.exit { throw Gone(exit: exit) }
                _ = try await HTTP.call(server.address + "/is-it-up", limit: .seconds(2))
                return true
            }
        } catch {
            await child.stop()
            throw error
        }
        return server
    }

    private struct Taken: Error {}
    private struct Gone: Error { var exit: StokerProcess.Exit }
}

enum Port {
    struct NoPort: Error { var errno: Int32 }

    /// A port nobody listens on right now.
    static func free() throws -> Int {
        let holder = try Holder()
        defer { holder.close() }
        return holder.port
    }

    /// Listens on a port, so that nobody else can.
    final class Holder: Sendable {
        let port: Int
        private let descriptor: Int32

        init() throws {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let failed = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, size) != 0 || listen(descriptor, 8) != 0
                        || getsockname(descriptor, $0, &size) != 0
                }
            }
            if failed {
                let reason = errno
                Glibc.close(descriptor)
                throw NoPort(errno: reason)
            }
            self.descriptor = descriptor
            port = Int(UInt16(bigEndian: address.sin_port))
        }

        func close() { Glibc.close(descriptor) }
    }
}
