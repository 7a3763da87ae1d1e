import ArgumentParser
import StokerCore

struct HubSimulatorCommand: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "hub-simulator",
            abstract: "Run a simulated Hub with Spaces on this machine.",
            discussion: """
                A Hub on loopback that the official clients can talk to: repositories, commits, LFS, Spaces that build, start, \
                sleep and fail, and their apps. Its tokens are worth nothing anywhere else; what was written is gone at the end. \
                Scenes are arranged over HTTP while it runs (docs/simulator-scenes.md).

                SCENES
                  \(Launcher.current.scenes.map { "\($0.name): \($0.summary)" }.joined(separator: "\n  "))

                EXAMPLES
                  stoker hub-simulator
                  stoker hub-simulator --scene trouble --speed 60
                  export HF_ENDPOINT=http://127.0.0.1:8800
                  export HF_TOKEN=hf_maren HF_HUB_DISABLE_XET=1
                  hf spaces ls --author maren
                """)
    }

    @Option(help: ArgumentHelp("Port of the Hub; 0 takes a free one.", valueName: "port"))
    var port = 8800

    @Option(
        help: ArgumentHelp("What is there at first.", valueName: "name"),
        completion: .list(Launcher.current.scenes.map(\.name)))
    var scene = "small"

    @Option(help: ArgumentHelp("The same seed draws the same faults and latencies.", valueName: "number"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("Simulated seconds in one real second.", valueName: "factor"))
    var speed = 1.0

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port takes a number from 0 to 65535") }
        guard Launcher.current.scenes.contains(where: { $0.name == scene }) else {
            let names = Launcher.current.scenes.map(\.name).joined(separator: ", ")
            throw ValidationError("'\(scene)' is not a scene; use \(names)")
        }
        guard speed > 0, speed <= 10_000 else { throw ValidationError("--speed takes a number above 0, up to 10000") }
    }

    func run() async throws {
        try await Launcher.current.simulateHub(SimulatorRequest(port: port, scene: scene, seed: seed, speed: speed))
    }
}
