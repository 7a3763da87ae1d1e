/// A world to begin with: Spaces, what runs in them, and what has happened to them.
package struct HubScene: Sendable {
    package var name: String
    package var summary: String
    package var spaces: [SceneSpace]
    /// By `namespace/name`; others run ``SpaceEngine/usualApp``.
    package var apps: [String: SimulatedApp] = [:]
    /// By `namespace/name`; others go the way of the world's rules.
    package var special: [String: SpaceOverride] = [:]
    /// What is done once all are there.
    var then: @Sendable (SimulatedWorld) -> Void = { _ in }

    /// Everything ``named(_:)`` knows.
    package static let all = [small, trouble, dozen, fifty, empty]
    package static func named(_ name: String) -> HubScene? { all.first { $0.name == name } }

    package static let empty = HubScene(name: "empty", summary: "Accounts and nothing else.", spaces: [])

    package static let small = HubScene(
        name: "small",
        summary: "An API, a sleeping notebook, a static page, a private and a free one.",
        spaces: [
            SceneSpace("maren/orbit-api"), SceneSpace("maren/Notes.Board_v2", sdk: "gradio", stage: .sleeping),
            SceneSpace("maren/worker", visibility: .private),
            SceneSpace("kestrel-labs/landing", sdk: "static", stage: nil),
            SceneSpace("tobi/first-try", sdk: "gradio"),
        ])

    package static let fifty = HubScene(
        name: "fifty", summary: "Fifty running Spaces of one account.",
        spaces: (1...50).map { SceneSpace("maren/unit-\($0 < 10 ? "0" : "")\($0)") })

    /// The demonstration's dozen, as the Hub shows them.
    package static let dozen = HubScene(
        name: "dozen", summary: "The twelve stories of the demonstration, owned by kestrel-labs.",
        spaces: DemoScene.dozen.map(DemoScene.space), apps: DemoScene.byID(\.app),
        special: DemoScene.byID(DemoScene.manner),
        then: { world in
            world.spaces.space("kestrel-labs/remote-desk")?.flag()
            // A restart helps, for a while.
            world.spaces.space("kestrel-labs/image-tagger")?.meet(
                [], standing: .crashes(after: .seconds(150), "Memory limit exceeded (16Gi)"))
        })

    package static let trouble = HubScene(
        name: "trouble", summary: "One Space for each way to fail.",
        spaces: [
            SceneSpace(
                "maren/build-error", stage: .buildError,
                errorMessage: "Job failed with exit code: 1. Reason: cache miss: [2/4] RUN make"),
            SceneSpace("maren/runtime-error", stage: .runtimeError, errorMessage: "Memory limit exceeded (16Gi)"),
            SceneSpace(
                "maren/no-capacity", stage: .runtimeError,
                errorMessage: "Scheduling failure: not enough hardware capacity"),
            SceneSpace(
                "maren/config-error", files: ["README.md": "# No front matter\n", "Dockerfile": "FROM scratch\n"],
                stage: nil),
            SceneSpace("maren/no-app-file", files: ["README.md": "---\nsdk: docker\n---\n"], stage: nil),
            SceneSpace("maren/paused", stage: .paused), SceneSpace("maren/flagged"), SceneSpace("maren/spent"),
            SceneSpace("maren/hangs", stage: nil), SceneSpace("maren/unheard-of"), SceneSpace("maren/port-closed"),
            SceneSpace("maren/silent"),
        ],
        apps: ["maren/port-closed": .portClosed, "maren/silent": .dead],
        then: { world in
            world.spaces.space("maren/flagged")?.flag()
            world.spaces.space("maren/spent")?.reachSpendLimit()
            world.spaces.space("maren/unheard-of")?.show(stage: "MIGRATING")
            world.spaces.space("maren/hangs")?.meet([], standing: .hangs)
            world.spaces.space("maren/hangs")?.restart()
        })
}

extension SimulatedWorld {
    /// A world that begins with a scene.
    /// - Parameter atOnce: how many Spaces are made at a time; with more than one the ids of repositories are drawn in any order.
    /// - Throws: the socket's error, the file system's, or a ``HubError`` when a Space of the scene cannot be made.
    package static func start(
        scene: HubScene, _ configuration: HubConfiguration = HubConfiguration(), rules: SpaceRules = SpaceRules(),
        edge: EdgeRules = EdgeRules(), atOnce: Int = 1
    ) async throws -> SimulatedWorld {
        let apps = scene.apps
        let world = try await start(
            configuration, rules: rules, edge: edge, special: scene.special, app: { apps[$0] ?? SpaceEngine.usualApp })
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (number, space) in scene.spaces.enumerated() {
                    if number >= atOnce { try await group.next() }
                    group.addTask { _ = try await world.hub.make(space) }
                }
                try await group.waitForAll()
            }
            scene.then(world)
            return world
        } catch {
            await world.shutdown()
            throw error
        }
    }

    /// One Space, as a scene would make it.
    @discardableResult
    package func add(_ space: SceneSpace) async throws -> HostedSpace { try await hub.make(space) }
}
