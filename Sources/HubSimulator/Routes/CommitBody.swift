import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore
import NIOFoundationCompat

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A commit request in either of its forms. Source: huggingface_hub `_commit_api._prepare_commit_payload` (NDJSON); the
/// Hub's OpenAPI document for `deletedEntry`, `oldPath` and the legacy JSON form.
struct CommitBody: Sendable {
    struct LFSFile: Sendable {
        var path: String
        var oid: String
        var size: Int?
    }
    enum Operation: Sendable {
        case file(path: String, content: [UInt8])
        case lfsFile(LFSFile)
        case deleteFile(String)
        case deleteFolder(String)
        /// Either.
        case deleteEntry(String)
        case rename(from: String, to: String)
    }

    var summary = ""
    var description = ""
    var parent: String?
    var operations: [Operation] = []

    /// - Throws: 400, 413 or 422.
    static func read(_ request: Request) async throws -> CommitBody {
        // Source: hub-docs `repositories-recommendations`: 1 GB of inline content at most.
        let limit = 1 << 30
        if request.headers[.contentType]?.hasPrefix("application/json") == true {
            return try await legacy(request, limit: limit)
        }
        var body = CommitBody()
        var line = ByteBuffer()
        var total = 0
        var first = true
        let decoder = JSONDecoder()
        func take(_ buffer: ByteBuffer) throws {
            guard buffer.readableBytesView.contains(where: { $0 != 13 && $0 != 32 }) else { return }
            let entry: Line
            do {
                entry = try decoder.decode(Line.self, from: Data(buffer: buffer, byteTransferStrategy: .noCopy))
            } catch { throw HubError.bad("Invalid NDJSON line") }
            guard (entry.key == "header") == first else {
                throw HubError.bad("The first line, and only it, must be the header")
            }
            first = false
            try body.add(entry.key, entry.value)
        }
        for try await chunk in request.body {
            total += chunk.readableBytes
            guard total <= limit else { throw HubError(.contentTooLarge, "The commit is too large") }
            var chunk = chunk
            while let length = lineLength(chunk), var part = chunk.readSlice(length: length) {
                chunk.moveReaderIndex(forwardBy: 1)
                if line.readableBytes == 0 {
                    try take(part)
                } else {
                    line.writeBuffer(&part)
                    try take(line)
                    line.clear()
                }
            }
            line.writeBuffer(&chunk)
        }
        try take(line)
        guard !first else { throw HubError.bad("The commit has no header") }
        return body
    }

    /// One line, or one entry of the JSON form. Typed, because a commit may have thousands.
    private struct Line: Decodable {
        var key: String
        var value: Value
    }
    private struct Value: Decodable {
        var summary: String?
        var description: String?
        var parentCommit: String?
        var path: String?
        var oldPath: String?
        var content: String?
        var encoding: String?
        var algo: String?
        var oid: String?
        var size: Int?
    }
    private struct Legacy: Decodable {
        var summary: String?
        var description: String?
        var parentCommit: String?
        var files: [Value]?
        var lfsFiles: [Value]?
        var deletedEntries: [Value]?
    }

    private static func lineLength(_ buffer: ByteBuffer) -> Int? {
        buffer.withUnsafeReadableBytes { bytes in
            guard let start = bytes.baseAddress, let end = memchr(start, 10, bytes.count) else { return nil }
            return start.distance(to: UnsafeRawPointer(end))
        }
    }

    private mutating func add(_ key: String, _ value: Value) throws {
        switch key {
        case "header":
            guard let text = value.summary, !text.isEmpty else {
                throw HubError(.unprocessableContent, "\"summary\" is required")
            }
            summary = text
            description = value.description ?? ""
            parent = value.parentCommit
        case "file":
            let path = try Self.path(value)
            if let old = value.oldPath {
                try Self.checkPath(old)
                operations.append(.rename(from: old, to: path))
                if value.content == nil { return }
            }
            guard let text = value.content else {
                throw HubError(.unprocessableContent, "\"content\" is required")
            }
            if value.encoding == "base64" {
                guard let data = Data(base64Encoded: text) else { throw HubError.bad("\(path) is not base64") }
                operations.append(.file(path: path, content: Array(data)))
            } else {
                operations.append(.file(path: path, content: Array(text.utf8)))
            }
        case "lfsFile":
            let path = try Self.path(value)
            if let old = value.oldPath {
                try Self.checkPath(old)
                operations.append(.rename(from: old, to: path))
            }
            guard value.algo ?? "sha256" == "sha256", let oid = value.oid, oid.count == 64,
                oid.allSatisfy(\.isHexDigit)
            else { throw HubError(.unprocessableContent, "\"oid\" of \(path) is not a sha256") }
            operations.append(.lfsFile(LFSFile(path: path, oid: oid.lowercased(), size: value.size)))
        case "deletedFile": operations.append(.deleteFile(try Self.path(value)))
        case "deletedFolder":
            var path = value.path ?? ""
            while path.last == "/" { path.removeLast() }
            try Self.checkPath(path)
            operations.append(.deleteFolder(path))
        case "deletedEntry": operations.append(.deleteEntry(try Self.path(value)))
        default: throw HubError.bad("Unknown commit operation: \(key)")
        }
    }

    private static func legacy(_ request: Request, limit: Int) async throws -> CommitBody {
        let content = try await request.body.collect(upTo: limit)
        let sent: Legacy
        do {
            sent = try JSONDecoder().decode(Legacy.self, from: Data(buffer: content, byteTransferStrategy: .noCopy))
        } catch { throw HubError.bad("Invalid JSON body") }
        var header = Value()
        header.summary = sent.summary
        header.description = sent.description
        header.parentCommit = sent.parentCommit
        var body = CommitBody()
        try body.add("header", header)
        for file in sent.files ?? [] { try body.add("file", file) }
        for file in sent.lfsFiles ?? [] { try body.add("lfsFile", file) }
        for entry in sent.deletedEntries ?? [] { try body.add("deletedEntry", entry) }
        return body
    }

    private static func path(_ value: Value) throws -> String {
        guard let path = value.path else { throw HubError(.unprocessableContent, "\"path\" is required") }
        try checkPath(path)
        return path
    }

    /// Source: huggingface_hub `_validate_path_in_repo`.
    static func checkPath(_ path: String) throws {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard !path.isEmpty, path.utf8.count <= 1_000, !path.utf8.contains(0),
            parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." && $0.lowercased() != ".git" })
        else { throw HubError.bad("Invalid path: \(path)") }
    }
}
