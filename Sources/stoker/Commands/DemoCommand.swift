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
            A dozen simulated Spaces on loopback: healthy, slow, asleep and waking, flapping, "Running" but dead, moderated,
            private, building. The engine, the ledger and the dashboard are the real ones; nothing leaves this machine, and
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
        let simulated = try await SimulatedFleet.start(DemoScene.dozen)
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
        func policy(_ seconds: Int, group: String? = nil, expect: Expectation = Expectation(), path: String = "") -> CheckPolicy {
            CheckPolicy(
                every: .seconds(seconds), timeout: .seconds(8), retry: [.seconds(1), .seconds(2)], recheck: .seconds(4),
                expect: expect, group: group)
        }
        var checks: [Check] = []
        for (number, space) in simulated.spaces.enumerated() {
            let name = space.id.split(separator: "/").last.map(String.init) ?? space.id
            let expect = Expectation(within: .milliseconds(700))
            checks.append(
                Check(name: name, address: space.address, space: space.id, policy: policy(6 + number % 5, expect: expect)))
        }
        return Fleet(checks: checks, serve: Fleet.Serve(selfPing: .seconds(20)))
    }
}
