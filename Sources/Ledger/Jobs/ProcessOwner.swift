import Foundation

/// Names a process in what it claims, so that another on the same machine can tell whether it is still there.
///
/// `host/namespace/pid/start`: a process id may be given again, its start time not. Source: proc(5), "/proc/pid/stat", field 22.
package struct ProcessOwner: Sendable, Equatable, CustomStringConvertible {
    /// Processes can see each other only inside one.
    private var host: String
    private var pid: Int32
    private var start: String

    package static let own: ProcessOwner? = {
        let pid = ProcessInfo.processInfo.processIdentifier
        guard let start = started(pid) else { return nil }
        return ProcessOwner(host: here, pid: pid, start: start)
    }()

    private init(host: String, pid: Int32, start: String) {
        self.host = host
        self.pid = pid
        self.start = start
    }

    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, let pid = Int32(parts[1]), pid > 0 else { return nil }
        self.init(host: String(parts[0]), pid: pid, start: String(parts[2]))
    }

    package var description: String { "\(host)/\(pid)/\(start)" }

    /// Whether it has ended; nil when that cannot be seen from here.
    package var isGone: Bool? {
        guard host == Self.here else { return nil }
        return Self.started(pid) != start
    }

    /// Machine, boot and process namespace: files of the system, read once.
    private static let here: String = {
        let boot = (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)) ?? ""
        let namespace = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")) ?? ""
        let host = (try? String(contentsOfFile: "/proc/sys/kernel/hostname", encoding: .utf8)) ?? ""
        let text = "\(host.prefix { !$0.isNewline }) \(boot.prefix(36)) \(namespace)"
        return String(text.map { $0 == "/" || $0.isNewline ? "-" : $0 })
    }()

    /// nil when there is no such process.
    private static func started(_ pid: Int32) -> String? {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return nil }
        // The name of the program stands in brackets and may hold anything.
        let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
        // A zombie has ended.
        guard fields.count > 20, fields[1] != "Z" else { return nil }
        return String(fields[20])
    }
}
