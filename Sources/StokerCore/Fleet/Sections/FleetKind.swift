/// One of several kinds of a thing, recognised by the key that has its name: `{ discord: …, username: … }`.
package struct FleetKind<Output: Sendable>: Sendable {
    package let name: String
    package let rows: [FleetKeyRow]
    let schema: JSONValue
    let read: @Sendable (Section) -> Output
    /// nil: it is of another kind.
    let write: @Sendable (Output) -> JSONValue?

    /// - Parameters:
    ///   - table: its keys, that with the kind's name among them.
    ///   - settings: what it was made of; nil for another kind.
    package init<Settings: Sendable>(
        _ name: String, _ table: FleetTable<Settings>, initial: Settings,
        make: @escaping @Sendable (Settings) -> Output, settings: @escaping @Sendable (Output) -> Settings?
    ) {
        self.name = name
        rows = table.rows
        schema = FleetSchema.object(table.rows, mayBeEmpty: false, besides: [.init("required", [.string(name)])])
        read = { section in
            var settings = initial
            table.read(section, into: &settings)
            return make(settings)
        }
        write = { output in settings(output).map { table.written($0, besides: initial) } }
    }
}

extension FleetValue {
    /// A mapping of one of several kinds.
    /// - Parameter what: for messages: `a channel`.
    package static func kinds(_ kinds: [FleetKind<Output>], _ what: String) -> Self {
        Self(
            schema: ["anyOf": .array(kinds.map(\.schema))],
            read: { value in
                guard let section = value.section(nil) else { return nil }
                guard let kind = Self.kind(of: section, among: kinds, what) else { return nil }
                guard value.section(FleetKeys(kind.rows.map(\.name))) != nil else { return nil }
                return kind.read(section)
            }, write: { output in kinds.lazy.compactMap { $0.write(output) }.first ?? .null })
    }

    /// A mapping with the keys of a table, and those of one of several kinds beside them.
    /// - Parameter place: where the thing of that kind goes; it stays nil where the mapping names none.
    package static func table<Item: Sendable>(
        _ table: FleetTable<Output>, _ initial: Output, or kinds: [FleetKind<Item>], _ what: String,
        at place: any WritableKeyPath<Output, Item?> & Sendable
    ) -> Self {
        let own = FleetSchema.object(table.rows, mayBeEmpty: false)
        let withKind = kinds.map { kind in
            FleetSchema.object(
                table.rows + kind.rows, mayBeEmpty: false, besides: [.init("required", [.string(kind.name)])])
        }
        return Self(
            schema: ["anyOf": .array([own] + withKind)],
            read: { value in
                guard let said = value.section(nil) else { return nil }
                var rows = table.rows
                var kind: FleetKind<Item>?
                if kinds.contains(where: { said.has($0.name) }) {
                    guard let found = FleetValue<Item>.kind(of: said, among: kinds, what) else { return nil }
                    rows += found.rows
                    kind = found
                }
                guard let section = value.section(FleetKeys(rows.map(\.name), aliases: table.aliases)) else {
                    return nil
                }
                var output = initial
                // First, so that the table's own end knows of it.
                if let kind { output[keyPath: place] = kind.read(section) }
                table.read(section, into: &output)
                return output
            },
            write: { output in
                let own = table.written(output, besides: initial)
                guard let item = output[keyPath: place], let more = kinds.lazy.compactMap({ $0.write(item) }).first
                else { return own }
                return .object((more.members ?? []) + (own.members ?? []))
            })
    }

    fileprivate static func kind(
        of section: Section, among kinds: [FleetKind<Output>], _ what: String
    ) -> FleetKind<Output>? {
        let found = kinds.filter { section.has($0.name) }
        if found.count == 1 { return found[0] }
        let names = kinds.map(\.name).joined(separator: ", ")
        if let second = found.dropFirst().first {
            section.report(
                .conflict, "is \(what) of two kinds, \(found[0].name) and \(second.name); give each a name of its own",
                at: second.name)
            return nil
        }
        let nearest = section.entries.lazy.compactMap { ClosestMatch.of($0.key, among: kinds.map(\.name)) }.first
        section.report(
            .missing,
            "does not say which kind of \(what.split(separator: " ").last ?? "") it is"
                + (nearest.map { "; did you mean `\($0)`?" } ?? "; it has one of the keys \(names)"))
        return nil
    }
}

/// A name that stands for something that is said elsewhere in the file; whether it is there is asked when all of the file is read.
package struct FleetReference: Sendable, Equatable {
    package var name: String
    /// Where it is said, from 1.
    package private(set) var line: Int
    package private(set) var column: Int
    /// Place in the document.
    package private(set) var path: String

    /// One that is said in no file.
    package init(_ name: String) {
        self.name = name
        (line, column, path) = (1, 1, "")
    }

    init(_ name: String, line: Int, column: Int, path: String) {
        self.name = name
        (self.line, self.column, self.path) = (line, column, path)
    }

    fileprivate init(_ name: String, at value: Value) {
        self.name = name
        (line, column, path) = (value.mark.line, value.mark.column, value.place.description)
    }

    package static func == (a: Self, b: Self) -> Bool { a.name == b.name }
}

extension FleetValue where Output == FleetReference {
    /// - Parameter wanted: what is expected, with an example.
    package static func reference(_ wanted: String) -> Self {
        Self(
            schema: FleetSchema.text,
            read: { value in value.string(wanted).map { FleetReference($0, at: value) } }, write: { .string($0.name) })
    }
}

/// Where a section tells what is wrong with names that it refers to.
package struct FleetReferenceReport {
    let reading: FleetReading

    package func report(_ rule: Problem.Rule, _ text: String, at reference: FleetReference) {
        reading.report(
            rule, text, at: SourcePosition(line: reference.line, column: reference.column),
            in: DocumentPath(.root, path: reference.path))
    }

    package func advise(_ text: String, at reference: FleetReference) {
        reading.advise(
            text, at: SourcePosition(line: reference.line, column: reference.column),
            in: DocumentPath(.root, path: reference.path))
    }

    /// Groups and targets that a section names have to be in the fleet.
    package func check(groups: [FleetReference], targets: [FleetReference], in fleet: Fleet) {
        let isClosed = fleet.hub.discovery == nil
        let known = Set(fleet.checks.map(\.groupLabel))
        for one in groups where !known.contains(one.name) {
            absent(one, "a group", among: Array(known), isClosed: isClosed)
        }
        let names = Set(fleet.checks.flatMap { [$0.name, $0.target] })
        for one in targets where !names.contains(one.name) {
            absent(one, "a check or target", among: Array(names), isClosed: isClosed)
        }
    }

    /// What the file does not have is a mistake only where no Space joins the fleet by discovery.
    /// - Parameter isClosed: none does.
    func absent(_ reference: FleetReference, _ what: String, among known: [String], isClosed: Bool) {
        guard !isClosed else { return unknown(reference, what, among: known) }
        advise("\(reference.name) is not in this file: it holds if discovery brings it", at: reference)
    }

    /// A name that is not there, with the nearest that is.
    package func unknown(_ reference: FleetReference, _ what: String, among known: [String]) {
        let nearest = ClosestMatch.of(reference.name, among: known)
        let hint =
            nearest.map { "did you mean `\($0)`?" }
            ?? (known.isEmpty
                ? "there is none in this file" : "there are \(known.sorted().prefix(12).joined(separator: ", "))")
        report(.value, "\"\(reference.name.prefix(60))\" is not \(what) of this file; \(hint)", at: reference)
    }
}
