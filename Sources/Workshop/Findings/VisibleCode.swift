import StokerCore

/// Text of a repository as others may see it: a model's server, readers of a dataset.
enum VisibleCode {
    /// Without what ``Redaction`` hides. In a programming language a secret is a literal: `key=lambda stop: stop.due` is none, and stays.
    static func text(_ text: String, of path: String) -> String {
        let isCode = SourceLanguage(path: path) != nil
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let hasLiteral = !isCode || line.contains { $0 == "\"" || $0 == "'" || $0 == "`" }
            return Redaction.text(hasLiteral ? Redaction.source(String(line)) : String(line))
        }.joined(separator: "\n")
    }

    /// Changes as they may be published: a file's text that holds what looks like a secret stays here, and so does a patch that shows one.
    /// - Returns: the changes, and what was kept back, a sentence each.
    static func changes(_ all: [Iteration.CodeChange]) -> (changes: [Iteration.CodeChange], withheld: [String]) {
        var withheld: [String] = []
        let changes = all.compactMap { change -> Iteration.CodeChange? in
            guard text(change.patch, of: change.file) == change.patch else {
                withheld.append("The patch of \(change.file) shows what looks like a secret.")
                return nil
            }
            guard text(change.code, of: change.file) == change.code else {
                withheld.append("The text of \(change.file) holds what looks like a secret.")
                return Iteration.CodeChange(file: change.file, code: "", patch: change.patch)
            }
            return change
        }
        return (changes, withheld)
    }
}
