import CLinux
import HubClient
import Runtime

#if canImport(Glibc)
import Glibc
#endif

/// What a look at guarded paths finds, in the order of a tree. Blocks: used on a thread that may.
struct TreeWalk {
    /// One thing that is kept, or may be.
    struct Found {
        /// In snapshots.
        var path: [UInt8]
        var root: OpenFolder
        /// Below the root, part by part.
        var parts: [[UInt8]]
        /// On this machine; for programs that need a path, and for messages.
        var place: [UInt8]
        var facts: stat
        var attributes: [FileFacts.Attribute]
        /// Of a link.
        var target: [UInt8]?

        var isFile: Bool { facts.st_mode & S_IFMT == S_IFREG }
        var isFolder: Bool { facts.st_mode & S_IFMT == S_IFDIR }
        var stamp: FileStamp { FileStamp(facts) }
    }

    let paths: [GuardedPath]
    let rules: IgnoreRules
    private let hasRules: Bool
    private let readsAttributes: Bool
    /// What is skipped and cannot be read.
    var report = CaptureReport()
    /// File systems that know no attributes.
    private var withoutAttributes: Set<dev_t> = []

    /// - Parameter readsAttributes: false for a look that needs none.
    init(paths: [GuardedPath], exclude: [String], readsAttributes: Bool = false) {
        self.paths = paths
        self.readsAttributes = readsAttributes
        hasRules = !exclude.isEmpty
        var rules = IgnoreRules()
        rules.add(Array(exclude.joined(separator: "\n").utf8), of: [])
        self.rules = rules
    }

    /// - Parameter visit: throws to stop.
    mutating func run(_ visit: (Found) throws -> Void) throws {
        for path in paths {
            let name = path.place.split(separator: "/").last.map { Array($0.utf8) } ?? []
            let parent = String(path.place.utf8.dropLast(name.count)) ?? "/"
            let root: OpenFolder
            do throws(SystemError) { root = try OpenFolder(parent) } catch {
                guard error.code == ENOENT else { throw error }
                report.missing.append(path.place)
                continue
            }
            guard let found = look(name, in: root.descriptor, path.name, [name], Array(parent.utf8), root) else {
                report.missing.append(path.place)
                continue
            }
            try enter(found, device: found.facts.st_dev, visit)
        }
    }

    private mutating func enter(_ found: Found, device: dev_t, _ visit: (Found) throws -> Void) throws {
        switch found.facts.st_mode & S_IFMT {
        case S_IFREG, S_IFLNK: return try visit(found)
        case S_IFDIR: break
        case let kind:
            report.skip(
                kind == S_IFSOCK ? "a socket" : kind == S_IFIFO ? "a FIFO" : "a device", found.path)
            return
        }
        guard found.facts.st_dev == device else { return report.skip("another file system", found.path) }
        let folder: Int32
        do throws(SystemError) { folder = try found.root.openFile(found.parts, O_RDONLY | O_DIRECTORY) } catch {
            // Gone or exchanged for a link since it was looked at: it is not there.
            if error.code != ENOENT, error.code != ELOOP, error.code != ENOTDIR {
                report.unreadable(found.path, error)
            }
            return
        }
        var names: [[UInt8]] = []
        guard let listing = fdopendir(folder) else {
            close(folder)
            throw SystemError()
        }
        defer { closedir(listing) }
        try visit(found)
        while let entry = readdir(listing) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: UInt8.self, capacity: 256) {
                    Array(UnsafeBufferPointer(start: $0, count: strnlen(UnsafePointer<CChar>(OpaquePointer($0)), 256)))
                }
            }
            if name != [UInt8(ascii: ".")], name != Array("..".utf8) { names.append(name) }
        }
        names.sort { $0.lexicographicallyPrecedes($1) }
        for name in names {
            let path = found.path + [TreePath.slash] + name
            guard
                let child = look(
                    name, in: folder, path, found.parts + [name], found.place, found.root)
            else { continue }
            if hasRules, rules.match(path, isFolder: child.isFolder) != nil { continue }
            try enter(child, device: device, visit)
        }
    }

    /// - Parameter above: place of the folder it is in.
    private mutating func look(
        _ name: [UInt8], in folder: Int32, _ path: [UInt8], _ parts: [[UInt8]], _ above: [UInt8], _ root: OpenFolder
    ) -> Found? {
        var facts = stat()
        let result = name.withCString { fstatat(folder, $0, &facts, AT_SYMLINK_NOFOLLOW) }
        guard result == 0 else {
            if errno != ENOENT { report.unreadable(path, SystemError()) }
            return nil
        }
        var target: [UInt8]?
        if facts.st_mode & S_IFMT == S_IFLNK {
            var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
            let count = name.withCString { link in
                bytes.withUnsafeMutableBytes {
                    readlinkat(folder, link, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
                }
            }
            guard count > 0 else { return nil }
            target = Array(bytes[..<count])
        }
        let place = above + (above.last == TreePath.slash ? [] : [TreePath.slash]) + name
        return Found(
            path: path, root: root, parts: parts, place: place, facts: facts,
            attributes: readsAttributes ? attributes(of: name, in: folder, facts) : [], target: target)
    }

    /// User attributes; what the system keeps for itself stays out.
    private mutating func attributes(of name: [UInt8], in folder: Int32, _ facts: stat) -> [FileFacts.Attribute] {
        let kind = facts.st_mode & S_IFMT
        guard kind == S_IFREG || kind == S_IFDIR, !withoutAttributes.contains(facts.st_dev) else { return [] }
        // The last part of this path is not followed, and what is before it is a descriptor.
        let path = Array("/proc/self/fd/\(folder)/".utf8) + name
        var names = [UInt8](repeating: 0, count: 4_096)
        var count = path.withCString { path in
            names.withUnsafeMutableBytes {
                stoker_attribute_names(path, $0.baseAddress!.assumingMemoryBound(to: CChar.self), UInt($0.count))
            }
        }
        if count < 0 {
            if errno == ENOTSUP { withoutAttributes.insert(facts.st_dev) }
            guard errno == ERANGE else { return [] }
            names = [UInt8](repeating: 0, count: 65_536)
            count = path.withCString { path in
                names.withUnsafeMutableBytes {
                    stoker_attribute_names(path, $0.baseAddress!.assumingMemoryBound(to: CChar.self), UInt($0.count))
                }
            }
        }
        guard count > 0 else { return [] }
        var found: [FileFacts.Attribute] = []
        for name in names[..<count].split(separator: 0)
        where name.starts(with: Array("user.".utf8)) && !name.elementsEqual(GuardedPlaces.mark.utf8) {
            var value = [UInt8](repeating: 0, count: 65_536)
            let length = path.withCString { path in
                Array(name).withCString { name in
                    value.withUnsafeMutableBytes { stoker_attribute(path, name, $0.baseAddress, UInt($0.count)) }
                }
            }
            if length >= 0 { found.append(.init(name: Array(name), value: Array(value[..<length]))) }
        }
        return found.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }
}

/// What a capture left out, and what it took with a doubt. Told once.
package struct CaptureReport: Sendable, Equatable {
    package struct Unreadable: Sendable, Equatable {
        package var path: String
        package var because: String
    }
    /// By kind ("a socket"): how many, and the first.
    package var skipped: [String: (count: Int, first: String)] = [:]
    /// The first 100; ``unreadableCount`` counts all.
    package var unreadable: [Unreadable] = []
    package var unreadableCount = 0
    /// Guarded paths that are not there.
    package var missing: [String] = []
    /// What a copy of a database is short of: "data/app.db is locked by the app: the copy of 12:30 stays".
    package var notes: [String] = []
    package var files = 0
    package var databases = 0
    /// Of all databases; nil when one could not be counted.
    package var rows: Int64?

    package init() {}

    mutating func skip(_ kind: String, _ path: [UInt8]) {
        let known = skipped[kind] ?? (0, TreePath.text(path))
        skipped[kind] = (known.count + 1, known.first)
    }

    mutating func unreadable(_ path: [UInt8], _ error: SystemError) {
        unreadableCount += 1
        if unreadable.count < 100 { unreadable.append(.init(path: TreePath.text(path), because: error.description)) }
    }

    /// Sentences for a log or a record, without full stops.
    package var sentences: [String] {
        var all = skipped.sorted { $0.key < $1.key }.map { kind, of in
            of.count == 1
                ? "\(of.first) is \(kind) and is not kept"
                : "\(of.first) and \(of.count - 1) more are \(kind) and are not kept"
        }
        all += unreadable.prefix(10).map { "\($0.path) cannot be read (\($0.because)) and is not kept" }
        if unreadableCount > 10 { all.append("\(unreadableCount - 10) more cannot be read") }
        all += missing.map { "\($0) is not there" }
        return all + notes
    }

    package static func == (a: Self, b: Self) -> Bool { a.sentences == b.sentences && a.files == b.files }
}
