/// Ready-made fleets.
package enum DemoScene {
    /// What opens the private Space of ``dozen``. Worth nothing anywhere else.
    package static let token = "hf_simulated_demo_token"

    /// A dozen Spaces with one story each, told in a few minutes instead of days.
    package static var dozen: [SpaceBlueprint] {
        // Never asleep unless the story says so.
        let hot = SpaceLifecycle(sleepAfter: nil, startTakes: .seconds(12), buildTakes: .seconds(45))
        return [
            SpaceBlueprint(
                "acme/discord-bot", story: "A bot that is kept hot; healthy.", lifecycle: hot, app: .healthy),
            SpaceBlueprint(
                "acme/llm-backend",
                story: "An LLM backend; alive all the time, but its database is lost for 40 s every 4 min.",
                lifecycle: hot, app: .database(connected: .seconds(200), lost: .seconds(40))),
            SpaceBlueprint(
                "acme/rag-service", story: "A RAG service on slow hardware: answers in 1 to 2.5 s.", lifecycle: hot,
                app: .slow(.milliseconds(1_000) ... .milliseconds(2_500))),
            SpaceBlueprint(
                "acme/docs-demo", story: "A documentation demo; healthy.", lifecycle: hot,
                app: .slow(.milliseconds(60) ... .milliseconds(180))),
            SpaceBlueprint(
                "acme/embedder", story: "Falls asleep 45 s after a visit and takes 12 s to wake; the request is held.",
                stage: .sleeping,
                lifecycle: SpaceLifecycle(sleepAfter: .seconds(45), startTakes: .seconds(12), buildTakes: .seconds(45))),
            SpaceBlueprint(
                "acme/nightly-report", story: "Asleep; shows a starting page instead of holding the visitor.",
                stage: .sleeping,
                lifecycle: SpaceLifecycle(sleepAfter: .seconds(50), startTakes: .seconds(20), buildTakes: .seconds(45)),
                edge: EdgeRules(wake: .refused)),
            SpaceBlueprint(
                "acme/translator", story: "Flapping: well for 25 s, answering 500 for 15 s, and again.", lifecycle: hot,
                app: .flapping(good: .seconds(25), bad: .seconds(15))),
            SpaceBlueprint(
                "acme/chat-ui", story: "Running, says the Hub, but nothing listens on its port: the edge answers 502.",
                lifecycle: hot, app: .portClosed),
            SpaceBlueprint(
                "acme/image-tagger", story: "Crashed: the platform's error page instead of the app.",
                stage: .runtimeError,
                errorMessage: "Memory limit exceeded (16Gi)", lifecycle: hot),
            SpaceBlueprint(
                "acme/remote-desk", story: "Flagged by the platform's moderation; pinging it stops.", stage: .paused,
                errorMessage: StageMachine.flagged, lifecycle: hot),
            SpaceBlueprint(
                "acme/backoffice", story: "Private: answers only with a token.", visibility: .private, lifecycle: hot),
            SpaceBlueprint(
                "acme/new-release", story: "Building for 45 s, starting for 12 s, then running.", stage: .building,
                lifecycle: hot),
        ]
    }
}

extension SimulatedFleet {
    /// Adds all Spaces of a scene.
    package func add(_ scene: [SpaceBlueprint]) async throws {
        for blueprint in scene { try await add(blueprint) }
    }
}
