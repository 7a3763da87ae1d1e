import ArgumentParser
import StokerCore

/// Names of checks for the shell: those of the fleet file that the line names, else of the usual one.
enum CheckNames {
    static let completion = CompletionKind.custom { words, _, _ in names(words) }

    private static func names(_ words: [String]) -> [String] {
        let given = zip(words, words.dropFirst()).first { $0.0 == "--fleet" || $0.0 == "-f" }?.1
        // A file that cannot be read has no names; the command itself tells why.
        guard let options = try? FleetOptions.parse(given.map { ["--fleet", $0] } ?? []),
            case .success(let fleet)? = try? options.load().result
        else { return [] }
        return fleet.checks.map(\.name)
    }
}
