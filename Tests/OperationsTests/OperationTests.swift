import Ledger
import Operations
import StokerCore
import Synchronization
import TestSupport
import Testing

@Suite struct OperationTests {
    @Test func namesAndAddressesAreUnique() {
        #expect(Set(Operation.all.map(\.name)).count == Operation.all.count)
        #expect(Set(Operation.all.map { "\($0.method.rawValue) \($0.path)" }).count == Operation.all.count)
        for operation in Operation.all {
            #expect(
                operation.method == .get || operation.permission != .read,
                "\(operation.name): a POST must not be a mere reading")
            #expect(operation.pathNames == operation.parameters.filter { $0.location == .path }.map(\.name))
            // What only reads may take a body, and then needs the right to write: nobody but its caller sees what is in it.
            #expect(operation.method != .get || operation.effect == .read, "\(operation.name)")
            #expect(operation.asks || operation.effect.scope != .admin, "\(operation.name)")
        }
    }

    /// Only what merely waits or looks ends with its caller; a change is brought to its end.
    @Test func whatOnlyWaitsEndsWithItsCaller() {
        #expect(Operation.all.allSatisfy { $0.isCancellable || $0.effect != .read })
        let changing = Operation.all.filter { $0.isCancellable && $0.effect != .read }.map(\.name)
        #expect(Set(changing) == ["wait-for-space", "space-health", "wake-space", "prove-snapshot"])
    }

    /// A name of OpenAPI's means one thing.
    @Test func everyShapeHasANameOfItsOwn() {
        var seen: [String: JSONValue] = [:]
        func visit(_ type: Shape.FieldType) {
            switch type {
            case .list(let inner), .table(let inner): visit(inner)
            case .shape(let shape):
                if let before = seen[shape.name] {
                    #expect(before == shape.schema, "\(shape.name)")
                } else {
                    seen[shape.name] = shape.schema
                    for field in shape.fields { visit(field.type) }
                }
            default: break
            }
        }
        for operation in Operation.all { visit(.shape(operation.answer)) }
        #expect(seen.count == Shape.all.count)
    }

    @Test func whatNeedsTheFleetSaysSoWhereThereIsNone() async {
        let context = OperationContext(now: { Instant(milliseconds: 0) })
        for operation in Operation.all where operation.needsFleet {
            var given = operation.pathNames.map { (name: $0, value: JSONValue.string("1")) }
            // What is wrong with the question is told first.
            if operation.name == "note-incident" { given.append(("text", "x")) }
            if operation.name == "stop-maintenance" { given.append(("id", "x")) }
            if ["recall-state", "tell-state"].contains(operation.name) { given.append(("vault", "folder:/v")) }
            if operation.name == "import-leads" {
                given.append(("document", #"{"version":"2.1.0","runs":[]}"#))
            }
            if operation.name == "add-token" { given += [("name", "x"), ("scope", "read")] }
            let failure = await #expect(throws: Failure.self) { try await operation.call(given, in: context) }
            #expect(failure?.code == .conflict && failure?.hint?.contains("stoker serve") == true, "\(operation.name)")
        }
    }

    /// Calls that give every operation something to answer with.
    static let calls: [(String, [(name: String, value: JSONValue)])] = [
        ("overview", []), ("list-checks", [("strips", "true")]), ("show-check", [("name", "bot")]),
        ("show-check", [("name", "gateway")]),
        ("check-series", [("name", "bot"), ("buckets", "4")]), ("transcript", [("name", "bot")]), ("observations", []),
        ("incidents", []), ("show-incident", [("name", "5")]), ("events", []), ("ping", [("name", "bot")]),
        ("pause", [("name", "bot"), ("for", "2h")]),
        ("resume", [("name", "bot")]), ("beat", [("name", "nightly export")]),
        ("heartbeat-key", [("name", "nightly export")]),
        ("acknowledge", [("name", "7")]), ("withdraw-acknowledgement", [("name", "4")]),
        ("note-incident", [("name", "5"), ("text", "we look into it")]), ("reload", []), ("backup", []),
        ("notify-channels", []), ("notify-rules", []), ("deploys", []), ("notify-test", [("name", "team")]),
        ("notify-test-all", []),
        ("notify-list", []),
        ("notify-show", [("name", "1")]), ("notify-retry", [("name", "2")]), ("list-maintenance", []),
        ("start-maintenance", [("groups", ["edge"]), ("for", "30m"), ("by", "mara")]),
        ("stop-maintenance", [("id", "db")]), ("list-workers", []), ("show-worker", [("name", "analysis")]),
        ("pause-worker", [("name", "analysis")]), ("resume-worker", [("name", "analysis")]),
        ("list-iterations", [("name", "analysis")]), ("show-finding", [("name", "0123456789abcdef")]),
        ("dismiss-finding", [("name", "0123456789abcdef")]),
        ("add-token", [("name", "grafana"), ("scope", "read"), ("expires_in", "90d")]), ("list-tokens", []),
        ("revoke-token", [("name", "ci"), ("confirm", true)]), ("list-sessions", []),
        ("end-session", [("id", .string(FleetDouble.sessionID))]), ("activity", []), ("configuration", []),
        ("list-asks", [("name", "analysis")]), ("list-leads", [("name", "analysis")]),
        ("import-leads", [("name", "analysis"), ("document", #"{"version":"2.1.0","runs":[]}"#)]),
        ("restart-worker", [("name", "analysis"), ("confirm", true)]),
        ("squash-worker", [("name", "analysis"), ("confirm", true)]), ("list-states", []),
        ("show-state", [("name", "acme/bot")]), ("look-at-state", [("name", "acme/bot")]),
        ("drill-state", [("name", "acme/bot")]), ("snapshot-states", []), ("trust-vault", [("name", "acme/bot")]),
        ("recall-state", [("name", "acme/bot"), ("vault", "folder:/v")]),
        ("tell-state", [("name", "acme/bot"), ("vault", "folder:/v"), ("sequence", 3), ("epoch", 1)]),
    ]

    @Test func everyOperationIsCalledBelow() {
        #expect(Set(Self.calls.map(\.0)) == Set(Operation.all.filter(\.needsFleet).map(\.name)))
    }

    @Test(arguments: calls.indices) func answersHaveTheShapeTheyClaim(_ index: Int) async throws {
        let (name, given) = Self.calls[index]
        let fleet = FleetDouble()
        try await fleet.keepFinding()
        let answer = try await fleet.call(name, given)
        let operation = try #require(Operation.named(name))
        #expect(problems(of: answer, as: .shape(operation.answer), at: name) == [])
        #expect(try JSONValue(reading: answer.bytes) == answer.normalised)
    }

    @Test func overviewCountsEveryVerdict() async throws {
        let answer = try await FleetDouble().call("overview")
        #expect(answer["sentence"] == "2 of 5 need a look: 1 down, 1 silent; the ledger was damaged")
        #expect(answer["trouble"] == true)
        #expect(answer["counts"]?.members?.count == Verdict.allCases.count)
        #expect(answer["uptime_seconds"]?.double == 3_600)
    }

    @Test func pagesOfChecksAddUpToTheFleet() async throws {
        let fleet = FleetDouble()
        var names: [String] = []
        var offset: JSONValue? = 0
        while let start = offset, !start.isNull {
            let page = try await fleet.call("list-checks", [("limit", 2), ("offset", start)])
            names += page["items"]?.array?.compactMap { $0["name"]?.string } ?? []
            #expect(page["total"] == 5)
            offset = page["next_offset"]
        }
        #expect(names == ["bot", "bot/ready", "gateway", "nightly export", "db"])
    }

    /// By cursor nothing is shown twice and nothing left out, in both orders that stay, filtered too.
    @Test(arguments: ["file", "name"], ["", "bot"])
    func cursorsLeadThroughAllPages(sort: String, part: String) async throws {
        let fleet = FleetDouble()
        let whole = try await fleet.call("list-checks", [("sort", .string(sort)), ("q", .string(part))])
        var names: [String] = []
        var cursor: JSONValue = .null
        repeat {
            let page = try await fleet.call(
                "list-checks", [("limit", 1), ("sort", .string(sort)), ("q", .string(part)), ("cursor", cursor)])
            names += page["items"]?.array?.compactMap { $0["name"]?.string } ?? []
            cursor = page["next_cursor"] ?? .null
        } while !cursor.isNull && names.count < 10
        #expect(names == whole["items"]?.array?.compactMap { $0["name"]?.string })
        #expect(whole["next_cursor"] == .null)
    }

    /// What the cursor stands behind may have left; those that joined before it move nothing.
    @Test func aCursorIsStableWhenTheFleetChanges() async throws {
        let fleet = FleetDouble()
        func names(_ cursor: String, _ sort: String) async throws -> [String] {
            let page = try await fleet.call("list-checks", [("cursor", .string(cursor)), ("sort", .string(sort))])
            return page["items"]?.array?.compactMap { $0["name"]?.string } ?? []
        }
        #expect(try await names("name.c", "name") == ["db", "gateway", "nightly export"])
        #expect(try await names("file.2.gone", "file") == ["gateway", "nightly export", "db"])
        // Another check stands at its place now: the name counts.
        #expect(try await names("file.0.gateway", "file") == ["nightly export", "db"])
        for (cursor, sort) in [("name.c", "file"), ("x", "file"), ("file.x.bot", "file"), ("trouble.a", "trouble")] {
            let failure = await #expect(throws: Failure.self) { _ = try await names(cursor, sort) }
            #expect(failure?.code == .unsuitable)
        }
    }

    @Test func checksAreFiltered() async throws {
        let fleet = FleetDouble()
        func names(_ given: [(name: String, value: JSONValue)]) async throws -> [String] {
            try await fleet.call("list-checks", given)["items"]?.array?.compactMap { $0["name"]?.string } ?? []
        }
        #expect(try await names([("verdict", "down,silent")]) == ["gateway", "nightly export"])
        #expect(try await names([("verdict", ["waking"])]) == ["db"])
        #expect(try await names([("group", "edge")]) == ["gateway"])
        #expect(try await names([("kind", "tcp")]) == ["db"])
        #expect(try await names([("q", "ACME-BOT"), ("sort", "name")]) == ["bot", "bot/ready"])
    }

    @Test func aCheckShowsItsFamilyUptimeAndIncident() async throws {
        let fleet = FleetDouble()
        let bot = try await fleet.call("show-check", [("name", "bot")])
        #expect(bot["siblings"] == [["name": "bot/ready", "verdict": "slow", "look": "slow"]])
        #expect(bot["certificate_days"]?.double == 10)
        let quarter = bot["uptime"]?["90d"]
        #expect(quarter?["uptime"] == 0.9 && quarter?["pings_good"] == 0.75)
        #expect(quarter?["known_seconds"]?.double == 60 && quarter?["whole"] == false)
        let gateway = try await fleet.call("show-check", [("name", "gateway")])
        #expect(gateway["incident"]?["id"] == 5)
        #expect(gateway["incident"]?["seconds"]?.double == 500)
    }

    @Test func aBrokenLedgerLeavesWhatTheKeeperKnows() async throws {
        let fleet = FleetDouble()
        fleet.ledger.state.withLock { $0.broken = true }
        let bot = try await fleet.call("show-check", [("name", "bot")])
        #expect(bot["verdict"] == "up")
        #expect(bot["uptime"] == .null)
        let failure = await #expect(throws: Failure.self) { try await fleet.call("observations") }
        #expect(failure?.code == .ledger)
    }

    @Test func addressesAreShownWithoutTheirSecrets() async throws {
        let text = try await FleetDouble().call("list-checks").text
        #expect(text.contains("https://acme-bot.hf.space/health?token=***"))
        #expect(text.contains("https://***@api.example.com/"))
        #expect(!text.contains("abc") && !text.contains("user:pw"))
    }

    @Test(arguments: [1, 3, 4, 5, 7, 10, 39, 40, 100]) func pagesOfObservationsLoseNothing(_ limit: Int) async throws {
        let fleet = FleetDouble()
        var seen: [JSONValue] = []
        var cursor: JSONValue = nil
        repeat {
            let page = try await fleet.call("observations", [("limit", .integer(Int64(limit))), ("cursor", cursor)])
            let items = page["items"]?.array ?? []
            #expect(!items.isEmpty)
            seen += items
            cursor = page["next_cursor"] ?? nil
        } while !cursor.isNull
        let all = fleet.ledger.state.withLock { $0.observations }
        #expect(seen.count == all.count)
        #expect(Set(seen.map { "\($0["check_id"]!.text) \($0["at"]!.text)" }).count == all.count)
    }

    @Test func observationsAreFiltered() async throws {
        let fleet = FleetDouble()
        let down = try await fleet.call("observations", [("outcome", "down"), ("limit", 1)])
        #expect(down["items"]?.array?.allSatisfy { $0["outcome"] == "down" } == true)
        let one = try await fleet.call("observations", [("check", "gateway"), ("from", "5m")])
        #expect(one["items"]?.array?.map { $0["check"]! } == Array(repeating: "gateway", count: 5))
        let older = try await fleet.call("observations", [("check", "gateway"), ("to", "5m")])
        #expect(older["items"]?.array?.count == 5)
    }

    @Test(arguments: ["incidents", "events"]) func pagesByNumberLoseNothing(_ name: String) async throws {
        let fleet = FleetDouble()
        var ids: [Int] = []
        var cursor: JSONValue = nil
        repeat {
            let page = try await fleet.call(name, [("limit", 2), ("cursor", cursor)])
            ids += page["items"]?.array?.compactMap { $0["id"]?.integer } ?? []
            cursor = page["next_cursor"] ?? nil
        } while !cursor.isNull
        #expect(ids == [5, 4, 3, 2, 1])
    }

    @Test func onlyOpenIncidents() async throws {
        let page = try await FleetDouble().call("incidents", [("open", true)])
        #expect(page["items"]?.array?.map { $0["id"]! } == [5])
    }

    @Test func theIncidentOfACheckThatLeftHasItsName() async throws {
        let fleet = FleetDouble()
        fleet.ledger.state.withLock {
            $0.incidents.append(
                Incident(
                    id: 6, check: 99, began: fleet.now - .seconds(60), ended: fleet.now, verdict: .down, cause: .status)
            )
        }
        let page = try await fleet.call("incidents", [])
        #expect(page["items"]?.array?.first?["check"] == "left the fleet")
    }

    @Test func aPauseEndsWhenAsked() async throws {
        let fleet = FleetDouble()
        let paused = try await fleet.call("pause", [("name", "bot"), ("for", "2h")])
        #expect(paused["paused"] == ["by": "person", "until": "2026-11-21T14:00:00.000Z"])
        let until = try await fleet.call("pause", [("name", "bot"), ("until", "2026-11-21T14:30:00+01:00")])
        #expect(until["paused"]?["until"] == "2026-11-21T13:30:00.000Z")
        let resumed = try await fleet.call("resume", [("name", "bot")])
        #expect(resumed["paused"] == .null)
        let past = await #expect(throws: Failure.self) {
            try await fleet.call("pause", [("name", "bot"), ("until", "2026-11-21T11:00:00Z")])
        }
        #expect(past?.because.contains("not in the future") == true)
        let both = await #expect(throws: Failure.self) {
            try await fleet.call("pause", [("name", "bot"), ("until", "2026-11-22T00:00:00Z"), ("for", "1h")])
        }
        #expect(both?.code == .unsuitable)
    }

    @Test(
        arguments: [
            ([], Beat.Signal.success), ([("signal", "start")], .start), ([("signal", "fail")], .fail),
            ([("signal", "log")], .log),
            ([("signal", "exit"), ("code", "3")], .exit(3)),
        ] as [([(String, JSONValue)], Beat.Signal)])
    func beatsReachTheKeeper(_ given: [(String, JSONValue)], _ signal: Beat.Signal) async throws {
        let fleet = FleetDouble()
        _ = try await fleet.call(
            "beat",
            [("name", "nightly export"), ("note", "done"), ("rid", "r1")] + given.map { (name: $0.0, value: $0.1) })
        #expect(fleet.monitor.beats == [Beat(signal: signal, body: "done", run: "r1")])
    }

    @Test func anExitNeedsItsCode() async throws {
        let failure = await #expect(throws: Failure.self) {
            try await FleetDouble().call("beat", [("name", "nightly export"), ("signal", "exit")])
        }
        #expect(failure?.code == .unsuitable)
    }

    @Test func aHeartbeatKeyIsOnlyForHeartbeats() async throws {
        let fleet = FleetDouble(heartbeatKey: { _ in "k1" })
        let answer = try await fleet.call("heartbeat-key", [("name", "nightly export")])
        #expect(answer["path"] == "/api/heartbeats/nightly%20export?key=k1")
        let failure = await #expect(throws: Failure.self) { try await fleet.call("heartbeat-key", [("name", "bot")]) }
        #expect(failure?.code == .conflict)
    }

    @Test func aBackupGoesOnlyIntoItsFolder() async throws {
        let fleet = FleetDouble(backupFolder: "data/")
        let answer = try await fleet.call("backup", [("name", "one.sqlite")])
        #expect(answer["path"] == "data/one.sqlite")
        for name in [
            "../x", "a/b", ".hidden", "", "a b", "token", "Token", "x-journal", "stoker.sqlite-wal", "one.sqlite-SHM",
            "stoker.sqlite.lock", "one.sqlite.partial", "token.new", "stoker.sqlite.damaged-9",
        ] {
            let failure = await #expect(throws: Failure.self) {
                try await fleet.call("backup", [("name", .string(name))])
            }
            #expect(failure?.code == .unsuitable, "\(name)")
        }
        let again = await #expect(throws: Failure.self) { try await fleet.call("backup", [("name", "one.sqlite")]) }
        #expect(again?.code == .conflict)
    }

    @Test func damageStandsUntilItIsAcknowledged() async throws {
        let fleet = FleetDouble()
        let before = try await fleet.call("overview")["ledger"]
        #expect(before?["state"] == "damaged" && before?["damage"]?.array?.first?["incident"] == 7)
        let wrong = await #expect(throws: Failure.self) { try await fleet.call("acknowledge", [("name", "8")]) }
        #expect(wrong?.code == .notFound && wrong?.hint?.contains("7") == true)
        for name in ["x", "-7", "0", "9223372036854775808"] {
            let failure = await #expect(throws: Failure.self) {
                try await fleet.call("acknowledge", [("name", .string(name))])
            }
            #expect(failure?.code == .unsuitable, "\(name)")
        }
        let after = try await fleet.call("acknowledge", [("name", "7")])["ledger"]
        #expect(after?["state"] == "healthy" && after?["damage"]?.array?.isEmpty == true)
    }

    @Test func aRejectedFleetFileIsTold() async throws {
        let fleet = FleetDouble()
        fleet.monitor.set(
            reload: Failure(.fleetInvalid, doing: "reload fleet.yaml", because: "line 3: unknown key"))
        let failure = await #expect(throws: Failure.self) { try await fleet.call("reload") }
        #expect(failure?.code == .fleetInvalid)
    }
}

/// Where an answer and its shape disagree.
func problems(of value: JSONValue, as type: Shape.FieldType, at place: String) -> [String] {
    func wrong(_ expected: String) -> [String] { ["\(place): expected \(expected), found \(value.text.prefix(60))"] }
    switch type {
    case .text: return value.string == nil ? wrong("text") : []
    case .instant: return value.string.flatMap { Instant(rfc3339: $0) } == nil ? wrong("a time") : []
    case .integer: return value.integer == nil ? wrong("a whole number") : []
    case .number: return value.double == nil ? wrong("a number") : []
    case .flag: return value.bool == nil ? wrong("true or false") : []
    case .any: return []
    case .choice(let choices):
        return value.string.map { choices.contains($0) } == true ? [] : wrong("one of \(choices)")
    case .list(let inner):
        guard let items = value.array else { return wrong("a list") }
        return items.enumerated().flatMap { problems(of: $1, as: inner, at: "\(place)[\($0)]") }
    case .table(let inner):
        guard let members = value.members else { return wrong("an object") }
        return members.flatMap { problems(of: $0.value, as: inner, at: "\(place).\($0.name)") }
    case .shape(let shape):
        guard let members = value.members else { return wrong("an object") }
        let known = Set(shape.fields.map(\.name))
        let extra = members.filter { !known.contains($0.name) }.map { "\(place): \($0.name) is not in \(shape.name)" }
        return extra
            + shape.fields.flatMap { field -> [String] in
                guard let member = value[field.name] else {
                    return field.sparse ? [] : ["\(place): \(field.name) is missing"]
                }
                if member.isNull { return field.optional ? [] : ["\(place).\(field.name) must not be null"] }
                return problems(of: member, as: field.type, at: "\(place).\(field.name)")
            }
    }
}

extension JSONValue {
    /// As it comes back from a reader: whole numbers have no fraction.
    var normalised: JSONValue {
        switch self {
        case .number(let value): Int64(exactly: value).map { .integer($0) } ?? self
        case .array(let items): .array(items.map(\.normalised))
        case .object(let members): .object(members.map { .init($0.name, $0.value.normalised) })
        default: self
        }
    }
}
