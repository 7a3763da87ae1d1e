import ArgumentParser
import Foundation
import Operations
import StokerCore

/// What a new Space begins with, as ``Operations/Operation/newSpace`` knows it.
struct TemplateName: ExpressibleByArgument {
    let name: String

    init?(argument: String) {
        guard Self.allValueStrings.contains(argument) else { return nil }
        name = argument
    }

    static var allValueStrings: [String] {
        for case .choice(let names) in Operations.Operation.newSpace.parameters.map(\.kind) { return names }
        return []
    }

    /// Only for enumerations does the parser offer the values to shells by itself.
    static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
}

struct NewCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "new",
        abstract: "Make the folder of a new Space from a template, and its entry in the fleet file.",
        discussion: """
            The folder runs on this machine as it is, and `stoker doctor` finds nothing in it. The entry is added at the end of `spaces`; \
            everything else in the file stays byte for byte. The owner is that of the fleet file, else $HF_USERNAME, else whose token it is. \
            Nothing is made on the Hub: `stoker plan` and `stoker apply` do that.

            EXAMPLES
              stoker new fastapi backend
              stoker new static site --fleet fleet.yaml
              stoker new gradio apps/demo --name gradio-demo --owner acme
              stoker new swift api
              stoker new guarded bot
            """)

    @Argument(help: "What it begins with.")
    var template: TemplateName
    @Argument(
        help: ArgumentHelp("The folder; it must be empty or not there.", valueName: "folder"), completion: .directory)
    var folder: String
    @Option(help: ArgumentHelp("Name of the Space (default: that of the folder).", valueName: "name"))
    var name: String?
    @Option(help: ArgumentHelp("User or organisation that owns it.", valueName: "owner"))
    var owner: String?
    @OptionGroup var options: FleetOptions
    @OptionGroup var hub: HubOptions
    @OptionGroup var output: OutputOptions

    static var operations: [Operations.Operation] { [.newSpace] }

    func validate() throws {
        if options.path == "-" { throw ValidationError("the entry goes into a file: name one with --fleet.") }
    }

    func run() async throws {
        let file = FileManager.default.fileExists(atPath: options.path) ? try options.read() : nil
        let given: [(name: String, value: JSONValue)] = [
            ("template", .string(template.name)), ("folder", .string(folder)), ("fleet", .string(options.path)),
            ("name", .maybe(name)), ("owner", .maybe(owner)),
            ("username", .maybe(ProcessInfo.processInfo.environment["HF_USERNAME"].flatMap { $0.isEmpty ? nil : $0 })),
        ].filter { !$0.value.isNull }
        let made = try await hub.use { hub in
            try await perform(.newSpace, given, on: file, in: .ofThisProcess(hub), output: output)
        }
        CommandOutput(json: made, text: text(made), names: [made["space"]?.string ?? ""]).show(output)
    }

    private func text(_ made: JSONValue) -> String {
        let files = made["files"]?.array ?? []
        let verb = made["is_new_fleet"] == true ? "Made" : "Added it to"
        return """
            Made \(folder.printable) with \(files.count) files for \(made["space"]?.string ?? "").
            \(verb) \(options.path.printable).
            Next: stoker plan

            """
    }
}
