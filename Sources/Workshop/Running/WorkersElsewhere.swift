import HubClient
import StokerCore

/// Workers that another Stoker runs, as they are seen from here: by their datasets, and by what that Stoker says at `/status`. A token that may
/// read is enough.
actor WorkersElsewhere {
    /// What was seen of one worker.
    struct Sight: Sendable {
        /// Rows of its dataset, oldest first.
        var rows: [Iteration] = []
        /// Why there are none; nil when the dataset could be read.
        var rowsFault: Failure?
        /// Its line of `/status`; nil when that did not answer.
        var line: JSONValue?
        /// Why not.
        var silence: String?
    }
    private struct Kept {
        var sight = Sight()
        var rowsAt: Instant?
        var lineAt: Instant?
        var isAsking = false
    }

    /// Rows that are read of a dataset.
    static let mostRows = 200
    /// How old what was seen may be.
    private static let freshLine = Duration.seconds(5)
    private static let freshRows = Duration.seconds(30)

    private let transport: ModelTransport
    private var kept: [String: Kept] = [:]
    /// Addresses of Spaces, as the Hub said.
    private var hosts: [String: String] = [:]

    init(transport: @escaping ModelTransport) { self.transport = transport }

    /// - Parameters:
    ///   - place: a Space `owner/name`, or the address of a Stoker.
    ///   - dataset: nil when its owner is not known.
    func sight(
        of name: String, at place: String, dataset: RepoID?, hub: Hub?, now: @Sendable () -> Instant
    ) async -> Sight {
        let key = "\(name) \(place) \(dataset?.description ?? "")"
        var mine = kept[key] ?? Kept()
        func isOld(_ at: Instant?, _ most: Duration) -> Bool {
            let moment = now()
            return at.map { moment - $0 >= most || $0 > moment } ?? true
        }
        // Whoever comes meanwhile gets what was seen before.
        guard !mine.isAsking || mine.lineAt == nil else { return mine.sight }
        guard isOld(mine.lineAt, Self.freshLine) else { return mine.sight }
        mine.isAsking = true
        kept[key] = mine
        do {
            mine.sight.line = try await line(of: name, at: place, hub)
            mine.sight.silence = nil
        } catch {
            mine.sight.line = nil
            mine.sight.silence = Redaction.text(
                (error as? Failure)?.because ?? (error as? HubFailure)?.failure.because
                    ?? (error as? ModelSilence)?.because ?? "it did not answer")
        }
        mine.lineAt = now()
        if isOld(mine.rowsAt, Self.freshRows) {
            do throws(Failure) {
                mine.sight.rows = try await rows(of: dataset, hub)
                mine.sight.rowsFault = nil
            } catch { mine.sight.rowsFault = error }
            mine.rowsAt = now()
        }
        mine.isAsking = false
        kept[key] = mine
        return mine.sight
    }

    private func rows(of dataset: RepoID?, _ hub: Hub?) async throws(Failure) -> [Iteration] {
        guard let dataset, let hub else {
            throw Failure(
                .hubNoAccount, doing: "read the results of a worker elsewhere",
                because: "there is no account on the Hub",
                hint: "start it with HF_TOKEN set; a token that may read is enough")
        }
        do throws(HubFailure) {
            return try await DatasetReader(hub: hub, dataset: dataset).rows(newest: Self.mostRows)
        } catch {
            guard error.kind == .notFound else { throw error.failure }
            // The Hub says the same of a private one that the token may not see.
            throw Failure(
                .hubNotFound, doing: "read the results of a worker elsewhere",
                because: "nothing is published yet: \(dataset) is not there, or not for this token to see")
        }
    }

    private func line(of name: String, at place: String, _ hub: Hub?) async throws -> JSONValue {
        // The token is the Hub's: it goes to Spaces, and to no other address.
        var token: Secret?
        var address = place
        if !place.contains("://") {
            guard let hub else {
                throw Failure(
                    .hubNoAccount, doing: "ask \(place)",
                    because: "there is no account on the Hub that knows its address"
                )
            }
            token = hub.settings.token
            if let known = hosts[place] {
                address = known
            } else {
                address = try await hub.host(of: try RepoID(.space, place))
                hosts[place] = address
            }
        }
        while address.hasSuffix("/") { address.removeLast() }
        func refused(_ because: String) -> Failure { Failure(.unreachable, doing: "ask \(place)", because: because) }
        let reply = try await transport(
            ModelRequest(url: address + "/status", token: token, body: nil, limit: .seconds(5)))
        guard reply.status == 200 else { throw refused("its /status answers \(reply.status)") }
        guard !reply.isTooLong, let text = String(validating: reply.body, as: UTF8.self),
            let json = try? JSONValue(reading: text)
        else { throw refused("its /status is no answer of a Stoker") }
        let lines = json["workers"]?.array ?? []
        let named = lines.first { $0["name"]?.string == name }
        guard let line = named ?? lines.first, named != nil || lines.count == 1 else {
            throw refused("it runs no worker \(name)")
        }
        return line
    }
}

extension WorkersElsewhere.Sight {
    /// What the dataset's rows and the other Stoker say, as a worker's own record would.
    var record: WorkerRecord {
        var record = WorkerRecord()
        record.published = rows.last?.iteration ?? 0
        record.iteration = max(line?["iteration"]?.integer ?? 0, record.published)
        record.head = rows.last?.head
        record.last = rows.last?.perspective
        record.insights = rows.last?.insights.lists ?? record.insights
        record.beatAt = line?["beat"]?.string.flatMap { Instant(rfc3339: $0) }
        return record
    }

    /// Each finding once, as the newest row that tells of it has it.
    var book: FindingBook {
        var book = FindingBook()
        for finding in rows.flatMap(\.findings) {
            book.entries[finding.id] = .init(finding: finding, isPublished: true, isNews: false)
        }
        return book
    }

    /// State, text and what to do.
    /// - Parameter isOld: whether it has not looked within two intervals.
    func words(at place: String, isOld: Bool) -> (WorkerBoard.State, String, String?) {
        let isSpace = !place.contains("://")
        let look = isSpace ? "`stoker space logs \(place)` shows why" : "see whether that Stoker runs"
        if let silence { return (.offline, "Offline: \(silence)", look) }
        let state = line?["state"]?.string.flatMap(WorkerBoard.State.init(rawValue:)) ?? .waiting
        switch state {
        case .paused: return (.paused, "Paused there", "begin it again on the pages of \(place)")
        case .trouble: return (.trouble, "Its last look did not go well", "its own page at \(place) says why")
        case .starting: return (.starting, "Has not looked yet", nil)
        default: break
        }
        if isOld { return (.offline, "Offline: it has not looked within two intervals", look) }
        if let rowsFault {
            return (state, Formatting.capitalized(rowsFault.because), rowsFault.hint)
        }
        return (state, "Runs at \(place)", nil)
    }
}
