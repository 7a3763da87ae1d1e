package import FoundationEssentials
package import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import StokerCore

/// A bucket of the Hub through its S3 gateway: objects that are read, written on a condition, listed and deleted.
///
/// Source: hub-docs, "Storage Buckets: S3 compatibility": `https://s3.hf.co/<namespace>`, path style, region us-east-1, `ListObjectsV2` only,
/// `If-Match` and `If-None-Match` on PUT, GET answers 302 to the place of the bytes. Buckets have no versions.
package struct S3Gateway: Sendable {
    /// `https://s3.hf.co/<namespace>` without a trailing slash.
    package let address: String
    package let bucket: String
    private let hub: Hub
    private let signer: SigV4
    private let now: @Sendable () -> Date

    package struct Object: Sendable, Equatable {
        package var bytes: ByteBuffer
        /// With its quotes, as conditions want it; nil when the gateway told none.
        package var etag: String?
    }

    package struct Entry: Sendable, Equatable {
        package var key: String
        package var size: Int64
        package var etag: String?
    }

    /// What must be true for a write; otherwise it is refused with `hub.stale` and nothing changes.
    package enum Condition: Sendable, Equatable {
        case none
        /// Nobody has written since this one was read.
        case unchanged(etag: String)
        /// There is no such object yet.
        case absent
    }

    package init(
        hub: Hub, address: String, bucket: String, signer: SigV4,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.hub = hub
        self.address = address
        self.bucket = bucket
        self.signer = signer
        self.now = now
    }

    /// nil when there is no such object.
    /// - Parameter range: bytes that are wanted, not empty; cut at the object's end. All without.
    package func read(_ key: String, range: Range<Int>? = nil) async throws(HubFailure) -> Object? {
        let doing = "read \(bucket)/\(key)"
        let wanted = range.map { [("Range", "bytes=\($0.lowerBound)-\($0.upperBound - 1)")] } ?? []
        let answer = try await send(.GET, key: key, headers: wanted, doing: doing, accepted: [404, 416])
        guard answer.status != 404 else { return nil }
        // It begins behind the end.
        guard answer.status != 416 else { return Object(bytes: ByteBuffer(), etag: answer.headers.first(name: "ETag")) }
        guard [301, 302, 303, 307, 308].contains(answer.status) else {
            return Object(bytes: Self.cut(answer, to: range), etag: answer.headers.first(name: "ETag"))
        }
        guard let location = answer.headers.first(name: "Location") else { throw .notKnown(doing) }
        // The address is signed itself; our own signature must not go along.
        let bytes = try await hub.send(
            HubRequest(.GET, location, doing: doing, headers: HTTPHeaders(wanted), accepted: [416]))
        return Object(
            bytes: bytes.status == 416 ? ByteBuffer() : Self.cut(bytes, to: range),
            etag: answer.headers.first(name: "ETag") ?? bytes.headers.first(name: "ETag"))
    }

    /// A server may answer a range with all of it (200 in place of 206).
    private static func cut(_ answer: HubAnswer, to range: Range<Int>?) -> ByteBuffer {
        guard let range, answer.status == 200 else { return answer.body }
        let inside = range.clamped(to: 0..<answer.body.readableBytes)
        return answer.body.getSlice(at: answer.body.readerIndex + inside.lowerBound, length: inside.count)
            ?? ByteBuffer()
    }

    /// Writes an object whole and returns its new tag. An unconditional write may be repeated; with a condition a lost answer is
    /// left to the caller, who reads the object to see whose it is.
    @discardableResult
    package func write(
        _ bytes: ByteBuffer, to key: String, if condition: Condition = .none
    ) async throws(HubFailure) -> String? {
        var headers: [(String, String)] = []
        switch condition {
        case .none: break
        case .unchanged(let etag): headers = [("If-Match", etag)]
        case .absent: headers = [("If-None-Match", "*")]
        }
        let answer = try await send(
            .PUT, key: key, headers: headers, body: bytes, doing: "write \(bucket)/\(key)",
            repeats: condition == .none ? .freely : .never)
        return answer.headers.first(name: "ETag")
    }

    /// Deletes an object; one that is not there is no failure.
    package func delete(_ key: String) async throws(HubFailure) {
        _ = try await send(
            .DELETE, key: key, doing: "delete \(bucket)/\(key)", accepted: [404], repeats: .freely)
    }

    /// All objects whose keys begin so, 1,000 a call, in the order of their keys.
    package func list(prefix: String = "") async throws(HubFailure) -> [Entry] {
        let doing = "list \(bucket)"
        var found: [Entry] = []
        var continuation: String?
        repeat {
            var query = [("list-type", "2"), ("encoding-type", "url"), ("prefix", prefix)]
            if let continuation { query.append(("continuation-token", continuation)) }
            let answer = try await send(.GET, query: query, doing: doing)
            let page = S3Listing(String(buffer: answer.body))
            found += page.entries
            // The same token again would be asked for ever.
            guard page.next == nil || page.next != continuation else { throw .notKnown(doing) }
            continuation = page.next
        } while continuation != nil
        return found
    }

    private func send(
        _ method: HTTPMethod, key: String = "", query: [(String, String)] = [], headers: [(String, String)] = [],
        body: ByteBuffer = ByteBuffer(), doing: String, accepted: Set<Int> = [], repeats: HubRequest.Repeat? = nil
    ) async throws(HubFailure) -> HubAnswer {
        guard let parts = AddressParts(address), (try? WebOrigin(address)) != nil else {
            throw HubFailure(.refusedByUs, doing: doing, said: "the gateway's address is no http or https address")
        }
        let authority = parts.hostAndPort
        let base = parts.path
        let path = base + "/" + HubURL.segment(bucket) + (key.isEmpty ? "" : "/" + HubURL.path(key))
        let signed = signer.headers(
            method: method.rawValue, path: path, query: query, headers: [("host", authority)] + headers,
            payload: Data(buffer: body), at: now())
        let url = "\(parts.scheme)://" + authority + path + (query.isEmpty ? "" : "?" + SigV4.query(query))
        var request = HubRequest(
            method, url, doing: doing, headers: HTTPHeaders(headers + signed),
            right: "an access key for \(bucket)", repeats: repeats, accepted: accepted)
        if method == .PUT { request.body = .bytes(body, type: "application/octet-stream") }
        request.redirects = .none
        return try await hub.send(request)
    }
}

/// What `ListObjectsV2` answers, with `encoding-type=url`: flat XML whose keys have no characters that XML would hide.
struct S3Listing {
    var entries: [S3Gateway.Entry] = []
    var next: String?

    init(_ xml: String) {
        var rest = xml[...]
        while let content = Self.take("Contents", from: &rest) {
            guard let key = Self.first("Key", in: content) else { continue }
            entries.append(
                S3Gateway.Entry(
                    key: PercentCoding.lenientlyDecoded(key, plusIsSpace: true),
                    size: Self.first("Size", in: content).flatMap { Int64($0) } ?? 0,
                    etag: Self.first("ETag", in: content).map { XMLText.unescaped($0) }))
        }
        next = Self.first("NextContinuationToken", in: xml[...]).map { XMLText.unescaped($0) }
    }

    private static func take(_ name: String, from rest: inout Substring) -> Substring? {
        guard let open = rest.firstRange(of: "<\(name)>") else { return nil }
        let inside = rest[open.upperBound...]
        guard let close = inside.firstRange(of: "</\(name)>") else { return nil }
        rest = inside[close.upperBound...]
        return inside[..<close.lowerBound]
    }

    private static func first(_ name: String, in text: Substring) -> String? {
        var text = text
        return take(name, from: &text).map(String.init)
    }
}
