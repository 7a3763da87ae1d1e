import Deployment
import Diagnosis
import HubClient
import Ledger
import StokerCore

/// What is shown of an apply beside the steps of its Spaces: its waves, and of Spaces that are not well the cause, the end of the log and the way back.
/// A record of the ledger, under the number of the apply's action.
struct ApplyNotes: Sendable, Equatable {
    /// Of a Space that is not well.
    struct Trouble: Sendable, Equatable {
        var cause: String?
        var hint: String?
        /// The last lines of its log.
        var lines: [String] = []
        /// The commit whose files it gets again.
        var goesBackTo: String?
    }

    /// Names of Spaces, in the order of the waves; empty when there are too many to keep.
    var waves: [[String]]
    /// The one that is at work, from 1; 0 before the first.
    var wave = 0
    /// By the Space's name.
    var troubles: [String: Trouble] = [:]

    static let record = "apply-notes"
    /// So that it fits a record.
    private static let (mostSpaces, mostTroubles, mostLines, lineLength) = (400, 5, 12, 160)

    init(waves: [[RepoID]]) {
        let names = waves.map { $0.map { "\($0)" } }
        self.waves = names.reduce(0) { $0 + $1.count } <= Self.mostSpaces ? names : []
    }

    static func takes(_ news: RolloutRun.News) -> Bool {
        switch news {
        case .wave, .goingBack: true
        case .over(let outcome): ![.done, .paused, .untouched].contains(outcome.state)
        case .step, .gate: false
        }
    }

    mutating func take(_ news: RolloutRun.News) {
        switch news {
        case .wave(let number, _, _): wave = number
        case .goingBack(let space, let commit):
            change("\(space)") { $0.goesBackTo = commit }
        case .over(let outcome):
            let diagnosis = outcome.diagnosis
            change("\(outcome.space)") { trouble in
                trouble.hint = outcome.hint.map { Redaction.text($0) }
                if diagnosis?["verdict"]?.string == "found" {
                    trouble.cause = diagnosis?["causes"]?.array?.first?["name"]?.string
                }
                trouble.lines = (diagnosis?["last_lines"]?.array ?? []).compactMap(\.string).suffix(Self.mostLines)
                    .map { String(Redaction.text($0).prefix(Self.lineLength)) }
            }
        case .step, .gate: break
        }
    }

    private mutating func change(_ space: String, _ change: (inout Trouble) -> Void) {
        guard troubles[space] != nil || troubles.count < Self.mostTroubles else { return }
        change(&troubles[space, default: Trouble()])
    }

    // MARK: Written

    var json: JSONValue {
        [
            "waves": .array(waves.map { .strings($0) }), "wave": .count(wave),
            "troubles": .array(
                troubles.sorted { $0.key < $1.key }.map { space, trouble in
                    [
                        "space": .string(space), "cause": .maybe(trouble.cause), "hint": .maybe(trouble.hint),
                        "lines": .strings(trouble.lines), "goes_back_to": .maybe(trouble.goesBackTo),
                    ]
                }),
        ]
    }

    init?(_ body: String) {
        guard let json = try? JSONValue(reading: Array(body.utf8)), let waves = json["waves"]?.array else { return nil }
        self.waves = waves.map { ($0.array ?? []).compactMap(\.string) }
        wave = json["wave"]?.integer ?? 0
        for one in json["troubles"]?.array ?? [] {
            guard let space = one["space"]?.string else { continue }
            troubles[space] = Trouble(
                cause: one["cause"]?.string, hint: one["hint"]?.string,
                lines: (one["lines"]?.array ?? []).compactMap(\.string), goesBackTo: one["goes_back_to"]?.string)
        }
    }

    /// Of an apply; nil where nothing was kept.
    static func read(_ action: Int64, in records: any RecordStore) async throws(Failure) -> ApplyNotes? {
        try await records.record(kind: record, key: "\(action)").flatMap { ApplyNotes($0.body) }
    }
}
