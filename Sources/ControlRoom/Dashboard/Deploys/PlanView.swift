import Deployment
import HubClient
import Operations
import StokerCore

/// A plan, or what drifted, as the pages of deploys show it: obstacles first, then each Space with its settings from → to, files as a diff, secrets by name.
struct PlanView {
    /// What the difference means.
    enum Sense {
        /// What `apply` would do: from the Hub to the fleet file.
        case plan
        /// What somebody changed: the fleet file says one thing, the Hub another.
        case drift
    }

    var plan: DeployPlan
    /// Spaces that are as the fleet file says, beside those of the plan.
    var same = 0
    var sense: Sense
    var now: Instant

    /// Spaces on a page; lines of a diff, of all of a page; files of a Space that are listed.
    private static let mostSpaces = 100
    private static let mostLines = 4_000
    private static let mostFiles = 100
    /// Files whose diff is open when the page comes.
    private static let openFiles = 3

    private var changed: [SpacePlan] { plan.spaces.filter { !$0.changes.isEmpty } }
    private var restarts: Int { changed.count(where: \.restarts) }

    // MARK: The whole

    var title: String {
        let count = changed.count
        return switch sense {
        case .plan:
            plan.isEmpty
                ? "Nothing will change"
                : count == 0
                    ? "Something new will be made"
                    : "\(count.counted("Space", as: Formatting.count(count))) will change"
        case .drift:
            count == 0
                ? "Nothing has drifted"
                : "\(count.counted("Space", as: Formatting.count(count))) \(count == 1 ? "is" : "are") not as the fleet file says"
        }
    }

    /// How it stands, for the icon beside the title.
    var look: Look {
        switch sense {
        case .plan: plan.obstacles.isEmpty ? (plan.isEmpty ? .up : .waking) : .down
        case .drift: changed.isEmpty ? .up : .slow
        }
    }

    /// `3 restart, each once. The cost a month rises from $52.20 to $74.10.`
    var say: String {
        var said: [String] = []
        let obstacles = plan.obstacles.count
        if obstacles > 0 {
            said.append(
                "\(obstacles == 1 ? "One thing stands" : "\(Formatting.count(obstacles)) things stand") in the way: nothing is applied before that is settled."
            )
        }
        if sense == .plan, !changed.isEmpty {
            said.append(
                restarts == 0
                    ? "None restarts."
                    : restarts == 1 ? "One restarts, once." : "\(Formatting.count(restarts)) restart, each once."
            )
        }
        if let cost = cost, cost.before != cost.after {
            said.append(
                "The cost a month \(cost.after > cost.before ? "rises" : "falls") from \(Money.text(cost.before)) to \(Money.text(cost.after))."
            )
        }
        if sense == .drift, !changed.isEmpty {
            said.append("First stands what the fleet file says, then what the Hub has.")
        }
        if said.isEmpty {
            said.append(
                sense == .plan
                    ? "The Hub is as the fleet file says." : "Nobody has changed anything beside the fleet file.")
        }
        return said.joined(separator: " ")
    }

    /// Of the Spaces that change and whose price is known; nil where that is none.
    private var cost: (before: Double, after: Double)? {
        let known = changed.filter { $0.costBefore != nil && $0.costAfter != nil }
        guard !known.isEmpty else { return nil }
        return known.reduce(into: (0, 0)) { sum, space in
            sum.0 += space.costBefore ?? 0
            sum.1 += space.costAfter ?? 0
        }
    }

    var model: [String: Any] {
        var left = Self.mostLines
        let spaces = changed.prefix(Self.mostSpaces).map { model($0, left: &left) }
        let same = same + plan.spaces.count - changed.count
        let cost = cost
        return [
            "title": title, "say": say, "sign": look.name, "isDrift": sense == .drift,
            "made": Markup.time(plan.made, now: now), "endpoint": Redaction.address(plan.endpoint),
            "obstacles": plan.obstacles.map { obstacle in
                [
                    "space": "\(obstacle.space)", "text": Redaction.text(obstacle.text),
                    "hasHint": obstacle.hint != nil,
                    "hint": Formatting.capitalized(Redaction.text(obstacle.hint ?? "")),
                ] as [String: Any]
            },
            "spaces": spaces, "hasSpaces": !spaces.isEmpty,
            "more": Formatting.count(changed.count - spaces.count), "hasMore": changed.count > spaces.count,
            "same":
                "\(same.counted("Space", as: Formatting.count(same))) \(same == 1 ? "stays as it is" : "stay as they are")",
            "hasSame": same > 0,
            "needs": plan.needs.map { ["kind": $0.kind.rawValue, "id": $0.id] as [String: Any] },
            "hasNeeds": !plan.needs.isEmpty,
            "unnamed": plan.unnamed.map { "\($0)" }, "hasUnnamed": !plan.unnamed.isEmpty,
            "hasCost": cost != nil && sense == .plan, "before": Money.text(cost?.before),
            "after": Money.text(cost?.after),
            "costs": changed.compactMap { space -> [String: Any]? in
                guard let before = space.costBefore, let after = space.costAfter, before != after else { return nil }
                return ["space": space.target, "by": Money.difference(after - before)]
            },
            "order": order.map { ["space": $0.target, "after": $0.after.map { name($0) }.joined(separator: ", ")] },
            "hasOrder": !order.isEmpty,
        ]
    }

    /// Spaces that wait for others.
    private var order: [SpacePlan] { sense == .plan ? changed.filter { !$0.after.isEmpty } : [] }

    private func name(_ space: RepoID) -> String { plan.spaces.first { $0.space == space }?.target ?? "\(space)" }

    // MARK: One Space

    private func model(_ space: SpacePlan, left: inout Int) -> [String: Any] {
        var rows: [[String: Any]] = []
        var files: [FileChanges.File] = []
        var isNew = false
        for change in space.changes {
            switch change {
            case .files(let changes): files += changes.files
            case .create, .duplicate:
                isNew = true
                rows.append(contentsOf: settings(change))
            default: rows.append(contentsOf: settings(change))
            }
        }
        var badges: [[String: Any]] = []
        if isNew { badges.append(["text": "new", "sign": "deploy", "tone": "none"]) }
        if sense == .plan {
            badges.append(
                space.restarts
                    ? ["text": "restarts once", "sign": "waking", "tone": "waking"]
                    : ["text": "no restart", "sign": "up", "tone": "up"])
            if let before = space.costBefore, let after = space.costAfter, before != after {
                badges.append(["text": "\(Money.difference(after - before)) a month", "sign": "note", "tone": "none"])
            }
        }
        if !space.obstacles.isEmpty { badges.append(["text": "cannot change", "sign": "down", "tone": "down"]) }
        let shown = files.prefix(Self.mostFiles)
        return [
            "target": space.target, "space": "\(space.space)", "href": PageFormatting.path(space.target),
            "badges": badges, "rows": rows, "hasRows": !rows.isEmpty,
            "notes": space.notes.map { Redaction.text($0) },
            "hasSecrets": space.changes.contains { if case .secret = $0 { true } else { false } },
            "files": shown.enumerated().map { place, file in model(file, isOpen: place < Self.openFiles, left: &left) },
            "hasFiles": !files.isEmpty, "fileCount": files.count.counted("file", as: Formatting.count(files.count)),
            "hasMoreFiles": files.count > shown.count, "moreFiles": Formatting.count(files.count - shown.count),
        ]
    }

    private func row(_ label: String, key: String? = nil, _ old: String?, _ new: String?, isGone: Bool = false)
        -> [String: Any]
    {
        // Drift reads the other way: the file is what it should be.
        let (from, to) = sense == .plan ? (old, new) : (new, old)
        return [
            "label": label, "key": key ?? "", "hasKey": key != nil, "old": from ?? "not there",
            "new": to ?? (sense == .plan ? "deleted" : "not there"), "isGone": sense == .plan && new == nil || isGone,
        ]
    }

    private func settings(_ change: PlannedChange) -> [[String: Any]] {
        switch change {
        case .create(let sdk, let visibility, let hardware, let sleep):
            made("created, \(sdk)", visibility, hardware, sleep)
        case .duplicate(let source, let visibility, let hardware, let sleep):
            made("copied from \(source)", visibility, hardware, sleep)
        case .visibility(let from, let to): [row("visibility", from?.rawValue ?? "not known", to.rawValue)]
        case .hardware(let from, let to): [row("hardware", from ?? "none", to)]
        case .sleepTime(let from, let to): [row("sleeps after", Self.sleep(from), Self.sleep(to))]
        case .variable(let key, let from, let to):
            [row("variable", key: key, from.map(Self.shown), to.map(Self.shown))]
        case .secret(let key, let change): [secret(key, change)]
        case .volumes(let from, let to):
            [row("volumes", Self.volumes(from), Self.volumes(to))]
        case .files: []
        }
    }

    private func made(
        _ how: String, _ visibility: RepoVisibility?, _ hardware: String?, _ sleep: Int?
    ) -> [[String: Any]] {
        var rows = [row("Space", sense == .plan ? "not there" : nil, how)]
        if let visibility { rows.append(row("visibility", "–", visibility.rawValue)) }
        if let hardware { rows.append(row("hardware", "–", hardware)) }
        if let sleep { rows.append(row("sleeps after", "–", Self.sleep(sleep))) }
        return rows
    }

    private func secret(_ key: String, _ change: PlannedChange.SecretChange) -> [String: Any] {
        switch (change, sense) {
        case (.add, _): row("secret", key: key, nil, "set")
        case (.replace, .plan): row("secret", key: key, "what was sent last", "another value")
        case (.replace, .drift): row("secret", key: key, "another value", "what was sent last")
        case (.replaceUnknown, .plan): row("secret", key: key, "set by somebody, value not known", "the value here")
        case (.replaceUnknown, .drift): row("secret", key: key, "set by somebody, value not known", "the value here")
        case (.remove, _): row("secret", key: key, "set", nil)
        }
    }

    /// Variables are public at the Hub; what looks like a secret is hidden all the same.
    private static func shown(_ value: String) -> String {
        value.isEmpty ? "empty" : Redaction.quote(value, limit: 200)
    }

    private static func sleep(_ seconds: Int?) -> String {
        seconds.map { $0 < 0 ? "never" : Formatting.interval(.seconds($0)) } ?? "never"
    }

    private static func volumes(_ volumes: [SpaceVolume]) -> String {
        volumes.isEmpty
            ? "none"
            : volumes.map { volume in
                "\(volume.type) \(volume.source) at \(volume.mountPath)\(volume.readOnly == true ? ", read only" : "")"
            }.joined(separator: "; ")
    }

    // MARK: One file

    private func model(_ file: FileChanges.File, isOpen: Bool, left: inout Int) -> [String: Any] {
        let lines = file.diff.map(DiffLine.lines) ?? []
        let shown = lines.prefix(max(0, left))
        left -= shown.count
        let (added, removed) = (lines.count { $0.kind == .add }, lines.count { $0.kind == .delete })
        let what =
            switch (file.kind, sense) {
            case (.add, .plan): "new"
            case (.add, .drift): "not at the Hub"
            case (.change, _): "changed"
            case (.delete, .plan): "deleted"
            case (.delete, .drift): "only at the Hub"
            }
        let counts = lines.isEmpty ? sizes(file) : "+\(added) −\(removed)"
        return [
            "path": file.path, "what": what, "hasLines": !shown.isEmpty, "isOpen": isOpen, "counts": counts,
            "hasCounts": !counts.isEmpty,
            "isCut": shown.count < lines.count, "cut": Formatting.count(lines.count - shown.count),
            "lines": shown.map { ["kind": $0.kind.rawValue, "number": $0.number, "text": $0.text] as [String: Any] },
        ]
    }

    private func sizes(_ file: FileChanges.File) -> String {
        // Drift reads the other way.
        let (before, after) =
            sense == .plan ? (file.sizeBefore, file.sizeAfter) : (file.sizeAfter, file.sizeBefore)
        return switch (before, after) {
        case (let before?, let after?): "\(Bytes.text(before)) → \(Bytes.text(after))"
        case (nil, let after?): Bytes.text(after)
        case (let before?, nil): Bytes.text(before)
        case (nil, nil): ""
        }
    }
}

/// A line of a unified diff, as the page shows it: with the number it has in the newer file, or in the older one where it goes.
struct DiffLine: Equatable {
    enum Kind: String {
        case hunk, add, context
        case delete = "del"
    }
    var kind: Kind
    /// Empty for what is no line of a file.
    var number: String
    var text: String

    /// Without the names of the files, which stand above.
    static func lines(_ diff: String) -> [DiffLine] {
        var found: [DiffLine] = []
        var (old, new) = (0, 0)
        var isInHunk = false
        for line in diff.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("@@") {
                let parts = line.split(separator: " ")
                func first(_ sign: Character) -> Int {
                    parts.first { $0.first == sign }
                        .flatMap { Int($0.dropFirst().prefix { $0 != "," }) } ?? 0
                }
                (old, new, isInHunk) = (first("-"), first("+"), true)
                found.append(DiffLine(kind: .hunk, number: "", text: String(line)))
                continue
            }
            guard isInHunk else { continue }
            switch line.first {
            case "+":
                found.append(DiffLine(kind: .add, number: "\(new)", text: String(line)))
                new += 1
            case "-":
                found.append(DiffLine(kind: .delete, number: "\(old)", text: String(line)))
                old += 1
            case " ":
                found.append(DiffLine(kind: .context, number: "\(new)", text: String(line)))
                (old, new) = (old + 1, new + 1)
            case nil: continue
            // `\ No newline at end of file`, and that the rest was cut.
            default: found.append(DiffLine(kind: .hunk, number: "", text: String(line)))
            }
        }
        return found
    }
}
