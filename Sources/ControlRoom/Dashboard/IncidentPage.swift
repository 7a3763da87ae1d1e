import Hummingbird
import Ledger
import Operations
import StokerCore

/// `/incidents/{id}`: one span of trouble, minute by minute, with who was told and what people say about it.
struct IncidentPage {
    var incident: Incident
    /// What the operation `show-incident` answers.
    var item: JSONValue
    /// Name of the check; nil for trouble of the ledger, and for a check that left the fleet and is forgotten.
    var name: String?
    /// Oldest first; nil for a visitor who may not know who is told.
    var messages: [ToldMessage]?
    var timeline: TargetTimeline?
    /// What the platform told of its own trouble at that time, newest first.
    var platform: [PlatformReport] = []
    /// Pages of the fleet file that show it, address and title.
    var statusPages: [(path: String, title: String)]
    /// Others of the same check with the same cause, newest first.
    var earlier: [Incident]
    var mayWrite: Bool
    var now: Instant

    /// Moments before its beginning that belong to its story.
    static let lead = Duration.seconds(600)
    /// Moments after its end that do.
    static let tail = Duration.seconds(120)

    private var isOpen: Bool { incident.ended == nil }
    private var seen: JSONValue? {
        guard let seen = item["acknowledged"], !seen.isNull else { return nil }
        return seen
    }

    /// What a screen calls it: trouble of a Space that the platform flagged has a sign of its own.
    static func look(_ verdict: String?, cause: String?) -> Look {
        if cause == Cause.spaceModerated.code { return .moderated }
        return verdict.flatMap { Look(name: $0) } ?? .unknown
    }

    func model() -> [String: Any] {
        let look = Self.look(incident.verdict.name, cause: incident.cause.code)
        let length = Formatting.duration(incident.length(now: now))
        func time(_ value: JSONValue?) -> String {
            OutputFormatting.instant(value).map { Markup.time($0, now: now) } ?? ""
        }
        var model: [String: Any] = [
            "id": "\(incident.id)", "name": name ?? "Stoker itself", "hasName": name != nil,
            "href": name.map { PageFormatting.path($0) } ?? "", "verdict": look.name, "word": look.title.lowercased(),
            "isOpen": isOpen, "length": length,
            "sentence": Markup.sentence(Sentence(reading: Formatting.capitalized(incident.sentence))),
            "began": Markup.time(incident.began, now: now), "ended": Markup.time(incident.ended, now: now),
            "isSeen": seen != nil, "seenAt": time(seen?["at"]),
            "mayWrite": mayWrite, "mayAcknowledge": mayWrite && isOpen && seen == nil,
            "mayWithdraw": mayWrite && isOpen && seen != nil && name != nil,
        ]
        model["seenBy"] = seen?["by"]?.string
        model["seenText"] = seen?["text"]?.string
        model["facts"] = facts(length)
        model["hasPlatform"] = !platform.isEmpty
        model["platform"] = platform.prefix(3).map { report in
            [
                "title": Redaction.quote(report.title, limit: 120), "page": Redaction.address(report.page),
                "hasSince": report.since != nil, "since": Markup.time(report.since, now: now),
            ] as [String: Any]
        }
        let notes = item["notes"]?.array ?? []
        model["notes"] = notes.map { note in
            var entry: [String: Any] = [
                "at": time(note["at"]), "text": note["text"]?.string ?? "",
                "internal": note["internal"]?.bool ?? false,
            ]
            entry["by"] = note["by"]?.string
            return entry
        }
        model["hasNotes"] = !notes.isEmpty
        model["statusPages"] = statusPages.enumerated().map { index, page in
            ["path": page.path, "title": page.title, "last": index == statusPages.count - 1] as [String: Any]
        }
        model["hasStatusPages"] = !statusPages.isEmpty
        model["timeline"] = story.model(only: "", now: now)
        model["hasTimeline"] = !story.entries.isEmpty
        model["hasTold"] = messages != nil
        model["told"] = ToldMessage.models(messages ?? [], now: now)
        model["nobodyTold"] = messages?.isEmpty ?? false
        model["earlier"] = earlier.map { incident in
            [
                "id": "\(incident.id)", "began": Markup.time(incident.began, now: now),
                "length": Formatting.duration(incident.length(now: now)),
                "verdict": Self.look(incident.verdict.name, cause: incident.cause.code).name,
            ] as [String: Any]
        }
        model["hasEarlier"] = !earlier.isEmpty
        return model
    }

    /// The timeline with what people did and who was told.
    private var story: TargetTimeline {
        var story =
            timeline ?? TargetTimeline(events: [], observations: [], name: name ?? "", isHeartbeat: false)
        story.add(messages: messages ?? [])
        if let at = OutputFormatting.instant(seen?["at"]) {
            story.add(acknowledged: at, by: seen?["by"]?.string, text: seen?["text"]?.string)
        }
        for note in item["notes"]?.array ?? [] {
            guard let at = OutputFormatting.instant(note["at"]) else { continue }
            story.add(
                note: note["text"]?.string ?? "", at: at, by: note["by"]?.string,
                isInternal: note["internal"]?.bool ?? false)
        }
        return story
    }

    private func facts(_ length: String) -> [[String: Any]] {
        var facts: [[String: Any]] = []
        func add(_ label: String, _ value: String, isCode: Bool = false) {
            facts.append(["label": label, "value": value, "isCode": isCode])
        }
        add("Length", isOpen ? "\(length) so far" : length)
        add("Began", Formatting.time(incident.began))
        if let ended = incident.ended { add("Ended", Formatting.time(ended)) }
        // The first message that arrived.
        if let first = messages?.filter({ $0.state == "delivered" }).compactMap(\.ended).min(), first >= incident.began
        {
            add("Told after", Formatting.interval(.milliseconds((first - incident.began).wholeMilliseconds)))
        }
        if incident.cause != .none { add("Cause", incident.cause.code, isCode: true) }
        if incident.code > 0 { add("Status code", "\(incident.code)") }
        if incident.flips > 1 { add("Changes", "\(incident.flips)") }
        return facts
    }
}

extension Routes {
    func incident(_ id: String, _ request: Request, _ visit: AppRequestContext) async throws -> Response {
        let context = await incidentContext()
        let item = try await Operation.showIncident.call([("name", .string(id))], in: context)
        guard let number = Int64(id), let incident = try await ledger.incident(number) else { throw nothing() }
        let overview = await monitor.overview()
        let name = item["check"]?.string
        var messages: [ToldMessage]?
        // Who is told what, and where, is for those who may act.
        if visit.permission.write, let board = self.context, (try? board.notices) != nil {
            let page = try await Operation.listMessages.call(
                [("incident", .string(id)), ("limit", .integer(200))], in: board)
            messages = (page["items"]?.array ?? []).reversed().map(ToldMessage.init)
        }
        var page = IncidentPage(
            incident: incident, item: item, name: name, messages: messages, timeline: nil, statusPages: [],
            earlier: [], mayWrite: visit.permission.write, now: overview.now)
        // It may have left the fleet since.
        if let name, let status = try? await monitor.status(of: name) {
            (page.timeline, page.platform) = try await story(of: incident, status, now: overview.now)
            page.statusPages = await monitor.fleet()[StatusPagesSection.section].filter { $0.value.shows(status.check) }
                .map { ("/p/\($0.name)", $0.value.title ?? $0.name) }
        }
        page.earlier = try await ledger.incidents(
            of: incident.check, openOnly: false, before: incident.id, limit: 100
        ).filter { $0.cause == incident.cause }.prefix(5).map(\.self)
        let frame = frame(
            visit, title: "Incident \(id) · Stoker", kind: "plain", overview: overview,
            live: incident.ended == nil && name != nil, place: "incidents")
        return Reply.html(pages.page("incident", page.model(), frame: frame), to: request)
    }

    /// What happened to its check in that time, from every source.
    private func story(of incident: Incident, _ status: CheckStatus, now: Instant) async throws(Failure)
        -> (TargetTimeline, [PlatformReport])
    {
        let from = incident.began - IncidentPage.lead
        let until = (incident.ended ?? now) + IncidentPage.tail
        var events: [Event] = []
        var before: Int64?
        for _ in 0..<10 {
            let page = try await ledger.events(of: incident.check, before: before, limit: 200)
            events += page.filter { $0.at >= from && $0.at <= until }
            before = page.last?.id
            guard page.count == 200, let last = page.last, last.at >= from else { break }
        }
        let stages = try await TargetTimeline.stages(
            of: status.check.space, from: ledger, since: from - PlatformReport.toldEvery, to: until)
        var platform: [PlatformReport] = []
        for event in stages {
            guard case .platformReported(let title, let since, let page) = event.payload,
                !platform.contains(where: { $0.title == title })
            else { continue }
            platform.append(PlatformReport(title: title, since: since, page: page))
        }
        let observations = try await ledger.observations(of: incident.check, before: until, limit: 1_000)
            .filter { $0.at >= from }
        let timeline = TargetTimeline(
            events: events + stages.filter { $0.at >= from }, observations: observations, name: status.check.name,
            isHeartbeat: CheckView(status, now: now).isHeartbeat)
        return (timeline, platform)
    }
}
