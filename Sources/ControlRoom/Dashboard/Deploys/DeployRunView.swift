import HubClient
import Operations
import StokerCore

/// A deploy as pages show it: an item of the operation `deploys`.
struct DeployRunView {
    struct Part {
        let space: String
        let state: String
        let began: Instant?
        let ended: Instant?
        let sentence: String?
        let done: [String]
        let doing: String?
        let commit: String?
        let isAllDone: Bool
        let cause: String?
        let hint: String?
        let lines: [String]
        let goesBackTo: String?
    }

    let id: Int
    let state: String
    let began: Instant?
    let ended: Instant?
    let by: String
    let what: String
    let sentence: String?
    let parts: [Part]
    /// Its Spaces, wave by wave; empty where that is not known.
    let waves: [[String]]
    let wave: Int

    init(_ item: JSONValue) {
        id = item["id"]?.integer ?? 0
        state = item["state"]?.string ?? ""
        began = OutputFormatting.instant(item["began"])
        ended = OutputFormatting.instant(item["ended"])
        by = (item["by"]?.string ?? "").replacing("`", with: "")
        what = item["what"]?.string ?? ""
        sentence = item["sentence"]?.string
        parts = (item["spaces"]?.array ?? []).map { part in
            Part(
                space: part["space"]?.string ?? "", state: part["state"]?.string ?? "",
                began: OutputFormatting.instant(part["began"]), ended: OutputFormatting.instant(part["ended"]),
                sentence: part["sentence"]?.string, done: (part["done"]?.array ?? []).compactMap(\.string),
                doing: part["doing"]?.string, commit: part["commit"]?.string,
                isAllDone: part["all_done"]?.bool ?? false, cause: part["cause"]?.string, hint: part["hint"]?.string,
                lines: (part["last_lines"]?.array ?? []).compactMap(\.string),
                goesBackTo: part["goes_back_to"]?.string)
        }
        waves = (item["waves"]?.array ?? []).map { ($0.array ?? []).compactMap(\.string) }
        wave = item["wave"]?.integer ?? 0
    }

    var isRunning: Bool { state == "running" }

    var sign: String { Self.signs[state] ?? "unknown" }

    private static let signs = [
        "running": "waking", "done": "up", "stopped": "down", "failed": "down", "left": "unknown",
    ]
    private static let signsOfParts = [
        "running": "waking", "done": "up", "paused": "paused", "failed": "down", "ill": "down", "rolled-back": "slow",
        "untouched": "unknown", "interrupted": "unknown", "left": "unknown",
    ]
    private static let words = [
        "running": "at work", "done": "done", "stopped": "stopped", "failed": "failed",
        "left": "its process went before its end was known",
    ]
    private static let wordsOfParts = [
        "running": "at work", "done": "runs and answers", "paused": "changed, paused", "failed": "could not be changed",
        "ill": "changed, and not well", "rolled-back": "went back", "untouched": "untouched",
        "interrupted": "called off", "left": "its end is not known",
    ]

    var title: String {
        waves.count > 1 && wave > 0 ? "Wave \(wave) of \(waves.count) is at work" : "A deploy is at work"
    }

    /// `3 of 5 Spaces are done; acme/bot is committing files.`
    func say(now: Instant) -> String {
        let over = parts.count { $0.state != "running" }
        let all = max(waves.reduce(0) { $0 + $1.count }, parts.count)
        let busy = parts.first { $0.state == "running" }
        var said: [String] = []
        if over > 0 {
            said.append(
                "\(Formatting.count(over)) of \(all.counted("Space", as: Formatting.count(all))) \(over == 1 ? "is" : "are") over"
            )
        }
        if let busy { said.append("\(busy.space): \(Self.doing(busy))") }
        let text = said.isEmpty ? "It begins" : said.joined(separator: "; ")
        return text + "."
    }

    /// `The last one, 5 min ago, is done.`
    func summary(now: Instant) -> String {
        guard let began else { return "" }
        return "The last one, \(Formatting.relative(began, to: now)): \(Self.words[state] ?? state)."
    }

    private static func doing(_ part: Part) -> String {
        if let commit = part.goesBackTo { return "goes back to the files of \(commit.prefix(7))" }
        if part.isAllDone { return "waits until it runs and answers" }
        let steps = part.done.isEmpty ? "" : ", \(part.done.count.counted("step")) done"
        return (part.doing.map { "at the step “\($0)”" } ?? "begins") + steps
    }

    /// Each wave with how it stands, as far as its Spaces tell.
    private var wavesModel: [[String: Any]] {
        let known = Dictionary(parts.map { ($0.space, $0) }, uniquingKeysWith: { _, last in last })
        return waves.enumerated().map { number, names in
            let states = names.compactMap { known[$0]?.state }
            let isAtWork = isRunning && number + 1 == wave
            let isWell = states.count == names.count && states.allSatisfy { ["done", "paused"].contains($0) }
            let (sign, word): (String, String) =
                isAtWork
                ? ("waking", "at work")
                : isWell
                    ? ("up", "runs and answers")
                    : states.isEmpty
                        ? ("unknown", isRunning ? "not begun" : "untouched")
                        : states.contains("rolled-back") && !states.contains("ill") && !states.contains("failed")
                            ? ("slow", "went back") : ("down", "not well")
            return [
                "title": "Wave \(number + 1)", "names": NameList.text(names, atMost: 12), "sign": sign,
                "tone": sign == "unknown" ? "none" : sign, "word": word, "isAtWork": isAtWork,
            ]
        }
    }

    func model(now: Instant) -> [String: Any] {
        func length(_ from: Instant?, _ to: Instant?) -> String {
            guard let from else { return "" }
            return Formatting.interval(.seconds(max(0, ((to ?? now) - from).wholeMilliseconds / 1_000)))
        }
        return [
            "id": "\(id)", "sign": sign, "word": Self.words[state] ?? state,
            "isLoud": state == "failed" || state == "stopped",
            "isRunning": isRunning, "what": what, "by": by, "began": Markup.time(began, now: now),
            "length": isRunning || ended != nil ? length(began, ended) + (isRunning ? " so far" : "") : "–",
            "hasSentence": sentence != nil, "sentence": sentence ?? "",
            "waves": wavesModel, "hasWaves": waves.count > 1,
            "parts": parts.map { part in
                let said = part.state == "running" ? Self.doing(part) : part.sentence ?? ""
                return [
                    "space": part.space, "sign": Self.signsOfParts[part.state] ?? "unknown",
                    "word": Self.wordsOfParts[part.state] ?? part.state, "said": said, "hasSaid": !said.isEmpty,
                    "length": part.ended != nil || part.state == "running" ? length(part.began, part.ended) : "",
                    "hasCause": part.cause != nil, "cause": part.cause ?? "",
                    "hasHint": part.hint != nil, "hint": Formatting.capitalized(part.hint ?? ""),
                    "hasLines": !part.lines.isEmpty,
                    "lines": part.lines.enumerated().map { ["number": "\($0.offset + 1)", "text": $0.element] },
                ] as [String: Any]
            }, "hasParts": !parts.isEmpty,
        ]
    }
}
