import StokerCore

/// Which Spaces' `/events` are listened to: a few of those that build or start, so that the end of it is read at once and not up to half
/// a minute later. Pure.
///
/// Bounded, because nothing is promised of that stream (hub-api 7.11, 19): neither what it says, nor when it ends, nor how an open one counts
/// against the requests. So it is a hint to read the listing sooner, inside the same budget, and nothing else; without it all goes on as before.
struct HintStreams {
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
    /// - Returns: those to listen to from now on.
    mutating func next(_ moving: [String], now: Instant) -> [String] {
        openings.removeAll { now - $0 >= WatchPace.window }
        notBefore = notBefore.filter { now < $0.value }
        let room = min(Self.most - open.count, Self.opened - openings.count)
        guard room > 0 else { return [] }
        let chosen = Array(moving.filter { !open.contains($0) && notBefore[$0] == nil }.prefix(room))
        open.formUnion(chosen)
        openings += chosen.map { _ in now }
        return chosen
    }

    mutating func ended(_ space: String, now: Instant) {
        open.remove(space)
        notBefore[space] = now + Self.pause
    }
}

extension HubWatch {
    /// Spaces to listen to from now on.
    func hintsToOpen() async -> [String] {
        let moving = knowledge.moving
        guard !moving.isEmpty, await boiler.mayAct else { return [] }
        let now = clocks.wall()
        guard callsInWindow < budgetForHints else { return [] }
        let own = Set(await boiler.fleet().checks.compactMap { $0.space.map(SpaceName.key) })
        let chosen = hints.next(moving.filter { own.contains(SpaceName.key($0)) }, now: now)
        if !chosen.isEmpty { noteCalls(chosen.count) }
        return chosen
    }

    /// Listens until the Space has come to rest, the stream ends, or it has taken too long.
    func follow(_ space: String) async {
        let began = clocks.wall()
        let name = knowledge.newName(of: space) ?? space
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // However it ends: the listing tells the same a little later.
                try? await self.hub.listen(to: name) { stage in
                    if self.knowledge.word(of: space)?.facts.stage != stage { self.knowledge.want() }
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
        guard knowledge.word(of: space)?.facts.stage?.isMoving == true, clocks.wall() - began < HintStreams.longest
        else {
            return false
        }
        return await boiler.mayAct
    }
}
