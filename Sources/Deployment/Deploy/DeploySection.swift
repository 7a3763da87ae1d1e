package import HubClient
package import StokerCore

/// What `deploy:` of the fleet file says, as it is written.
package struct DeploySettings: Sendable, Equatable {
    /// Where the Space's files come from: `from`.
    package enum Source: Sendable, Equatable {
        /// As written: relative to the fleet file's folder.
        case folder(FleetReference)
        case git(GitSource)
        case stoker(StokerSource)
    }
    package struct GitSource: Sendable, Equatable {
        package var git: FleetReference?
        package var ref: String?
        package init() {}
    }
    package struct StokerSource: Sendable, Equatable {
        package var stoker: FleetReference?
        package init() {}
    }
    package struct Secret: Sendable, Equatable {
        package var name: String
        package var source: SecretSource
    }
    /// Where its value is read; never the value.
    package struct SecretSource: Sendable, Equatable {
        /// nil: from the environment.
        package var command: String?
        package init(command: String? = nil) { self.command = command }
    }
    /// Repositories that must be there before the Space: `needs`; each `owner/name`.
    package struct Needs: Sendable, Equatable {
        package var datasets: [String] = []
        package var buckets: [String] = []
        package init() {}
    }

    package var from: Source?
    package var duplicateOf: RepoID?
    package var sdk: String?
    package var readme = ReadmeSettings()
    package var visibility: RepoVisibility?
    package var hardware: String?
    /// `.some(nil)`: never.
    package var sleep: Duration??
    package var variables: [FleetNamed<String>] = []
    package var secrets: [Secret] = []
    package var volumes: [SpaceVolume] = []
    package var tags: [String]?
    package var needs = Needs()
    package var ignore: [String] = []

    package init() {}
}

/// `deploy:` of the fleet file: at the top what holds for the Spaces that have their own, and below `spaces.NAME`.
package enum DeploySection {
    /// Below a Space.
    package static let ofSpaces: SpaceSection<DeploySettings> = SpaceSection(
        "deploy",
        "What it is made of: files, settings, secrets. `stoker plan` shows what differs from the Hub, `stoker apply` makes it so.",
        spaceTable, example: "{ from: ./backend, sdk: docker }", invalidExamples: ["./backend", "[a]"],
        groups: [
            FleetKeyGroup(
                "spaces.deploy.readme", ReadmeSettings.table.rows,
                document: "spaces: { a/b: { deploy: { readme: { % } } } }",
                schemaPath: ["$defs", "space", "properties", "deploy", "properties", "readme"]),
            FleetKeyGroup(
                "spaces.deploy.needs", needs.rows, document: "spaces: { a/b: { deploy: { needs: { % } } } }",
                schemaPath: ["$defs", "space", "properties", "deploy", "properties", "needs"]),
        ],
        initial: { $0[section] })

    /// At the top.
    package static let section: FleetSection<DeploySettings> = FleetSection(
        "deploy",
        "What holds for the Spaces that have a `deploy` of their own. The nearer setting wins; a list or mapping replaces the one above as a whole.",
        FleetTable(usual), initial: DeploySettings()
    ).checking { _, fleet, report in
        check(fleet[ofSpaces], fleet, report)
    }

    // MARK: Keys

    private static let spaceTable = FleetTable<DeploySettings>(
        [
            FleetKey(
                "from", source, \.from,
                "Its files: a folder (seen from the fleet file), a commit, or this program with a fleet file. Absent: files are left as they are.",
                defaultValue: "none", range: "`./folder`, `{ git: https://…, ref: v2.1 }`, `{ stoker: ./master.yaml }`",
                example: "./backend", invalidExamples: ["[]", "{ git: https://a.example/b }", "{ svn: a }"]),
            FleetKey(
                "duplicate_of", .repo(.space), \.duplicateOf,
                "It is made as a copy of this Space when it is not there.", example: "acme/template",
                invalidExamples: ["template", "[a]"]),
        ] + usual + [
            FleetKey(
                "needs", .table(needs, DeploySettings.Needs()), \.needs,
                "Datasets and buckets, which are made when missing.",
                defaultValue: "none", range: "`{ datasets: [a], buckets: [b] }`", example: "{ buckets: [state] }",
                invalidExamples: ["[a]", "state"])
        ],
        finish: { settings, said in
            let collisions = SpaceValueKind.collisions(
                secrets: settings.secrets.map(\.name), variables: settings.variables.map(\.name))
            if !collisions.isEmpty {
                said.report(
                    .conflict,
                    "\(collisions.joined(separator: ", ")) \(collisions.count == 1 ? "is" : "are") a variable and a secret, and a Space with both does not start (CONFIG_ERROR); leave one out",
                    at: said.has("secrets") ? "secrets" : "variables")
            }
            if settings.sdk == "static" {
                if !settings.secrets.isEmpty {
                    said.report(
                        .conflict, "are readable by every visitor of a static Space; leave them out",
                        at: said.has("secrets") ? "secrets" : nil)
                }
                for (key, isSaid) in [
                    ("hardware", settings.hardware != nil), ("sleep", settings.sleep != nil),
                    ("volumes", !settings.volumes.isEmpty),
                ] where isSaid && said.has(key) {
                    said.report(.conflict, "does not apply to a static Space, which has no container", at: key)
                }
            }
            if case .some(.some) = settings.sleep, settings.hardware == "cpu-basic", said.has("sleep") {
                said.report(
                    .conflict, "cannot be set on cpu-basic, which sleeps after 48h whatever is asked; leave it out",
                    at: "sleep")
            }
            var mounts: Set<String> = []
            for volume in settings.volumes where !mounts.insert(volume.mountPath).inserted {
                said.report(.conflict, "has two volumes at \(volume.mountPath)", at: "volumes")
            }
        })

    private static let sdks = ["docker", "gradio", "static"]

    /// Keys that can be said at the top, too.
    private static let usual: [FleetKey<DeploySettings>] = [
        FleetKey(
            "sdk", .word(sdks.map { ($0, $0) }), \.sdk, "What runs it.", defaultValue: "as the README's header says",
            example: "docker", invalidExamples: ["rust", "[a]"]),
        FleetKey(
            "readme", .table(ReadmeSettings.table, ReadmeSettings()), \.readme,
            "Keys of the README's header, see [readme](#readme). They take the place of those in the files; others stay.",
            example: "{ title: Backend, app_port: 7860 }", invalidExamples: ["Backend", "{ titel: a }"]),
        FleetKey(
            "visibility",
            .word([("public", RepoVisibility.public), ("private", .private), ("protected", .protected)]),
            \.visibility, "Who sees it. `protected`: all may use the app, only its owner sees the code (paid plans).",
            defaultValue: "as it is; of a new Space the Hub's default", example: "private", invalidExamples: ["secret"]),
        FleetKey(
            "hardware", .text("hardware such as cpu-basic"), \.hardware, "What it runs on.", defaultValue: "as it is",
            example: "cpu-basic", invalidExamples: ["[a]"]),
        FleetKey(
            "sleep", .durationOrOff(.seconds(60) ... .seconds(366 * 86_400), example: "1h"), \.sleep,
            "After how long without a visitor it sleeps, on paid hardware.", defaultValue: "as it is", example: "1h",
            invalidExamples: ["5", "often"]),
        FleetKey(
            "variables",
            .named(
                .anyText("a value, which everybody can read"),
                fault: { key in
                    SpaceValueKind.isKey(key)
                        ? nil : "cannot be a variable: it has a letter first, then letters, digits and _"
                }), \.variables,
            "All its variables, by name; public. Others on the Hub are removed, unless `ignore` names them.",
            defaultValue: "none", example: "{ LOG_LEVEL: info }", invalidExamples: ["info", "{ \"a-b\": c }"]),
        FleetKey(
            "secrets", secrets, \.secrets,
            "Names of all its secrets. Values come from the environment or `--env-file`, or from a command. Others on the Hub are removed with `--allow-destroy`.",
            defaultValue: "none", range: "`[DATABASE_URL]`, `{ JWT_SECRET: { command: pass show jwt } }`",
            example: "[DATABASE_URL, { JWT_SECRET: { command: pass show jwt } }]",
            invalidExamples: ["[\"a-b\"]", "{ A: { value: b } }"]),
        FleetKey(
            "volumes",
            .list(
                .parsed("a volume such as hf://buckets/acme/state:/data", pattern: "^hf://", write: \.notation) {
                    text in
                    do throws(Failure) { return .success(try SpaceVolume(notation: text)) } catch {
                        return .failure(FleetValueFault("is no volume: \(error.because); \(error.hint ?? "")"))
                    }
                }, "volumes", limit: 100), \.volumes, "All that is mounted into it.", defaultValue: "none",
            range: "`hf://buckets/acme/state:/data`, `hf://datasets/acme/faq:/faq:ro`",
            example: "[\"hf://buckets/acme/state:/data\"]", invalidExamples: ["state", "[\"hf://buckets/acme:/data\"]"]),
        FleetKey(
            "tags", .list(.text("a tag"), "tags", limit: 100), \.tags, "Tags of the README's header.",
            defaultValue: "as the README's header says", example: "[production]", invalidExamples: ["{ a: b }"]),
        FleetKey(
            "ignore",
            .list(
                .text("a setting or a pattern, such as variables.BUILD_ID", pattern: ignorePattern, fault: ignoreFault),
                "what is ignored", limit: 1_000), \.ignore, "What is neither changed nor drift.",
            defaultValue: "nothing",
            range:
                "`variables.NAME`, `secrets.NAME`, `files.PATTERN` with `*`, `hardware`, `sleep`, `visibility`, `volumes`, `files`",
            example: "[variables.BUILD_ID, \"files.data/*\"]", invalidExamples: ["colour", "{ a: b }"]),
    ]

    private static let ignorePattern =
        "^(variables|secrets|volumes|files|hardware|sleep|visibility)$|^(variables|secrets|files)\\..+"
    /// What is wrong with what is to be ignored, in words that fit behind it; nil for nothing.
    package static let ignoreFault: @Sendable (String) -> String? = { text in
        if ["variables", "secrets", "volumes", "files", "hardware", "sleep", "visibility"].contains(text) {
            return nil
        }
        for front in ["variables.", "secrets.", "files."] where text.hasPrefix(front) && text != front { return nil }
        return
            "is nothing that can be ignored; write variables.NAME, secrets.NAME, files.PATTERN, hardware, sleep, visibility, volumes or files"
    }

    private static let needs = FleetTable<DeploySettings.Needs>([
        FleetKey(
            "datasets", .list(.repoName, "datasets", limit: 100), \.datasets,
            "Datasets, private when they are made; names without an owner are of the Space's.", defaultValue: "none",
            example: "[acme/faq]", invalidExamples: ["[a/b/c]", "{ a: b }"]),
        FleetKey(
            "buckets", .list(.repoName, "buckets", limit: 100), \.buckets,
            "Buckets; names without an owner are of the Space's.", defaultValue: "none", example: "[state]",
            invalidExamples: ["[a/b/c]", "{ a: b }"]),
    ])

    // MARK: Values

    private static let source = FleetValue<DeploySettings.Source>.either(
        mapping: .kinds(
            [
                FleetKind(
                    "git",
                    FleetTable(
                        [
                            FleetKey(
                                "git", .reference("the address of a repository, such as https://github.com/acme/app"),
                                \.git, "Its repository.",
                                example: "https://github.com/acme/app", invalidExamples: ["[a]"]),
                            FleetKey(
                                "ref", .text("a branch, tag or commit"), \.ref, "Branch, tag or commit.",
                                example: "v2.1",
                                invalidExamples: ["[a]"]),
                        ],
                        finish: { source, said in
                            if source.ref == nil {
                                said.report(.missing, "has no `ref`; write a branch, a tag or a commit", at: "git")
                            }
                            // It becomes an argument of git.
                            if source.ref?.hasPrefix("-") == true {
                                said.report(.value, "begins with -, which no branch, tag or commit does", at: "ref")
                            }
                            if let url = source.git?.name, url.hasPrefix("-") || url.contains("::") {
                                said.report(.value, "is not the address of a repository", at: "git")
                            }
                        }), initial: DeploySettings.GitSource(), make: { .git($0) },
                    settings: { if case .git(let git) = $0 { git } else { nil } }),
                FleetKind(
                    "stoker",
                    FleetTable([
                        FleetKey(
                            "stoker", .reference("a fleet file"), \.stoker, "The fleet file that it works on.",
                            example: "./master.yaml", invalidExamples: ["[a]"])
                    ]), initial: DeploySettings.StokerSource(), make: { .stoker($0) },
                    settings: { if case .stoker(let stoker) = $0 { stoker } else { nil } }),
            ], "a source"),
        otherwise: FleetValue<FleetReference>.reference("a folder such as ./backend").map(
            { .folder($0) }, back: { if case .folder(let folder) = $0 { folder } else { FleetReference("") } }),
        writesMapping: { if case .folder = $0 { false } else { true } })

    private static let secretSource = FleetTable<DeploySettings.SecretSource>([
        FleetKey(
            "command", .text("a command whose first line is the value"), \.command,
            "Its first line is the value; run by `sh` when a plan is made.", example: "pass show jwt",
            invalidExamples: ["[a]"]
        )
    ])

    private static let secretName = FleetValue<String>.text(
        "the name of a secret", pattern: "^[A-Za-z][A-Za-z0-9_]*$"
    ) {
        SpaceValueKind.isKey($0) ? nil : "cannot be a secret's name: it has a letter first, then letters, digits and _"
    }
    private static let secretMapping = FleetValue<[FleetNamed<DeploySettings.SecretSource>]>.named(
        .table(secretSource, DeploySettings.SecretSource()),
        fault: {
            SpaceValueKind.isKey($0)
                ? nil : "cannot be a secret's name: it has a letter first, then letters, digits and _"
        }
    ).map(
        { $0.map { DeploySettings.Secret(name: $0.name, source: $0.value) } },
        back: { $0.map { FleetNamed(name: $0.name, value: $0.source) } })
    private static let secretItem = FleetValue<[DeploySettings.Secret]>.either(
        mapping: secretMapping,
        otherwise: secretName.map(
            { [DeploySettings.Secret(name: $0, source: .init())] }, back: { $0.first?.name ?? "" }),
        writesMapping: { $0.contains { $0.source.command != nil } })
    private static let secrets = FleetValue<[DeploySettings.Secret]>.either(
        mapping: secretMapping,
        otherwise: FleetValue<[[DeploySettings.Secret]]>.list(secretItem, "names of secrets", limit: 1_000).map(
            { $0.flatMap(\.self) }, back: { $0.map { [$0] } }),
        writesMapping: { _ in false })
}

extension FleetValue where Output == RepoID {
    /// - Parameter kind: of the repository that is meant.
    fileprivate static func repo(_ kind: RepoID.Kind) -> Self {
        .parsed("a Space such as acme/template", pattern: "^[^/]+/[^/]+$", write: \.description) { text in
            do throws(Failure) { return .success(try RepoID(kind, text)) } catch {
                return .failure(FleetValueFault("is no repository: \(error.because)"))
            }
        }
    }
}

extension FleetValue where Output == String {
    /// `owner/name`, or the name alone.
    fileprivate static var repoName: Self {
        .text("a name such as acme/state", pattern: "^([^/]+/)?[^/]+$") { text in
            do throws(Failure) {
                _ = try RepoID(.dataset, text.contains("/") ? text : "owner/" + text)
                return nil
            } catch {
                return "is no name: \(error.because)"
            }
        }
    }
}

// MARK: - What Spaces mean together

extension DeploySection {
    private static func check(
        _ all: [SpaceSettings<DeploySettings>], _ fleet: Fleet, _ report: FleetReferenceReport
    ) {
        var names: [String: String] = [:]
        for one in all {
            do throws(Failure) { _ = try RepoID.space(one.space) } catch {
                report.report(
                    .value, "cannot be deployed: \(one.space) is no name on the Hub, \(error.because)",
                    at: one.reference)
            }
            if let other = names.updateValue(one.target, forKey: one.space.lowercased()) {
                report.report(.conflict, "describes \(one.space), and so does \(other)", at: one.reference)
            }
            if one.settings.duplicateOf.map({ "\($0)".lowercased() == one.space.lowercased() }) == true {
                report.report(.conflict, "is to be a copy of itself", at: one.reference)
            }
        }
        let targets = Set(all.map(\.target))
        let edges = fleet.dependencies.mapValues { $0.map(Self.target).filter(targets.contains) }
        for one in all {
            guard let round = cycle(from: one.target, edges) else { continue }
            report.report(
                .conflict,
                "depends on itself: \(round.joined(separator: " → ")); what is deployed first cannot be told, so leave one of these `depends_on` out",
                at: one.reference)
            break
        }
    }

    /// The name up to the first slash: `bot/ready` is a check of `bot`.
    package static func target(_ name: String) -> String {
        name.firstIndex(of: "/").map { String(name[..<$0]) } ?? name
    }

    private static func cycle(from start: String, _ edges: [String: [String]]) -> [String]? {
        var done: Set<String> = []
        var path: [String] = []
        func visit(_ name: String) -> [String]? {
            if let index = path.firstIndex(of: name) { return path[index...] + [name] }
            guard done.insert(name).inserted else { return nil }
            path.append(name)
            defer { path.removeLast() }
            for next in edges[name] ?? [] { if let found = visit(next) { return found } }
            return nil
        }
        return visit(start)
    }
}
