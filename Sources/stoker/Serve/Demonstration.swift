import CommandLine
import Foundation
import HubSimulator
import KeepAlive
import Logging
import Runtime
import ServiceLifecycle
import StokerCore

/// `stoker demo`: the engine over a simulated Hub and its Spaces.
enum Demonstration {
    static func run(_ options: ServeOptions) async throws {
        Logs.bootstrap(format: options.logFormat, level: try options.level())
        let logger = Logger(label: "stoker")
        let surroundings = ProcessEnvironment.process
        let folder = options.data ?? NSTemporaryDirectory() + "stoker-demo-\(ProcessInfo.processInfo.processIdentifier)"
        let outside = try await Outside.start(logger: logger)
        var failure: (any Error)?
        do {
            _ = try await outside.fleet.addSite("status-page", story: "A plain site beside the Spaces")
            var fleet = Self.fleet(over: outside)
            try options.apply(to: &fleet.serve, surroundings: surroundings)
            fleet.serve.publicURL = nil
            let plan = Engine.Plan(
                fleet: fleet, dataFolder: folder, demo: true, greeting: outside.greeting,
                patience: SpaceVerdict.GracePeriods(build: .seconds(20), stage: .seconds(10)),
                reachable: options.reachable(fleet.serve, said: nil, surroundings))
            try await Engine(plan: plan, logger: logger).run()
        } catch {
            failure = error
        }
        await outside.shutdown()
        if options.data == nil {
            do {
                try FileManager.default.removeItem(atPath: folder)
            } catch {
                logger.debug("The demonstration's folder was not removed", metadata: ["error": "\(error)"])
            }
        }
        if let failure { throw failure }
    }

    /// Name of the job that calls in.
    static let job = "nightly-export"

    /// What is simulated: a Hub with its Spaces, or the Spaces alone.
    private struct Outside {
        var world: SimulatedWorld?
        var fleet: SimulatedFleet

        static func start(logger: Logger) async throws -> Outside {
            // The simulated Hub keeps its repositories in git.
            if Program.find("git") != nil {
                let world = try await SimulatedWorld.start(scene: .dozen, atOnce: 4)
                return Outside(world: world, fleet: world.fleet)
            }
            let fleet = try await SimulatedFleet.start(tokens: [DemoScene.token], logger: logger)
            do { try await fleet.add(DemoScene.dozen) } catch {
                await fleet.shutdown()
                throw error
            }
            return Outside(world: nil, fleet: fleet)
        }

        func shutdown() async {
            if let world { await world.shutdown() } else { await fleet.shutdown() }
        }

        var greeting: String {
            guard let world else {
                return """
                    There is no simulated Hub: it needs git, which is not installed here. What visitors see is judged alone.

                    """
            }
            return """
                Its Hub, in another terminal (the token is worth nothing elsewhere):
                  export HF_ENDPOINT=\(world.endpoint) HF_TOKEN=\(DemoScene.token)
                  hf spaces ls --author \(DemoScene.owner)
                  stoker space list --author \(DemoScene.owner)
                  stoker space restart \(DemoScene.owner)/docs-demo

                """
        }
    }

    /// Everything quicker than one would do it at home, so that there is something to see within a minute.
    private static func fleet(over outside: Outside) -> Fleet {
        func policy(
            every: Int, role: CheckPolicy.Role = .alive, headers: [Request.Header] = [], expect: Expectation,
            heal: HealRule = HealRule()
        ) -> CheckPolicy {
            CheckPolicy(
                every: .seconds(every), timeout: .seconds(10), retry: [.seconds(1), .seconds(2)], recheck: .seconds(5),
                request: Request(headers: headers), expect: expect, role: role, heal: heal)
        }
        let alive = Expectation(within: .milliseconds(900))
        let ready = Expectation(
            status: [200...200], json: [Expectation.JSONRule(path: "$.database", value: .string("connected"))])
        let act = HealRule(mode: .act, after: 4, wait: .seconds(60))
        var checks: [Check] = []
        // They were made in any order.
        let places = Dictionary(uniqueKeysWithValues: DemoScene.dozen.enumerated().map { ($1.id, $0) })
        let spaces = outside.fleet.spaces.sorted { places[$0.id, default: 0] < places[$1.id, default: 0] }
        for (number, space) in spaces.enumerated() {
            let name = space.id.split(separator: "/").last.map(String.init) ?? space.id
            // With a Hub the private Space's token comes from it.
            let headers =
                outside.world == nil && name == "backoffice"
                ? [Request.Header(name: "X-HF-Authorization", value: Secret("Bearer \(DemoScene.token)"))] : []
            // Pinged less often than it falls asleep.
            let every = name == "embedder" || name == "nightly-report" ? 60 : 8 + number % 5
            checks.append(
                Check(
                    name: name, address: space.address + "/health", space: space.id,
                    policy: policy(
                        every: every, headers: headers, expect: alive,
                        heal: name == "chat-ui" || name == "image-tagger" ? act : HealRule())))
            if name == "llm-backend" {
                checks.append(
                    Check(
                        name: name + "/ready", address: space.address + "/healthz/readiness", space: space.id,
                        policy: policy(every: 20, role: .ready, expect: ready)))
            }
        }
        for site in outside.fleet.sites {
            checks.append(Check(name: site.name, address: site.address, policy: policy(every: 10, expect: alive)))
        }
        let nightly = CheckPolicy(kind: .heartbeat, every: .seconds(60), grace: .seconds(30))
        checks.append(Check(name: job, address: "", policy: nightly))
        var hub = Fleet.Hub()
        if let world = outside.world {
            hub = Fleet.Hub(
                namespace: DemoScene.owner, token: Secret(DemoScene.token), endpoint: world.endpoint,
                spaceAddress: outside.fleet.addressPattern)
            hub.statusPage = world.endpoint + "/-/status"
        }
        return Fleet(hub: hub, checks: checks, serve: Fleet.Serve(selfPing: .seconds(20)))
    }
}
