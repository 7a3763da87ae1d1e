import StokerCore

/// Brings an answer down to what a client takes in: long texts and lists are cut, and it is told where.
enum AnswerLimit {
    /// Largest result; bytes. Claude Code warns above 10,000 tokens.
    static let bytes = 32 * 1024
    /// A result has its content twice, as text inside JSON and as JSON.
    private static let half = 12 * 1024

    /// - Parameter text: the answer as JSON.
    static func fits(_ text: String) -> Bool { size(text.utf8) <= half }

    /// - Parameter last: lists of which the last items are kept, such as lines of a log.
    static func fit(_ answer: JSONValue, keepingLast last: Set<String> = []) -> (JSONValue, cut: [String]) {
        var cut: Set<String> = []
        var (items, text) = (512, 2_000)
        var shorter = answer
        while items >= 1 {
            cut = []
            shorter = shortened(answer, items, text, "", last, &cut)
            if size(shorter.bytes) <= half { break }
            (items, text) = (items * 3 / 4, max(60, text * 3 / 4))
        }
        return (shorter, cut.sorted())
    }

    /// Bytes as text inside JSON: quotes and line ends count twice.
    private static func size(_ bytes: some Collection<UInt8>) -> Int {
        bytes.reduce(into: bytes.count) { size, byte in
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { size += 1 }
        }
    }

    private static func shortened(
        _ value: JSONValue, _ items: Int, _ length: Int, _ place: String, _ last: Set<String>, _ cut: inout Set<String>
    ) -> JSONValue {
        switch value {
        case .string(let text):
            guard text.utf8.count > length else { return value }
            cut.insert(place)
            return .string(String(text.prefix(length)) + "…")
        case .array(let list):
            var kept = list[...]
            if list.count > items {
                cut.insert("\(place) (\(items) of \(list.count))")
                kept = last.contains(place) ? list.suffix(items) : list.prefix(items)
            }
            return .array(kept.map { shortened($0, items, length, place, last, &cut) })
        case .object(let members):
            return .object(
                members.map { member in
                    let name = place.isEmpty ? member.name : "\(place).\(member.name)"
                    return .init(member.name, shortened(member.value, items, length, name, last, &cut))
                })
        default: return value
        }
    }
}
