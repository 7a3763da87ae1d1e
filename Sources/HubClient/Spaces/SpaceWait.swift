package import Diagnosis
import StokerCore

/// Decides from one look at the runtime after the other whether a commit is live, still on its way, or will not come.
///
/// `RUNNING` alone says little: right after a push it is still said of the old version. What counts is the commit of the running app, and
/// where the Hub does not name it (static Spaces never have one), that the Space was seen building or stays as it is for some looks.
package struct SpaceWait: Sendable {
    /// What to do next.
    package enum Step: Sendable, Equatable {
        /// Look again later; what is being waited for, in words.
        case wait(String)
        /// The Hub's part is done: now the app has to answer.
        case ask(String)
        /// It sleeps: a visit wakes it. The answer to that visit proves nothing of the commit; only a look at the awake Space does.
        case wake(String)
        /// It will not become ready by itself.
        case failed(String, hint: String?)
    }

    /// What is waited for; nil for whatever runs.
    package let commit: String?
    /// Whether something was just pushed: then a failure or an old version may be yesterday's news for a few looks.
    package let isFresh: Bool
    /// Looks for which an old state is tolerated.
    package let patience: Int
    private var looks = 0
    private var hasMoved = false
    /// What ran at the first look.
    private var first: String?
    /// The running commit that the head was compared with.
    private var compared: String?
    /// True when a commit runs that is neither the one waited for nor the one before: only the head of the branch tells whether ours is still
    /// to come. Goes into the next look.
    package private(set) var wantsHead = false

    package init(commit: String?, isFresh: Bool, patience: Int = 3) {
        self.commit = commit
        self.isFresh = isFresh
        self.patience = patience
    }

    /// - Parameter head: of the branch that the Space is made from, when ``wantsHead`` asked for it.
    package mutating func look(at runtime: SpaceRuntime, space: RepoID, head: String? = nil) -> Step {
        looks += 1
        if looks == 1 { first = runtime.sha }
        wantsHead = false
        let stage = runtime.stage
        let rule = DiagnosisRules.find(runtime.evidence)
        let words = rule?.brief ?? "stage \(stage)"
        let hint = rule?.next("\(space)")
        if runtime.isModerated {
            return .failed(words + (runtime.abuse?.reason.map { " (\($0))" } ?? ""), hint: hint)
        }
        if stage.isMoving {
            hasMoved = true
            return .wait(words)
        }
        let isEarly = isFresh && !hasMoved && looks <= patience
        if stage.isServing { return running(runtime, isEarly: isEarly, space: space, head: head) }
        if stage.isAsleep { return .wake(words) }
        if stage == .paused || stage == .deleting { return .failed(words, hint: hint) }
        if stage.isFailed {
            if isEarly, runtime.sha == nil || runtime.sha != commit {
                return .wait("\(words), perhaps of the version before")
            }
            return .failed(words + (runtime.errorMessage.map { ": \($0)" } ?? ""), hint: hint)
        }
        return .wait("stage \(stage)")
    }

    private mutating func running(_ runtime: SpaceRuntime, isEarly: Bool, space: RepoID, head: String?) -> Step {
        guard let commit else { return .ask("it runs") }
        if let sha = runtime.sha {
            if sha == commit { return .ask("it runs commit \(commit.prefix(7))") }
            if runtime.devMode == true {
                return .failed(
                    "it is in dev mode and runs commit \(sha.prefix(7)), whatever is committed",
                    hint: "`stoker space dev-mode \(space) --stop` ends that")
            }
            if head == sha {
                return .failed(
                    "a newer commit took its place: \(sha.prefix(7)) runs",
                    hint: "wait for that one with `stoker space wait \(space)`")
            }
            if head != nil {
                compared = sha
            } else {
                wantsHead = compared != sha && (sha != first || looks > patience)
            }
            return .wait("it still runs commit \(sha.prefix(7))")
        }
        if runtime.isStatic { return .ask("it is served") }
        return isEarly
            ? .wait("the Hub does not say yet which commit runs") : .ask("it runs; the Hub does not say which commit")
    }
}

extension SpaceRuntime {
    /// What is known of it for the diagnosis rules.
    package var evidence: Evidence {
        Evidence(
            stage: stage, pause: isModerated ? .moderation : stage == .paused ? .owner : nil, message: errorMessage)
    }
}
