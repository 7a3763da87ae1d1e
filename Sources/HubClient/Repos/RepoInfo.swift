package import StokerCore

/// What the Hub tells of a repo. Nearly all of it may be missing: the Hub gives what was asked for (`expand`), and what the token may see.
package struct RepoInfo: Sendable, Equatable {
    /// `namespace/name`; after a rename the new one.
    package var id: String
    /// 24 hex digits; stays the same when the repo is renamed.
    package var internalID: String?
    package var author: String?
    /// Head of the revision that was asked for.
    package var sha: String?
    package var createdAt: String?
    package var lastModified: String?
    /// True for `private`, and as far as is known for `protected` too.
    package var isPrivate: Bool?
    package var visibility: RepoVisibility?
    package var isDisabled: Bool?
    /// `gradio`, `docker`, `static`; nil while the README names none.
    package var sdk: String?
    /// `https://…`, as the Hub says it.
    package var host: String?
    package var subdomain: String?
    package var tags: [String]
    package var likes: Int?
    /// All files; nil unless asked for.
    package var files: [File]?
    package var runtime: SpaceRuntime?
    package var region: String?
    /// Bytes, history included.
    package var usedStorage: Int?
    /// All of it as it came, the front matter (`cardData`) included.
    package var raw: JSONValue

    package struct File: Sendable, Equatable {
        package var path: String
        package var size: Int?
        /// Git's name of the content (of the pointer for LFS files).
        package var blob: String?
        /// Of LFS files.
        package var sha256: String?
    }

    package init?(_ raw: JSONValue) {
        guard let id = raw["id"]?.string else { return nil }
        self.raw = raw
        self.id = id
        internalID = raw["_id"]?.string
        author = raw["author"]?.string
        sha = raw["sha"]?.string
        createdAt = raw["createdAt"]?.string
        lastModified = raw["lastModified"]?.string
        isPrivate = raw["private"]?.bool
        visibility = raw["visibility"]?.string.map { RepoVisibility(rawValue: $0) }
        isDisabled = raw["disabled"]?.bool
        sdk = raw["sdk"]?.string
        host = raw["host"]?.string
        subdomain = raw["subdomain"]?.string
        tags = (raw["tags"]?.array ?? []).compactMap(\.string)
        likes = raw["likes"]?.integer
        files = raw["siblings"]?.array.map { items in
            items.compactMap { item in
                item["rfilename"]?.string.map {
                    File(
                        path: $0, size: item["size"]?.integer, blob: item["blobId"]?.string,
                        sha256: item["lfs"]?["sha256"]?.string)
                }
            }
        }
        runtime = raw["runtime"].flatMap(SpaceRuntime.init)
        region = raw["region"]?.string
        usedStorage = raw["usedStorage"]?.integer
    }

    /// The front matter of the README as the Hub read it.
    package var card: JSONValue? { raw["cardData"] }
}

/// Who sees a repo. Open: the Hub added a third one in 2026.
package struct RepoVisibility: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package var rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package var description: String { rawValue }
    package static let `public` = Self(rawValue: "public")
    /// The app is open to all, the code is not. Spaces of paid plans only.
    package static let protected = Self(rawValue: "protected")
    package static let `private` = Self(rawValue: "private")
}
