import Logging
import Runtime
import StokerCore
import Synchronization
import TestSupport
import Testing

@testable import Safekeeping

@Suite struct GuardMasterTests: OnModel {
    let model = ModelStore()

    /// The master is told again and again; its answer asks for a snapshot, once.
    @Test func aSnapshotIsMadeWhereTheMasterWantsOne() async throws {
        let scratch = Scratch()
        let asked = Mutex<[Bool]>([false, true])
        let told = Mutex<[GuardMaster.Report]>([])
        let store = store(ModelVault(store: model))
        var settings = GuardSettings(
            state: "acme/bot", holder: "one", paths: try GuardedPath.list(["data"], in: scratch.path),
            command: ["true"], environment: [:], folder: scratch.path, data: scratch("own"), copier: [])
        settings.masterPoll = .milliseconds(10)
        let master = GuardMaster(
            recall: { _ in 0 },
            tell: { report in
                told.withLock { $0.append(report) }
                return asked.withLock { $0.isEmpty ? false : $0.removeFirst() }
            })
        let guarded = try Guard(
            settings, store: store, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, master: master)
        let claim = try await store.claim(as: "one")
        await guarded.holds(claim)
        let telling = Task { await guarded.tellingMaster(RecoveryRecord(.first, at: .never, claim: claim)) }
        try await eventually("the snapshot is asked for") { await guarded.isSnapshotAsked }
        try await eventually("it goes on telling") { told.withLock { $0.count >= 3 } }
        telling.cancel()
        await telling.value
        // What came back is told once.
        #expect(told.withLock { $0.map { $0.recovery != nil } }.prefix(3) == [true, false, false])
        #expect(told.withLock { $0.allSatisfy { $0.epoch == claim.epoch && $0.sequence > 0 } })
    }
}
