package import HubClient
package import NIOCore
import StokerCore
import Synchronization

/// A vault in a bucket: of the Hub, by its S3 gateway, or of anything else that speaks S3 and honours conditions on PutObject.
///
/// The head is swapped by `If-Match` (the first by `If-None-Match: *`). ETags are often the MD5 of the body; a head holds a random id of its write, so
/// that none comes back. Conditions are proven at every start: minio, for one, has written on `If-Match` where nothing was (its issue 21526). Where
/// only `If-None-Match` is honoured, heads are numbered objects (``NumberedHeads``).
package struct S3Vault: Vault {
    private let gateway: S3Gateway
    private let hub: Hub
    private let ownsHub: Bool
    private let prefix: String
    package let name: String
    package let limits: VaultLimits
    /// What the probe found: heads are numbered. A place that has some keeps them in any case.
    private let numbering = Numbering()

    private final class Numbering: Sendable {
        /// nil before the first probe.
        let isOn = Mutex<Bool?>(nil)
    }

    /// - Parameters:
    ///   - prefix: of all keys; empty, or with its slash at the end.
    ///   - ownsHub: shut down with the vault.
    package init(
        gateway: S3Gateway, hub: Hub, ownsHub: Bool, prefix: String, name: String, isPublic: Bool = false
    ) {
        self.gateway = gateway
        self.hub = hub
        self.ownsHub = ownsHub
        self.prefix = prefix
        self.name = name
        limits = VaultLimits(isPublic: isPublic)
    }

    package func probe() async throws(VaultFailure) {
        let doing = "prove that conditions are honoured"
        let key = prefix + "v1/probe/" + Hex.text(RandomBytes.make(8))
        let other = S3Gateway.Condition.unchanged(etag: "\"00000000000000000000000000000000\"")
        let comparesTags = try await call(doing) { () async throws(HubFailure) in
            // `If-Match` where nothing is must not write.
            var compares = try await refuses { () async throws(HubFailure) in
                try await gateway.write(ByteBuffer(string: "0"), to: key, if: other)
            }
            if !compares { try await gateway.delete(key) }
            try await gateway.write(ByteBuffer(string: "1"), to: key, if: .absent)
            let creates = try await refuses { () async throws(HubFailure) in
                try await gateway.write(ByteBuffer(string: "2"), to: key, if: .absent)
            }
            if compares {
                compares = try await refuses { () async throws(HubFailure) in
                    try await gateway.write(ByteBuffer(string: "3"), to: key, if: other)
                }
            }
            try await gateway.delete(key)
            guard creates else {
                throw HubFailure(
                    .unsupported, doing: Self.unsafe, said: "it wrote on If-None-Match where something was",
                    hint: "two containers could overwrite each other there: use another vault")
            }
            return compares
        }
        numbering.isOn.withLock { $0 = !comparesTags }
        guard !comparesTags, try await unnumbered() != nil else { return }
        throw VaultFailure(
            .unsafe, vault: name, doing: doing, said: "it wrote on If-Match with another tag, which it refused once",
            hint: "two containers could overwrite each other there: copy the snapshots to another vault")
    }

    /// Whether a conditional write was refused.
    private func refuses(_ write: () async throws(HubFailure) -> String?) async throws(HubFailure) -> Bool {
        do {
            _ = try await write()
            return false
        } catch {
            if Self.isRefusal(error) { return true }
            throw error
        }
    }

    private var numbered: NumberedHeads {
        NumberedHeads(
            vault: name,
            create: { (bytes, object) async throws(VaultFailure) in
                do throws(HubFailure) {
                    _ = try await gateway.write(bytes, to: prefix + object, if: .absent)
                    return true
                } catch {
                    if Self.isRefusal(error) { return false }
                    throw VaultFailure(error, vault: name, doing: "write the head", mayHaveActed: true)
                }
            },
            read: { (object) async throws(VaultFailure) in try await read(object, nil) },
            list: { () async throws(VaultFailure) in try await objects(NumberedHeads.prefix).map(\.name) },
            delete: { (objects) async throws(VaultFailure) in try await delete(objects) })
    }

    private static let unsafe = "honour conditions"

    /// 412, 409 while two are written at once, and 404 of `If-Match` where nothing is.
    private static func isRefusal(_ failure: HubFailure) -> Bool {
        [.stale, .conflict].contains(failure.kind) || [404, 409, 412].contains(failure.status)
    }

    private func call<Value>(
        _ doing: String, _ body: () async throws(HubFailure) -> Value
    ) async throws(VaultFailure) -> Value {
        do {
            return try await body()
        } catch {
            if error.doing == Self.unsafe {
                throw VaultFailure(.unsafe, vault: name, doing: doing, said: error.said, hint: error.hint, cause: error)
            }
            throw VaultFailure(error, vault: name, doing: doing)
        }
    }

    package func readHead() async throws(VaultFailure) -> StoredHead? {
        if let one = try await unnumbered() { return one }
        return try await numbered.head()
    }

    private func unnumbered() async throws(VaultFailure) -> StoredHead? {
        let found = try await call("read the head") { () async throws(HubFailure) in
            try await gateway.read(prefix + "v1/head")
        }
        guard let found else { return nil }
        guard let etag = found.etag else {
            throw VaultFailure(.unsafe, vault: name, doing: "read the head", said: "it tells no ETag")
        }
        return StoredHead(bytes: found.bytes, version: HeadVersion(etag))
    }

    package func swapHead(
        _ bytes: ByteBuffer, expecting version: HeadVersion?
    ) async throws(VaultFailure) -> HeadSwap {
        if let version {
            if let number = NumberedHeads.number(version) { return try await numbered.swap(bytes, expecting: number) }
        } else {
            if numbering.isOn.withLock({ $0 }) == nil { try await probe() }
            if numbering.isOn.withLock({ $0 }) == true { return try await numbered.swap(bytes, expecting: 0) }
        }
        do throws(HubFailure) {
            let etag = try await gateway.write(
                bytes, to: prefix + "v1/head", if: version.map { .unchanged(etag: $0.text) } ?? .absent)
            guard let etag else {
                throw HubFailure(.unreadable, doing: "write the head", said: "it told no ETag")
            }
            return .swapped(HeadVersion(etag))
        } catch {
            if Self.isRefusal(error) { return .refused }
            throw VaultFailure(error, vault: name, doing: "write the head", mayHaveActed: true)
        }
    }

    package func put(_ bytes: ByteBuffer, as object: String, _ visibility: Visibility) async throws(VaultFailure) {
        _ = try await call("store \(object)") { () async throws(HubFailure) in
            try await gateway.write(bytes, to: prefix + object)
        }
    }

    package func read(_ object: String, _ range: Range<Int>?) async throws(VaultFailure) -> ByteBuffer? {
        if let range, range.isEmpty { return ByteBuffer() }
        return try await call("read \(object)") { () async throws(HubFailure) in
            try await gateway.read(prefix + object, range: range)?.bytes
        }
    }

    package func list(_ begin: String) async throws(VaultFailure) -> [StoredObject] {
        try await objects(begin).filter { !$0.name.hasPrefix(NumberedHeads.prefix) }
    }

    private func objects(_ begin: String) async throws(VaultFailure) -> [StoredObject] {
        let entries = try await call("list \(begin)") { () async throws(HubFailure) in
            try await gateway.list(prefix: prefix + begin)
        }
        return entries.map { StoredObject(name: String($0.key.dropFirst(prefix.count)), size: Int($0.size)) }
            .filter { $0.name != "v1/head" }
    }

    package func delete(_ names: [String]) async throws(VaultFailure) {
        try await call("delete \(names.count) objects") { () async throws(HubFailure) in
            for name in names { try await gateway.delete(prefix + name) }
        }
    }

    package func shutdown() async {
        // The connection is not needed any more, however it ends.
        if ownsHub { try? await hub.shutdown() }
    }
}
