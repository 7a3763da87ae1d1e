import Operations
import StokerCore

/// A plan for a person, in Terraform's signs: `+` is added, `~` changed, `-` removed.
struct PlanText {
    private let look: TextLook
    init(_ screen: Terminal) { look = screen.look }

    static func isEmpty(_ plan: JSONValue) -> Bool {
        plan["create"]?.integer == 0 && plan["change"]?.integer == 0 && plan["needs"]?.array?.isEmpty != false
    }

    /// - Parameter file: where the plan was written to.
    func text(_ plan: JSONValue, file: String?) -> String {
        var text = ""
        for need in plan["needs"]?.array ?? [] {
            text += line(
                "+", "\(need["kind"]?.string ?? "") \(need["id"]?.string ?? "")", "made because a Space needs it")
        }
        if !text.isEmpty { text += "\n" }
        let spaces = plan["spaces"]?.array ?? []
        for space in spaces { text += self.space(space) }
        for id in plan["unnamed"]?.array ?? [] {
            text +=
                "\(id.string?.printable ?? ""): was deployed, and the fleet file does not name it any more; it stays (`stoker destroy` deletes)\n"
        }
        return text + end(plan, spaces, file)
    }

    private func end(_ plan: JSONValue, _ spaces: [JSONValue], _ file: String?) -> String {
        let create = plan["create"]?.integer ?? 0
        let change = plan["change"]?.integer ?? 0
        if Self.isEmpty(plan) {
            return
                "No differences: \(spaces.count == 1 ? "the Space is" : "all \(spaces.count) Spaces are") as the fleet file says.\n"
        }
        let restarts = spaces.count { $0["restarts"] == true }
        var text = look.paint(
            "Plan: \(create) to create, \(change) to change, \(plan["same"]?.integer ?? 0) as they should be.", .bold)
        if restarts > 0 { text += " \(restarts) will restart once." }
        text += "\n"
        if let cost = cost(spaces) { text += cost + "\n" }
        let obstacles = spaces.flatMap { space in
            (space["obstacles"]?.array ?? []).map { (space["target"]?.string ?? "", $0) }
        }
        if !obstacles.isEmpty {
            text += "\n" + look.paint("In the way, so that nothing can be applied:", .red) + "\n"
            for (name, obstacle) in obstacles {
                text += "  \(name.printable): \((obstacle["text"]?.string ?? "").printable)\n"
                if let hint = obstacle["hint"]?.string { text += "    hint: \(hint.printable)\n" }
            }
        }
        text += look.paint(
            "\nApplying it is refused when one of these Spaces has changed since. On one machine applies exclude each other; between machines only these fingerprints protect.\n",
            .dim)
        if obstacles.isEmpty {
            text += file.map { "Next: stoker apply \(Quote.shell($0))\n" } ?? "Next: stoker apply\n"
        }
        return text
    }

    private func cost(_ spaces: [JSONValue]) -> String? {
        let known = spaces.filter { $0["cost_before"]?.double != nil && $0["cost_after"]?.double != nil }
        let before = known.reduce(0) { $0 + ($1["cost_before"]?.double ?? 0) }
        let after = known.reduce(0) { $0 + ($1["cost_after"]?.double ?? 0) }
        guard before > 0 || after > 0 || known.count < spaces.count else { return nil }
        let rest = spaces.count - known.count
        return "Cost a month, running all the time: \(Money.text(before)) now, \(Money.text(after)) then"
            + (rest > 0 ? "; the price of \(rest) is not known." : ".")
    }

    // MARK: One Space

    private func space(_ space: JSONValue) -> String {
        let changes = space["changes"]?.array ?? []
        guard !changes.isEmpty else { return "" }
        let isNew = space["action"] == "create"
        let sign = isNew ? "+" : "~"
        var text = "\(paint(sign)) \(look.paint((space["space"]?.string ?? "").printable, .bold))"
        if isNew { text += " (new)" }
        if space["restarts"] == true { text += " (restarts once)" }
        if let before = space["cost_before"]?.double, let after = space["cost_after"]?.double, before != after {
            text += " (\(Money.text(before)) → \(Money.text(after)) a month)"
        }
        text += "\n"
        for change in changes { text += self.change(change) }
        for note in space["notes"]?.array ?? [] { text += "    note: \(note.string?.printable ?? "")\n" }
        return text + "\n"
    }

    private func change(_ change: JSONValue) -> String {
        let from = change["from"]?.string
        let to = change["to"]?.string
        switch change["kind"]?.string {
        case "create", "duplicate":
            var text =
                change["of"]?.string.map { line("+", "copy of", $0) } ?? line("+", "sdk", change["sdk"]?.string ?? "")
            if let word = change["visibility"]?.string { text += line("+", "visibility", word) }
            if let word = change["hardware"]?.string { text += line("+", "hardware", word) }
            if let seconds = change["sleep_seconds"]?.integer {
                text += line("+", "sleep", seconds < 0 ? "never" : Self.span(seconds))
            }
            return text
        case "visibility", "hardware":
            return line("~", change["kind"]?.string ?? "", "\(from ?? "none") → \(to ?? "none")")
        case "sleep":
            func word(_ value: JSONValue?) -> String { value?.integer.map(Self.span) ?? "never" }
            return line("~", "sleep", "\(word(change["from"])) → \(word(change["to"]))")
        case "variable":
            let name = "variable \(change["key"]?.string ?? "")"
            switch (from, to) {
            case (nil, let to?): return line("+", name, Self.value(to))
            case (let from?, nil): return line("-", name, Self.value(from))
            default: return line("~", name, "\(Self.value(from ?? "")) → \(Self.value(to ?? ""))")
            }
        case "secret":
            let name = "secret \(change["key"]?.string ?? "")"
            return switch change["change"]?.string {
            case "add": line("+", name, "")
            case "remove": line("-", name, "needs --allow-destroy")
            case "replace": line("~", name, "another value than was sent last")
            default: line("~", name, "what it is now is not known: set by somebody else, or not from here")
            }
        case "volumes": return volumes(change)
        case "files": return (change["files"]?.array ?? []).map(file).joined()
        default: return line("~", change["kind"]?.string ?? "", "")
        }
    }

    private func volumes(_ change: JSONValue) -> String {
        let before = change["from"]?.array?.compactMap(\.string) ?? []
        let after = change["to"]?.array?.compactMap(\.string) ?? []
        let removed = before.filter { !after.contains($0) }.map { line("-", "volume", $0 + " (needs --allow-destroy)") }
        return removed.joined() + after.filter { !before.contains($0) }.map { line("+", "volume", $0) }.joined()
    }

    private func file(_ file: JSONValue) -> String {
        func size(_ key: String) -> String { Bytes.text(Int64(file[key]?.integer ?? 0)) }
        let path = file["path"]?.string ?? ""
        switch file["change"]?.string {
        case "add": return line("+", path, size("size_after"))
        case "delete": return line("-", path, size("size_before"))
        default:
            var text = line("~", path, "\(size("size_before")) → \(size("size_after"))")
            for row in file["diff"]?.string?.split(separator: "\n") ?? [] {
                let style: TextStyle = row.hasPrefix("+") ? .green : row.hasPrefix("-") ? .red : .dim
                text += "        \(look.paint(String(row).printable, style))\n"
            }
            return text
        }
    }

    private func line(_ sign: String, _ name: String, _ value: String) -> String {
        "    \(paint(sign)) \(name.printable)\(value.isEmpty ? "" : ": \(value.printable)")\n"
    }

    private func paint(_ sign: String) -> String {
        look.paint(sign, sign == "+" ? .green : sign == "-" ? .red : .yellow)
    }

    private static func span(_ seconds: Int) -> String { Duration.seconds(seconds).text }

    private static func value(_ text: String) -> String { "\"\(Redaction.text(text).cut(to: 80))\"" }
}
