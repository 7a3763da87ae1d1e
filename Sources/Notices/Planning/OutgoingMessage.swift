package import Ledger
package import StokerCore
import Foundation

/// One message to one channel, as it waits in the outbox: the payload of a job of the kind ``jobKind``.
///
/// Labels are in ledgers that exist, so they are never renamed, and a value that is added later is optional.
package struct OutgoingMessage: Sendable, Equatable, Codable {
    package static let jobKind = "notice"
    /// Attempts before a message is given up: with the longest waits of the back-off some five hours.
    package static let mostAttempts = 30
    /// Of a grouped message.
    package static let mostListed = 50
    package static let mostIncidents = 1_000
    /// Beside them, in short.
    package static let mostFurther = 10_000

    /// Name of the channel.
    package var channel: String
    /// Which rule made it, by what the rule says; nil for a message that no rule made.
    package var rule: String?
    package var notice: Notice
    /// The incidents that it tells of: check and beginning, by turns. The first ``mostIncidents``.
    package var incidents: [Int64]
    /// Those behind them, as ``IncidentList`` writes them: the next ``mostFurther``.
    package var further: String?
    /// Messages of a channel about the same target leave in this order.
    package var order: Int64
    /// When it was to be sent, where that is later than what it tells.
    package var due: Instant?
    /// All that it would have told came to its end before.
    package var isVoid: Bool?

    package init(
        channel: String, rule: String? = nil, notice: Notice, incidents: [IncidentKey] = [], order: Int64 = 0,
        due: Instant? = nil
    ) {
        self.channel = channel
        self.rule = rule
        self.notice = notice
        self.incidents = incidents.prefix(Self.mostIncidents).flatMap { [Int64($0.check), $0.began.milliseconds] }
        let rest = incidents.dropFirst(Self.mostIncidents).prefix(Self.mostFurther)
        if !rest.isEmpty { further = IncidentList.text(Array(rest)) }
        self.order = order
        self.due = due
    }

    package var incidentKeys: [IncidentKey] {
        stride(from: 0, to: incidents.count - 1, by: 2).compactMap { place in
            Int32(exactly: incidents[place]).map {
                IncidentKey(check: $0, began: Instant(milliseconds: incidents[place + 1]))
            }
        } + (further.map(IncidentList.keys) ?? [])
    }

    /// Those that it lists.
    var checks: Set<String> { Set(notice.subjects.map(\.check)) }
    /// It tells of more than it lists.
    var isWide: Bool { notice.count > notice.subjects.count && !notice.subjects.isEmpty }

    /// - Parameter isGrowing: it may be written again with more in it, as long as nobody has claimed it.
    package func job(createdAt: Instant, isGrowing: Bool = false) throws(Failure) -> NewJob {
        var smaller = self
        while true {
            do throws(Failure) {
                return try NewJob(
                    kind: Self.jobKind, payload: smaller.text, createdAt: createdAt, runAt: due,
                    maxAttempts: Self.mostAttempts,
                    key: isGrowing ? .growing("notice \(notice.key)") : .once("notice \(notice.key)"))
            } catch {
                // What it lists may be long; how many there are is told in any case.
                // Incidents that it does not know after a start are told once more, so they are the last to go.
                if smaller.notice.subjects.count > 5 {
                    smaller.notice.subjects.removeLast(smaller.notice.subjects.count / 2)
                } else if let further = smaller.further {
                    let keys = IncidentList.keys(further)
                    let kept = keys.prefix(keys.count * 3 / 4)
                    smaller.further = kept.isEmpty ? nil : IncidentList.text(Array(kept))
                } else if smaller.notice.subjects.count > 1 || !smaller.incidents.isEmpty {
                    smaller.notice.subjects.removeLast(smaller.notice.subjects.count / 2)
                    smaller.incidents = Array(smaller.incidents.prefix(smaller.incidents.count / 4 * 2))
                } else {
                    throw error
                }
            }
        }
    }

    package var text: String {
        // Of text, numbers and lists only: it can always be encoded.
        return (try? JSONEncoder.stable.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    /// nil for a payload that no version of Stoker wrote.
    package init?(_ job: Job) {
        guard job.kind == Self.jobKind,
            let read = try? JSONDecoder().decode(OutgoingMessage.self, from: Data(job.payload.utf8))
        else { return nil }
        self = read
    }
}

/// What an incident is known by before the ledger has given it a number.
package struct IncidentKey: Sendable, Hashable {
    package var check: Int32
    package var began: Instant
    package init(check: Int32, began: Instant) {
        self.check = check
        self.began = began
    }
}
