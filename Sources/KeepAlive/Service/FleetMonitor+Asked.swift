import Ledger
import Runtime
package import StokerCore

/// What a person asks for.
extension FleetMonitor {
    package func pause(_ name: String, until: Instant?) async throws(Failure) -> CheckStatus {
        if let until, until <= clocks.wall() { throw .pauseIsOver(name, until) }
        return try await written("pause \(name)") { () async throws(Failure) in
            try await ask(name) { await $0.pause($1, name, until: until) }
        }
    }

    package func resume(_ name: String) async throws(Failure) -> CheckStatus {
        try await written("resume \(name)") { () async throws(Failure) in
            try await ask(name) { await $0.resume($1, name) }
        }
    }

    /// What a person was told is done outlives the process.
    /// - Throws: when it is done but would not.
    func written(
        _ doing: String, _ work: () async throws(Failure) -> CheckStatus
    ) async throws(Failure) -> CheckStatus {
        let status = try await work()
        try await ensureDurable(doing)
        return status
    }

    func ensureDurable(_ doing: String) async throws(Failure) {
        if let inMemoryReason {
            throw .notYetDurable(
                doing, because: inMemoryReason, hint: "restart Stoker once its data folder can be used, and ask again")
        }
        guard let because = await writer.settle() else { return }
        throw .notYetDurable(
            doing, because: because, hint: "it is written as soon as the disk takes it; ask again to be sure")
    }

    package func ping(_ name: String) async throws(Failure) -> CheckStatus {
        try await ask(name) { await $0.ping($1, name) }.get()
        return try await status(of: name)
    }

    package func beat(_ name: String, _ beat: Beat) async throws(Failure) -> CheckStatus {
        try await ask(name) { await $0.hear(beat, of: $1, name) }.get()
    }
}
