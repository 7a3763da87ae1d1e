import Operations
import StokerCore

/// The fleet in the few words that fit a conversation.
enum FleetStatus {
    /// Of a check, in this order.
    private static let members = [
        "name", "verdict", "sentence", "since", "trouble", "kind", "group", "space", "address", "status_code",
        "latency_ms", "last_ping",
    ]

    @Sendable static func run(_ run: ToolRun) async throws(Failure) -> JSONValue {
        var given = run.given
        if !given.contains(where: { $0.name == "limit" }) { given.append(("limit", 20)) }
        given.append(("sort", "trouble"))
        let page = try await run.perform(.listChecks, given)
        let whole = try await run.perform(.overview, [])
        let checks = shortened(page["items"]?.array ?? [])
        return [
            "sentence": whole["sentence"] ?? "", "total": page["total"] ?? 0,
            "counts": .object((whole["counts"]?.members ?? []).filter { $0.value != 0 }),
            "notices": .array(
                (whole["notices"]?.array ?? []).compactMap { $0["text"]?.string.map { .string($0) } }),
            "checks": .array(checks), "offset": page["offset"] ?? 0, "next_offset": page["next_offset"] ?? .null,
        ]
    }

    /// Every row has its members at the same places, so they are looked for in the first one only.
    private static func shortened(_ items: [JSONValue]) -> [JSONValue] {
        let places = members.compactMap { name in
            items.first?.members?.firstIndex { $0.name == name }.map { (name: name, place: $0) }
        }
        return items.map { item in
            guard case .object(let all) = item else { return item }
            return .object(
                places.compactMap { name, place in
                    let value = place < all.count && all[place].name == name ? all[place].value : item[name] ?? .null
                    return value.isNull ? nil : .init(name, value)
                })
        }
    }
}
