import NIOCore
import StokerCore

extension Expectation.JSONRule {
    /// nil when the value is there and as expected; otherwise what was expected and seen, in one line.
    func mismatch(in body: ByteBuffer, truncated: Bool = false) -> String? {
        guard let path = JSONPath(path) else { return "\(quoted(self.path)) is not a path such as $.a.b[0].c" }
        switch body.withUnsafeReadableBytes({ path.find(in: $0) }) {
        case .scalar(let seen) where seen == value: return nil
        case .scalar(let seen):
            let hint = value.isLike(seen) ? "; it is text there: put the value between quotes in the fleet file" : ""
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
    /// Whether only the quotes differ: a number or word is expected, and the answer has it as text.
    fileprivate func isLike(_ seen: JSONScalar) -> Bool {
        guard case .string(let seen) = seen else { return false }
        if case .string = self { return false }
        return text == seen
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
