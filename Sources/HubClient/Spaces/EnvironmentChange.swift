package import StokerCore

/// One wished change of a Space's environment.
package struct EnvironmentChange: Sendable, Equatable {
    /// What the value is to become.
    package enum Wish: Sendable, Equatable {
        case set(Secret, description: String?)
        case delete
    }
    package var kind: SpaceValueKind
    /// Letters, digits and underscores; begins with a letter.
    package var key: String
    package var wish: Wish
    package init(_ kind: SpaceValueKind, _ key: String, _ wish: Wish) {
        self.kind = kind
        self.key = key
        self.wish = wish
    }
}

/// What there is to do for a list of wishes, decided before anything is written.
///
/// Every write restarts the Space, and the Hub has no call for several at once: so what is unchanged is left alone, and with two or more
/// writes a Space that runs is paused first and restarted once behind them.
package struct EnvironmentPlan: Sendable, Equatable {
    /// How the writes are surrounded.
    package enum Way: String, Sendable {
        /// Nothing has to be written.
        case nothing
        /// One write, or a Space that does not run: the Hub does what it does after each.
        case direct
        /// Pause, write all, restart: one restart in place of several.
        case pausedMeanwhile = "paused-meanwhile"
        /// It was paused before and stays so; the values count from its next start.
        case staysPaused = "stays-paused"
        /// It is still paused by an earlier change that was ended in its midst: write what is to be written, and restart it. Never
        /// planned by itself: only who paused it knows.
        case finishesRestart = "finishes-restart"

        /// A restart stands behind the writes.
        package var restarts: Bool { self == .pausedMeanwhile || self == .finishesRestart }
    }

    package var writes: [EnvironmentChange]
    /// Names that already are as wished.
    package var unchanged: [EnvironmentChange]
    package var way: Way
    /// `updatedAt` of the secrets that were there.
    private(set) var stamps: [String: String] = [:]

    package init(
        _ wishes: [EnvironmentChange], secrets: [SpaceSecret], variables: [SpaceVariable], prints: SecretFingerprints,
        space: RepoID, runtime: SpaceRuntime
    ) {
        writes = []
        unchanged = []
        for secret in secrets { stamps[secret.key] = secret.updatedAt }
        // The last wish for a name counts, at the place of the first.
        var latest: [String: EnvironmentChange] = [:]
        for wish in wishes { latest["\(wish.kind) \(wish.key)"] = wish }
        var seen: Set<String> = []
        for wish in wishes {
            let name = "\(wish.kind) \(wish.key)"
            guard seen.insert(name).inserted, let change = latest[name] else { continue }
            let isThere: Bool
            switch (change.kind, change.wish) {
            case (.secret, .set(let value, let description)):
                let present = secrets.first { $0.key == change.key }
                isThere =
                    prints.comparison(of: change.key, value: value, in: space, updatedAt: present?.updatedAt)
                    == .unchanged && (description == nil || description == present?.description)
            case (.variable, .set(let value, let description)):
                let present = variables.first { $0.key == change.key }
                isThere =
                    present?.value == value.reveal()
                    && (description == nil || description == present?.description)
            case (.secret, .delete): isThere = !secrets.contains { $0.key == change.key }
            case (.variable, .delete): isThere = !variables.contains { $0.key == change.key }
            }
            if isThere { unchanged.append(change) } else { writes.append(change) }
        }
        if writes.isEmpty {
            way = .nothing
        } else if runtime.stage == .paused {
            way = .staysPaused
        } else if writes.count > 1, !runtime.isStatic, runtime.stage.isServing || runtime.stage.isMoving {
            way = .pausedMeanwhile
        } else {
            way = .direct
        }
    }
}

/// What was done.
package struct EnvironmentResult: Sendable {
    package var plan: EnvironmentPlan
    /// The writes that were made: all of the plan, unless it was called off on the way.
    package var written: [EnvironmentChange] = []
    /// After the last write; nil when nothing was written, or the Hub could not be asked any more.
    package var runtime: SpaceRuntime?
}

/// What carrying out a plan comes to next.
package enum EnvironmentStep: Sendable, Equatable {
    case pausing
    case writing(EnvironmentChange, number: Int, of: Int)
    /// It is written, but could not be noted: it will be written once more next time.
    case unnoted(because: String)
    case restarting
    /// The Space is as it was found, and nothing more is written.
    case over
}

extension Hub {
    /// What the wishes come to, with four reads at most and nothing written.
    /// - Throws: `hub.conflict` when a name that is set is one of the other kind already.
    package func plan(
        _ wishes: [EnvironmentChange], for space: RepoID, prints: SecretFingerprints
    ) async throws(HubFailure) -> EnvironmentPlan {
        // A name that is set must not be one of the other kind.
        let sets = wishes.contains { $0.wish != .delete }
        let secrets = sets || wishes.contains { $0.kind == .secret } ? try await secrets(of: space) : []
        let variables = sets || wishes.contains { $0.kind == .variable } ? try await variables(of: space) : []
        for kind in SpaceValueKind.allCases {
            let set = wishes.filter { $0.kind == kind && $0.wish != .delete }.map(\.key)
            let other: SpaceValueKind = kind == .secret ? .variable : .secret
            // What the same plan sets or deletes of the other kind counts as it will be.
            let gone = wishes.filter { $0.kind == other && $0.wish == .delete }.map(\.key)
            let there = (other == .secret ? secrets.map(\.key) : variables.map(\.key)).filter { !gone.contains($0) }
            let both = SpaceValueKind.collisions(
                secrets: set, variables: there + wishes.filter { $0.kind == other && $0.wish != .delete }.map(\.key))
            guard both.isEmpty else {
                throw HubFailure(
                    collision: both, doing: "set \(kind.plural) of \(space)",
                    hint:
                        "to make \(both.count == 1 ? "it a \(kind)" : "them \(kind.plural)"), delete the \(both.count == 1 ? other.rawValue : other.plural) first: stoker space \(other.plural) delete \(space) \(both.joined(separator: " "))"
                )
            }
        }
        return EnvironmentPlan(
            wishes, secrets: secrets, variables: variables, prints: prints, space: space,
            runtime: try await runtime(of: space))
    }

    /// Carries a plan out. A Space that was paused for it is restarted also when a write fails in between, or the rest is called off.
    /// - Parameters:
    ///   - prints: keeps what was written, as far as it came.
    ///   - goesOn: asked before each write; when it says no, the writes that are left are not made. Cancelling the task in its place would
    ///     leave the Space paused.
    ///   - hurry: returns when a write that is on its way must not be waited for any longer; nil waits for each.
    ///   - step: told before each step.
    /// - Throws: the first failure; what was written before it stays written, and making the same plan again goes on there.
    package func perform(
        _ plan: EnvironmentPlan, for space: RepoID, prints: inout SecretFingerprints, waits: [Duration] = Hub.looks,
        goesOn: () -> Bool = { true }, hurry: (@Sendable () async -> Void)? = nil,
        step: (EnvironmentStep) -> Void = { _ in }
    ) async throws(HubFailure) -> EnvironmentResult {
        var result = EnvironmentResult(plan: plan)
        guard plan.way != .nothing, goesOn() else { return result }
        if plan.way == .pausedMeanwhile {
            step(.pausing)
            _ = try await pause(space, waits: waits)
        }
        var trouble: HubFailure?
        do {
            for change in plan.writes {
                guard goesOn() else { break }
                step(.writing(change, number: result.written.count + 1, of: plan.writes.count))
                let before = plan.stamps[change.key] ?? ""
                try await hurrying(hurry, "write \(change.key) of \(space)") { () async throws(HubFailure) in
                    switch change.wish {
                    case .set(let value, let description):
                        try await self.set(
                            change.kind, change.key, to: value, description: description, of: space, before: before,
                            waits: waits)
                    case .delete: try await self.delete(change.kind, change.key, of: space)
                    }
                }
                result.written.append(change)
            }
        } catch {
            trouble = error
        }
        do {
            let (written, known) = (result.written, prints)
            prints = try await hurrying(hurry, "note what was written") { () async throws(HubFailure) in
                var prints = known
                try await self.note(written, of: space, prints: &prints)
                return prints
            }
        } catch {
            // It is written all the same: only the memory of it suffers.
            step(.unnoted(because: error.said))
        }
        if plan.way.restarts {
            step(.restarting)
            do {
                result.runtime = try await restart(space, waits: waits).runtime
            } catch {
                throw (trouble ?? error).whilePaused(space)
            }
        } else if trouble == nil {
            // All is written: not to see what the Space does now is no failure of that.
            result.runtime = try? await runtime(of: space)
        }
        step(.over)
        if let trouble {
            throw trouble.after(
                result.written.count, of: plan.writes.count, restarted: plan.way.restarts ? space : nil)
        }
        return result
    }

    /// Work that is left when `hurry` returns first; whether it was done is then not known.
    private func hurrying<Value: Sendable>(
        _ hurry: (@Sendable () async -> Void)?, _ doing: String,
        _ work: @escaping @Sendable () async throws(HubFailure) -> Value
    ) async throws(HubFailure) -> Value {
        guard let hurry else { return try await work() }
        do {
            return try await withThrowingTaskGroup(of: Value?.self) { group in
                group.addTask { try await work() }
                group.addTask {
                    await hurry()
                    return nil
                }
                defer { group.cancelAll() }
                if let value = try await group.next() ?? nil { return value }
                throw HubFailure(
                    .cancelled, doing: doing,
                    said: "it was not answered in time and was left; it may have been done all the same",
                    hint: "the same command does the rest")
            }
        } catch {
            throw HubFailure(unexpected: error, doing: doing)
        }
    }

    private func note(
        _ done: [EnvironmentChange], of space: RepoID, prints: inout SecretFingerprints
    ) async throws(HubFailure) {
        let secretsDone = done.filter { $0.kind == .secret }
        guard !secretsDone.isEmpty else { return }
        let now = try await secrets(of: space)
        for change in secretsDone {
            let updatedAt = now.first { $0.key == change.key }?.updatedAt
            if case .set(let value, _) = change.wish, let updatedAt {
                prints.note(change.key, value: value, in: space, updatedAt: updatedAt)
            } else {
                prints.forget(change.key, in: space)
            }
        }
    }
}

extension HubFailure {
    /// Names that would stand for a secret and a variable of one Space. Nothing was sent.
    init(collision names: [String], doing: String, hint: String) {
        let many = names.count > 1
        self.init(
            .conflict, doing: doing,
            said:
                "\(names.joined(separator: ", ")) would be \(many ? "secrets and variables" : "a secret and a variable") at once, and a Space with both stops with CONFIG_ERROR; nothing was sent",
            hint: hint)
    }

    fileprivate func after(_ written: Int, of all: Int, restarted space: RepoID?) -> HubFailure {
        guard all > 1 || space != nil else { return self }
        var copy = self
        copy.said += "; \(written) of \(all) changes are written"
        if let space { copy.said += ", and \(space) was restarted" }
        copy.hint = hint ?? "the same command goes on where it stopped"
        return copy
    }

    fileprivate func whilePaused(_ space: RepoID) -> HubFailure {
        var copy = self
        copy.said += "; \(space) was paused for the change and is not restarted yet"
        copy.hint = "start it with `stoker space restart \(space)`"
        return copy
    }
}
