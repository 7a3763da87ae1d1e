extension DotEnv {
    /// A `.env` file as a fleet file needs it.
    package struct Reading: Sendable {
        package var variables: [String: String]
        /// Mistakes on lines that are needed, or may be.
        package var problems: [Problem]
        /// Mistakes on lines that nothing asks for: the file may be another program's, too.
        package var ignored: [Problem]
    }

    /// Reads the lines that can be read, and tells which mistakes matter to somebody who needs the variables of these names.
    package static func read(text: String, name: String, needing needed: Set<String>) -> Reading {
        let written = text.split(separator: "\n", omittingEmptySubsequences: false)
        var lines = written.map(String.init)
        var found: [Problem] = []
        // A line with a mistake can hide what follows it, as a quote that is never closed does: it is taken out, and the rest read
        // again. A file with more mistakes than this is none.
        for _ in 0..<50 {
            switch read(text: lines.joined(separator: "\n"), name: name) {
            case .success(let variables):
                var reading = Reading(variables: variables, problems: [], ignored: [])
                for problem in found {
                    if let name = variable(of: problem, written), needed.contains(name) {
                        reading.problems.append(problem)
                    } else {
                        reading.ignored.append(problem)
                    }
                }
                return reading
            case .failure(let problems):
                let fresh = problems.list.filter { problem in
                    lines.indices.contains(problem.line - 1) && !lines[problem.line - 1].isEmpty
                }
                guard !fresh.isEmpty else { return Reading(variables: [:], problems: problems.list, ignored: found) }
                for problem in fresh { lines[problem.line - 1] = "" }
                found += fresh
            }
        }
        return Reading(variables: [:], problems: found, ignored: [])
    }

    /// The name that a line with a mistake begins with; nil when there is none.
    private static func variable(of problem: Problem, _ lines: [Substring]) -> String? {
        guard lines.indices.contains(problem.line - 1) else { return nil }
        var line = lines[problem.line - 1].drop { $0 == " " || $0 == "\t" || $0 == "\u{FEFF}" }
        if line.hasPrefix("export ") { line = line.dropFirst(7).drop { $0 == " " } }
        let name = line.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        return name.isEmpty ? nil : String(name)
    }
}

extension FleetFile {
    /// Names of the variables that a fleet file may ask for, and of those that are read without being named.
    package static func variables(in text: String) -> Set<String> {
        var names: Set<String> = ["HF_TOKEN", "HF_ENDPOINT"]
        var rest = text[...]
        while let start = rest.firstRange(of: "${") {
            rest = rest[start.upperBound...]
            let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
            if !name.isEmpty { names.insert(String(name)) }
        }
        return names
    }
}

extension String {
    /// Without the mark that Windows tools begin a UTF-8 file with.
    package var withoutByteOrderMark: String {
        unicodeScalars.first == "\u{FEFF}" ? String(String.UnicodeScalarView(unicodeScalars.dropFirst())) : self
    }
}
