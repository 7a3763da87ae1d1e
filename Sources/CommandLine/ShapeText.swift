import Operations
import StokerCore

/// An answer for people, by the shape that its operation declares: fields one a line, lists of objects as tables.
struct ShapeText {
    let screen: Terminal
    /// Deeper answers are shown as JSON.
    private static let maxDepth = 4

    init(_ screen: Terminal) { self.screen = screen }

    func text(_ answer: JSONValue, _ shape: Shape) -> String { text(answer, shape, depth: 0) }

    private func text(_ answer: JSONValue, _ shape: Shape, depth: Int) -> String {
        let margin = String(repeating: " ", count: depth * 2)
        let given = shape.fields.compactMap { field in answer[field.name].map { (field, $0) } }
        let plain = given.filter { Self.isPlain($0.0.type) && !$0.1.isNull && $0.0.name != "next_cursor" }
        let width = plain.map(\.0.name.count).max() ?? 0
        var text = ""
        for (field, value) in plain {
            let shown = Self.word(value, field.type)
            let name = field.name.padding(to: width)
            if shown.contains("\n") {
                text += "\(margin)\(screen.paint(field.name, .dim))\n\(Self.block(shown))"
            } else {
                text += "\(margin)\(screen.paint(name, .dim))  \(shown.printable)\n"
            }
        }
        for (field, value) in given where !Self.isPlain(field.type) && !value.isNull {
            text += (text.isEmpty ? "" : "\n") + part(value, field, margin, depth)
        }
        if let cursor = answer["next_cursor"]?.string {
            text += screen.paint("\(margin)more with cursor=\(cursor.printable)\n", .dim)
        }
        return text
    }

    private func part(_ value: JSONValue, _ field: Shape.Field, _ margin: String, _ depth: Int) -> String {
        let title = "\(margin)\(screen.paint(field.name, .bold))\n"
        switch field.type {
        case .shape(let inner) where depth < Self.maxDepth: return title + text(value, inner, depth: depth + 1)
        case .list(.shape(let inner)):
            guard let items = value.array, !items.isEmpty else { return "\(margin)\(field.name): none\n" }
            return (field.name == "items" ? "" : title) + table(items, inner, indent: depth * 2)
        case .table(let inner) where Self.isPlain(inner):
            return title
                + (value.members ?? []).map {
                    "\(margin)  \($0.name.printable): \(Self.word($0.value, inner).printable)\n"
                }.joined()
        default: return title + Self.block(value.prettyText)
        }
    }

    /// A column for each plain field that any of the items has.
    private func table(_ items: [JSONValue], _ shape: Shape, indent: Int) -> String {
        let columns = shape.fields.filter { field in
            Self.isPlain(field.type) && items.contains { $0[field.name]?.isNull == false }
        }
        return TextTable(
            columns: columns.map {
                .init(
                    title: $0.name.uppercased().replacing("_", with: " "), isRight: $0.type.isNumber,
                    shrinksTo: $0.type.isLong ? 16 : nil)
            },
            rows: items.map { item in
                columns.map { field in
                    .init(item[field.name].flatMap { $0.isNull ? nil : Self.word($0, field.type) } ?? "–")
                }
            }, indent: indent
        ).text(for: screen.look)
    }

    /// Fits on a line.
    private static func isPlain(_ type: Shape.FieldType) -> Bool {
        switch type {
        case .text, .instant, .integer, .number, .flag, .choice: true
        case .list(let inner): isPlain(inner)
        case .shape, .table, .any: false
        }
    }

    private static func word(_ value: JSONValue, _ type: Shape.FieldType) -> String {
        switch (value, type) {
        case (.string, .instant): OutputFormatting.time(value)
        case (.string(let text), _): text
        case (.bool(let flag), _): flag ? "yes" : "no"
        case (.array(let items), .list(let inner)): items.map { word($0, inner) }.joined(separator: ", ")
        default: value.text
        }
    }

    /// Text of several lines as it is, without what a terminal would obey.
    private static func block(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0).printable }.joined(
            separator: "\n")
            + (text.hasSuffix("\n") ? "" : "\n")
    }
}

extension Shape.FieldType {
    fileprivate var isNumber: Bool {
        switch self {
        case .integer, .number: true
        default: false
        }
    }
    fileprivate var isLong: Bool {
        switch self {
        case .text, .list: true
        default: false
        }
    }
}

extension String {
    fileprivate func padding(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
