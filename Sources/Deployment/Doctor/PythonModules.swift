/// Which files of a folder import which. Source: Python's reference, "The import system"; only what stands in the text.
struct PythonModules {
    private let files: [FolderFacts.File]

    init(_ facts: FolderFacts) { files = facts.files.filter { $0.name.hasSuffix(".py") } }

    /// These files and all that they import of the folder, each once.
    func reached(from entries: [FolderFacts.File]) -> [FolderFacts.File] {
        var found: [FolderFacts.File] = []
        func take(_ file: FolderFacts.File) {
            if !found.contains(where: { $0.path == file.path }) { found.append(file) }
        }
        for entry in entries { take(entry) }
        var at = 0
        while at < found.count, found.count < 2_000 {
            let file = found[at]
            at += 1
            for module in Self.imports(file.text ?? "") {
                for path in paths(of: module, in: file) { if let other = self.file(path, near: file) { take(other) } }
            }
        }
        return found
    }

    /// Names of modules, with the leading dots of relative ones: `a.b`, `.c`. Also of those inside of functions.
    private static func imports(_ text: String) -> [String] {
        var names: [String] = []
        for line in text.lines {
            let line = line.trimmed
            if line.hasPrefix("from "), let end = line.find(" import ") {
                let module = line[line.index(line.startIndex, offsetBy: 5)..<end.lowerBound].trimmed
                names.append(module)
                let parts = line[end.upperBound...].split(separator: ",")
                for part in parts {
                    let name = part.trimmed.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
                    if !name.isEmpty { names.append(module.hasSuffix(".") ? module + name : module + "." + name) }
                }
            } else if line.hasPrefix("import ") {
                for part in line.dropFirst(7).split(separator: ",") {
                    names.append(String(part.trimmed.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." }))
                }
            }
        }
        return names
    }

    private func paths(of module: String, in file: FolderFacts.File) -> [String] {
        let dots = module.prefix { $0 == "." }.count
        let rest = module.dropFirst(dots).split(separator: ".").joined(separator: "/")
        if dots > 0 {
            var folder = file.path.split(separator: "/").dropLast().map(String.init)
            for _ in 1..<dots where !folder.isEmpty { folder.removeLast() }
            let base = (folder + (rest.isEmpty ? [] : [rest])).joined(separator: "/")
            return base.isEmpty ? ["__init__.py"] : [base + ".py", base + "/__init__.py"]
        }
        return rest.isEmpty ? [] : [rest + ".py", rest + "/__init__.py"]
    }

    /// The file of that path, beside the importing one first, then anywhere in the folder.
    private func file(_ path: String, near file: FolderFacts.File) -> FolderFacts.File? {
        let folder = file.path.split(separator: "/").dropLast().joined(separator: "/")
        let beside = folder.isEmpty ? path : folder + "/" + path
        return files.first { $0.path == beside } ?? files.first { $0.path == path }
            ?? files.first { $0.path.hasSuffix("/" + path) }
    }
}
