internal import Yams

/// One type of value of the fleet file: how it is written, read, checked, written back and told to editors.
///
/// Reading reports what is wrong with its place; what was reported makes the whole file refused.
package struct FleetValue<Output: Sendable>: Sendable {
    /// JSON Schema of what is accepted.
    package var schema: JSONValue
    /// What is accepted, for people: `1s to 366d`. Empty where the summary says all.
    package var range: String
    /// nil after a problem, and for text that a variable left empty.
    let read: @Sendable (Value) -> Output?
    let write: @Sendable (Output) -> JSONValue

    init(
        schema: JSONValue, range: String = "", read: @escaping @Sendable (Value) -> Output?,
        write: @escaping @Sendable (Output) -> JSONValue
    ) {
        self.schema = schema
        self.range = range
        self.read = read
        self.write = write
    }

    /// The same values as another type.
    package func map<Other: Sendable>(
        _ there: @escaping @Sendable (Output) -> Other, back: @escaping @Sendable (Other) -> Output
    ) -> FleetValue<Other> {
        let (read, write) = (read, write)
        return FleetValue<Other>(
            schema: schema, range: range, read: { read($0).map(there) }, write: { write(back($0)) })
    }
}

extension FleetValue where Output == Duration {
    /// - Parameter example: what a person might write, for messages.
    package static func duration(_ range: ClosedRange<Duration>, example: String = "30s, 5m or 48h") -> Self {
        Self(
            schema: FleetSchema.duration, range: "\(range.lowerBound.text) to \(range.upperBound.text)",
            read: { $0.duration(range, example: example) }, write: { .string($0.text) })
    }
}

extension FleetValue where Output == Duration? {
    /// A duration, or `off`.
    package static func durationOrOff(_ range: ClosedRange<Duration>, example: String) -> Self {
        Self(
            schema: ["anyOf": [FleetSchema.duration, ["enum": [false, "off", "never", "false"]]]],
            range: "\(range.lowerBound.text) to \(range.upperBound.text), or `off`",
            read: { value in
                switch value.durationOrOff(range, example: example) {
                case .on(let duration): .some(.some(duration))
                case .off: .some(nil)
                case nil: nil
                }
            }, write: { $0.map { .string($0.text) } ?? "off" })
    }
}

extension FleetValue where Output == CronSchedule {
    /// A cron expression and its zone.
    package static var schedule: Self {
        Self(
            schema: FleetSchema.text, range: "`0 3 * * Mon-Fri Europe/Berlin`, `@daily`",
            read: { value in
                guard let text = value.text("a schedule such as 0 3 * * Mon-Fri Europe/Berlin") else { return nil }
                do throws(CronSchedule.Fault) {
                    return try CronSchedule(text: text.value)
                } catch {
                    value.report(
                        .value, text.substituted ? "\(text.shown) cannot be read as a schedule" : error.because)
                    return nil
                }
            }, write: { .string($0.text) })
    }
}

extension FleetValue where Output == Int {
    /// - Parameter wanted: what is expected, with an example: `a port such as 7860`.
    package static func integer(_ range: ClosedRange<Int>, _ wanted: String) -> Self {
        Self(
            schema: FleetSchema.integer(range), range: "\(range.lowerBound) to \(range.upperBound)",
            read: { $0.integer(range, wanted) }, write: { .integer(Int64($0)) })
    }
}

extension FleetValue where Output == Bool {
    package static var bool: Self { Self(schema: FleetSchema.bool, read: { $0.bool() }, write: { .bool($0) }) }
}

extension FleetValue where Output == String {
    /// Any text that is not empty; text that a variable leaves empty counts as not said.
    package static func text(_ wanted: String) -> Self {
        Self(schema: FleetSchema.text, read: { $0.optionalString(wanted) }, write: { .string($0) })
    }

    /// Text that `fault` finds nothing wrong with. Its words fit behind the text that was read.
    package static func text(
        _ wanted: String, pattern: String, fault: @escaping @Sendable (String) -> String?
    ) -> Self {
        Self(
            schema: FleetSchema.pattern(pattern),
            read: { value in
                guard let text = value.text(wanted), !text.value.isEmpty else { return nil }
                guard let because = fault(text.value) else { return text.value }
                value.report(.value, "\(text.shown) \(because)")
                return nil
            }, write: { .string($0) })
    }

    /// Any text, also an empty one.
    package static func anyText(_ wanted: String) -> Self {
        Self(schema: FleetSchema.text, read: { $0.text(wanted)?.value }, write: { .string($0) })
    }

    /// An address in the one spelling that equal addresses share; empty counts as not said.
    package static var webAddress: Self {
        Self(
            schema: FleetSchema.webAddress(orEmpty: true), range: "`https://…` or `http://…`",
            read: { value in
                value.optionalString("https://…") == nil ? nil : value.address([.http, .https])?.description
            }, write: { .string($0) })
    }
}

extension FleetValue where Output == Hours {
    /// Hours of the week with their zone.
    package static var hours: Self {
        Self(
            schema: CheckSettings.hoursSchema,
            read: { value in
                guard let text = value.text("hours such as Mon-Fri 07:00-20:00 Europe/Berlin") else { return nil }
                do throws(Hours.Fault) { return try Hours(text: text.value) } catch {
                    value.report(.value, text.substituted ? "\(text.shown) cannot be read as hours" : error.because)
                    return nil
                }
            }, write: { .string($0.text) })
    }
}

extension FleetValue where Output == Secret {
    /// Text that no message, page or export shows.
    package static func secret(_ wanted: String) -> Self {
        Self(schema: ["type": "string"], read: { $0.secret(wanted) }, write: { _ in "***" })
    }
}

extension FleetValue where Output: Equatable {
    /// One of a few words.
    package static func word(_ words: [(String, Output)]) -> Self {
        Self(
            schema: FleetSchema.words(words.map(\.0)), range: words.map { "`\($0.0)`" }.joined(separator: ", "),
            read: { $0.word(words) },
            write: { value in .string(words.first { $0.1 == value }?.0 ?? "") })
    }
}

extension FleetValue where Output: CaseIterable & RawRepresentable & Equatable, Output.RawValue == String {
    package static var word: Self { word(Output.allCases.map { ($0.rawValue, $0) }) }
}

extension FleetValue {
    /// Text that means something else. What is wrong with it is a failure whose words fit behind the text that was read.
    package static func parsed(
        _ wanted: String, pattern: String, write: @escaping @Sendable (Output) -> String,
        _ parse: @escaping @Sendable (String) -> Result<Output, FleetValueFault>
    ) -> Self {
        Self(
            schema: FleetSchema.pattern(pattern),
            read: { value in
                guard let text = value.text(wanted), !text.value.isEmpty else { return nil }
                switch parse(text.value) {
                case .success(let output): return output
                case .failure(let fault):
                    value.report(.value, "\(text.shown) \(fault.because)")
                    return nil
                }
            }, write: { .string(write($0)) })
    }

    /// A mapping is read in one way, anything else in another.
    package static func either(
        mapping: Self, otherwise: Self, writesMapping: @escaping @Sendable (Output) -> Bool
    ) -> Self {
        Self(
            schema: ["anyOf": [otherwise.schema, mapping.schema]], range: otherwise.range,
            read: { value in
                if case .mapping = value.node { return mapping.read(value) }
                return otherwise.read(value)
            }, write: { writesMapping($0) ? mapping.write($0) : otherwise.write($0) })
    }

    /// One value or a list of them.
    /// - Parameter wanted: what is expected, for messages: `tags`.
    package static func list<Item: Sendable>(
        _ item: FleetValue<Item>, _ wanted: String, limit: Int = 1_000
    ) -> Self where Output == [Item] {
        Self(
            schema: FleetSchema.oneOrMany(item.schema), range: item.range,
            read: { value in
                guard let items = value.items(wanted) else { return nil }
                guard items.count <= limit else {
                    value.report(.range, "has \(items.count) entries; at most \(limit) are read")
                    return nil
                }
                return items.compactMap { item.read($0) }
            }, write: { .array($0.map(item.write)) })
    }

    /// A mapping with the keys of a table.
    /// - Parameter initial: what holds where a key is not said.
    package static func table(_ table: FleetTable<Output>, _ initial: Output) -> Self {
        Self(
            schema: table.schema,
            read: { value in
                var settings = initial
                return table.read(value, into: &settings) ? settings : nil
            }, write: { table.written($0, besides: initial) })
    }

    /// A mapping from names that a person chooses to values.
    /// - Parameter fault: what is wrong with a name, in words that fit behind it; nil for nothing.
    package static func named<Item: Sendable>(
        _ item: FleetValue<Item>, fault: @escaping @Sendable (String) -> String? = { _ in nil }
    ) -> Self where Output == [FleetNamed<Item>] {
        Self(
            schema: ["type": ["object", "null"], "additionalProperties": item.schema],
            read: { value in
                value.section(nil)?.entries.compactMap { entry in
                    if let because = fault(entry.key) {
                        entry.value.report(.value, "\"\(entry.key.prefix(60))\" \(because)")
                        return nil
                    }
                    return item.read(entry.value).map { FleetNamed(name: entry.key, value: $0) }
                }
            }, write: { .object($0.map { .init($0.name, item.write($0.value)) }) })
    }
}

/// What is wrong with a text, in words that fit behind it.
package struct FleetValueFault: Error, Sendable {
    package var because: String
    package init(_ because: String) { self.because = because }
}

/// A value under a name of the file.
package struct FleetNamed<Value: Sendable>: Sendable {
    package var name: String
    package var value: Value
    package init(name: String, value: Value) {
        self.name = name
        self.value = value
    }
}

extension FleetNamed: Equatable where Value: Equatable {}
