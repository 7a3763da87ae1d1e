import Runtime
import StokerCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What the file system of a path is known not to do.
struct FileSystemKind: Sendable, Equatable {
    var type: String
    var source: String

    /// From the longest mount point that the path is below; nil when the path is not there or nothing is known of it.
    /// - Parameter mounts: a list of mounts. Source of its form: proc(5), mountinfo.
    static func of(_ path: String, mounts: String = "/proc/self/mountinfo") -> FileSystemKind? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        let place = String(cString: real)
        guard let text = try? PlainFile.read(mounts, upTo: 1 << 20) else { return nil }
        var best = ""
        var kind: FileSystemKind?
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
            let halves = line.split(separator: " - ", maxSplits: 1)
            let fields = halves.first.map { $0.split(separator: " ") } ?? []
            let facts = halves.last.map { $0.split(separator: " ") } ?? []
            guard fields.count > 4, facts.count > 1 else { continue }
            let point = String(fields[4])
            guard place == point || point == "/" || place.hasPrefix(point + "/"), point.count >= best.count else {
                continue
            }
            best = point
            kind = FileSystemKind(type: String(facts[0]), source: String(facts[1]))
        }
        return kind
    }

    /// A repository or bucket of the Hub as files: the last writer wins, fsync only queues, and locks are not kept.
    var isHubMount: Bool { type.hasPrefix("fuse") && (source.contains("hf-mount") || type.contains("hf")) }

    /// Locks may be unknown to other machines, and `link` is done by the server alone. Source: nfs(5).
    var isShared: Bool { type == "nfs" || type == "nfs4" }
}
