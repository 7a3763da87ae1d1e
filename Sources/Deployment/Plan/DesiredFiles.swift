package import HubClient
package import StokerCore

/// The files that a Space is to have: those of its source, with the README's header that the fleet file wants.
package struct DesiredFiles: Sendable {
    package var contents: FolderContents
    /// What `README.md` says to the Hub.
    package var sdk: String?
    /// For people: what was left out, and why.
    package var notes: [String] = []

    /// - Parameter source: the files as they were found.
    package init(_ deploy: Deploy, _ source: FolderContents) async throws(HubFailure) {
        let (contents, header) = try await FileWork.run(doing: "read README.md of \(deploy.target)") {
            var contents = source
            let readme = try contents.text(at: Self.readme)
            let members = deploy.headerMembers
            if !members.isEmpty {
                contents.put(ReadmeEdit.text(readme, setting: members), at: Self.readme)
            }
            return (contents, ReadmeHeader(try contents.text(at: Self.readme) ?? ""))
        }
        self.contents = contents
        sdk = header.sdk
        let filter = deploy.fileFilter
        self.contents.files = contents.files.filter { filter.takes($0.key) }
        let left = source.skipped.filter { [.secret, .link, .special].contains($0.rule) }
        if !left.isEmpty { notes.append("left out: \(SkippedFile.summary(left))") }
        let pointers = self.contents.files.filter(\.value.isPointer).map(\.key).sorted()
        if !pointers.isEmpty {
            notes.append(
                "\(NameList.text(pointers)): LFS pointers whose files are not here (`git lfs pull` brings them)")
        }
    }

    static let readme = "README.md"
    private static let attributes = ".gitattributes"

    /// What differs from the files that are on the Hub. Those are whole: what is not wished is deleted, but for `.gitattributes`, which the Hub
    /// writes itself, and what `ignore` names.
    package func differences(
        from remote: [String: RemoteFile], of deploy: Deploy
    ) async throws(HubFailure) -> [FileChanges.File] {
        let files = contents.files
        let filter = deploy.fileFilter
        return try await FileWork.run(doing: "compare the files of \(deploy.target)") {
            var changes: [FileChanges.File] = []
            for (path, file) in files {
                guard let there = remote[path] else {
                    changes.append(.init(.add, path, sizeAfter: file.size, content: "sha1:\(file.sha1)"))
                    continue
                }
                // A pointer to the very file is that file.
                if file.sha1 == there.sha1 { continue }
                guard let large = there.sha256 else {
                    changes.append(
                        .init(
                            .change, path, sizeBefore: there.size, sizeAfter: file.size, content: "sha1:\(file.sha1)"))
                    continue
                }
                let own = try file.sha256()
                if file.size == there.size, own == large { continue }
                changes.append(
                    .init(.change, path, sizeBefore: there.size, sizeAfter: file.size, content: "sha256:\(own)"))
            }
            for (path, there) in remote where files[path] == nil && path != Self.attributes && filter.takes(path) {
                changes.append(.init(.delete, path, sizeBefore: there.size))
            }
            return changes.sorted { $0.path < $1.path }
        }
    }

    /// The Hub writes LFS rules into `.gitattributes`; the source's own file keeps them, as an upload does.
    package mutating func keepAttributes(
        of remote: [String: RemoteFile]?, at commit: String?, in space: RepoID, hub: Hub
    ) async throws(HubFailure) {
        guard let own = contents.files[Self.attributes], let there = remote?[Self.attributes],
            own.sha1 != there.sha1, there.size < 1 << 20
        else { return }
        let stored = try await hub.text(of: Self.attributes, in: space, revision: commit ?? "main")
        let text = try await FileWork.run(doing: "read .gitattributes") { try own.text(upTo: 1 << 20) }
        guard let text else { return }
        contents.put(GitAttributes.merged(own: text, stored: stored).text, at: Self.attributes)
    }
}

extension Deploy {
    /// Keys of the README's header that the file says.
    package var headerMembers: [JSONValue.Member] {
        var members = readme
        if let sdk { members.append(.init("sdk", .string(sdk))) }
        if let tags { members.append(.init("tags", .array(tags.map { .string($0) }))) }
        return members
    }

    /// Files that are compared at all.
    package var fileFilter: PathFilter {
        PathFilter(ignore: ignore.filter { $0.hasPrefix("files.") }.map { String($0.dropFirst("files.".count)) })
    }

    /// Keys whose values the Hub reads otherwise from the README that is there.
    package func differingMembers(from card: JSONValue?) -> [JSONValue.Member] {
        headerMembers.filter { member in
            guard let there = card?[member.name] else { return true }
            // One license is a word, several are a list.
            if let list = member.value.array, list.count == 1, there == list[0] { return false }
            return there != member.value && there.double.map { $0 == member.value.double } != true
        }
    }
}
