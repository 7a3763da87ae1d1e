package import StokerCore

/// How the list of an answer comes in pages, for lists that are at hand whole. Lists that a store reads page by page (observations,
/// incidents, activity) give their own `next_cursor`; to a caller both are the same.
///
/// A cursor says which row was shown last, and its place. Rows that come or go before it move nothing; where that row itself has gone, its place counts.
package struct Paging: Sendable, Equatable {
    /// Member of the answer that holds the rows: `items`.
    package let rows: String
    /// Members of a row that together tell it from all others.
    package let key: [String]
    /// Says how many rows are on a page.
    package let limit: Operation.Parameter
    /// Who did not say how many, and is in this process, gets all: a list of a few dozen is nothing to turn pages in at a terminal.
    package let isWhole: Bool

    /// - Parameter defaultValue: rows on a page unless given; nil for all that are allowed.
    package init(_ rows: String = "items", by key: String..., defaultValue: Int? = nil, most: Int = 1_000) {
        self.rows = rows
        self.key = key
        isWhole = defaultValue == nil
        limit = Operation.Parameter(
            "limit", .query, .integer(1...most), defaultValue: .integer(Int64(defaultValue ?? most)), "Rows on a page")
    }

    /// For a list that has its own word for how many.
    package init(_ rows: String, by key: String..., limit: Operation.Parameter) {
        self.rows = rows
        self.key = key
        self.limit = limit
        isWhole = false
    }

    package var parameters: [Operation.Parameter] {
        [limit, .init("cursor", .query, .text(upTo: 30), form: Self.form, "`next_cursor` of the page before")]
    }

    static let form = "^[0-9]{1,9}\\.[0-9a-f]{16}$"

    /// How many rows a page needs at most, counted from the first, for a list that is read from elsewhere.
    func rows(upTo arguments: Arguments) -> Int {
        let before = arguments.text("cursor")?.split(separator: ".").first.flatMap { Int($0) }.map { $0 + 1 } ?? 0
        return min(before, 1_000_000) + (arguments.integer(limit.name) ?? 0)
    }

    /// The page of it that the inputs ask for, and `next_cursor`, null on the last.
    /// - Parameter given: what was given of the inputs, without what is standard.
    /// - Throws: `usage` for a cursor that no page gave.
    package func page(
        of answer: JSONValue, _ arguments: Arguments, isLocal: Bool, given: [(name: String, value: JSONValue)]
    ) throws(Failure) -> JSONValue {
        guard case .object(var members) = answer, let at = members.firstIndex(where: { $0.name == rows }),
            let all = members[at].value.array
        else { return answer }
        var start = 0
        if let cursor = arguments.text("cursor") { start = try place(behind: cursor, in: all) }
        var size = arguments.integer(limit.name) ?? all.count
        if isWhole, isLocal, !given.contains(where: { $0.name == limit.name && !$0.value.isNull }) { size = all.count }
        let page = all[start...].prefix(size)
        members[at].value = .array(Array(page))
        let next = page.endIndex < all.endIndex ? page.last.map { "\(page.endIndex - 1).\(mark($0))" } : nil
        members.append(.init("next_cursor", .text(next)))
        return .object(members)
    }

    private func place(behind cursor: String, in all: [JSONValue]) throws(Failure) -> Int {
        let parts = cursor.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let place = Int(parts[0]), place >= 0, parts[1].count == 16 else {
            throw .noCursor(doing: "give the next page")
        }
        if all.indices.contains(place), mark(all[place]) == parts[1] { return place + 1 }
        return all.firstIndex { mark($0) == parts[1] }.map { $0 + 1 } ?? min(place, all.count)
    }

    /// A hash of what tells a row from others.
    private func mark(_ row: JSONValue) -> String {
        Hex.text(FNV1a.hash(key.map { (row[$0] ?? .null).text }.joined().utf8))
    }
}

extension Failure {
    static func noCursor(doing: String) -> Failure {
        Failure(
            .usage, doing: doing, because: "\"cursor\" is not one that a page gave",
            hint: "use a page's next_cursor as it is")
    }
}

extension Shape.Field {
    /// Beside the rows of a page.
    static let nextCursor = Shape.Field(
        "next_cursor", .text, optional: true, "`cursor` of the next page; null when this is the last")
    /// The same in a shape that is not only a list's.
    static let nextCursorOfList = Shape.Field(
        "next_cursor", .text, optional: true, sparse: true, "Of a list: `cursor` of the next page; null on the last")
}
