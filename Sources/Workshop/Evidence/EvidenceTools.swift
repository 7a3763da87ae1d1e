import Foundation
import Runtime
import StokerCore

/// The programs that evidence is gathered with, as far as they are there and allowed.
package struct EvidenceTools: Sendable {
    struct Tool: Sendable, Equatable {
        var path: String
        /// `lizard 1.24.3`
        var version: String
    }
    private var found: [WorkerTool: Tool]
    private var missing: [WorkerTool: String]

    func tool(_ tool: WorkerTool) -> Tool? { found[tool] }
    /// Why it is not used.
    func reason(_ tool: WorkerTool) -> String { missing[tool] ?? "\(tool.rawValue) is not installed" }

    /// Whether the repository's tests may be run.
    var runsTests: Bool { missing[.pytest] == nil }

    init(found: [WorkerTool: Tool] = [:], missing: [WorkerTool: String] = [:]) {
        self.found = found
        self.missing = missing
    }

    /// Looks in these folders first, then in `PATH`.
    /// - Parameter allowed: nil for all.
    package static func find(allowed: [WorkerTool]?, folders: [String]) async -> EvidenceTools {
        var tools = EvidenceTools()
        for tool in WorkerTool.allCases {
            guard allowed?.contains(tool) ?? true else {
                tools.missing[tool] = "\(tool.rawValue) is not among the worker's tools"
                continue
            }
            // It is looked for where the tests run.
            if tool == .pytest { continue }
            let own = folders.map { "\($0)/\(tool.rawValue)" }.first {
                FileManager.default.isExecutableFile(atPath: $0)
            }
            guard let path = own ?? Program.find(tool.rawValue) else { continue }
            let said = try? await ProgramRun(path: path, arguments: ["--version"], limit: 65_536, within: .seconds(20))
                .run()
            guard let said, said.status == 0 else {
                tools.missing[tool] = "\(tool.rawValue) does not start"
                continue
            }
            let number = said.text.split(whereSeparator: { $0.isWhitespace || $0 == "," }).first {
                $0.first?.isNumber == true
            }
            // A program of that name that reads other options, such as Emacs's.
            if tool == .ctags, !said.text.contains("Universal Ctags") {
                tools.missing[tool] = "ctags is not Universal Ctags"
                continue
            }
            tools.found[tool] = Tool(path: path, version: "\(tool.rawValue) \(number ?? "of unknown version")")
        }
        return tools
    }
}

/// A function as lizard measures it.
struct MeasuredFunction: Sendable, Equatable {
    var file: String
    var name: String
    var lines: ClosedRange<Int>
    /// Cyclomatic complexity.
    var complexity: Int
}

extension EvidenceTools {
    struct Measured: Sendable {
        var functions: [MeasuredFunction] = []
        /// Files that the tool failed on, each alone.
        var failed: [String] = []
    }

    /// Measures files that lie below a folder, in batches. A batch that fails is halved until the one file that does it is alone.
    func measure(_ paths: [String], in folder: String) async throws -> Measured {
        var measured = Measured()
        guard let lizard = found[.lizard] else { return measured }
        var batches = stride(from: 0, to: paths.count, by: 16).map { Array(paths[$0..<min($0 + 16, paths.count)]) }
        while let batch = batches.popLast() {
            let ended: ProgramRun.Ended?
            do {
                ended = try await ProgramRun(
                    path: lizard.path, arguments: ["--csv", "-i", "-1"] + batch.map { "./" + $0 },
                    environment: ProgramRun.plain.merging(["PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1"])
                    { $1 },
                    folder: folder, limit: 32 << 20, within: .seconds(60)
                ).run()
            } catch is CancellationError { throw CancellationError() } catch {
                ended = nil
            }
            // It prints a file's rows before it reads the next, and may die or complain at any.
            if let ended, ended.status == 0, !ended.errors.contains("Traceback"),
                !ended.errors.contains("Fail to process")
            {
                measured.functions += Self.functions(ended.text)
            } else if batch.count == 1 {
                measured.failed.append(batch[0])
            } else {
                batches.append(Array(batch[..<(batch.count / 2)]))
                batches.append(Array(batch[(batch.count / 2)...]))
            }
        }
        return measured
    }

    /// Rows of `lizard --csv`: lines, complexity, tokens, parameters, length, place, file, name, long name, first and last line.
    static func functions(_ text: String) -> [MeasuredFunction] {
        text.split(separator: "\n").compactMap { line in
            let fields = CSVFields.of(line)
            guard fields.count >= 11, let complexity = Int(fields[1]), let first = Int(fields[9]),
                let last = Int(fields[10]), first >= 1, last >= first
            else { return nil }
            let file = fields[6].hasPrefix("./") ? String(fields[6].dropFirst(2)) : fields[6]
            return MeasuredFunction(file: file, name: fields[7], lines: first...last, complexity: complexity)
        }
    }

    /// Names with the scopes they are in, by their first line: `Parser.next`. Empty without ctags.
    func scopedNames(of path: String, in folder: String) async -> [Int: String] {
        guard let ctags = found[.ctags] else { return [:] }
        let run = ProgramRun(
            path: ctags.path,
            arguments: ["--options=NONE", "--output-format=json", "--fields=+n", "-f", "-", "--", "./" + path],
            folder: folder, limit: 8 << 20, within: .seconds(30))
        guard let ended = try? await run.run(), ended.status == 0 else { return [:] }
        var names: [Int: String] = [:]
        for line in ended.text.split(separator: "\n") {
            guard let tag = try? JSONValue(reading: String(line)), let name = tag["name"]?.string,
                let number = tag["line"]?.integer
            else { continue }
            names[number] = tag["scope"]?.string.map { "\($0).\(name)" } ?? name
        }
        return names
    }
}

/// The fields of one line of comma-separated values.
enum CSVFields {
    static func of(_ line: Substring) -> [String] {
        var fields: [String] = []
        var field = ""
        var isQuoted = false
        for character in line {
            if character == "\"" {
                isQuoted.toggle()
            } else if character == ",", !isQuoted {
                fields.append(field)
                field = ""
            } else {
                field.append(character)
            }
        }
        return fields + [field]
    }
}
