internal import Yams

/// A key below `spaces.NAME` that a room adds: what it is read into, and how that is told.
///
/// The room reads all of them from the fleet, in the order of the file: `fleet[DeploySection.ofSpaces]`.
package struct SpaceSection<Settings: Sendable & Equatable>: Sendable {
    package let name: String
    package let table: FleetTable<Settings>
    fileprivate let row: FleetKeyRow
    /// What holds where a Space's own key says nothing.
    fileprivate let initial: @Sendable (Fleet) -> Settings
    fileprivate let groups: [FleetKeyGroup]

    /// - Parameters:
    ///   - summary: for editors and documents; ends with a period.
    ///   - groups: the keys of mappings inside it.
    package init(
        _ name: String, _ summary: String, _ table: FleetTable<Settings>, example: String, invalidExamples: [String],
        groups: [FleetKeyGroup] = [], initial: @escaping @Sendable (Fleet) -> Settings
    ) {
        self.name = name
        self.table = table
        self.initial = initial
        row = FleetKeyRow(name, summary, example: example, invalidExamples: invalidExamples, schema: table.schema)
        self.groups =
            [
                FleetKeyGroup(
                    "spaces.\(name)", table.rows, document: "spaces: { a/b: { \(name): { % } } }",
                    schemaPath: ["$defs", "space", "properties", name])
            ] + groups
    }
}

/// What a Space says in such a key, and where.
package struct SpaceSettings<Settings: Sendable & Equatable>: Sendable, Equatable {
    /// Its name in the fleet.
    package var target: String
    /// `owner/name`
    package var space: String
    /// Place in the document, such as `spaces.backend.deploy`, and from 1.
    package var path: String
    package var line: Int
    package var column: Int
    package var settings: Settings
}

extension SpaceSettings {
    /// For problems with all of it.
    package var reference: FleetReference { FleetReference(target, line: line, column: column, path: path) }
}

extension Fleet {
    /// What the Spaces that have the key say in it, in the order of the file.
    package subscript<Settings>(_ section: SpaceSection<Settings>) -> [SpaceSettings<Settings>] {
        sections.ofSpaces(section.name)
    }
}

/// A Space of the file on its way to the keys that rooms add.
struct ReadSpace {
    var name: String
    var id: String
    var section: Section
}

extension FleetSections {
    /// A key of Spaces without its type.
    struct SpaceEntry: Sendable {
        var row: FleetKeyRow
        var groups: [FleetKeyGroup]
        var read: @Sendable ([ReadSpace], inout Fleet) -> Void
        var hasChanged: @Sendable (_ old: Fleet, _ new: Fleet) -> Bool

        init<Settings>(_ section: SpaceSection<Settings>) {
            row = section.row
            groups = section.groups
            read = { spaces, fleet in
                var all: [SpaceSettings<Settings>] = []
                let initial = section.initial(fleet)
                for space in spaces {
                    guard let value = space.section[section.name] else { continue }
                    var settings = initial
                    guard section.table.read(value, into: &settings) else { continue }
                    all.append(
                        SpaceSettings(
                            target: space.name, space: space.id, path: value.place.description, line: value.mark.line,
                            column: value.mark.column, settings: settings))
                }
                fleet.sections.setOfSpaces(section.name, to: all)
            }
            hasChanged = { $0[section] != $1[section] }
        }
    }
}

extension Value {
    /// A member of a mapping; nil without one, and of what is no mapping.
    func member(_ key: String) -> Value? {
        guard case .mapping = node else { return nil }
        return section(nil)?[key]
    }
}
