import NIOCore
import StokerCore

extension HubSource {
    /// Bytes up to which a file is read whole to be checked and sent: what was checked is then what is sent.
    private static let whole: Int64 = 4 << 20

    /// The same content, when it is called `expected`; nil when it is another. A small file is read once and comes back as its bytes.
    /// - Throws: `hub.local` when it cannot be read.
    package func checked(_ expected: ContentHash, path: String) async throws(HubFailure) -> HubSource? {
        do {
            return try await Disk.run { flag in
                let name = RepoPath(unchecked: path)
                let kind: ContentHasher.Kind = if case .sha1 = expected { .sha1 } else { .sha256 }
                switch self {
                case .bytes(let bytes):
                    let item = UploadItem(path: name, source: self, size: Int64(bytes.readableBytes), changed: 0)
                    return try item.hash(kind) == expected ? self : nil
                case .file(let local):
                    guard let status = try LocalFile.status(of: local, followLinks: true), status.kind == .file else {
                        throw LocalFile.Trouble(path: local, doing: "read", reason: "there is no such file")
                    }
                    var item = UploadItem(path: name, source: self, size: status.size, changed: status.changed)
                    guard status.size <= Self.whole else {
                        return try item.hash(kind, counted: { _ in try flag.check() }) == expected ? self : nil
                    }
                    let file = try LocalFile(local)
                    try item.check(file)
                    item.source = .bytes(try file.read(Int(status.size), at: 0))
                    return try item.hash(kind) == expected ? item.source : nil
                }
            }
        } catch {
            throw HubFailure.caught(error, doing: "read \(path)")
        }
    }
}
