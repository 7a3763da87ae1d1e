import Foundation
import Ledger
package import StokerCore

/// What another tool, or a rule of ours whose precision is below the bar, says of a place. It is published nowhere: it says where to look first.
package struct Lead: Sendable, Equatable {
    /// The same for the same thing said of the same place.
    package var id: String
    /// Name and version of the tool.
    package var tool: String
    package var rule: String
    /// `error`, `warning` or `note`, as the tool says.
    package var level: String
    package var file: String
    /// From 1.
    package var line: Int
    package var message: String

    /// Leads of one worker from other tools, at most.
    package static let most = 1_000
    /// Leads of one rule of ours, at most.
    static let mostOfRule = 50

    package var json: JSONValue {
        [
            "id": .string(id), "tool": .string(tool), "rule": .string(rule), "level": .string(level),
            "file": .string(file), "line": .integer(Int64(line)), "message": .string(message),
        ]
    }

    package init?(_ json: JSONValue) {
        guard let id = json["id"]?.string, let tool = json["tool"]?.string, let rule = json["rule"]?.string,
            let file = json["file"]?.string, let line = json["line"]?.integer
        else { return nil }
        self.init(
            id: id, tool: tool, rule: rule, level: json["level"]?.string ?? "warning", file: file, line: line,
            message: json["message"]?.string ?? "")
    }

    package init(
        id: String, tool: String, rule: String, level: String, file: String, line: Int, message: String
    ) {
        self.id = id
        self.tool = tool
        self.rule = rule
        self.level = level
        self.file = file
        self.line = line
        self.message = message
    }

    /// What a rule of ours saw.
    init(of one: FindingCandidate, rule: String, tools: [String]) {
        let tool = Self.tool(of: rule)
        self.init(
            id: String(Finding.sha256("\(tool)\n\(one.file)\n\(one.symbol)\n\(one.lines.lowerBound)").prefix(16)),
            tool: tool, rule: rule, level: one.severity >= .high ? "warning" : "note", file: one.file,
            line: one.lines.lowerBound, message: Self.plain(one.title, 300))
    }

    /// The name under which leads of a rule of ours are kept.
    static func tool(of rule: String) -> String { "stoker:\(rule)" }

    /// What was read of a SARIF document.
    package struct Document: Sendable, Equatable {
        package var leads: [Lead] = []
        /// Names of the tools that wrote it, also of those without a result.
        package var tools: [String] = []
        /// Results without a place in the repository, or suppressed.
        package var leftOut = 0
    }

    /// Reads the results of a document. Source: OASIS SARIF 2.1.0, sections 3.14, 3.27 and 3.28.
    /// - Throws: `usage` when it is no SARIF 2.1.0.
    package static func read(sarif document: JSONValue) throws(Failure) -> Document {
        func refuse(_ because: String) -> Failure {
            Failure(
                .usage, doing: "read the SARIF document", because: because, hint: "hand in a document of SARIF 2.1.0")
        }
        guard document["version"]?.string == "2.1.0" else {
            throw refuse(
                document["version"]?.string.map { "its version is \(Redaction.quote($0, limit: 40))" }
                    ?? "it has no version")
        }
        guard let runs = document["runs"]?.array else { throw refuse("it has no runs") }
        var read = Document()
        var seen: Set<String> = []
        for run in runs.prefix(100) {
            let driver = run["tool"]?["driver"]
            guard let name = driver?["name"]?.string, !name.isEmpty else {
                throw refuse("a run does not name its tool")
            }
            let version = driver?["semanticVersion"]?.string ?? driver?["version"]?.string
            let tool = plain(version.map { "\(name) \($0)" } ?? name, 80)
            if !read.tools.contains(tool) { read.tools.append(tool) }
            let rules = driver?["rules"]?.array ?? []
            for result in run["results"]?.array ?? [] {
                let rule =
                    result["ruleId"]?.string ?? result["rule"]?["id"]?.string
                    ?? result["ruleIndex"]?.integer.flatMap {
                        rules.indices.contains($0) ? rules[$0]["id"]?.string : nil
                    }
                    ?? "unnamed"
                let place = result["locations"]?.array?.first?["physicalLocation"]
                guard
                    !(result["suppressions"]?.array ?? []).contains(where: {
                        $0["status"]?.string ?? "accepted" == "accepted"
                    }),
                    let file = place?["artifactLocation"]?["uri"]?.string.flatMap(path),
                    let line = place?["region"]?["startLine"]?.integer, line >= 1
                else {
                    read.leftOut += 1
                    continue
                }
                let message = plain(
                    result["message"]?["text"]?.string ?? result["message"]?["markdown"]?.string ?? "", 300)
                let id = String(Finding.sha256("\(name)\n\(rule)\n\(file)\n\(line)").prefix(16))
                guard seen.insert(id).inserted else { continue }
                guard read.leads.count < most else {
                    read.leftOut += 1
                    continue
                }
                read.leads.append(
                    Lead(
                        id: id, tool: tool, rule: plain(rule, 120), level: result["level"]?.string ?? "warning",
                        file: file, line: line, message: message))
            }
        }
        return read
    }

    /// Of one line, without what looks like a secret: tools quote code.
    private static func plain(_ text: String, _ most: Int) -> String { Redaction.quote(text, limit: most) }

    /// A relative path inside the repository; nil for everything else.
    private static func path(_ uri: String) -> String? {
        guard !uri.contains("://"), !uri.contains("%00"), uri.utf8.count <= 1_000 else { return nil }
        var text = uri.removingPercentEncoding ?? uri
        while text.hasPrefix("./") { text.removeFirst(2) }
        return GitMirror.isInside(text) ? text : nil
    }
}

extension WorkerStore {
    static let leadKind = "worker-lead"

    package func leads() async throws(Failure) -> [Lead] {
        try await records.records(
            kind: Self.leadKind, prefix: worker + "/", after: nil,
            limit: Lead.most + EvidenceRule.all.count * Lead.mostOfRule
        ).compactMap {
            (try? JSONValue(reading: $0.body)).flatMap(Lead.init)
        }
    }

    /// What rules below the bar saw, in the place of what they saw before.
    func take(_ leads: [String: [Lead]], at now: Instant) async throws(Failure) {
        guard !leads.isEmpty else { return }
        var document = Lead.Document()
        for (rule, seen) in leads.sorted(by: { $0.key < $1.key }) {
            document.tools.append(Lead.tool(of: rule))
            document.leads += seen.prefix(Lead.mostOfRule)
        }
        try await take(document, at: now)
    }

    /// These in the place of what the same tools said before, whatever their version.
    package func take(_ document: Lead.Document, at now: Instant) async throws(Failure) {
        func name(_ tool: String) -> Substring { tool.prefix { $0 != " " } }
        let names = Set(document.tools.map(name))
        let new = Set(document.leads.map(\.id))
        for old in try await leads() where names.contains(name(old.tool)) && !new.contains(old.id) {
            try await records.remove(kind: Self.leadKind, key: "\(worker)/\(old.id)")
        }
        for lead in document.leads {
            try await records.put(
                NewRecord(kind: Self.leadKind, key: "\(worker)/\(lead.id)", body: lead.json.text, at: now))
        }
    }
}
