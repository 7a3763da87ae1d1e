import Foundation
import Operations
import StokerCore
import Testing

/// Keeps docs/api.md true. With `STOKER_WRITE_DOCS=1` it is written anew.
@Suite struct ReferenceTests {
    static let mark = "<!-- made from the list of operations; a test compares it -->\n"

    @Test func theReferencePageSaysWhatTheListSays() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/api.md")
            .standardizedFileURL
        let page = try String(contentsOf: file, encoding: .utf8)
        let place = try #require(page.range(of: Self.mark))
        let expected = String(page[..<place.upperBound]) + Self.reference
        if ProcessInfo.processInfo.environment["STOKER_WRITE_DOCS"] == "1" {
            try expected.write(to: file, atomically: true, encoding: .utf8)
        } else {
            #expect(page == expected, "write it anew with STOKER_WRITE_DOCS=1")
        }
    }

    @Test func everyOperationAndShapeIsOnThePage() {
        for operation in Operations.Operation.all { #expect(Self.reference.contains("\n### \(operation.name)\n")) }
        for shape in Shape.all { #expect(Self.reference.contains("\n### \(shape.name)\n")) }
    }

    /// Who may.
    private static func right(_ operation: Operations.Operation) -> String {
        switch operation.permission {
        case .read: "open, where reading is not private"
        case .write: "scope \(operation.scope.rawValue)"
        case .beat: "scope \(operation.scope.rawValue), or the heartbeat's own key"
        }
    }

    static var reference: String {
        var text = "\n## Operations\n"
        for operation in Operations.Operation.all {
            text +=
                "\n### \(operation.name)\n\n`\(operation.method.rawValue) /api/v1\(operation.path)` · \(Self.right(operation))\n\n"
            text +=
                "\(operation.summary). Answers with a [\(operation.answer.name)](#\(operation.answer.name.lowercased())).\n"
            guard !operation.parameters.isEmpty else { continue }
            text += "\n| input | in | is | unless given | |\n|---|---|---|---|---|\n"
            for parameter in operation.parameters where parameter.location != .local {
                let defaultValue =
                    parameter.defaultValue.map { "`\($0.string ?? $0.text)`" } ?? (parameter.required ? "required" : "")
                text +=
                    "| `\(parameter.name)` | \(parameter.location.rawValue) | \(parameter.kind.expectation) | \(defaultValue) "
                text += "| \(parameter.summary) |\n"
            }
        }
        text += "\n## Answers\n"
        for shape in Shape.all {
            text += "\n### \(shape.name)\n\n\(shape.summary)\n\n| member | is | |\n|---|---|---|\n"
            for field in shape.fields {
                text +=
                    "| `\(field.name)` | \(field.type.word)\(field.optional ? " or null" : "") | \(field.summary) |\n"
            }
        }
        return text
    }
}
