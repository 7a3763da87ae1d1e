package import StokerCore
import Synchronization

/// What the Hub has said of the fleet's Spaces, as shards, pages and healing read it. Written by ``HubWatch`` alone.
package final class HubKnowledge: Sendable {
    private struct State {
        var words: [String: SpaceVerdict.Word] = [:]
        /// By check: what both sources mean together, where that is more than "well".
        var cells: [String: SpaceVerdict.Cell] = [:]
        /// By check: what healing did last, or suggests.
        var healing: [String: String] = [:]
        var incident: Set<Cause> = []
        var isWatched = false
        var wanted = false
        var patience = SpaceVerdict.Patience()
        var use: HubUse?
    }
    private let state = Mutex(State())

    package init() {}

    /// A stage that is not what it was.
    package struct Change: Sendable, Equatable {
        package var space: String
        /// nil when it was not known before.
        package var from: SpaceStage?
        package var word: SpaceVerdict.Word
        /// Known before, whatever its stage.
        package var wasKnown: Bool
    }

    // MARK: Written by the watch

    package var isWatched: Bool {
        get { state.withLock { $0.isWatched } }
        set { state.withLock { $0.isWatched = newValue } }
    }

    /// A demonstration is in more of a hurry than a fleet.
    package var patience: SpaceVerdict.Patience {
        get { state.withLock { $0.patience } }
        set { state.withLock { $0.patience = newValue } }
    }

    /// What is used and left of the account's requests, as of the last reading; nil while the Hub is not asked.
    package var use: HubUse? {
        get { state.withLock { $0.use } }
        set { state.withLock { $0.use = newValue } }
    }

    /// Takes what was read at an instant.
    /// - Parameter namespace: the listing was that of a whole namespace: what is missing in it is gone. nil for single Spaces.
    /// - Returns: what changed, and the Spaces that are gone.
    package func take(_ spaces: [SpaceFacts], of namespace: String?, now: Instant) -> (
        changes: [Change], gone: [String]
    ) {
        state.withLock { state in
            var changes: [Change] = []
            var seen: Set<String> = []
            for facts in spaces {
                seen.insert(facts.id)
                let old = state.words[facts.id]
                let isSame = old?.facts.stage == facts.stage && old?.facts.pauseReason == facts.pauseReason
                var word = SpaceVerdict.Word(
                    facts: facts, readAt: now, stageSince: isSame ? old?.stageSince ?? now : now)
                if facts.servesOldBuild == true {
                    // Another push starts the wait anew.
                    let isSamePush = old?.facts.repoSHA == facts.repoSHA
                    word.oldBuildSince = isSamePush ? old?.oldBuildSince ?? now : now
                }
                state.words[facts.id] = word
                if !isSame {
                    changes.append(
                        Change(space: facts.id, from: old?.facts.stage, word: word, wasKnown: old != nil))
                }
            }
            guard let namespace else { return (changes, []) }
            let prefix = namespace.lowercased() + "/"
            let gone = state.words.keys.filter { $0.lowercased().hasPrefix(prefix) && !seen.contains($0) }
            for id in gone { state.words[id] = nil }
            return (changes, gone.sorted())
        }
    }

    package func forget(_ space: String) { state.withLock { $0.words[space] = nil } }

    package func set(incident: Set<Cause>) { state.withLock { $0.incident = incident } }
    package func set(healing text: String?, of check: String) { state.withLock { $0.healing[check] = text } }
    package var checksWithHealing: [String] { state.withLock { $0.healing.keys.sorted() } }

    /// Something happened that a new reading would explain; asks once.
    package func want() { state.withLock { $0.wanted = true } }
    package func takeWanted() -> Bool {
        state.withLock { state in
            defer { state.wanted = false }
            return state.wanted
        }
    }

    // MARK: Read

    package func word(of space: String) -> SpaceVerdict.Word? { state.withLock { $0.words[space] } }
    package var words: [String: SpaceVerdict.Word] { state.withLock { $0.words } }
    package func cell(of check: String) -> SpaceVerdict.Cell? { state.withLock { $0.cells[check] } }

    /// Both sources taken together; remembers the cell for pages and healing.
    func join(
        _ finding: Finding, check: String, space: String, troubleBegan: Instant, now: Instant
    ) -> SpaceVerdict.Joint {
        state.withLock { state in
            guard state.isWatched else { return SpaceVerdict.Joint(finding: finding) }
            let joint = SpaceVerdict.join(
                finding, state.words[space], troubleBegan: troubleBegan, incident: state.incident,
                patience: state.patience, now: now)
            if let cell = joint.cell, cell.disagrees || cell.verdict != .up {
                state.cells[check] = cell
            } else if !state.cells.isEmpty {
                state.cells[check] = nil
            }
            if joint.finding.outcome != .up { state.wanted = true }
            return joint
        }
    }

    func sight(of check: String, space: String, now: Instant) -> SpaceSight? {
        state.withLock { state in
            guard state.isWatched, let word = state.words[space] else { return nil }
            let cell = state.cells[check]
            let isFresh = word.isFresh(at: now)
            var old: (running: String, head: String)?
            if word.facts.servesOldBuild == true, let running = word.facts.runningSHA, let head = word.facts.repoSHA {
                old = (running, head)
            }
            return SpaceSight(
                stage: word.facts.stage, stageSince: word.stageSince, readAt: word.readAt, isFresh: isFresh,
                errorMessage: word.facts.errorMessage, oldBuild: old, hardware: word.facts.hardware,
                disagreement: cell.flatMap { $0.disagrees ? $0.said : nil }, healing: state.healing[check])
        }
    }
}
