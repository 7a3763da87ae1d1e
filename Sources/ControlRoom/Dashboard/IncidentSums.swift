import Operations
import StokerCore

/// What the incidents of thirty days come to.
struct IncidentSums {
    private let items: [JSONValue]
    /// There are more than one answer of the operation holds.
    private let isCut: Bool

    /// - Parameter page: what the operation `incidents` answers.
    init(_ page: JSONValue) {
        items = page["items"]?.array ?? []
        isCut = page["next_cursor"]?.string != nil
    }

    private var open: [JSONValue] { items.filter { $0["ended"]?.isNull ?? true } }
    /// Seconds of those that are over, shortest first.
    private var lengths: [Double] {
        items.filter { !($0["ended"]?.isNull ?? true) }.compactMap { $0["seconds"]?.double }.sorted()
    }
    private var count: String { Formatting.count(items.count) + (isCut ? " or more" : "") }

    /// `Two are open. In 30 days there were 14, 4 h 12 min in all; half were over within 3 min.`
    var sentence: String {
        guard !items.isEmpty else { return "None in the last 30 days." }
        let now =
            open.isEmpty
            ? "None is open." : open.count == 1 ? "One is open." : "\(Formatting.count(open.count)) are open."
        let all = OutputFormatting.span(items.reduce(0) { $0 + ($1["seconds"]?.double ?? 0) })
        let half =
            lengths.count < 2
            ? "" : "; half were over within \(OutputFormatting.span(lengths[(lengths.count - 1) / 2]))"
        return "\(now) In 30 days there \(items.count == 1 ? "was one" : "were \(count)"), \(all) in all\(half)."
    }

    var tiles: [[String: Any]] {
        let seen = open.count { !($0["acknowledged"]?.isNull ?? true) }
        var causes: [String: Int] = [:]
        for item in items { causes[item["sentence"]?.string ?? "", default: 0] += 1 }
        let most = causes.max { ($0.value, $1.key) < ($1.value, $0.key) }
        func tile(_ label: String, _ value: String, _ note: String) -> [String: Any] {
            ["label": label, "value": value, "note": note]
        }
        return [
            tile("Open", Formatting.count(open.count), "\(Formatting.count(seen)) acknowledged"),
            tile(
                "In 30 days", count,
                OutputFormatting.span(items.reduce(0) { $0 + ($1["seconds"]?.double ?? 0) }) + " in all"),
            tile(
                "Over after", lengths.isEmpty ? "–" : OutputFormatting.span(lengths[(lengths.count - 1) / 2]),
                lengths.isEmpty ? "none is over" : "median; longest \(OutputFormatting.span(lengths.last ?? 0))"),
            tile(
                "Most often", most.map { "\(Formatting.count($0.value)) ×" } ?? "–",
                most?.key ?? "no incident"),
        ]
    }
}
