package import StokerCore

/// A rule and one of its channels: what is told there, and when.
struct Route: Sendable {
    /// By what the rule says, so that it is the same after a restart, and after a change of other rules.
    let id: String
    let channel: String
    let rule: NoticeRule
    let quiet: HoursWindow?
    private let groups: Set<String>
    private let targets: Set<String>

    init(rule: NoticeRule, channel: String) {
        self.rule = rule
        self.channel = channel
        quiet = rule.quiet.flatMap(HoursWindow.init)
        groups = Set(rule.groups.map(\.name))
        targets = Set(rule.targets.map(\.name))
        let said = [
            rule.on.map(\.rawValue).sorted().joined(separator: ","), groups.sorted().joined(separator: "\n"),
            targets.sorted().joined(separator: "\n"), rule.lasting?.text ?? "", rule.repeat?.text ?? "",
            rule.quiet?.text ?? "", rule.together.text, channel,
        ]
        id = String(FNV1a.hash(said.joined(separator: "\u{1F}").utf8), radix: 36)
    }

    /// The first of the kinds, from the most telling on, that the rule names.
    func kind(among kinds: [Notice.Kind]) -> Notice.Kind? { kinds.first { rule.on.contains($0) } }

    /// Whether the rule is about a check; what is about Stoker itself is for every rule.
    func covers(_ check: String?, group: String?) -> Bool {
        guard let check, !groups.isEmpty || !targets.isEmpty else { return true }
        if let group, groups.contains(group) { return true }
        return targets.contains(check) || targets.contains(String(check.prefix { $0 != "/" }))
    }

    /// When something is sent that may be sent at `time`: after the quiet hours.
    func sending(at time: Instant) -> Instant {
        guard let quiet, quiet.contains(time) else { return time }
        return quiet.change(after: time) ?? time
    }

    /// All routes of a fleet, in the order of its rules.
    static func all(of fleet: Fleet) -> [Route] {
        fleet[NotifySection.section].enumerated().flatMap { number, rule in
            if rule.inline != nil { return [Route(rule: rule, channel: inlineName(number))] }
            return rule.to.map { Route(rule: rule, channel: $0.name) }
        }
    }

    /// Of a channel that is said in a rule.
    static func inlineName(_ number: Int) -> String { "rule \(number + 1)" }
}

/// The channels of a fleet file by name, those that a rule has of its own included.
package struct Channels: Sendable, Equatable {
    package var list: [FleetNamed<ConfiguredChannel>]

    package init(_ fleet: Fleet) {
        list = fleet[ChannelsSection.section]
        for (number, rule) in fleet[NotifySection.section].enumerated() {
            if let inline = rule.inline { list.append(FleetNamed(name: Route.inlineName(number), value: inline)) }
        }
    }

    package subscript(name: String) -> ConfiguredChannel? { list.first { $0.name == name }?.value }
}
