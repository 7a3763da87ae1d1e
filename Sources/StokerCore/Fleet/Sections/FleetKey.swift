/// What is known of a key of the fleet file besides how it is read: the schema, the page of the docs and the hints come from it.
package struct FleetKeyRow: Sendable {
    package let name: String
    /// What it is for; Markdown, ends with a period.
    package let summary: String
    /// What holds when it is not said, as a person would write it; nil for nothing.
    package let defaultValue: String?
    /// What is accepted, for people.
    package let range: String
    /// The version that has it first; nil: it was always there.
    package let since: String?
    /// A value that is accepted, and values that are refused, as YAML in a flow mapping. Tests try them.
    package let example: String
    package let invalidExamples: [String]
    /// Its value is never shown.
    package let isSecret: Bool
    /// A changed value holds only after a restart.
    package let needsRestart: Bool
    /// Of its values, without the description.
    let valueSchema: JSONValue

    /// - Parameter schema: of its values.
    package init(
        _ name: String, _ summary: String, defaultValue: String? = nil, range: String = "", since: String? = nil,
        example: String, invalidExamples: [String], isSecret: Bool = false, needsRestart: Bool = false,
        schema: JSONValue
    ) {
        self.name = name
        self.summary = summary
        self.defaultValue = defaultValue
        self.range = range
        self.since = since
        self.example = example
        self.invalidExamples = invalidExamples
        self.isSecret = isSecret
        self.needsRestart = needsRestart
        valueSchema = schema
    }

    /// The same key where the schema can say more of its values.
    func with(schema: JSONValue) -> FleetKeyRow {
        FleetKeyRow(
            name, summary, defaultValue: defaultValue, range: range, since: since, example: example,
            invalidExamples: invalidExamples,
            isSecret: isSecret, needsRestart: needsRestart, schema: schema)
    }

    /// JSON Schema of the value, with the description that editors show. A reference stands alone.
    package var schema: JSONValue {
        if valueSchema["$ref"] != nil { return valueSchema }
        var text = summary
        if !range.isEmpty { text += " Written: \(range)." }
        if let defaultValue { text += " Default \(defaultValue)." }
        return FleetSchema.described(text.replacing("`", with: ""), valueSchema)
    }
}

/// One key of a section: read into `Settings`, and written back.
package struct FleetKey<Settings: Sendable>: Sendable {
    package let row: FleetKeyRow
    let read: @Sendable (Value, inout Settings) -> Void
    /// nil: there is nothing to write.
    let write: @Sendable (Settings) -> JSONValue?
    let differs: @Sendable (Settings, Settings) -> Bool
    /// Puts the key's value of other settings into these.
    let take: @Sendable (inout Settings, Settings) -> Void

    /// For what no type of value describes.
    init(
        _ row: FleetKeyRow, read: @escaping @Sendable (Value, inout Settings) -> Void,
        write: @escaping @Sendable (Settings) -> JSONValue? = { _ in nil },
        differs: @escaping @Sendable (Settings, Settings) -> Bool = { _, _ in false },
        take: @escaping @Sendable (inout Settings, Settings) -> Void = { _, _ in }
    ) {
        self.row = row
        self.read = read
        self.write = write
        self.differs = differs
        self.take = take
    }

    /// - Parameters:
    ///   - summary: what it is for; Markdown, ends with a period.
    ///   - defaultValue: what holds when it is not said, as a person would write it.
    ///   - example: a value that is accepted, as YAML in a flow mapping.
    ///   - invalidExamples: values that are refused.
    ///   - needsRestart: a changed value holds only after a restart.
    package init<Output: Equatable>(
        _ name: String, _ type: FleetValue<Output>, _ path: any WritableKeyPath<Settings, Output> & Sendable,
        _ summary: String, defaultValue: String? = nil, range: String? = nil, since: String? = nil, example: String,
        invalidExamples: [String], isSecret: Bool = false, needsRestart: Bool = false
    ) {
        self.init(
            FleetKeyRow(
                name, summary, defaultValue: defaultValue, range: range ?? type.range, since: since, example: example,
                invalidExamples: invalidExamples, isSecret: isSecret, needsRestart: needsRestart, schema: type.schema),
            read: { value, settings in
                if let read = type.read(value) { settings[keyPath: path] = read }
            },
            write: { type.write($0[keyPath: path]) }, differs: { $0[keyPath: path] != $1[keyPath: path] },
            take: { $0[keyPath: path] = $1[keyPath: path] })
    }

    /// For a setting that may be absent: said but empty makes it so.
    package init<Output: Equatable>(
        _ name: String, _ type: FleetValue<Output>, _ path: any WritableKeyPath<Settings, Output?> & Sendable,
        _ summary: String, defaultValue: String? = nil, range: String? = nil, since: String? = nil, example: String,
        invalidExamples: [String], isSecret: Bool = false, needsRestart: Bool = false
    ) {
        self.init(
            FleetKeyRow(
                name, summary, defaultValue: defaultValue, range: range ?? type.range, since: since, example: example,
                invalidExamples: invalidExamples, isSecret: isSecret, needsRestart: needsRestart, schema: type.schema),
            read: { value, settings in settings[keyPath: path] = type.read(value) },
            write: { $0[keyPath: path].map(type.write) }, differs: { $0[keyPath: path] != $1[keyPath: path] },
            take: { $0[keyPath: path] = $1[keyPath: path] })
    }
}

extension FleetKey {
    /// The same key for what holds such settings among others.
    package func of<Owner>(_ path: any WritableKeyPath<Owner, Settings> & Sendable) -> FleetKey<Owner> {
        let (read, write, differs, take) = (read, write, differs, take)
        return FleetKey<Owner>(
            row, read: { read($0, &$1[keyPath: path]) }, write: { write($0[keyPath: path]) },
            differs: { differs($0[keyPath: path], $1[keyPath: path]) },
            take: { take(&$0[keyPath: path], $1[keyPath: path]) })
    }
}

/// The keys of a mapping, in the order in which they are read and a person would write them.
package struct FleetTable<Settings: Sendable>: Sendable {
    package let keys: [FleetKey<Settings>]
    /// What the schema says besides its properties.
    let schemaBesides: [JSONValue.Member]
    /// Other spellings of its keys, and what they stand for.
    let aliases: [String: String]
    private let names: FleetKeys
    private let finish: @Sendable (inout Settings, FleetTableReport) -> Void

    /// - Parameters:
    ///   - unsupported: keys of capabilities that are not built yet, see ``FleetKeys``.
    ///   - aliases: other spellings of keys, and what they stand for.
    ///   - schemaBesides: members of the schema besides its properties.
    ///   - finish: settles what follows from several keys together, and reports what is wrong with them.
    package init(
        _ keys: [FleetKey<Settings>], unsupported: [String] = [], aliases: [String: String] = [:],
        schemaBesides: [JSONValue.Member] = [],
        finish: @escaping @Sendable (inout Settings, FleetTableReport) -> Void = { _, _ in }
    ) {
        self.keys = keys
        self.schemaBesides = schemaBesides
        self.finish = finish
        self.aliases = aliases
        names = FleetKeys(keys.map(\.row.name), unsupported: unsupported, aliases: aliases)
    }

    package var rows: [FleetKeyRow] { keys.map(\.row) }
    package var schema: JSONValue { FleetSchema.object(rows, besides: schemaBesides) }

    /// - Returns: false when the value is no mapping, which is reported.
    @discardableResult
    func read(_ value: Value, into settings: inout Settings) -> Bool {
        guard let section = value.section(names) else { return false }
        read(section, into: &settings)
        return true
    }

    /// Reads what the mapping has of these keys; others are somebody else's.
    func read(_ section: Section, into settings: inout Settings) {
        guard !section.entries.isEmpty else { return }
        for key in keys { if let value = section[key.row.name] { key.read(value, &settings) } }
        finish(&settings, FleetTableReport(section: section))
    }

    /// What the mapping would have to say to make these settings out of the initial ones. Secrets are `***`.
    package func written(_ settings: Settings, besides initial: Settings) -> JSONValue {
        .object(
            keys.compactMap { key in
                guard key.differs(settings, initial) else { return nil }
                return key.write(settings).map { .init(key.row.name, $0) }
            })
    }

    /// The keys whose values differ.
    package func changes(from old: Settings, to new: Settings) -> [FleetKeyRow] {
        keys.filter { $0.differs(old, new) }.map(\.row)
    }

    /// What a restart is needed for and what is as it was written at the start keeps the value in force: the command line and the
    /// environment may have said it.
    package func keep(_ inForce: Settings, in settings: inout Settings, writtenAtStart written: Settings) {
        for key in keys where key.row.needsRestart && !key.differs(settings, written) { key.take(&settings, inForce) }
    }
}

/// Where ``FleetTable`` lets a section tell what is wrong with several keys together.
package struct FleetTableReport {
    let section: Section

    package func has(_ key: String) -> Bool { section.has(key) }

    /// - Parameter key: where; nil for the whole mapping.
    package func report(_ rule: Problem.Rule, _ text: String, at key: String? = nil) {
        section.report(rule, text, at: key)
    }
}
