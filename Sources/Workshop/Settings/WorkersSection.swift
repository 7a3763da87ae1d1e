package import HubClient
package import StokerCore

/// One worker, as `workers:` of the fleet file has it.
package struct WorkerSettings: Sendable, Equatable {
    /// What a worker does.
    package enum Kind: String, Sendable, CaseIterable {
        /// Looks at a repository from six perspectives and publishes what it can prove.
        case analysis
        /// Plans tests: cases with the lines that they are about, from fifteen perspectives.
        case testPlanning = "test-planning"
        /// Makes the changes that follow from a fault, and tries them.
        case implementation

        /// Between two starts, unless `every` says otherwise.
        package var interval: Duration {
            switch self {
            case .analysis, .testPlanning: .seconds(60)
            case .implementation: .seconds(120)
            }
        }

        /// How the files of single iterations are called, as the layout of the dataset has them: `iteration_12.json`.
        package var filePrefix: String {
            switch self {
            case .analysis: "iteration_"
            case .testPlanning: "test_plan_iteration_"
            case .implementation: "implementation_iteration_"
            }
        }
    }

    package var kind = Kind.analysis
    /// A folder (seen from the fleet file) or the address of a git repository.
    package var repository: FleetReference?
    /// A Space or the address of a Stoker that runs it; nil: this one does.
    package var runsAt: FleetReference?
    package var branch: String?
    package var token: Secret?
    package var every: Duration?
    package var dataset: FleetReference?
    package var isPrivate = true
    /// `all`, ids of built-in perspectives, and paths of files.
    package var perspectives: [FleetReference] = []
    /// Rows that stay; nil for all.
    package var retention: Int?
    /// Programs that may be started; nil for all.
    package var tools: [WorkerTool]?
    /// Runs the repository's tests; a path seen from the fleet file. nil: the tools' own.
    package var python: FleetReference?
    /// nil: evidence alone.
    package var model: ModelSettings?
    package var budget: ModelBudget?
    /// Workers of the fleet file and datasets whose findings and plans an implementation worker takes.
    package var reads: [FleetReference] = []
    package var isPaused = false

    package init() {}

    package var interval: Duration { every ?? kind.interval }

    /// - Parameter namespace: owner of a name that has none; nil when it is not known.
    package func datasetID(namespace: String?) -> RepoID? {
        guard let name = dataset?.name else { return nil }
        let whole = name.contains("/") ? name : namespace.map { "\($0)/\(name)" }
        return whole.flatMap { try? RepoID(.dataset, $0) }
    }
}

/// A program that evidence is gathered with.
package enum WorkerTool: String, Sendable, CaseIterable {
    case ctags, lizard, zizmor
    /// With coverage: runs the repository's tests, in the jail.
    case pytest
}

/// `workers:` of the fleet file.
package enum WorkersSection {
    package static let table = FleetTable<WorkerSettings>(
        [
            FleetKey(
                "kind", .word, \.kind,
                "What it does: `analysis` looks at the repository from the [perspectives](workshop.md#perspectives) and publishes findings; `test-planning` publishes [plans of tests](workshop.md#plans); `implementation` makes [changes that follow from a recipe](workshop.md#changes) and tries them.",
                defaultValue: "`analysis`", example: "analysis", invalidExamples: ["guessing", "[a]"]),
            FleetKey(
                "repository", .reference("a folder or the address of a git repository"), \.repository,
                "A folder (seen from the fleet file) with a git repository, or the address of one. Its hooks, filters and submodules are never run.",
                range: "`./app`, `https://github.com/acme/app`, `https://huggingface.co/spaces/acme/app`",
                example: "https://github.com/acme/app", invalidExamples: ["[a]", "\"ext::sh -c a\"", "\"-u\""]),
            FleetKey(
                "runs_at", .reference("a Space or the address of a Stoker"), \.runsAt,
                "Another Stoker runs it: this one [shows it](workshop.md#workers-elsewhere), by its `dataset` and that Stoker's `/status`.",
                defaultValue: "none: this Stoker runs it",
                range: "`acme/analysis-worker`, `https://stoker.example.com`",
                example: "acme/worker", invalidExamples: ["[a]", "\"ftp://a\"", "a/b/c"]),
            FleetKey(
                "branch", .text("a branch such as main"), \.branch, "The branch whose newest commit is looked at.",
                defaultValue: "the repository's own", example: "main", invalidExamples: ["[a]", "\"-a\""]),
            FleetKey(
                "token", .secret("a token for the repository"), \.token,
                "Sent as password to the repository's host over https, for private ones.",
                defaultValue: "none", example: "${NONE:-}", invalidExamples: ["[a]"], isSecret: true),
            FleetKey(
                "every", .duration(.seconds(5) ... .seconds(86_400), example: "60s"), \.every,
                "Between two looks, counted from start to start.", defaultValue: "60s; 120s of `implementation`",
                example: "5m",
                invalidExamples: ["1s", "often"]),
            FleetKey(
                "dataset", .reference("a dataset such as acme/analysis-results"), \.dataset,
                "Where results are published; made when missing. Without an owner it is of `hub.namespace`.",
                defaultValue: "none: results stay in the ledger", example: "acme/results",
                invalidExamples: ["a/b/c", "[a]"]),
            FleetKey(
                "private", .bool, \.isPrivate,
                "A dataset that is made is private: its rows name holes that are not mended yet.", defaultValue: "true",
                example: "false", invalidExamples: ["perhaps"]),
            FleetKey(
                "perspectives",
                .list(.reference("a perspective such as security"), "perspectives", limit: 100), \.perspectives,
                "Which perspectives it takes, in this order: `all`, names of [built-in ones](workshop.md#perspectives), and paths of files with your own.",
                defaultValue: "`all`", example: "[security, code_quality]", invalidExamples: ["{ a: b }", "[beauty]"]),
            FleetKey(
                "retention", .integer(100...1_000_000, "a number of iterations such as 10000"), \.retention,
                "Iterations that stay in the dataset, at least; older parts are deleted.", defaultValue: "10000",
                example: "500", invalidExamples: ["10", "all"]),
            FleetKey(
                "tools", .list(.word, "tools, such as lizard", limit: 20), \.tools,
                "Programs that it may start. What another would have shown is told as not looked at.",
                defaultValue: "all that are installed", range: "`ctags`, `lizard`, `zizmor`, `pytest`",
                example: "[lizard]", invalidExamples: ["[rm]", "{ a: b }"]),
            FleetKey(
                "python", .reference("an interpreter such as ./venv/bin/python"), \.python,
                "An interpreter of an environment with the packages that the repository's tests need. It is only read, in [the jail](workshop.md#the-jail).",
                defaultValue: "that of the tools", example: "./venv/bin/python", invalidExamples: ["[a]"]),
            FleetKey(
                "model", .table(ModelSection.model, ModelSettings()), \.model,
                "A [language model](workshop.md#models) that reads the evidence. Without one everything else works.",
                defaultValue: "none", range: "`{ url: …, name: …, token: … }`",
                example: "{ url: \"http://127.0.0.1:8080/v1\", name: a }", invalidExamples: ["gpt", "{ name: a }"]),
            FleetKey(
                "budget", .table(ModelSection.budget, ModelBudget()), \.budget,
                "What the model may cost; [a hard limit](workshop.md#budgets).",
                defaultValue: "`{ tokens: 200000 per 1d }`",
                range: "`{ tokens: 200000 per 1d, usd: 2 per 1d }`", example: "{ tokens: 200000 per 1d }",
                invalidExamples: ["2", "{ tokens: 5 }"]),
            FleetKey(
                "reads",
                .list(.reference("a worker or a dataset, such as analysis"), "workers or datasets", limit: 20),
                \.reads,
                "Of an implementation worker with a model: workers of this file, or datasets `owner/name`, whose [findings and plans](workshop.md#changes-by-a-model) it takes.",
                defaultValue: "none", example: "[acme/autocoder-analysis-results]",
                invalidExamples: ["{ a: b }", "[nobody]"]),
            FleetKey(
                "paused", .bool, \.isPaused, "Does not begin by itself; `stoker workers resume` begins it.",
                defaultValue: "false", example: "true", invalidExamples: ["perhaps"]),
        ],
        finish: { worker, said in
            if let place = worker.runsAt?.name {
                if let because = fault(ofPlace: place) { said.report(.value, because, at: "runs_at") }
                if worker.dataset == nil { said.report(.missing, "has no `dataset`, by which it is seen from here") }
                for key in ["repository", "branch", "token", "python", "model", "budget", "reads"] where said.has(key) {
                    said.report(.conflict, "belongs to the Stoker that runs it, as `runs_at` says", at: key)
                }
                return
            }
            guard let repository = worker.repository?.name, !repository.isEmpty else {
                said.report(.missing, "has no `repository`; name a folder or the address of a git repository")
                return
            }
            if let because = fault(ofRepository: repository) {
                said.report(.value, because, at: "repository")
            }
            if worker.branch?.hasPrefix("-") == true {
                said.report(.value, "begins with -, which no branch does", at: "branch")
            }
            if worker.model == nil, worker.budget != nil, !said.has("model") {
                said.report(.conflict, "is of no use without `model`", at: "budget")
            }
        })

    /// What is wrong with the place of a repository, in words that fit behind the key; nil for nothing.
    static func fault(ofRepository text: String) -> String? {
        // It becomes an argument of git, and `ext::` would run a program.
        if text.hasPrefix("-") || text.contains("::") || text.contains(where: \.isNewline) {
            return "is neither a folder nor the address of a repository"
        }
        guard let parts = AddressParts(text) else { return nil }
        return ["https", "http", "ssh", "git", "file"].contains(parts.scheme)
            ? nil : "is no address that git fetches from here; write https://, ssh:// or a folder"
    }

    /// What is wrong with where a worker runs; nil for nothing.
    static func fault(ofPlace text: String) -> String? {
        if text.contains("://") {
            guard let origin = try? WebOrigin(text), origin.scheme == .https || origin.scheme == .http else {
                return "is no address of a Stoker; write https://…"
            }
            return nil
        }
        let whole = text.contains("/") ? text : "owner/\(text)"
        return (try? RepoID(.space, whole)) == nil ? "is no Space; write owner/name" : nil
    }

    private static let named = FleetValue<[FleetNamed<WorkerSettings>]>.named(
        .table(table, WorkerSettings()),
        fault: {
            isName($0)
                ? nil : "cannot be a worker's name: it has 1…40 of a-z, 0-9 and inner hyphens, such as test-planning"
        })

    /// 1…40 small letters, digits and inner hyphens: a name is part of addresses and paths.
    package static func isName(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return (1...40).contains(bytes.count) && bytes.first != 0x2D && bytes.last != 0x2D
            && bytes.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
    }

    package static let section = FleetSection(
        "workers",
        "Workers that look at repositories and publish what they find, by name: `analysis: { repository: ./app, dataset: app-analysis }`. Run by `stoker serve`.",
        named, initial: [],
        groups: [
            FleetKeyGroup(
                "workers", table.rows, document: "workers: { a: { repository: ./app, % } }",
                schemaPath: ["properties", "workers", "additionalProperties"]),
            FleetKeyGroup(
                "workers.model", ModelSection.model.rows,
                document: "workers: { a: { repository: ./app, model: { url: \"http://127.0.0.1/v1\", name: a, % } } }",
                schemaPath: ["properties", "workers", "additionalProperties", "properties", "model"]),
            FleetKeyGroup(
                "workers.budget", ModelSection.budget.rows,
                document:
                    "workers: { a: { repository: ./app, model: { url: \"http://127.0.0.1/v1\", name: a }, budget: { % } } }",
                schemaPath: ["properties", "workers", "additionalProperties", "properties", "budget"]),
        ]
    ).checking { workers, fleet, report in
        var owners: [String: String] = [:]
        for worker in workers {
            guard let dataset = worker.value.dataset else { continue }
            guard dataset.name.contains("/") || fleet.hub.namespace != nil || fleet.hub.token != nil else {
                report.report(
                    .missing, "has no owner; write owner/\(dataset.name), or set hub.namespace", at: dataset)
                continue
            }
            do throws(Failure) {
                let whole =
                    dataset.name.contains("/") ? dataset.name : "\(fleet.hub.namespace ?? "owner")/\(dataset.name)"
                let id = try RepoID(.dataset, whole).description
                if let other = owners.updateValue(worker.name, forKey: id) {
                    report.report(
                        .conflict, "is the dataset of the worker \(other) too; give each its own", at: dataset)
                }
            } catch {
                report.report(.value, "is no dataset: \(error.because)", at: dataset)
            }
        }
        for worker in workers {
            guard let place = worker.value.runsAt, !place.name.contains("/") else { continue }
            guard fleet.hub.namespace != nil || fleet.hub.token != nil else {
                report.report(.missing, "has no owner; write owner/\(place.name), or set hub.namespace", at: place)
                continue
            }
        }
        for worker in workers {
            for one in worker.value.reads {
                guard worker.value.kind == .implementation else {
                    report.report(
                        .conflict, "is of no use to a worker that is no implementation worker", at: one)
                    continue
                }
                if one.name.contains("/") {
                    if (try? RepoID(.dataset, one.name)) == nil {
                        report.report(.value, "is no dataset; write owner/name", at: one)
                    }
                    continue
                }
                guard let read = workers.first(where: { $0.name == one.name }) else {
                    report.unknown(one, "a worker", among: workers.map(\.name))
                    continue
                }
                if read.value.kind == .implementation {
                    report.report(.value, "has neither findings nor plans", at: one)
                }
            }
        }
        for worker in workers {
            for one in worker.value.perspectives where !one.name.contains("/") && !one.name.hasSuffix(".yaml") {
                guard one.name != "all", PerspectiveFile.builtIn.perspective(one.name, of: worker.value.kind) == nil
                else { continue }
                guard worker.value.kind != .implementation else {
                    report.report(
                        .conflict, "does not apply to an implementation worker, which goes by recipes", at: one)
                    continue
                }
                let known = PerspectiveFile.builtIn.perspectives(of: worker.value.kind).map(\.id)
                report.report(
                    .value,
                    "is no perspective; there are all, \(known.joined(separator: ", ")), and paths such as ./ours.yaml",
                    at: one)
            }
        }
    }
}
