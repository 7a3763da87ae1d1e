import Synchronization

/// Makes "oldest due first" hold over all shards when more falls due than can be made. Each shard serves its own oldest
/// first, but the machine's processors are not shared out evenly between their threads; so each tells how far behind it is,
/// and one that is ahead of another holds back until they are level.
final class SharedBacklog: Sendable {
    /// How quickly a shard may begin pings.
    enum Pace { case full, slow }

    private final class Word: Sendable {
        /// The oldest due time, wall-clock milliseconds; `.max` when it is not behind.
        let oldest = Atomic<Int64>(.max)
        /// When that was said, running milliseconds; long ago when never. Not `.min`: differences are made with it.
        let said = Atomic<Int64>(-1_000_000)
    }
    private let words: [Word]

    /// Who is less behind than this never waits for others, so that nobody on time is made late.
    static let patience: Int64 = 100
    /// A lead that is not worth anything: shards that waited for each other's every step would both stand still.
    static func lead(lateness: Int64) -> Int64 { max(50, lateness / 8) }
    /// What a shard said before that is not believed any more: its loop may stand still.
    static let staleAfter: Int64 = 1_000

    init(shards: Int) { words = (0..<shards).map { _ in Word() } }

    /// - Parameter oldest: nil for a shard that is not behind, or only because its descriptors are used up: waiting for it
    ///   would not help it.
    func tell(_ oldest: Int64?, of shard: Int, running: Int64) {
        words[shard].oldest.store(oldest ?? .max, ordering: .relaxed)
        words[shard].said.store(running, ordering: .relaxed)
    }

    /// The pace of a shard whose oldest due time this is.
    func pace(_ shard: Int, oldest: Int64?, now: Int64, running: Int64) -> Pace {
        isAhead(shard, oldest: oldest, now: now, running: running) ? .slow : .full
    }

    private func isAhead(_ shard: Int, oldest: Int64?, now: Int64, running: Int64) -> Bool {
        guard let oldest, now - oldest > Self.patience else { return false }
        return words.indices.contains { other in
            // Not a difference: who has not said anything yet said it an eternity ago.
            guard other != shard, words[other].said.load(ordering: .relaxed) > running - Self.staleAfter else {
                return false
            }
            return words[other].oldest.load(ordering: .relaxed) < oldest - Self.lead(lateness: now - oldest)
        }
    }
}
