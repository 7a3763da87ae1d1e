package import StokerCore
import Synchronization

/// What the Hub has said of the fleet's Spaces. Written by ``HubPoller`` alone; the fleet monitor and its shards read it.
package final class HubReadings: Sendable {
    private struct State {
        /// By ``SpaceName/key(_:)`` of the fleet's name.
        var words: [String: SpaceVerdict.HubReading] = [:]
        /// By key of the old name: the old name as the fleet writes it, and the key of the new one.
        var moved: [String: (name: String, to: String)] = [:]
        /// By check: what healing did last, or suggests.
        var healing: [String: String] = [:]
        /// Namespaces that were listed as a whole, and single Spaces that the Hub does not have; in small letters.
        var listed: Set<String> = []
        var absent: Set<String> = []
        var incident: Set<Cause> = []
        var isWatched = false
        var patience = SpaceVerdict.GracePeriods()
        var use: HubRateUsage?
    }
    private let state = Mutex(State())

    package init() {}

    /// A stage that is not what it was.
    package struct Change: Sendable, Equatable {
        package var space: String
        /// nil when it was not known before.
        package var from: SpaceStage?
        package var word: SpaceVerdict.HubReading
        /// Known before, whatever its stage.
        package var wasKnown: Bool
    }

    // MARK: Written by the watch

    package var isWatched: Bool {
        get { state.withLock { $0.isWatched } }
        set { state.withLock { $0.isWatched = newValue } }
    }

    /// A demonstration is in more of a hurry than a fleet.
    package var patience: SpaceVerdict.GracePeriods {
        get { state.withLock { $0.patience } }
        set { state.withLock { $0.patience = newValue } }
    }

    /// What is used and left of the account's requests, as of the last reading; nil while the Hub is not asked.
    package var use: HubRateUsage? {
        get { state.withLock { $0.use } }
        set { state.withLock { $0.use = newValue } }
    }

    /// Takes what was read at an instant. A Space that has moved is known under the fleet's name and its new one.
    /// - Parameter namespace: the listing was that of a whole namespace: what is missing in it is gone. nil for single Spaces.
    /// - Returns: what changed, and the Spaces that are gone.
    package func take(_ spaces: [SpaceFacts], of namespace: String?, now: Instant) -> (
        changes: [Change], gone: [String]
    ) {
        state.withLock { state in
            var changes: [Change] = []
            var seen: Set<String> = []
            for facts in spaces {
                let key = SpaceName.key(facts.id)
                seen.insert(key)
                // Somebody has the old name again.
                state.moved[key] = nil
                if let change = Self.note(facts, as: facts.id, in: &state, now: now) { changes.append(change) }
            }
            if !state.moved.isEmpty {
                let old = Dictionary(grouping: state.moved, by: \.value.to)
                for facts in spaces {
                    for (_, moved) in old[SpaceName.key(facts.id)] ?? [] {
                        if let change = Self.note(facts, as: moved.name, in: &state, now: now) {
                            changes.append(change)
                        }
                    }
                }
            }
            guard let namespace else { return (changes, []) }
            state.listed.insert(namespace.lowercased())
            let prefix = SpaceName.key(namespace) + "/"
            let gone = state.words.filter { key, _ in
                guard let moved = state.moved[key] else { return key.hasPrefix(prefix) && !seen.contains(key) }
                return moved.to.hasPrefix(prefix) && !seen.contains(moved.to)
            }
            for key in gone.keys {
                state.words[key] = nil
                state.moved[key] = nil
            }
            return (
                changes, gone.map { $0.key == SpaceName.key($0.value.facts.id) ? $0.value.facts.id : $0.key }.sorted()
            )
        }
    }

    /// Takes what the Hub said of one Space that was asked for by the fleet's name for it.
    package func take(_ facts: SpaceFacts, as name: String, now: Instant) -> [Change] {
        state.withLock { state in
            let (key, present) = (SpaceName.key(name), SpaceName.key(facts.id))
            state.moved[key] = key == present ? nil : (name, present)
            return Self.note(facts, as: name, in: &state, now: now).map { [$0] } ?? []
        }
    }

    private static func note(_ facts: SpaceFacts, as name: String, in state: inout State, now: Instant) -> Change? {
        let key = SpaceName.key(name)
        let old = state.words[key]
        let isSame = old?.facts.stage == facts.stage && old?.facts.pauseReason == facts.pauseReason
        var word = SpaceVerdict.HubReading(facts: facts, readAt: now, stageSince: isSame ? old?.stageSince ?? now : now)
        if facts.servesOldBuild == true {
            // Another push starts the wait anew.
            let isSamePush = old?.facts.repoSHA == facts.repoSHA
            word.oldBuildSince = isSamePush ? old?.oldBuildSince ?? now : now
        }
        state.words[key] = word
        return isSame ? nil : Change(space: name, from: old?.facts.stage, word: word, wasKnown: old != nil)
    }

    /// The Hub has no such Space, or hides it. Returns whether it had one.
    package func forget(_ space: String) -> Bool {
        state.withLock { state in
            let key = SpaceName.key(space)
            state.absent.insert(key)
            state.moved[key] = nil
            return state.words.removeValue(forKey: key) != nil
        }
    }

    /// The Hub's name for a Space that the fleet still knows under an older one; nil when it has not moved.
    package func newName(of space: String) -> String? {
        state.withLock { state in
            let key = SpaceName.key(space)
            return state.moved[key] == nil ? nil : state.words[key]?.facts.id
        }
    }

    /// Whether any Space of the fleet has moved.
    package var hasMoved: Bool { state.withLock { !$0.moved.isEmpty } }

    package func set(incident: Set<Cause>) { state.withLock { $0.incident = incident } }
    /// What healing did or suggests, for pages; nil takes it away.
    package func set(healing text: String?, of check: String) { state.withLock { $0.healing[check] = text } }
    package var checksWithHealing: [String] { state.withLock { $0.healing.keys.sorted() } }

    // MARK: Read

    /// What the Hub said last of a Space; nil before its first reading, and where the Hub does not know it.
    package func word(of space: String) -> SpaceVerdict.HubReading? {
        let key = SpaceName.key(space)
        return state.withLock { $0.words[key] }
    }
    /// By ``SpaceName/key(_:)`` of the fleet's name.
    package var words: [String: SpaceVerdict.HubReading] { state.withLock { $0.words } }
    /// Spaces that build or start as far as is known, the latest first.
    var moving: [String] {
        state.withLock { state in
            state.words.filter { $0.value.facts.stage?.isMoving == true }
                .sorted { ($1.value.stageSince, $0.key) < ($0.value.stageSince, $1.key) }.map(\.key)
        }
    }
    /// Whether a whole listing of the namespace has been read since the start.
    package func hasListed(_ namespace: String) -> Bool {
        state.withLock { $0.listed.contains(namespace.lowercased()) }
    }
    /// Whether the Hub has not been asked for it yet.
    package func awaits(_ space: String) -> Bool { state.withLock { Self.awaits(space, $0) } }
    private static func awaits(_ space: String, _ state: State) -> Bool {
        let key = SpaceName.key(space)
        guard state.isWatched, state.words[key] == nil else { return false }
        return !state.absent.contains(key) && !state.listed.contains(String(key.prefix { $0 != "/" }))
    }

    /// Both sources taken together; nil while the Hub is not asked. What is not well would be explained by a new reading.
    func join(
        _ finding: AttemptResult, space: String, troubleBegan: Instant, believed: Cause?, now: Instant
    ) -> SpaceVerdict.Combined? {
        let key = SpaceName.key(space)
        return state.withLock { state in
            guard state.isWatched else { return nil }
            if finding.cause == .spaceHidden, Self.awaits(space, state) {
                // Private ones answer so while we do not know that they want the token.
                let detail = "its address answers 404, and the Hub has not said yet whether it is private"
                return SpaceVerdict.Combined(
                    finding: AttemptResult(outcome: .unknown, cause: .spaceHidden, code: finding.code, detail: detail))
            }
            return SpaceVerdict.join(
                finding, state.words[key], troubleBegan: troubleBegan, believed: believed,
                incident: state.incident, patience: state.patience, now: now)
        }
    }

    /// - Parameter cell: what both sources meant together at the last ping, where that is more than "well".
    func hubStatus(of check: String, space: String, cell: SpaceVerdict.GridCell?, now: Instant) -> SpaceHubStatus? {
        let key = SpaceName.key(space)
        return state.withLock { state in
            guard state.isWatched, let word = state.words[key] else { return nil }
            let isFresh = word.isFresh(at: now)
            var old: (running: String, head: String)?
            if word.facts.servesOldBuild == true, let running = word.facts.runningSHA, let head = word.facts.repoSHA {
                old = (running, head)
            }
            return SpaceHubStatus(
                stage: word.facts.stage, stageSince: word.stageSince, readAt: word.readAt, isFresh: isFresh,
                errorMessage: word.facts.errorMessage, oldBuild: old, runningCommit: word.facts.runningSHA,
                hardware: word.facts.hardware, disagreement: cell.flatMap { $0.disagrees ? $0.said : nil },
                healing: state.healing[check])
        }
    }
}
