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
    package static func read(text: String, name: String, environment: [String: String]) -> Result<Fleet, FleetProblems>
    {
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
        if let root = document.root {
            readTop(Value(node: root, place: .root, reading: reading), into: &fleet)
        }
        if reading.budget <= 0 {
            reading.report(.limit, "aliases repeat too much to read the file", at: Spot(line: 1, column: 1), in: .root)
        }
        guard reading.problems.isEmpty else { return .failure(reading.sorted) }
        if fleet.checks.isEmpty, fleet.hub.discovery == nil {
            reading.advise(
                "nothing is looked at yet: name a Space under `spaces`, an address under `targets` or a job under `heartbeats`",
                at: Spot(line: 1, column: 1), in: .root)
        }
        fleet.advice = reading.advice
        return .success(fleet)
    }

    private static func readTop(_ value: Value, into fleet: inout Fleet) {
        guard let top = value.section(.top) else { return }
        if let version = top["version"], let text = version.text("1"), text.value != "1" {
            version.report(.value, "\(text.shown) is not known; this Stoker reads version 1")
        }
        let hub = top["hub"]?.section(.hub)
        if let hub { readHub(hub, into: &fleet.hub) }
        if let serve = top["serve"]?.section(.serve) { readServe(serve, into: &fleet.serve) }
        if let ledger = top["ledger"]?.section(.ledger) { readLedger(ledger, into: &fleet.ledger) }
        var checks = CheckReader(reading: value.reading, hub: fleet.hub)
        checks.read(top)
        fleet.checks = checks.checks
        fleet.renames = checks.renames
        if let value = hub?["discover"] {
            fleet.hub.discovery = readDiscovery(value, fleet.hub, checks)
        }
        if !fleet.hub.isWatched { adviseUnwatched(top) }
    }

    private static func readHub(_ section: Section, into hub: inout Fleet.Hub) {
        if let value = section["namespace"], let name = value.optionalString("a user or organisation") {
            if SpaceName.isPart(name) {
                hub.namespace = name
            } else {
                value.report(
                    .value, "\(value.text("a name")?.shown ?? "it") is not the name of a user or an organisation")
            }
        }
        if let value = section["token"] { hub.token = value.secret("a Hub token, such as ${HF_TOKEN:-}") }
        if let value = section["watch"] { hub.watch = value.bool() }
        if let value = section["private_header"] {
            hub.privateHeader = value.word(Fleet.PrivateHeader.allCases.map { ($0.rawValue, $0) }) ?? .hub
        }
        if let value = section["endpoint"], let address = value.address([.http, .https]) {
            var text = address.description
            while text.hasSuffix("/") { text.removeLast() }
            hub.endpoint = text
        }
        if let value = section["address"], let text = value.text("a pattern such as https://{subdomain}.hf.space") {
            if !text.value.contains("{subdomain}") {
                value.report(.value, "\(text.shown) has no {subdomain}, so all Spaces would have one address")
            } else if case .failure(let fault) = Address.checked(text.value.replacing("{subdomain}", with: "a")) {
                value.report(.value, "\(text.shown) \(fault.because)")
            } else {
                hub.spaceAddress = text.value
            }
        }
    }

    private static func readServe(_ section: Section, into serve: inout Fleet.Serve) {
        if let port = section["port"]?.integer(0...65_535, "a port such as 7860") { serve.port = port }
        if let value = section["host"], let host = value.string("an address to listen on, such as 127.0.0.1 or 0.0.0.0")
        {
            if host.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || ".:-_%[]".contains($0)) }) {
                serve.host = host
                serve.isHostSaid = true
            } else {
                value.report(.value, "is not an address to listen on; write 127.0.0.1, ::1 or 0.0.0.0")
            }
        }
        if let value = section["public_url"], value.optionalString("https://…") != nil {
            serve.publicURL = value.address([.http, .https])?.description
        }
        if let value = section["self_ping"] {
            switch value.durationOrOff(.seconds(10) ... .seconds(86_400), example: "2m, or off") {
            case .on(let every): serve.selfPing = every
            case .off: serve.selfPing = nil
            case nil: break
            }
        }
        serve.token = section["token"]?.secret("a token, such as ${STOKER_TOKEN:-}")
        if let isPrivate = section["private"]?.bool() { serve.privateReading = isPrivate }
    }

    private static func readLedger(_ section: Section, into ledger: inout Fleet.LedgerSettings) {
        let range = Duration.seconds(3_600) ... .seconds(3_650 * 86_400)
        if let path = section["path"]?.optionalString("the path of an SQLite file") { ledger.path = path }
        if let kept = section["keep_observations"]?.duration(range, example: "7d") { ledger.keepObservations = kept }
        if let kept = section["keep_minutes"]?.duration(range, example: "2d") { ledger.keepMinutes = kept }
        if let kept = section["keep_hours"]?.duration(range, example: "400d") { ledger.keepHours = kept }
    }
}

extension Address {
    static func checked(_ text: String) -> Result<Address, Fault> {
        do throws(Fault) { return .success(try Address(text)) } catch { return .failure(error) }
    }
}

enum Switched<Wrapped> {
    case on(Wrapped)
    case off
}

extension Value {
    func address(_ schemes: [Address.Scheme]) -> Address? {
        let examples = schemes.map { "\($0.rawValue)://…" }.joined(separator: " or ")
        guard let text = text("an address: \(examples)") else { return nil }
        switch Address.checked(text.value) {
        case .success(var address) where schemes.contains(address.scheme):
            // Where a thing is may be seen; what stands behind the host may be a key.
            let front = text.value.firstRange(of: "://").map { text.value[..<$0.upperBound].utf8.count } ?? 0
            let host = text.value.utf8.dropFirst(front).prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
            address.hidden = text.hidden(from: front + host.count)
            return address
        case .success: report(.value, "\(text.shown) has the wrong kind of address; expected \(examples)")
        case .failure(let fault): report(.value, "\(text.shown) \(fault.because)")
        }
        return nil
    }

    func durationOrOff(_ range: ClosedRange<Duration>, example: String) -> Switched<Duration>? {
        if case .scalar(let scalar) = node, ["off", "false", "never"].contains(scalar.string) { return .off }
        if let text = text("a duration such as \(example)"), ["off", "false", "never"].contains(text.value) {
            return .off
        }
        return duration(range, example: example).map { .on($0) }
    }
}
