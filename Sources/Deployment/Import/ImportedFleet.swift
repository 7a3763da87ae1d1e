import StokerCore

/// What another tool's file says, as entries of a fleet file, and what of it could not be carried over.
///
/// Values that may be secrets are never kept: they become variables that the person sets.
package struct ImportedFleet: Sendable {
    package enum Section: String, CaseIterable, Sendable { case targets, heartbeats, maintenance, channels, notify }

    /// One key of an entry.
    package struct Field: Sendable, Equatable {
        /// `["expect", "status"]`.
        var path: [String]
        /// As it stands in the file.
        var text: String
        /// Without it the entry means nothing.
        var isNeeded = false
    }

    /// A check, a channel, a rule or a time of maintenance.
    package struct Entry: Sendable {
        package var section: Section
        /// Its name; nil in the lists `maintenance` and `notify`.
        package var key: String?
        /// What it was there, for messages: `monitor "API"`.
        package var origin: String
        var fields: [Field] = []
        /// Comments above it.
        var remarks: [String] = []
        /// Names of checks that it is about; nil for all.
        var targets: [String]?
        /// Names of channels; for rules.
        var channels: [String] = []

        mutating func set(_ path: String..., to text: String, isNeeded: Bool = false) {
            fields.removeAll { $0.path == path }
            fields.append(Field(path: path, text: text, isNeeded: isNeeded))
        }
    }

    /// Something of the other tool's file that the fleet file does not say.
    package struct LeftOut: Sendable, Equatable {
        /// `monitor "API": proxyId`
        package var what: String
        package var why: String
    }

    /// What a variable of the file stands for.
    package struct Variable: Sendable, Equatable {
        package var name: String
        package var what: String
        /// Without a value the file has a mistake; others may stay empty.
        package var isNeeded: Bool
    }

    /// As it is called to a person: `Gatus`.
    package var tool: String
    package private(set) var entries: [Entry] = []
    package private(set) var leftOut: [LeftOut] = []
    package private(set) var variables: [Variable] = []
    private var names: Set<String> = []
    private var channelNames: Set<String> = []

    init(tool: String) { self.tool = tool }

    package var checks: Int { entries.count { $0.section == .targets || $0.section == .heartbeats } }

    // MARK: Adding

    mutating func add(_ entry: Entry) { entries.append(entry) }

    mutating func leaveOut(_ what: String, _ why: String) {
        let item = LeftOut(what: Redaction.quote(what, limit: 300), why: Redaction.quote(why, limit: 500))
        if !leftOut.contains(item) { leftOut.append(item) }
    }

    /// A name of a check that the file takes and that no other one has.
    mutating func checkName(_ text: String) -> String { Self.name(text, "check", &names) }

    mutating func channelName(_ text: String) -> String { Self.name(text, "channel", &channelNames) }

    private static func name(_ text: String, _ fallback: String, _ taken: inout Set<String>) -> String {
        var name = ""
        for character in text {
            let isGood = character.isASCII && (character.isLetter || character.isNumber || "._".contains(character))
            if isGood { name.append(character) } else if name.last != "-" { name.append("-") }
        }
        name = String(name.drop { "-.".contains($0) }.prefix(90))
        while let last = name.last, "-.".contains(last) { name.removeLast() }
        return FleetDraft.unique(name.isEmpty ? fallback : name, &taken)
    }

    /// A variable in place of a value: its name in the file.
    /// - Parameters:
    ///   - hint: words that its name is made of.
    ///   - what: what it has to hold, for the person.
    mutating func variable(_ hint: String, _ what: String, isNeeded: Bool = false) -> String {
        var base = ""
        for character in hint.uppercased() {
            if character.isASCII, character.isLetter || character.isNumber {
                base.append(character)
            } else if base.last != "_", !base.isEmpty {
                base.append("_")
            }
        }
        base = String(base.prefix(60))
        while base.last == "_" { base.removeLast() }
        if base.first.map(\.isNumber) ?? true { base = "VALUE_" + base }
        var name = base
        var number = 2
        while variables.contains(where: { $0.name == name }) {
            name = "\(base)_\(number)"
            number += 1
        }
        variables.append(Variable(name: name, what: what, isNeeded: isNeeded))
        return isNeeded ? "${\(name)}" : "${\(name):-}"
    }

    /// A variable that the other tool's file names itself.
    mutating func ownVariable(_ name: String, _ what: String, isNeeded: Bool) -> String {
        if let place = variables.firstIndex(where: { $0.name == name }) {
            variables[place].isNeeded = variables[place].isNeeded || isNeeded
        } else {
            variables.append(Variable(name: name, what: what, isNeeded: isNeeded))
        }
        return isNeeded ? "${\(name)}" : "${\(name):-}"
    }

    /// Adds to the rule that tells these channels of these kinds, or begins it.
    mutating func tell(_ channels: [String], of kinds: [String], about check: String, repeating: Duration? = nil) {
        let kindsText = "[\(kinds.joined(separator: ", "))]"
        let again = repeating.map(\.text)
        if let place = entries.firstIndex(where: { entry in
            entry.section == .notify && entry.channels == channels
                && entry.fields.first { $0.path == ["on"] }?.text == kindsText
                && entry.fields.first { $0.path == ["repeat"] }?.text == again
        }) {
            entries[place].targets?.append(check)
            return
        }
        var rule = Entry(section: .notify, origin: "who is told of \(check)", targets: [check], channels: channels)
        rule.set("on", to: kindsText)
        if let again { rule.set("repeat", to: again) }
        add(rule)
    }

    // MARK: Writing

    /// A place in the written file: an entry, and which of its fields.
    package struct Place: Hashable, Sendable {
        var entry: Int
        var field: Int?
    }

    /// The file, and what stands on each of its lines, from 1.
    package func written(schemaLine: String?) -> (text: String, places: [Int: Place]) {
        var lines = [
            "# Made by `stoker import` from a file of \(tool). `stoker check-config` explains this file, docs/fleet-file.md every key."
        ]
        if let schemaLine { lines.append(schemaLine) }
        if !variables.isEmpty {
            lines.append(
                "# Values that may be secrets were not copied. Set them in the environment or in a .env file beside this one:"
            )
            for variable in variables { lines.append("#   \(variable.name)  \(Self.comment(variable.what))") }
        }
        lines += ["version: 1"]
        var places: [Int: Place] = [:]
        let checkNames = Set(entries.filter { [.targets, .heartbeats].contains($0.section) }.compactMap(\.key))
        let channelNames = Set(entries.filter { $0.section == .channels }.compactMap(\.key))
        for section in Section.allCases {
            var isFirst = true
            for (index, entry) in entries.enumerated() where entry.section == section {
                var fields = entry.fields.enumerated().map { (number: Optional($0.offset), field: $0.element) }
                if section == .notify {
                    let channels = entry.channels.filter(channelNames.contains)
                    if channels.isEmpty { continue }
                    fields.insert(
                        (nil, Field(path: ["to"], text: "[\(channels.map(\.asFleetText).joined(separator: ", "))]")),
                        at: 0)
                }
                if let targets = entry.targets {
                    let known = targets.filter(checkNames.contains)
                    if known.isEmpty { continue }
                    if Set(known).count < checkNames.count {
                        fields.append(
                            (
                                nil,
                                Field(path: ["targets"], text: "[\(known.map(\.asFleetText).joined(separator: ", "))]")
                            ))
                    }
                }
                if isFirst { lines += ["", "\(section.rawValue):"] }
                isFirst = false
                for remark in entry.remarks { lines.append("  # \(Self.comment(remark))") }
                if let key = entry.key {
                    lines.append("  \(FleetDraft.quoted(key)):")
                    places[lines.count] = Place(entry: index)
                }
                var parent: String?
                var isHead = entry.key == nil
                for (number, field) in fields {
                    if field.path.count > 1, field.path[0] != parent {
                        lines.append("    \(field.path[0]):")
                        places[lines.count] = Place(entry: index)
                    }
                    parent = field.path.count > 1 ? field.path[0] : nil
                    let margin = field.path.count > 1 ? "      " : isHead ? "  - " : "    "
                    lines.append("\(margin)\(FleetDraft.quoted(field.path[field.path.count - 1])): \(field.text)")
                    places[lines.count] = Place(entry: index, field: number)
                    isHead = false
                }
            }
        }
        if checks == 0 { lines += ["", "# targets:", "#   website: https://example.com/"] }
        if !leftOut.isEmpty {
            lines += ["", "# What could not be carried over:"]
            lines += leftOut.map { "#   \(Self.comment($0.what)): \(Self.comment($0.why))" }
        }
        return (lines.joined(separator: "\n") + "\n", places)
    }

    private static func comment(_ text: String) -> String { Redaction.quote(text, limit: 300) }

    /// Takes out what the reader of fleet files refused.
    /// - Parameter problems: the place of each, and what was said.
    /// - Returns: false when nothing could be taken out.
    package mutating func drop(_ problems: [(place: Place, text: String)]) -> Bool {
        var gone: Set<Int> = []
        var fields: [Int: Set<Int>] = [:]
        for (place, text) in problems where entries.indices.contains(place.entry) {
            let entry = entries[place.entry]
            if let field = place.field, entry.fields.indices.contains(field), !entry.fields[field].isNeeded {
                leaveOut("\(entry.origin): \(entry.fields[field].path.joined(separator: "."))", text)
                fields[place.entry, default: []].insert(field)
            } else {
                leaveOut(entry.origin, text)
                gone.insert(place.entry)
            }
        }
        guard !gone.isEmpty || !fields.isEmpty else { return false }
        for (index, numbers) in fields {
            entries[index].fields = entries[index].fields.enumerated().filter { !numbers.contains($0.offset) }.map(
                \.element)
        }
        entries = entries.enumerated().filter { !gone.contains($0.offset) }.map(\.element)
        return true
    }
}
