import Diagnosis

/// Changes of a folder that remove findings. A change counts only when another examination shows that the finding is gone and that no other
/// has come.
package struct FolderRepair: Sendable {
    /// Another content of a file.
    package struct Change: Sendable, Equatable {
        package var path: String
        /// The whole file.
        package var text: String
        /// The file is new.
        package var isNew = false
    }

    /// One file before and after all repairs.
    package struct File: Sendable, Equatable {
        package var path: String
        /// nil: there was none.
        package var before: String?
        package var after: String
        /// The rules whose findings go, each once.
        package var rules: [String]

        /// What changes, as a unified diff with the names of the files.
        package var diff: String {
            let head = "--- \(before == nil ? "/dev/null" : "a/" + path)\n+++ b/\(path)\n"
            guard let text = UnifiedDiff.text(from: before ?? "", to: after, hiding: []) else {
                return head + "(too long to be shown)\n"
            }
            return head + (text.isEmpty ? "(line ends: CRLF becomes LF)\n" : text)
        }
    }

    package var files: [File] = []
    /// What was found before.
    package var before: [FolderFinding]
    /// What is left.
    package var after: [FolderFinding]

    /// Most repairs of one folder; a bound, no folder has so many.
    private static let most = 200

    /// Tries the changes one after the other, each on what the last one left.
    package static func plan(_ facts: FolderFacts) -> FolderRepair {
        var facts = facts
        var findings = FolderExamination.findings(facts)
        var repair = FolderRepair(before: findings, after: findings)
        for _ in 0..<most {
            guard let step = step(facts, findings) else { break }
            repair.take(step.change, of: step.rule, facts)
            facts = step.facts
            findings = step.findings
        }
        repair.after = findings
        return repair
    }

    private struct Step {
        var rule: String
        var change: Change
        var facts: FolderFacts
        var findings: [FolderFinding]
    }

    private static func step(_ facts: FolderFacts, _ findings: [FolderFinding]) -> Step? {
        for finding in findings {
            for change in finding.repairs {
                guard let changed = facts.with(change) else { continue }
                let rest = FolderExamination.findings(changed)
                guard rest.count < findings.count, isPart(rest, of: findings) else { continue }
                return Step(rule: finding.rule, change: change, facts: changed, findings: rest)
            }
        }
        return nil
    }

    /// Whether nothing is new. Lines move when one is added, so they do not count.
    private static func isPart(_ some: [FolderFinding], of all: [FolderFinding]) -> Bool {
        var left = all.map { [$0.rule, $0.severity.rawValue, $0.file, $0.text] }
        for finding in some {
            guard
                let place = left.firstIndex(of: [finding.rule, finding.severity.rawValue, finding.file, finding.text])
            else { return false }
            left.remove(at: place)
        }
        return true
    }

    private mutating func take(_ change: Change, of rule: String, _ facts: FolderFacts) {
        if let place = files.firstIndex(where: { $0.path == change.path }) {
            files[place].after = change.text
            if !files[place].rules.contains(rule) { files[place].rules.append(rule) }
            return
        }
        let before = change.isNew ? nil : facts.file(change.path)?.text
        files.append(File(path: change.path, before: before, after: change.text, rules: [rule]))
    }
}

extension FolderFacts {
    /// The folder as it is after a change; nil when the change does not fit.
    fileprivate func with(_ change: FolderRepair.Change) -> FolderFacts? {
        var facts = self
        if change.isNew {
            guard facts.file(change.path) == nil, !facts.ignored.contains(change.path) else { return nil }
            facts.files.append(File(path: change.path, size: Int64(change.text.utf8.count), text: change.text))
            return facts
        }
        guard let place = facts.files.firstIndex(where: { $0.path == change.path }),
            let text = facts.files[place].text, text != change.text
        else { return nil }
        facts.files[place].text = change.text
        return facts
    }
}

// MARK: Making changes

extension FolderFacts.File {
    /// Puts a text in place of one that stands in a line.
    /// - Parameter column: from 1, in Unicode scalars; nil takes the first place in the line.
    func replacing(_ old: String, with new: String, line: Int, column: Int? = nil) -> FolderRepair.Change? {
        guard let text else { return nil }
        var lines = text.wholeLines.map(String.init)
        guard lines.indices.contains(line - 1), !old.isEmpty else { return nil }
        let whole = lines[line - 1]
        let start = column.flatMap {
            whole.unicodeScalars.index(
                whole.unicodeScalars.startIndex, offsetBy: $0 - 1, limitedBy: whole.unicodeScalars.endIndex)
        }
        guard let range = whole[(start ?? whole.startIndex)...].firstRange(of: old) else { return nil }
        lines[line - 1].replaceSubrange(range, with: new)
        return FolderRepair.Change(path: path, text: lines.joined())
    }

    /// Puts lines before one; a number behind the last line puts them at the end.
    func inserting(_ new: [String], before line: Int) -> FolderRepair.Change? {
        guard let text else { return nil }
        var lines = text.wholeLines.map(String.init)
        let end = text.lineEnd
        guard (1...lines.count + 1).contains(line) else { return nil }
        if line == lines.count + 1, let last = lines.last, !last.hasSuffix("\n"), !last.hasSuffix("\r\n") {
            lines[lines.count - 1] += end
        }
        lines.insert(contentsOf: new.map { $0 + end }, at: line - 1)
        return FolderRepair.Change(path: path, text: lines.joined())
    }

    /// Takes a line away.
    func deleting(line: Int) -> FolderRepair.Change? {
        guard let text else { return nil }
        var lines = text.wholeLines
        guard lines.indices.contains(line - 1) else { return nil }
        lines.remove(at: line - 1)
        return FolderRepair.Change(path: path, text: lines.joined())
    }
}
