/// What the `.gitignore` files of a folder keep out. Source: gitignore(5), dir.c of git 2.39; compared with `git check-ignore` by test.
package struct IgnoreRules: Sendable {
    private struct Rule: Sendable {
        var glob: Glob
        var isNegated: Bool
        var foldersOnly: Bool
        /// Matches the name alone, at any depth.
        var nameOnly: Bool
        var line = 0
        var text = ""
    }
    /// The rule that keeps something out.
    package struct Match: Sendable, Equatable {
        /// Of the `.gitignore`, relative to the root.
        package var file: String
        /// From 1.
        package var line: Int
        package var pattern: String
    }
    private struct File: Sendable {
        /// Folder it lies in, with a `/` at the end; empty for the root.
        var folder: [UInt8]
        var rules: [Rule]
    }
    private var files: [File] = []

    package init() {}

    var isEmpty: Bool { files.isEmpty }

    /// Adds the `.gitignore` of a folder. Those of deeper folders are added later and weigh more.
    /// - Parameter folder: relative to the root, without a slash at the end; empty for the root.
    package mutating func add(_ content: [UInt8], of folder: [UInt8]) {
        var content = content[...]
        if content.starts(with: [0xEF, 0xBB, 0xBF]) { content = content.dropFirst(3) }
        var rules: [Rule] = []
        for (number, line) in content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .enumerated()
        {
            guard var rule = Self.rule(Array(line)) else { continue }
            rule.line = number + 1
            rule.text = String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
            rules.append(rule)
        }
        if !rules.isEmpty {
            files.append(File(folder: folder.isEmpty ? [] : folder + [UInt8(ascii: "/")], rules: rules))
        }
    }

    private static func rule(_ line: [UInt8]) -> Rule? {
        var text = line[...]
        if text.last == UInt8(ascii: "\r") { text.removeLast() }
        if text.first == UInt8(ascii: "#") { return nil }
        text = withoutTrailingSpaces(text)
        var negated = false
        if text.first == UInt8(ascii: "!") {
            negated = true
            text.removeFirst()
        }
        var foldersOnly = false
        if text.last == UInt8(ascii: "/") {
            foldersOnly = true
            text.removeLast()
        }
        guard !text.isEmpty else { return nil }
        let nameOnly = !text.contains(UInt8(ascii: "/"))
        if text.first == UInt8(ascii: "/") { text.removeFirst() }
        guard !text.isEmpty else { return nil }
        return Rule(
            glob: Glob(git: Array(text), isPath: !nameOnly), isNegated: negated, foldersOnly: foldersOnly,
            nameOnly: nameOnly)
    }

    /// Spaces at the end count only behind a backslash.
    private static func withoutTrailingSpaces(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var end = text.endIndex
        var index = text.startIndex
        var spaces: Int?
        while index < text.endIndex {
            switch text[index] {
            case UInt8(ascii: " "):
                if spaces == nil { spaces = index }
            case UInt8(ascii: "\\"):
                index += 1
                // A line that ends in a backslash keeps what is before it.
                if index >= text.endIndex { return text }
                spaces = nil
            default: spaces = nil
            }
            index += 1
        }
        if let spaces { end = spaces }
        return text[text.startIndex..<end]
    }

    /// The rule that keeps a file or folder out for itself; nil when none does. The caller does not enter a folder that is kept out: nothing inside can come back.
    /// - Parameter path: relative to the root.
    package func match(_ path: [UInt8], isFolder: Bool) -> Match? {
        let name = path.lastIndex(of: UInt8(ascii: "/")).map { path[($0 + 1)...] } ?? path[...]
        for file in files.reversed() {
            guard path.starts(with: file.folder) else { continue }
            let inside = path[file.folder.count...]
            for rule in file.rules.reversed() {
                if rule.foldersOnly, !isFolder { continue }
                if rule.nameOnly ? rule.glob.matches(bytes: name) : rule.glob.matches(bytes: inside) {
                    if rule.isNegated { return nil }
                    return Match(
                        file: String(decoding: file.folder, as: UTF8.self) + ".gitignore", line: rule.line,
                        pattern: rule.text)
                }
            }
        }
        return nil
    }

    /// The rule that keeps a file out, for itself or with a folder above it.
    func match(file path: String) -> Match? {
        let bytes = Array(path.utf8)
        for index in bytes.indices where bytes[index] == UInt8(ascii: "/") {
            if let match = match(Array(bytes[..<index]), isFolder: true) { return match }
        }
        return match(bytes, isFolder: false)
    }
}
