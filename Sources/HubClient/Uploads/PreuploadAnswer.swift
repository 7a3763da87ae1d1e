import FoundationEssentials
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import StokerCore
import Synchronization

/// How the Hub wants a file, and what it has under its name.
struct UploadMode: Sendable, Equatable {
    enum Way: Sendable, Equatable { case inline, lfs }
    var way: Way
    var isIgnored: Bool
    var stored: ContentHash?
}

/// The answer of `preupload`. Source: huggingface_hub `_fetch_upload_modes`.
struct PreuploadAnswer: Decodable, Sendable {
    struct File: Decodable, Sendable {
        var path: String
        var uploadMode: String
        var shouldIgnore: Bool?
        var oid: String?
    }
    var files: [File]
    var commitOid: String?

    /// - Throws: when a file is missing, or its mode is none we know.
    func modes(of items: ArraySlice<UploadItem>, doing: String) throws(HubFailure) -> [UploadMode] {
        var known: [RepoPath: File] = [:]
        for file in files { known[RepoPath(unchecked: file.path)] = file }
        var modes: [UploadMode] = []
        for item in items {
            guard let file = known[item.path] else {
                throw HubFailure(.unreadable, doing: doing, said: "the Hub did not say how it wants \(item.path)")
            }
            let way: UploadMode.Way
            switch file.uploadMode {
            case "regular": way = .inline
            case "lfs": way = .lfs
            default:
                throw HubFailure(
                    .unreadable, doing: doing,
                    said: "the Hub wants \(item.path) in a way we do not know: \(file.uploadMode)")
            }
            modes.append(
                UploadMode(
                    // The storage behind LFS refuses empty objects.
                    way: item.size == 0 ? .inline : way, isIgnored: file.shouldIgnore ?? false,
                    stored: file.oid.flatMap { ContentHash($0) }))
        }
        return modes
    }
}

extension Hub {
    struct Preuploaded: Sendable {
        var modes: [UploadMode]
        /// Head at the time of asking.
        var head: String?
    }

    /// Asks how the Hub wants each file: 500 at a time, four questions at once.
    ///
    /// The Hub takes 1,000 (its OpenAPI document); huggingface_hub asks for 256, one question after another. What a question costs does not
    /// depend much on its files, so few of them are quick, count little against the rate limit, and two can still be answered at the same time.
    /// - Throws: `hub.stale` when the branch moves while we ask.
    func preupload(
        _ items: [UploadItem], to repo: RepoID, revision: String, gitIgnore: String?, gitAttributes: String?,
        createsPullRequest: Bool = false, asked: @escaping @Sendable (Int) -> Void
    ) async throws(HubFailure) -> Preuploaded {
        let doing = "compare the files with \(repo)"
        let size = 500
        let batches = stride(from: 0, to: items.count, by: size).map { $0..<min($0 + size, items.count) }
        var modes = [UploadMode](repeating: UploadMode(way: .inline, isIgnored: false, stored: nil), count: items.count)
        var heads: Set<String> = []
        do {
            try await withThrowingTaskGroup(of: (Range<Int>, [UploadMode], String?).self) { group in
                var rest = batches[...]
                func begin() {
                    guard let range = rest.popFirst() else { return }
                    group.addTask {
                        let answer = try await self.preupload(
                            items[range], to: repo, revision: revision, gitIgnore: gitIgnore,
                            gitAttributes: gitAttributes, createsPullRequest: createsPullRequest, doing: doing)
                        return (range, try answer.modes(of: items[range], doing: doing), answer.commitOid)
                    }
                }
                for _ in 0..<4 { begin() }
                while let (range, found, head) = try await group.next() {
                    begin()
                    modes.replaceSubrange(range, with: found)
                    if let head { heads.insert(head) }
                    asked(range.count)
                }
            }
        } catch {
            throw HubFailure.caught(error, doing: doing)
        }
        guard heads.count <= 1 else {
            throw HubFailure(.stale, doing: doing, said: "the branch moved while we looked", retry: .soon)
        }
        return Preuploaded(modes: modes, head: heads.first)
    }

    private func preupload(
        _ items: ArraySlice<UploadItem>, to repo: RepoID, revision: String, gitIgnore: String?, gitAttributes: String?,
        createsPullRequest: Bool, doing: String
    ) async throws -> PreuploadAnswer {
        let body = PreuploadBody(items, gitIgnore: gitIgnore, gitAttributes: gitAttributes)
        return try await value(
            HubRequest(
                .POST, "\(repo.api)/preupload/\(HubURL.segment(revision))", doing: doing,
                query: createsPullRequest ? [("create_pr", "1")] : [],
                body: .pieces(length: body.length, type: "application/json", make: body.pieces),
                right: createsPullRequest ? "read access to \(repo)" : "write access to \(repo)", repeats: .freely))
    }
}

/// A question about many files. Their first bytes are read while it is sent, so that four questions at once take little memory.
struct PreuploadBody: Sendable {
    private let items: ArraySlice<UploadItem>
    private let end: String
    /// Bytes of all of it.
    let length: Int64
    /// Bytes sent at a time.
    private static let piece = 64 << 10

    init(_ items: ArraySlice<UploadItem>, gitIgnore: String?, gitAttributes: String?) {
        self.items = items
        var end = "]"
        if let gitAttributes { end += #","gitAttributes":\#(JSONValue.quoted(gitAttributes))"# }
        if let gitIgnore { end += #","gitIgnore":\#(JSONValue.quoted(gitIgnore))"# }
        self.end = end + "}"
        length = items.indices.reduce(Int64(self.end.utf8.count)) { sum, index in
            let item = items[index]
            let around = Self.before(item, isFirst: index == items.startIndex).utf8.count + Self.after(item).utf8.count
            return sum + Int64(around) + (min(item.size, 512) + 2) / 3 * 4
        }
    }

    private static func before(_ item: UploadItem, isFirst: Bool) -> String {
        (isFirst ? #"{"files":[{"path":"# : #",{"path":"#) + JSONValue.quoted(item.path.text) + #","sample":""#
    }
    private static func after(_ item: UploadItem) -> String { #"","size":\#(item.size)}"# }

    func pieces() -> AsyncThrowingStream<ByteBuffer, any Error> {
        struct Writing {
            var next: Int
            var isOver = false
            var ring = BufferRing()
        }
        let writing = Mutex(Writing(next: items.startIndex))
        return AsyncThrowingStream {
            // No waiting for what was handed over before: all of it is about half a megabyte.
            try await Disk.run {
                try writing.withLock { writing -> ByteBuffer? in
                    if writing.isOver { return nil }
                    var (next, isOver) = (writing.next, false)
                    defer { (writing.next, writing.isOver) = (next, isOver) }
                    return try writing.ring.filled(capacity: Self.piece + 2_048) { out in
                        while next < items.endIndex, out.readableBytes < Self.piece {
                            let item = items[next]
                            out.writeString(Self.before(item, isFirst: next == items.startIndex))
                            let sample = try item.sample()
                            guard sample.readableBytes == min(item.size, 512) else { throw item.becameShorter }
                            out.writeData(Data(buffer: sample, byteTransferStrategy: .noCopy).base64EncodedData())
                            out.writeString(Self.after(item))
                            next += 1
                        }
                        if next == items.endIndex {
                            out.writeString(end)
                            isOver = true
                        }
                    }
                }
            }
        }
    }
}
