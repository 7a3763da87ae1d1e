/// An item of a list that may make no sense; then it is nil, and does not hide the others.
struct Lenient<Value: Decodable & Sendable>: Decodable, Sendable {
    var value: Value?
    init(from decoder: any Decoder) throws { value = try? Value(from: decoder) }
}

/// A file or folder of a repository, as tree and paths-info tell it.
package struct HubEntry: Sendable, Equatable, Decodable {
    /// What the entry is.
    package enum Kind: Sendable, Equatable {
        case file, folder
        /// A kind we do not know.
        case other(String)
    }

    package var kind: Kind
    /// From the root of the repository, without a leading slash.
    package var path: String
    /// SHA-1 of the git blob (of the LFS pointer when the file is in LFS), or of the tree.
    package var oid: String
    /// Bytes of the content, also when it is in LFS.
    package var size: Int64
    /// SHA-256 of the content, when it is in LFS.
    package var lfs: String?
    /// Only when asked for with `expand`.
    package var lastCommit: LastCommit?

    /// The newest commit that touched it; only told when it was asked for.
    package struct LastCommit: Sendable, Equatable, Decodable {
        package var id: String
        package var title: String?
        /// RFC 3339, as the Hub wrote it.
        package var date: String?
    }

    /// What the content hashes to; nil for folders.
    package var content: ContentHash? {
        guard kind == .file else { return nil }
        return ContentHash(lfs ?? oid)
    }

    /// Bytes. The Hub takes 500 GB in a file at most; what claims more than this is no file.
    static let largest: Int64 = 1 << 44

    private enum Keys: String, CodingKey { case type, path, oid, size, lfs, lastCommit }
    private struct LFS: Decodable {
        var oid: String
        var size: Int64?
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Keys.self)
        let type = try values.decode(String.self, forKey: .type)
        kind =
            switch type {
            case "file": .file
            case "directory": .folder
            default: .other(type)
            }
        path = try values.decode(String.self, forKey: .path)
        oid = try values.decodeIfPresent(String.self, forKey: .oid) ?? ""
        let lfs = try values.decodeIfPresent(LFS.self, forKey: .lfs)
        self.lfs = lfs?.oid
        size = try lfs?.size ?? values.decodeIfPresent(Int64.self, forKey: .size) ?? 0
        guard (0...Self.largest).contains(size) else {
            throw DecodingError.dataCorruptedError(forKey: .size, in: values, debugDescription: "no file has that size")
        }
        lastCommit = try values.decodeIfPresent(LastCommit.self, forKey: .lastCommit)
    }
}
