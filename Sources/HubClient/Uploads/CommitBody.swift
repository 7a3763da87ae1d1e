import FoundationEssentials
import NIOCore
import NIOFoundationCompat
import StokerCore
import Synchronization

/// One line of a commit after its header.
enum CommitLine: Sendable {
    case file(UploadItem)
    case lfs(path: RepoPath, oid: String, size: Int64)
    case deletedFile(RepoPath)
    case deletedFolder(RepoPath)
}

/// A commit as the Hub wants it: a JSON object a line. Its length is known before a file is read, and files are encoded piece by piece while they are sent.
/// Source: huggingface_hub `_prepare_commit_payload`.
struct CommitBody: Sendable {
    let header: String
    let lines: [CommitLine]
    /// Bytes of all of it.
    let length: Int64

    init(summary: String, description: String, parent: String?, lines: [CommitLine]) {
        var header = #"{"key":"header","value":{"description":\#(JSONValue.quoted(description))"#
        if let parent { header += #","parentCommit":\#(JSONValue.quoted(parent))"# }
        header += #","summary":\#(JSONValue.quoted(summary))}}"# + "\n"
        self.header = header
        self.lines = lines
        length = lines.reduce(Int64(header.utf8.count)) { $0 + Self.length(of: $1) }
    }

    /// Bytes sent at a time: there is one such request at once, and none of its files is large.
    private static let piece = 128 << 10

    private static let open = #"{"key":"file","value":{"content":""#
    private static func close(_ path: RepoPath) -> String {
        #"","encoding":"base64","path":\#(JSONValue.quoted(path.text))}}"# + "\n"
    }

    private static func whole(_ line: CommitLine) -> String {
        switch line {
        case .file: ""
        case .lfs(let path, let oid, let size):
            #"{"key":"lfsFile","value":{"algo":"sha256","oid":\#(JSONValue.quoted(oid)),"path":\#(JSONValue.quoted(path.text)),"size":\#(size)}}"#
                + "\n"
        case .deletedFile(let path): #"{"key":"deletedFile","value":{"path":\#(JSONValue.quoted(path.text))}}"# + "\n"
        // With the slash by which people, and so the official client, tell a folder.
        case .deletedFolder(let path):
            #"{"key":"deletedFolder","value":{"path":\#(JSONValue.quoted(path.text + "/"))}}"# + "\n"
        }
    }

    static func length(of line: CommitLine) -> Int64 {
        guard case .file(let item) = line else { return Int64(whole(line).utf8.count) }
        return Int64(open.utf8.count + close(item.path).utf8.count) + (item.size + 2) / 3 * 4
    }

    /// The bytes, made as they are asked for.
    /// - Parameter counted: told the bytes of content (not of base64) in each piece.
    func pieces(counted: @escaping @Sendable (Int64) -> Void) -> AsyncThrowingStream<ByteBuffer, any Error> {
        let reader = Reader(self)
        // Four pieces may be on their way to the network: asking for each would cost more than reading it.
        let made = Mutex(0)
        return AsyncThrowingStream {
            let number = made.withLock { made in
                made += 1
                return made
            }
            if number % 4 == 0 { try await Disk.untilHandedOver() }
            guard let (piece, content) = try await Disk.run({ try reader.next() }) else { return nil }
            if content > 0 { counted(content) }
            return piece
        }
    }

    private final class Reader: Sendable {
        private struct State {
            var rest: ArraySlice<CommitLine>
            var started = false
            var ring = BufferRing()
            var current: (item: UploadItem, file: LocalFile?, offset: Int64)?
        }
        private let body: CommitBody
        private let state: Mutex<State>

        init(_ body: CommitBody) {
            self.body = body
            state = Mutex(State(rest: body.lines[...]))
        }

        /// The next bytes and how much content is in them; nil at the end. Blocks.
        func next() throws -> (ByteBuffer, Int64)? {
            try state.withLock { state in
                var content: Int64 = 0
                var ring = state.ring
                // So that the buffers have one owner while they are filled.
                state.ring = BufferRing()
                defer { state.ring = ring }
                let out = try ring.filled(capacity: CommitBody.piece + 8192) { try fill(&$0, &state, &content) }
                return out.readableBytes > 0 ? (out, content) : nil
            }
        }

        private func fill(_ out: inout ByteBuffer, _ state: inout State, _ content: inout Int64) throws {
            if !state.started {
                state.started = true
                out.writeString(body.header)
            }
            while out.readableBytes < CommitBody.piece {
                if let (item, file, begin) = state.current {
                    // Base64 takes three bytes at a time; only the end is padded.
                    let space = CommitBody.piece - out.readableBytes
                    let count = Int(min(item.size - begin, Int64(max(3, space / 4 * 3))))
                    let bytes = try Self.read(item, file, count, at: begin)
                    if let file, begin + Int64(count) == item.size { try item.check(file) }
                    out.writeData(Data(buffer: bytes, byteTransferStrategy: .noCopy).base64EncodedData())
                    content += Int64(count)
                    if begin + Int64(count) < item.size {
                        state.current = (item, file, begin + Int64(count))
                    } else {
                        out.writeString(CommitBody.close(item.path))
                        state.current = nil
                    }
                    continue
                }
                guard let line = state.rest.popFirst() else { break }
                guard case .file(let item) = line else {
                    out.writeString(CommitBody.whole(line))
                    continue
                }
                let file = try item.open()
                out.writeString(CommitBody.open)
                if item.size > 0 {
                    state.current = (item, file, 0)
                } else {
                    out.writeString(CommitBody.close(item.path))
                }
            }
        }

        private static func read(_ item: UploadItem, _ file: LocalFile?, _ count: Int, at offset: Int64) throws
            -> ByteBuffer
        {
            switch item.source {
            case .bytes(let bytes):
                return bytes.getSlice(at: bytes.readerIndex + Int(offset), length: count) ?? ByteBuffer()
            case .file:
                guard let file else { return ByteBuffer() }
                let bytes = try file.read(count, at: offset)
                guard bytes.readableBytes == count else {
                    throw item.becameShorter
                }
                return bytes
            }
        }
    }
}
