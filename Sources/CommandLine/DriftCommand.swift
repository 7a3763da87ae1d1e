import ArgumentParser
import Operations
import StokerCore

struct DriftCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "drift",
        abstract: "Show what somebody changed on the Hub: what is otherwise there than the fleet file says.",
        discussion: """
            Only reads. A secret counts when it was written after us, or when its value here is another one now; one that was never \
            sent from here may be right and is not told.

            Ends with 0 when all is as the file says, 1 when something differs, 2 for wrong input, 3 when it could not look; with \
            --detailed-exitcode 0, 2 for a difference, 1 for an error of any kind.

            EXAMPLES
              stoker drift
              stoker drift backend --except variables.BUILD_ID --except 'files.data/*'
              stoker drift --format json
            """)

    @Argument(help: ArgumentHelp("Spaces of the fleet file (default: all with `deploy:`).", valueName: "name"))
    var names: [String] = []
    @Option(
        help: ArgumentHelp(
            "What is not looked at, as in `ignore`: variables.NAME, files.PATTERN, hardware; may be given several times.",
            valueName: "key"))
    var except: [String] = []
    @Flag(help: "End with 0 when nothing differs, 1 after an error, 2 when something differs.")
    var detailedExitcode = false
    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    static var operations: [Operations.Operation] { [.drift] }

    func run() async throws {
        try await ComparisonExit.run(detailedExitcode, differing: 1) {
            let file = try fleet.read()
            let given: [(name: String, value: JSONValue)] = [
                ("names", .array(names.map { .string($0) })), ("except", .array(except.map { .string($0) })),
            ]
            let answer = try await hub.use { hub in
                try await perform(.drift, given, on: file, in: .ofThisProcess(hub), output: output)
            }
            CommandOutput(
                json: answer, text: DriftText(.own).text(answer),
                names: (answer["spaces"]?.array ?? []).compactMap { $0["target"]?.string }
            ).show(output)
            return answer["drifted"] == true
        }
    }
}

/// What differs, for a person.
struct DriftText {
    private let look: TextLook
    init(_ screen: Terminal) { look = screen.look }

    func text(_ drift: JSONValue) -> String {
        let spaces = drift["spaces"]?.array ?? []
        let all = drift["looked_at"]?.integer ?? 0
        var text = ""
        for space in spaces {
            text += look.paint((space["space"]?.string ?? "").printable, .bold) + "\n"
            if space["missing"] == true {
                text += "    it is not there\n"
            } else {
                for change in space["changes"]?.array ?? [] { text += self.change(change) }
            }
        }
        for need in drift["needs"]?.array ?? [] {
            text += "\(need["kind"]?.string ?? "") \(need["id"]?.string?.printable ?? "") is not there\n"
        }
        guard drift["drifted"] == true else {
            return "No drift: \(all == 1 ? "the Space is" : "all \(all) Spaces are") as the fleet file says.\n"
        }
        return text + "\nDrift: \(spaces.count) of \(all). `stoker plan` shows what would be done about it.\n"
    }

    private func change(_ change: JSONValue) -> String {
        func line(_ name: String, _ text: String) -> String { "    \(name.printable): \(text.printable)\n" }
        func word(_ value: JSONValue?) -> String { value?.string ?? "none" }
        let kind = change["kind"]?.string ?? ""
        switch kind {
        case "visibility", "hardware": return line(kind, "\(word(change["from"])), the file says \(word(change["to"]))")
        case "sleep":
            func span(_ value: JSONValue?) -> String { value?.integer.map { Duration.seconds($0).text } ?? "never" }
            return line(kind, "\(span(change["from"])), the file says \(span(change["to"]))")
        case "variable":
            func value(_ value: JSONValue?) -> String? { value?.string.map { "\"\(Redaction.text($0).cut(to: 80))\"" } }
            let name = "variable \(change["key"]?.string ?? "")"
            guard let from = value(change["from"]) else { return line(name, "not there") }
            return line(name, value(change["to"]).map { "\(from), the file says \($0)" } ?? "\(from), not in the file")
        case "secret":
            let name = "secret \(change["key"]?.string ?? "")"
            return switch change["change"]?.string {
            case "add": line(name, "not there")
            case "remove": line(name, "not in the file")
            case "replace": line(name, "its value here is another one now")
            default: line(name, "written by somebody else since")
            }
        case "volumes":
            func list(_ value: JSONValue?) -> String {
                let all = value?.array?.compactMap(\.string) ?? []
                return all.isEmpty ? "none" : all.joined(separator: ", ")
            }
            return line(kind, "\(list(change["from"])), the file says \(list(change["to"]))")
        case "files":
            return (change["files"]?.array ?? []).map { file in
                let how =
                    switch file["change"]?.string {
                    case "add": "not there"
                    case "delete": "not in the source"
                    default: "another content"
                    }
                return line(file["path"]?.string ?? "", how)
            }
            .joined()
        default: return line(kind, "differs")
        }
    }
}
