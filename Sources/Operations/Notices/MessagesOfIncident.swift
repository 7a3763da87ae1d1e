import Ledger
package import Notices
package import StokerCore

extension NoticeBoard {
    /// Messages that one call looks at, at most.
    private static let maxRead = 5_000

    /// Messages that tell of an incident, newest first. None is older than the incident; of those since, the newest 5,000 are looked at.
    /// - Parameter before: the number of a job (exclusive).
    func messages(
        about incident: Incident, states: Set<Job.State>, before: Int64?, limit: Int
    ) async throws(Failure) -> [Job] {
        let key = IncidentKey(check: incident.check, began: incident.began)
        var found: [Job] = []
        var before = before
        var read = 0
        while found.count < limit, read < Self.maxRead {
            let page = try await messages(states: states, before: before, limit: 500)
            found += page.filter { OutgoingMessage($0)?.incidentKeys.contains(key) ?? false }
            read += page.count
            before = page.last?.id
            // A message is written in the transaction of its cause; a minute for a clock that was set back.
            guard page.count == 500, let last = page.last, last.createdAt > incident.began - .seconds(60) else { break }
        }
        return Array(found.prefix(limit))
    }

    /// Which channels heard of each incident, as far as the newest 5,000 messages and the time for which they are kept reach: the channel's name and what
    /// became of its best message. An incident without messages is missing.
    package func told(
        of incidents: Set<IncidentKey>
    ) async throws(Failure) -> [IncidentKey: [(channel: String, state: MessageState)]] {
        guard let oldest = incidents.map(\.began).min() else { return [:] }
        var told: [IncidentKey: [(channel: String, state: MessageState)]] = [:]
        var before: Int64?
        var read = 0
        while read < Self.maxRead {
            let page = try await messages(states: [], before: before, limit: 500)
            for job in page {
                guard let outgoing = OutgoingMessage(job), outgoing.isAboutTrouble else { continue }
                let state = MessageState(job.state)
                for key in outgoing.incidentKeys where incidents.contains(key) {
                    let place = told[key]?.firstIndex { $0.channel == outgoing.channel }
                    if let place {
                        if state == .delivered { told[key]?[place].state = state }
                    } else {
                        told[key, default: []].append((outgoing.channel, state))
                    }
                }
            }
            read += page.count
            before = page.last?.id
            guard page.count == 500, let last = page.last, last.createdAt > oldest - .seconds(60) else { break }
        }
        return told.mapValues { $0.sorted { $0.channel < $1.channel } }
    }
}

extension OutgoingMessage {
    /// Neither its end nor its acknowledgement: who hears only of those has not heard of the trouble.
    fileprivate var isAboutTrouble: Bool { !notice.kind.isGood }
}
