import CommandLine
import Foundation
import HubSimulator
import KeepAlive
import Logging
import NIOCore
import ServiceLifecycle
import StokerCore
import UnixSignals

/// `stoker hub-simulator`.
enum HubSimulatorService {
    static func run(_ request: SimulatorRequest) async throws {
        Logs.bootstrap(format: .text, level: .warning)
        guard let scene = HubScene.named(request.scene) else { return }
        var configuration = HubConfiguration(time: SimulatedTime(.scaled(request.speed)), seed: request.seed)
        configuration.port = request.port
        // The Hub, its storage and the edge together leave files for git and for what is uploaded.
        let files = FileLimit.raised().open
        configuration.connections = min(4_096, max(64, files / 8))
        configuration.edgeConnections = min(20_000, max(64, files / 2))
        let world: SimulatedWorld
        do {
            world = try await SimulatedWorld.start(scene: scene, configuration)
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw Failure(
                .portTaken, doing: "start the simulated Hub on port \(request.port)",
                because: "the port is taken by another program",
                hint: "stop that program, or choose another port with --port (0 takes a free one)", cause: error)
        } catch {
            throw Failure(
                .internal, doing: "start the simulated Hub on port \(request.port)", because: "\(error)",
                hint: "--port 0 takes a free port", cause: error)
        }
        Terminal.own.write(Self.greeting(world, scene))
        let group = ServiceGroup(
            services: [UntilShutdown()], gracefulShutdownSignals: [.sigterm, .sigint], logger: Logger(label: "stoker"))
        do { try await group.run() } catch {
            await world.shutdown()
            throw error
        }
        await world.shutdown()
    }

    /// Nothing to do but to be there until a signal comes.
    private struct UntilShutdown: Service {
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
