import Ledger
import Notices
import StokerCore

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
            found += page.filter { Outgoing($0)?.incidentKeys.contains(key) ?? false }
            read += page.count
            before = page.last?.id
            // A message is written in the transaction of its cause; a minute for a clock that was set back.
            guard page.count == 500, let last = page.last, last.createdAt > incident.began - .seconds(60) else { break }
        }
        return Array(found.prefix(limit))
    }
}
