import ArgumentParser
import Foundation
import Operations
import StokerCore

struct AuditCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Check the persistence protocol for each Space: what holds, what fails, what nobody knows.",
        discussion: """
            Five points: a health address, kept alive, state kept elsewhere, a restart restores it, recovery is seen. It reads the fleet \
            file, the Hub and, with --server, what a running server has recorded; each app that runs is asked for its health address. \
            What nothing shows is `unknown`. Ends with 1 when a point failed.

            EXAMPLES
              stoker audit
              stoker audit owner/bot --no-visit
              stoker audit --server http://127.0.0.1:7860 --json
            """)
    @Argument(help: ArgumentHelp("Spaces to look at (default: those of the fleet file).", valueName: "space"))
    var spaces: [String] = []
    @Flag(inversion: .prefixedNo, help: "Ask each app that runs for its health address.") var visit = true
    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions
    @OptionGroup var remote: RemoteOptions

    static var operations: [Operations.Operation] { [.audit] }

    func validate() throws {
        try remote.exclude(fleet)
        try remote.exclude(hub)
    }

    func run() async throws {
        let given: [(name: String, value: JSONValue)] = [
            ("spaces", .array(spaces.map { .string($0) })), ("visit", .bool(visit)),
        ]
        let answer: JSONValue
        if let server = try remote.client() {
            answer = try await perform(.audit, given, on: nil, at: server, output: output)
        } else {
            // Spaces that are named need no file.
            let isThere = fleet.fleet != nil || FileManager.default.fileExists(atPath: fleet.path)
            let file = isThere || spaces.isEmpty ? try fleet.read() : nil
            answer = try await hub.use { hub in
                try await perform(.audit, given, on: file, in: .ofThisProcess(hub), output: output)
            }
        }
        CommandOutput(json: answer, text: AuditText.text(answer, .own)).show(output)
        if answer["ill"] == true { throw ExitCode(1) }
    }
}

/// The checklist, for a person.
enum AuditText {
    static func text(_ answer: JSONValue, _ screen: Terminal) -> String {
        var text = ""
        for space in answer["spaces"]?.array ?? [] {
            text += screen.paint((space["space"]?.string ?? "").printable, .bold) + "\n"
            var table = TextTable(columns: [
                .init(title: "POINT"), .init(title: "STANDING"), .init(title: "BECAUSE", shrinksTo: 30),
            ])
            for point in space["points"]?.array ?? [] {
                let standing = point["standing"]?.string ?? ""
                table.rows.append([
                    .init((point["point"]?.string ?? "").replacing("-", with: " ")),
                    .init(standing, standing == "ok" ? .green : standing == "failed" ? .red : .yellow),
                    .init(point["because"]?.string ?? "", .dim),
                ])
            }
            text += table.text(for: screen.look)
            for point in space["points"]?.array ?? [] where point["standing"] != "ok" {
                if let fix = point["fix"]?.string { text += "  \(screen.paint("fix", .dim))  \(fix.printable)\n" }
            }
            text += "\n"
        }
        let spaces = answer["spaces"]?.array ?? []
        let failed = spaces.reduce(0) { $0 + ($1["failed"]?.integer ?? 0) }
        let unknown = spaces.reduce(0) { $0 + ($1["unknown"]?.integer ?? 0) }
        return text + "\(failed.counted("point")) failed, \(unknown) unknown\n"
    }
}
