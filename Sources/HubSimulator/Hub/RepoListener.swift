package import Hummingbird

/// Whoever wants to know what happens to repositories: the Space engine, the webhooks. Called after the effect, in order, one
/// at a time per repository.
package protocol RepoListener: Sendable {
    /// A repository was created or duplicated; its first commit is there. `wishes` only for Spaces.
    func onCreated(_ repo: HubRepo, wishes: SpaceWishes, by caller: HubAccount) async
    /// `main` points to another commit.
    func onMainMoved(_ repo: HubRepo, sha: String) async
    /// Any reference moved; a nil sha is one that was not there, or is not there now.
    func onReferenceMoved(_ repo: HubRepo, ref: String, from: String?, to: String?) async
    /// Visibility, gating, discussions or resource group changed; `changed` are the fields as they were sent.
    func onSettingsChanged(_ repo: HubRepo, changed: [String: JSON]) async
    /// It has another name now; the id stays.
    func onMoved(_ repo: HubRepo, from oldName: String) async
    func onDeleted(_ repo: HubRepo) async
}

extension RepoListener {
    package func onCreated(_ repo: HubRepo, wishes: SpaceWishes, by caller: HubAccount) async {}
    package func onMainMoved(_ repo: HubRepo, sha: String) async {}
    package func onReferenceMoved(_ repo: HubRepo, ref: String, from: String?, to: String?) async {}
    package func onSettingsChanged(_ repo: HubRepo, changed: [String: JSON]) async {}
    package func onMoved(_ repo: HubRepo, from oldName: String) async {}
    package func onDeleted(_ repo: HubRepo) async {}
}

/// What plays the Spaces: listens to repositories and lends its answers to the repository routes.
package protocol SpaceBackend: RepoListener {
    /// The `runtime` object of info and list answers; nil leaves it out.
    func runtime(of repo: HubRepo) async -> JSON?
    /// The same as a value; nil when there is none to give, and ``runtime(of:)`` is asked.
    func runtimeFacts(of repo: HubRepo) async -> RuntimeFacts?
    /// Where the app answers; nil takes the name the real Hub would give.
    func host(of repo: HubRepo) async -> String?
    /// Checks the wishes of a creation or duplication before anything is made (unknown hardware, secret key pattern, …).
    /// - Throws: the ``HubError`` to answer with.
    func check(_ wishes: SpaceWishes, namespace: String, sdk: String?) async throws
    /// What a duplicate inherits (public variables; never secrets).
    func inheritance(of repo: HubRepo) async -> SpaceWishes
}

extension SpaceBackend {
    package func host(of repo: HubRepo) async -> String? { nil }
    package func runtime(of repo: HubRepo) async -> JSON? { nil }
    package func runtimeFacts(of repo: HubRepo) async -> RuntimeFacts? { nil }
    package func check(_ wishes: SpaceWishes, namespace: String, sdk: String?) async throws {}
    package func inheritance(of repo: HubRepo) async -> SpaceWishes { SpaceWishes() }
}

/// Faults: stands between the gate (authentication, limits) and the routes. It may answer itself, wait, call `next` and drop
/// its answer, or close `context.channel`. What it returns or throws still gets the gate's headers.
package protocol HubFaults: Sendable {
    func around(
        _ request: Request, _ context: HubContext,
        next: @Sendable (Request, HubContext) async throws -> Response
    ) async throws -> Response
    /// The same in front of the storage host, where nobody has a name. Errors are answered in S3's form.
    func aroundStorage(
        _ request: Request, _ context: HubContext,
        next: @Sendable (Request, HubContext) async throws -> Response
    ) async throws -> Response
    /// The gate itself turned a request away: a bad token, or nothing left in the window.
    func refused(_ request: Request, _ context: HubContext, _ response: Response)
}

extension HubFaults {
    package func aroundStorage(
        _ request: Request, _ context: HubContext,
        next: @Sendable (Request, HubContext) async throws -> Response
    ) async throws -> Response { try await next(request, context) }
    package func refused(_ request: Request, _ context: HubContext, _ response: Response) {}
}

/// One area of routes. A new area is one file and one line in ``HubAreas/all``.
package protocol HubArea: Sendable {
    init()
    func add(to router: Router<HubContext>, hub: SimulatedHub)
}
