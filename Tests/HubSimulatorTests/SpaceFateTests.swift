import Testing

@testable import HubSimulator

/// What a Space is made from, and how its containers end up.
@Suite struct SpaceFateTests {
    let life = SpaceLifecycle(
        sleepAfter: .seconds(1_000), startTakes: .seconds(10), buildTakes: .seconds(30), startLimit: .seconds(600))

    private func running(_ revision: String = "one") -> StageMachine {
        StageMachine(.running, lifecycle: life, revision: revision)
    }

    @Test func theCommitThatServesLagsBehindTheHead() {
        var machine = running()
        machine.push("two", at: .seconds(1))
        #expect(machine.head == "two")
        #expect(machine.serving == "one")
        machine.advance(to: .seconds(40))
        #expect(machine.stage == .runningAppStarting)
        #expect(machine.serving == "one")
        machine.advance(to: .seconds(41))
        #expect(machine.serving == "two")
    }

    @Test func eachContainerMeetsItsOwnFateAndLaterOnesTheStandingOne() {
        var machine = running()
        machine.fates = [.badBuild, .badExit]
        machine.push("two", at: .seconds(1))
        machine.advance(to: .seconds(31))
        #expect(machine.stage == .buildError)
        #expect(machine.image == "one")
        machine.push("three", at: .seconds(40))
        machine.advance(to: .seconds(80))
        #expect(machine.stage == .runtimeError)
        #expect(machine.errorMessage?.hasPrefix("Exit code: 1") == true)
        machine.restart(at: .seconds(90))
        machine.advance(to: .seconds(100))
        #expect(machine.stage == .running)
        #expect(machine.serving == "three")
    }

    @Test func aHangIsAnErrorOnlyAfterTheStartLimit() {
        var machine = running()
        machine.fates = [.hangs]
        machine.restart(at: .zero)
        machine.advance(to: .seconds(599))
        #expect(machine.stage == .appStarting)
        machine.advance(to: .seconds(600))
        #expect(machine.stage == .runtimeError)
        #expect(machine.errorMessage == "Launch timed out, workload was not healthy after 10 min")
    }

    @Test func stayingOldLooksWellAndIsNot() {
        var machine = running()
        machine.fates = [.staysOld]
        machine.push("two", at: .zero)
        machine.advance(to: .seconds(60))
        #expect(machine.stage == .running)
        #expect(machine.serving == "one")
        #expect(machine.boots == 1)
    }

    @Test func aCrashComesSoLongAfterTheStartWhateverTheVisits() {
        var machine = running()
        machine.fates = [.crashes(after: .seconds(20), "Exit code: 137")]
        machine.restart(at: .zero)
        machine.visit(at: .seconds(29))
        #expect(machine.stage == .running)
        machine.visit(at: .seconds(30))
        #expect(machine.stage == .runtimeError)
        #expect(machine.since == .seconds(30))
    }

    @Test func whatIsStuckGoesOnAfterwards() {
        var machine = running()
        machine.push("two", at: .zero)
        machine.set(stuck: true, at: .seconds(5))
        machine.advance(to: .seconds(5_000))
        #expect(machine.stage == .runningBuilding)
        machine.set(stuck: false, at: .seconds(5_000))
        machine.advance(to: .seconds(5_040))
        #expect(machine.stage == .running)
        #expect(machine.serving == "two")
    }

    @Test func everyStageIsToldOnce() {
        var machine = running()
        machine.push("two", at: .zero)
        machine.advance(to: .seconds(100))
        #expect(machine.takeChanges().map(\.stage) == [.runningBuilding, .runningAppStarting, .running])
        #expect(machine.takeChanges().isEmpty)
    }

    @Test(arguments: SpaceFate.names) func everyFateHasAName(name: String) throws {
        let fate = try #require(SpaceFate(name: name))
        var machine = running()
        machine.fates = [fate]
        machine.push("two", at: .zero)
        machine.advance(to: .seconds(20_000))
        if fate == .well { #expect(machine.stage == .sleeping) }
        #expect(SpaceFate(name: name + "x") == nil)
    }

    @Test(
        arguments: [
            ("---\nsdk: docker\n---\n", ["Dockerfile"], nil, "docker"),
            ("---\r\nsdk: docker\r\n---\r\n", ["Dockerfile"], nil, "docker"),
            ("---\nsdk: docker\n---\n", ["app.py"], SpaceStage.noAppFile, "docker"),
            ("---\nsdk: gradio\napp_file: src/ui.py\n---\n", ["src/ui.py"], nil, "gradio"),
            ("---\nsdk: gradio\n---\n", ["app.py"], nil, "gradio"),
            ("---\nsdk: static\n---\n", ["index.html"], nil, "static"),
            ("---\nsdk: static\napp_file: dist/index.html\n---\n", ["index.html"], .noAppFile, "static"),
            ("---\nsdk: rocket\n---\n", ["app.py"], .configError, "rocket"),
            ("---\nsdk: docker\napp_port: many\n---\n", ["Dockerfile"], .configError, "docker"),
            ("---\ntitle: [\n---\n", ["Dockerfile"], .configError, nil),
            ("# only words\n", ["Dockerfile"], .configError, nil),
        ] as [(String, [String], SpaceStage?, String?)])
    func theReadmeAndTheFilesDecide(readme: String, paths: [String], obstacle: SpaceStage?, sdk: String?) {
        let plan = SpacePlan(SpaceSource(head: "a", paths: Set(paths), readme: readme), sdkAtCreation: nil)
        #expect(plan.obstacle == obstacle)
        #expect(plan.sdk == sdk)
    }

    @Test func withoutAReadmeTheSdkOfTheCreationHolds() {
        let empty = SpaceSource(head: "a", paths: [".gitattributes"])
        #expect(SpacePlan(empty, sdkAtCreation: "docker").obstacle == .noAppFile)
        #expect(SpacePlan(empty, sdkAtCreation: nil).obstacle == .configError)
    }

    @Test(arguments: [("10m", 600), ("1h", 3_600), ("90s", 90)]) func startLimitsAreRead(text: String, seconds: Int) {
        let source = SpaceSource(
            head: "a", paths: ["Dockerfile"], readme: "---\nsdk: docker\nstartup_duration_timeout: \(text)\n---\n")
        #expect(SpacePlan(source, sdkAtCreation: nil).startLimit == .seconds(seconds))
    }
}
