import FoundationEssentials
import HTTPTypes

/// A storage bucket: files by path, no history. Source: hub-docs `storage-buckets`; huggingface_hub `_buckets.py`.
struct HubBucket: Sendable {
    struct File: Sendable {
        /// What the Hub calls `xetHash`; here the sha256 of the content, which clients only pass on.
        var hash: String
        /// The MD5, as S3 clients know it.
        var etag: String
        var size: Int
        /// As it was sent: milliseconds since 1970, or nothing.
        var mtime: JSON?
        var uploadedAt: Date
        var contentType: String?
    }

    var id: String
    var namespace: String
    var name: String
    var ownerID: String
    var isPrivate: Bool
    var createdAt: Date
    var createdBy: String
    var resourceGroup: String?
    var region: String?
    var files: [ExactText: File] = [:]

    var fullName: String { namespace + "/" + name }
    var size: Int { files.values.reduce(0) { $0 + $1.size } }
}

extension HubState {
    func bucket(_ fullName: String) -> HubBucket? { buckets[fullName.lowercased()] }
    func buckets(of namespace: String) -> [HubBucket] {
        buckets.values.filter { $0.namespace == namespace }.sorted { $0.fullName < $1.fullName }
    }
    /// - Returns: false when there is one already.
    func insertBucket(_ bucket: HubBucket) -> Bool {
        guard buckets[bucket.fullName.lowercased()] == nil else { return false }
        buckets[bucket.fullName.lowercased()] = bucket
        return true
    }
    /// - Throws: 409 when the name is taken.
    func renameBucket(_ bucket: HubBucket, namespace: String, name: String) throws {
        let (old, new) = (bucket.fullName.lowercased(), "\(namespace)/\(name)".lowercased())
        guard old == new || buckets[new] == nil else {
            throw HubError(.conflict, "A bucket called \(namespace)/\(name) already exists")
        }
        guard var moved = buckets.removeValue(forKey: old) else { throw HubError.noRepo(anonymous: false) }
        moved.namespace = namespace
        moved.name = name
        moved.ownerID = ownerID(namespace) ?? moved.ownerID
        buckets[new] = moved
    }
    func removeBucket(_ bucket: HubBucket) { buckets[bucket.fullName.lowercased()] = nil }
    /// Changes one bucket at once; nil when it is gone.
    func updateBucket<Value: Sendable>(
        _ fullName: String, _ change: @Sendable (inout HubBucket) throws -> Value
    ) rethrows -> Value? {
        guard var bucket = buckets[fullName.lowercased()] else { return nil }
        let value = try change(&bucket)
        buckets[fullName.lowercased()] = bucket
        return value
    }

    /// Buckets obey the rules of repositories.
    func right(of caller: HubCaller?, on bucket: HubBucket) -> RepoRight {
        right(
            of: caller, namespace: bucket.namespace, createdBy: bucket.createdBy, isOpen: !bucket.isPrivate,
            target: ("bucket", bucket.fullName))
    }
}
