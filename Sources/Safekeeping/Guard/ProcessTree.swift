import Foundation

#if canImport(Glibc)
package import Glibc
#endif

/// Who descends from whom, as /proc tells it.
package enum ProcessTree {
    /// Everything that lives below this process and belongs to the app: not what ``ChildProcesses`` says is ours for another purpose, and not
    /// what shares our process group, which is what other code of this process starts.
    ///
    /// Worker processes that left the app's group or session (double forks, daemons) are found by their parents; as their parents end, they
    /// come to us.
    /// - Parameter helpers: process ids that are left out, with what descends from them.
    package static func descendants(of root: pid_t, besides helpers: Set<pid_t> = []) -> [pid_t] {
        let own = getpgrp()
        var children: [pid_t: [Entry]] = [:]
        for entry in all() { children[entry.parent, default: []].append(entry) }
        var found: [pid_t] = []
        var open = [root]
        while let parent = open.popLast() {
            for child in children[parent] ?? []
            where !helpers.contains(child.pid) && child.pid != root && !(parent == root && child.group == own) {
                open.append(child.pid)
                if !child.isDead { found.append(child.pid) }
            }
        }
        return found
    }

    /// Children that have ended and were not waited for.
    static func dead(childrenOf parent: pid_t) -> [pid_t] {
        all().filter { $0.parent == parent && $0.isDead }.map(\.pid)
    }

    private struct Entry {
        var pid: pid_t
        var parent: pid_t
        var group: pid_t
        var isDead: Bool
    }

    private static func all() -> [Entry] {
        guard let folder = opendir("/proc") else { return [] }
        defer { closedir(folder) }
        var entries: [Entry] = []
        while let item = readdir(folder) {
            let name = withUnsafePointer(to: &item.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let pid = pid_t(name), let entry = entry(pid) else { continue }
            entries.append(entry)
        }
        return entries
    }

    /// `pid (name) state parent group …`; the name may hold anything, so what counts stands behind the last `)`. Source: proc(5).
    private static func entry(_ pid: pid_t) -> Entry? {
        let file = open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 1_024)
        let count = read(file, &bytes, bytes.count)
        guard count > 0, let end = bytes[..<count].lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = bytes[(end + 1)..<count].split(separator: UInt8(ascii: " "))
        guard fields.count > 3, let parent = pid_t(String(decoding: fields[1], as: UTF8.self)),
            let group = pid_t(String(decoding: fields[2], as: UTF8.self))
        else { return nil }
        return Entry(
            pid: pid, parent: parent, group: group,
            isDead: fields[0] == [UInt8(ascii: "Z")] || fields[0] == [UInt8(ascii: "X")])
    }
}
