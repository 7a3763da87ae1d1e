package import StokerCore

/// A tool whose files can be carried over.
package enum ForeignTool: String, CaseIterable, Sendable {
    case uptimeKuma = "uptime-kuma"
    case gatus
    case uptimeRobot = "uptimerobot"
    case healthchecks

    /// As it is called to a person.
    package var title: String {
        switch self {
        case .uptimeKuma: "Uptime Kuma"
        case .gatus: "Gatus"
        case .uptimeRobot: "UptimeRobot"
        case .healthchecks: "healthchecks.io"
        }
    }

    /// - Parameter name: the file's name, for messages.
    /// - Throws: `usage` when it is no file of that tool, or has nothing in it.
    package func read(_ text: String, name: String) throws(Failure) -> ImportedFleet {
        var fleet = ImportedFleet(tool: title)
        let root = try document(text, name: name)
        switch self {
        case .uptimeKuma: try UptimeKumaImport.read(root, into: &fleet)
        case .gatus: try GatusImport.read(root, into: &fleet)
        case .uptimeRobot: try UptimeRobotImport.read(root, into: &fleet)
        case .healthchecks: try HealthchecksImport.read(root, into: &fleet)
        }
        guard !fleet.entries.isEmpty || !fleet.leftOut.isEmpty else {
            throw Failure(
                .usage, doing: "read the file of \(title)", because: "there is nothing in it that is looked at",
                hint: "name the file that has the checks")
        }
        return fleet
    }

    private func document(_ text: String, name: String) throws(Failure) -> JSONValue {
        guard self == .gatus else {
            if text.hasPrefix("SQLite format 3") {
                throw Failure(
                    .usage, doing: "read the file of \(title)", because: "\(name.printable) is a database",
                    hint: "hand over the JSON that it exports")
            }
            do { return try JSONValue(reading: text, .lenient) } catch {
                throw Failure(
                    .usage, doing: "read the file of \(title)", because: "\(name.printable) is not JSON: \(error)",
                    hint: "hand over the JSON that it exports")
            }
        }
        switch ForeignYAML.read(text, name: name) {
        case .success(let root): return root
        case .failure(let problems):
            let first = problems.list.first
            throw Failure(
                .usage, doing: "read the file of \(title)",
                because:
                    "\(name.printable) is not YAML\(first.map { ": line \($0.line), column \($0.column): \($0.text)" } ?? "")",
                hint: "hand over Gatus's config.yaml")
        }
    }
}
