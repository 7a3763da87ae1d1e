import ArgumentParser
import Foundation
import HubSimulator
import Logging
import ServiceLifecycle
import StokerCore

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Show everything over a simulated fleet on this machine.",
        discussion: """
            A dozen simulated Spaces on loopback: healthy, slow, asleep and waking, flapping, "Running" but dead, moderated, \
            private, building. The engine, the ledger and the dashboard are the real ones; nothing leaves this machine, and \
            what was remembered is removed at the end unless --data names a folder.

            EXAMPLES
              stoker demo
              stoker demo --port 0
            """)

    @OptionGroup var options: ServeOptions

    func run() async throws {
        Logs.bootstrap(format: options.logFormat, level: try options.level())
        let logger = Logger(label: "stoker")
        let surroundings = Surroundings.process
        let folder = options.data ?? NSTemporaryDirectory() + "stoker-demo-\(ProcessInfo.processInfo.processIdentifier)"
        let simulated = try await SimulatedFleet.start(tokens: [DemoScene.token], logger: logger)
        do {
            try await simulated.add(DemoScene.dozen)
            _ = try await simulated.addSite("status-page", story: "A plain site beside the Spaces")
        } catch {
            await simulated.shutdown()
            throw error
        }
        var fleet = Self.fleet(over: simulated)
        try options.apply(to: &fleet.serve, surroundings: surroundings)
        fleet.serve.publicURL = nil
        var failure: (any Error)?
        do {
            let plan = Engine.Plan(fleet: fleet, dataFolder: folder, demo: true)
            try await Engine(plan: plan, logger: logger).run()
        } catch {
            failure = error
        }
        await simulated.shutdown()
        if options.data == nil {
            do {
                try FileManager.default.removeItem(atPath: folder)
            } catch {
                logger.debug("The demonstration's folder was not removed", metadata: ["error": "\(error)"])
            }
        }
        if let failure { throw failure }
    }

    /// Everything quicker than one would do it at home, so that there is something to see within a minute.
    private static func fleet(over simulated: SimulatedFleet) -> Fleet {
        func policy(every: Int, role: CheckPolicy.Role = .alive, token: Bool = false, expect: Expectation)
            -> CheckPolicy
        {
            let headers =
                token
                ? [Request.Header(name: "X-HF-Authorization", value: Secret("Bearer \(DemoScene.token)"))] : []
            return CheckPolicy(
                every: .seconds(every), timeout: .seconds(10), retry: [.seconds(1), .seconds(2)], recheck: .seconds(5),
                request: Request(headers: headers), expect: expect, role: role)
        }
        let alive = Expectation(within: .milliseconds(900))
        let ready = Expectation(
            status: [200...200], json: [Expectation.JSONRule(path: "$.database", value: .string("connected"))])
        var checks: [Check] = []
        for (number, space) in simulated.spaces.enumerated() {
            let name = space.id.split(separator: "/").last.map(String.init) ?? space.id
            checks.append(
                Check(
                    name: name, address: space.address + "/health", space: space.id,
                    policy: policy(every: 8 + number % 5, token: name == "backoffice", expect: alive)))
            if name == "llm-backend" {
                checks.append(
                    Check(
                        name: name + "/ready", address: space.address + "/healthz/readiness", space: space.id,
                        policy: policy(every: 20, role: .ready, expect: ready)))
            }
        }
        for site in simulated.sites {
            checks.append(Check(name: site.name, address: site.address, policy: policy(every: 10, expect: alive)))
        }
        let nightly = CheckPolicy(kind: .heartbeat, every: .seconds(60), grace: .seconds(30))
        checks.append(Check(name: "nightly-export", address: "", policy: nightly))
        return Fleet(checks: checks, serve: Fleet.Serve(selfPing: .seconds(20)))
    }
}
