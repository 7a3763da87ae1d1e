import HubSimulator
import StokerCore
import Synchronization
import TestSupport
import Testing

@testable import KeepAlive

/// The real monitor and the fake one do the same.
@Suite(.serialized, .timeLimit(.minutes(3))) struct FleetMonitoringContractTests {
    @Test(arguments: FleetMonitoringContract.all) func theFakeKeepsIt(_ contract: FleetMonitoringContract) async throws
    {
        try await contract.check(ScriptedStage())
    }

    @Test(arguments: FleetMonitoringContract.all) func theBoilerKeepsIt(_ contract: FleetMonitoringContract)
        async throws
    {
        let file = FleetFileDouble()
        try await withFleetMonitorRoom(source: { () async throws(Failure) in try file.read() }) { room in
            try await contract.check(FleetMonitorStage(room, file: file))
        }
    }
}

/// What a reload finds.
private final class FleetFileDouble: Sendable {
    private let found = Mutex<Result<Fleet, Failure>>(.success(Fleet(serve: .quiet)))

    func read() throws(Failure) -> Fleet { try found.withLock { $0 }.get() }
    func set(_ result: Result<Fleet, Failure>) { found.withLock { $0 = result } }
}

/// The contract's stage over simulated Spaces.
private struct FleetMonitorStage: FleetMonitoringStage {
    private let room: FleetMonitorRoom
    private let file: FleetFileDouble
    private let fleet: Fleet
    var monitor: any FleetMonitoring { room.monitor }

    init(_ room: FleetMonitorRoom, file: FleetFileDouble) async throws {
        self.room = room
        self.file = file
        for name in ["web", "bad"] {
            _ = try await room.simulated.add(
                SpaceBlueprint("acme/\(name)", story: "", lifecycle: .test, app: name == "bad" ? .failing : .healthy))
        }
        let addresses = Dictionary(uniqueKeysWithValues: room.simulated.spaces.map { ($0.id, $0.address + "/health") })
        func policy(_ kind: CheckPolicy.Kind = .http, group: String? = nil, enabled: Bool = true) -> CheckPolicy {
            CheckPolicy(
                kind: kind, every: .seconds(3_600), timeout: .seconds(5), retry: [], recheck: .seconds(3_600),
                group: group, enabled: enabled)
        }
        let (web, bad) = (try #require(addresses["acme/web"]), try #require(addresses["acme/bad"]))
        fleet = Fleet(
            checks: [
                Check(name: "web", address: "\(web)?token=\(FleetMonitoringContract.secret)", policy: policy()),
                Check(name: "web/ready", address: web, policy: policy()),
                Check(name: "bad", address: bad, policy: policy(group: "edge")),
                Check(name: "port", address: "tcp://127.0.0.1:\(room.simulated.edgePort)", policy: policy(.tcp)),
                Check(name: "job", address: "", policy: policy(.heartbeat)),
                Check(name: "resting", address: web, policy: policy(enabled: false)),
            ], serve: .quiet)
        file.set(.success(fleet))
        try await room.serve(fleet)
        for name in ["web", "web/ready", "port"] { try await room.until(name, is: .up) }
        try await room.until("bad", is: .down)
        try await room.until("resting", is: .paused)
    }

    func set(_ name: String, answers: Bool) async throws {
        try #require(room.simulated.space("acme/\(name)")).run(answers ? .healthy : .failing)
    }
    func set(fleetFileIsValid: Bool) {
        file.set(
            fleetFileIsValid
                ? .success(fleet)
                : .failure(
                    Failure(.fleetInvalid, doing: "read fleet.yaml", because: "line 3: unknown key\nline 4: no name")))
    }
    func stop() async { await room.stop() }
}
