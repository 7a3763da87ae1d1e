import Ledger
import Logging
import Runtime
package import StokerCore

/// What pages, the API and the command line ask.
extension FleetMonitor {
    package func fleet() -> Fleet { current }

    package func overview() async -> Overview {
        var tally = OverviewTally()
        for shard in shards { tally.add(await shard.summary()) }
        var health = writer.health
        if let inMemoryReason, health == .healthy {
            health = .stalled(
                since: startedAt, because: "\(inMemoryReason); history is in memory only", waiting: 0, limit: 0,
                dropped: 0)
        }
        let offline: Overview.Connectivity
        if case .offline(let since) = connectivity.status {
            offline = .offline(since: since)
        } else {
            offline = .online
        }
        let now = clocks.wall()
        let maintenance = maintenance.summary(at: now)
        return Overview(
            startedAt: startedAt, now: now, counts: tally.byVerdict, flapping: tally.counts.flapping,
            moderated: tally.counts.moderated, inMaintenance: maintenance.checks, total: current.checks.count,
            generation: tally.generation &+ maintenance.changes,
            fleetNumber: fleetNumber, connectivity: offline,
            role: role,
            fleetFile: fleetFile, ledger: health, ledgerDamage: damages, ledgerVault: ledgerVault?(),
            work: tally.work, hub: hub.use, demo: settings.demo)
    }

    package func statuses(_ query: StatusQuery) async -> CheckStatusPage {
        await settled()
        var order: [UInt32]
        var counts: [Verdict: Int] = [:]
        var known: [UInt32: CheckStatus] = [:]
        if query.isPlain, query.sort == .file, current.checks.count > Shard.few * shards.count {
            order = Array(0..<UInt32(current.checks.count))
            var tally = OverviewTally()
            for shard in shards { tally.add(await shard.summary()) }
            counts = tally.byVerdict
        } else {
            var found: [StatusOrder.Found] = []
            for (number, shard) in shards.enumerated() {
                let part = await shard.matches(query)
                counts.merge(part.counts) { $0 + $1 }
                for (place, match) in part.found.enumerated() {
                    let index = match.index * UInt32(shards.count) + UInt32(number)
                    found.append(.init(index: index, match: match))
                    if part.statuses.count == part.found.count { known[index] = part.statuses[place] }
                }
            }
            StatusOrder.sort(&found, by: query.sort, in: current.checks)
            order = found.map(\.index)
        }
        let total = order.count
        let from = min(max(0, query.offset), total)
        let wanted = order[from..<(from + min(max(0, query.limit), total - from))]
        let items = wanted.compactMap { known[$0] }
        return CheckStatusPage(
            items: items.count == wanted.count ? items : await statuses(of: wanted), total: total, counts: counts)
    }

    package func statuses(ofTarget target: String) async -> [CheckStatus] {
        await settled()
        return await statuses(of: names.indices(ofTarget: target)[...])
    }

    package func position(of name: String) -> Int? { names.index(of: name) }

    func statuses(of indices: ArraySlice<UInt32>) async -> [CheckStatus] {
        let parts = UInt32(shards.count)
        var perShard: [[CheckStatus?]] = []
        for (number, shard) in shards.enumerated() {
            let mine = indices.filter { $0 % parts == UInt32(number) }.map { $0 / parts }
            perShard.append(await shard.statuses(mine))
        }
        var next = [Int](repeating: 0, count: shards.count)
        return indices.compactMap { index in
            let number = Int(index % parts)
            defer { next[number] += 1 }
            return next[number] < perShard[number].count ? perShard[number][next[number]] : nil
        }
    }

    /// Where a check of the present fleet is kept.
    func location(of index: Int) -> (shard: Shard, row: UInt32) {
        (shards[index % shards.count], UInt32(index / shards.count))
    }

    func find(_ name: String) throws(Failure) -> (shard: Shard, index: UInt32) {
        guard let index = names.index(of: name).map(UInt32.init) else {
            throw .unknownCheck(name, nearest: ClosestMatch.of(name, among: current.checks.lazy.map(\.name)))
        }
        return (shards[Int(index) % shards.count], index / UInt32(shards.count))
    }

    /// Asks the shard that has the check; once more when the fleet was replaced in between.
    func ask<Answer: Sendable>(
        _ name: String, _ question: (Shard, UInt32) async -> Answer?
    ) async throws(Failure) -> Answer {
        for _ in 0..<3 {
            await settled()
            let (shard, index) = try find(name)
            if let answer = await question(shard, index) { return answer }
        }
        throw .fleetReplaced
    }

    package func status(of name: String) async throws(Failure) -> CheckStatus {
        try await ask(name) { await $0.status($1, name) }
    }

    package func samples(of names: [String]) async -> [[Sample]] {
        var result: [[Sample]] = []
        var missing: [(index: Int, id: Int32)] = []
        for name in names {
            // A name that is gone since the page was drawn has an empty strip.
            guard let strip = try? await ask(name, { await $0.strip($1, name) }) else {
                result.append([])
                continue
            }
            if strip.kept == nil { missing.append((result.count, strip.id)) }
            result.append(strip.kept ?? [])
        }
        if !missing.isEmpty {
            do {
                let rows = try await ledger.latest(of: missing.map(\.id), limit: RecentPings.length)
                for (row, miss) in zip(rows, missing) {
                    result[miss.index] = row.map {
                        Sample(at: $0.at, outcome: $0.outcome, latencyMicroseconds: $0.latencyMicroseconds)
                    }
                }
            } catch {
                logger.warning("Strips could not be read", metadata: ["error": "\(error)"])
            }
        }
        return result
    }

    package func transcripts(of name: String) async throws(Failure) -> Transcripts {
        let (last, id) = try await ask(name) { await $0.lastTranscript($1, name) }
        if let last, last.outcome.isFailure { return Transcripts(last: last, lastFailed: last) }
        return Transcripts(last: last, lastFailed: try await ledger.transcript(lastFailedOf: id))
    }

    package func changes() -> AsyncStream<Changes> { feed.listen() }
}
