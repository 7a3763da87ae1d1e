import CommandLine
import Foundation
import HubSimulator
import KeepAlive
import Logging
import Operations
import Runtime
import StokerCore
import Workshop

/// `stoker demo workshop`: workers on a small repository, publishing to a simulated Hub.
enum WorkshopDemonstration {
    static func run(_ options: ServeOptions) async throws {
        Logs.bootstrap(format: options.logFormat, level: try options.level())
        let logger = Logger(label: "stoker")
        let surroundings = ProcessEnvironment.process
        guard Program.find("git") != nil else {
            throw Failure(
                .usage, doing: "show the workshop", because: "git is not installed",
                hint: "the simulated Hub and the workers need it")
        }
        let folder = options.data ?? NSTemporaryDirectory() + "stoker-demo-\(ProcessInfo.processInfo.processIdentifier)"
        try PrivateFolder.make(folder)
        let world = try await SimulatedWorld.start()
        var failure: (any Error)?
        do {
            let repository = folder + "/tern.git"
            if !FileManager.default.fileExists(atPath: repository) { try await PracticeRepository.make(at: repository) }
            var fleet = try fleet(world.endpoint, repository: repository)
            try options.apply(to: &fleet.serve, surroundings: surroundings)
            fleet.serve.publicURL = nil
            let plan = Engine.Plan(
                fleet: fleet, dataFolder: folder, demo: true, greeting: greeting(world.endpoint),
                reachable: options.reachable(fleet.serve, said: nil, surroundings))
            try await Engine(plan: plan, logger: logger).run()
        } catch {
            failure = error
        }
        await world.shutdown()
        if options.data == nil {
            do { try FileManager.default.removeItem(atPath: folder) } catch {
                logger.debug("The demonstration's folder was not removed", metadata: ["error": "\(error)"])
            }
        }
        if let failure { throw failure }
    }

    /// The same as a person would write it.
    private static func fleet(_ endpoint: String, repository: String) throws -> Fleet {
        let text = """
            version: 1
            hub: { namespace: maren, token: hf_maren }
            workers:
              analysis: { repository: \(JSONValue.string(repository).text), branch: main, every: 10s, dataset: autocoder-analysis-results }
              implementation: { kind: implementation, repository: \(JSONValue.string(repository).text), branch: main, every: 5s, dataset: autocoder-implementation-results }
            """
        switch FleetFile.read(text: text, name: "workshop.yaml", environment: [:], sections: .all) {
        case .success(var fleet):
            fleet.hub.endpoint = endpoint
            return fleet
        case .failure(let problems): throw problems
        }
    }

    private static func greeting(_ endpoint: String) -> String {
        """
        Workers look at a small repository and publish to datasets of a simulated Hub. In another terminal:
          stoker workers
          stoker results list
          HF_ENDPOINT=\(endpoint) HF_TOKEN=hf_maren stoker results latest --dataset maren/autocoder-analysis-results
          HF_ENDPOINT=\(endpoint) HF_TOKEN=hf_maren python3 -c 'from datasets import load_dataset; print(load_dataset("maren/autocoder-analysis-results")["train"][-1]["summary"])'

        """
    }
}
