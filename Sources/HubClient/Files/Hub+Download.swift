import NIOCore
import NIOHTTP1
import StokerCore

/// What came of fetching one file.
package struct Download: Sendable, Equatable {
    package var path: String
    /// Bytes that went over the wire; less than the size when a part was there already, 0 when all of it was.
    package var received: Int64
    package var size: Int64
    package var content: ContentHash?
}

extension Hub {
    /// Fetches a file into a folder of this machine, under its path in the repository.
    ///
    /// The bytes go to a file beside the target, which is put in its place in one step when its size and hash are right. A download
    /// that was interrupted goes on where it stopped; a file that is there with the right content is not fetched again. Memory does not grow with the file.
    /// - Parameter received: told the bytes of each piece.
    /// - Throws: `hub.not_found`, `hub.unreadable` when what came is not what the Hub announced.
    @discardableResult
    package func download(
        _ path: String, from repo: RepoID, revision: String = "main", to folder: String,
        received: @Sendable (Int64) -> Void = { _ in }
    ) async throws(HubFailure) -> Download {
        let info = try await info(of: path, in: repo, revision: revision)
        // From here on that commit: `main` may move between the look and the fetch.
        return try await fetch(
            path, of: repo, revision: info.commit ?? revision, size: info.size, content: info.content, to: folder,
            received: received)
    }

    func fetch(
        _ path: String, of repo: RepoID, revision: String, size: Int64?, content: ContentHash?, to folder: String,
        received: @Sendable (Int64) -> Void
    ) async throws(HubFailure) -> Download {
        let doing = "download \(path) of \(repo)"
        if let problem = Self.unsafe(path) { throw HubFailure(.unreadable, doing: doing, said: problem) }
        do {
            let target = folder + "/" + path
            if let content, let size,
                try await Disk.run({ flag in
                    try PartialFile.holds(target, content, size: size, check: { try flag.check() })
                })
            {
                return Download(path: path, received: 0, size: size, content: content)
            }
            var partial = try await Disk.run { flag in
                try PartialFile(
                    target: target, named: content.map { "\($0)" } ?? "unknown", size: size, content: content,
                    check: { try flag.check() })
            }
            var sum: Int64 = 0
            var emptyTries = 0
            var restarted = false
            while true {
                let before = partial.length
                do {
                    if size == nil || partial.length != size {
                        try await fetchOnce(
                            path, of: repo, revision: revision, size: size, into: &partial, doing: doing
                        ) { count in
                            sum += Int64(count)
                            received(Int64(count))
                        }
                    }
                } catch let failure as HubFailure where failure.kind == .unreachable || failure.status == 416 {
                    if failure.status == 416 {
                        try partial.restart()
                    } else if partial.length > before {
                        emptyTries = 0
                    }
                    emptyTries += 1
                    // The transport has repeated the request by itself; this counts answers that were cut without a byte in between.
                    if emptyTries > 5 || Task.isCancelled { throw failure }
                    continue
                }
                if let size, partial.length < size {
                    emptyTries = partial.length > before ? 0 : emptyTries + 1
                    if emptyTries > 5 {
                        throw HubFailure(
                            .unreadable, doing: doing, said: "only \(partial.length) of \(size) bytes came",
                            retry: .soon)
                    }
                    continue
                }
                let done = partial
                if try await Disk.run({ try done.finish() }) { break }
                // What an earlier run left may be of another file, so once from the start.
                if restarted || before == 0 {
                    try await Disk.run { try done.discard() }
                    throw HubFailure(
                        .unreadable, doing: doing,
                        said: "what came is not what the Hub announced (\(content.map { "\($0)" } ?? ""))",
                        retry: .soon)
                }
                restarted = true
                try partial.restart()
            }
            return Download(path: path, received: sum, size: partial.length, content: content)
        } catch {
            throw HubFailure.caught(error, doing: doing)
        }
    }

    private func fetchOnce(
        _ path: String, of repo: RepoID, revision: String, size: Int64?, into partial: inout PartialFile, doing: String,
        count: (Int) -> Void
    ) async throws {
        var headers: HTTPHeaders = ["Accept-Encoding": "identity"]
        if partial.length > 0 { headers.add(name: "Range", value: "bytes=\(partial.length)-") }
        var request = HubRequest(
            .GET, repo.resolve(path, revision: revision), doing: doing, headers: headers,
            right: "read access to \(repo)")
        request.idle = .seconds(20)
        let stream = try await open(request)
        // 200 means that the range was ignored: all of it comes again. Source: hub-docs, RFC 9110 section 14.2.
        if stream.status != 206, partial.length > 0 { try partial.restart() }
        if stream.status == 206, Self.begin(of: stream.headers) != partial.length {
            throw HubFailure(
                .unreadable, doing: doing, said: "the Hub sent another part than was asked for", status: 206)
        }
        for try await piece in stream.pieces {
            if let size, Int64(piece.readableBytes) > size - partial.length {
                // It would go on until the disk is full; what is there may be of anything.
                let wrong = partial
                try await Disk.run { try wrong.discard() }
                throw HubFailure(
                    .unreadable, doing: doing, said: "more came than the \(size) bytes that the Hub announced",
                    retry: .soon)
            }
            partial = try await Disk.run { [partial] in
                var grown = partial
                try grown.append(piece)
                return grown
            }
            count(piece.readableBytes)
        }
    }

    /// First byte of `Content-Range: bytes 5-9/10`.
    static func begin(of headers: HTTPHeaders) -> Int64? {
        guard let range = headers.first(name: "Content-Range"), range.hasPrefix("bytes ") else { return nil }
        return Int64(range.dropFirst(6).prefix { $0 != "-" })
    }

    /// A path from the Hub that must not be written here: one that leaves the folder.
    static func unsafe(_ path: String) -> String? {
        let parts = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let bad = parts.contains { $0.isEmpty || $0.elementsEqual("..".utf8) || $0.elementsEqual(".".utf8) }
        return bad || path.utf8.contains(0) ? "the path \"\(path)\" leads out of the folder" : nil
    }
}

/// A file that is on its way: beside its target until it is whole.
struct PartialFile: Sendable {
    private let file: LocalFile
    private let target: String
    private let size: Int64?
    private let content: ContentHash?
    private var hasher: ContentHasher?
    /// Bytes that are there.
    private(set) var length: Int64

    /// Opens what an earlier run left, or begins. Blocks, and reads what is there to hash it.
    /// - Throws: also when another download of the same file runs.
    init(
        target: String, named name: String, size: Int64?, content: ContentHash?, check: () throws -> Void = {}
    ) throws {
        self.target = target
        self.size = size
        self.content = content
        let slash = target.utf8.lastIndex(of: UInt8(ascii: "/"))
        if let slash { try LocalFile.makeFolders(String(target[..<slash])) }
        file = try LocalFile.locked(Self.path(of: target, named: name))
        length = try file.status().size
        hasher = nil
        // What is left of an unnamed content may be of any.
        if content == nil || size.map({ length > $0 }) == true { length = 0 }
        if length == 0 { try file.truncate(to: 0) }
        try startHash()
        if length > 0, var grown = hasher {
            try file.forEachPiece(upTo: length) {
                try check()
                grown.update($0)
            }
            hasher = grown
        }
    }

    /// Beside the target. Names have at most 255 bytes: a longer one is named by its hash.
    static func path(of target: String, named name: String) -> String {
        let end = ".\(name.prefix(12)).part"
        let slash = target.utf8.lastIndex(of: UInt8(ascii: "/"))
        let folder = slash.map { String(target[...$0]) } ?? ""
        guard target.utf8.count - folder.utf8.count + end.utf8.count > 255 else { return target + end }
        var hasher = ContentHasher(.sha256, size: 0)
        Array(target.utf8).withUnsafeBytes { hasher.update($0) }
        return "\(folder).\("\(hasher.finish())".prefix(32))\(end)"
    }

    private mutating func startHash() throws {
        hasher = if let content, let size { ContentHasher(like: content, size: size) } else { nil }
    }

    mutating func append(_ piece: ByteBuffer) throws {
        try file.write(piece, at: length)
        length += Int64(piece.readableBytes)
        hasher?.update(piece)
    }

    mutating func restart() throws {
        try file.truncate(to: 0)
        length = 0
        try startHash()
    }

    /// Puts the file in its place. False when size or hash are wrong.
    func finish() throws -> Bool {
        if let size, length != size { return false }
        if let content, let hasher, hasher.finish() != content { return false }
        try file.sync()
        try LocalFile.move(file.path, to: target)
        return true
    }

    func discard() throws { try LocalFile.remove(file.path) }

    /// Whether `path` is a file with this content.
    static func holds(
        _ path: String, _ content: ContentHash, size: Int64, check: () throws -> Void = {}
    ) throws -> Bool {
        guard let status = try LocalFile.status(of: path, followLinks: true), status.kind == .file, status.size == size
        else { return false }
        let kind: ContentHasher.Kind = if case .sha1 = content { .sha1 } else { .sha256 }
        return try LocalFile(path).hash(kind, size: size, counted: { _ in try check() }) == content
    }
}
