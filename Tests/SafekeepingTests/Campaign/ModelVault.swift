import NIOCore
import Synchronization

@testable import Safekeeping

/// A vault in memory that remembers every head.
final class ModelStore: Sendable {
    struct State {
        var objects: [String: ByteBuffer] = [:]
        var heads: [StoredHead] = []
        var swaps = 0
    }
    let state = Mutex(State())

    @discardableResult
    static func swap(_ state: inout State, _ bytes: ByteBuffer, _ version: HeadVersion?) -> HeadSwap {
        guard state.heads.last?.version == version else { return .refused }
        state.swaps += 1
        let made = HeadVersion("\(state.swaps)")
        state.heads.append(StoredHead(bytes: bytes, version: made))
        return .swapped(made)
    }
}

/// The store as one process sees it.
struct ModelVault: Vault {
    let store: ModelStore
    var name: String { "model" }
    var limits: VaultLimits { VaultLimits(packSize: 64 << 10) }

    func readHead() async throws(VaultFailure) -> StoredHead? { store.state.withLock { $0.heads.last } }
    func swapHead(_ bytes: ByteBuffer, expecting version: HeadVersion?) async throws(VaultFailure) -> HeadSwap {
        store.state.withLock { ModelStore.swap(&$0, bytes, version) }
    }
    func put(_ bytes: ByteBuffer, as name: String, _ visibility: Visibility) async throws(VaultFailure) {
        store.state.withLock { $0.objects[name] = bytes }
    }
    func read(_ name: String, _ range: Range<Int>?) async throws(VaultFailure) -> ByteBuffer? {
        store.state.withLock { state in
            guard let object = state.objects[name] else { return nil }
            guard let range else { return object }
            let inside = range.clamped(to: 0..<object.readableBytes)
            return object.getSlice(at: object.readerIndex + inside.lowerBound, length: inside.count)
        }
    }
    func list(_ prefix: String) async throws(VaultFailure) -> [StoredObject] {
        store.state.withLock { state in
            state.objects.filter { $0.key.hasPrefix(prefix) }.map {
                StoredObject(name: $0.key, size: $0.value.readableBytes)
            }.sorted { $0.name < $1.name }
        }
    }
    func delete(_ names: [String]) async throws(VaultFailure) {
        store.state.withLock { state in for name in names { state.objects[name] = nil } }
    }
}
