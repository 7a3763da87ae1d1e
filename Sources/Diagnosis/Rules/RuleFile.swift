import StokerAssets
import StokerCore
internal import Yams

/// The data file of the rules, read once: signs of life and of failure, and the signatures.
struct RuleFile: Sendable {
    struct Wrong: Error, CustomStringConvertible {
        var description: String
    }

    /// What lines say beside the causes; the keys of `signs` in the file.
    enum Sign: String, CaseIterable, Sendable {
        /// A new container begins.
        case boot
        /// A new build begins.
        case queued
        /// A server tells where it listens: `{host}` and `{port}`, or one of the two.
        case listening
        /// The line is about a server that visitors are not sent to, such as one for metrics.
        case inner
        /// The app answers, or is ready.
        case alive
        /// A request failed.
        case failing
        /// The line tells that the program goes on.
        case handled
        /// A line of ordinary work: a level below warnings.
        case ordinary
        /// A warning, which ends nothing.
        case warning
        /// What was wrong is well again.
        case recovered
        /// A line about a request, which may hold anything.
        case access
        /// The program died.
        case crashed
        /// The build is done, or failed.
        case built
        case unbuilt
        /// Put there by the platform; says nothing.
        case noise
        /// The outer server of several: what the others listen on is no matter.
        case proxy
    }

    var signs: [Sign: [LinePattern]] = [:]
    var signatures: [FailureSignature] = []

    init(_ yaml: String) throws {
        guard let root = try Yams.compose(yaml: yaml)?.mapping else { throw Wrong(description: "it is no mapping") }
        for (key, value) in root {
            switch key.string {
            case "signs":
                for (name, list) in value.mapping ?? [:] {
                    guard let sign = Sign(rawValue: name.string ?? "") else {
                        throw Wrong(description: "signs: \(name.string ?? "?") is not known")
                    }
                    signs[sign] = try Self.patterns(list, "signs")
                }
            case "rules": signatures = try (value.sequence ?? []).map(Self.signature)
            case "defaults": continue
            default: throw Wrong(description: "\(key.string ?? "?") is not known")
            }
        }
    }

    private static func patterns(_ node: Node, _ place: String) throws -> [LinePattern] {
        let texts = node.sequence.map { $0.compactMap(\.string) } ?? node.string.map { [$0] } ?? []
        guard !texts.isEmpty else { throw Wrong(description: "\(place): no patterns") }
        return try texts.map { text in
            do { return try LinePattern(text) } catch let wrong as LinePattern.Wrong {
                throw Wrong(description: "\(place): \(wrong.because)")
            }
        }
    }

    private static func signature(_ node: Node) throws -> FailureSignature {
        guard let rule = node.mapping, let id = rule["id"]?.string else {
            throw Wrong(description: "a rule without id")
        }
        func text(_ key: String, _ standard: String? = nil) throws -> String {
            guard let text = rule[key]?.string ?? standard else { throw Wrong(description: "\(id): \(key) is missing") }
            return text
        }
        for (key, _) in rule where !known.contains(key.string ?? "") {
            throw Wrong(description: "\(id): \(key.string ?? "?") is not known")
        }
        guard let severity = FailureSignature.Severity(rawValue: try text("severity", "error")) else {
            throw Wrong(description: "\(id): severity is none")
        }
        var found = FailureSignature(
            id: id, name: try text("name"), cause: try text("cause"), fix: try text("fix"),
            command: try text("command", "stoker space upload {space} ."),
            verify: try text("verify", "stoker space wait {space}"), severity: severity,
            automatic: try text("auto", "N"), rank: rule["rank"]?.int ?? 50,
            isOfServing: rule["serving"]?.bool ?? false,
            isAlways: rule["always"]?.bool ?? false, isLoud: rule["loud"]?.bool ?? false)
        for source in FailureSignature.Source.allCases {
            if source != .state, let list = rule[source.rawValue] {
                found.patterns[source] = try patterns(list, "\(id).\(source)")
            }
        }
        found.near = try rule["near"].map { try patterns($0, "\(id).near") } ?? []
        found.unless = try rule["unless"].map { try patterns($0, "\(id).unless") } ?? []
        found.with = try rule["with"].map { try patterns($0, "\(id).with") } ?? []
        found.without = try rule["without"].map { try patterns($0, "\(id).without") } ?? []
        found.stages = Set(rule["stages"]?.sequence?.compactMap(\.string) ?? [])
        if let word = rule["listens"]?.string {
            guard let listens = FailureSignature.Listens(rawValue: word) else {
                throw Wrong(description: "\(id): listens: \(word) is not known")
            }
            found.listens = listens
        }
        for status in rule["status"]?.sequence ?? [] {
            if let code = status.int { found.statuses.append(code...code) }
        }
        found.isAnswerOfApp = rule["of_app"]?.bool
        return found
    }

    private static let known: Set<String> = Set(
        FailureSignature.Source.allCases.map(\.rawValue) + [
            "id", "name", "cause", "fix", "command", "verify", "severity", "auto", "rank", "serving", "always", "loud",
            "near", "unless", "with", "without", "stages", "listens", "status", "of_app",
        ])

    /// The bytes that are compiled in.
    static func compiledIn() -> String {
        var count = 0
        guard let first = stoker_assets(&count) else { return "" }
        for file in UnsafeBufferPointer(start: first, count: count) where String(cString: file.name) == "diagnosis.yaml"
        {
            return String(decoding: UnsafeBufferPointer(start: file.bytes, count: file.length), as: UTF8.self)
        }
        return ""
    }
}
