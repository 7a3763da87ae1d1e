internal import Yams

/// What the file says of discovery and healing.
extension FleetFile {
    static func readDiscovery(_ value: Value, _ hub: Fleet.Hub, _ checks: CheckReader) -> Fleet.Discovery? {
        var namespaces = hub.namespace.map { [$0] } ?? []
        var isNamed = false
        var discovery = Fleet.Discovery(
            namespaces: [], policy: checks.discoveredPolicy, path: checks.defaults.path)
        if case .scalar = value.node, !value.isNull {
            guard value.bool() == true else { return nil }
        } else {
            guard let section = value.section(.discover) else { return nil }
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
            let sdks = ["gradio", "docker", "streamlit", "static"].map { ($0, $0) }
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

extension HealRule {
    /// `act`, or a mapping that says more; what it does not say is as above.
    init(_ value: Value, above: HealRule) {
        self = above
        let modes = HealRule.Mode.allCases.map { ($0.rawValue, $0) }
        if case .scalar(let scalar) = value.node, !value.isNull {
            // YAML's older readers take a bare off for false.
            if scalar.string == "false" { mode = .off } else if let said = value.word(modes) { mode = said }
            return
        }
        guard let section = value.section(.heal) else { return }
        if let said = section["mode"] {
            if case .scalar(let scalar) = said.node, scalar.string == "false" {
                mode = .off
            } else {
                mode = said.word(modes) ?? mode
            }
        }
        after = section["after"]?.integer(1...1_000, "failed pings in a row, such as 3") ?? after
        if let value = section["at_most"], let said = Self.budget(value) { (restarts, within) = said }
        if let value = section["with"], let items = value.items("restart, factory-restart, or both") {
            let steps = items.compactMap { $0.word([("restart", false), ("factory-restart", true)]) }
            if !steps.contains(false), !steps.isEmpty { restarts = 0 }
            factoryRestarts = steps.contains(true) ? 1 : 0
            // Who says what is to be done wants it done.
            if !section.has("mode") { mode = .act }
        }
        wait = section["wait"]?.duration(.seconds(60) ... .seconds(86_400), example: "10m") ?? wait
    }

    private static func budget(_ value: Value) -> (Int, Duration)? {
        guard let text = value.text("how many restarts in which time, such as 2 per 6h") else { return nil }
        let words = text.value.split(separator: " ")
        guard words.count == 3, words[1] == "per", let count = Int(words[0]), let span = Duration(text: words[2]) else {
            value.report(.value, "\(text.shown) does not say how many in which time; write 2 per 6h")
            return nil
        }
        guard (0...20).contains(count), (Duration.seconds(600) ... .seconds(7 * 86_400)).contains(span) else {
            value.report(.range, "\(text.shown) is outside 0 to 20 restarts per 10m to 7d")
            return nil
        }
        return (count, span)
    }
}
