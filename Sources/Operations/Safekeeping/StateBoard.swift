import Deployment
import Foundation
package import HubClient
package import Ledger
import Logging
package import Safekeeping
package import StokerCore
import Synchronization

/// The states of a running fleet: where each is kept, what is remembered of it, and what the last look at its vault told.
///
/// A page or a request never reads a vault: ``StateWatch`` does, and leaves here what it saw.
package final class StateBoard: Sendable {
    /// What a Space keeps, as the fleet file says it.
    package struct State: Sendable, Equatable {
        /// In its vaults: `owner/name`.
        package var name: String
        /// In the fleet file and in addresses of pages.
        package var target: String
        /// On the Hub; nil for what is no Space.
        package var space: String?
        /// The first decides and restores.
        package var vaults: [FleetNamed<VaultSettings>]
        package var settings: PersistSettings
        /// Its app's files on this machine.
        package var appFolder: String?
    }

    private struct Shared {
        var states: [State] = []
        var namespace: String?
        var readings: [String: StateReading] = [:]
        /// States whose drill was asked for by a person.
        var asked: Set<String> = []
        var drilling: Set<String> = []
        /// States whose guard is to make a snapshot, and has not been told so yet.
        var wanted: Set<String> = []
    }

    let ledger: any Ledger
    let hub: Hub?
    let scratch: String
    private let base: String
    private let environment: [String: String]
    let now: @Sendable () -> Instant
    private let shared: Mutex<Shared>
    private let news = Mutex<(@Sendable () -> Void)?>(nil)

    /// - Parameters:
    ///   - hub: the account; vaults of the Hub need it.
    ///   - dataFolder: drills restore below it.
    ///   - base: the fleet file's folder: paths are seen from there.
    ///   - environment: names and values, as of the process: access keys of buckets are read here.
    package init(
        fleet: Fleet, ledger: any Ledger, hub: Hub?, dataFolder: String, base: String, environment: [String: String],
        now: @escaping @Sendable () -> Instant
    ) {
        self.ledger = ledger
        self.hub = hub
        scratch = (dataFolder.hasPrefix("/") ? dataFolder : base + "/" + dataFolder) + "/drills"
        self.base = base
        self.environment = environment
        self.now = now
        shared = Mutex(Shared())
        use(fleet)
    }

    /// The fleet file was read anew.
    package func use(_ fleet: Fleet) {
        let states = Self.states(of: fleet, base: base)
        shared.withLock { shared in
            shared.states = states
            shared.namespace = fleet.hub.namespace
            let names = Set(states.map(\.name))
            shared.readings = shared.readings.filter { names.contains($0.key) }
        }
        fire()
    }

    package func setWake(_ wake: @escaping @Sendable () -> Void) { news.withLock { $0 = wake } }
    private func fire() { news.withLock { $0 }?() }

    static func states(of fleet: Fleet, base: String) -> [State] {
        let vaults = fleet[VaultsSection.section]
        let deploys = Dictionary(fleet[DeploySection.ofSpaces].map { ($0.target, $0.settings) }) { first, _ in first }
        func named(_ names: [FleetReference]) -> [FleetNamed<VaultSettings>] {
            names.compactMap { name in vaults.first { $0.name == name.name } }
        }
        var states = fleet[PersistSection.ofSpaces].map { one in
            var folder: String?
            if case .folder(let path) = deploys[one.target]?.from {
                folder = path.name.hasPrefix("/") ? path.name : base + "/" + path.name
            }
            return State(
                name: one.space, target: one.target, space: one.space,
                vaults: named(one.settings.vaults), settings: one.settings, appFolder: folder)
        }
        if !fleet.ledger.vaults.isEmpty {
            // Its own ledger is proven as a Space's state is, when somebody asks.
            var settings = PersistSettings()
            settings.every = fleet.ledger.every
            states.append(
                State(
                    name: LedgerKeeper.state, target: LedgerKeeper.state, space: nil,
                    vaults: named(fleet.ledger.vaults), settings: settings))
        }
        return states
    }

    package var states: [State] { shared.withLock { $0.states } }

    /// - Parameter name: as the fleet file or the Hub has it.
    /// - Throws: `not_found`, with what there is.
    package func state(_ name: String) throws(Failure) -> State {
        let states = states
        let lower = name.lowercased()
        if let state = states.first(where: { $0.target == name || $0.name.lowercased() == lower }) { return state }
        throw Failure(
            .notFound, doing: "look for the state \(name.cut(to: 100))",
            because: "no Space of the fleet file keeps one of that name",
            hint: states.isEmpty
                ? "`persist: { paths: [data] }` below a Space says what of it is kept"
                : "states are \(states.prefix(10).map(\.target).joined(separator: ", "))")
    }

    /// - Parameter name: of `vaults:`; the first of the state's unless given.
    /// - Returns: a store whose vault has to be shut down.
    package func open(_ state: State, vault name: String? = nil) throws -> SnapshotStore {
        let doing = "open the vault of \(state.target)"
        guard let vault = name == nil ? state.vaults.first : state.vaults.first(where: { $0.name == name }) else {
            throw Failure(
                .notFound, doing: doing,
                because: name == nil ? "it names none" : "it has none of the name \(name?.cut(to: 60) ?? "")",
                hint: "its vaults are \(state.vaults.map(\.name).joined(separator: ", "))")
        }
        let namespace = shared.withLock { $0.namespace }
        guard var address = try vault.value.address(namespace: namespace) else {
            throw Failure(.usage, doing: doing, because: "the vault \(vault.name) names no place")
        }
        if vault.value.kind == .folder, let place = vault.value.place, !place.hasPrefix("/") {
            address = try VaultAddress(reading: "folder:\(base)/\(place)")
        }
        let text = vault.value.key?.reveal() ?? ""
        let key: VaultKey
        if !text.isEmpty {
            key = try VaultKey(reading: text)
        } else if vault.value.key != nil, let own = environment["STOKER_KEY"], !own.isEmpty {
            key = try VaultKey(reading: own)
        } else {
            key = .open
        }
        let opened = try VaultOpening(environment: environment, hub: hub).open(address, state: state.name)
        return SnapshotStore(vault: opened, key: key, now: now, patience: .seconds(20))
    }

    /// Opens, works and shuts down.
    package func with<Value: Sendable>(
        _ state: State, vault name: String? = nil, _ work: (SnapshotStore) async throws -> Value
    ) async throws -> Value {
        let store = try open(state, vault: name)
        let result: Result<Value, any Error>
        do { result = .success(try await work(store)) } catch { result = .failure(error) }
        await store.vault.shutdown()
        return try result.get()
    }

    /// Address of the first vault, without passwords.
    package func place(of state: State) -> String {
        guard let vault = state.vaults.first else { return "" }
        let namespace = shared.withLock { $0.namespace }
        if vault.value.kind == .folder, let place = vault.value.place {
            // A folder's name is that of the state's own.
            let path = place.hasPrefix("/") ? place : base + "/" + place
            if let address = try? VaultAddress(reading: "folder:\(path)"),
                let opened = try? VaultOpening(environment: [:], hub: nil).open(address, state: state.name)
            {
                return opened.name
            }
        }
        return (try? vault.value.address(namespace: namespace))?.name ?? vault.name
    }

    // MARK: What is remembered

    private static let record = "state"

    /// - Parameter name: of the state, `owner/name`; it need not be of the fleet file.
    package func memory(_ name: String) async throws(Failure) -> StateMemory {
        try await versioned(name).memory
    }

    private func versioned(_ name: String) async throws(Failure) -> (memory: StateMemory, version: Int64) {
        guard let record = try await ledger.records.record(kind: Self.record, key: name) else {
            return (StateMemory(), 0)
        }
        guard let memory = try? JSONDecoder().decode(StateMemory.self, from: Data(record.body.utf8)) else {
            // Of another version: begun anew, and the vault fills it again.
            return (StateMemory(), record.version)
        }
        return (memory, record.version)
    }

    /// Changes what is remembered; several may do so at once.
    /// - Returns: as it is now.
    @discardableResult
    package func update(_ name: String, _ change: (inout StateMemory) -> Void) async throws(Failure) -> StateMemory {
        for _ in 0..<20 {
            var (memory, version) = try await versioned(name)
            change(&memory)
            let body: String
            do { body = String(decoding: try JSONEncoder.stable.encode(memory), as: UTF8.self) } catch {
                throw Failure(.internal, doing: "remember the state \(name)", because: "\(error)")
            }
            let record = NewRecord(kind: Self.record, key: name, body: body, at: now())
            if try await ledger.records.put(record, ifVersion: version) != nil { return memory }
        }
        throw Failure(
            .conflict, doing: "remember the state \(name)", because: "others change it all the time", retry: .soon)
    }

    // MARK: What was seen

    /// The last good look; nil after a start until the first one.
    package func reading(_ state: State) -> StateReading? { shared.withLock { $0.readings[state.name] } }

    /// Looks at the vaults of a state, and remembers what was seen. A look that saw nothing is remembered, not thrown.
    @discardableResult
    package func look(_ state: State) async throws -> StateMemory {
        let known = try await memory(state.name)
        let epochs = Set(known.recoveries.map(\.epoch))
        let result: Result<StateReading, any Error>
        do {
            result = .success(
                try await with(state) { try await StateReading.read($0, now: self.now(), knowing: epochs) })
        } catch {
            try Task.checkCancellation()
            result = .failure(error)
        }
        var copies: [String: String] = [:]
        for copy in state.vaults.dropFirst() {
            do {
                let summary = try await with(state, vault: copy.name) { try await $0.summary() }
                if summary == nil { copies[copy.name] = "it has nothing yet" }
            } catch {
                try Task.checkCancellation()
                copies[copy.name] = Redaction.text(Failure(of: error, doing: "read it").because).cut(to: 300)
            }
        }
        if case .success(let reading) = result { shared.withLock { $0.readings[state.name] = reading } }
        let now = now()
        return try await update(state.name) { memory in
            switch result {
            case .success(let reading): memory.take(reading)
            case .failure(let error):
                memory.take(
                    failure: Redaction.text(Failure(of: error, doing: "read the vault").because), at: now)
            }
            memory.copies = copies
        }
    }

    // MARK: Drills

    /// A person wants it proven now.
    package func askDrill(_ state: State) {
        _ = shared.withLock { $0.asked.insert(state.name) }
        fire()
    }

    package func isDrillAsked(_ state: State) -> Bool { shared.withLock { $0.asked.contains(state.name) } }
    package func isDrilling(_ state: State) -> Bool { shared.withLock { $0.drilling.contains(state.name) } }

    /// A person wants a snapshot now: the state's guard hears of it when it tells how far it is, which it does every minute.
    /// - Parameter last: when it told so last.
    /// - Throws: `conflict` where no guard would hear of it.
    func askSnapshot(of state: State, lastWord last: Instant?) throws(Failure) {
        guard let last, now() - last < .seconds(300) else {
            throw Failure(
                .conflict, doing: "ask for a snapshot of \(state.target)",
                because: last.map { "its guard has not told anything since \($0)" }
                    ?? "no guard of it has ever told this server anything",
                hint:
                    "give its container STOKER_SERVER and STOKER_TOKEN, or call `stoker snapshots make` beside its app")
        }
        _ = shared.withLock { $0.wanted.insert(state.name) }
    }

    package func isSnapshotAsked(_ state: State) -> Bool { shared.withLock { $0.wanted.contains(state.name) } }

    /// Whether the guard that asks is to make a snapshot; it is said once.
    func takeSnapshotAsked(_ name: String) -> Bool { shared.withLock { $0.wanted.remove(name) != nil } }

    /// Proves the newest snapshot, and remembers what came of it.
    @discardableResult
    package func drill(_ state: State) async throws -> StateMemory {
        let isAsked = shared.withLock { shared in
            shared.drilling.insert(state.name)
            return shared.asked.remove(state.name) != nil
        }
        let cause = isAsked ? "somebody asked for it" : "its time had come"
        let entry = await ledger.activities.beginOwn(.drill, on: state.name, because: cause, at: now())
        defer { _ = shared.withLock { $0.drilling.remove(state.name) } }
        let verify = state.settings.verify.flatMap { $0.hasPrefix("http://") || $0.hasPrefix("https://") ? nil : $0 }
        let drill = RestoreDrill(
            state: state.name, scratch: scratch, check: state.settings.drillCheck ?? verify,
            appFolder: state.appFolder)
        var report: RestoreDrill.Report
        do {
            report = try await with(state) { try await drill.run($0, now: self.now) }
        } catch {
            try Task.checkCancellation()
            report = RestoreDrill.Report(at: now())
            report.failure = Redaction.text(Failure(of: error, doing: "open the vault").because).cut(to: 500)
        }
        let done = report
        await ledger.activities.endOwn(
            entry, as: done.failure == nil ? .done : .failed,
            because: done.failure.map { "\(cause); \($0)" } ?? cause)
        return try await update(state.name) { $0.take(done) }
    }
}

extension OperationContext {
    /// The states of the running fleet.
    /// - Throws: `conflict` where no fleet runs.
    package var states: StateBoard {
        get throws(Failure) {
            guard let stateBoard else { throw .noFleet(doing: "ask for states") }
            return stateBoard
        }
    }
}
