import Foundation
import StokerCore

extension EvidenceRule {
    /// Workflows of GitHub Actions, by zizmor.
    static let workflows = EvidenceRule(id: "workflows") {
        context in
        let files = context.view.files.filter {
            ($0.path.hasPrefix(".github/workflows/") || $0.path == "action.yml" || $0.path == "action.yaml")
                && ($0.path.hasSuffix(".yml") || $0.path.hasSuffix(".yaml"))
        }
        guard !files.isEmpty else { return RuleResult() }
        guard let zizmor = context.tools.tool(.zizmor) else {
            return .blind("Workflows were not looked at: \(context.tools.reason(.zizmor)).")
        }
        let folder = context.scratch + "/workflows"
        try await RepositoryView.write(files, to: folder)
        var result = RuleResult(tools: [zizmor.version])
        var batches = [files.map(\.path)]
        var found: [WorkflowAudit] = []
        while let batch = batches.popLast() {
            if let some = try await audits(batch, zizmor.path, folder) {
                found += some
            } else if batch.count == 1 {
                result.notLookedAt.append("zizmor cannot read \(batch[0]).")
            } else {
                batches.append(Array(batch[..<(batch.count / 2)]))
                batches.append(Array(batch[(batch.count / 2)...]))
            }
        }
        result.isBlind = result.notLookedAt.count == files.count
        let texts = Dictionary(files.map { ($0.path, $0.text) }) { $1 }
        let wanted = found.filter {
            $0.isSure && $0.matters(in: texts[$0.path] ?? "") && !$0.isDismissed(in: texts[$0.path] ?? "")
        }
        // One for each kind of hole, with all its places: a maintainer mends them together.
        for (_, group) in Dictionary(grouping: wanted, by: \.ident).sorted(by: { $0.key < $1.key }) {
            let places = group.sorted { ($0.path, $0.lines.lowerBound) < ($1.path, $1.lines.lowerBound) }
            guard let first = places.first else { continue }
            let paths = Set(places.map(\.path))
            result.seen.append(
                FindingCandidate(
                    file: first.path,
                    lines: first.lines.lowerBound...min(first.lines.upperBound, first.lines.lowerBound + 11),
                    symbol: first.ident,
                    title: "\(first.title) in \(paths.count == 1 ? first.path : "\(paths.count) workflows")",
                    why: first.why,
                    evidence: places.map { "\($0.path):\($0.lines.lowerBound) \($0.annotation)" }.prefix(20)
                        + (places.count > 20 ? ["and \(places.count - 20) more places"] : []),
                    command: "zizmor --offline .", severity: places.map(\.consequence).max() ?? .medium,
                    isOfRepository: true))
        }
        return result
    }

    /// nil when it fails on them.
    private static func audits(_ paths: [String], _ zizmor: String, _ folder: String) async throws -> [WorkflowAudit]? {
        let ended: ProgramRun.Ended
        do {
            ended = try await ProgramRun(
                path: zizmor,
                arguments: ["--offline", "--no-progress", "--format", "json", "--no-config"] + paths.map { "./" + $0 },
                environment: ProgramRun.plain.merging(["HOME": folder]) { $1 }, folder: folder, limit: 32 << 20,
                within: .seconds(60)
            ).run()
        } catch is CancellationError { throw CancellationError() } catch {
            return nil
        }
        // 0 and 10 to 14 tell of findings. Source: zizmor's documentation, "Exit codes".
        guard ended.status == 0 || (10...14).contains(ended.status), let json = try? JSONValue(reading: ended.text),
            let list = json.array
        else { return nil }
        // A file that it could not parse is only named in its log.
        guard !ended.errors.contains("failed to parse"), !ended.errors.contains("skipping") else { return nil }
        return list.compactMap(WorkflowAudit.init)
    }
}

/// One audit's word on one place.
struct WorkflowAudit: Sendable, Equatable {
    var ident: String
    var title: String
    var severity: String
    var confidence: String
    var path: String
    var lines: ClosedRange<Int>
    var annotation: String
    var feature: String

    init?(_ json: JSONValue) {
        guard let ident = json["ident"]?.string, json["ignored"]?.bool != true,
            let severity = json["determinations"]?["severity"]?.string,
            let confidence = json["determinations"]?["confidence"]?.string,
            let locations = json["locations"]?.array
        else { return nil }
        let primary = locations.first { $0["symbolic"]?["kind"]?.string == "Primary" } ?? locations.first
        guard let place = primary, let path = place["symbolic"]?["key"]?["Local"]?["verbatim_path"]?.string,
            let location = place["concrete"]?["location"], let start = location["start_point"]?["row"]?.integer,
            let end = location["end_point"]?["row"]?.integer, start >= 0, end >= start
        else { return nil }
        self.ident = ident
        title = json["desc"]?.string ?? ident
        self.severity = severity
        self.confidence = confidence
        self.path = path.hasPrefix("./") ? String(path.dropFirst(2)) : path
        let endColumn = location["end_point"]?["column"]?.integer ?? 1
        // It ends before the first column of the line behind it.
        let last = endColumn == 0 && end > start ? end - 1 : end
        lines = (start + 1)...(last + 1)
        annotation = place["symbolic"]?["annotation"]?.string ?? ""
        feature = place["concrete"]?["feature"]?.string ?? ""
    }

    /// The tool is sure enough, and it matters enough.
    var isSure: Bool {
        ["Medium", "High"].contains(severity) && ["Medium", "High"].contains(confidence)
    }

    /// Whether a stranger gets anything out of it.
    func matters(in text: String) -> Bool {
        switch ident {
        case "template-injection":
            let strangers = [
                "github.event.pull_request", "github.event.issue", "github.event.comment", "github.event.review",
                "github.event.head_commit", "github.event.workflow_run", "github.event.discussion", "head_ref",
                "github.event.pages",
            ]
            return strangers.contains { (feature + annotation).contains($0) }
        case "dangerous-triggers":
            let checksOut =
                text.contains("pull_request.head.") || text.contains("head_ref") || text.contains("workflow_run.head_")
            let hasRights = text.contains("secrets.") || text.contains(": write")
            return checksOut && text.contains("actions/checkout") && hasRights
        // Whoever moves a tag gets what the workflow has: of a mere test run that is nothing.
        case "unpinned-uses": return text.contains("secrets.") || text.contains(": write")
        case "excessive-permissions": return !annotation.contains("read-all")
        // CI that follows `latest` does so on purpose.
        case "unpinned-images": return false
        default: return true
        }
    }

    /// The line says that somebody has looked at it.
    func isDismissed(in text: String) -> Bool {
        let all = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.upperBound <= all.count else { return true }
        return all[(lines.lowerBound - 1)..<lines.upperBound].contains { $0.contains("zizmor: ignore") }
    }

    var consequence: Finding.Severity {
        switch ident {
        case "unpinned-uses", "excessive-permissions", "artipacked", "unpinned-images": .medium
        case "hardcoded-container-credentials": .critical
        default: severity == "High" && confidence == "High" ? .high : .medium
        }
    }

    var why: String {
        switch ident {
        case "template-injection":
            "Text that a stranger chooses is pasted into a script before the shell reads it: a branch or title with `$(…)` in it runs as a command."
        case "dangerous-triggers":
            "The workflow runs with the repository's secrets and rights on code that a stranger sent."
        case "unpinned-uses":
            "The tag of an action can be moved by whoever controls it; then other code runs here with this workflow's rights."
        case "excessive-permissions":
            "The token of the job may do more than the job needs; whoever gets into one step may use all of it."
        case "cache-poisoning":
            "What a release is built from comes out of a cache that other runs can write."
        case "self-hosted-runner":
            "A pull request of a stranger runs on a machine of yours."
        case "secrets-inherit":
            "Every secret goes to the called workflow, also those that it does not need."
        default: "\(title): \(annotation)."
        }
    }
}
