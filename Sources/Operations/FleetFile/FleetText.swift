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
            return FleetFile.read(text: text, name: name, environment: variables, sections: .all).map { fleet in
                var fleet = fleet
                fleet.advice += advice
                return fleet
            }
        } catch {
            return .failure(error)
        }
    }
}

extension FleetText {
    /// As an operation takes it, with only those variables that the file may need.
    package var json: JSONValue {
        let needed = FleetFile.variables(in: text)
        return [
            "text": .string(text), "name": .string(name),
            "variables": .array(
                variables.filter { needed.contains($0.key) }.sorted { $0.key < $1.key }.map {
                    ["name": .string($0.key), "value": .string($0.value)]
                }),
            "environment_file": environmentFile.map { ["name": .string($0.name), "text": .string($0.text)] } ?? .null,
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
                .init("name", .body, .text(upTo: 4_096), standard: "fleet.yaml", "Its name, for messages"),
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
                        .init("name", .body, .text(upTo: 4_096), standard: ".env", "Its name, for messages"),
                        .init("text", .body, .text(upTo: limit), required: true, "Lines of `NAME=value`"),
                    ]), "More variables; those of `variables` win"),
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
