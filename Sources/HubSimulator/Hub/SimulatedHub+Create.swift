import FoundationEssentials
import HTTPTypes

extension SimulatedHub {
    /// What a creation asks for, read from the request's body.
    struct Creation: Sendable {
        var kind: RepoKind
        var namespace: String
        var name: String
        var visibility: RepoVisibility
        var wishes = SpaceWishes()
        var resourceGroup: String?
        var region: String?
        /// The first commit, beside `.gitattributes`.
        var files: [(path: String, content: [UInt8])] = []
        /// Made before plans were asked for: such Spaces go on working (hub-docs `spaces-overview`, July 2026).
        var isOld = false
    }

    /// Pages of web, API and git.
    func url(_ repo: HubRepo) -> String { "\(endpoint)/\(repo.kind.webPrefix)\(repo.fullName)" }

    /// Makes a repository with its first commit, and tells everybody.
    /// - Throws: 409 when it exists, 402 when the plan does not cover it, 403, 400.
    func create(_ creation: Creation, by caller: HubCaller, copying source: HubRepo? = nil) async throws -> HubRepo {
        try await state.requireCreation(caller, in: creation.namespace)
        try Self.checkName(creation.name)
        try await state.beginCreation(caller.account.name)
        do {
            let repo = try await createAlone(creation, by: caller, copying: source)
            await state.endCreation(caller.account.name)
            return repo
        } catch {
            await state.endCreation(caller.account.name)
            throw error
        }
    }

    /// The same, while others are made: only one at a time is for clients.
    func createAlone(_ creation: Creation, by caller: HubCaller, copying source: HubRepo? = nil) async throws
        -> HubRepo
    {
        let fullName = "\(creation.namespace)/\(creation.name)"
        // Asking counts, even when it exists already (seen by third parties).
        try await state.countAction(
            "repository creation", who: caller.account.name, limit: configuration.limits.creationsPerDay,
            span: .seconds(86_400), per: "day")
        if let existing = await state.repo(creation.kind, fullName) {
            throw HubError(
                .conflict, "You already created this \(creation.kind.rawValue) repo",
                body: [
                    "error": .string("You already created this \(creation.kind.rawValue) repo"),
                    "url": .string(url(existing)),
                ])
        }
        if creation.kind == .space {
            if !creation.isOld { try await requirePayment(creation, by: caller) }
            try await spaces?.check(creation.wishes, namespace: creation.namespace, sdk: creation.wishes.sdk)
        }
        let now = date
        var repo = HubRepo(
            id: await state.freshID(), kind: creation.kind, namespace: creation.namespace, name: creation.name,
            ownerID: await state.ownerID(creation.namespace) ?? "", visibility: creation.visibility, createdAt: now,
            lastModified: now, createdBy: caller.account.name)
        repo.resourceGroup = creation.resourceGroup
        repo.region = creation.region
        repo.sdkAtCreation = creation.wishes.sdk
        repo.hardwareAtCreation = creation.wishes.hardware
        if let source {
            let repository = try await store.clone(source, as: repo)
            // Pull requests are not copied. Source: hub-docs `repositories-next-steps`, duplicating.
            for name in try await repository.references().keys where name.text.hasPrefix("refs/pr/") {
                try await repository.setReference(name.text, to: nil)
            }
        } else {
            var changes = [GitImport.Change.write(path: ".gitattributes", content: GitRules.defaultAttributes)]
            changes += creation.files.map { .write(path: $0.path, content: $0.content) }
            _ = try await store.create(
                repo,
                GitImport(
                    reference: "refs/heads/main", parent: nil, author: caller.account, date: now,
                    title: "initial commit", body: "", changes: changes))
        }
        await state.insert(repo)
        let made = repo
        await tell { await $0.onCreated(made, wishes: creation.wishes, by: caller.account) }
        if let sha = try await git(repo).resolve("main") { await tell { await $0.onMainMoved(made, sha: sha) } }
        return repo
    }

    /// Static Spaces are free; others on free hardware need a plan, with ZeroGPU as the exception. Source: hub-docs
    /// `spaces-overview`, July 2026.
    private func requirePayment(_ creation: Creation, by caller: HubCaller) async throws {
        let plan = await state.plan(of: creation.namespace) ?? .free
        let hardware = creation.wishes.hardware ?? "cpu-basic"
        if hardware == "zero-a10g" || hardware == "zerogpu" {
            let account = await state.account(creation.namespace)
            let good = account.map { $0.emailVerified && $0.ageDays > 30 } ?? true
            let limit = account == nil ? 50 : plan == .pro ? 10 : good ? 2 : 0
            let used = await state.repos(.space).filter {
                $0.namespace == creation.namespace && ["zero-a10g", "zerogpu"].contains($0.hardwareAtCreation)
            }.count
            guard used < limit else {
                throw HubError(
                    .init(code: 402, reasonPhrase: "Payment Required"),
                    "You have reached the limit of \(limit) ZeroGPU Spaces. See \(endpoint)/pricing")
            }
            return
        }
        if hardware != "cpu-basic" {
            let pays =
                if let account = await state.account(creation.namespace) { account.canPay } else {
                    await state.organisation(creation.namespace)?.canPay ?? false
                }
            guard pays else {
                throw HubError(
                    .init(code: 402, reasonPhrase: "Payment Required"),
                    "Subscribe to PRO or add a payment method to use \(hardware). See \(endpoint)/pricing")
            }
        } else if creation.wishes.sdk != "static", plan == .free {
            throw HubError(
                .init(code: 402, reasonPhrase: "Payment Required"),
                "Static Spaces are free, but a Gradio or Docker Space on cpu-basic needs a PRO subscription. See \(endpoint)/pro"
            )
        }
    }

    /// Source: huggingface_hub `validate_repo_id`.
    static func checkName(_ name: String) throws {
        let allowed = name.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || [45, 46, 95].contains($0)
        }
        let edges = [name.first, name.last].allSatisfy { $0.map { $0.isLetter || $0.isNumber || $0 == "_" } ?? false }
        guard allowed, edges, (1...96).contains(name.count), !name.contains("--"), !name.contains(".."),
            !name.hasSuffix(".git")
        else { throw HubError.bad("Invalid repo name: \(name)") }
    }
}
