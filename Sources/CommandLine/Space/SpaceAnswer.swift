import HubClient
import Operations
import StokerCore

enum SpaceAnswer {
    /// The page of an answer that holds a runtime.
    static func runtime(_ answer: JSONValue, _ screen: Terminal = .own) -> CommandOutput {
        CommandOutput(
            json: answer,
            text: screen.paint((answer["space"]?.string ?? "").printable, .bold) + "\n"
                + KeyValueTable.text(rows(answer, screen), screen)
                + (answer["note"]?.string.map { "  \($0.printable)\n" } ?? ""))
    }

    /// What the Hub said, from an answer that holds it whole.
    static func rows(_ answer: JSONValue?, _ screen: Terminal) -> [(String, String)] {
        answer?["raw"].flatMap { SpaceRuntime($0) }?.rows(screen) ?? []
    }
}

extension SpaceRuntime {
    /// The rows of a page about one Space.
    fileprivate func rows(_ screen: Terminal) -> [(String, String)] {
        var rows = [("stage", screen.paint(stage.rawValue, TextStyle(stage: stage)))]
        if let errorMessage { rows.append(("error", errorMessage.indented)) }
        if isModerated { rows.append(("moderation", "flagged\(abuse?.reason.map { ": \($0)" } ?? "")".printable)) }
        if let sha { rows.append(("commit", sha.printable)) }
        if isStatic {
            rows.append(("hardware", "none (static)"))
        } else {
            let change = requestedHardware.flatMap { $0 == hardware ? nil : "\($0) requested" }
            rows.append(("hardware", [hardware, change].compactMap { $0 }.joined(separator: ", ").printable))
            rows.append(("sleeps", sleepSeconds.map { "after \(OutputFormatting.span(Double($0)))" } ?? "never"))
        }
        if let replicas, replicas != 1 { rows.append(("replicas", "\(replicas)")) }
        if devMode == true { rows.append(("dev mode", "on")) }
        for domain in domains { rows.append(("domain", "\(domain.name) (\(domain.stage.lowercased()))".printable)) }
        for volume in volumes ?? [] { rows.append(("volume", volume.notation.printable)) }
        return rows
    }
}

extension TextStyle {
    init(stage: SpaceStage) {
        if stage == .running {
            self = .green
        } else if stage.isFailed {
            self = .red
        } else if stage.isMoving {
            self = .yellow
        } else if stage == .paused {
            self = .blue
        } else {
            self = .dim
        }
    }
}

extension String {
    /// Several lines of somebody else, below each other in a table of rows.
    fileprivate var indented: String {
        split(separator: "\n").map { String($0).printable }.joined(separator: "\n" + String(repeating: " ", count: 15))
    }
}

enum KeyValueTable {
    /// `name  value` lines, values below each other.
    static func text(_ rows: [(String, String)], _ screen: Terminal) -> String {
        rows.map { name, value in
            let space = String(repeating: " ", count: max(1, 13 - name.count))
            return "  \(screen.paint(name, .dim))\(space)\(value)\n"
        }
        .joined()
    }
}
