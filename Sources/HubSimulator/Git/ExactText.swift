/// Text that is told apart by its bytes, as git and S3 do. Swift takes "é" and "e" with an accent after it for one; on the Hub they are two
/// files.
struct ExactText: Hashable, Comparable, Sendable {
    let text: String

    init(_ text: some StringProtocol) { self.text = String(text) }

    static func == (a: ExactText, b: ExactText) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }
    static func < (a: ExactText, b: ExactText) -> Bool { a.text.utf8.lexicographicallyPrecedes(b.text.utf8) }
    func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

extension Dictionary where Key == ExactText {
    subscript(text: String) -> Value? {
        get { self[ExactText(text)] }
        set { self[ExactText(text)] = newValue }
    }
}

extension Set<ExactText> {
    func contains(_ text: String) -> Bool { contains(ExactText(text)) }
    mutating func insert(_ text: String) { insert(ExactText(text)) }
}

extension StringProtocol {
    /// `hasPrefix` by bytes.
    func starts(exactlyWith prefix: some StringProtocol) -> Bool { utf8.starts(with: prefix.utf8) }
    /// Whether a byte of it is a slash; one before a combining mark is no Character of its own.
    var hasSlash: Bool { utf8.contains(47) }
}
