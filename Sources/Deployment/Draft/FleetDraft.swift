internal import Foundation
package import StokerCore

/// A first fleet.yaml, written from what somebody already has.
package struct FleetDraft: Sendable {
    package struct Entry: Sendable, Equatable {
        /// `owner/name`, when it is a Space.
        package var space: String?
        /// The full address, when it cannot be derived from the Space's name.
        package var url: String?
        /// Path of the Space that is asked for, when not `/`.
        package var path: String?
        package var every: Duration?
        /// The id was guessed from a subdomain, where owner and name cannot be told apart for certain.
        package var guessed = false
        /// Lines of its `deploy`, indented below it.
        package var deploy: [String] = []
        /// A word on it for who reads the file, such as `private`.
        package var note: String?
        /// Why it cannot stand in the file as it is: then it is a comment.
        package var problem: String?
    }
    package var entries: [Entry]
    /// Of a Hub that is not the public one.
    package var endpoint: String?
    /// The comment by which an editor finds the schema; nil when there is none for it to find.
    package var schemaLine: String?
    /// Set when all Spaces have one owner.
    package var namespace: String? {
        let owners = Set(entries.compactMap { $0.space.map { $0.prefix { $0 != "/" } } })
        return owners.count == 1 ? owners.first.map(String.init) : nil
    }

    package init(entries: [Entry] = []) { self.entries = entries }

    /// From what the Hub lists: Spaces in the order of their names.
    package init(spaces: [SpaceFacts]) {
        entries = spaces.sorted { $0.id.lowercased() < $1.id.lowercased() }.map { facts in
            var entry = Entry(space: facts.id)
            if facts.visibility != .public { entry.note = facts.visibility.rawValue }
            if !SpaceName.isID(facts.id) {
                entry.problem = "its name is not one that the file takes"
            } else if SpaceName.subdomain(of: facts.id).utf8.count > 63 {
                // A name in the DNS has at most 63 characters: the Hub made another one, and only the Hub knows it.
                entry.url = facts.host
                if facts.host == nil {
                    entry.problem = "its address does not follow from so long a name; name it with `url:`"
                }
            }
            return entry
        }
    }

    /// From what people paste: `owner/name`, the Space's page, its own address, or any URL.
    /// - Throws: `usage`, naming the first text that is none of these.
    package init(addresses: [String]) throws(Failure) {
        entries = []
        for text in addresses { try add(Self.entry(text)) }
    }

    /// From a list of `{"url": …, "interval_minutes": …, "space_id": …}`, as ping scripts keep it.
    /// - Throws: `usage`, naming the item.
    package init(json: String) throws(Failure) {
        struct Ping: Decodable {
            var url: String?
            var intervalMinutes: Double?
            var spaceId: String?
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let pings: [Ping]
        do { pings = try decoder.decode([Ping].self, from: Data(json.utf8)) } catch {
            throw Failure(
                .usage, doing: "read the list of pings",
                because: "it is not a JSON list of objects: \(Self.words(error))",
                hint: #"write [{"url": "https://…", "interval_minutes": 45, "space_id": "owner/name"}]"#)
        }
        entries = []
        for (index, ping) in pings.enumerated() {
            func failure(_ because: String) -> Failure {
                Failure(
                    .usage, doing: "read the list of pings", because: "item \(index + 1): \(because)",
                    hint: #"an item is {"url": "https://…", "interval_minutes": 45, "space_id": "owner/name"}"#)
            }
            var entry: Entry
            if let url = ping.url, !url.isEmpty {
                do { entry = try Self.entry(url) } catch { throw failure(error.because) }
            } else if let id = ping.spaceId, SpaceName.isID(id) {
                entry = Entry(space: id)
            } else {
                throw failure("it has neither `url` nor a `space_id` like owner/name")
            }
            if let id = ping.spaceId, !id.isEmpty {
                guard SpaceName.isID(id) else { throw failure("it has a `space_id` that is not owner/name") }
                entry = Self.named(id, entry)
            }
            if let minutes = ping.intervalMinutes {
                guard minutes.isFinite, minutes * 60 >= 1, minutes <= 366 * 1_440 else {
                    throw failure("has an `interval_minutes` outside 1 second to 366 days")
                }
                entry.every = .seconds(Int64((minutes * 60).rounded()))
            }
            add(entry)
        }
    }

    private static func words(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "it cannot be parsed" }
        switch error {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
            .dataCorrupted(let context):
            let place = context.codingPath.map { $0.intValue.map { "item \($0 + 1)" } ?? $0.stringValue }.joined(
                separator: ", ")
            return place.isEmpty ? "it cannot be parsed" : "\(place) has the wrong type"
        @unknown default: return "it cannot be parsed"
        }
    }

    /// The same address twice is one entry.
    private mutating func add(_ entry: Entry) {
        if let space = entry.space,
            entries.contains(where: { $0.space == space && $0.path == entry.path && $0.url == entry.url })
        {
            return
        }
        if entry.space == nil, entries.contains(where: { $0.space == nil && $0.url == entry.url }) { return }
        entries.append(entry)
    }

    /// What one text means.
    static func entry(_ text: String) throws(Failure) -> Entry {
        let text = text.trimmingCharacters(in: .whitespaces)
        if SpaceName.isID(text) { return Entry(space: text) }
        func failure(_ because: String) -> Failure {
            Failure(
                .usage, doing: "read \"\(text.prefix(100))\"", because: because,
                hint: "give a Space as owner/name, or an address with \(CheckKinds.schemes(joinedBy: "or"))")
        }
        guard text.contains("://") else { throw failure("it is neither a Space's id nor an address") }
        let address: Address
        do throws(Address.Fault) { address = try Address(text) } catch { throw failure("it \(error.because)") }
        if ["huggingface.co", "www.huggingface.co", "hf.co"].contains(address.host), address.path.hasPrefix("/spaces/")
        {
            let parts = address.path.prefix { $0 != "?" }.split(separator: "/").dropFirst().prefix(2)
            let id = parts.joined(separator: "/")
            guard SpaceName.isID(id) else { throw failure("it is a page of the Hub, but not of a Space") }
            return Entry(space: id)
        }
        if address.host.hasSuffix(".hf.space"), address.scheme == .https, address.port == nil {
            let label = address.host.dropLast(".hf.space".count)
            // Owners with a `-` in their name exist: the first one is taken for the border, and the draft says so.
            if !label.contains("."), let dash = label.firstIndex(of: "-") {
                let id = "\(label[..<dash])/\(label[label.index(after: dash)...])"
                if SpaceName.isID(id) {
                    return Entry(space: id, path: address.path == "/" ? nil : address.path, guessed: true)
                }
            }
        }
        return Entry(url: address.description)
    }

    /// The entry for a Space whose id is known.
    private static func named(_ id: String, _ entry: Entry) -> Entry {
        var result = entry
        result.space = id
        result.guessed = false
        if let guess = entry.space, SpaceName.subdomain(of: guess) == SpaceName.subdomain(of: id) { return result }
        if let guess = entry.space, entry.guessed {
            result.url = "https://\(SpaceName.subdomain(of: guess)).hf.space"
        } else if entry.space != nil {
            result.url = nil
        }
        return result
    }

    // MARK: Writing

    /// The file: what was given, and what else could be said as comments.
    package var text: String {
        var names = Set<String>()
        var text = """
            # What Stoker keeps warm. Every key is explained in docs/fleet-file.md; `stoker check-config` explains this file.
            # ${NAME} and ${NAME:-default} come from the environment or from a .env file beside this one.
            \(schemaLine ?? "# For an editor: `stoker schema --output fleet.schema.json` writes what completes the keys, and tells the line to put here.")
            version: 1

            hub:
            \(namespace.map { "  namespace: \(Self.quoted($0))    # owner of the Spaces below that are named without one" } ?? "  # namespace: your-name    # then Spaces can be named without their owner")
              token: ${HF_TOKEN:-}    # may stay empty: public addresses need none
            \(endpoint.map { "  endpoint: \(Self.quoted($0))\n" } ?? "")
            keep:    # defaults for every Space
              every: 45m    # free hardware sleeps after 48 h without a visitor
              timeout: 120s    # a start is waited for, not counted as a failure
              retry: [5s, 10s, 20s]


            """
        let spaces = entries.filter { $0.space != nil }
        let usable = spaces.filter { $0.problem == nil }
        let targets = entries.filter { $0.space == nil }
        if usable.isEmpty {
            // Those that cannot be used are told, and a key without members would be none.
            for entry in spaces { text += space(entry, &names) }
            text +=
                "# spaces:\n#   owner/name:\n#     keep: { warmth: warm, path: /health }    # hot 2m, warm 5m, cool 15m, alive 45m\n"
        } else {
            text += "spaces:\n"
            for entry in spaces { text += space(entry, &names) }
        }
        text += "\n"
        if targets.isEmpty {
            text +=
                "# targets:    # anything that is not a Space\n#   website: { url: https://example.com/health, every: 5m }\n"
        } else {
            text += "targets:    # anything that is not a Space\n"
            for entry in targets {
                guard let url = entry.url else { continue }
                let name = Self.unique(Self.name(of: url), &names)
                text +=
                    "  \(Self.quoted(name)): { url: \(Self.quoted(url))\(entry.every.map { ", every: \($0.text)" } ?? "") }\n"
            }
        }
        text += """

            # heartbeats:    # jobs that call /api/heartbeats/NAME instead of being called
            #   nightly-export: { every: 24h, grace: 30m }

            serve:
              port: ${PORT:-7860}
              # public_url: https://owner-master.hf.space    # where the world reaches this server; pinged instead of loopback
              self_ping: 2m    # or off

            """
        return text
    }

    private func space(_ entry: Entry, _ names: inout Set<String>) -> String {
        guard let id = entry.space else { return "" }
        if let problem = entry.problem {
            let shown = String(id.map { $0.isASCII && !$0.isNewline ? $0 : "?" })
            return "  # \(shown):    # \(problem)\n"
        }
        let short = id.split(separator: "/").last.map(String.init) ?? id
        let name = Self.unique(short, &names)
        // A key may be there once: the same Space twice is a Space and a further address.
        if entriesBefore(entry).contains(where: { $0.space == id }) {
            names.remove(name)
            return "  # \(id) is there already; give it a second address under its `checks`\n"
        }
        let key = namespace == nil ? id : short
        var text = "  \(Self.quoted(key)):"
        if entry.guessed { text += "    # guessed from the address: check where the owner's name ends" }
        if let note = entry.note { text += "    # \(note)" }
        text += "\n"
        var lines: [String] = []
        if name != short { lines.append("    name: \(Self.quoted(name))") }
        if let url = entry.url ?? (entry.guessed ? "https://\(SpaceName.subdomain(of: id)).hf.space" : nil) {
            lines.append("    url: \(Self.quoted(url))")
        }
        var keep: [String] = []
        if let every = entry.every { keep.append("every: \(every.text)") }
        if let path = entry.path { keep.append("path: \(Self.quoted(path))") }
        lines.append(
            keep.isEmpty
                ? "    # keep: { warmth: warm, path: /health }    # hot 2m, warm 5m, cool 15m, alive 45m"
                : "    keep: { \(keep.joined(separator: ", ")) }")
        if !entry.deploy.isEmpty { lines += ["    deploy:"] + entry.deploy.map { "      " + $0 } }
        return text + lines.joined(separator: "\n") + "\n"
    }

    private func entriesBefore(_ entry: Entry) -> ArraySlice<Entry> {
        entries[..<(entries.firstIndex(of: entry) ?? entries.startIndex)]
    }

    /// A name from an address: its host, without `www.`.
    private static func name(of url: String) -> String {
        // Addresses in a draft were parsed before.
        let host = (try? Address(url))?.host ?? "target"
        let plain = host.hasPrefix("www.") ? String(host.dropFirst(4)) : host
        let name = String(
            plain.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "." || $0 == "_") ? $0 : "-" }.prefix(90))
        let trimmed = name.drop { $0 == "-" || $0 == "." }
        return trimmed.isEmpty ? "target" : String(trimmed)
    }

    static func unique(_ name: String, _ names: inout Set<String>) -> String {
        var candidate = name
        var number = 2
        while !names.insert(candidate).inserted {
            // A name has at most 96 characters, its number included.
            candidate = "\(name.prefix(90))-\(number)"
            number += 1
        }
        return candidate
    }

    /// A scalar that YAML reads as this text, in block and in flow: quoted unless it is plainly harmless.
    static func quoted(_ text: String) -> String {
        let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "~"]
        let harmless =
            text.first.map { $0.isASCII && ($0.isLetter || $0 == "/") } ?? false
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_./".contains($0)) }
            && !words.contains(text.lowercased())
        if harmless { return text }
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "$": result += "$$"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let hex = String(scalar.value, radix: 16)
                result += "\\x" + String(repeating: "0", count: 2 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
