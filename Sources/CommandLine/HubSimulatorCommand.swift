import ArgumentParser
import Foundation
import HubSimulator
import Logging
import NIOCore
import ServiceLifecycle
import StokerCore
import UnixSignals

struct HubSimulatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hub-simulator",
        abstract: "Run a simulated Hub with Spaces on this machine.",
        discussion: """
            A Hub on loopback that the official clients can talk to: repositories, commits, LFS, Spaces that build, start, \
            sleep and fail, and their apps. Its tokens are worth nothing anywhere else; what was written is gone at the end. \
            Scenes are arranged over HTTP while it runs (docs/simulator-scenes.md).

            SCENES
              \(HubScene.all.map { "\($0.name): \($0.summary)" }.joined(separator: "\n  "))

            EXAMPLES
              stoker hub-simulator
              stoker hub-simulator --scene trouble --speed 60
              export HF_ENDPOINT=http://127.0.0.1:8800
              export HF_TOKEN=hf_maren HF_HUB_DISABLE_XET=1
              hf spaces ls --author maren
            """)

    @Option(help: ArgumentHelp("Port of the Hub; 0 takes a free one.", valueName: "port"))
    var port = 8800

    @Option(
        help: ArgumentHelp("What is there at first.", valueName: "name"), completion: .list(HubScene.all.map(\.name)))
    var scene = "small"

    @Option(help: ArgumentHelp("The same seed draws the same faults and latencies.", valueName: "number"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("Simulated seconds in one real second.", valueName: "factor"))
    var speed = 1.0

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port takes a number from 0 to 65535") }
        guard HubScene.named(scene) != nil else {
            let names = HubScene.all.map(\.name).joined(separator: ", ")
            throw ValidationError("'\(scene)' is not a scene; use \(names)")
        }
        guard speed > 0, speed <= 10_000 else { throw ValidationError("--speed takes a number above 0, up to 10000") }
    }

    func run() async throws {
        Logs.bootstrap(format: .text, level: .warning)
        guard let scene = HubScene.named(scene) else { return }
        var configuration = HubConfiguration(time: SimulatedTime(.scaled(speed)), seed: seed)
        configuration.port = port
        let world: SimulatedWorld
        do {
            world = try await SimulatedWorld.start(scene: scene, configuration)
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw Failure(
                .portTaken, doing: "start the simulated Hub on port \(port)",
                because: "the port is taken by another program",
                hint: "stop that program, or choose another port with --port (0 takes a free one)", cause: error)
        } catch {
            throw Failure(
                .internal, doing: "start the simulated Hub on port \(port)", because: "\(error)",
                hint: "--port 0 takes a free port", cause: error)
        }
        Screen.own.write(Self.greeting(world, scene))
        let group = ServiceGroup(
            services: [Standing()], gracefulShutdownSignals: [.sigterm, .sigint], logger: Logger(label: "stoker"))
        do { try await group.run() } catch {
            await world.shutdown()
            throw error
        }
        await world.shutdown()
    }

    /// Nothing to do but to be there until a signal comes.
    private struct Standing: Service {
        func run() async throws { try await gracefulShutdown() }
    }

    private static func greeting(_ world: SimulatedWorld, _ scene: HubScene) -> String {
        let first = scene.spaces.first?.id ?? "maren/demo"
        let tokens = world.hub.configuration.tokens.map {
            "  \($0.secret.padding(toLength: 16, withPad: " ", startingAt: 0)) \($0.account), \($0.displayName)"
        }
        return """
            stoker: simulating \(world.endpoint)
            apps: \(world.fleet.addressPattern)
            scene: \(scene.name), \(scene.spaces.count) Spaces
            tokens (worth nothing elsewhere):
            \(tokens.joined(separator: "\n"))

            export HF_ENDPOINT=\(world.endpoint) HF_TOKEN=hf_maren HF_HUB_DISABLE_XET=1
            hf spaces ls --author maren
            hf spaces info \(first)
            hf spaces logs \(first) --build
            curl -X POST $HF_ENDPOINT/-/admin/spaces/\(first)/action -d '{"action": "flag"}'

            """
    }
}
