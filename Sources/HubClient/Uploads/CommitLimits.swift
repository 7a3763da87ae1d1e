/// What one commit may hold.
struct CommitLimits: Sendable {
    /// Lines of files in LFS. Source: hub-docs, 25,000 LFS files a commit.
    var lfsLines = 25_000
    /// Bytes of the whole body. Source: hub-docs, 1 GB of files that are not in LFS.
    var body: Int64 = 1_000_000_000

    /// The lines in as few commits as the limits allow: one, unless they are exceeded. Deletions come first, so that they are in the first.
    func parts(of lines: [CommitLine]) -> [[CommitLine]] {
        var parts: [[CommitLine]] = []
        var part: [CommitLine] = []
        var inLFS = 0
        var bytes: Int64 = 4096
        for line in lines {
            let length = CommitBody.length(of: line)
            let isLFS = if case .lfs = line { true } else { false }
            if !part.isEmpty, bytes + length > body || (isLFS && inLFS == lfsLines) {
                parts.append(part)
                part = []
                inLFS = 0
                bytes = 4096
            }
            part.append(line)
            bytes += length
            inLFS += isLFS ? 1 : 0
        }
        if !part.isEmpty { parts.append(part) }
        return parts
    }
}
