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
    /// What a file is to hold.
    struct Content: Sendable {
        var blob: GitBlob
        /// Kept only where the simulator itself wants to read it.
        var bytes: [UInt8]?
    }
    enum Operation: Sendable {
        case file(path: String, Content)
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

    private let feed: GitFeed
    private init(_ feed: GitFeed) { self.feed = feed }

    /// Puts the files' contents into the repository while they come.
    /// - Throws: 400, 413 or 422.
    static func read(_ request: Request, into feed: GitFeed) async throws -> CommitBody {
        // Source: hub-docs `repositories-recommendations`: 1 GB of inline content at most.
        let limit = 1 << 30
        if request.headers[.contentType]?.hasPrefix("application/json") == true {
            return try await legacy(request, into: feed, limit: limit)
        }
        var body = CommitBody(feed)
        var line = ByteBuffer()
        var total = 0
        var first = true
        let decoder = JSONDecoder()
        func take(_ buffer: ByteBuffer) throws {
            guard buffer.readableBytesView.contains(where: { $0 != 13 && $0 != 32 }) else { return }
            var entry: Line
            var content: ByteBuffer?
            do {
                func decode(_ json: ByteBuffer) throws -> Line {
                    try decoder.decode(Line.self, from: Data(buffer: json, byteTransferStrategy: .noCopy))
                }
                if let parts = withoutContent(buffer) {
                    entry = try decode(parts.rest)
                    content = parts.content
                    // It was something else of that name.
                    if entry.value.content != "" || entry.value.encoding != "base64" {
                        entry = try decode(buffer)
                        content = nil
                    }
                } else {
                    entry = try decode(buffer)
                }
            } catch { throw HubError.bad("Invalid NDJSON line") }
            guard (entry.key == "header") == first else {
                throw HubError.bad("The first line, and only it, must be the header")
            }
            first = false
            try body.add(entry.key, entry.value, base64: content)
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
            try await feed.drain()
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

    /// A line with an empty `content`, and what stood there: nearly all of it, and JSON decoders are slow with long texts. Nil when
    /// there is none, or it needs a decoder.
    private static func withoutContent(_ line: ByteBuffer) -> (rest: ByteBuffer, content: ByteBuffer)? {
        let place = line.withUnsafeReadableBytes { bytes -> Range<Int>? in
            let name = Array("\"content\"".utf8)
            guard let start = bytes.baseAddress else { return nil }
            var index = 0
            repeat {
                guard let quote = memchr(start + index, 34, bytes.count - index) else { return nil }
                index = start.distance(to: UnsafeRawPointer(quote)) + 1
            } while index + name.count > bytes.count || memcmp(start + index - 1, name, name.count) != 0
            index += name.count - 1
            for wanted in [UInt8(ascii: ":"), UInt8(ascii: "\"")] {
                while index < bytes.count, bytes[index] == 32 { index += 1 }
                guard index < bytes.count, bytes[index] == wanted else { return nil }
                index += 1
            }
            guard let quote = memchr(start + index, 34, bytes.count - index) else { return nil }
            let end = start.distance(to: UnsafeRawPointer(quote))
            return memchr(start + index, 92, end - index) == nil ? index..<end : nil
        }
        guard let place, let content = line.getSlice(at: line.readerIndex + place.lowerBound, length: place.count),
            var rest = line.getSlice(at: line.readerIndex, length: place.lowerBound)
        else { return nil }
        rest.writeBytes(line.readableBytesView.dropFirst(place.upperBound))
        return (rest, content)
    }

    private mutating func add(_ key: String, _ value: Value, base64: ByteBuffer? = nil) throws {
        switch key {
        case "header":
            guard let text = value.summary, !text.isEmpty else {
                throw HubError(.unprocessableContent, "\"summary\" is required")
            }
            summary = text
            description = value.description ?? ""
            // Git ends a message there.
            guard !summary.utf8.contains(0), !description.utf8.contains(0) else {
                throw HubError(.unprocessableContent, "\"summary\" and \"description\" must have no zero byte")
            }
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
                let sent = base64.map { Data(buffer: $0, byteTransferStrategy: .noCopy) } ?? Data(text.utf8)
                guard let data = Data(base64Encoded: sent) else { throw HubError.bad("\(path) is not base64") }
                place(Array(data), at: path)
            } else {
                place(Array(text.utf8), at: path)
            }
        case "lfsFile":
            let path = try Self.path(value)
            if let old = value.oldPath {
                try Self.checkPath(old)
                operations.append(.rename(from: old, to: path))
            }
            guard value.algo ?? "sha256" == "sha256", let oid = value.oid, oid.isSHA256 else {
                throw HubError(.unprocessableContent, "\"oid\" of \(path) is not a sha256")
            }
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

    private mutating func place(_ bytes: [UInt8], at path: String) {
        let isRead = path == "README.md" || path == ".gitattributes"
        operations.append(.file(path: path, Content(blob: feed.add(bytes), bytes: isRead ? bytes : nil)))
    }

    private static func legacy(_ request: Request, into feed: GitFeed, limit: Int) async throws -> CommitBody {
        let content = try await request.body.collect(upTo: limit)
        let sent: Legacy
        do {
            sent = try JSONDecoder().decode(Legacy.self, from: Data(buffer: content, byteTransferStrategy: .noCopy))
        } catch { throw HubError.bad("Invalid JSON body") }
        var header = Value()
        header.summary = sent.summary
        header.description = sent.description
        header.parentCommit = sent.parentCommit
        var body = CommitBody(feed)
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

    /// - Throws: 422 for a path that ``PathRules`` refuses. Source of the status: huggingface_hub `test_hf_api.py`, a path with a backslash.
    static func checkPath(_ path: String) throws {
        if let problem = PathRules.problem(path) {
            throw HubError(.unprocessableContent, "Invalid path in repo: \(path.prefix(200)): \(problem)")
        }
    }
}
