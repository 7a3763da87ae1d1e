package import NIOCore
import NIOHTTP1
import StokerCore

/// What the Hub says of one file without sending it.
package struct HubFileInfo: Sendable, Equatable {
    /// The commit the revision stood for.
    package var commit: String?
    /// Without quotes and `W/`: SHA-256 for a file in LFS, git's SHA-1 otherwise.
    package var etag: String?
    /// Bytes; nil when the Hub does not tell.
    package var size: Int64?

    package var content: ContentHash? { etag.flatMap { ContentHash($0) } }

    /// `X-Linked-*` go before the plain headers: they speak of the file, the others of the answer that points to it.
    /// Source: huggingface_hub `get_hf_file_metadata`.
    init(status: Int, headers: HTTPHeaders) {
        commit = headers.first(name: "X-Repo-Commit")
        etag = (headers.first(name: "X-Linked-Etag") ?? headers.first(name: "ETag")).map(Self.plain)
        let length = (300..<400).contains(status) ? nil : headers.first(name: "Content-Length")
        size = (headers.first(name: "X-Linked-Size") ?? length).flatMap { Int64($0) }.flatMap { $0 < 0 ? nil : $0 }
    }

    static func plain(_ etag: String) -> String {
        var text = etag[...]
        if text.hasPrefix("W/") { text = text.dropFirst(2) }
        if text.hasPrefix("\"") { text = text.dropFirst() }
        if text.hasSuffix("\"") { text = text.dropLast() }
        return String(text)
    }
}

extension RepoID {
    /// `/spaces/namespace/name/resolve/main/README.md`: the slashes of the file's path stay.
    func resolve(_ path: String, revision: String) -> String {
        "/\(kind.prefix)\(self)/resolve/\(HubURL.segment(revision))/\(HubURL.path(path))"
    }
}

extension Hub {
    /// Commit, hash and size of a file. Counts against the `resolvers` window, which is several times larger than `api`.
    /// - Throws: `hub.not_found` when there is no such file.
    package func info(of path: String, in repo: RepoID, revision: String = "main") async throws(HubFailure)
        -> HubFileInfo
    {
        // Otherwise the size would be that of a compressed body.
        var request = HubRequest(
            .HEAD, repo.resolve(path, revision: revision), doing: "look at \(path) of \(repo)",
            headers: ["Accept-Encoding": "identity"], right: "read access to \(repo)", timeout: .seconds(10),
            accepted: [301, 302, 303, 307, 308])
        request.redirects = .withinHub
        let answer = try await send(request)
        return HubFileInfo(status: answer.status, headers: answer.headers)
    }

    /// A small file, at most 64 MiB, whole or a part of it.
    /// - Parameters:
    ///   - range: the bytes that are wanted, at least one; nil for all of them. A range that begins behind the end is empty.
    ///   - etag: what the reader has already.
    /// - Returns: nil when the file still has that `etag`.
    package func read(
        _ path: String, in repo: RepoID, revision: String = "main", range: Range<Int>? = nil, unless etag: String? = nil
    ) async throws(HubFailure) -> (bytes: ByteBuffer, etag: String?)? {
        var headers: HTTPHeaders = ["Accept-Encoding": "identity"]
        if let range { headers.add(name: "Range", value: "bytes=\(range.lowerBound)-\(range.upperBound - 1)") }
        if let etag { headers.add(name: "If-None-Match", value: "\"\(etag)\"") }
        let answer = try await send(
            HubRequest(
                .GET, repo.resolve(path, revision: revision), doing: "read \(path) of \(repo)", headers: headers,
                right: "read access to \(repo)", accepted: range == nil ? [304] : [304, 416]))
        if answer.status == 304 { return nil }
        // Nothing is there.
        if answer.status == 416 { return (ByteBuffer(), nil) }
        let info = HubFileInfo(status: answer.status, headers: answer.headers)
        if etag != nil, info.etag == etag { return nil }
        var body = answer.body
        if let range, answer.status != 206 {
            // Whoever knows no ranges sends all of it.
            let inside = range.clamped(to: 0..<body.readableBytes)
            body = body.getSlice(at: body.readerIndex + inside.lowerBound, length: inside.count) ?? ByteBuffer()
        }
        return (body, info.etag)
    }

    /// A small text file, such as a README. Bytes that are not UTF-8 become U+FFFD.
    package func text(of path: String, in repo: RepoID, revision: String = "main") async throws(HubFailure) -> String {
        guard let found = try await read(path, in: repo, revision: revision) else { return "" }
        return String(decoding: found.bytes.readableBytesView, as: UTF8.self)
    }
}
