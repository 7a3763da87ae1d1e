internal import Yams

/// What the file says of discovery.
extension FleetFile {
    static func readDiscovery(_ value: Value, _ hub: Fleet.Hub, _ checks: CheckReader) -> Fleet.Discovery? {
        var namespaces = hub.namespace.map { [$0] } ?? []
        var isNamed = false
        var discovery = Fleet.Discovery(
            namespaces: [], policy: checks.discoveredPolicy, path: checks.defaults.path)
        if case .scalar = value.node, !value.isNull {
            guard value.bool() == true else { return nil }
        } else {
            guard let section = value.section(Fleet.Discovery.keys) else { return nil }
            isNamed = section.has("namespaces")
            if let named = section["namespaces"], let items = named.items("users or organisations") {
                namespaces = items.compactMap { item in
                    guard let text = item.text("a user or an organisation") else { return nil }
                    guard SpaceName.isPart(text.value) else {
                        item.report(.value, "\(text.shown) is not the name of a user or an organisation")
                        return nil
                    }
                    return text.value
                }
            }
            let sdks = Fleet.Discovery.sdkNames.map { ($0, $0) }
            discovery.sdks = section["sdk"]?.items("SDKs such as docker")?.compactMap { $0.word(sdks) } ?? []
            discovery.tags = section["tags"]?.items("tags")?.compactMap { $0.string("a tag") } ?? []
            discovery.names =
                section["names"]?.items("patterns such as bot-*")?.compactMap { $0.string("a pattern such as bot-*") }
                ?? []
        }
        discovery.namespaces = namespaces
        if namespaces.isEmpty, !isNamed {
            value.report(.missing, "has no namespace to look in; set hub.namespace, or namespaces: [acme]")
        }
        return discovery
    }

    /// Keys that need the Hub's word while nobody asks the Hub.
    static func adviseUnwatched(_ top: Section) {
        for entry in top["spaces"]?.section(nil)?.entries ?? [] {
            guard let space = entry.value.section(nil) else { continue }
            for key in ["awake", "heal"] where space.has(key) {
                top.reading.advise(
                    "needs the Hub's word, and the Hub is asked nothing without hub.token, hub.watch or hub.discover",
                    at: space.mark(of: key), in: space.place(of: key))
            }
        }
        if top.has("heal") {
            top.reading.advise(
                "needs the Hub's word, and the Hub is asked nothing without hub.token, hub.watch or hub.discover",
                at: top.mark(of: "heal"), in: top.place(of: "heal"))
        }
    }
}
