/// Where the folder's files are in an image, as far as its COPY instructions tell.
struct ImageFiles: Sendable {
    /// Path in the image, absolute, and the file of the folder.
    private(set) var files: [String: FolderFacts.File] = [:]
    /// Where commands run; nil when the base image sets it.
    private(set) var folder: String?
    /// Whether something else may have put files there: a download, a move, a build.
    private(set) var mayHoldMore = false

    init(_ stage: Dockerfile.Stage, _ docker: Dockerfile, _ facts: FolderFacts, depth: Int = 6) {
        // Source: Docker's own images: none of these but golang sets a WORKDIR.
        let base = docker.base(of: stage)
        let isKnown =
            FolderExamination.isOfficial(base)
            && ["python", "node", "debian", "ubuntu", "alpine", "swift"]
                .contains(FolderExamination.repository(base))
        folder = isKnown ? "/" : nil
        mayHoldMore = !isKnown
        let values = docker.buildValues(of: stage)
        let ignored = facts.file(".dockerignore")?.text.map { DockerIgnore($0) }
        for step in docker.lineage(of: stage) {
            switch step.name {
            case "WORKDIR":
                let path = Dockerfile.filled(step.words.first ?? "", values)
                if path.hasPrefix("/") {
                    folder = Self.normal(path)
                } else if let now = folder {
                    folder = Self.normal(now + "/" + path)
                }
            case "ADD", "COPY":
                guard step.heredocs.isEmpty, let target = step.words.last, step.words.count > 1 else {
                    mayHoldMore = true
                    continue
                }
                let sources = step.words.dropLast().map { Dockerfile.filled($0, values) }
                let isFolder = target.hasSuffix("/") || target == "." || sources.count > 1
                let filled = Dockerfile.filled(target, values)
                guard
                    let place = filled.hasPrefix("/")
                        ? Self.normal(filled) : folder.map({ Self.normal($0 + "/" + filled) })
                else {
                    mayHoldMore = true
                    continue
                }
                if let from = step.flag("from") {
                    let earlier = docker.stages.firstIndex(of: stage).flatMap { end in
                        Int(from).flatMap { docker.stages.indices.contains($0) && $0 < end ? docker.stages[$0] : nil }
                            ?? docker.stages[..<end].last { $0.name == from.lowercased() }
                    }
                    guard let earlier, depth > 0 else {
                        mayHoldMore = true
                        continue
                    }
                    let other = ImageFiles(earlier, docker, facts, depth: depth - 1)
                    mayHoldMore = mayHoldMore || other.mayHoldMore
                    for source in sources { take(other, source, place, isFolder) }
                } else {
                    for source in sources {
                        if source.contains("://") || source.hasPrefix("git@") {
                            mayHoldMore = true
                            continue
                        }
                        take(source, place, isFolder, facts, ignored)
                    }
                }
            case "RUN":
                let text = ([step.text] + step.heredocs.map(\.text)).joined(separator: "\n")
                let makers: Set<String> = [
                    "git", "curl", "wget", "mv", "cp", "ln", "tar", "unzip", "rsync", "tee", "huggingface-cli", "hf",
                    "cd", "npm", "yarn", "pnpm", "bun", "make", "go", "swift", "cargo", "mvn", "gradle", "touch",
                    "django-admin", "npx", "reflex",
                ]
                if text.contains(">") || Dockerfile.commands(text).contains(where: { makers.contains($0.first ?? "") })
                {
                    mayHoldMore = true
                }
            default: continue
            }
        }
    }

    /// The file that a path means where commands run.
    func file(_ path: String) -> FolderFacts.File? {
        if path.hasPrefix("/") { return files[Self.normal(path)] }
        return folder.flatMap { files[Self.normal($0 + "/" + path)] }
    }

    private mutating func take(
        _ source: String, _ place: String, _ isFolder: Bool, _ facts: FolderFacts, _ ignored: DockerIgnore?
    ) {
        var path = Self.normal("/" + source)
        path.removeFirst()
        let kept = facts.files.filter { ignored?.leavesOut($0.path) != true }
        if path.isEmpty {
            for file in kept { files[Self.normal(place + "/" + file.path)] = file }
            return
        }
        if path.contains(where: { "*?[".contains($0) }) {
            let pattern = DockerIgnore(path)
            let depth = path.split(separator: "/").count
            for file in kept where pattern.leavesOut(file.path) {
                let rest = file.path.split(separator: "/").dropFirst(depth)
                // What matches is a file, or a folder whose content is copied.
                files[Self.normal(place + "/" + (rest.isEmpty ? file.name : rest.joined(separator: "/")))] = file
            }
            return
        }
        for file in kept {
            if file.path == path {
                files[isFolder ? Self.normal(place + "/" + file.name) : place] = file
            } else if file.path.hasPrefix(path + "/") {
                files[Self.normal(place + "/" + file.path.dropFirst(path.count + 1))] = file
            }
        }
    }

    private mutating func take(_ other: ImageFiles, _ source: String, _ place: String, _ isFolder: Bool) {
        guard
            let from = source.hasPrefix("/")
                ? Self.normal(source) : other.folder.map({ Self.normal($0 + "/" + source) })
        else { return }
        for (path, file) in other.files {
            if path == from {
                files[isFolder ? Self.normal(place + "/" + file.name) : place] = file
            } else if path.hasPrefix(from == "/" ? "/" : from + "/") {
                files[Self.normal(place + "/" + path.dropFirst(from.count))] = file
            }
        }
    }

    /// Without doubled slashes, `.` and `..`; absolute.
    static func normal(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }
}
