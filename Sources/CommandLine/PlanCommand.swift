import ArgumentParser
import Foundation
import NIOPosix
import Operations
import Runtime
import StokerCore

struct PlanCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Show what `stoker apply` would change on the Hub.",
        discussion: """
            Compares `deploy:` of the fleet file with the Hub: settings, variables, secrets (by keyed hashes of what was sent, never \
            values), volumes, files with their diffs, the restarts and costs that follow, and what this token or plan cannot do. \
            Changes nothing. With --out the plan is kept for `stoker apply FILE`, which refuses it when anything in it has changed.

            Ends with 0; with --detailed-exitcode 0 when nothing differs, 1 after an error, 2 when something differs.

            EXAMPLES
              stoker plan
              stoker plan backend --env-file prod.env
              stoker plan --out plan.json && stoker apply plan.json
              stoker plan --detailed-exitcode --format quiet
            """)

    @Argument(help: ArgumentHelp("Spaces of the fleet file (default: all with `deploy:`).", valueName: "name"))
    var names: [String] = []
    @Option(
        help: ArgumentHelp("Writes the plan to a file that only you may read.", valueName: "file"), completion: .file())
    var out: String?
    @Flag(help: "End with 0 when nothing differs, 1 after an error, 2 when something differs.")
    var detailedExitcode = false
    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    static var operations: [Operations.Operation] { [.plan] }

    func run() async throws {
        try await ComparisonExit.run(detailedExitcode) {
            let file = try fleet.read()
            let answer = try await hub.use { hub in
                try await perform(
                    .plan, [("names", .array(names.map { .string($0) }))], on: file, in: .ofThisProcess(hub),
                    output: output)
            }
            if let out { try await Self.write(answer, to: out) }
            CommandOutput(json: answer, text: PlanText(.own).text(answer, file: out)).show(output)
            return !PlanText.isEmpty(answer)
        }
    }

    private static func write(_ plan: JSONValue, to path: String) async throws {
        do {
            try await NIOThreadPool.singleton.runIfActive {
                try AtomicFile.replace(path, with: Array(plan.prettyText.utf8))
            }
        } catch {
            throw Failure(
                .fileUnwritable, doing: "write the plan \(path)", because: "\(error)",
                hint: "look at its folder and rights", cause: error)
        }
    }
}

/// Exit statuses of what compares.
enum ComparisonExit {
    /// - Parameters:
    ///   - isDetailed: Terraform's: 0 for no difference, 1 for an error of any kind, 2 for a difference.
    ///   - differing: what a difference ends with otherwise.
    ///   - work: whether there is one.
    static func run(_ isDetailed: Bool, differing: Int32 = 0, _ work: () async throws -> Bool) async throws {
        let differs: Bool
        do { differs = try await work() } catch {
            guard isDetailed else { throw error }
            // An interruption stays one.
            let code = CommandFailure.report(error)
            throw code == ExitCode(130) ? code : ExitCode(1)
        }
        guard differs else { return }
        let code = isDetailed ? 2 : differing
        if code != 0 { throw ExitCode(code) }
    }
}
