import ArgumentParser
import Operations
import StokerCore

/// How a command writes what it has to say.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    /// For people on a terminal, the same without colour and progress elsewhere.
    case auto
    case human
    /// One JSON document on standard output; its shape is documented and only ever grows.
    case json
    /// Nothing but problems; the exit status is the answer.
    case quiet

    /// - Throws: what there is, for a word that is none of them.
    init(word: String) throws {
        if let format = OutputFormat(rawValue: word) {
            self = format
            return
        }
        let near = ClosestMatch.of(word.lowercased(), among: Self.allCases.map(\.rawValue))
        // The official command line has a format for agents; ours for programs is JSON.
        let advice =
            word == "agent" ? "; programs read --format json" : near.map { "; did you mean --format \($0)?" } ?? ""
        throw ValidationError("it is auto, human, json or quiet\(advice)")
    }
}

/// The choice of a format, the same for every command that has one.
struct OutputOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "For people, as one JSON document, or nothing but the exit status.", valueName: "auto|human|json|quiet"),
        completion: .list(OutputFormat.allCases.map(\.rawValue)), transform: OutputFormat.init(word:))
    var format: OutputFormat = .auto
    @Flag(help: "The same as --format json.")
    var json = false

    var chosen: OutputFormat { json ? .json : format }

    func validate() throws {
        if json, format == .human || format == .quiet {
            throw ValidationError("--json and --format \(format.rawValue) exclude each other.")
        }
    }
}
