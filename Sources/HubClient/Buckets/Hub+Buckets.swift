import NIOHTTP1
import StokerCore

/// A bucket as the Hub tells it: storage without git and without versions.
package struct HubBucket: Sendable, Equatable {
    /// `owner/name`
    package var id: String
    package var isPrivate: Bool?
    /// RFC 3339, as it came.
    package var createdAt: String?
    /// Bytes.
    package var size: Int64?
    /// How many; nil when the Hub does not say.
    package var files: Int?

    init?(_ raw: JSONValue) {
        guard let id = raw["id"]?.string else { return nil }
        self.id = id
        isPrivate = raw["private"]?.bool
        createdAt = raw["createdAt"]?.string
        size = raw["size"]?.integer.map { Int64($0) }
        files = raw["totalFiles"]?.integer
    }
}

/// A file or folder of a bucket.
package struct HubBucketEntry: Sendable, Equatable {
    /// From the bucket's root, without a leading slash.
    package var path: String
    package var isFolder: Bool
    package var size: Int64?
    /// RFC 3339, as it came.
    package var changedAt: String?

    init?(_ raw: JSONValue) {
        guard let path = raw["path"]?.string else { return nil }
        self.path = path
        isFolder = raw["type"]?.string == "directory"
        size = raw["size"]?.integer.map { Int64($0) }
        changedAt = raw["mtime"]?.string ?? raw["uploadedAt"]?.string
    }
}

/// `/api/buckets/…`. Content goes through ``S3Gateway``: the Hub's own way of uploading needs Xet.
/// Source: `huggingface_hub` 2.4 `create_bucket`, `bucket_info`, `list_buckets`, `list_bucket_tree`, and the Hub's OpenAPI document.
extension Hub {
    /// nil when there is none, or none that this token may see.
    package func bucket(_ owner: String, _ name: String) async throws(HubFailure) -> HubBucket? {
        var request = try bucketRequest(.GET, owner, name, doing: "read the bucket \(owner)/\(name)")
        request.accepted = [404]
        let answer = try await send(request)
        guard answer.status != 404 else { return nil }
        guard let bucket = HubBucket(try answer.decoded(as: JSONValue.self, doing: request.doing)) else {
            throw .notKnown(request.doing)
        }
        return bucket
    }

    /// Creates a bucket unless it is there. A lost answer is settled by looking.
    /// - Returns: false when it was there already; its visibility is left as it is.
    @discardableResult
    package func ensureBucket(
        _ owner: String, _ name: String, isPrivate: Bool = true
    ) async throws(HubFailure) -> Bool {
        struct Body: Encodable { var visibility: String }
        if try await bucket(owner, name) != nil { return false }
        var request = try bucketRequest(.POST, owner, name, doing: "create the bucket \(owner)/\(name)")
        request.body = .json(encoding: Body(visibility: isPrivate ? "private" : "public"))
        request.accepted = [409]
        request.right = "write access to \(owner)"
        do {
            return try await send(request).status != 409
        } catch {
            guard error.mayHaveHappened, try await bucket(owner, name) != nil else { throw error }
            return true
        }
    }

    /// Deletes a bucket with all that is in it.
    /// - Returns: false when there was none.
    @discardableResult
    package func deleteBucket(_ owner: String, _ name: String) async throws(HubFailure) -> Bool {
        var request = try bucketRequest(.DELETE, owner, name, doing: "delete the bucket \(owner)/\(name)")
        request.accepted = [404]
        request.repeats = .freely
        request.right = "write access to \(owner)/\(name)"
        return try await send(request).status != 404
    }

    /// The buckets of an account.
    package func buckets(of owner: String) -> HubList<HubBucket> {
        HubList(
            hub: self, HubRequest(.GET, "/api/buckets/\(HubURL.segment(owner))", doing: "list the buckets of \(owner)"),
            read: HubBucket.init)
    }

    /// The files below a folder of a bucket; all of them without one.
    package func files(ofBucket owner: String, _ name: String, below folder: String = "") -> HubList<HubBucketEntry> {
        var path = "/api/buckets/\(HubURL.segment(owner))/\(HubURL.segment(name))/tree"
        if !folder.isEmpty { path += "/" + HubURL.path(folder) }
        return HubList(
            hub: self,
            HubRequest(
                .GET, path, doing: "list the files of the bucket \(owner)/\(name)", query: [("recursive", "true")]),
            read: HubBucketEntry.init)
    }

    private func bucketRequest(
        _ method: HTTPMethod, _ owner: String, _ name: String, doing: String
    ) throws(HubFailure) -> HubRequest {
        // The rules of repository names hold here too.
        do { _ = try RepoID(.dataset, "\(owner)/\(name)") } catch {
            throw HubFailure(.refusedByUs, doing: doing, said: error.because, hint: error.hint)
        }
        return HubRequest(
            method, "/api/buckets/\(owner)/\(name)", doing: doing, right: "read access to \(owner)/\(name)")
    }
}
