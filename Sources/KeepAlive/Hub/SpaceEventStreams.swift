import Runtime
import StokerCore

/// Which Spaces' `/events` are listened to: a few of those that build or start, so that the end of it is read at once and not up to half
/// a minute later. Pure.
///
/// Bounded, because the Hub documents nothing of that stream: neither what it says, nor when it ends, nor how an open one counts
/// against the requests. So it is a hint to read the listing sooner, inside the same budget, and nothing else; without it all goes on as before.
struct SpaceEventStreams {
    /// Open at a time.
    static let most = 4
    /// Opened inside five minutes: a fifth of the budget of requests.
    static let opened = 10
    /// A build takes minutes; what takes longer is read on schedule.
    static let longest = Duration.seconds(900)
    /// How long a Space is not listened to after its stream ended.
    static let pause = Duration.seconds(60)

    private var open: Set<String> = []
    private var notBefore: [String: Instant] = [:]
    private var openings: [Instant] = []

    /// - Parameter moving: Spaces that build or start, the latest first.
    /// - Returns: those of them that may be listened to now; none when there are streams enough.
    mutating func candidates(_ moving: [String], now: Instant) -> [String] {
        openings.removeAll { now - $0 >= PollSchedule.window }
        notBefore = notBefore.filter { now < $0.value }
        guard room > 0 else { return [] }
        return moving.filter { !open.contains($0) && notBefore[$0] == nil }
    }

    private var room: Int { min(Self.most - open.count, Self.opened - openings.count) }

    /// - Parameter isOwn: a listing has Spaces that are not in the fleet; they are not asked about again for a while.
    /// - Returns: those to listen to from now on.
    mutating func choose(among candidates: [String], now: Instant, isOwn: (String) -> Bool) -> [String] {
        var chosen: [String] = []
        for space in candidates where room > 0 {
            guard isOwn(space) else {
                notBefore[space] = now + Self.pause
                continue
            }
            open.insert(space)
            openings.append(now)
            chosen.append(space)
        }
        return chosen
    }

    mutating func ended(_ space: String, now: Instant) {
        open.remove(space)
        notBefore[space] = now + Self.pause
    }
}

extension HubPoller {
    /// Spaces to listen to from now on.
    func hintsToOpen() async -> [String] {
        let moving = knowledge.moving
        guard !moving.isEmpty, await monitor.mayAct, callsInWindow < budgetForHints else { return [] }
        let now = clocks.wall()
        guard !hints.candidates(moving, now: now).isEmpty else { return [] }
        let own = Set(await monitor.fleet().checks.compactMap { $0.space.map(SpaceName.key) })
        // Anew: the fleet was waited for.
        let chosen = hints.choose(among: hints.candidates(moving, now: now), now: now, isOwn: own.contains)
        if !chosen.isEmpty { noteCalls(chosen.count) }
        return chosen
    }

    /// Listens until the Space has come to rest, the stream ends, or it has taken too long.
    func streamEvents(of space: String) async {
        let began = clocks.wall()
        let name = knowledge.newName(of: space) ?? space
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // However it ends: the listing tells the same a little later.
                try? await self.hub.listen(to: name) { stage in
                    if self.knowledge.word(of: space)?.facts.stage != stage { await self.want() }
                }
            }
            group.addTask {
                while await self.isWorthListening(to: space, since: began) {
                    do { try await Task.sleep(for: .seconds(1)) } catch { return }
                }
            }
            await group.next()
            group.cancelAll()
        }
        hints.ended(space, now: clocks.wall())
    }

    private func isWorthListening(to space: String, since began: Instant) async -> Bool {
        guard knowledge.word(of: space)?.facts.stage?.isMoving == true,
            clocks.wall() - began < SpaceEventStreams.longest
        else {
            return false
        }
        return await monitor.mayAct
    }
}
