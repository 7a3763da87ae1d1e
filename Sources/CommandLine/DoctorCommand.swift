import ArgumentParser
import Foundation
import NIOPosix
import Operations
import StokerCore

/// How the doctor writes what it found.
enum DoctorFormat: String, ExpressibleByArgument, CaseIterable {
    case auto, human, text, json, sarif, quiet
}

struct DoctorCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.doctor, .diagnoseLog, .examineFolder, .repairFolder] }
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Find out why a Space fails, or what will make one fail, with the lines that prove it.",
        discussion: """
            Before shipping it looks through a folder: README header, Dockerfile, port and host, requirements, secrets, and more. \
            Of a Space it reads stage, message, log, settings and one answer of the app; it changes and wakes nothing. Of a log alone \
            it needs to know whether the app or the build wrote it. Where nothing is proved it says so. \
            Ends with 0 when nothing was found, 1 when something was, 2 for wrong input, 3 when it could not look.

            EXAMPLES
              stoker doctor .
              stoker doctor . --fix        (shows the changes and asks)
              stoker doctor owner/bot
              stoker doctor --log run.log --kind run
              stoker space logs owner/bot --build | stoker doctor --log - --kind build
              stoker doctor owner/bot --format sarif > bot.sarif
            """)

    @Argument(
        help: ArgumentHelp(
            "A folder, or a Space: owner/name, its page on the Hub, or the name alone.", valueName: "folder|space"))
    var subject: String?
    @Option(help: ArgumentHelp("A log of its own; - reads standard input.", valueName: "file"), completion: .file())
    var log: String?
    @Option(help: ArgumentHelp("What wrote the log: the app or its build.", valueName: "run|build"))
    var kind: String?
    @Option(help: ArgumentHelp("With --log: what the Hub says that the Space does.", valueName: "stage"))
    var stage: String?
    @Option(help: ArgumentHelp("With --log: the Hub's message of the failed Space.", valueName: "text"))
    var message: String?
    @Option(help: ArgumentHelp("With --log: the port that visitors are sent to (default: 7860).", valueName: "port"))
    var appPort: Int?
    @Flag(help: "Of a folder: change what can be mended for sure. Shows the changes and asks.") var fix = false
    @OptionGroup var confirm: ConfirmOptions
    @Option(help: ArgumentHelp("For people, for programs, or for code scanning.", valueName: "text|json|sarif|quiet"))
    var format: DoctorFormat = .auto
    @Flag(help: "The same as --format json.") var json = false
    @OptionGroup var fleet: FleetOptions
    @OptionGroup var hub: SpaceHubOptions

    func validate() throws {
        guard (subject == nil) != (log == nil) else {
            throw ValidationError("name a folder or a Space, or a log with --log.")
        }
        if log != nil {
            guard let kind, ["run", "build"].contains(kind) else {
                throw ValidationError("--log needs --kind run or --kind build.")
            }
        } else if kind != nil || stage != nil || message != nil || appPort != nil {
            throw ValidationError("--kind, --stage, --message and --app-port belong to --log.")
        }
        if confirm.yes, !fix { throw ValidationError("--yes belongs to --fix.") }
        if fix, log != nil { throw ValidationError("--fix is about the files of a folder.") }
        if let appPort, !(1...65_535).contains(appPort) { throw ValidationError("--app-port is 1 to 65535.") }
    }

    private var chosen: DoctorFormat { json ? .json : format }

    /// Progress is for people only.
    private var output: OutputOptions {
        var options = OutputOptions()
        options.format = [.auto, .human, .text].contains(chosen) ? .auto : chosen == .quiet ? .quiet : .json
        options.json = false
        return options
    }

    func run() async throws {
        let answer: JSONValue
        let fileFleet = try await Self.fileFleet(fleet)
        var context = OperationContext.ofThisProcess
        context.fileFleet = fileFleet
        if let log {
            let text = try await Self.read(log)
            answer = try await perform(
                .diagnoseLog,
                [
                    ("log", .string(text)), ("kind", .maybe(kind)), ("name", .string(log == "-" ? "stdin" : log)),
                    ("stage", .maybe(stage)), ("message", .maybe(message)),
                    ("app_port", .maybe(appPort)),
                ].filter { !$0.value.isNull }, in: context, output: output)
        } else if let subject, await Self.isFolder(subject), fix {
            answer = try await mend(subject)
        } else if let subject, await Self.isFolder(subject) {
            answer = try await perform(.examineFolder, [("folder", .string(subject))], output: output)
        } else if fix {
            throw Failure(
                .usage, doing: "mend \(subject ?? "it")",
                because: "--fix is about the files of a folder, and there is no such folder",
                hint: "name the folder that holds the app, such as .")
        } else {
            answer = try await hub.calls(output) { calls in
                var calls = calls
                calls.fileFleet = fileFleet
                let name = try await calls.name(subject ?? "")
                return try await calls.call(.doctor, on: name)
            }
        }
        let screen = Terminal.own
        switch chosen {
        case .json: screen.write(answer.prettyText)
        case .sarif: screen.write(DoctorSARIF.document(answer).prettyText)
        case .quiet: break
        case .auto, .human, .text: screen.write(DoctorText.text(answer, screen))
        }
        if answer["ill"] == true { throw ExitCode(1) }
    }

    /// Shows each change before it is asked for.
    private func mend(_ folder: String) async throws -> JSONValue {
        var caller = TerminalCaller(output)
        let screen = Terminal.own
        if output.chosen == .auto {
            caller.line = { screen.write(DiffText.text($0.string ?? "", screen)) }
        }
        defer { caller.progress.end() }
        let given: [(name: String, value: JSONValue)] = [("folder", .string(folder))]
        return try await Operations.Operation.repairFolder.call(
            confirm.yes ? given + [("confirm", true)] : given,
            in: OperationContext.ofThisProcess.called(by: caller))
    }

    /// The fleet whose rules and status page hold: of a file that was named, or of the usual one where there is one.
    /// - Throws: the mistakes of one that was named.
    private static func fileFleet(_ options: FleetOptions) async throws -> Fleet? {
        let isNamed = options.fleet != nil
        guard isNamed || FileManager.default.fileExists(atPath: options.path) else { return nil }
        let source = try await NIOThreadPool.singleton.runIfActive {
            Result { () throws(Failure) in try options.load() }
        }
        if isNamed { return try source.get().fleet() }
        switch source.flatMap({ source in source.result.mapError { $0.failure(file: source.path) } }) {
        case .success(let fleet): return fleet
        case .failure(let failure):
            // It is not what was asked for; what does not hold is told.
            Terminal.writeError("\(options.path) has mistakes, so its rules are not used: \(failure.because)\n")
            return nil
        }
    }

    /// Whether a folder is meant: one that is there, or what can be no Space's name.
    private static func isFolder(_ subject: String) async -> Bool {
        if subject == "." || subject == ".." || ["./", "../", "/", "~"].contains(where: subject.hasPrefix) {
            return true
        }
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: subject, isDirectory: &isFolder) && isFolder.boolValue
    }

    /// The end of a log of any size.
    private static func read(_ file: String) async throws(Failure) -> String {
        let limit = Operations.Operation.logLimit
        do {
            let data = try await NIOThreadPool.singleton.runIfActive {
                let handle =
                    file == "-" ? FileHandle.standardInput : try FileHandle(forReadingFrom: URL(fileURLWithPath: file))
                // What has no length, such as a pipe, is read through.
                if file != "-", let size = try? handle.seekToEnd() {
                    try handle.seek(toOffset: size > UInt64(limit) ? size - UInt64(limit) : 0)
                }
                var kept = Data()
                while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty {
                    kept.append(piece)
                    if kept.count > 2 * limit { kept = Data(kept.suffix(limit)) }
                }
                return kept
            }
            // Bytes that are no text are three bytes each as text.
            return String(decoding: data.suffix(limit), as: UTF8.self).endOf(limit)
        } catch {
            throw Failure(
                .usage, doing: "read the log \(file.shortened)", because: SystemErrorText.of(error),
                hint: "name a file that can be read, or - for standard input")
        }
    }
}

extension String {
    fileprivate func endOf(_ bytes: Int) -> String {
        utf8.count <= bytes ? self : String(decoding: utf8.suffix(bytes), as: UTF8.self).suffixText(bytes)
    }
    /// A character may have been cut.
    private func suffixText(_ bytes: Int) -> String { utf8.count <= bytes ? self : String(dropFirst(4)) }
}

private enum SystemErrorText {
    static func of(_ error: any Error) -> String {
        let error = error as NSError
        if error.domain == NSCocoaErrorDomain, error.code == CocoaError.fileReadNoSuchFile.rawValue {
            return "there is no such file"
        }
        if error.domain == NSCocoaErrorDomain, error.code == CocoaError.fileReadNoPermission.rawValue {
            return "it may not be read"
        }
        return "it cannot be read"
    }
}

/// What the doctor found, for a person.
enum DoctorText {
    static func text(_ answer: JSONValue, _ screen: Terminal) -> String {
        if let findings = answer["findings"]?.array { return folder(answer, findings, screen) }
        let subject = answer["subject"]?.string?.printable ?? ""
        let causes = answer["causes"]?.array ?? []
        var text = ""
        switch answer["verdict"]?.string {
        case "found": text += "\(subject): \(screen.paint(causes.first?["name"]?.string ?? "", .bold))\n"
        case "unknown": text += "\(subject): it failed, and the cause is \(screen.paint("unknown", .bold))\n"
        default: text += "\(subject): \(screen.paint("nothing found", .green))\n"
        }
        // The platform's own trouble before ours.
        for report in answer["platform"]?.array ?? [] {
            let since = report["since"]?.string.map { ", since \($0)" } ?? ""
            text +=
                "\n\(screen.paint("The platform says:", .yellow)) \(report["title"]?.string?.printable ?? "")\(since)\n"
            text += "  \(report["page"]?.string?.printable ?? "")\n"
        }
        for cause in causes {
            let rule = cause["rule"]?.string ?? ""
            text += "\n\(screen.paint(rule, .bold))  \(cause["cause"]?.string ?? "")\n"
            text += proofs(cause["proof"]?.array ?? [], screen)
            text += "  fix     \(cause["fix"]?.string ?? "")\n"
            if let command = cause["command"]?.string { text += "          \(command)\n" }
            if let verify = cause["verify"]?.string { text += "  verify  \(verify)\n" }
        }
        let done = answer["done"]?.array ?? []
        if !done.isEmpty { text += "\nDone in the last 24 hours:\n" + done.map { action($0, screen) }.joined() }
        let unexplained = answer["unexplained"]?.array ?? []
        if !unexplained.isEmpty { text += "\nWhat shows that it failed:\n" + proofs(unexplained, screen) }
        let seen = (answer["looked_at"]?.texts ?? []).joined(separator: "; ")
        if !seen.isEmpty { text += "\n" + screen.paint("Looked at: \(seen.printable).", .dim) + "\n" }
        for missing in answer["not_seen"]?.texts ?? [] {
            text += screen.paint("Not seen: \(missing.printable).", .dim) + "\n"
        }
        return text
    }

    private static func action(_ done: JSONValue, _ screen: Terminal) -> String {
        func said(_ key: String) -> String { done[key]?.string?.printable ?? "" }
        let name = said("action").split(separator: ".").last.map { $0.replacing("_", with: " ") } ?? ""
        let who = done["automatic"] == true ? "Stoker" : said("actor")
        let end = done["result"]?.string.map { ": \($0.printable)" } ?? ""
        return "  \(screen.paint(said("at"), .dim))  \(name) by \(who), \(said("state"))\(end); \(said("reason"))\n"
    }

    /// As a compiler tells invalidExamples: `file:line:column: severity: text [rule]`.
    private static func folder(_ answer: JSONValue, _ findings: [JSONValue], _ screen: Terminal) -> String {
        var text = ""
        for finding in findings {
            let file = finding["file"]?.string?.printable ?? ""
            let place = ([file] + [finding["line"], finding["column"]].compactMap { $0?.integer }.map { "\($0)" })
                .joined(separator: ":")
            let severity = finding["severity"]?.string ?? ""
            let colour: TextStyle = severity == "info" ? .dim : severity == "warn" ? .yellow : .red
            text += "\(screen.paint(place, .bold)): \(screen.paint(severity, colour)): "
            text += "\(finding["text"]?.string?.printable ?? "") [\(finding["rule"]?.string ?? "")]\n"
            text += "  fix  \(finding["fix"]?.string?.printable ?? "")\n"
        }
        let name = answer["folder"]?.string?.printable ?? ""
        if let files = answer["files"]?.array {
            let count = files.count == 1 ? "1 file was" : "\(files.count) files were"
            text += files.isEmpty ? "\(name): nothing can be mended for sure\n" : "\(name): \(count) changed\n"
        }
        let end =
            findings.isEmpty
            ? screen.paint("nothing found", .green) : "\(findings.count) finding\(findings.count == 1 ? "" : "s")"
        return text + "\(name): \(end)\n"
    }

    private static func proofs(_ list: [JSONValue], _ screen: Terminal) -> String {
        list.map { proof in
            let source = proof["source"]?.string ?? ""
            let place = proof["line"]?.integer.map { "\(source):\($0)" } ?? source
            return "  \(screen.paint(place, .dim))  \(proof["text"]?.string?.printable ?? "")\n"
        }.joined()
    }
}

/// A unified diff with colours where there are some.
enum DiffText {
    static func text(_ diff: String, _ screen: Terminal) -> String {
        diff.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let line = String(line).printable
            if line.hasPrefix("+++") || line.hasPrefix("---") { return screen.paint(line, .bold) }
            if line.hasPrefix("+") { return screen.paint(line, .green) }
            if line.hasPrefix("-") { return screen.paint(line, .red) }
            return line.hasPrefix("@@") ? screen.paint(line, .dim) : line
        }.joined(separator: "\n")
    }
}

/// The same for code scanning. Source: OASIS SARIF 2.1.0.
enum DoctorSARIF {
    static func document(_ answer: JSONValue) -> JSONValue {
        let subject = answer["subject"]?.string ?? ""
        // A finding in a folder is its own proof.
        let causes =
            answer["causes"]?.array
            ?? (answer["findings"]?.array ?? []).map { finding in
                [
                    "rule": finding["rule"] ?? "", "name": finding["text"] ?? "", "cause": finding["text"] ?? "",
                    "fix": finding["fix"] ?? "", "severity": finding["severity"] ?? "",
                    "proof": [
                        [
                            "file": finding["file"] ?? "", "line": finding["line"] ?? .null,
                            "column": finding["column"] ?? .null,
                        ]
                    ],
                ]
            }
        var rules: [JSONValue] = []
        var known: [String: Int] = [:]
        var results: [JSONValue] = []
        for cause in causes {
            let rule = cause["rule"]?.string ?? ""
            if known[rule] == nil {
                known[rule] = rules.count
                rules.append([
                    "id": .string(rule), "shortDescription": ["text": cause["name"] ?? ""],
                    "help": ["text": cause["fix"] ?? ""],
                ])
            }
            let places = (cause["proof"]?.array ?? []).compactMap { proof in
                place(proof["file"]?.string ?? subject, proof["line"]?.integer, proof["column"]?.integer)
            }
            results.append([
                "ruleId": .string(rule), "ruleIndex": .integer(Int64(known[rule] ?? 0)),
                "level": .string(level(cause["severity"]?.string)),
                "message": [
                    "text": .string("\(cause["cause"]?.string ?? "") \(cause["fix"]?.string ?? "")")
                ], "locations": .array(Array(places.prefix(1))),
            ])
        }
        return [
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
            "runs": [
                [
                    "tool": [
                        "driver": [
                            "name": "stoker doctor", "version": .string(Version.current), "rules": .array(rules),
                        ]
                    ], "columnKind": "unicodeCodePoints", "results": .array(results),
                ]
            ],
        ]
    }

    private static func place(_ file: String, _ line: Int?, _ column: Int?) -> JSONValue? {
        var physical: [JSONValue.Member] = [.init("artifactLocation", ["uri": .string(uri(file))])]
        if let line {
            let column: [JSONValue.Member] = column.map { [.init("startColumn", .integer(Int64($0)))] } ?? []
            physical.append(.init("region", .object([.init("startLine", .integer(Int64(line)))] + column)))
        }
        return ["physicalLocation": .object(physical)]
    }

    private static func uri(_ file: String) -> String { PercentCoding.encoded(file, keepingSlash: true) }

    private static func level(_ severity: String?) -> String {
        switch severity {
        case "critical", "error": "error"
        case "warn": "warning"
        default: "note"
        }
    }
}
