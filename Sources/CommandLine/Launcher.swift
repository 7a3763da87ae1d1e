package import Safekeeping
package import StokerCore

/// What the executable supplies to commands: services that only it can put together, for it alone knows every concrete type.
package struct Launcher: Sendable {
    /// Monitors a fleet until a signal comes.
    package var serve: @Sendable (ServeRequest) async throws -> Void
    /// Shows everything over a simulated Hub until a signal comes.
    package var demo: @Sendable (Demo, ServeOptions) async throws -> Void
    /// Runs a simulated Hub until a signal comes.
    package var simulateHub: @Sendable (SimulatorRequest) async throws -> Void
    /// Runs an app under guard until it ends, or a signal comes; gives the status to exit with.
    package var guardApp: @Sendable (GuardRequest) async throws -> Int32
    /// Scenes that the simulated Hub can begin with.
    package var scenes: [Scene]

    package struct Scene: Sendable {
        package var name: String
        package var summary: String

        package init(name: String, summary: String) {
            self.name = name
            self.summary = summary
        }
    }

    package init(
        serve: @escaping @Sendable (ServeRequest) async throws -> Void,
        demo: @escaping @Sendable (Demo, ServeOptions) async throws -> Void,
        simulateHub: @escaping @Sendable (SimulatorRequest) async throws -> Void,
        guardApp: @escaping @Sendable (GuardRequest) async throws -> Int32 = { _ in throw Launcher.nothingToStart },
        scenes: [Scene]
    ) {
        self.guardApp = guardApp
        self.serve = serve
        self.demo = demo
        self.simulateHub = simulateHub
        self.scenes = scenes
    }

    /// That of the running program. Without an executable nothing can be started.
    @TaskLocal package static var current = Launcher(
        serve: { _ in throw nothingToStart }, demo: { _, _ in throw nothingToStart },
        simulateHub: { _ in throw nothingToStart }, scenes: [])

    package static var nothingToStart: Failure {
        Failure(.internal, doing: "start a server", because: "this program has commands only", hint: "run `stoker`")
    }
}

/// What `stoker serve` was asked for.
package struct ServeRequest: Sendable {
    package var fleet: FleetOptions
    package var options: ServeOptions
    /// Address of the first master, without a slash at its end; nil unless this is the second.
    package var standbyOf: String?
    package var standbyEvery: Duration
    /// Where the disk and the ledger's vault do not tell by themselves which ledger is meant.
    package var ledgerSource: LedgerSource?
}

/// What `stoker hub-simulator` was asked for.
package struct SimulatorRequest: Sendable {
    /// 0 takes a free one.
    package var port: Int
    /// Name of one of ``Launcher/scenes``.
    package var scene: String
    package var seed: UInt64
    /// Simulated seconds in one real second.
    package var speed: Double
}
