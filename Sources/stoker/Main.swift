import CommandLine
import Foundation
import HubSimulator

@main
enum Main {
    static func main() async {
        let status = await StokerCommand.run(
            with: Launcher(
                serve: Serving.run,
                demo: { what, options in
                    switch what {
                    case .fleet: try await Demonstration.run(options)
                    case .workshop: try await WorkshopDemonstration.run(options)
                    }
                }, simulateHub: HubSimulatorService.run,
                scenes: HubScene.all.map { Launcher.Scene(name: $0.name, summary: $0.summary) }))
        if status != 0 { exit(status) }
    }
}
