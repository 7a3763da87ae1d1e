import Diagnosis
package import StokerCore

/// The text of a fleet file, with what its variables stand for.
package struct FleetText: Sendable {
    /// The file's name as the person gave it, for messages.
    package var name: String
    package var text: String
    /// What `${NAME}` stands for. Wins over the environment file: what was set on purpose counts.
    package var variables: [String: String]
    /// nil when there is none.
    package var environmentFile: EnvironmentFile?

    /// The files that `doctor.rules` names, as far as they are at hand.
    package var ruleFiles: [RuleFileText] = []

    /// A file of rules for the doctor.
    package struct RuleFileText: Sendable, Equatable {
        /// As the fleet file has it.
        package var path: String
        package var text: String
        /// Why it could not be read, in words that fit behind its name; nil for one that was.
        package var fault: String?

        package init(path: String, text: String, fault: String? = nil) {
            self.path = path
            self.text = text
            self.fault = fault
        }

        /// Largest that is read; bytes.
        package static let limit = 1 << 20
    }

    /// A file of `NAME=value` lines.
    package struct EnvironmentFile: Sendable {
        package var name: String
        package var text: String

        package init(name: String, text: String) {
            self.name = name
            self.text = text
        }
    }

    package init(
        name: String, text: String, variables: [String: String] = [:], environmentFile: EnvironmentFile? = nil
    ) {
        self.name = name
        self.text = text
        self.variables = variables
        self.environmentFile = environmentFile
    }

    /// The variables of both sources. Lines of the environment file that the fleet file does not need are other programs' business:
    /// mistakes on them are advice.
    /// - Throws: the mistakes on lines that are needed.
    package func environment() throws(FleetProblems) -> (variables: [String: String], advice: [Fleet.Advice]) {
        guard let file = environmentFile else { return (variables, []) }
        let needed = FleetFile.variables(in: text).filter { variables[$0] == nil }
        let reading = DotEnv.read(text: file.text, name: file.name, needing: needed)
        guard reading.problems.isEmpty else { throw FleetProblems(reading.problems) }
        let advice = reading.ignored.map {
            Fleet.Advice(
                path: "",
                text: "\($0.file):\($0.line):\($0.column): \($0.text); the line is not read, and nothing here needs it")
        }
        return (reading.variables.merging(variables) { $1 }, advice)
    }

    /// The fleet, or every mistake of the first file that has any.
    package func read() -> Result<Fleet, FleetProblems> {
        do throws(FleetProblems) {
            let (variables, advice) = try environment()
            return FleetFile.read(text: text, name: name, environment: variables, sections: .all).flatMap { fleet in
                var fleet = fleet
                fleet.advice += advice
                return withRules(fleet)
            }
        } catch {
            return .failure(error)
        }
    }
}

extension FleetText {
    /// Paths of files of rules in the fleet file; none in one with mistakes.
    package var rulePaths: [String] {
        guard case .success(let fleet) = read() else { return [] }
        return fleet[DoctorSection.section].files.map(\.name)
    }

    /// The fleet with what its files of rules say.
    private func withRules(_ fleet: Fleet) -> Result<Fleet, FleetProblems> {
        var fleet = fleet
        var problems: [Problem] = []
        var read: [(path: String, file: RuleFile)] = []
        for reference in fleet[DoctorSection.section].files {
            func report(_ text: String) {
                problems.append(
                    Problem(
                        file: name, line: reference.line, column: reference.column, path: reference.path,
                        text: "\"\(reference.name)\" \(text)", rule: .value))
            }
            guard let given = ruleFiles.first(where: { $0.path == reference.name }) else {
                fleet.advice.append(
                    Fleet.Advice(
                        path: reference.path,
                        text: "\"\(reference.name)\" is not at hand here, so its rules are not looked at",
                        line: reference.line, column: reference.column))
                continue
            }
            if let fault = given.fault {
                report(fault)
                continue
            }
            do throws(FleetProblems) {
                let file = try RuleFile(given.text, name: given.path)
                for (path, other) in read {
                    for id in other.ids.intersection(file.ids).sorted() { report("has the rule \(id), as \(path) has") }
                }
                read.append((given.path, file))
            } catch { problems += error.list }
        }
        guard problems.isEmpty else { return .failure(FleetProblems(problems)) }
        if !read.isEmpty { fleet[DoctorSection.section].rules = RuleFile().adding(read.map(\.file)) }
        return .success(fleet)
    }
}

extension FleetText {
    /// As an operation takes it, with only those variables that the file may need: `${NAME}`, and names of secrets.
    package var json: JSONValue {
        var needed = FleetFile.variables(in: text)
        if text.contains("secrets") {
            needed.formUnion(
                text.split { !($0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_")) }.map(String.init))
        }
        return [
            "text": .string(text), "name": .string(name),
            "variables": .array(
                variables.filter { needed.contains($0.key) }.sorted { $0.key < $1.key }.map {
                    ["name": .string($0.key), "value": .string($0.value)]
                }),
            "environment_file": environmentFile.map { ["name": .string($0.name), "text": .string($0.text)] } ?? .null,
            "rule_files": .array(
                ruleFiles.map { ["path": .string($0.path), "text": .string($0.text), "fault": .text($0.fault)] }),
        ]
    }

    /// What ``Operation/Parameter/fleetFile(_:required:upTo:_:)`` took.
    init(_ given: Arguments) {
        self.init(
            name: given.name("name"), text: given.name("text"),
            variables: Dictionary(
                given.objects("variables").map { ($0.name("name"), $0.secret("value")?.reveal() ?? "") },
                uniquingKeysWith: { $1 }),
            environmentFile: given.object("environment_file").map {
                EnvironmentFile(name: $0.name("name"), text: $0.name("text"))
            })
        ruleFiles = given.objects("rule_files").map {
            RuleFileText(path: $0.name("path"), text: $0.name("text"), fault: $0.text("fault"))
        }
    }
}

extension Operation.Parameter {
    /// The text of a fleet file as an input.
    /// - Parameter limit: characters of the text. A text that is one longer than what the reader takes still reaches it, and is told as
    ///   a problem of the file.
    static func fleetFile(
        _ location: Location, required: Bool = false, upTo limit: Int = (64 << 20) + 1, _ summary: String
    ) -> Operation.Parameter {
        Operation.Parameter(
            "fleet_file", location,
            .object([
                .init("text", .body, .text(upTo: limit), required: true, "The file: YAML or JSON"),
                .init("name", .body, .text(upTo: 4_096), defaultValue: "fleet.yaml", "Its name, for messages"),
                .init(
                    "variables", .body,
                    .list(
                        .object([
                            .init("name", .body, .text(upTo: 200), required: true, "`NAME` of `${NAME}`"),
                            .init("value", .body, .secret(upTo: 65_536), required: true, "What it stands for"),
                        ]), upTo: 1_000),
                    "What `${NAME}` stands for. The environment of the server is not looked at"),
                .init(
                    "environment_file", .body,
                    .object([
                        .init("name", .body, .text(upTo: 4_096), defaultValue: ".env", "Its name, for messages"),
                        .init("text", .body, .text(upTo: limit), required: true, "Lines of `NAME=value`"),
                    ]), "More variables; those of `variables` win"),
                .init(
                    "rule_files", .body,
                    .list(
                        .object([
                            .init("path", .body, .text(upTo: 4_096), required: true, "As `doctor.rules` has it"),
                            .init(
                                "text", .body, .text(upTo: FleetText.RuleFileText.limit), defaultValue: "",
                                "What stands in it"),
                            .init("fault", .body, .text(upTo: 1_000), "Why it could not be read"),
                        ]), upTo: 20), "The files of rules that `doctor.rules` names"),
            ]), required: required, summary)
    }
}

extension OperationContext {
    /// The fleet an operation is about: that of the text it was given, else the running one.
    /// - Throws: `fleet.invalid` when the text has mistakes, `conflict` when there is neither.
    func fleet(_ arguments: Arguments) async throws(Failure) -> Fleet {
        guard let given = arguments.object("fleet_file") else { return try await monitor.fleet() }
        let text = FleetText(given)
        switch text.read() {
        case .success(let fleet): return fleet
        case .failure(let problems): throw problems.failure(file: text.name)
        }
    }
}
