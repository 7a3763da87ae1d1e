/// The names in a commit: files, and the folders that they make.
struct RepositoryTree: Sendable {
    private var files: Set<String> = []
    private var folders: Set<String> = [""]
    /// Links and submodules: what is behind them is not known.
    private var closed: Set<String> = []
    private var byName: [String: [String]] = [:]

    init() {}

    init(files: [String], closed: [String] = []) {
        self.files = Set(files)
        self.closed = Set(closed)
        for file in files {
            byName[Self.name(of: file).lowercased(), default: []].append(file)
            var rest = file[...]
            while let slash = rest.lastIndex(of: "/") {
                rest = rest[..<slash]
                guard folders.insert(String(rest)).inserted else { break }
            }
        }
    }

    func hasFile(_ path: String) -> Bool { files.contains(path) }
    func hasFolder(_ path: String) -> Bool { folders.contains(path) }
    var allFiles: Set<String> { files }

    /// Whether it is there, or could be: behind a link or in a submodule.
    func mayHave(_ path: String) -> Bool {
        let path = path.hasSuffix("/") ? String(path.dropLast()) : path
        if files.contains(path) || folders.contains(path) { return true }
        guard !closed.isEmpty else { return false }
        var rest = path[...]
        while let slash = rest.lastIndex(of: "/") {
            rest = rest[..<slash]
            if closed.contains(String(rest)) { return true }
        }
        return false
    }

    /// Whether anything at any depth has this name.
    func hasName(_ name: String) -> Bool {
        byName[name.lowercased()] != nil || folders.contains { Self.name(of: $0) == name }
    }

    /// Where the only file of that name lies now; nil when there is none, or more than one.
    func onlyFile(named path: String) -> String? {
        let found = byName[Self.name(of: path).lowercased()] ?? []
        return found.count == 1 ? found[0] : nil
    }

    static func name(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? "" }
    static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    }

    /// A path as seen from a folder, without `.` and `..`; nil when it leaves the repository.
    static func resolved(_ path: String, from folder: String) -> String? {
        var parts: [Substring] = path.hasPrefix("/") ? [] : folder.split(separator: "/")
        for part in path.split(separator: "/") where part != "." {
            if part == ".." {
                guard parts.popLast() != nil else { return nil }
            } else {
                parts.append(part)
            }
        }
        return parts.joined(separator: "/")
    }
}
