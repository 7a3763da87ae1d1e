import Deployment
import Foundation
import HubClient
import Runtime
import StokerCore

/// A plan with what it was made of, which who carries it out needs again: contents of files and values of secrets.
struct PreparedPlan: Sendable {
    var plan: DeployPlan
    /// By the names in the fleet file (``SpacePlan/target``).
    var wished: [String: DesiredFiles] = [:]
    var secrets: [String: [String: Secret]] = [:]
    var prints: SecretFingerprints
}

/// What `deploy:` of a fleet file asks for, on its way to a plan.
struct DeployWork: Sendable {
    let context: OperationContext
    /// Name of the fleet file.
    let file: String
    let fleet: Fleet
    /// All of the file, in its order.
    let all: [Deploy]
    /// The process's and those of `--env-file`.
    private let variables: [String: String]
    /// See ``PlanSources/program``.
    var program: String?

    /// - Throws: `fleet.invalid` when the file has mistakes.
    init(_ arguments: Arguments, _ context: OperationContext) async throws {
        guard let given = arguments.object("fleet_file") else {
            try await self.init(running: context)
            return
        }
        let text = FleetText(given)
        switch text.read() {
        case .success(let fleet):
            // The file of variables was read just now.
            try self.init(context, text.name, fleet, (try? text.environment().variables) ?? text.variables)
        case .failure(let problems): throw problems.failure(file: text.name)
        }
    }

    /// Of the fleet that runs in this process, with the process's own environment.
    init(running context: OperationContext) async throws {
        let monitor = try context.monitor
        try self.init(
            context, await monitor.overview().fleetFile.path ?? "fleet.yaml", await monitor.fleet(),
            ProcessInfo.processInfo.environment)
    }

    private init(
        _ context: OperationContext, _ file: String, _ fleet: Fleet, _ variables: [String: String]
    ) throws(Failure) {
        self.context = context
        self.file = file
        self.fleet = fleet
        self.variables = variables
        all = try Deploy.list(of: fleet, in: file == "-" ? "" : file.parentFolder).handingOver(fleet)
    }

    /// Those of these names; all without any.
    /// - Throws: `usage` for a name that has no `deploy` in the file.
    func chosen(_ names: [String]) throws(Failure) -> [Deploy] {
        guard !all.isEmpty else {
            throw Failure(
                .usage, doing: "look what is to be deployed", because: "no Space of \(file) has `deploy:`",
                hint: "write one below a Space, such as deploy: { from: ./backend }")
        }
        guard !names.isEmpty else { return all }
        var chosen: Set<RepoID> = []
        for name in names {
            guard let one = all.first(where: { $0.target == name || "\($0.space)".lowercased() == name.lowercased() })
            else {
                let near = ClosestMatch.of(name, among: all.map(\.target))
                throw Failure(
                    .usage, doing: "look what is to be deployed",
                    because: "\"\(name.printable)\" has no `deploy:` in \(file)",
                    hint: near.map { "did you mean \($0)?" }
                        ?? "there are \(NameList.text(all.map(\.target), atMost: 12))")
            }
            chosen.insert(one.space)
        }
        return all.filter { chosen.contains($0.space) }
    }

    /// Reads sources, secrets and the Hub, and compares.
    /// - Parameters:
    ///   - deploys: see ``chosen(_:)``.
    ///   - isDrift: rights, prices and diffs are not asked for.
    ///   - isUnattended: files whose source is not here are not compared, and no command for a secret is run.
    func prepare(
        _ deploys: [Deploy], isDrift: Bool = false, isUnattended: Bool = false
    ) async throws -> PreparedPlan {
        let hub = try context.hub
        // All that can be wrong here is told before anything is asked.
        let sources = try await PlanSources(file: file, context: context, program: program).read(
            deploys, isLenient: isUnattended)
        var deploys = deploys
        for index in deploys.indices where deploys[index].source != nil && sources[deploys[index].space] == nil {
            deploys[index].ignore.append("files")
        }
        var wished: [RepoID: DesiredFiles] = [:]
        for deploy in deploys {
            if let source = sources[deploy.space] { wished[deploy.space] = try await DesiredFiles(deploy, source) }
        }
        let secrets = try await values(deploys, runsCommands: !isUnattended)
        let prints = try await context.secretPrints.read()
        let memory = await CommitFilesStore.open(folder: try context.dataFolder, now: context.now)
        let state = try await HubState.read(deploys, from: hub, memory: memory, asksIdentity: !isDrift) { done, all in
            context.tell(
                .init(
                    "reading", "reading Space \(done) of \(all)", done: Int64(done), total: Int64(all), isFrequent: true
                ))
        }
        await memory.save()
        var planner = Planner(state: state, prints: prints)
        planner.secrets = secrets
        planner.isDrift = isDrift
        try await compare(deploys, hub, &wished, &planner, withDiffs: !isDrift)
        var prepared = PreparedPlan(
            plan: planner.plan(
                deploys, at: context.now(), endpoint: hub.settings.endpoint,
                unnamed: isDrift || deploys.count < all.count ? [] : try await unnamed(hub)), prints: prints)
        for deploy in deploys {
            prepared.wished[deploy.target] = wished[deploy.space]
            prepared.secrets[deploy.target] = secrets[deploy.space]
        }
        return prepared
    }

    /// Reads the files of commits that were just made, so that the next plan need not. Not being able to costs it a request.
    func learn(_ commits: [(space: RepoID, commit: String)]) async {
        guard let hub = try? context.hub, let folder = try? context.dataFolder, !commits.isEmpty else { return }
        let memory = await CommitFilesStore.open(folder: folder, now: context.now)
        for one in commits {
            _ = try? await HubState.learn(one.space, at: one.commit, from: hub, memory: memory)
        }
        await memory.save()
    }

    /// Spaces that applies of this machine brought up, that the file does not name any more, and that are still there.
    private func unnamed(_ hub: Hub) async throws -> [RepoID] {
        let named = Set(all.map { "\($0.space)".lowercased() })
        let left = await ApplyLedger.applied(context, endpoint: hub.settings.endpoint)
            .filter { !named.contains("\($0)".lowercased()) }
        var there: [RepoID] = []
        for space in left.prefix(Self.mostUnnamed) {
            if try await hub.find(space, expand: ["sha"]) != nil { there.append(space) }
        }
        return there
    }
    /// Each costs a request.
    private static let mostUnnamed = 20

    // MARK: Files

    private func compare(
        _ deploys: [Deploy], _ hub: Hub, _ wished: inout [RepoID: DesiredFiles], _ planner: inout Planner,
        withDiffs: Bool
    ) async throws {
        var budget = withDiffs ? FileDiffs.mostFiles : 0
        for deploy in deploys {
            guard let space = planner.state.spaces[deploy.space], !deploy.ignores("files") else { continue }
            let commit = space.seen.exists ? space.seen.head : space.template?.commit
            let origin = space.seen.exists ? space.id : space.template?.id
            if wished[deploy.space] != nil {
                let remote = space.files ?? space.template?.files ?? [:]
                if let origin {
                    try await wished[deploy.space]?.keepAttributes(of: remote, at: commit, in: origin, hub: hub)
                }
                planner.files[deploy.space] = try await wished[deploy.space]?.differences(from: remote, of: deploy)
            } else {
                let card = space.seen.exists ? space.card : space.template?.card
                guard !deploy.differingMembers(from: card).isEmpty else { continue }
                let (own, change) = try await header(deploy, origin, commit, hub)
                wished[deploy.space] = own
                planner.files[deploy.space] = change
            }
            guard let own = wished[deploy.space] else { continue }
            planner.sdks[deploy.space] = own.sdk
            planner.notes[deploy.space] = own.notes
            if let changes = planner.files[deploy.space], let origin, let commit, budget > 0 {
                planner.files[deploy.space] = try await FileDiffs.fill(
                    changes, wished: own, space: origin, commit: commit, hub: hub,
                    hiding: planner.secrets[deploy.space].map { Array($0.values) } ?? [], budget: &budget)
            }
        }
    }

    /// The README alone, where files are left as they are.
    private func header(
        _ deploy: Deploy, _ origin: RepoID?, _ commit: String?, _ hub: Hub
    ) async throws -> (DesiredFiles, [FileChanges.File]) {
        var source = FolderContents()
        var remote: [String: RemoteFile] = [:]
        if let origin, let commit {
            do {
                let text = try await hub.text(of: "README.md", in: origin, revision: commit)
                source.put(text, at: "README.md")
                let file = source.files["README.md"]
                remote["README.md"] = RemoteFile(sha1: file?.sha1 ?? "", size: file?.size ?? 0)
            } catch {
                guard error.kind == .notFound else { throw error }
            }
        }
        let own = try await DesiredFiles(deploy, source)
        return (own, try await own.differences(from: remote, of: deploy))
    }

    // MARK: Secrets

    /// Values that are known here. A command is run once, however many Spaces name it.
    private func values(_ deploys: [Deploy], runsCommands: Bool) async throws -> [RepoID: [String: Secret]] {
        var ofCommands: [String: Secret] = [:]
        var all: [RepoID: [String: Secret]] = [:]
        for deploy in deploys {
            for (name, source) in deploy.secrets.sorted(by: { $0.key < $1.key }) {
                switch source {
                case .environment:
                    if let value = variables[name], !value.isEmpty {
                        all[deploy.space, default: [:]][name] = Secret(value)
                    }
                case .command(let command):
                    guard runsCommands else { continue }
                    if ofCommands[command] == nil { ofCommands[command] = try await value(of: command, name, deploy) }
                    all[deploy.space, default: [:]][name] = ofCommands[command]
                }
            }
        }
        return all
    }

    private func value(of command: String, _ name: String, _ deploy: Deploy) async throws -> Secret {
        let folder = file.parentFolder
        let ended = try await Program.run("/bin/sh", ["-c", command], folder: folder.isEmpty ? nil : folder)
        let line = ended.output.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).first ?? ""
        guard ended.status == 0, !line.isEmpty else {
            throw Failure(
                .usage, doing: "read the secret \(name) of \(deploy.target)",
                because: ended.status == 0
                    ? "its command printed nothing" : "its command ended with status \(ended.status)",
                hint: "run the command of \(deploy.place).secrets by hand")
        }
        return Secret(String(line))
    }
}
