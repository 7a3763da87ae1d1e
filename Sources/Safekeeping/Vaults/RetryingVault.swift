import NIOCore
import Runtime

/// Repeats calls that failed for a while, with growing waits, inside a limit of time. Swaps of the head are let be: who made one must look first.
struct RetryingVault: Vault {
    let inner: any Vault
    let clock: WaitClock
    /// Of one call with its repeats.
    let patience: Duration
    private let backoff = Backoff(first: .milliseconds(200), longest: .seconds(20))

    init(_ inner: any Vault, clock: WaitClock, patience: Duration) {
        self.inner = inner
        self.clock = clock
        self.patience = patience
    }

    var name: String { inner.name }
    var limits: VaultLimits { inner.limits }

    func probe() async throws(VaultFailure) {
        try await repeating { () async throws(VaultFailure) in try await inner.probe() }
    }
    func readHead() async throws(VaultFailure) -> StoredHead? {
        try await repeating { () async throws(VaultFailure) in try await inner.readHead() }
    }
    func swapHead(_ bytes: ByteBuffer, expecting version: HeadVersion?) async throws(VaultFailure) -> HeadSwap {
        try await inner.swapHead(bytes, expecting: version)
    }
    func put(_ bytes: ByteBuffer, as name: String, _ visibility: Visibility) async throws(VaultFailure) {
        try await repeating { () async throws(VaultFailure) in try await inner.put(bytes, as: name, visibility) }
    }
    /// What fails on the way is not repeated: the next snapshot begins anew.
    func stream(_ name: String) async throws(VaultFailure) -> (any ObjectStream)? {
        try await repeating { () async throws(VaultFailure) in try await inner.stream(name) }
    }
    func read(_ name: String, _ range: Range<Int>?) async throws(VaultFailure) -> ByteBuffer? {
        try await repeating { () async throws(VaultFailure) in try await inner.read(name, range) }
    }
    func list(_ prefix: String) async throws(VaultFailure) -> [StoredObject] {
        try await repeating { () async throws(VaultFailure) in try await inner.list(prefix) }
    }
    func delete(_ names: [String]) async throws(VaultFailure) {
        try await repeating { () async throws(VaultFailure) in try await inner.delete(names) }
    }
    func shutdown() async { await inner.shutdown() }

    /// Waits before another attempt.
    /// - Throws: the failure itself when its time is over or nothing is gained by waiting.
    func wait(after failure: VaultFailure, _ failures: Int, since begin: Duration) async throws(VaultFailure) {
        var wait = backoff.wait(after: failures, share: Double.random(in: 0...1))
        switch failure.kind {
        case .throttled(let asked): wait = max(wait, asked ?? .zero)
        case .transient, .unknownOutcome: break
        default: throw failure
        }
        guard clock.now() - begin + wait <= patience else { throw failure }
        do { try await clock.sleep(wait) } catch {
            throw VaultFailure(.cancelled, vault: name, doing: failure.doing, said: "it was called off", cause: error)
        }
    }

    // A put, a read, a list and a delete do the same when they are done twice.
    private func repeating<Value>(_ call: () async throws(VaultFailure) -> Value) async throws(VaultFailure) -> Value {
        let begin = clock.now()
        var failures = 0
        while true {
            do {
                return try await call()
            } catch {
                failures += 1
                try await wait(after: error, failures, since: begin)
            }
        }
    }
}
