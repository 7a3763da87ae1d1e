/// Ready-made fleets.
package enum DemoScene {
    /// What opens the private Space of ``dozen``: the simulated Hub's token of maren. Worth nothing anywhere else.
    package static let token = "hf_maren"
    /// The organisation that owns ``dozen``.
    package static let owner = "kestrel-labs"

    /// A dozen Spaces with one story each, told in a few minutes instead of days.
    package static var dozen: [SpaceBlueprint] {
        // Never asleep unless the story says so.
        let hot = SpaceLifecycle(sleepAfter: nil, startTakes: .seconds(12), buildTakes: .seconds(45))
        return [
            SpaceBlueprint(
                "kestrel-labs/discord-bot", story: "A bot that is kept hot; healthy.", lifecycle: hot, app: .healthy),
            SpaceBlueprint(
                "kestrel-labs/llm-backend",
                story: "An LLM backend; alive all the time, but its database is lost for 40 s every 4 min.",
                lifecycle: hot, app: .database(connected: .seconds(200), lost: .seconds(40))),
            SpaceBlueprint(
                "kestrel-labs/rag-service", story: "A RAG service on slow hardware: answers in 1 to 2.5 s.",
                lifecycle: hot,
                app: .slow(.milliseconds(1_000) ... .milliseconds(2_500))),
            SpaceBlueprint(
                "kestrel-labs/docs-demo",
                story: "Well, but from an older commit than its repository holds: the last push did not take.",
                lifecycle: hot,
                app: .slow(.milliseconds(60) ... .milliseconds(180))),
            SpaceBlueprint(
                "kestrel-labs/embedder",
                story: "Falls asleep 45 s after a visit and takes 12 s to wake; the request is held.",
                stage: .sleeping,
                lifecycle: SpaceLifecycle(sleepAfter: .seconds(45), startTakes: .seconds(12), buildTakes: .seconds(45))),
            SpaceBlueprint(
                "kestrel-labs/nightly-report", story: "Asleep; shows a starting page instead of holding the visitor.",
                stage: .sleeping,
                lifecycle: SpaceLifecycle(sleepAfter: .seconds(50), startTakes: .seconds(20), buildTakes: .seconds(45)),
                edge: EdgeRules(wake: .refused)),
            SpaceBlueprint(
                "kestrel-labs/translator", story: "Flapping: well for 25 s, answering 500 for 15 s, and again.",
                lifecycle: hot,
                app: .flapping(good: .seconds(25), bad: .seconds(15))),
            SpaceBlueprint(
                "kestrel-labs/chat-ui",
                story: "Running, says the Hub, but the app hangs four minutes after each start and answers nobody.",
                lifecycle: hot, app: .hanging(after: .seconds(240))),
            SpaceBlueprint(
                "kestrel-labs/image-tagger", story: "Out of memory; a restart helps for two and a half minutes.",
                stage: .runtimeError,
                errorMessage: "Memory limit exceeded (16Gi)", lifecycle: hot),
            SpaceBlueprint(
                "kestrel-labs/remote-desk", story: "Flagged by the platform's moderation; pinging it stops.",
                stage: .paused,
                errorMessage: StageMachine.flagged, lifecycle: hot),
            SpaceBlueprint(
                "kestrel-labs/backoffice", story: "Private: answers only with a token.", visibility: .private,
                lifecycle: hot),
            SpaceBlueprint(
                "kestrel-labs/new-release", story: "Building for 45 s, starting for 12 s, then running.",
                stage: .building,
                lifecycle: hot),
        ]
    }

    /// A blueprint as the simulated Hub makes it, with a repository.
    static func space(_ blueprint: SpaceBlueprint) -> SceneSpace {
        var space = SceneSpace(
            blueprint.id, visibility: blueprint.visibility == .private ? .private : .public,
            stage: blueprint.stage == .building ? nil : blueprint.stage, errorMessage: blueprint.errorMessage)
        // It hangs already when the story begins.
        if blueprint.id.hasSuffix("/chat-ui") { space.age = .seconds(600) }
        space.servesOld = blueprint.id.hasSuffix("/docs-demo")
        return space
    }

    static func manner(_ blueprint: SpaceBlueprint) -> SpaceOverride {
        let life = blueprint.lifecycle
        let usual = SpaceRules()
        return SpaceOverride(
            rules: SpaceRules(
                buildTakes: life.buildTakes, startTakes: life.startTakes,
                freeSleepAfter: life.sleepAfter ?? usual.freeSleepAfter),
            edge: blueprint.edge)
    }

    static func byID<Value>(_ value: (SpaceBlueprint) -> Value) -> [String: Value] {
        Dictionary(dozen.map { ($0.id, value($0)) }, uniquingKeysWith: { first, _ in first })
    }
}

extension SimulatedFleet {
    /// Adds all Spaces of a scene.
    package func add(_ scene: [SpaceBlueprint]) async throws {
        for blueprint in scene { try await add(blueprint) }
    }
}
