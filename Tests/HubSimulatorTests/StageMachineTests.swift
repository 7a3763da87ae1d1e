import Testing

@testable import HubSimulator

@Suite struct StageMachineTests {
    let life = SpaceLifecycle(
        sleepAfter: .seconds(100), startTakes: .seconds(10), buildTakes: .seconds(30), startLimit: .seconds(1800))

    @Test func buildsStartsRunsSleepsEachAtItsOwnInstant() {
        var machine = StageMachine(.building, lifecycle: life)
        machine.advance(to: .seconds(29))
        #expect(machine.stage == .building)
        machine.advance(to: .seconds(30))
        #expect(machine.stage == .appStarting)
        machine.advance(to: .seconds(41))
        #expect(machine.stage == .running)
        #expect(machine.servingSince == .seconds(40))
        machine.advance(to: .seconds(1_000))
        #expect(machine.stage == .sleeping)
        #expect(machine.since == .seconds(140))
    }

    @Test func oneLongStepGivesTheSameAsManyShortOnes() {
        var long = StageMachine(.building, lifecycle: life)
        var short = long
        long.advance(to: .seconds(500))
        for second in 1...500 { short.advance(to: .seconds(second)) }
        #expect(long == short)
    }

    @Test func aVisitPutsOffSleepAndWakes() {
        var machine = StageMachine(.running, lifecycle: life)
        machine.visit(at: .seconds(99))
        machine.advance(to: .seconds(198))
        #expect(machine.stage == .running)
        machine.advance(to: .seconds(199))
        #expect(machine.stage == .sleeping)
        machine.visit(at: .seconds(300))
        #expect(machine.stage == .appStarting)
        machine.advance(to: .seconds(310))
        #expect(machine.stage == .running)
        #expect(machine.boots == 2)
    }

    @Test(arguments: [SpaceStage.paused, .runtimeError, .configError, .buildError, .noAppFile, .deleting])
    func aVisitDoesNotWakeWhatIsNotAsleep(stage: SpaceStage) {
        var machine = StageMachine(stage, lifecycle: life)
        machine.visit(at: .seconds(5))
        machine.advance(to: .seconds(5_000))
        #expect(machine.stage == stage)
    }

    @Test func onlyARestartEndsAPause() {
        var machine = StageMachine(.running, lifecycle: life)
        machine.pause(at: .seconds(1))
        machine.visit(at: .seconds(2))
        #expect(machine.stage == .paused)
        machine.restart(at: .seconds(3))
        machine.advance(to: .seconds(13))
        #expect(machine.stage == .running)
    }

    @Test func aFlagIsAPauseThatSaysWhy() {
        var machine = StageMachine(.running, lifecycle: life)
        machine.flag(at: .seconds(1))
        #expect(machine.stage == .paused)
        #expect(machine.errorMessage == "Flagged as abusive")
    }

    @Test func aPushKeepsTheOldContainerServing() {
        var machine = StageMachine(.running, lifecycle: life)
        machine.push(at: .seconds(10))
        #expect(machine.stage == .runningBuilding)
        #expect(machine.stage.serves)
        machine.advance(to: .seconds(40))
        #expect(machine.stage == .runningAppStarting)
        #expect(machine.boots == 1)
        machine.advance(to: .seconds(50))
        #expect(machine.stage == .running)
        #expect(machine.boots == 2)
    }

    @Test func aStartThatTakesTooLongEndsInAnError() {
        var life = life
        life.startTakes = .seconds(4_000)
        var machine = StageMachine(.appStarting, lifecycle: life)
        machine.advance(to: .seconds(1_800))
        #expect(machine.stage == .runtimeError)
        #expect(machine.errorMessage == "Launch timed out, workload was not healthy after 30 min")
    }

    @Test func paidHardwareNeverSleeps() {
        var life = life
        life.sleepAfter = nil
        var machine = StageMachine(.running, lifecycle: life)
        machine.advance(to: .seconds(10_000_000))
        #expect(machine.stage == .running)
        #expect(machine.nextChange == nil)
    }

    @Test func anyOrderOfEventsKeepsTimeInOrder() {
        for seed in 0..<200 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            var machine = StageMachine(SpaceStage.allCases.randomElement(using: &random)!, lifecycle: life)
            var now = Duration.zero
            for _ in 0..<60 {
                now += random.duration(in: .zero ... .seconds(60))
                switch UInt8.random(in: 0..<7, using: &random) {
                case 0: machine.restart(factory: .random(using: &random), at: now)
                case 1: machine.pause(at: now)
                case 2: machine.push(at: now)
                case 3: machine.flag(at: now)
                case 4: machine.advance(to: now)
                default: machine.visit(at: now)
                }
                #expect(machine.since <= now)
                #expect(machine.nextChange.map { $0 > now } ?? true, "seed \(seed): nothing may be overdue")
            }
        }
    }
}

@Suite struct SimulatedAppTests {
    @Test(arguments: [(0, 200), (24, 200), (25, 500), (39, 500), (40, 200), (66, 500), (40_000_000, 200)])
    func flappingFollowsItsScriptForEver(second: Int, status: Int) {
        let phase = SimulatedApp.flapping(good: .seconds(25), bad: .seconds(15)).phase(at: .seconds(second))
        if status == 200 {
            #expect(phase.behaviour == .prompt)
        } else {
            #expect(phase.behaviour == .answers(.json(#"{"detail":"Internal Server Error"}"#, status: 500)))
        }
    }

    @Test func anEndlessPhaseIsTheLast() {
        let app = SimulatedApp(script: [.init(.prompt, lasts: .seconds(5)), .init(.silent)])
        #expect(app.phase(at: .seconds(4)).behaviour == .prompt)
        #expect(app.phase(at: .seconds(5)).behaviour == .silent)
        #expect(app.phase(at: .seconds(50_000)).behaviour == .silent)
    }

    @Test func subdomainsFollowTheRecordedRule() {
        #expect(SpaceBlueprint("user/tmp_test_space").subdomain == "user-tmp-test-space")
        #expect(SpaceBlueprint("JeffreyXiang/TRELLIS.2").subdomain == "jeffreyxiang-trellis-2")
    }
}
