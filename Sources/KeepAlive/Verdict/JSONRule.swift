import NIOCore
import StokerCore

extension Expectation.JSONRule {
    /// nil when the value is there and as expected; otherwise what was expected and seen, in one line.
    func mismatch(in body: ByteBuffer, truncated: Bool = false) -> String? {
        guard let path = JSONPath(path) else { return "\(quoted(self.path)) is not a path such as $.a.b[0].c" }
        switch body.withUnsafeReadableBytes({ path.find(in: $0) }) {
        case .scalar(let seen) where seen == value: return nil
        case .scalar(let seen):
            let hint = value.hint(for: seen).map { "; \($0)" } ?? ""
            return "expected \(self.path) to be \(value.text), found \(seen.text)\(hint)"
        case .container(let kind): return "expected \(self.path) to be \(value.text), found \(kind)"
        case .missing(let step): return "expected \(self.path) to be \(value.text), but there is no \(step.text)"
        case .malformed(let offset):
            return truncated && offset >= body.readableBytes
                ? "expected \(self.path) to be \(value.text), not found in the first \(offset) bytes"
                : "expected JSON, but it is malformed at byte \(offset)"
        }
    }
}

extension JSONScalar {
    var text: String {
        switch self {
        case .string(let value): quoted(value)
        case .number(let value): value.text.utf8.count > 80 ? "\(value.text.prefix(80))…" : value.text
        case .bool(let value): value ? "true" : "false"
        case .null: "null"
        }
    }
}

extension JSONScalar {
    /// What to write where only the quotes differ, or the way in which a number is written.
    fileprivate func hint(for seen: JSONScalar) -> String? {
        switch (self, seen) {
        case (.string, .string): nil
        case (_, .string(let found)):
            text == found ? "it is text there: put the value between quotes in the fleet file" : nil
        case (.string(let wanted), .number(let found)):
            wanted == found.text || Double(wanted).map { JSONNumber("\($0)") == found } == true
                || Self.integer(wanted) == found
                ? "it is a number there: write it without quotes, as \(seen.text)" : nil
        case (.string(let wanted), _):
            wanted == seen.text ? "it is no text there: write it without quotes" : nil
        default: nil
        }
    }

    /// `0x10`, `0o17` and `0b1` as YAML readers take them.
    private static func integer(_ text: String) -> JSONNumber? {
        for (mark, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where text.hasPrefix(mark) {
            return Int(text.dropFirst(2), radix: radix).flatMap { JSONNumber("\($0)") }
        }
        return nil
    }
}

extension JSONPath.Step {
    fileprivate var text: String {
        switch self {
        case .key(let name): quoted(name)
        case .index(let index): "[\(index)]"
        }
    }
}
