import Ledger
import Operations
import StokerCore

/// A message to people as pages tell of it: an item of the operation `notify-list`.
struct ToldMessage {
    let id: Int
    let channel: String
    /// `down`, `recovered` and the like.
    let kind: String
    let state: String
    /// When what it tells happened.
    let at: Instant?
    let ended: Instant?
    let attempts: Int
    /// With what looks like a secret hidden.
    let error: String?
    /// Names of checks, and of how many it tells.
    let targets: [String]
    let count: Int
    let cause: String

    init(_ message: JSONValue) {
        id = message["id"]?.integer ?? 0
        channel = message["channel"]?.string ?? ""
        kind = message["kind"]?.string ?? ""
        state = message["state"]?.string ?? ""
        at = OutputFormatting.instant(message["at"])
        ended = OutputFormatting.instant(message["ended"])
        attempts = message["attempts"]?.integer ?? 0
        error = message["error"]?.string.map { Redaction.text($0) }
        targets = message["targets"]?.array?.compactMap(\.string) ?? []
        count = message["count"]?.integer ?? targets.count
        cause = message["sentence"]?.string ?? ""
    }

    var sign: String {
        ["given_up": "down", "failing": "slow", "delivered": "up", "dropped": "paused"][state] ?? "waking"
    }

    /// What became of it: `delivered`, `given up after 3 attempts`.
    var outcome: String {
        let tries = attempts > 1 ? " after \(Formatting.count(attempts)) attempts" : ""
        return switch state {
        case "delivered": attempts > 1 ? "delivered at attempt \(Formatting.count(attempts))" : "delivered"
        case "given_up": "given up\(tries)"
        case "dropped": "not sent"
        case "failing": "not taken yet, tried again"
        case "sending": "being sent"
        default: "on its way"
        }
    }

    /// `bot, website and 3 more`.
    var about: String {
        guard let first = targets.first else { return count > 0 ? Formatting.count(count) : "Stoker" }
        return count > 1 ? "\(first) and \(Formatting.count(count - 1)) more" : first
    }

    /// For the template, in the order given. What was said again to the same channel with the same result is one line with its last time.
    static func models(_ messages: [ToldMessage], now: Instant) -> [[String: Any]] {
        var lines: [(message: ToldMessage, times: Int, last: Instant?)] = []
        for message in messages {
            let at = message.ended ?? message.at
            let place = lines.firstIndex {
                $0.message.channel == message.channel && $0.message.sentence == message.sentence
            }
            if let place {
                lines[place].times += 1
                lines[place].last = max(lines[place].last ?? .never, at ?? .never)
            } else {
                lines.append((message, 1, at))
            }
        }
        return lines.map { message, times, last in
            let why = message.state == "delivered" ? "" : message.error ?? ""
            return [
                "channel": message.channel, "sign": message.sign, "kind": message.kind, "outcome": message.outcome,
                "why": why, "hasWhy": !why.isEmpty, "times": Formatting.count(times), "isRepeated": times > 1,
                "at": Markup.time(last, now: now),
            ] as [String: Any]
        }
    }

    /// For a timeline that is about one check.
    var sentence: String {
        "Message “\(kind)” to \(channel): \(outcome)" + (state == "delivered" ? "" : error.map { " (\($0))" } ?? "")
    }
}
