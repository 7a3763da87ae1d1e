import StokerAssets

/// Pages of the documentation, compiled in.
enum DocumentationPages {
    /// Names in the order of the alphabet: `verdicts`.
    static let names: [String] = pages.map(\.name)

    static func text(_ name: String) -> String? { pages.first { $0.name == name }?.text }

    /// The page's first heading.
    static func title(_ name: String) -> String {
        let line = text(name)?.split(separator: "\n").first { $0.hasPrefix("# ") }
        return line.map { String($0.dropFirst(2)) } ?? name
    }

    private static let pages: [(name: String, text: String)] = {
        var count = 0
        guard let first = stoker_docs(&count) else { return [] }
        return UnsafeBufferPointer(start: first, count: count).map { page in
            (
                String(cString: page.name),
                String(decoding: UnsafeBufferPointer(start: page.bytes, count: page.length), as: UTF8.self)
            )
        }
    }()
}
