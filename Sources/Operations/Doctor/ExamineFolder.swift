import Deployment
import Diagnosis
import Foundation
import HubClient
import NIOPosix
import Runtime
import StokerCore

extension Operation {
    package static let examineFolder = Operation(
        name: "examine-folder",
        summary: "Looks through the files of a Space before they are shipped: each fault with its file, line and fix",
        doing: "look through the folder", permission: .write, method: .post, path: "/doctor/folder",
        parameters: FolderReading.parameters, bodyLimit: FolderReading.bodyLimit, answer: .folderExamination
    ) { _, arguments in
        try await FolderReading.with(arguments, doing: "look through the folder") { folder, name in
            let findings = FolderExamination.findings(try await FolderReading.facts(folder))
            return [
                "folder": .string(name), "ill": .bool(findings.contains { $0.severity >= .warn }),
                "findings": .array(findings.map(\.json)),
            ]
        }
    }
}

extension FolderFinding {
    var json: JSONValue {
        [
            "rule": .string(rule), "severity": .string(severity.rawValue), "file": .string(file),
            "line": line.map { .count($0) } ?? .null, "column": column.map { .count($0) } ?? .null,
            "text": .string(text), "fix": .string(fix),
        ]
    }
}

extension Shape {
    static let folderExamination = Shape(
        name: "FolderExamination", summary: "What would make a Space of this folder fail.",
        fields: [
            .init("folder", .text, "Its name"),
            .init("ill", .flag, "Whether a finding is more than information"),
            .init(
                "findings",
                .list(.shape(folderFinding)), "In the order of files and lines"),
        ])

    static let folderFinding = Shape(
        name: "FolderFinding", summary: "One fault, at its place.",
        fields: [
            .init("rule", .text, "Stable name of the rule, such as `B07`"),
            .init(
                "severity", .choice(FailureSignature.Severity.allCases.map(\.rawValue)),
                "How bad it is"),
            .init("file", .text, "Path in the folder"),
            .init("line", .integer, optional: true, "From 1; null for the whole file"),
            .init("column", .integer, optional: true, "From 1, in Unicode scalars; null for the whole line"),
            .init("text", .text, "What is so"),
            .init("fix", .text, "What to do about it"),
        ])
}

/// Reads what the examination of a folder has to know.
enum FolderReading {
    /// Largest text that is looked into; bytes.
    static let largestText: Int64 = 1 << 20
    /// All texts together.
    static let allTexts: Int64 = 64 << 20

    static let bodyLimit = Operation.contentLimit / 3 * 4 + 1024 * 1024
    static let parameters: [Operation.Parameter] = [
        .init("folder", .local, .text(upTo: 4_096), "Folder of this machine"),
        .init(
            "files", .body,
            .list(
                .object([
                    .init("path", .body, .text(upTo: 1_000), required: true, "Path in the repository"),
                    .init("content", .body, .bytes(upTo: Operation.contentLimit), required: true, "Content"),
                ]), upTo: 2_000),
            "Files with their contents, \(Operation.contentLimit / 1024 / 1024) MiB all together"),
    ]

    /// Works on the folder that a call names, or on the files that came with it.
    static func with<T>(
        _ arguments: Arguments, doing: String, _ work: (_ folder: String, _ name: String) async throws -> T
    ) async throws -> T {
        let files = arguments.objects("files").map { (path: $0.name("path"), bytes: $0.bytes("content") ?? []) }
        switch (arguments.text("folder"), files.isEmpty) {
        case (let folder?, true): return try await work(folder, folder)
        case (nil, false):
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
                "stoker-doctor-\(UUID().uuidString)"
            ).path
            defer { try? FileManager.default.removeItem(atPath: folder) }  // what is left is in the temporary folder
            try await TemporaryFiles.write(files, to: folder, doing: doing)
            return try await work(folder, "files")
        case (nil, true):
            throw Failure(.usage, doing: doing, because: "no files are given", hint: "give them in \"files\"")
        case (_?, false): throw Failure(.usage, doing: doing, because: "both a folder and files are given")
        }
    }

    static func facts(_ folder: String) async throws -> FolderFacts {
        let result = try await NIOThreadPool.singleton.runIfActive {
            Result { () throws(Failure) in try read(folder) }
        }
        return try result.get()
    }

    private static func read(_ folder: String) throws(Failure) -> FolderFacts {
        let review = try FolderReview(folder)
        var facts = FolderFacts(files: [])
        var left = allTexts
        for file in review.files {
            var text: String?
            if file.size <= min(largestText, left), !file.isPointer, isText(file.path) {
                left -= file.size
                do {
                    let data = try PlainFile.read(file.local, upTo: Int(largestText))
                    text = data.contains(0) ? nil : String(decoding: data, as: UTF8.self)
                } catch {
                    throw Failure(
                        .hubLocal, doing: "look at \(file.path)", because: "it cannot be read",
                        hint: "make it readable, or ignore it")
                }
            }
            facts.files.append(
                .init(
                    path: file.path, size: file.size, isExecutable: file.isExecutable, isPointer: file.isPointer,
                    text: text))
            if let text {
                facts.secrets += SecretHeuristic.tokens(in: text).prefix(20).map {
                    .init(path: file.path, line: $0.line, column: $0.column, reason: "here stands \($0.reason)")
                }
            }
        }
        for skipped in review.skipped {
            switch skipped.rule {
            // An upload leaves it out by itself; a push by git does not.
            case .secret:
                let reason = skipped.reason.split(separator: ";").first.map(String.init) ?? skipped.reason
                facts.secrets.append(.init(path: skipped.path, reason: reason))
            case .ignoreFile: facts.ignored.append(skipped.path)
            default: continue
            }
        }
        if let readme = facts.files.first(where: { $0.path == "README.md" })?.text {
            facts.headerProblem = FrontMatter.problem(in: readme)
        }
        fleetFile(folder, &facts)
        return facts
    }

    /// What a fleet file in the folder, or beside it, says of this Space: hardware, the address that is asked, names that are used twice. Its other
    /// mistakes are for `stoker check-config`.
    private static func fleetFile(_ folder: String, _ facts: inout FolderFacts) {
        for (name, place) in [("fleet.yaml", folder), ("../fleet.yaml", folder + "/..")] {
            guard let data = try? PlainFile.read(place + "/fleet.yaml", upTo: Int(largestText)) else { continue }
            switch FleetText(name: name, text: String(decoding: data, as: UTF8.self)).read() {
            case .failure(let problems):
                facts.collisions = problems.list.filter {
                    $0.rule == .conflict && [".deploy.secrets", ".deploy.variables"].contains(where: $0.path.hasSuffix)
                }.map { .init(path: name, line: $0.line, column: $0.column, reason: $0.text) }
            case .success(let fleet):
                let own = URL(fileURLWithPath: folder).standardizedFileURL.path
                let deploy = fleet[DeploySection.ofSpaces].first { one in
                    guard case .folder(let source)? = one.settings.from else { return false }
                    return URL(fileURLWithPath: place + "/" + source.name).standardizedFileURL.path == own
                }
                guard let deploy else { continue }
                facts.hardware = deploy.settings.hardware
                let check = fleet.checks.first {
                    $0.space?.lowercased() == deploy.space.lowercased() && $0.policy.role == .alive
                }
                facts.healthPath = check.map { PersistenceAudit.path(of: $0.address) }
            }
            return
        }
    }

    private static func isText(_ path: String) -> Bool {
        let parts = path.split(separator: "/")
        if parts.contains(where: { ["node_modules", ".venv", "venv", "__pycache__", ".build"].contains($0) }) {
            return false
        }
        let name = parts.last.map { $0.lowercased() } ?? ""
        let endings = [
            ".py", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx", ".go", ".swift", ".sh", ".bash", ".txt", ".md",
            ".toml",
            ".yaml", ".yml", ".json", ".env", ".cfg", ".ini", ".conf", ".html", ".ipynb", ".rs", ".rb", ".java", ".sql",
            ".example", ".xml",
        ]
        return endings.contains(where: name.hasSuffix) || !name.contains(".") || name.hasPrefix("dockerfile")
            || name.hasPrefix(".")
    }
}
