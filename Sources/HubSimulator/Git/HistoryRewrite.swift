/// Commits made anew without some files of LFS, as the Hub does when such files are deleted for good. Source: huggingface_hub
/// `HfApi.permanently_delete_lfs_files`: "rewrite repository history to remove file pointers referencing the deleted LFS files".
extension GitRepository {
    /// A branch, tag or pull request that names another commit now.
    struct Move: Sendable {
        var reference: String
        var old: String
        var new: String
    }

    /// Makes every commit anew that names one of these files, and those that follow it; a commit that changed nothing else stays, empty.
    /// References that never named them keep their commits. Only inside ``gate``.
    func rewrite(without files: Set<String>) async throws -> [Move] {
        let blobs = try await pointers(to: files)
        guard !blobs.isEmpty else { return [] }
        let before = try await references()
        var concerned: [String] = []
        for reference in before.keys.map(\.text).sorted() where try await reaches(reference, blobs) {
            concerned.append(reference)
        }
        guard !concerned.isEmpty else { return [] }
        let history = try await git(
            [
                "fast-export", "--no-data", "--use-done-feature", "--reencode=no", "--signed-tags=strip",
                "--tag-of-filtered-object=rewrite",
            ] + concerned)
        _ = try await Git.fastImport(into: path, .bytes(FastExport.without(blobs, history)))
        forgetReferences()
        let after = try await references()
        return before.compactMap { name, old in
            after[name].flatMap { $0 == old ? nil : Move(reference: name.text, old: old, new: $0) }
        }
        .sorted { $0.reference < $1.reference }
    }

    /// The blobs that are pointers to these files, of every commit.
    private func pointers(to files: Set<String>) async throws -> Set<String> {
        let all = try await text([
            "cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype) %(objectsize)",
        ])
        let small = all.split(separator: "\n").compactMap { line -> String? in
            let parts = line.split(separator: " ")
            guard parts.count == 3, parts[1] == "blob", let size = Int(parts[2]),
                LFSPointer.plausibleSizes.contains(size)
            else { return nil }
            return String(parts[0])
        }
        let contents = try await blobs(small)
        return Set(contents.filter { LFSPointer($0.value).map { files.contains($0.sha256) } ?? false }.keys)
    }

    private func reaches(_ reference: String, _ blobs: Set<String>) async throws -> Bool {
        let objects = try await git(["rev-list", "--objects", "--no-object-names", reference])
        return objects.split(separator: 10).contains { blobs.contains(String(decoding: $0, as: UTF8.self)) }
    }
}

/// The stream that `git fast-export` writes. Source: git-fast-import(1).
enum FastExport {
    /// The same stream without the lines that put one of these blobs at a path; what is in messages stays, whatever it looks like.
    static func without(_ blobs: Set<String>, _ stream: [UInt8]) -> [UInt8] {
        var kept: [UInt8] = []
        kept.reserveCapacity(stream.count)
        var rest = stream[...]
        while !rest.isEmpty {
            let end = rest.firstIndex(of: 10).map { $0 + 1 } ?? rest.endIndex
            let line = rest[..<end]
            rest = rest[end...]
            if line.starts(with: "M ".utf8) {
                // M <mode> <blob> <path>
                let parts = line.split(separator: 32, maxSplits: 3)
                if parts.count == 4, blobs.contains(String(decoding: parts[2], as: UTF8.self)) { continue }
            }
            kept += line
            if line.starts(with: "data ".utf8),
                let count = Int(String(decoding: line.dropFirst(5).dropLast(), as: UTF8.self))
            {
                kept += rest.prefix(count)
                rest = rest.dropFirst(count)
            }
        }
        return kept
    }
}
