import FoundationEssentials
import HTTPTypes
import Hummingbird
import _NIOFileSystem

/// The host that signed links lead to. A request that also carries credentials is refused, as S3 does.
///
/// It also takes the questions of our own `pre-receive` hook, which are none of the public's business.
struct StorageHost: HTTPResponder {
    let hub: SimulatedHub

    func respond(to request: Request, context: HubContext) async throws -> Response {
        let response = try await refusing(request, context)
        // Git's own questions to the hook never leave the house.
        if !request.uri.path.hasPrefix("/hooks/") { try await hub.travel(context) }
        return response
    }

    private func refusing(_ request: Request, _ context: HubContext) async throws -> Response {
        do {
            guard let faults = hub.configuration.faults, !request.uri.path.hasPrefix("/hooks/") else {
                return try await answer(request, context)
            }
            return try await faults.aroundStorage(request, context) { try await self.answer($0, $1) }
        } catch let error as HubError {
            return Self.refusal(error.status, "RequestFailed", error.message)
        } catch ObjectStore.Refusal.otherContent {
            return Self.refusal(
                .badRequest, "XAmzContentChecksumMismatch", "The content does not have the announced hash")
        } catch ObjectStore.Refusal.tooLong {
            return Self.refusal(.contentTooLarge, "EntityTooLarge", "The content is longer than announced")
        }
    }

    static func refusal(_ status: HTTPResponse.Status, _ code: String, _ text: String) -> Response {
        var response = Response.text(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>\(code)</Code><Message>\(text)</Message></Error>",
            status: status)
        response.headers[.contentType] = "application/xml"
        return response
    }

    private func answer(_ request: Request, _ context: HubContext) async throws -> Response {
        let path = request.uri.path
        let parts = path.split(separator: "/").map(String.init)
        if parts.first == "hooks", parts.count == 2 {
            return try await PushRules(hub: hub).answer(request, repo: parts[1])
        }
        if let response = try await S3Gateway(hub: hub).answer(request) { return response }
        guard request.headers[.authorization] == nil else {
            return Self.refusal(
                .badRequest, "InvalidArgument",
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified"
            )
        }
        guard hub.isSigned(path, expires: request.query("Expires"), signature: request.query("Signature")) else {
            return Self.refusal(.forbidden, "AccessDenied", "Request has expired or is not signed")
        }
        switch (request.method, parts.first, parts.count) {
        case (.get, "objects", 3), (.head, "objects", 3):
            return try await send(hub.store.objects.path(parts[2]), etag: parts[2], request)
        case (.put, "objects", 3):
            let limit = hub.configuration.limits.largestObject
            let (sha, size) = try await hub.store.objects.receive(request.body, expecting: parts[2], limit: limit)
            hub.store.objects.grant(.init(sha256: sha, size: size, pushedAt: hub.date), to: parts[1])
            return Response(status: .ok, headers: [.eTag: "\"\(sha)\""])
        case (.put, "parts", 3):
            guard let number = Int(parts[2]) else { throw HubError.bad("Invalid part number") }
            let etag = try await hub.store.uploads.receive(request.body, upload: parts[1], part: number)
            return Response(status: .ok, headers: [.eTag: "\"\(etag)\""])
        default: return Self.refusal(.notFound, "NoSuchKey", "The specified key does not exist")
        }
    }

    private func send(_ file: String, etag: String, _ request: Request) async throws -> Response {
        guard let size = try await HubDisk.size(file) else {
            return Self.refusal(.notFound, "NoSuchKey", "The specified key does not exist")
        }
        var headers: HTTPFields = [
            .eTag: "\"\(etag)\"", .acceptRanges: "bytes", .contentType: "application/octet-stream",
        ]
        if let name = request.query("name") { headers[.contentDisposition] = "attachment; filename*=UTF-8''\(name)" }
        switch ByteRange(request.headers[.range], size: size) {
        case .impossible:
            return Self.refusal(.rangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable")
        case .whole:
            headers[.contentLength] = "\(size)"
            if request.method == .head { return Response(status: .ok, headers: headers) }
            return Response(status: .ok, headers: headers, body: HubDisk.stream(file, 0..<size))
        case .part(let range):
            headers[.contentLength] = "\(range.count)"
            headers[.contentRange] = "bytes \(range.lowerBound)-\(range.upperBound)/\(size)"
            return Response(
                status: .partialContent, headers: headers,
                body: HubDisk.stream(file, range.lowerBound..<(range.upperBound + 1)))
        }
    }
}

extension HubDisk {
    /// A part of a file as a response's body; the file is removed afterwards if asked.
    static func stream(_ file: String, _ range: Range<Int>, thenRemove: Bool = false) -> ResponseBody {
        ResponseBody(contentLength: range.count) { writer in
            do {
                if !range.isEmpty {
                    let handle = try await FileSystem.shared.openFile(forReadingAt: FilePath(file))
                    do {
                        let bytes = Int64(range.lowerBound)..<Int64(range.upperBound)
                        for try await chunk in handle.readChunks(in: bytes, chunkLength: .kibibytes(256)) {
                            try await writer.write(chunk)
                        }
                        try await handle.close()
                    } catch {
                        try await handle.close()
                        throw error
                    }
                }
                try await writer.finish(nil)
            } catch {
                if thenRemove { try await remove(file) }
                throw error
            }
            if thenRemove { try await remove(file) }
        }
    }
}
