internal import Yams

/// Turns `keep`, `spaces`, `targets` and `heartbeats` into checks.
struct CheckReader {
    let reading: FleetReading
    let hub: Fleet.Hub
    private(set) var checks: [Check] = []
    /// Line in which each name was given.
    private var names: [String: Int] = [:]
    fileprivate var addresses: [String: String] = [:]
    private(set) var renames: [Fleet.Rename] = []
    /// Where each old name is said; nil for what follows from its Space's.
    private var renamePlaces: [Value?] = []
    private var dependsOn: [(target: String, names: [FleetReference])] = []
    /// What the top of the file says for all Spaces.
    private(set) var defaults = CheckSettings()
    private(set) var healing = HealRule()
    private let spaceKeys: FleetKeys
    /// The Spaces that were read, for the keys that rooms add.
    private(set) var spaces: [ReadSpace] = []
    /// What `deploy` at the top says, which holds for Spaces with a `deploy` of their own.
    private var usualHardware: Value?

    init(reading: FleetReading, hub: Fleet.Hub, spaceKeys: FleetKeys) {
        self.reading = reading
        self.hub = hub
        self.spaceKeys = spaceKeys
    }

    mutating func read(_ top: Section) {
        defaults = settings(ofSpaces: top["keep"])
        if let value = top["heal"] { healing = HealRule(value, above: healing) }
        usualHardware = top["deploy"]?.member("hardware")
        for entry in top["spaces"]?.section(nil)?.entries ?? [] { readSpace(entry, defaults) }
        for entry in top["targets"]?.section(nil)?.entries ?? [] { readTarget(entry) }
        for entry in top["heartbeats"]?.section(nil)?.entries ?? [] { readHeartbeat(entry) }
        settleRenames()
    }

    // MARK: Old names

    /// The names that `was` says the check had.
    private mutating func readWas(_ section: Section, _ name: String, isSpace: Bool = false) -> [String] {
        guard let value = section["was"], let items = value.items("the name it had, such as old-bot") else { return [] }
        guard items.count <= 20 else {
            value.report(.range, "has \(items.count) names; at most 20 are followed")
            return []
        }
        var old: [String] = []
        for item in items {
            guard let text = item.text("the name it had, such as old-bot") else { continue }
            // A Space's old id is as good as its name. What was a Space's further check may have become a target.
            let isID = isSpace && SpaceName.isID(text.value)
            let was = isID ? String(text.value.split(separator: "/").last ?? "") : text.value
            let parts = was.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count <= (isSpace ? 1 : 2), parts.allSatisfy({ Self.isName(String($0)) }) else {
                item.report(.value, "\(text.shown) is not a name; write the one that the check had, such as old-bot")
                continue
            }
            old.append(was)
            note(was, name, item)
        }
        return old
    }

    /// The same for a further check of a Space: the part behind the slash.
    private func readFurtherWas(_ section: Section) -> [(String, Value)] {
        guard let items = section["was"]?.items("the name it had, such as ready") else { return [] }
        return items.prefix(20).compactMap { item in
            guard let text = item.text("the name it had, such as ready") else { return nil }
            guard Self.isName(text.value) else {
                item.report(.value, "\(text.shown) is not a name; write the part behind the slash, such as ready")
                return nil
            }
            return (text.value, item)
        }
    }

    private mutating func note(_ from: String, _ to: String, _ value: Value?) {
        renames.append(Fleet.Rename(from: from, to: to))
        renamePlaces.append(value)
    }

    /// What was said of old names, held against all that was read.
    private mutating func settleRenames() {
        var owners: [String: String] = [:]
        var kept: [Fleet.Rename] = []
        for (rename, value) in zip(renames, renamePlaces) {
            if rename.from == rename.to {
                value?.report(.conflict, "is its own name; write the one that it had before, or leave `was` out")
            } else if let line = names[rename.from] {
                value?.report(
                    .conflict,
                    "names \(rename.from), which is a check of this file (line \(line)) and keeps its own history; leave `was` out, or call that one otherwise"
                )
            } else if let other = owners[rename.from], other != rename.to {
                value?.report(
                    .conflict,
                    "names \(rename.from), which \(other) was called, too; one of them goes on with its history")
            } else {
                owners[rename.from] = rename.to
                kept.append(rename)
            }
        }
        renames = kept
    }

    // MARK: Dependencies

    private mutating func readDependencies(_ section: Section, of target: String) {
        guard let value = section["depends_on"] else { return }
        let wanted = "a name of this fleet, such as database"
        let names = FleetValue<[FleetReference]>.list(.reference(wanted), wanted, limit: 20).read(value) ?? []
        if !names.isEmpty { dependsOn.append((target, names)) }
    }

    /// What each target stands on.
    /// - Parameter isClosed: no Space joins the fleet by itself, so what is not in the file is nowhere.
    func dependencies(isClosed: Bool) -> [String: [String]] {
        let report = FleetReferenceReport(reading: reading)
        for (target, names) in dependsOn {
            for one in names {
                if one.name == target || one.name.hasPrefix(target + "/") {
                    report.report(.conflict, "names the target itself; leave it out", at: one)
                } else if self.names[one.name] == nil {
                    report.absent(one, "a check or target", among: Array(self.names.keys), isClosed: isClosed)
                }
            }
        }
        return Dictionary(dependsOn.map { ($0.target, $0.names.map(\.name)) }) { first, _ in first }
    }

    // MARK: Spaces

    /// What a `keep` says; the checks it is for ask over HTTP.
    private func settings(ofSpaces keep: Value?) -> CheckSettings {
        guard let section = keep?.section(.keep) else { return CheckSettings() }
        refuseForeign(.https, HTTPKind.self, section)
        return CheckSettings(section)
    }

    private mutating func readSpace(_ entry: Section.Entry, _ defaults: CheckSettings) {
        guard let section = entry.value.section(spaceKeys) else { return }
        guard let id = spaceID(entry) else { return }
        var name = String(id.split(separator: "/").last ?? "")
        if let value = section["name"], let text = value.text("a name") {
            guard Self.isName(text.value) else {
                value.report(.value, "\(text.shown) is not a name; use letters, digits, `-`, `_` and `.`, at most 96")
                return
            }
            name = text.value
        }
        guard claim(name, entry, hint: "; give one of them another name with `name:`") else { return }
        let old = readWas(section, name, isSpace: true)
        readDependencies(section, of: name)

        spaces.append(ReadSpace(name: name, id: id, section: section))
        let hardware = hardware(section)
        let group = Self.group(section)
        let own = settings(ofSpaces: section["keep"])
        let settings = own.over(defaults)
        guard let base = spaceBase(id, section, entry) else { return }
        var context = Context(role: .alive, group: group, space: id, isPaid: hardware?.isPaid ?? false)
        context.heal = section["heal"].map { HealRule($0, above: healing) } ?? healing
        context.awake = Self.awake(section, settings)
        context.ownAddress = section.has("url")
        let address = Self.join(base, settings)
        add(name, address, settings, context, section)
        adviseSpace(name, settings, hardware, section, entry)

        for further in section["checks"]?.section(nil)?.entries ?? [] {
            readFurther(further, of: name, was: old, base: base, settings, context)
        }
    }

    private mutating func readFurther(
        _ entry: Section.Entry, of space: String, was: [String], base: Address, _ above: CheckSettings,
        _ context: Context
    ) {
        guard let section = entry.value.section(.check) else { return }
        guard Self.isName(entry.key) else {
            reading.report(
                .value, "is not a name; use letters, digits, `-`, `_` and `.`, at most 96", at: entry.keyMark,
                in: entry.value.place)
            return
        }
        let name = "\(space)/\(entry.key)"
        guard claim(name, entry, hint: "") else { return }
        // The Space's old names hold for all its checks, and what this one was called was below any of them.
        let called = readFurtherWas(section)
        for (part, value) in called { note("\(space)/\(part)", name, value) }
        for old in was { for part in called.map(\.0) + [entry.key] { note("\(old)/\(part)", name, nil) } }
        let own = CheckSettings(section)
        var settings = own.over(above.shared)
        settings.every = settings.every ?? .seconds(3_600)
        var context = context
        context.role = .ready
        if let role = section["role"]?.word([("alive", CheckPolicy.Role.alive), ("ready", .ready)]) {
            context.role = role
        }
        // A database that is away is not mended by a restart: a ready check heals only when it is said.
        if let value = section["heal"] {
            context.heal = HealRule(value, above: context.heal)
        } else if context.role == .ready {
            context.heal.mode = .off
        }
        if section.has("url") { context.ownAddress = true }
        var base = base
        if let value = section["url"] {
            guard let address = value.address(CheckKinds.schemes) else { return }
            base = address
        }
        add(name, Self.join(base, own), settings, context, section)
    }

    /// What the Space runs on: `hardware` and `deploy.hardware` say the same, or one of them says it.
    private func hardware(_ section: Section) -> Hardware? {
        let own = section["hardware"].flatMap { Self.hardware($0) }
        guard let deploy = section["deploy"], let value = deploy.member("hardware") ?? usualHardware,
            let deployed = Self.hardware(value)
        else { return own }
        if let own, own.name != deployed.name, let place = deploy.member("hardware") ?? section["hardware"] {
            place.report(
                .conflict,
                "`hardware` of the Space is \(own.name), and its `deploy.hardware` is \(deployed.name); say it once, in `deploy`"
            )
        }
        return deployed
    }

    /// The Space's id from its key; reports what is wrong with it.
    private func spaceID(_ entry: Section.Entry) -> String? {
        func report(_ text: String) -> String? {
            reading.report(.value, text, at: entry.keyMark, in: entry.value.place)
            return nil
        }
        let key = entry.key
        if key.contains("://") {
            let inside = key.firstRange(of: "/spaces/").map {
                key[$0.upperBound...].split(separator: "/").prefix(2).joined(separator: "/")
            }
            if let inside, SpaceName.isID(inside) { return report("is an address; write the Space's id: \(inside)") }
            return report("is an address; under `spaces` write owner/name, or move it to `targets`")
        }
        if key.contains("/") {
            guard SpaceName.isID(key) else {
                return report("is not a Space's id; write owner/name with letters, digits, `-`, `_` and `.`")
            }
            return key
        }
        guard SpaceName.isPart(key) else {
            return report("is not a Space's name; it has letters, digits, `-`, `_` and `.`, at most 96")
        }
        guard let namespace = hub.namespace else {
            _ = report("has no owner; write owner/\(key), or set hub.namespace")
            // A stand-in, so that what else is wrong with this Space is told at the same time.
            return "owner/\(key)"
        }
        return "\(namespace)/\(key)"
    }

    private func spaceBase(_ id: String, _ section: Section, _ entry: Section.Entry) -> Address? {
        if let url = section["url"] { return url.address([.http, .https]) }
        let subdomain = SpaceName.subdomain(of: id)
        guard subdomain.utf8.count <= 63 else {
            reading.report(
                .range,
                "has a subdomain of \(subdomain.utf8.count) characters, and a name in the DNS has at most 63; give the Space's own address with `url:`",
                at: entry.keyMark, in: entry.value.place)
            return nil
        }
        switch Address.checked(hub.spaceAddress.replacing("{subdomain}", with: subdomain)) {
        case .success(let address): return address
        case .failure(let fault):
            reading.report(.value, "has an address that \(fault.because)", at: entry.keyMark, in: entry.value.place)
            return nil
        }
    }

    // MARK: Targets and heartbeats

    private mutating func readTarget(_ entry: Section.Entry) {
        // `gateway: https://…` is short for `gateway: { url: https://… }`.
        if case .scalar = entry.value.node, !entry.value.isNull {
            guard claimTarget(entry), let address = entry.value.address(CheckKinds.schemes) else { return }
            let section = Section(place: entry.value.place, mark: entry.value.mark, reading: reading)
            add(
                entry.key, address, CheckSettings(), Context(role: .alive, group: nil, space: nil, isPaid: false),
                section)
            return
        }
        guard let section = entry.value.section(.target), claimTarget(entry) else { return }
        _ = readWas(section, entry.key)
        readDependencies(section, of: entry.key)
        let settings = CheckSettings(section)
        let group = Self.group(section)
        guard let value = section["url"] else {
            reading.report(.missing, "has no `url`; write url: https://…", at: entry.keyMark, in: entry.value.place)
            return
        }
        guard let address = value.address(CheckKinds.schemes) else { return }
        add(entry.key, address, settings, Context(role: .alive, group: group, space: nil, isPaid: false), section)
    }

    private mutating func claimTarget(_ entry: Section.Entry) -> Bool {
        guard Self.isName(entry.key) else {
            reading.report(
                .value, "is not a name; use letters, digits, `-`, `_` and `.`, at most 96", at: entry.keyMark,
                in: entry.value.place)
            return false
        }
        return claim(entry.key, entry, hint: "")
    }

    private mutating func readHeartbeat(_ entry: Section.Entry) {
        guard let section = entry.value.section(.heartbeat), claimTarget(entry) else { return }
        _ = readWas(section, entry.key)
        readDependencies(section, of: entry.key)
        var settings = CheckSettings(section)
        var schedule: CronSchedule?
        if let value = section["schedule"] {
            guard let read = FleetValue<CronSchedule>.schedule.read(value) else { return }
            for (key, why) in [("every", "says how often the job calls"), ("hours", "says when it works")]
            where section.has(key) {
                section.report(
                    .conflict, "`\(key)` \(why), and so does `schedule`; leave one of them out", at: key)
                return
            }
            schedule = read
        }
        guard let every = schedule?.usualInterval ?? settings.every else {
            if !section.has("every"), !section.has("schedule") {
                reading.report(
                    .missing,
                    "has neither `every` nor `schedule`; write how often the job calls, such as every: 24h or schedule: \"0 3 * * *\"",
                    at: entry.keyMark, in: entry.value.place)
            }
            return
        }
        let grace = section["grace"]?.duration(.seconds(1) ... .seconds(366 * 86_400), example: "30m")
        settings.retry = []
        let policy = reading.shared(
            CheckPolicy(
                kind: .heartbeat, every: every, hours: settings.openHours, schedule: schedule,
                downAfter: Threshold(failures: 1, of: 1), grace: grace ?? .seconds(300), group: Self.group(section),
                enabled: settings.paused != true))
        checks.append(Check(name: entry.key, address: "", policy: policy))
    }

    // MARK: What they share

    private struct Context {
        var role: CheckPolicy.Role
        var group: String?
        var space: String?
        var isPaid: Bool
        var awake = Awake.always
        var heal = HealRule()
        var ownAddress = false
    }

    private mutating func add(
        _ name: String, _ address: Address, _ settings: CheckSettings, _ context: Context, _ section: Section
    ) {
        let kind = address.scheme.kind
        refuseForeign(address.scheme, kind.type, section)
        let hidden = Self.unique(address.hidden + settings.bodyHidden + settings.expectHidden)
        let policy = policy(kind, settings, context, hidden)
        if let fault = kind.type.fault(in: policy.expect, at: address) {
            section["expect"]?.section(nil)?.report(
                .value, Redaction.hide(hidden, in: fault.because), at: fault.key)
        }
        let text = address.description
        checks.append(Check(name: name, address: text, space: context.space, policy: policy))
        adviseCheck(name, text, policy, settings, section)
    }

    /// Keys that mean nothing to this kind of check; what a level above says of them is for the others.
    private func refuseForeign(_ scheme: Address.Scheme, _ kind: any CheckKind.Type, _ section: Section) {
        let scheme = scheme.rawValue
        for key in FleetKeys.check.names
        where section.has(key) && CheckKinds.settings.contains(key) && !kind.settings.contains(key) {
            section.report(.conflict, "does not apply to \(scheme)://, \(kind.refusal)", at: key)
        }
        // What is no mapping was told when it was read.
        guard let value = section["expect"], case .mapping = value.node, let expect = value.section(nil) else { return }
        let known = kind.expectations.map { "`\($0)`" }
        let list =
            known.count > 1 ? "\(known.dropLast().joined(separator: ", ")) and \(known.last ?? "")" : known.joined()
        for entry in expect.entries
        where FleetKeys.expect.known.contains(entry.key) && !kind.expectations.contains(entry.key) {
            reading.report(
                .conflict, "does not apply to \(scheme)://, where only \(list) can be expected", at: entry.keyMark,
                in: entry.value.place)
        }
    }

    private static func unique(_ values: [Secret]) -> [Secret] {
        var seen = Set<Secret>()
        return values.filter { seen.insert($0).inserted }
    }

    private func policy(
        _ kind: CheckPolicy.Kind, _ settings: CheckSettings, _ context: Context, _ hidden: [Secret]
    ) -> CheckPolicy {
        let every = settings.every ?? .seconds(45 * 60)
        let timeout = settings.timeout ?? kind.type.timeout
        var expect = settings.expect ?? Expectation()
        kind.type.complete(&expect)
        let standard = Request()
        var request = Request(
            method: settings.method ?? standard.method, headers: settings.headers, body: settings.body,
            redirects: settings.redirects ?? standard.redirects, verifyTLS: settings.verifyTLS ?? standard.verifyTLS)
        request.hidden = hidden
        return reading.shared(
            CheckPolicy(
                kind: kind, every: every, timeout: timeout,
                connectTimeout: min(timeout, settings.connectTimeout ?? .seconds(10)),
                tlsTimeout: min(timeout, settings.tlsTimeout ?? .seconds(10)),
                retry: settings.retry ?? [.seconds(5), .seconds(10), .seconds(20)],
                recheck: min(every, settings.recheck ?? .seconds(60)), jitter: settings.jitter ?? 0.05,
                hours: settings.openHours, downAfter: settings.downAfter ?? Threshold(failures: 1, of: 1),
                request: request, expect: expect, role: context.role, group: context.group,
                paidHardware: context.isPaid, enabled: settings.paused != true && context.awake != .never,
                warmth: settings.warmth, awake: context.awake, heal: context.heal, ownAddress: context.ownAddress))
    }

    /// How a discovered Space is pinged: as one that is listed without a word of its own.
    var discoveredPolicy: CheckPolicy {
        var context = Context(role: .alive, group: nil, space: "", isPaid: false)
        context.heal = healing
        if defaults.openHours != nil { context.awake = .hours }
        return policy(
            .http, defaults, context, Self.unique(defaults.pathHidden + defaults.bodyHidden + defaults.expectHidden))
    }

    private static func awake(_ section: Section, _ settings: CheckSettings) -> Awake {
        let defaultValue: Awake = settings.openHours == nil ? .always : .hours
        guard let value = section["awake"] else { return defaultValue }
        guard let said = value.word(Awake.allCases.map { ($0.rawValue, $0) }) else { return defaultValue }
        if said == .hours, settings.openHours == nil {
            value.report(.missing, "needs the hours; write keep: { hours: Mon-Fri 07:00-20:00 Europe/Berlin }")
        }
        if said == .always, settings.openHours != nil {
            value.report(.conflict, "says always, and `hours` says when; leave one of them out")
        }
        return said
    }

    private mutating func claim(_ name: String, _ entry: Section.Entry, hint: String) -> Bool {
        if let line = names[name] {
            reading.report(
                .conflict, "would be called \(name), as the one in line \(line) is\(hint)", at: entry.keyMark,
                in: entry.value.place)
            return false
        }
        names[name] = entry.keyMark.line
        return true
    }

    private static func isName(_ name: String) -> Bool {
        guard let first = name.unicodeScalars.first, name.utf8.count <= 96, first.isASCII else { return false }
        return name.unicodeScalars.allSatisfy {
            $0.isASCII
                && ($0.properties.isAlphabetic || $0.properties.numericType != nil || "-_.".unicodeScalars.contains($0))
        } && !"-.".unicodeScalars.contains(first)
    }

    private static func group(_ section: Section) -> String? {
        guard let value = section["group"], let group = value.optionalString("a group's name") else { return nil }
        if group.count > 64 || group.contains(where: \.isNewline) {
            value.report(.range, "is longer than 64 characters or has a line break in it")
            return nil
        }
        return group
    }

    /// A path behind a base address; without one the base stays as it is.
    private static func join(_ base: Address, _ settings: CheckSettings) -> Address {
        guard let path = settings.path, base.scheme.kind.type.settings.contains("path") else { return base }
        var result = base
        result.hidden += settings.pathHidden
        var front = base.path.prefix { $0 != "?" }
        while front.hasSuffix("/") { front.removeLast() }
        result.path = front + path
        return result
    }
}

extension CheckSettings {
    var openHours: Hours? {
        if case .on(let hours) = hours { hours } else { nil }
    }
}

// MARK: - Hardware and advice

extension CheckReader {
    struct Hardware {
        var name: String
        var isPaid: Bool
    }

    /// Names of Hub hardware that costs nothing; everything else does. ZeroGPU has a sleep of its own that nobody can set.
    private static let free = ["cpu-basic", "zero-a10g", "zerogpu"]
    /// Source: huggingface_hub `SpaceHardware` and the Hub's OpenAPI document, read 2026-08-20. An open set: an unknown name is
    /// only remarked on.
    static let knownHardware =
        free + [
            "cpu-upgrade", "cpu-performance", "cpu-xl", "sprx8", "t4-small", "t4-medium", "l4x1", "l4x4", "l40sx1",
            "l40sx4", "l40sx8",
            "a10g-small", "a10g-large", "a10g-largex2", "a10g-largex4", "a100-large", "a100x4", "a100x8", "h200",
            "h200x2", "h200x4",
            "h200x8", "rtx-pro-6000", "rtx-pro-6000x2", "rtx-pro-6000x4", "rtx-pro-6000x8", "inf2x6",
        ]

    static func hardware(_ value: Value) -> Hardware? {
        guard let name = value.optionalString("hardware such as cpu-basic") else { return nil }
        if !knownHardware.contains(name) {
            let nearest = ClosestMatch.of(name, among: knownHardware)
            value.reading.advise(
                "is hardware this version does not know\(nearest.map { "; did you mean \($0)?" } ?? ""), taken as paid",
                at: value.mark,
                in: value.place)
        }
        return Hardware(name: name, isPaid: !free.contains(name))
    }

    /// Remarks on how a Space is kept awake.
    func adviseSpace(
        _ name: String, _ settings: CheckSettings, _ hardware: Hardware?, _ section: Section, _ entry: Section.Entry
    ) {
        guard settings.paused != true else { return }
        let spot = settings.everyPlace ?? (entry.keyMark, entry.value.place)
        let every = settings.every ?? .seconds(45 * 60)
        if let hardware, hardware.isPaid {
            reading.advise(
                "\(name) runs on \(hardware.name), which does not sleep unless it is told to: pinging watches it but is not needed to keep it awake",
                at: section.mark(of: "hardware"), in: section.place(of: "hardware"))
        } else if every < .seconds(15 * 60) {
            reading.advise(
                "\(name) is pinged every \(every.text), more often than every 15m: free hardware sleeps after 48h without a visitor, and frequent pings have been flagged as abuse",
                at: spot.mark, in: spot.place)
        } else if every >= .seconds(48 * 3_600) {
            reading.advise(
                "\(name) is pinged every \(every.text), and free hardware sleeps after 48h without a visitor: it will fall asleep",
                at: spot.mark, in: spot.place)
        }
    }

    /// Remarks on how a check is made.
    mutating func adviseCheck(
        _ name: String, _ address: String, _ policy: CheckPolicy, _ settings: CheckSettings, _ section: Section
    ) {
        let spot = settings.waitPlace ?? settings.everyPlace ?? (section.mark, section.place)
        if policy.timeout > policy.every {
            reading.advise(
                "\(name) may wait \(policy.timeout.text) for an answer, longer than its interval of \(policy.every.text)",
                at: spot.mark,
                in: spot.place)
        } else if policy.hasOwnWaits, policy.longestPing > policy.every {
            reading.advise(
                "a ping of \(name) that fails may take \(policy.longestPing.text) with its retries, longer than its interval of \(policy.every.text): the next ping waits for it",
                at: spot.mark, in: spot.place)
        }
        if let within = policy.expect.within, within >= policy.timeout {
            reading.advise(
                "\(name) is slow after \(within.text) but given up after \(policy.timeout.text), so it can never be slow",
                at: section.mark(of: "expect"), in: section.place(of: "expect"))
        }
        if policy.expect.certificateDays != nil, let read = try? Address(address),  // it came from one
            !policy.kind.type.hasCertificate(at: read.scheme)
        {
            reading.advise(
                "\(name) has no certificate to look at: its address is not https://", at: section.mark(of: "expect"),
                in: section.place(of: "expect"))
        }
        if policy.request.body != nil, ["GET", "HEAD"].contains(policy.request.method) {
            reading.advise(
                "\(name) sends a body with \(policy.request.method), which most servers ignore; is `method: POST` missing?",
                at: section.mark(of: "body"), in: section.place(of: "body"))
        }
        if policy.request.method == "HEAD", policy.expect.readsBody {
            reading.advise(
                "\(name) expects something in the body, and an answer to HEAD has none", at: section.mark(of: "expect"),
                in: section.place(of: "expect"))
        }
        if !policy.request.verifyTLS, address.hasPrefix("https:"),
            policy.request.headers.contains(where: { $0.isCredential })
        {
            reading.advise(
                "\(name) sends a credential without checking who receives it (verify_tls: false)",
                at: section.mark(of: "verify_tls"),
                in: section.place(of: "verify_tls"))
        }
        if policy.request.headers.contains(where: { $0.isCredential }), address.hasPrefix("http:"),
            (try? Address(address)).map({ !HostAddress.isLoopback(host: $0.host) }) ?? true
        {
            reading.advise(
                "\(name) sends a credential over http://, readable on the way", at: section.mark(of: "headers"),
                in: section.place(of: "headers"))
        }
        // The address itself may carry a key that came out of a variable.
        if let other = addresses[address] {
            reading.advise(
                "\(name) has the same address as \(other): it gets both pings", at: section.mark(of: "url"),
                in: section.place(of: "url"))
        } else {
            addresses[address] = name
        }
    }
}

extension Request.Header {
    /// Whether the header exists to carry a credential.
    package var isCredential: Bool {
        Redaction.isSecretName(name)
    }
}

extension CheckPolicy {
    /// Whether limit or retries differ from the built-in ones, which outlast short intervals on purpose: a start takes minutes.
    fileprivate var hasOwnWaits: Bool {
        let standard = CheckPolicy()
        return timeout != standard.timeout || retry != standard.retry
    }

    /// The longest a ping can take: every attempt runs to its limit, with the waits between them.
    package var longestPing: Duration { retry.reduce(timeout * (retry.count + 1), +) }
}
