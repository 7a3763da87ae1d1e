import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// Buckets by the S3 protocol, on the storage host under `/s3/{namespace}`: path style, version 4 signatures,
/// `ListObjectsV2` only, `If-Match` and `If-None-Match` on PUT, GET by a redirect. Source: hub-docs `storage-buckets-s3`.
struct S3Gateway: Sendable {
    let hub: SimulatedHub

    struct Refusal: Error {
        var status: HTTPResponse.Status
        var code: String
        var message: String
    }

    /// nil: not a path of the gateway.
    func answer(_ request: Request) async throws -> Response? {
        let parts = request.uri.path.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: true).map(
            String.init)
        guard parts.first == "s3" else { return nil }
        do {
            guard parts.count >= 3 else {
                throw Refusal(status: .notFound, code: "NoSuchBucket", message: "Name a bucket")
            }
            let caller = try await authenticate(request)
            let isWrite = request.method == .put || request.method == .delete
            guard let bucket = await hub.state.bucket("\(parts[1])/\(parts[2])"),
                await hub.state.right(of: caller, on: bucket) > .none
            else {
                throw Refusal(status: .notFound, code: "NoSuchBucket", message: "The specified bucket does not exist")
            }
            let right = await hub.state.right(of: caller, on: bucket)
            guard !isWrite || right == .write else {
                throw Refusal(status: .forbidden, code: "AccessDenied", message: "Access Denied")
            }
            guard parts.count == 4 else { return try list(request, bucket) }
            guard let key = parts[3].removingPercentEncoding, !key.isEmpty else {
                throw Refusal(status: .badRequest, code: "InvalidURI", message: "Could not parse the key")
            }
            return try await object(request, bucket, key)
        } catch let refusal as Refusal {
            return StorageHost.refusal(refusal.status, refusal.code, refusal.message)
        }
    }

    private func authenticate(_ request: Request) async throws -> HubCaller {
        guard let signature = S3Signature(request.headers[.authorization]),
            let key = hub.configuration.s3Keys.first(where: { $0.id == signature.keyID }),
            let account = await hub.state.account(key.account)
        else { throw Refusal(status: .forbidden, code: "InvalidAccessKeyId", message: "The access key is not known") }
        guard signature.isValid(request, secret: key.secret) else {
            throw Refusal(
                status: .forbidden, code: "SignatureDoesNotMatch",
                message: "The request signature we calculated does not match the signature you provided")
        }
        return HubCaller(
            account: account, token: HubToken("", account: account.name, role: .write, displayName: key.id))
    }

    private func object(_ request: Request, _ bucket: HubBucket, _ key: String) async throws -> Response {
        switch request.method {
        case .put: return try await put(request, bucket, key)
        case .delete:
            await hub.state.updateBucket(bucket.fullName) { $0.files[key] = nil }
            return Response(status: .noContent)
        case .get, .head:
            guard let file = bucket.files[key] else {
                throw Refusal(status: .notFound, code: "NoSuchKey", message: "The specified key does not exist")
            }
            var headers: HTTPFields = [.eTag: "\"\(file.etag)\"", .acceptRanges: "bytes"]
            if request.headers[.ifNoneMatch] == "\"\(file.etag)\"" {
                return Response(status: .notModified, headers: headers)
            }
            headers[.contentType] = file.contentType ?? "application/octet-stream"
            if request.method == .head {
                headers[.contentLength] = "\(file.size)"
                return Response(status: .ok, headers: headers)
            }
            headers[.location] = hub.signed("/objects/\(bucket.id)/\(file.hash)")
            return Response(status: .found, headers: headers)
        default: throw Refusal(status: .methodNotAllowed, code: "MethodNotAllowed", message: "Not allowed")
        }
    }

    private func put(_ request: Request, _ bucket: HubBucket, _ key: String) async throws -> Response {
        let announced = S3Signature.header("x-amz-content-sha256", request) ?? ""
        guard !announced.hasPrefix("STREAMING-") else {
            throw Refusal(
                status: .notImplemented, code: "NotImplemented", message: "Chunked signatures are not supported")
        }
        let expected = announced.count == 64 ? announced : nil
        let received = try await hub.store.objects.receiveWithMD5(
            request.body, expecting: expected, limit: hub.configuration.limits.largestObject)
        let now = hub.date
        hub.store.objects.grant(.init(sha256: received.sha256, size: received.size, pushedAt: now), to: bucket.id)
        let file = HubBucket.File(
            hash: received.sha256, etag: received.md5, size: received.size, mtime: nil, uploadedAt: now,
            contentType: request.headers[.contentType])
        let (match, noneMatch) = (request.headers[.ifMatch], request.headers[.ifNoneMatch])
        // Compared and swapped in one step: two writers cannot both win.
        let done = await hub.state.updateBucket(bucket.fullName) { bucket in
            let present = bucket.files[key].map { "\"\($0.etag)\"" }
            if let match, present != match { return false }
            if let noneMatch, present == noneMatch || (noneMatch == "*" && present != nil) { return false }
            bucket.files[key] = file
            return true
        }
        guard let done else { throw Refusal(status: .notFound, code: "NoSuchBucket", message: "The bucket is gone") }
        guard done else {
            throw Refusal(
                status: .preconditionFailed, code: "PreconditionFailed",
                message: "At least one of the preconditions you specified did not hold")
        }
        return Response(status: .ok, headers: [.eTag: "\"\(file.etag)\""])
    }

    private func list(_ request: Request, _ bucket: HubBucket) throws -> Response {
        if request.method == .head { return Response(status: .ok) }
        guard request.method == .get, request.query("list-type") == "2" else {
            throw Refusal(status: .notImplemented, code: "NotImplemented", message: "Only ListObjectsV2")
        }
        let prefix = request.query("prefix") ?? ""
        let delimiter = request.query("delimiter") ?? ""
        let after = request.query("continuation-token") ?? request.query("start-after") ?? ""
        let most = min(max(request.query("max-keys").flatMap(Int.init) ?? 1_000, 1), 1_000)
        var entries: [ExactText: HubBucket.File?] = [:]
        for (key, file) in bucket.files where key.text.starts(exactlyWith: prefix) {
            let bytes = key.text.utf8
            if !delimiter.isEmpty, let end = bytes.dropFirst(prefix.utf8.count).firstRange(of: delimiter.utf8) {
                entries.updateValue(nil, forKey: ExactText(key.text[..<end.upperBound]))
            } else {
                entries[key] = file
            }
        }
        // In the order of the bytes, as S3 has it.
        let sorted = entries.sorted { $0.key < $1.key }.filter { $0.key > ExactText(after) }
        let page = sorted.prefix(most)
        var xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult>"
        func add(_ name: String, _ value: String) { xml += "<\(name)>\(Self.escaped(value))</\(name)>" }
        add("Name", bucket.name)
        add("Prefix", prefix)
        add("KeyCount", "\(page.count)")
        add("MaxKeys", "\(most)")
        add("IsTruncated", "\(page.count < sorted.count)")
        if page.count < sorted.count, let last = page.last { add("NextContinuationToken", last.key.text) }
        for (key, file) in page {
            guard let file else {
                xml += "<CommonPrefixes><Prefix>\(Self.escaped(key.text))</Prefix></CommonPrefixes>"
                continue
            }
            xml += "<Contents>"
            add("Key", key.text)
            add("LastModified", file.uploadedAt.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
            add("ETag", "\"\(file.etag)\"")
            add("Size", "\(file.size)")
            add("StorageClass", "STANDARD")
            xml += "</Contents>"
        }
        var response = Response.text(xml + "</ListBucketResult>")
        response.headers[.contentType] = "application/xml"
        return response
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }
}

extension SimulatedHub {
    /// The S3 endpoint of a namespace: `https://s3.hf.co/{namespace}` in earnest.
    package func s3Endpoint(_ namespace: String) -> String { "\(storageEndpoint)/s3/\(namespace)" }
}
