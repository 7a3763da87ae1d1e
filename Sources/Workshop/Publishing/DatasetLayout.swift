import StokerCore

/// A file of rows: `data/000000001-000000500.jsonl`. Its name says which iterations it has.
struct DatasetPart: Sendable, Equatable {
    var first: Int
    var last: Int
    var size: Int64
    var count: Int { last - first + 1 }
    var path: String { Self.path(first, last) }

    static func path(_ first: Int, _ last: Int) -> String { "data/\(padded(first))-\(padded(last)).jsonl" }

    private static func padded(_ number: Int) -> String {
        let text = "\(number)"
        return String(repeating: "0", count: max(0, 9 - text.utf8.count)) + text
    }

    init(first: Int, last: Int, size: Int64) {
        self.first = first
        self.last = last
        self.size = size
    }

    /// nil for other files.
    init?(path: String, size: Int64) {
        guard path.hasPrefix("data/"), path.hasSuffix(".jsonl") else { return nil }
        let numbers = path.dropFirst(5).dropLast(6).split(separator: "-", omittingEmptySubsequences: false)
        guard numbers.count == 2,
            numbers.allSatisfy({ $0.utf8.count == 9 && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }),
            let first = Int(numbers[0]), let last = Int(numbers[1]), first >= 1, last >= first
        else { return nil }
        self.init(first: first, last: last, size: size)
    }
}

/// What a dataset has at one commit, and what a commit that adds rows changes: a value.
struct DatasetLayout: Sendable, Equatable {
    /// In the order of their iterations.
    var parts: [DatasetPart]
    /// Numbers of the single files at the root.
    var singles: [Int]
    var hasReadme: Bool
    let filePrefix: String

    /// Rows that a part has at most, and bytes: from 10 MB on the Hub wants LFS.
    static let mostRows = 500
    static let mostBytes: Int64 = 8_000_000
    /// So many loose parts are put together.
    static let mostLoose = 40
    /// So many parts of the middle size are put together.
    static let mostMiddle = 10
    /// Single files at the root.
    static let mostSingles = 200

    init(paths: [(path: String, size: Int64)], filePrefix: String) {
        self.filePrefix = filePrefix
        parts = paths.compactMap { DatasetPart(path: $0.path, size: $0.size) }.sorted {
            ($0.first, $0.last) < ($1.first, $1.last)
        }
        singles = paths.compactMap { file in
            guard file.path.hasPrefix(filePrefix), file.path.hasSuffix(".json") else { return nil }
            return Int(file.path.dropFirst(filePrefix.utf8.count).dropLast(5))
        }.sorted()
        hasReadme = paths.contains { $0.path == "README.md" }
    }

    /// The newest iteration; 0 for none. The tree alone knows it after a disk was lost.
    var newest: Int { parts.map(\.last).max() ?? 0 }

    /// Which parts a commit puts together into one, in order; empty for none. Written once as loose, once in the middle, once whole:
    /// a row is written three times in its life.
    /// - Parameter adding: rows that the commit adds as a loose part.
    func merging(adding: DatasetPart) -> [DatasetPart] {
        let all = parts + [adding]
        // From the newest back: what is loose stands behind what was put together.
        let loose = Array(
            all.reversed().prefix { $0.count < Self.mostLoose && $0.size < Self.mostBytes / 2 }.reversed())
        if loose.count >= Self.mostLoose { return Self.fitting(loose) }
        let before = all.dropLast(loose.count)
        let middle = Array(before.reversed().prefix { $0.count < 400 && $0.size < Self.mostBytes / 2 }.reversed())
        if middle.count >= Self.mostMiddle { return Self.fitting(middle) }
        return []
    }

    /// As many from the front as fit into one part.
    private static func fitting(_ parts: [DatasetPart]) -> [DatasetPart] {
        var chosen: [DatasetPart] = []
        var (rows, bytes) = (0, Int64(0))
        for part in parts {
            rows += part.count
            bytes += part.size
            if rows > mostRows || bytes > mostBytes { break }
            chosen.append(part)
        }
        return chosen.count >= 2 ? chosen : []
    }

    /// Bytes of all parts together, at most.
    static let mostInAll: Int64 = 500_000_000

    /// Parts that hold only rows beyond the newest so many, and the oldest of those that are too much together.
    /// - Parameter adding: bytes that the commit adds.
    func expired(retention: Int?, newest: Int, adding: Int64 = 0) -> [DatasetPart] {
        var total = adding + parts.reduce(0) { $0 + $1.size }
        return parts.filter { part in
            guard total > Self.mostInAll || retention.map({ part.last <= newest - $0 }) ?? false else { return false }
            total -= part.size
            return true
        }
    }

    /// Single files that are too old once these are there.
    func expiredSingles(adding: ClosedRange<Int>) -> [Int] {
        let all = Set(singles).union(adding).sorted()
        return all.dropLast(Self.mostSingles).filter { singles.contains($0) }
    }

    func single(_ number: Int) -> String { "\(filePrefix)\(number).json" }
}
