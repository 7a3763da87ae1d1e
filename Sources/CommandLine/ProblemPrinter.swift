import Operations
import StokerCore

/// Mistakes and advice as a compiler shows them: file, line, column, and the line with a caret.
struct ProblemPrinter {
    /// What is told, and of which place.
    struct Line {
        var file: String
        /// From 1; 0 when it is about no place in particular.
        var line: Int
        var column: Int
        var path: String
        var text: String

        init(_ problem: Problem) {
            (file, line, column, path, text) = (
                problem.file, problem.line, problem.column, problem.path, problem.text
            )
        }

        /// As ``Operations/Operation/checkConfig`` tells it.
        init(_ json: JSONValue) {
            file = json["file"]?.string ?? ""
            line = json["line"]?.integer ?? 0
            column = json["column"]?.integer ?? 0
            path = json["path"]?.string ?? ""
            text = json["text"]?.string ?? ""
        }
    }

    private let name: String
    private let source: SourceText
    private let look: TextLook

    init(name: String, source: String, look: TextLook) {
        self.name = name
        self.source = SourceText(source)
        self.look = look
    }

    init(_ file: FleetText, _ screen: Terminal) {
        self.init(name: file.name, source: file.text, look: screen.errorLook)
    }

    /// Mistakes, and how many there are.
    func text(_ problems: [Line]) -> String {
        problems.map { head("error", "31", $0) }.joined()
            + "\(problems.first?.file ?? name): \(problems.count.counted("problem"))\n"
    }

    func warnings(_ advice: [Line]) -> String { advice.map { head("warning", "33", $0) }.joined() }

    private func head(_ kind: String, _ code: String, _ told: Line) -> String {
        let place = told.line > 0 ? "\(told.file):\(told.line):\(told.column)" : told.file
        let head =
            "\(paint(place, "1")): \(paint(kind + ":", "1;" + code)) \(told.path.isEmpty ? "" : told.path + ": ")\(told.text)\n"
        // The line of another file is not at hand.
        guard told.file == name else { return head }
        return head + (source.snippet(line: told.line, column: told.column).map { $0 + "\n" } ?? "")
    }

    private func paint(_ text: String, _ code: String) -> String {
        look.hasColour ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}
