/// One section of the fleet file: a key at its top, what it is read into, and how that is told.
///
/// A room that needs settings declares one and reads it from the fleet: `fleet[MailSection.section]`. The list of all is put together where
/// everything is known, and handed to ``FleetFile``.
package struct FleetSection<Settings: Sendable & Equatable>: Sendable {
    package let name: String
    /// For editors; ends with a period.
    package let summary: String
    package let initial: Settings
    let value: FleetValue<Settings>
    package let table: FleetTable<Settings>?
    fileprivate var place: (any WritableKeyPath<Fleet, Settings> & Sendable)?
    fileprivate let groups: [FleetKeyGroup]
    /// See ``checking(_:)``.
    fileprivate var check: (@Sendable (Settings, Fleet, FleetReferenceReport) -> Void)?

    /// A section that is a mapping with known keys.
    /// - Parameters:
    ///   - groups: the keys of mappings inside it.
    package init(
        _ name: String, _ summary: String, _ table: FleetTable<Settings>, initial: Settings,
        groups: [FleetKeyGroup] = []
    ) {
        self.name = name
        self.summary = summary
        self.initial = initial
        self.table = table
        self.groups =
            [FleetKeyGroup(name, table.rows, document: "\(name): { % }", schemaPath: ["properties", name])] + groups
        value = .table(table, initial)
        place = nil
    }

    /// A section of another shape, such as a list, or a mapping from names.
    package init(
        _ name: String, _ summary: String, _ value: FleetValue<Settings>, initial: Settings,
        groups: [FleetKeyGroup] = []
    ) {
        self.name = name
        self.summary = summary
        self.initial = initial
        self.value = value
        self.groups = groups
        table = nil
        place = nil
    }

    /// - Parameter place: where the fleet has it, for sections that several rooms need.
    init(
        _ name: String, _ summary: String, _ table: FleetTable<Settings>, initial: Settings,
        at place: any WritableKeyPath<Fleet, Settings> & Sendable, groups: [FleetKeyGroup] = []
    ) {
        self.init(name, summary, table, initial: initial, groups: groups)
        self.place = place
    }

    /// The same section, which looks at what it refers to when all of the file is read.
    package func checking(
        _ check: @escaping @Sendable (Settings, Fleet, FleetReferenceReport) -> Void
    ) -> FleetSection {
        var section = self
        section.check = check
        return section
    }
}

extension Fleet {
    /// What the file says in a section; its initial settings when it says nothing.
    package subscript<Settings>(_ section: FleetSection<Settings>) -> Settings {
        get {
            if let place = section.place { return self[keyPath: place] }
            return (sections.values[section.name] as? Settings) ?? section.initial
        }
        set {
            if let place = section.place {
                self[keyPath: place] = newValue
            } else {
                sections.values[section.name] = newValue
            }
        }
    }

    /// Settings of sections that only their rooms know, by name.
    package struct SectionValues: Sendable, Equatable {
        fileprivate var values: [String: any Sendable & Equatable] = [:]
        package init() {}

        func ofSpaces<Settings>(_ name: String) -> [SpaceSettings<Settings>] {
            (values["spaces." + name] as? [SpaceSettings<Settings>]) ?? []
        }

        /// None at all is as if no file had been read.
        mutating func setOfSpaces<Settings>(_ name: String, to all: [SpaceSettings<Settings>]) {
            values["spaces." + name] = all.isEmpty ? nil : all
        }

        package static func == (a: Self, b: Self) -> Bool {
            func equal<One: Equatable>(_ one: One, _ other: any Equatable) -> Bool { one == other as? One }
            return a.values.count == b.values.count
                && a.values.allSatisfy { name, value in b.values[name].map { equal(value, $0) } ?? false }
        }
    }
}

/// Keys of one mapping of the file, for the docs and for the test that tries each.
package struct FleetKeyGroup: Sendable {
    /// `hub.discover`
    package let name: String
    package let rows: [FleetKeyRow]
    /// A fleet file with `%` in the place of one `key: value`.
    package let document: String
    /// Where the schema has the mapping.
    package let schemaPath: [String]

    package init(_ name: String, _ rows: [FleetKeyRow], document: String, schemaPath: [String]) {
        self.name = name
        self.rows = rows
        self.document = document
        self.schemaPath = schemaPath
    }

    /// A table of Markdown.
    /// - Parameter shared: keys that another table tells.
    package func table(without shared: Set<String> = []) -> String {
        let rows = rows.filter { !shared.contains($0.name) }
        let hasRange = rows.contains { !$0.range.isEmpty }
        var lines = ["| key | default | \(hasRange ? "written | " : "")|", "|---|---|\(hasRange ? "---|" : "")---|"]
        for row in rows {
            let since = row.since.map { " Since \($0)." } ?? ""
            let defaultValue = row.defaultValue ?? "none"
            lines.append(
                "| `\(row.name)` | \(defaultValue) | \(hasRange ? "\(row.range) | " : "")\(row.summary)\(since)\(row.needsRestart ? " \(Self.restart)" : "") |"
            )
        }
        return lines.joined(separator: "\n") + "\n"
    }

    static let restart = "Needs a restart."
}

/// All sections that a fleet file may have.
package struct FleetSections: Sendable {
    /// A section without its type.
    struct Entry: Sendable {
        var name: String
        var schema: JSONValue
        var groups: [FleetKeyGroup]
        /// nil where ``CheckReader`` reads it.
        var read: (@Sendable (Value, inout Fleet) -> Void)?
        /// Looks at what it refers to, when everything else is read.
        var check: (@Sendable (Fleet, FleetReferenceReport) -> Void)?
        var restarts: @Sendable (_ old: Fleet, _ new: Fleet) -> [String]
        var hasChanged: @Sendable (_ old: Fleet, _ new: Fleet) -> Bool
        var written: @Sendable (Fleet) -> JSONValue?
        /// Each key with its value; empty where the section is no mapping with known keys.
        var settings: @Sendable (Fleet) -> [FleetSetting] = { _ in [] }
    }
    private(set) var entries: [Entry]
    /// Keys that rooms add below `spaces.NAME`.
    let spaceEntries: [SpaceEntry]
    let keys: FleetKeys
    /// Of a Space.
    let spaceKeys: FleetKeys

    init(entries: [Entry], spaceEntries: [SpaceEntry] = []) {
        self.entries = entries
        self.spaceEntries = spaceEntries
        spaceKeys = FleetKeys(
            CheckSections.space.map(\.name) + spaceEntries.map(\.row.name), unsupported: FleetKeys.unsupportedOfSpaces)
        keys = FleetKeys(["version"] + entries.map(\.name), isTop: true)
    }

    /// None: for files that are written as a fleet file is, and say something else.
    package static let none = FleetSections(entries: [])

    /// These and one more.
    package func adding<Settings>(_ section: FleetSection<Settings>) -> FleetSections {
        FleetSections(entries: entries + [Entry(section)], spaceEntries: spaceEntries)
    }

    /// These, and one more key below `spaces.NAME`.
    package func adding<Settings>(_ section: SpaceSection<Settings>) -> FleetSections {
        FleetSections(entries: entries, spaceEntries: spaceEntries + [SpaceEntry(section)])
    }

    package var names: [String] { entries.map(\.name) }
    package var groups: [FleetKeyGroup] {
        entries.flatMap(\.groups).map { group in
            guard group.name == "spaces" else { return group }
            return FleetKeyGroup(
                group.name, group.rows + spaceEntries.map(\.row), document: group.document,
                schemaPath: group.schemaPath)
        } + spaceEntries.flatMap(\.groups)
    }

    /// Keys whose change from one fleet to the next holds only after a restart: `serve.port`.
    package func restarts(from old: Fleet, to new: Fleet) -> [String] { entries.flatMap { $0.restarts(old, new) } }

    /// Sections that say something else now.
    package func changes(from old: Fleet, to new: Fleet) -> [String] {
        let changed = entries.filter { $0.hasChanged(old, new) }.map(\.name)
        let ofSpaces = spaceEntries.filter { $0.hasChanged(old, new) }.map(\.row.name)
        return changed + ofSpaces.filter { !changed.contains($0) }
    }

    /// The sections as a file would have to say them, without what is said by default. Secrets are `***`.
    package func written(_ fleet: Fleet) -> JSONValue {
        .object(
            entries.compactMap { entry in
                guard let value = entry.written(fleet), value.members?.isEmpty != true, value.array?.isEmpty != true
                else {
                    return nil
                }
                return .init(entry.name, value)
            })
    }
}

extension FleetSections.Entry {
    init<Settings>(_ section: FleetSection<Settings>) {
        let value = section.value
        var check: (@Sendable (Fleet, FleetReferenceReport) -> Void)?
        if let own = section.check { check = { fleet, report in own(fleet[section], fleet, report) } }
        self.init(
            name: section.name,
            schema: FleetSchema.described(section.summary, value.schema),
            groups: section.groups,
            read: { node, fleet in
                // Some settings come from the environment before the file is read: they are what the file adds to.
                if let table = section.table {
                    table.read(node, into: &fleet[section])
                } else if let read = value.read(node) {
                    fleet[section] = read
                }
            },
            check: check,
            restarts: { old, new in
                section.table?.changes(from: old[section], to: new[section]).filter(\.needsRestart)
                    .map { "\(section.name).\($0.name)" } ?? []
            },
            hasChanged: { $0[section] != $1[section] },
            written: { fleet in
                section.table.map { $0.written(fleet[section], besides: section.initial) }
                    ?? value.write(fleet[section])
            },
            settings: { fleet in
                (section.table?.keys ?? []).map { key in
                    let differs = key.differs(fleet[section], section.initial)
                    return FleetSetting(
                        path: "\(section.name).\(key.row.name)", value: key.write(fleet[section]),
                        differs: differs, defaultValue: key.row.defaultValue, summary: key.row.summary,
                        isSecret: key.row.isSecret, needsRestart: key.row.needsRestart)
                }
            })
    }
}
