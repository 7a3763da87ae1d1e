import AsyncHTTPClient
import FoundationEssentials
import NIOHTTP1
import Runtime
import StokerCore

/// Control of a running Space. The official client sends each of these once; so do we, and when the answer is lost we look at the runtime
/// before anything is said or repeated (a second restart costs minutes, the others aim at a state that can be seen).
extension Hub {
    /// `GET /api/spaces/{id}/runtime`. Wakes nothing.
    /// - Parameter isUrgent: part of a change that somebody waits for.
    package func runtime(of space: RepoID, isUrgent: Bool = false) async throws(HubFailure) -> SpaceRuntime {
        try await send(runtimeRequest(space, isUrgent: isUrgent)).decoded(doing: "read the runtime of \(space)")
    }

    private func runtimeRequest(_ space: RepoID, isUrgent: Bool) -> HubRequest {
        var request = HubRequest(
            .GET, "\(space.api)/runtime", doing: "read the runtime of \(space)", right: "read access to \(space)")
        request.isUrgent = isUrgent
        return request
    }

    /// Asks for other hardware; the Space restarts on it. `sleepSeconds` as for ``setSleepTime(of:seconds:waits:)``.
    /// Throws `hub.plan` when payment means or the plan are missing, `hub.invalid` for an unknown flavor or a static Space.
    package func requestHardware(
        of space: RepoID, flavor: String, sleepSeconds: Int? = nil, waits: [Duration] = Hub.looks
    ) async throws(HubFailure) -> SpaceRuntime {
        struct Body: Encodable {
            var flavor: String
            var sleepTimeSeconds: Int?
        }
        return try await settled(
            control(
                space, "hardware", doing: "request \(flavor) for \(space)",
                body: .json(encoding: Body(flavor: flavor, sleepTimeSeconds: sleepSeconds))),
            of: space, waits: waits
        ) { runtime in
            runtime.requestedHardware == flavor
                && (sleepSeconds.map { runtime.sleepSeconds == Self.shown($0) } ?? true)
        }
    }

    /// Seconds without a visit after which the Space is put to sleep; −1 for never. On `cpu-basic` the Hub keeps its 48 hours whatever is
    /// asked, without an error: look at the answer.
    package func setSleepTime(
        of space: RepoID, seconds: Int, waits: [Duration] = Hub.looks
    ) async throws(HubFailure) -> SpaceRuntime {
        struct Body: Encodable { var seconds: Int }
        return try await settled(
            control(
                space, "sleeptime", doing: "set the sleep time of \(space)",
                body: .json(encoding: Body(seconds: seconds))),
            of: space, waits: waits
        ) { $0.sleepSeconds == Self.shown(seconds) || $0.requestedHardware == "cpu-basic" }
    }

    /// As a runtime tells a sleep time: never is null there.
    private static func shown(_ seconds: Int) -> Int? { seconds < 0 ? nil : seconds }

    /// Stops the Space until its owner restarts it; visits do not wake it, and nothing is billed.
    package func pause(_ space: RepoID, waits: [Duration] = Hub.looks) async throws(HubFailure) -> SpaceRuntime {
        try await settled(control(space, "pause", doing: "pause \(space)"), of: space, waits: waits) {
            $0.stage == .paused
        }
    }

    /// Allows SSH and live edits in the container; leaving it always works, entering needs a paid plan.
    package func setDevMode(
        of space: RepoID, enabled: Bool, waits: [Duration] = Hub.looks
    ) async throws(HubFailure) -> SpaceRuntime {
        struct Body: Encodable { var enabled: Bool }
        let doing = enabled ? "enable dev mode of \(space)" : "disable dev mode of \(space)"
        return try await settled(
            control(space, "dev-mode", doing: doing, body: .json(encoding: Body(enabled: enabled))), of: space,
            waits: waits
        ) { $0.devMode == enabled }
    }

    /// How many containers serve the Space; paid hardware only, and the price multiplies. Source: huggingface.js; its answer is not
    /// documented, so the runtime is read afterwards.
    package func setReplicas(
        of space: RepoID, count: Int, waits: [Duration] = Hub.looks
    ) async throws(HubFailure) -> SpaceRuntime {
        struct Body: Encodable { var replicas: Int }
        let request = control(
            space, "replicas", doing: "set the replicas of \(space) to \(count)",
            body: .json(encoding: Body(replicas: count)))
        return try await settled(request, of: space, waits: waits, readsAfterwards: true) {
            $0.requestedReplicas == .count(count)
        }
    }

    private func control(_ space: RepoID, _ verb: String, doing: String, body: HubRequest.Body = .none) -> HubRequest {
        var request = HubRequest(
            .POST, "\(space.api)/\(verb)", doing: doing, body: body, right: "write access to \(space)",
            repeats: .never, action: .write(repo: space))
        request.isUrgent = true
        return request
    }

    /// When to look again at a state that should have changed: 1, 2 and 4 seconds later.
    package static let looks: [Duration] = [.seconds(1), .seconds(2), .seconds(4)]

    /// Sends a call that aims at a state. A lost answer is settled by looking: the state is there, or the call is made once more.
    private func settled(
        _ request: HubRequest, of space: RepoID, waits: [Duration], readsAfterwards: Bool = false,
        isThere: (SpaceRuntime) -> Bool
    ) async throws(HubFailure) -> SpaceRuntime {
        var waits = waits[...]
        while true {
            do {
                let answer = try await send(request)
                if readsAfterwards { return try await runtime(of: space, isUrgent: true) }
                return try answer.decoded(doing: request.doing)
            } catch let failure where failure.mayHaveHappened {
                if let seen = try? await runtime(of: space, isUrgent: true), isThere(seen) { return seen }
                guard let wait = waits.popFirst() else { throw failure }
                try await pause(for: wait, doing: request.doing)
            } catch {
                throw await namingStatic(error, of: space)
            }
        }
    }

    /// Sleeps; being cancelled ends the call.
    package func pause(for wait: Duration, doing: String) async throws(HubFailure) {
        do { try await pace.clock.sleep(wait) } catch { throw HubFailure(cancelled: doing) }
    }
}

extension HubFailure {
    /// Whether the Hub may have done what was asked although we got no good answer.
    var mayHaveHappened: Bool {
        switch kind {
        case .unreachable, .trouble, .unreadable: true
        default: false
        }
    }
}

// MARK: restart

/// How we know that a restart happened.
package struct SpaceRestart: Sendable {
    /// What showed that it happened.
    package enum Proof: String, Sendable {
        /// The Hub answered.
        case answered
        /// The answer was lost, and the stage shows that it began.
        case stage
        /// The answer was lost, and the run log began anew after we asked.
        case log
        /// The answer was lost, nothing had begun, and it was asked for once more.
        case repeated
    }
    /// As it was right after the restart was asked for.
    package var runtime: SpaceRuntime
    package var proof: Proof
}

extension Hub {
    /// Seconds by which the Hub's clocks may differ.
    private static let clockSlack: TimeInterval = 5

    /// Restarts the Space; `factory` builds it anew without a cache. From `PAUSED` only the owner may.
    ///
    /// Never repeated blindly. When the answer is lost, the stage and then the beginning of the run log are looked at; only when both show
    /// that nothing began, it is asked for once more. When they show nothing, the failure says so and leaves it to the caller.
    /// - Parameter unlessPaused: a Space that is `PAUSED` when it is looked at first is left as it is: who paused it wants it so. Then
    ///   nothing is sent and the failure is a `conflict`.
    package func restart(
        _ space: RepoID, factory: Bool = false, unlessPaused: Bool = false, waits: [Duration] = Hub.looks
    ) async throws(HubFailure) -> SpaceRestart {
        let doing = factory ? "rebuild and restart \(space)" : "restart \(space)"
        var request = HubRequest(
            .POST, "\(space.api)/restart", doing: doing, query: factory ? [("factory", "true")] : [],
            right: "write access to \(space)", repeats: .never, action: .restart(space: space))
        request.isUrgent = true
        let lookedFirst = try await send(runtimeRequest(space, isUrgent: true))
        let before = try lookedFirst.decoded(as: SpaceRuntime.self, doing: doing)
        if unlessPaused, before.stage == .paused {
            throw HubFailure(.conflict, doing: doing, said: "it was paused meanwhile")
        }
        // The Hub's own clock: ours may be wrong.
        let asked = ServerDate(lookedFirst.headers)
        do {
            return SpaceRestart(runtime: try await send(request).decoded(doing: doing), proof: .answered)
        } catch let failure where failure.mayHaveHappened {
            var evidence = RestartEvidence(before: before.stage)
            for wait in waits {
                try await pause(for: wait, doing: doing)
                guard let now = try? await runtime(of: space, isUrgent: true) else { continue }
                if evidence.look(at: now.stage) { return SpaceRestart(runtime: now, proof: .stage) }
            }
            // What was moving before goes on without us: neither its stages nor its log show who asked.
            guard evidence.wasSeen, !before.stage.isMoving else { throw failure.leftOpen(space) }
            if before.stage.isServing {
                // A quick restart may have come and gone between two looks.
                guard let asked, let began = try? await beginningOfRunLog(of: space) else {
                    throw failure.leftOpen(space)
                }
                // The `Date` of an answer is in whole seconds and may be kept for some, and the log's clock is another machine's: near
                // the question nothing is proved, and a second restart costs minutes.
                if began >= asked.date.addingTimeInterval(Self.clockSlack) {
                    return SpaceRestart(runtime: try await runtime(of: space, isUrgent: true), proof: .log)
                }
                guard began < asked.date.addingTimeInterval(-Self.clockSlack) else { throw failure.leftOpen(space) }
            }
            do {
                return SpaceRestart(runtime: try await send(request).decoded(doing: doing), proof: .repeated)
            } catch let failure where failure.mayHaveHappened {
                throw failure.leftOpen(space)
            }
        } catch {
            throw await namingStatic(error, of: space)
        }
    }
}

/// Whether stages show that a restart began.
struct RestartEvidence {
    let before: SpaceStage
    private(set) var wasSeen = false

    init(before: SpaceStage) { self.before = before }

    /// True when this stage can only be the restart's.
    mutating func look(at stage: SpaceStage) -> Bool {
        wasSeen = true
        return !before.isMoving && stage != before && (stage.isMoving || stage.isServing || stage.isFailed)
    }
}

extension HubFailure {
    fileprivate func leftOpen(_ space: RepoID) -> HubFailure {
        var copy = self
        copy.said += "; whether it restarted cannot be told"
        copy.hint = "look with `stoker space runtime \(space)` before you ask again: a second restart costs minutes"
        return copy
    }
}

/// The `Date` of an answer, whole seconds.
struct ServerDate {
    let date: Date

    init?(_ headers: HTTPHeaders) {
        guard let moment = headers.first(name: "date").flatMap({ Instant(httpDate: $0) }) else { return nil }
        date = Date(timeIntervalSince1970: moment.seconds)
    }
}
