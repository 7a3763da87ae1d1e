import FoundationEssentials
import HTTPTypes
package import Hummingbird

/// Reading files: `resolve`, `resolve-cache`, `raw`. Source: huggingface_hub `file_download.get_hf_file_metadata`, `http_get`,
/// `hf_hub_url`; the 307 of small files from its recordings.
package struct ResolveArea: HubArea {
    package init() {}

    package func add(to router: Router<HubContext>, hub: SimulatedHub) {
        for kind in RepoKind.allCases {
            let base = "/\(kind.webPrefix):ns/:name"
            router.get("\(base)/resolve/:rev/**") { request, context in
                try await Self.resolve(kind, request, context, hub)
            }
            router.get("\(base)/raw/:rev/**") { request, context in
                let (_, sha, entry, git) = try await Self.find(kind, request, context, hub)
                return try await Self.content(entry, sha, git, request, etag: entry.oid, pointer: true)
            }
            router.get("/api/resolve-cache/\(kind.plural)/:ns/:name/:rev/**") { request, context in
                let (_, sha, entry, git) = try await Self.find(kind, request, context, hub)
                return try await Self.content(entry, sha, git, request, etag: entry.oid, pointer: false)
            }
        }
    }

    private static func find(
        _ kind: RepoKind, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> (HubRepo, String, GitEntry, GitRepository) {
        let repo = try await hub.repo(kind, request, context)
        try await hub.requireGate(repo, context)
        let sha = try await hub.commit(try context.decoded("rev"), of: repo)
        let path = try context.rest()
        let git = hub.git(repo)
        // A submodule is a name without a content here.
        guard let entry = try await git.listing(sha)[path], !entry.isFolder, entry.mode != "160000" else {
            throw HubError.noEntry(path, commit: sha)
        }
        return (repo, sha, entry, git)
    }

    private static func resolve(
        _ kind: RepoKind, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> Response {
        let (repo, sha, entry, _) = try await find(kind, request, context, hub)
        let etag = "\"\(entry.lfs?.sha256 ?? entry.oid)\""
        var headers: HTTPFields = [
            .repoCommit: sha, .linkedSize: "\(entry.size)", .linkedETag: etag, .acceptRanges: "bytes",
        ]
        if request.headers[.ifNoneMatch].map({ matches($0, etag) }) ?? false {
            headers[.eTag] = etag
            return Response(status: .notModified, headers: headers)
        }
        let path = entry.path.split(separator: "/").map { encode($0) }.joined(separator: "/")
        if let pointer = entry.lfs {
            let name = encode(entry.name[...])
            headers[.location] = hub.signed("/objects/\(repo.id)/\(pointer.sha256)") + "&name=\(name)"
            return Response(status: .found, headers: headers)
        }
        headers[.location] = "/api/resolve-cache/\(kind.plural)/\(repo.fullName)/\(sha)/\(path)"
        return Response(status: .temporaryRedirect, headers: headers)
    }

    /// A blob itself. LFS pointers only by `raw`.
    private static func content(
        _ entry: GitEntry, _ sha: String, _ git: GitRepository, _ request: Request, etag: String, pointer: Bool
    ) async throws -> Response {
        var headers: HTTPFields = [
            .repoCommit: sha, .eTag: "\"\(etag)\"", .acceptRanges: "bytes",
            .contentType: pointer || isText(entry.path) ? "text/plain; charset=utf-8" : "application/octet-stream",
            .contentDisposition: "inline; filename*=UTF-8''\(encode(entry.name[...]))",
        ]
        if request.headers[.ifNoneMatch].map({ matches($0, "\"\(etag)\"") }) ?? false {
            return Response(status: .notModified, headers: headers)
        }
        let bytes = try await git.blob(entry.oid)
        switch ByteRange(request.headers[.range], size: bytes.count) {
        case .whole:
            return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
        case .part(let range):
            headers[.contentRange] = "bytes \(range.lowerBound)-\(range.upperBound)/\(bytes.count)"
            return Response(
                status: .partialContent, headers: headers,
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes[range])))
        case .impossible:
            throw HubError(
                .rangeNotSatisfiable, "Range Not Satisfiable", headers: [.contentRange: "bytes */\(bytes.count)"])
        }
    }

    private static func matches(_ wanted: String, _ etag: String) -> Bool {
        wanted.split(separator: ",").contains { part in
            let tag = part.drop { $0 == " " }
            return tag == "*" || tag == etag || tag == "W/" + etag
        }
    }

    private static func isText(_ path: String) -> Bool {
        [".md", ".txt", ".py", ".json", ".jsonl", ".yaml", ".yml", ".html", ".css", ".js"].contains {
            path.hasSuffix($0)
        }
    }

    /// Percent-encodes one path segment (RFC 3986, unreserved characters stay).
    static func encode(_ segment: Substring) -> String {
        var text = ""
        for byte in segment.utf8 {
            let plain =
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || [45, 46, 95, 126].contains(byte)
            text +=
                plain
                ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }
        return text
    }
}

/// One range of a `Range` header (RFC 9110, section 14); several, or another unit, mean the whole.
enum ByteRange: Sendable {
    case whole
    case part(ClosedRange<Int>)
    case impossible

    init(_ header: String?, size: Int) {
        guard let header, header.hasPrefix("bytes="), !header.contains(",") else {
            self = .whole
            return
        }
        let ends = header.dropFirst(6).split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard ends.count == 2 else {
            self = .whole
            return
        }
        switch (Int(ends[0]), Int(ends[1])) {
        case (let first?, let last?) where first <= last && first < size: self = .part(first...min(last, size - 1))
        case (let first?, nil) where first < size: self = .part(first...(size - 1))
        case (nil, let suffix?) where suffix > 0 && size > 0: self = .part(max(0, size - suffix)...(size - 1))
        default: self = .impossible
        }
    }
}
