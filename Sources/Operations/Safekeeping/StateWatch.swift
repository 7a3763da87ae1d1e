import Runtime
package import Safekeeping
package import StokerCore

/// Looks at the vaults of a fleet's states again and again, proves restores by their policy, and tells what is wrong, once.
package struct StateWatch: Sendable {
    /// Times of it.
    package struct Schedule: Sendable {
        /// Between two looks at a state.
        package var every = Duration.seconds(5 * 60)
        /// The same for places that count requests and commits, or that are fetched whole.
        package var slow = Duration.seconds(15 * 60)
        /// After a start.
        package var first = Duration.seconds(5)
        /// Longest wait for a person's word to be seen, and for what is due.
        package var tick = Duration.seconds(30)
        package init() {}
    }

    private let board: StateBoard
    private let schedule: Schedule

    package init(_ board: StateBoard, schedule: Schedule = Schedule()) {
        self.board = board
        self.schedule = schedule
    }

    /// Until it is cancelled.
    /// - Parameters:
    ///   - mayAct: whether this master is the one at work; and where the network is needed, whether it is sure of its own.
    ///   - emit: takes events for what began and what is over.
    ///   - failed: takes what kept it from remembering.
    package func run(
        mayAct: @escaping @Sendable (_ byNetwork: Bool) async -> Bool,
        emit: @escaping @Sendable (EventPayload) async -> Void,
        failed: @escaping @Sendable (_ state: String, any Error) async -> Void
    ) async {
        let scratch = board.scratch
        // Left by a process that was killed; what cannot be removed is in nobody's way.
        try? await FileLane().run("clear \(scratch)", within: .seconds(60)) { RestoreDrill.clear(scratch) }
        let (looks, drills) = (AsyncSignal(), AsyncSignal())
        board.setWake {
            looks.fire()
            drills.fire()
        }
        await withTaskGroup(of: Void.self) { group in
            // A drill may take long: looks go on beside it.
            group.addTask { await self.keep(at: .look, looks, mayAct, emit, failed) }
            group.addTask { await self.keep(at: .drill, drills, mayAct, emit, failed) }
        }
    }

    private enum Work { case look, drill }

    private func keep(
        at work: Work, _ news: AsyncSignal, _ mayAct: @Sendable (Bool) async -> Bool,
        _ emit: @Sendable (EventPayload) async -> Void,
        _ failed: @Sendable (String, any Error) async -> Void
    ) async {
        var looked: [String: Instant] = [:]
        // The fleet begins first.
        await news.wait(atMost: schedule.first, clock: ContinuousClock())
        while !Task.isCancelled {
            let isSure = await mayAct(true)
            // A folder needs no network.
            let isAtWork = isSure ? true : await mayAct(false)
            if isAtWork {
                for state in board.states where !Task.isCancelled {
                    guard isSure || state.vaults.allSatisfy({ $0.value.kind == .folder }) else { continue }
                    do {
                        switch work {
                        case .look:
                            let isSlow = state.vaults.first.map { [.dataset, .git].contains($0.value.kind) } ?? false
                            let wait = isSlow ? schedule.slow : schedule.every
                            // A clock that was put back must not stop it.
                            if let last = looked[state.name], abs((board.now() - last).seconds) < wait.seconds {
                                continue
                            }
                            looked[state.name] = board.now()
                            try await look(state, emit)
                        case .drill:
                            guard try await isDue(state) else { continue }
                            try await drill(state, emit)
                        }
                    } catch {
                        if Task.isCancelled { return }
                        await failed(state.name, error)
                    }
                }
            }
            await news.wait(atMost: schedule.tick, clock: ContinuousClock())
        }
    }

    /// One look at a state, and what is to be told of it.
    package func look(_ state: StateBoard.State, _ emit: (EventPayload) async -> Void) async throws {
        try await tell(state, try await board.look(state), emit)
    }

    /// One drill, and what is to be told of it.
    package func drill(_ state: StateBoard.State, _ emit: (EventPayload) async -> Void) async throws {
        try await tell(state, try await board.drill(state), emit)
    }

    /// Whether somebody asked for its drill, or the policy does.
    package func isDue(_ state: StateBoard.State) async throws -> Bool {
        if board.isDrillAsked(state) { return true }
        guard state.settings.drill != nil else { return false }
        let memory = try await board.memory(state.name)
        // Nothing to prove before something was seen there.
        guard memory.facts?.newestTime != nil else { return false }
        let health = board.health(state, memory)
        return health.drillDue.map { $0 <= board.now() } ?? false
    }

    private func tell(
        _ state: StateBoard.State, _ memory: StateMemory, _ emit: (EventPayload) async -> Void
    ) async throws {
        let alarms = board.health(state, memory).alarms
        // The ledger of the server itself is no check of the fleet.
        let check = state.space == nil ? nil : state.target
        for alarm in StateHealth.Alarm.allCases {
            let before = memory.told[alarm.rawValue]
            guard let problem = alarms[alarm] else {
                guard before != nil else { continue }
                await emit(
                    alarm == .snapshotFailed
                        ? .snapshotsBack(state: state.name, check: check)
                        : .restoreProven(
                            state: state.name, check: check, milliseconds: memory.proven?.milliseconds))
                continue
            }
            // The same trouble in other words, such as another time, is no news.
            guard before != problem.key else { continue }
            await emit(
                alarm == .snapshotFailed
                    ? .snapshotFailed(state: state.name, check: check, because: problem.because)
                    : .restoreUnproven(state: state.name, check: check, because: problem.because))
        }
        let told = Dictionary(uniqueKeysWithValues: alarms.map { ($0.key.rawValue, $0.value.key) })
        if told != memory.told { try await board.update(state.name) { $0.told = told } }
    }
}

extension StateBoard {
    /// How a state is, by what is remembered of it.
    package func health(_ state: State, _ memory: StateMemory) -> StateHealth {
        StateHealth(memory, vault: place(of: state), drill: state.settings.drill, now: now())
    }
}
