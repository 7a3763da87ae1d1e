import ArgumentParser
import Foundation
import Operations
import StokerCore

struct WhoamiCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "whoami", abstract: "Show whose token this is, and what it can and cannot do for the fleet.",
        discussion: """
            Looks at the Spaces of the fleet file when there is one, or at those that are named. Rights are read from the token; with \
            --check the Hub is asked for each Space. Ends with 1 when the token cannot write to one of them.

            EXAMPLES
              stoker whoami
              stoker whoami --fleet fleet.yaml --check
              stoker whoami owner/bot --json
            """)
    @Argument(help: ArgumentHelp("Spaces to look at (default: those of the fleet file).", valueName: "space"))
    var spaces: [String] = []
    @Flag(help: "Ask the Hub whether each Space may be written, one call each.") var check = false
    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions
    @OptionGroup var remote: RemoteOptions

    static var operations: [Operations.Operation] { [.whoami] }

    func validate() throws {
        try remote.exclude(fleet)
        try remote.exclude(hub)
    }

    func run() async throws {
        let given: [(name: String, value: JSONValue)] = [
            ("spaces", .array(spaces.map { .string($0) })), ("check", .bool(check)),
        ]
        let answer: JSONValue
        if let server = try remote.client() {
            answer = try await perform(.whoami, given, on: nil, at: server, output: output)
        } else {
            // Without a file and without names only the account is told.
            let isFleetAsked =
                spaces.isEmpty && (fleet.fleet != nil || FileManager.default.fileExists(atPath: fleet.path))
            let file = isFleetAsked ? try fleet.read() : nil
            answer = try await hub.use { hub in
                try await perform(.whoami, given, on: file, in: .ofThisProcess(hub), output: output)
            }
        }
        CommandOutput(json: answer, text: WhoamiText.text(answer, .own)).show(output)
        if answer["spaces"]?.array?.contains(where: { $0["write"] == false }) == true { throw ExitCode(1) }
    }
}

/// Whose token it is, for a person.
enum WhoamiText {
    static func text(_ answer: JSONValue, _ screen: Terminal) -> String {
        let plan = answer["pro"] == true ? "PRO" : "free"
        let token = answer["token"] ?? .null
        var rows = [
            (
                "account",
                "\(answer["name"]?.string ?? "") (\(plan)\(answer["can_pay"] == true ? ", can pay" : ""))".printable
            ),
            (
                "token",
                "\(token["name"]?.string ?? "without a name"), role \(token["role"]?.string ?? token["kind"]?.string ?? "unknown")"
                    .printable
            ),
            ("Hub", (answer["endpoint"]?.string ?? "").printable),
        ]
        for organization in answer["organizations"]?.array ?? [] {
            let restrictions = organization["restrictions"]?.array?.compactMap(\.string) ?? []
            let refused = restrictions.isEmpty ? "" : ", refuses this token: \(restrictions.joined(separator: ", "))"
            let plan = organization["plan"]?.string.map { ", \($0)" } ?? ""
            rows.append(
                (
                    "member of",
                    "\(organization["name"]?.string ?? "") (\(organization["role"]?.string ?? "role unknown")\(plan)\(refused))"
                        .printable
                ))
        }
        var text = KeyValueTable.text(rows, screen)
        for sentence in answer["limits"]?.array?.compactMap(\.string) ?? [] {
            text += "  \(screen.paint(sentence.printable, .yellow))\n"
        }
        let spaces = answer["spaces"]?.array ?? []
        guard !spaces.isEmpty else { return text }
        var table = TextTable(columns: [
            .init(title: "SPACE", shrinksTo: 16), .init(title: "WRITE"), .init(title: "WHY", shrinksTo: 16),
        ])
        for space in spaces {
            let mayWrite = space["write"]?.bool
            table.rows.append([
                .init(space["space"]?.string ?? ""),
                .init(
                    mayWrite.map { $0 ? "yes" : "no" } ?? "unknown",
                    mayWrite == true ? .green : mayWrite == false ? .red : .yellow),
                .init(space["reason"]?.string ?? "", .dim),
            ])
        }
        return text + "\n" + table.text(for: screen.look)
    }
}
