import Crypto
import FoundationEssentials
import Hummingbird
import Synchronization

/// Plays the Spaces of a simulated Hub: makes one from every Space repository, builds it, runs it and serves it on loopback.
package final class SpaceEngine: SpaceBackend {
    package let rules: SpaceRules
    package let fleet: SimulatedFleet
    /// What runs in a Space; a name takes the id of the Space.
    private let app: @Sendable (String) -> SimulatedApp
    private let special: [String: SpaceOverride]

    private struct State {
        weak var hub: SimulatedHub?
        /// By repository id.
        var spaces: [String: HostedSpace] = [:]
        var names: [String: String] = [:]
        var signed: [String: (repo: String, until: Duration)] = [:]
        var quota: [String: Int] = [:]
        var incident: Incident?
    }
    private let state = Mutex(State())

    /// Trouble of the platform that meets every Space alike.
    package enum Incident: Sendable, Equatable {
        /// The proxy in front of the apps answers this status: the status page's "Spaces Proxy".
        case edge(status: Int)
        /// Builds and starts make no progress: the status page's "Spaces".
        case stuck
    }

    /// - Parameters:
    ///   - special: Spaces that go another way than the rest, by `namespace/name`.
    ///   - app: What runs in the Space of this name.
    package init(
        fleet: SimulatedFleet, rules: SpaceRules = SpaceRules(), special: [String: SpaceOverride] = [:],
        app: @escaping @Sendable (String) -> SimulatedApp = { _ in SpaceEngine.usualApp }
    ) {
        self.fleet = fleet
        self.rules = rules
        self.special = special
        self.app = app
    }

    /// Says which build and which container answers.
    package static let usualApp = SimulatedApp(
        pages: [
            "/": .init("<!doctype html><title>App</title><h1>It works</h1><p>{sha} {boot}</p>"),
            "/health": .json(#"{"status":"alive","sha":"{sha}","boot":{boot}}"#),
            "/healthz/readiness": .json(#"{"status":"ok","database":"connected"}"#),
        ], script: [.init(.serves(after: .zero ... .zero))])

    func attach(_ hub: SimulatedHub) { state.withLock { $0.hub = hub } }
    private var hub: SimulatedHub? { state.withLock { $0.hub } }

    // MARK: what tests and scenes reach

    /// By `namespace/name`.
    package func space(_ name: String) -> HostedSpace? {
        state.withLock { state in state.names[name.lowercased()].flatMap { state.spaces[$0] } }
    }
    func space(id: String) -> HostedSpace? { state.withLock { $0.spaces[id] } }
    package var spaces: [HostedSpace] { state.withLock { Array($0.spaces.values) } }

    /// Where the app answers. The real form is `https://{subdomain}.hf.space`, static `https://{subdomain}.static.hf.space`.
    package func host(of space: HostedSpace) -> String {
        let files = space.isStatic ? ".static" : ""
        return "http://\(space.live.subdomain)\(files).localhost:\(fleet.edgePort)"
    }

    /// Begins one, ends the one that is when nil.
    package func meet(_ incident: Incident?) {
        let spaces = state.withLock { state in
            state.incident = incident
            return Array(state.spaces.values)
        }
        for space in spaces { Self.show(incident, to: space) }
    }

    private static func show(_ incident: Incident?, to space: HostedSpace) {
        let live = space.live
        if case .edge(let status) = incident {
            live.fail(withEdgeStatus: status)
        } else {
            live.fail(withEdgeStatus: nil)
        }
        live.move { $0.set(stuck: incident == .stuck, at: $1) }
    }

    // MARK: what happens to repositories

    package func onCreated(_ repo: HubRepo, wishes: SpaceWishes, by caller: HubAccount) async {
        guard repo.kind == .space, let hub, let source = await hub.spaceSource(of: repo) else { return }
        let plan = SpacePlan(source, sdkAtCreation: wishes.sdk ?? repo.sdkAtCreation)
        let live = makeLive(repo, source: source, plan: plan)
        let space = HostedSpace(
            name: repo.fullName, live: live, source: source, plan: plan, wishes: wishes,
            rules: special[repo.fullName]?.rules ?? rules)
        let incident = state.withLock { state in
            state.spaces[repo.id] = space
            state.names[repo.fullName.lowercased()] = repo.id
            return state.incident
        }
        if incident != nil { Self.show(incident, to: space) }
    }

    private func makeLive(_ repo: HubRepo, source: SpaceSource, plan: SpacePlan) -> SimulatedSpace {
        let id = repo.id
        let blueprint = SpaceBlueprint(
            repo.fullName, story: plan.title ?? "", visibility: Self.visibility(repo), stage: .noAppFile,
            app: app(repo.fullName), edge: special[repo.fullName]?.edge, isStatic: plan.sdk == "static",
            revision: source.head)
        return fleet.addNamed(blueprint, keys: .ask { [weak self] in await self?.opens($0, repo: id) ?? false })
    }

    private static func visibility(_ repo: HubRepo) -> SpaceBlueprint.Visibility {
        switch repo.visibility {
        case .public: .public
        case .private: .private
        case .protected: .protected
        }
    }

    package func onMainMoved(_ repo: HubRepo, sha: String) async {
        guard let space = space(id: repo.id), let hub, let source = await hub.spaceSource(of: repo) else { return }
        let plan = SpacePlan(source, sdkAtCreation: repo.sdkAtCreation)
        if space.isStatic != (plan.sdk == "static") {
            // The host is another one now.
            replace(space, with: makeLive(repo, source: source, plan: plan), repo)
        }
        space.commit(source, plan: plan)
    }

    package func onSettingsChanged(_ repo: HubRepo, changed: [String: JSON]) async {
        space(id: repo.id)?.live.show(Self.visibility(repo))
    }

    package func onMoved(_ repo: HubRepo, from oldName: String) async {
        guard let space = space(id: repo.id) else { return }
        let (source, plan) = space.state.withLock { ($0.source, $0.plan) }
        replace(space, with: makeLive(repo, source: source, plan: plan), repo)
        state.withLock { state in
            state.names[oldName.lowercased()] = nil
            state.names[repo.fullName.lowercased()] = repo.id
        }
    }

    /// The same container under another address. No source says that the old host goes on working.
    private func replace(_ space: HostedSpace, with live: SimulatedSpace, _ repo: HubRepo) {
        let old = space.live
        let machine = old.machine
        live.move { present, _ in present = machine }
        space.move(to: live, name: repo.fullName)
        fleet.remove(old)
    }

    package func onDeleted(_ repo: HubRepo) async {
        let space = state.withLock { state in
            state.names[repo.fullName.lowercased()] = nil
            return state.spaces.removeValue(forKey: repo.id)
        }
        guard let space else { return }
        space.live.observe(nil)
        space.delete()
        fleet.remove(space.live)
    }

    package func runtime(of repo: HubRepo) async -> JSON? { space(id: repo.id)?.runtime }
    package func runtimeFacts(of repo: HubRepo) async -> RuntimeFacts? { space(id: repo.id)?.facts }
    package func host(of repo: HubRepo) async -> String? { space(id: repo.id).map { host(of: $0) } }
    package func inheritance(of repo: HubRepo) async -> SpaceWishes {
        space(id: repo.id)?.inheritance ?? SpaceWishes()
    }

    package func check(_ wishes: SpaceWishes, namespace: String, sdk: String?) async throws {
        if let hardware = wishes.hardware { try await checkHardware(hardware, namespace: namespace, sdk: sdk) }
        for setting in wishes.secrets + wishes.variables { try Self.check(key: setting.key) }
        for volume in wishes.volumes { try Self.check(volume: volume) }
        if let seconds = wishes.sleepTimeSeconds, !Self.isSleepTime(seconds) {
            throw HubError.bad("\"sleepTimeSeconds\" must be -1 or more than 0")
        }
    }

    // MARK: rules that several routes share

    /// Never, or up to a hundred years.
    static func isSleepTime(_ seconds: Int) -> Bool { seconds == -1 || (1...Bounds.longestSeconds).contains(seconds) }

    /// Source: huggingface_hub `request_space_hardware`; 402 or 403 is a setting.
    func checkHardware(_ name: String, namespace: String, sdk: String?) async throws {
        guard let flavor = HardwareCatalogue.flavor(name) else {
            let names = HardwareCatalogue.flavors.map(\.name).joined(separator: ", ")
            throw HubError.bad("Invalid hardware flavor: \(name). Must be one of: \(names)")
        }
        if sdk == "static", flavor.name != HardwareCatalogue.free {
            throw HubError.bad("Static Spaces do not run on hardware")
        }
        let owner = await owner(namespace)
        if HardwareCatalogue.isPaid(flavor.name), !owner.canPay {
            throw planMissing("Payment method required to use \(flavor.prettyName)")
        }
        if flavor.name == HardwareCatalogue.zero, !owner.hasPlan {
            throw planMissing("ZeroGPU needs a PRO, Team or Enterprise plan")
        }
    }

    func owner(_ namespace: String) async -> (hasPlan: Bool, canPay: Bool) {
        guard let hub else { return (false, false) }
        if let account = await hub.state.account(namespace) {
            return (account.plan != .free && account.plan != .anonymous, account.canPay)
        }
        let organisation = await hub.state.organisation(namespace)
        return (organisation?.plan != nil, organisation?.canPay ?? false)
    }

    func planMissing(_ message: String) -> HubError {
        HubError(.init(code: rules.planMissing), message)
    }

    /// Pattern: the Hub's OpenAPI document.
    static func check(key: String) throws {
        let letters = key.utf8.map { UInt8(ascii: "a") <= $0 | 32 && $0 | 32 <= UInt8(ascii: "z") }
        let fits = zip(key.utf8, letters).allSatisfy { byte, letter in
            letter || byte == UInt8(ascii: "_") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        guard fits, letters.first == true else {
            throw HubError.bad(
                "\"key\" with value \"\(key)\" fails to match the required pattern: /^[a-zA-Z][_a-zA-Z0-9]*$/")
        }
    }

    /// Source: huggingface_hub `Volume`.
    static func check(volume: JSON) throws {
        guard let type = volume["type"]?.string, ["bucket", "model", "dataset", "space"].contains(type) else {
            throw HubError.bad("\"volumes.type\" must be one of [bucket, model, dataset, space]")
        }
        guard let source = volume["source"]?.string, source.split(separator: "/").count == 2 else {
            throw HubError.bad("\"volumes.source\" must be namespace/name")
        }
        guard volume["mountPath"]?.string?.hasPrefix("/") == true else {
            throw HubError.bad("\"volumes.mountPath\" must start with /")
        }
    }

    // MARK: who may visit

    /// A day's key to one private app. Source: the Hub's OpenAPI document.
    func sign(repo: HubRepo, for account: String, seconds: Int) -> (token: String, until: Date) {
        let now = fleet.time.now
        let expires = Date().addingTimeInterval(TimeInterval(seconds))
        let text = { (part: String) in
            Data(part.utf8).base64EncodedString().replacing("=", with: "").replacing("/", with: "_").replacing(
                "+", with: "-")
        }
        let head = text(#"{"alg":"EdDSA"}"#)
        let content = text(
            #"{"sub":"/spaces/\#(repo.fullName)","user":"\#(account)","exp":\#(Int(expires.timeIntervalSince1970))}"#)
        let digest = SHA256.hash(data: Data("\(head).\(content)".utf8))
        let token = "\(head).\(content)." + text(digest.map { String($0, radix: 16) }.joined())
        state.withLock { state in
            state.signed = state.signed.filter { $0.value.until > now }
            state.signed[token] = (repo.id, now + .seconds(seconds))
        }
        return (token, expires)
    }

    private func opens(_ token: String, repo id: String) async -> Bool {
        let now = fleet.time.now
        if let signed = state.withLock({ $0.signed[token] }) { return signed.repo == id && signed.until > now }
        guard let hub, let repo = await hub.state.repo(id: id),
            case (let caller?, .good) = await hub.state.authenticate("Bearer " + token)
        else { return false }
        return await hub.state.right(of: caller, on: repo) > .none
    }
}
