import Diagnosis
import StokerCore

/// Looks for what will make a Space fail, before it is shipped. Pure: what is in the folder was read before.
package struct FolderExamination: Sendable {
    let facts: FolderFacts
    let header: ReadmeHeader
    /// Of a Docker Space.
    let docker: Dockerfile?
    var findings: [FolderFinding] = []
    /// Where servers were seen to listen; judged together, since one of several may be the one visitors reach.
    var listeners: [Listener] = []
    var exposedPorts: [ExposedPort] = []
    /// Another program takes the visitors and hands them on.
    var isBehindProxy = false
    var workerCounts: [WorkerCount] = []
    /// Programs of the folder that are started.
    var entries: [FolderFacts.File] = []
    /// Files of the app's own code that are run or imported from what is started; empty when what is started is not known.
    var reached: [FolderFacts.File] = []
    /// The port that visitors are sent to. Source: hub-docs `spaces-config-reference`: `app_port`, 7860; Gradio is always on 7860.
    var port: Int { header.sdk == "docker" ? header.appPort ?? 7_860 : 7_860 }

    /// Every finding, in the order of files and lines.
    package static func findings(_ facts: FolderFacts) -> [FolderFinding] {
        var examination = FolderExamination(facts)
        examination.readme()
        examination.appFile()
        examination.dockerfile()
        examination.gradioApp()
        examination.judgeListeners()
        examination.python()
        examination.health()
        examination.files()
        examination.secrets()
        return examination.findings.sorted {
            ($0.file, $0.line ?? 0, $0.column ?? 0, $0.rule) < ($1.file, $1.line ?? 0, $1.column ?? 0, $1.rule)
        }
    }

    private init(_ facts: FolderFacts) {
        self.facts = facts
        header = ReadmeHeader(facts.file("README.md")?.text ?? "")
        let isStatic = header.sdk == "static" || header.sdk == "gradio"
        docker = isStatic ? nil : facts.file("Dockerfile")?.text.map { Dockerfile($0) }
    }

    /// - Parameters:
    ///   - line: from 1; nil for the whole file.
    ///   - end: the last line of what the finding is about; the finding is at the line in which `words` stand.
    ///   - words: what the finding is about, as it stands in the file: the first one that is found tells the column.
    mutating func add(
        _ rule: String, _ severity: FailureSignature.Severity, _ file: String, _ line: Int?, to end: Int? = nil,
        at words: [String] = [], _ text: String, _ fix: String, repairs: [FolderRepair.Change?] = []
    ) {
        let spot = line.map { (first: Int) -> (line: Int, column: Int?) in
            facts.file(file)?.spot(of: words, from: first, to: end ?? first) ?? (first, nil)
        }
        let finding = FolderFinding(
            rule: rule, severity: severity, file: file, line: spot?.line, column: spot?.column, text: text, fix: fix,
            repairs: repairs.compactMap { $0 })
        let isKnown = findings.contains {
            $0.rule == rule && $0.file == file && $0.line == finding.line && $0.text == text
        }
        if !isKnown { findings.append(finding) }
    }
}

extension FolderFacts.File {
    /// Where one of these words stands between two lines; else where the first of these lines begins.
    /// - Returns: line and column, both from 1.
    func spot(of words: [String], from line: Int, to end: Int) -> (line: Int, column: Int?) {
        guard let text else { return (line, nil) }
        let lines = text.lines
        guard lines.indices.contains(line - 1) else { return (line, nil) }
        for word in words where !word.isEmpty {
            for number in line...min(max(line, end), lines.count) {
                let whole = lines[number - 1]
                if number > line, whole.trimmed.hasPrefix("#") { continue }
                if let found = whole.find(word) {
                    return (number, whole[..<found.lowerBound].unicodeScalars.count + 1)
                }
            }
        }
        let whole = lines[line - 1]
        return (line, whole.prefix { $0.isWhitespace }.unicodeScalars.count + 1)
    }
}

// MARK: README

extension FolderExamination {
    private static let colours: Set<String> = ["red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"]

    /// Source: hub-docs `spaces-config-reference`, and the types of the Hub's own client.
    private static let keys: Set<String> = [
        "title", "emoji", "colorFrom", "colorTo", "sdk", "sdk_version", "python_version", "app_file",
        "app_build_command", "app_port", "base_path", "suggested_hardware", "suggested_storage",
        "startup_duration_timeout", "fullWidth", "header", "short_description", "thumbnail", "pinned", "models",
        "datasets", "tags", "license", "preload_from_hub", "hf_oauth", "hf_oauth_scopes",
        "hf_oauth_expiration_minutes", "hf_oauth_authorized_org", "disable_embedding", "custom_headers",
        "duplicated_from", "metaTitle", "description", "dev-mode-folder",
    ]

    mutating func readme() {
        let name = "README.md"
        guard let file = facts.file(name) else {
            return add(
                "RT19", .error, name, nil, "There is no README.md, and so no settings for the Space.",
                "Write one that begins with `---`, `sdk: docker` (or gradio, static) and `---`.")
        }
        if let problem = facts.headerProblem {
            return add(
                "RT19", .error, name, 1, "The Hub finds no settings in it: \(problem).",
                "Let the file begin with `---`, the settings, and `---`.")
        }
        if let trouble = header.trouble {
            return add(
                "B14", .error, name, trouble.line, "Its header is no YAML: \(trouble.text).", "Correct this line.")
        }
        sdk(file)
        for key in ["colorFrom", "colorTo"] {
            if let value = header.values[key], !Self.colours.contains(value.text) {
                add(
                    "B14", .error, name, value.line, at: [value.text],
                    "`\(key): \(value.text.cut(to: 60))` is no colour of the Hub.",
                    "Write one of \(Self.colours.sorted().joined(separator: ", ")).")
            }
        }
        if let value = header.values["short_description"], value.text.count > 60 {
            add(
                "B14", .error, name, value.line, at: [value.text],
                "`short_description` has \(value.text.count) characters; the Hub takes 60.", "Shorten it.")
        }
        if let value = header.values["app_port"] {
            if Int(value.text).map({ (1...65_535).contains($0) }) != true {
                add(
                    "B14", .error, name, value.line, at: [value.text],
                    "`app_port: \(value.text.cut(to: 60))` is no port.", "Write a number.")
            } else if header.sdk != nil, header.sdk != "docker" {
                add(
                    "B14", .warn, name, value.line, "`app_port` counts for Docker Spaces only.",
                    "Remove it, or let the app listen on 7860.", repairs: [file.deleting(line: value.line)])
            }
        }
        for key in ["sdk_version", "python_version"] {
            if let value = header.values[key], !value.isQuoted, value.text.split(separator: ".").count == 2 {
                // Only a zero at the end is lost.
                let isLost = value.text.hasSuffix("0")
                add(
                    "B14", isLost ? .warn : .info, name, value.line, at: [value.text],
                    "`\(key): \(value.text)` is read as a number\(isLost ? ": \(value.text) becomes \(value.text.dropLast())" : "").",
                    "Put it in quotes.",
                    repairs: [file.replacing(value.text, with: "\"\(value.text)\"", line: value.line)])
            }
        }
        if let value = header.values["base_path"], !value.text.hasPrefix("/") {
            add(
                "B14", .error, name, value.line, at: [value.text], "`base_path` must begin with `/`.",
                "Write `/\(value.text)`.",
                repairs: [
                    value.isQuoted ? nil : file.replacing(value.text, with: "/\(value.text)", line: value.line)
                ])
        }
        if let value = header.values["startup_duration_timeout"], !Self.isDuration(value.text) {
            add(
                "B14", .error, name, value.line, at: [value.text],
                "`startup_duration_timeout: \(value.text.cut(to: 60))` is no duration.", "Write `30m` or `1h`.")
        }
        for key in ["pinned", "hf_oauth", "disable_embedding", "fullWidth"] {
            if let value = header.values[key], !["true", "false"].contains(value.text.lowercased()) {
                add(
                    "B14", .error, name, value.line, at: [value.text],
                    "`\(key): \(value.text.cut(to: 60))` is neither true nor false.", "Write true or false.")
            }
        }
        if let value = header.values["hardware"] {
            add(
                "B14", .warn, name, value.line, "There is no key `hardware`; the Hub ignores it.",
                "Choose hardware with `stoker space hardware`, or suggest it by `suggested_hardware`.")
        }
        for (key, value) in header.values where !Self.keys.contains(key) && key != "hardware" {
            guard let near = ClosestMatch.of(key, among: Self.keys) else { continue }
            add(
                "B14", .warn, name, value.line, "The Hub ignores the key `\(key.cut(to: 60))`.",
                "Write `\(near)` if that is meant.")
        }
    }

    private mutating func sdk(_ file: FolderFacts.File) {
        guard let sdk = header.values["sdk"] else {
            return add(
                "B14", .error, file.path, 1, "Its header has no `sdk`.",
                "Add `sdk: docker`, `sdk: gradio` or `sdk: static`.")
        }
        if sdk.text == "streamlit" {
            add(
                "B14", .error, file.path, sdk.line, at: [sdk.text], "The SDK streamlit was retired.",
                "Use `sdk: docker` with a Dockerfile that starts Streamlit on port 7860.")
        } else if !["gradio", "docker", "static"].contains(sdk.text) {
            add(
                "B14", .error, file.path, sdk.line, at: [sdk.text], "`sdk: \(sdk.text.cut(to: 60))` is none.",
                "Write docker, gradio or static.")
        }
    }

    private static func isDuration(_ text: String) -> Bool {
        let digits = text.prefix { $0.isNumber }
        let unit = text.dropFirst(digits.count).trimmed
        return !digits.isEmpty
            && ["", "s", "m", "h", "d", "min", "minutes", "hours", "sec", "seconds", "minute", "hour"].contains(unit)
    }

    mutating func appFile() {
        switch header.sdk {
        case "docker":
            if facts.file("Dockerfile") == nil {
                let near = facts.files.first { $0.name.lowercased() == "dockerfile" }?.path
                add(
                    "RT21", .error, near ?? "README.md", near == nil ? header.values["sdk"]?.line : nil,
                    at: ["docker"], "A Docker Space needs a file named Dockerfile at its top.",
                    near == nil ? "Add one." : "Move it to the top, with a capital D.")
            }
        case "gradio", "static":
            let standard = header.sdk == "gradio" ? "app.py" : "index.html"
            let wanted = header.values["app_file"]?.text ?? standard
            let isBuilt = header.values["app_build_command"] != nil
            if facts.file(wanted) == nil, !isBuilt {
                add(
                    "RT21", .error, "README.md", header.values["app_file"]?.line ?? header.values["sdk"]?.line,
                    at: [header.values["app_file"]?.text ?? header.sdk ?? ""],
                    "The file that is started, \(wanted.cut(to: 100)), is not there.",
                    "Add it, or name another by `app_file`.")
            }
        default: break
        }
    }
}
