import Diagnosis
import StokerCore

extension FolderExamination {
    mutating func dockerfile() {
        guard let docker, let file = facts.file("Dockerfile") else { return }
        // One of them often makes many.
        for mistake in docker.mistakes.prefix(5) {
            add(
                "BD07", .error, file.path, mistake.line, "\(Formatting.capitalized(mistake.text)).", "Correct the line."
            )
        }
        for stage in docker.stages {
            image(stage, docker)
            copies(stage, docker)
            for instruction in stage.instructions where instruction.name == "RUN" {
                run(instruction, stage, docker)
            }
            layers(stage, file)
        }
        guard let last = docker.last else { return }
        lastStage(last, docker, file)
        guardedImage(last, docker, file)
        start(of: last, docker, file)
    }

    // MARK: Images

    /// The name of an image without its registry, tag and digest: `python`.
    static func repository(_ image: String) -> String {
        let bare = image.split(separator: "@").first ?? ""
        let name = bare.split(separator: "/").last ?? bare
        return String(name.split(separator: ":").first ?? name)
    }

    static func tag(_ image: String) -> String {
        let bare = image.split(separator: "@").first ?? ""
        let name = bare.split(separator: "/").last ?? bare
        let parts = name.split(separator: ":")
        return parts.count > 1 ? String(parts[1]) : ""
    }

    /// Whether it is one of Docker's own images, whose content is known: `python:3.12`, `docker.io/library/python:3.12`.
    static func isOfficial(_ image: String) -> Bool {
        var path = image.split(separator: "@").first.map(String.init) ?? image
        for start in ["docker.io/", "library/", "public.ecr.aws/docker/library/"] where path.hasPrefix(start) {
            path = String(path.dropFirst(start.count))
        }
        return !path.contains("/")
    }

    private mutating func image(_ stage: Dockerfile.Stage, _ docker: Dockerfile) {
        let name = "Dockerfile"
        let isOwn =
            docker.base(of: stage) != stage.image || docker.stages.contains { $0.name == stage.image.lowercased() }
        let tail = stage.image.split(separator: "/").last.map(String.init) ?? stage.image
        // An argument without a value is told at build time.
        if isOwn || stage.image == "scratch" || tail.isEmpty { return }
        if !stage.image.contains("@"), !tail.contains(":") || tail.hasSuffix(":latest") {
            add(
                "DF01", .info, name, stage.line,
                at: [stage.image], "The base image \(stage.image) has no fixed version.",
                "Name a tag, such as \(Self.exampleTag(Self.repository(stage.image))), or a digest.")
        }
        guard stage == docker.last, let lighter = Self.lighter(stage.image) else { return }
        add(
            "DF04", .info, name, stage.line, at: [stage.image],
            "\(stage.image) is heavy: compilers and documents of a whole system start with the app.",
            "Build in it, and run in \(lighter).")
    }

    private static func exampleTag(_ name: String) -> String {
        switch name {
        case "python": "python:3.12-slim"
        case "node": "node:22-slim"
        case "debian": "debian:12-slim"
        case "ubuntu": "ubuntu:24.04"
        default: "\(name):1.2"
        }
    }

    /// A lighter image of the same family, for the one that is run; nil when it is light, or nothing is known of it.
    private static func lighter(_ image: String) -> String? {
        let (name, tag) = (repository(image), tag(image))
        let isLight = ["slim", "alpine", "distroless", "runtime", "jre"].contains(where: tag.contains)
        if isLight { return nil }
        switch name {
        case "python", "node", "ruby", "rust", "swift":
            guard isOfficial(image), !tag.isEmpty else { return nil }
            return name == "rust" ? "debian:12-slim" : "its -slim version"
        case "golang": return "a distroless image or scratch"
        case "maven", "gradle": return "a JRE"
        case "cuda": return tag.contains("devel") ? "its -runtime or -base version" : nil
        case "pytorch": return tag.contains("devel") ? "its -runtime version" : nil
        case "anaconda3": return "miniconda3 or micromamba"
        default: return nil
        }
    }

    // MARK: Steps

    private mutating func run(_ step: Dockerfile.Instruction, _ stage: Dockerfile.Stage, _ docker: Dockerfile) {
        let name = "Dockerfile"
        let text = ([step.text] + step.heredocs.map(\.text)).joined(separator: "\n")
        moderation(text, name, step.line, to: step.end)
        if text.has("/run/secrets/"), !step.flags.contains(where: { $0.contains("type=secret") }) {
            add(
                "B10", .error, name, step.line, to: step.end, at: ["/run/secrets/"],
                "It reads /run/secrets, and mounts no secret.", "Write RUN --mount=type=secret,id=NAME.")
        }
        let ofData = Dockerfile.commands(text).filter { words in
            words.contains { $0 == "/data" || $0.hasPrefix("/data/") }
        }.compactMap(\.first)
        let makers = ["mkdir", "chown", "chmod", "touch"]
        let users = ["cp", "mv", "ls", "cat", "tar", "unzip", "wget", "curl", "sqlite3"]
        if ofData.contains(where: { makers.contains($0) || users.contains($0) }) {
            // A folder of the image is there, and a volume hides it.
            add(
                "B11", ofData.contains(where: users.contains) ? .warn : .info, name, step.line, to: step.end,
                at: ["/data"], "It uses /data, where a volume is mounted only while the app runs.",
                "Do it when the app starts.")
        }
        if Dockerfile.commands(text).contains(where: { $0.first == "nvidia-smi" }) {
            add(
                "B12", .error, name, step.line, to: step.end, at: ["nvidia-smi"], "The builder has no GPU.",
                "Ask for it when the app starts.")
        }
        packages(step, text, stage, docker)
    }

    private static let ofDebian: Set<String> = [
        "python", "node", "debian", "ubuntu", "golang", "swift", "rust", "ruby", "php", "openjdk", "nginx",
    ]

    /// Packages of the system, for images of which it is known what they hold.
    private mutating func packages(
        _ step: Dockerfile.Instruction, _ text: String, _ stage: Dockerfile.Stage, _ docker: Dockerfile
    ) {
        let base = docker.base(of: stage)
        guard Self.isOfficial(base), Self.ofDebian.union(["alpine"]).contains(Self.repository(base)) else { return }
        let isAlpine = Self.repository(base) == "alpine" || Self.tag(base).contains("alpine")
        let name = "Dockerfile"
        let commands = Dockerfile.commands(text)
        func uses(_ names: [String]) -> Bool { commands.contains { names.contains($0.first ?? "") } }
        if isAlpine, uses(["apt-get", "apt"]) {
            add(
                "B05", .error, name, step.line, to: step.end, at: ["apt-get", "apt"],
                "\(base) is Alpine, which has no apt.", "Use `apk add --no-cache`, or an image of Debian.")
        } else if !isAlpine, uses(["apk"]) {
            add(
                "B05", .error, name, step.line, to: step.end, at: ["apk"], "\(base) is no Alpine and has no apk.",
                "Use `apt-get install -y`, or an image of Alpine.")
        }
        for command in commands where ["apt-get", "apt"].contains(command.first ?? "") && command.contains("install") {
            let options = command.filter { $0.hasPrefix("-") }
            let isYes = options.contains {
                $0 == "--yes" || $0 == "--assume-yes" || !$0.hasPrefix("--") && ($0.contains("y") || $0 == "-qq")
            }
            let isQuiet = docker.buildValues(of: stage)["DEBIAN_FRONTEND"] != nil
            if !isYes, !isAlpine, !isQuiet,
                !commands.contains(where: { $0.first == "yes" || $0.contains("assume-yes") })
            {
                add(
                    "B05", .error, name, step.line, to: step.end, at: ["\(command[0]) install", command[0]],
                    "\(command[0]) install asks for a yes, and nobody is there to give it.",
                    "Write \(command[0]) install -y.",
                    repairs: [
                        facts.file(name)?.aptYes(command[0], from: step.line, to: step.end)
                    ])
            }
            let wasUpdated = docker.lineage(of: stage).contains { other in
                other.name == "RUN" && other.line <= step.line
                    && Dockerfile.commands(([other.text] + other.heredocs.map(\.text)).joined(separator: "\n"))
                        .contains { ["apt-get", "apt"].contains($0.first ?? "") && $0.contains("update") }
            }
            if !wasUpdated, !isAlpine {
                add(
                    "B05", .error, name, step.line, to: step.end, at: ["\(command[0]) install", command[0]],
                    "The lists of packages are not in \(base): apt finds none before `\(command[0]) update`.",
                    "Write `\(command[0]) update && \(command[0]) install -y …` in one RUN.")
            }
        }
        // Source: the Dockerfiles of Docker's own images: `node` has user node, Ubuntu since 23.04 has user ubuntu.
        let takesUser = commands.first { words in
            ["useradd", "adduser"].contains(words.first ?? "")
                && words.contains { $0 == "1000" || $0 == "-u1000" || $0 == "--uid=1000" }
                && !words.contains("-o") && !words.contains("--non-unique")
        }
        let isTaken =
            Self.repository(base) == "node"
            || Self.repository(base) == "ubuntu"
                && ["24", "25", "26", "noble"].contains(where: Self.tag(base).hasPrefix)
        let isFreed = docker.lineage(of: stage).contains {
            $0.name == "RUN" && $0.line <= step.line
                && ["userdel", "deluser", "usermod"].contains(where: $0.text.contains)
        }
        if let takesUser, isTaken, !isFreed, !commands.contains(where: { $0.first == "id" }), !text.has("||") {
            let owner = Self.repository(base) == "node" ? "node" : "ubuntu"
            add(
                "B06", .error, name, step.line, to: step.end, at: [takesUser[0]],
                "\(base) has the user \(owner) with this number: the build stops with `UID 1000 is not unique`.",
                "Use the user \(owner), which is there.")
        }
    }

    // MARK: Files

    static func copiesAll(_ copy: Dockerfile.Instruction) -> Bool {
        copy.words.dropLast().contains { $0 == "." || $0 == "./" }
    }

    private mutating func copies(_ stage: Dockerfile.Stage, _ docker: Dockerfile) {
        let values = docker.buildValues(of: stage)
        let ignored = facts.file(".dockerignore")?.text.map { DockerIgnore($0) }
        for copy in stage.instructions where copy.name == "COPY" || copy.name == "ADD" {
            if let from = copy.flag("from") {
                self.from(from, copy, stage, docker)
                continue
            }
            guard copy.heredocs.isEmpty else { continue }
            for source in copy.words.dropLast() {
                let filled = Dockerfile.filled(source, values)
                var path = filled.hasPrefix("./") ? String(filled.dropFirst(2)) : filled
                while path.hasPrefix("/") { path.removeFirst() }
                while path.hasSuffix("/") { path.removeLast() }
                if path.isEmpty || path == "." || filled.contains("://") || filled.hasPrefix("git@") { continue }
                // A pattern may match nothing in a part of it; only plain names are certain.
                if path.contains(where: { "*?[".contains($0) }) || path.contains("..") { continue }
                let there = facts.files.filter { $0.path == path || $0.path.hasPrefix(path + "/") }
                if !there.isEmpty {
                    guard let ignored, there.allSatisfy({ ignored.leavesOut($0.path) }) else { continue }
                    add(
                        "B07", .error, "Dockerfile", copy.line, to: copy.end, at: [source],
                        "\(copy.name) names \(path.cut(to: 60)), which .dockerignore keeps out of the build.",
                        "Take it out of .dockerignore.")
                    continue
                }
                // `stoker plan` puts the program there.
                if ["stoker.xz", "stoker.xz.sha256"].contains(path) { continue }
                let isIgnored = facts.ignored.contains { $0 == path || $0 == path + "/" }
                add(
                    "B07", .error, "Dockerfile", copy.line, to: copy.end, at: [source],
                    "\(copy.name) names \(path.cut(to: 60)), which \(isIgnored ? "no upload takes along: it is ignored" : "is not in the folder").",
                    isIgnored ? "Take it out of .gitignore, or make it in the build." : "Add it, or correct the line.")
            }
        }
    }

    /// `COPY --from` of a stage that is not there. An image may have any name; a word alone that is nearly a stage is a slip.
    private mutating func from(
        _ from: String, _ copy: Dockerfile.Instruction, _ stage: Dockerfile.Stage, _ docker: Dockerfile
    ) {
        let place = docker.stages.firstIndex(of: stage) ?? 0
        if let number = Int(from) {
            if number >= place {
                add(
                    "B07", .error, "Dockerfile", copy.line, at: ["--from"],
                    "It copies from stage \(number), which does not come before this one.",
                    "Name an earlier stage.")
            }
            return
        }
        let names = docker.stages.compactMap(\.name)
        if names.contains(from.lowercased()) || from.contains(where: { "/:$@.".contains($0) }) { return }
        let near = ClosestMatch.of(from, among: names)
        let looksLikeStage = [
            "build", "builder", "base", "deps", "dependencies", "frontend", "backend", "final", "runtime", "production",
            "prod",
        ].contains(from.lowercased())
        guard near != nil || looksLikeStage else { return }
        add(
            "B08", .error, "Dockerfile", copy.line, at: [from],
            "It copies from \(from.cut(to: 60)), and no stage has this name: the builder looks for an image of it.",
            near.map { "Write --from=\($0)." } ?? "Name a stage by `FROM … AS \(from)`.")
    }

    // MARK: Layers

    /// Packages that are installed behind a copy of everything are installed anew with each change.
    private mutating func layers(_ stage: Dockerfile.Stage, _ file: FolderFacts.File) {
        let steps = stage.instructions
        guard let place = steps.firstIndex(where: { $0.name == "COPY" && $0.flag("from") == nil && Self.copiesAll($0) })
        else { return }
        let all = steps[place]
        let isEarly = steps[..<place].contains { $0.name == "COPY" && $0.flag("from") == nil }
        guard !isEarly,
            let install = steps[place...].first(where: { step in
                step.name == "RUN"
                    && [
                        "pip install", "npm ci", "npm install", "uv sync", "uv pip install", "poetry install",
                        "yarn install", "pnpm install",
                    ].contains(where: step.text.has)
            })
        else { return }
        add(
            "DF02", .info, file.path, install.line, to: install.end,
            at: ["pip install", "npm ci", "npm install"],
            "All files are copied before the packages are installed: each change installs them anew.",
            "Copy the list of packages first, install, then copy the rest.",
            repairs: [reordered(all, install, steps, file)])
    }

    /// The install before the copy, where nothing but the list of packages can count for it.
    private func reordered(
        _ all: Dockerfile.Instruction, _ install: Dockerfile.Instruction, _ steps: [Dockerfile.Instruction],
        _ file: FolderFacts.File
    ) -> FolderRepair.Change? {
        guard let first = steps.firstIndex(of: all), steps.indices.contains(first + 1), steps[first + 1] == install,
            install.heredocs.isEmpty, install.list == nil, all.words.count == 2, let text = file.text
        else { return nil }
        let words = install.words
        let target = all.words[1]
        let list: [String]
        if words == ["npm", "ci"] || words == ["npm", "ci", "--omit=dev"] || words == ["npm", "install"] {
            guard let package = facts.file("package.json")?.text, let json = try? JSONValue(reading: package),
                json["workspaces"] == nil, !package.contains("file:"), !package.contains("link:"),
                !["preinstall", "install", "postinstall", "prepare"].contains(where: { json["scripts"]?[$0] != nil }),
                facts.file(".npmrc") == nil
            else { return nil }
            list = ["package.json"] + (facts.file("package-lock.json") == nil ? [] : ["package-lock.json"])
        } else {
            guard
                words.starts(with: ["pip", "install"]) || words.starts(with: ["pip3", "install"])
                    || words.starts(with: ["python", "-m", "pip", "install"]),
                let option = words.firstIndex(where: { $0 == "-r" || $0 == "--requirement" }),
                words.indices.contains(option + 1), words[option + 1] == "requirements.txt",
                words.filter({ $0 == "-r" || $0 == "--requirement" }).count == 1,
                !words.contains(where: {
                    $0.contains("&") || $0.contains(";") || $0.contains("|") || $0 == "." || $0.hasPrefix("./")
                        || $0 == "-e" || $0 == "-c"
                }),
                let requirements = facts.file("requirements.txt")?.text,
                !PythonRequirements(requirements).needsFiles
            else { return nil }
            list = ["requirements.txt"]
        }
        guard ["npm", "pip", "pip3", "python"].contains(words[0]) else { return nil }
        var lines = text.wholeLines.map(String.init)
        guard all.end < install.line, lines.indices.contains(install.end - 1) else { return nil }
        // Only blank lines stand between the two.
        guard lines[all.end..<(install.line - 1)].allSatisfy({ $0.trimmed.isEmpty }) else { return nil }
        let copy =
            "COPY \(all.flags.map { $0 + " " }.joined())\(list.joined(separator: " ")) \(target.hasSuffix("/") || target == "." ? (target == "." ? "./" : target) : target + "/")"
        let moved = Array(lines[(install.line - 1)..<install.end])
        let kept = Array(lines[(all.line - 1)..<(install.line - 1)])
        let end = text.lineEnd
        var block = [copy + end] + moved.map { $0.hasSuffix("\n") || $0.hasSuffix("\r\n") ? $0 : $0 + end } + kept
        // The last line of the file may have had no end.
        if lines.count == install.end, let last = lines.last, !last.hasSuffix("\n"), !last.hasSuffix("\r\n"),
            let tail = block.last
        {
            block[block.count - 1] = tail.trimmedEnd
        }
        lines.replaceSubrange((all.line - 1)..<install.end, with: block)
        return FolderRepair.Change(path: file.path, text: lines.joined())
    }

    // MARK: The stage that is run

    private mutating func lastStage(_ last: Dockerfile.Stage, _ docker: Dockerfile, _ file: FolderFacts.File) {
        let steps = docker.lineage(of: last)
        let base = docker.base(of: last)
        let commands = steps.filter { $0.name == "CMD" || $0.name == "ENTRYPOINT" }
        // Source: Docker's own images: they start a shell or an interpreter, which ends at once without a terminal.
        let idle = ["python", "node", "debian", "ubuntu", "alpine", "golang", "swift", "rust", "ruby", "openjdk"]
        if commands.isEmpty, Self.isOfficial(base), idle.contains(Self.repository(base)) {
            add(
                "RT14", .error, file.path, last.line, at: [last.image],
                "It starts nothing: there is no CMD, and \(base) alone ends at once.",
                "Write CMD [\"…\"] with the program that serves.")
        }
        let users = steps.filter { $0.name == "USER" }
        if users.isEmpty, let start = commands.last {
            let made =
                steps.compactMap { step -> String? in
                    guard step.name == "RUN" else { return nil }
                    return Dockerfile.commands(step.text).compactMap { Self.madeUser($0) }.first
                }.first ?? (Self.repository(base) == "node" && Self.isOfficial(base) ? "node" : nil)
            add(
                "DF03", .info, file.path, start.line, at: [start.name],
                "It names no USER. The Hub runs it as user 1000, which owns none of its files.",
                "Make a user with number 1000, copy with `--chown`, and write USER before the last COPY.",
                repairs: [
                    made.flatMap { user in
                        last.instructions.contains(start)
                            ? file.inserting(["USER \(user)"], before: Self.top(of: start, commands, last)) : nil
                    }
                ])
        }
        if facts.file(".dockerignore") == nil,
            let all = steps.first(where: { $0.name == "COPY" && $0.flag("from") == nil && Self.copiesAll($0) })
        {
            add(
                "DF05", .info, file.path, all.line, at: ["COPY"],
                "It copies everything, and no .dockerignore keeps the history and caches out of the image.",
                "Write a .dockerignore.",
                repairs: [FolderRepair.Change(path: ".dockerignore", text: ignoreList, isNew: true)])
        }
    }

    /// ENTRYPOINT and CMD that follow each other belong together.
    private static func top(
        of start: Dockerfile.Instruction, _ commands: [Dockerfile.Instruction], _ stage: Dockerfile.Stage
    ) -> Int {
        commands.filter { stage.instructions.contains($0) }.map(\.line).min() ?? start.line
    }

    private static func madeUser(_ words: [String]) -> String? {
        guard ["useradd", "adduser"].contains(words.first ?? ""),
            words.contains(where: { $0 == "1000" || $0 == "-u1000" || $0 == "--uid=1000" }),
            let last = words.last, last.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" }),
            last.first?.isLetter == true
        else { return nil }
        return last
    }

    private var ignoreList: String {
        // Some builds read their version out of the history.
        let readsHistory = facts.files.contains { file in
            ["pyproject.toml", "setup.py", "setup.cfg", "Dockerfile", "package.json"].contains(file.name)
                && [
                    "setuptools_scm", "setuptools-scm", "hatch-vcs", "versioningit", "git rev-parse", "git describe",
                    ".git",
                ]
                .contains { file.text?.has($0) == true }
        }
        return
            ((readsHistory ? [] : [".git"]) + [
                ".env", ".env.*", "**/__pycache__", "**/*.pyc", "**/.venv", "**/node_modules",
            ])
            .joined(separator: "\n") + "\n"
    }
}

extension FolderFacts.File {
    /// `-y` behind the first `install` of apt that has none, between two lines.
    fileprivate func aptYes(_ program: String, from line: Int, to end: Int) -> FolderRepair.Change? {
        for number in line...max(line, end) {
            if let change = replacing("\(program) install ", with: "\(program) install -y ", line: number) {
                return change
            }
        }
        return nil
    }
}
