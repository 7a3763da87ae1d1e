internal import Yams

/// Reads a fleet file: YAML, or JSON, which is YAML too.
package enum FleetFile {
    /// Whether there is nothing in the text but white space, comments and marks of a document's ends.
    package static func isBlank(_ text: String) -> Bool {
        text.split(whereSeparator: \.isNewline).allSatisfy { line in
            let line = line.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
            let word = line.prefix { !$0.isWhitespace && $0 != "#" }
            return ["", "---", "...", "~", "null"].contains(word)
                && line.dropFirst(word.count).drop(while: \.isWhitespace).first.map { $0 == "#" } ?? true
        }
    }

    /// The fleet, with every default filled in, or every mistake of the file at once.
    ///
    /// - Parameters:
    ///   - text: the file's content.
    ///   - name: the file's name as the person gave it, for messages.
    ///   - environment: what `${NAME}` may stand for. The process's environment is not looked at.
    ///   - sections: what the file may have at its top. Default: what StokerCore knows.
    package static func read(
        text: String, name: String, environment: [String: String], sections: FleetSections = .standard
    ) -> Result<Fleet, FleetProblems> {
        let text = text.withoutByteOrderMark
        let document: FleetDocument
        switch FleetDocument.compose(text, file: name) {
        case .success(let composed): document = composed
        case .failure(let problems): return .failure(problems)
        }
        let reading = FleetReading(file: name, environment: environment, document: document)
        reading.reportDuplicates()
        var fleet = Fleet()
        if let endpoint = environment["HF_ENDPOINT"], (try? Address(endpoint)) != nil {
            // A wrong HF_ENDPOINT is the Hub client's to complain about; this file does not mention it.
            fleet.hub.endpoint = endpoint
        }
        if let token = environment["HF_TOKEN"], !token.isEmpty { fleet.hub.token = Secret(token) }
        var hasWorkers = false
        if let root = document.root {
            hasWorkers = readTop(Value(node: root, place: .root, reading: reading), sections, into: &fleet)
        }
        if reading.budget <= 0 {
            reading.report(
                .limit, "aliases repeat too much to read the file", at: SourcePosition(line: 1, column: 1), in: .root)
        }
        guard reading.problems.isEmpty else { return .failure(reading.sorted) }
        if fleet.checks.isEmpty, fleet.hub.discovery == nil, !hasWorkers {
            reading.advise(
                "nothing is looked at yet: name a Space under `spaces`, an address under `targets` or a job under `heartbeats`",
                at: SourcePosition(line: 1, column: 1), in: .root)
        }
        fleet.advice = reading.advice
        return .success(fleet)
    }

    /// - Returns: whether there are workers: then a file without a check has work all the same.
    private static func readTop(_ value: Value, _ sections: FleetSections, into fleet: inout Fleet) -> Bool {
        guard let top = value.section(sections.keys) else { return false }
        if let version = top["version"], let text = version.text("1"), text.value != "1" {
            version.report(.value, "\(text.shown) is not known; this Stoker reads version 1")
        }
        for entry in sections.entries { if let value = top[entry.name] { entry.read?(value, &fleet) } }
        var checks = CheckReader(reading: value.reading, hub: fleet.hub, spaceKeys: sections.spaceKeys)
        checks.read(top)
        fleet.checks = checks.checks
        for entry in sections.spaceEntries { entry.read(checks.spaces, &fleet) }
        fleet.renames = checks.renames
        // Needs to know how checks are made.
        if let hub = top["hub"], case .mapping = hub.node, let value = hub.section(nil)?["discover"] {
            fleet.hub.discovery = readDiscovery(value, fleet.hub, checks)
        }
        fleet.dependencies = checks.dependencies(isClosed: fleet.hub.discovery == nil)
        for entry in sections.entries { entry.check?(fleet, FleetReferenceReport(reading: value.reading)) }
        if !fleet.hub.isWatched { adviseUnwatched(top) }
        return top["workers"] != nil
    }
}

extension Address {
    static func checked(_ text: String) -> Result<Address, Fault> {
        do throws(Fault) { return .success(try Address(text)) } catch { return .failure(error) }
    }
}

enum Toggle<Wrapped: Sendable>: Sendable {
    case on(Wrapped)
    case off
}

extension Value {
    func address(_ schemes: [Address.Scheme]) -> Address? {
        let examples = schemes.map { "\($0.rawValue)://…" }.joined(separator: " or ")
        let begins = schemes.map { "\($0.rawValue)://" }.joined(separator: " or ")
        guard let text = text("an address: \(examples)") else { return nil }
        switch Address.checked(text.value) {
        case .success(var address) where schemes.contains(address.scheme):
            // Where a thing is may be seen; what stands behind the host may be a key.
            let front = text.value.firstRange(of: "://").map { text.value[..<$0.upperBound].utf8.count } ?? 0
            let host = text.value.utf8.dropFirst(front).prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
            address.hidden = text.hidden(from: front + host.count)
            return address
        case .success: report(.value, "\(text.shown) has the wrong kind of address; expected \(examples)")
        case .failure(let fault):
            // What the grammar says of schemes names those of all kinds of checks.
            let isExpected =
                schemes.count > 2
                || schemes.contains { text.value.lowercased().hasPrefix("\($0.rawValue)://") }
            report(
                .value, isExpected ? "\(text.shown) \(fault.because)" : "\(text.shown) does not begin with \(begins)")
        }
        return nil
    }

    func durationOrOff(_ range: ClosedRange<Duration>, example: String) -> Toggle<Duration>? {
        if case .scalar(let scalar) = node, ["off", "false", "never"].contains(scalar.string) { return .off }
        if let text = text("a duration such as \(example)"), ["off", "false", "never"].contains(text.value) {
            return .off
        }
        return duration(range, example: example).map { .on($0) }
    }
}
