import StokerCore

/// What a model may speak of: pieces of evidence at one commit, each with an id.
struct EvidenceSheet: Sendable, Equatable {
    struct Item: Sendable, Equatable {
        enum Kind: String, Sendable { case finding, place, history, about, plan, run }
        /// `E1`, by its place on the sheet.
        var id = ""
        var kind: Kind
        var file: String
        /// From 1.
        var line: Int
        var symbol = ""
        /// Our own words.
        var says: String
        /// What the repository says, as it is at the commit.
        var text: String
        /// Of a finding of ours.
        var finding: String?

        var place: String { "\(file):\(line)" }

        var json: JSONValue {
            var members: [JSONValue.Member] = [
                .init("id", .string(id)), .init("kind", .string(kind.rawValue)), .init("place", .string(place)),
            ]
            if !symbol.isEmpty { members.append(.init("symbol", .string(symbol))) }
            if !says.isEmpty { members.append(.init("facts", .string(says))) }
            members.append(.init("text", .string(text)))
            return .object(members)
        }
    }

    private(set) var items: [Item] = []
    /// Pieces, at most.
    static let most = 30
    /// Bytes of one piece's text.
    static let longest = 2_400

    /// - Parameter longest: bytes of its text.
    mutating func add(_ item: Item, longest: Int = EvidenceSheet.longest) {
        guard items.count < Self.most, !items.contains(where: { $0.kind == item.kind && $0.place == item.place }) else {
            return
        }
        var item = item
        item.id = "E\(items.count + 1)"
        // As it leaves, so that what is quoted from it can be found in it.
        item.text = VisibleCode.text(item.text, of: item.file).cut(toBytes: longest)
        item.says = Redaction.text(item.says).cut(toBytes: 1_000)
        items.append(item)
    }

    /// The first pieces, as many as fit.
    func fitting(bytes: Int) -> EvidenceSheet {
        var sheet = EvidenceSheet()
        var left = bytes
        for item in items {
            let size = item.json.text.utf8.count
            // One is always there: a question about nothing is none.
            guard size <= left || sheet.items.isEmpty else { break }
            left -= size
            sheet.items.append(item)
        }
        return sheet
    }

    func item(_ id: String) -> Item? { items.first { $0.id == id } }
    var ids: JSONValue { .array(items.map { .string($0.id) }) }
    var json: JSONValue { .array(items.map(\.json)) }

    /// The same for the same evidence.
    var fingerprint: String {
        String(Finding.sha256(items.map { "\($0.place)\n\($0.says)\n\($0.text)" }.joined(separator: "\n\n")).prefix(24))
    }

    // MARK: Gathering

    /// What one perspective goes by.
    static func of(
        _ perspective: Perspective, findings: [Finding], leads: [Lead], view: RepositoryView, history: History?,
        readme: String?
    ) -> EvidenceSheet {
        var sheet = EvidenceSheet()
        for finding in findings.prefix(8) {
            sheet.add(
                Item(
                    kind: .finding, file: finding.file, line: finding.lineStart, symbol: finding.symbol,
                    says: "\(finding.title). \(finding.evidence.prefix(6).joined(separator: ". "))",
                    text: finding.quote, finding: finding.id))
        }
        // Of rules of ours: their words are our own.
        for lead in leads.filter({ Lead.tool(of: $0.rule) == $0.tool && perspective.rules.contains($0.rule) }).prefix(4)
        {
            guard let file = view.file(lead.file) else { continue }
            sheet.add(
                Item(
                    kind: .place, file: lead.file, line: lead.line, says: "not certain: \(lead.message)",
                    text: excerpt(file, around: lead.line)))
        }
        if let history { sheet.add(history, view) }
        if let readme, !readme.isEmpty {
            sheet.add(
                Item(
                    kind: .about, file: "README.md", line: 1, says: "how the project describes itself",
                    text: String(readme.prefix(800))))
        }
        for site in ranked(PlanSites(view).sites(of: kinds(of: perspective.id)), view, history).prefix(14) {
            guard let file = view.file(site.file) else { continue }
            sheet.add(
                Item(
                    kind: .place, file: site.file, line: site.line, symbol: site.symbol,
                    says:
                        "\(site.kind.rawValue): \(site.what); \(site.isTested ? "a test names it" : "no test names it")",
                    text: excerpt(file, around: site.line)))
        }
        return sheet
    }

    private mutating func add(_ history: History, _ view: RepositoryView) {
        let hot = view.sources.map { (path: $0.path, heat: history.heat(of: $0.path, at: view.head.time)) }
            .filter { $0.heat > 0 }.sorted { ($0.heat, $1.path) > ($1.heat, $0.path) }
        for file in hot.prefix(4) {
            let commits = history.commits(of: file.path)
            add(
                Item(
                    kind: .history, file: file.path, line: 1,
                    says:
                        "\(commits.count.counted("commit")) in three years, \(commits.count { $0.isFix }) of them fixes",
                    text: commits.prefix(8).map { Redaction.quote($0.subject, limit: 120) }.joined(separator: "\n")))
        }
    }

    /// A few lines around one of a file.
    static func excerpt(_ file: SourceFile, around line: Int, before: Int = 5, after: Int = 10) -> String {
        let lines = file.lines
        let first = max(1, line - before)
        let last = min(lines.count, line + after)
        guard first <= last else { return "" }
        return lines[(first - 1)..<last].joined(separator: "\n")
    }

    /// Worked on most first; of those the ones that no test names.
    private static func ranked(_ sites: [PlanSite], _ view: RepositoryView, _ history: History?) -> [PlanSite] {
        var heat: [String: Double] = [:]
        for file in Set(sites.map(\.file)) { heat[file] = history?.heat(of: file, at: view.head.time) ?? 0 }
        return sites.filter { !$0.symbol.isEmpty }.sorted { a, b in
            if a.isTested != b.isTested { return b.isTested }
            let (x, y) = (heat[a.file] ?? 0, heat[b.file] ?? 0)
            return x != y ? x > y : (a.file, a.line) < (b.file, b.line)
        }
    }

    private static func kinds(of perspective: String) -> Set<PlanSite.Kind> {
        switch perspective {
        case "code_quality", "error_handling": [.swallow, .raise]
        case "architecture", "integration_points", "mocking_strategy", "dependencies":
            [.http, .sql, .process, .file, .environment]
        case "performance", "performance_impact": [.loop]
        case "security": [.trust, .process, .sql]
        case "test_coverage", "coverage_strategy", "failure_modes": [.raise, .boundary]
        case "edge_cases": [.boundary]
        case "data_integrity": [.write, .sql, .file]
        case "user_experience": [.message]
        default: [.raise, .boundary, .http, .write, .trust]
        }
    }
}
