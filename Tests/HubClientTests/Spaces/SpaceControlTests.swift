import Foundation
import HubClient
import NIOHTTP1
import StokerCore
import Synchronization
import Testing

private typealias Reply = ScriptedHub.Reply

/// A Space in the making of a test: what it says and what is done to it.
private final class PlayedSpace: Sendable {
    struct State {
        var stage = "RUNNING"
        var extra = #""hardware":{"current":"cpu-basic","requested":"cpu-basic"},"gcTimeout":172800"#
        var restarts = 0
        var secrets: [String: Int] = [:]
        var variables: [String: String] = [:]
        var clock = 0
    }
    let state = Mutex(State())

    func runtime() -> String { state.withLock { #"{"stage":"\#($0.stage)",\#($0.extra)}"# } }
    func secrets() -> String {
        state.withLock { state in
            "{"
                + state.secrets.map { #""\#($0)":{"key":"\#($0)","updatedAt":"2026-05-20T10:00:0\#($1).000Z"}"# }
                .joined(separator: ",") + "}"
        }
    }
    func variables() -> String {
        state.withLock { "{" + $0.variables.map { #""\#($0)":{"value":"\#($1)"}"# }.joined(separator: ",") + "}" }
    }
    /// What the Hub does with a call; nil for what it does not know.
    func answer(_ asked: ScriptedHub.Asked) -> ScriptedHub.Reply {
        let place = asked.path.split(separator: "/").last ?? ""
        switch (asked.method, place) {
        case (.GET, "runtime"): return .json(runtime(), ["Date": "Thu, 28 May 2026 11:41:20 GMT"])
        case (.GET, "secrets"): return .json(secrets())
        case (.GET, "variables"): return .json(variables())
        case (.POST, "pause"):
            state.withLock { $0.stage = "PAUSED" }
            return .json(runtime())
        case (.POST, "restart"):
            state.withLock {
                $0.stage = "APP_STARTING"
                $0.restarts += 1
            }
            return .json(runtime())
        case (.POST, "secrets"):
            let key = field("key", asked)
            state.withLock {
                $0.clock += 1
                $0.secrets[key] = $0.clock
            }
            return .json("{}")
        case (.DELETE, "secrets"):
            state.withLock { $0.secrets[field("key", asked)] = nil }
            return .json("{}")
        case (.POST, "variables"):
            state.withLock { $0.variables[field("key", asked)] = field("value", asked) }
            return .json(variables())
        default: return .json(#"{"error":"no such route"}"#, status: 404)
        }
    }
    private func field(_ name: String, _ asked: ScriptedHub.Asked) -> String {
        let object = try? JSONSerialization.jsonObject(with: Data(asked.text.utf8)) as? [String: Any]
        return object?[name] as? String ?? ""
    }
}

@Suite struct SpaceControlTests {
    let space: RepoID
    init() throws { space = try .space("maren/orbit-api") }

    @Test func everyCallIsWhatTheHubKnows() async throws {
        let played = PlayedSpace()
        let server = try await ScriptedHub.start { asked, _ in
            asked.path.hasSuffix("/runtime") || asked.method == .POST
                ? .json(played.runtime()) : .json("{}")
        }
        try await withHub(server) { hub in
            _ = try await hub.requestHardware(of: space, flavor: "t4-small", sleepSeconds: 3_600)
            _ = try await hub.setSleepTime(of: space, seconds: -1)
            _ = try await hub.pause(space)
            _ = try await hub.restart(space, factory: true)
            _ = try await hub.setDevMode(of: space, enabled: false)
            _ = try await hub.setReplicas(of: space, count: 2)
        }
        let calls = server.asked().filter { $0.method != .GET }.map { "\($0.method.rawValue) \($0.uri) \($0.text)" }
        let place = "/api/spaces/maren/orbit-api"
        #expect(
            calls == [
                #"POST \#(place)/hardware {"flavor":"t4-small","sleepTimeSeconds":3600}"#,
                #"POST \#(place)/sleeptime {"seconds":-1}"#, "POST \(place)/pause ",
                "POST \(place)/restart?factory=true ",
                #"POST \#(place)/dev-mode {"enabled":false}"#, #"POST \#(place)/replicas {"replicas":2}"#,
            ])
    }

    @Test(arguments: [true, false]) func aLostPauseIsSettledByLooking(happened: Bool) async throws {
        let played = PlayedSpace()
        let lost = Mutex(true)
        let server = try await ScriptedHub.start { asked, _ in
            let isFirst =
                asked.path.hasSuffix("/pause")
                && lost.withLock { lost in
                    defer { lost = false }
                    return lost
                }
            if isFirst {
                if happened { _ = played.answer(asked) }
                return .hangUp
            }
            return played.answer(asked)
        }
        let runtime = try await withHub(server) { try await $0.pause(space) }
        #expect(runtime.stage == .paused)
        #expect(server.asked().count { $0.path.hasSuffix("/pause") } == (happened ? 1 : 2))
    }

    @Test(arguments: ["", "OK", "{}", "null"]) func whateverIsSaidWithSuccessIsSuccess(body: String) async throws {
        let server = try await ScriptedHub.start([.text(body)])
        try await withHub(server) { hub in
            try await hub.set(.secret, "KEY", to: Secret("value"), of: space, before: "")
            try await hub.delete(.variable, "KEY", of: space)
        }
        #expect(server.asked().map(\.method) == [.POST, .DELETE])
    }

    @Test func aRefusalIsNotAskedTwice() async throws {
        let server = try await ScriptedHub.start([.json(#"{"error":"payment required"}"#, status: 402)])
        let failure = try #require(
            await #expect(throws: HubFailure.self) {
                try await withHub(server) { try await $0.requestHardware(of: space, flavor: "t4-small") }
            })
        #expect(failure.kind == .plan)
        #expect(server.asked().count == 1)
    }

    // MARK: restart

    @Test func aLostRestartIsSeenByItsStage() async throws {
        let played = PlayedSpace()
        let server = try await ScriptedHub.start { asked, _ in
            let answer = played.answer(asked)
            return asked.path.hasSuffix("/restart") ? .hangUp : answer
        }
        let restart = try await withHub(server) { try await $0.restart(space) }
        #expect(restart.proof == .stage)
        #expect(restart.runtime.stage == .appStarting)
        #expect(played.state.withLock(\.restarts) == 1)
    }

    /// Who heals asks so; the owner's own command does not.
    @Test func whatItsOwnerPausedIsRestartedByNobodyElse() async throws {
        let played = PlayedSpace()
        played.state.withLock { $0.stage = "PAUSED" }
        let server = try await ScriptedHub.start { asked, _ in played.answer(asked) }
        try await withHub(server) { hub in
            let failure = await #expect(throws: HubFailure.self) { try await hub.restart(space, unlessPaused: true) }
            #expect(failure?.kind == .conflict)
            #expect(server.asked().allSatisfy { $0.method == .GET })
            _ = try await hub.restart(space)
        }
        #expect(played.state.withLock(\.restarts) == 1)
    }

    @Test func aLostRestartThatIsOverAlreadyIsSeenByItsLog() async throws {
        let played = PlayedSpace()
        let server = try await ScriptedHub.start { asked, _ in
            if asked.path.hasSuffix("/logs/run") {
                return .text(
                    "data: {\"data\":\"===== Application Startup\\n\",\"timestamp\":\"2026-05-28T11:41:25.000Z\"}\n\n")
            }
            let answer = played.answer(asked)
            if asked.path.hasSuffix("/restart") {
                played.state.withLock { $0.stage = "RUNNING" }
                return .text("<html>504</html>", status: 504)
            }
            return answer
        }
        let restart = try await withHub(server) { try await $0.restart(space) }
        #expect(restart.proof == .log)
        #expect(played.state.withLock(\.restarts) == 1)
    }

    @Test func aRestartThatNeverArrivedIsAskedForOnceMore() async throws {
        let played = PlayedSpace()
        let count = Mutex(0)
        let server = try await ScriptedHub.start { asked, _ in
            if asked.path.hasSuffix("/logs/run") {
                return .text(
                    "data: {\"data\":\"===== Application Startup\\n\",\"timestamp\":\"2026-05-28T09:00:00.000Z\"}\n\n")
            }
            let isFirst =
                asked.path.hasSuffix("/restart")
                && count.withLock { count in
                    count += 1
                    return count == 1
                }
            return isFirst ? .hangUp : played.answer(asked)
        }
        let restart = try await withHub(server) { try await $0.restart(space) }
        #expect(restart.proof == .repeated)
        #expect(played.state.withLock(\.restarts) == 1)
    }

    /// The Hub's clocks are those of several machines.
    @Test(arguments: ["2026-05-28T11:41:17.000Z", "2026-05-28T11:41:20.500Z", "2026-05-28T11:41:23.000Z"])
    func aLogThatBeganNearTheQuestionProvesNothing(began: String) async throws {
        let played = PlayedSpace()
        let asks = Mutex(0)
        let server = try await ScriptedHub.start { asked, _ in
            if asked.path.hasSuffix("/logs/run") {
                return .text("data: {\"data\":\"===== Application Startup\\n\",\"timestamp\":\"\(began)\"}\n\n")
            }
            guard asked.path.hasSuffix("/restart") else { return played.answer(asked) }
            asks.withLock { $0 += 1 }
            return .hangUp
        }
        let failure = try #require(
            await #expect(throws: HubFailure.self) { try await withHub(server) { try await $0.restart(space) } })
        #expect(failure.said.contains("whether it restarted cannot be told"))
        #expect(asks.withLock(\.self) == 1)
    }

    @Test func whenNothingCanBeToldItIsLeftOpen() async throws {
        let played = PlayedSpace()
        let server = try await ScriptedHub.start { asked, _ in
            if asked.path.hasSuffix("/logs/run") { return .json(#"{"error":"SSE is not enabled"}"#, status: 400) }
            return asked.path.hasSuffix("/restart") ? .hangUp : played.answer(asked)
        }
        let failure = try #require(
            await #expect(throws: HubFailure.self) { try await withHub(server) { try await $0.restart(space) } })
        #expect(failure.said.contains("cannot be told"))
        #expect(failure.hint?.contains("stoker space runtime maren/orbit-api") == true)
        #expect(server.asked().count { $0.path.hasSuffix("/restart") } == 1)
    }

    // MARK: environment

    static func wishes(_ values: [String: String], _ kind: SpaceValueKind = .secret) -> [EnvironmentChange] {
        values.sorted { $0.key < $1.key }.map {
            EnvironmentChange(kind, $0.key, .set(Secret($0.value), description: nil))
        }
    }

    @Test func severalSecretsRestartOnceAndUnchangedOnesAreSkipped() async throws {
        let played = PlayedSpace()
        let server = try await ScriptedHub.start { asked, _ in played.answer(asked) }
        try await withHub(server) { hub in
            var prints = SecretFingerprints()
            let wishes = Self.wishes(["A": "1", "B": "2", "C": "3"])
            let first = try await hub.plan(wishes, for: space, prints: prints)
            #expect(first.way == .pausedMeanwhile)
            _ = try await hub.perform(first, for: space, prints: &prints)
            #expect(played.state.withLock { $0.secrets.keys.sorted() } == ["A", "B", "C"])
            #expect(played.state.withLock(\.restarts) == 1)

            let again = try await hub.plan(wishes, for: space, prints: prints)
            #expect(again.way == .nothing)
            #expect(again.unchanged.map(\.key) == ["A", "B", "C"])
            _ = try await hub.perform(again, for: space, prints: &prints)
            #expect(played.state.withLock(\.restarts) == 1)

            let one = try await hub.plan(Self.wishes(["A": "1", "B": "new"]), for: space, prints: prints)
            #expect(one.way == .direct)
            #expect(one.writes.map(\.key) == ["B"])

            // Somebody else writes C: it is no longer what we wrote.
            played.state.withLock { $0.secrets["C"] = 9 }
            #expect(prints.hasDrifted("C", in: space, updatedAt: "2026-05-20T10:00:09.000Z") == true)
            let drifted = try await hub.plan(wishes, for: space, prints: prints)
            #expect(drifted.writes.map(\.key) == ["C"])
        }
        let order = server.asked().filter { $0.method == .POST }.map { $0.path.split(separator: "/").last ?? "" }
        #expect(order == ["pause", "secrets", "secrets", "secrets", "restart"])
    }

    @Test func variablesAreComparedByValueAndAPausedSpaceStaysPaused() async throws {
        let played = PlayedSpace()
        played.state.withLock {
            $0.stage = "PAUSED"
            $0.variables = ["MODE": "live"]
        }
        let server = try await ScriptedHub.start { asked, _ in played.answer(asked) }
        try await withHub(server) { hub in
            var prints = SecretFingerprints()
            let plan = try await hub.plan(
                Self.wishes(["MODE": "live", "REGION": "eu", "X": "y"], .variable)
                    + [EnvironmentChange(.variable, "GONE", .delete)], for: space, prints: prints)
            #expect(plan.way == .staysPaused)
            #expect(plan.writes.map(\.key) == ["REGION", "X"])
            #expect(plan.unchanged.map(\.key) == ["MODE", "GONE"])
            let result = try await hub.perform(plan, for: space, prints: &prints)
            #expect(result.runtime?.stage == .paused)
        }
        #expect(played.state.withLock(\.restarts) == 0)
    }

    /// A write whose answer is lost, with looks that are lost too or not.
    struct LostWrite: Sendable, CustomTestStringConvertible {
        var kind = SpaceValueKind.secret
        var happened: Bool
        /// Looks that fail before the first that does not.
        var blind: Int
        var before: String? = ""
        /// Times it is sent in all; nil when it ends as "cannot be told".
        var sent: Int?
        var testDescription: String {
            "\(kind), \(happened ? "happened" : "not happened"), \(blind) looks lost, \(before == nil ? "no" : "a") stamp"
        }
    }

    @Test(arguments: [
        LostWrite(happened: true, blind: 0, sent: 1), LostWrite(happened: false, blind: 0, sent: 2),
        LostWrite(happened: true, blind: 1, sent: 1), LostWrite(happened: false, blind: 2, sent: 2),
        LostWrite(happened: true, blind: 9, sent: nil), LostWrite(happened: false, blind: 9, sent: nil),
        LostWrite(happened: true, blind: 0, before: nil, sent: nil),
        LostWrite(happened: false, blind: 0, before: nil, sent: 2),
        LostWrite(kind: .variable, happened: true, blind: 1, sent: 1),
        LostWrite(kind: .variable, happened: true, blind: 9, sent: nil),
        LostWrite(kind: .variable, happened: false, blind: 0, sent: 2),
    ]) func aLostWriteIsSentAgainOnlyWhenItIsSeenToBeMissing(_ lost: LostWrite) async throws {
        let played = PlayedSpace()
        let numbers = Mutex((writes: 0, looks: 0))
        let server = try await ScriptedHub.start { asked, _ in
            guard asked.path.hasSuffix("/\(lost.kind.plural)") else { return played.answer(asked) }
            if asked.method == .POST {
                let isFirst = numbers.withLock {
                    $0.writes += 1
                    return $0.writes == 1
                }
                if !isFirst || lost.happened { _ = played.answer(asked) }
                return isFirst ? .hangUp : .json("{}")
            }
            let isBlind = numbers.withLock {
                $0.looks += 1
                return $0.looks <= lost.blind
            }
            // 403: not repeated by the client itself.
            return isBlind ? .json(#"{"error":"no"}"#, status: 403) : played.answer(asked)
        }
        try await withHub(server) { hub in
            do throws(HubFailure) {
                try await hub.set(lost.kind, "A", to: Secret("hidden-value"), of: space, before: lost.before)
                #expect(lost.sent != nil)
            } catch {
                #expect(lost.sent == nil)
                #expect(error.said.contains("whether the \(lost.kind) A was written cannot be told"))
                #expect(error.hint?.contains("\(lost.kind.plural) list") == true)
                #expect(!"\(error)".contains("hidden-value"))
            }
        }
        #expect(numbers.withLock(\.writes) == lost.sent ?? 1)
    }

    @Test func whatIsWrittenIsWrittenThoughItCannotBeSeenAfterwards() async throws {
        let played = PlayedSpace()
        let isWritten = Mutex(false)
        let server = try await ScriptedHub.start { asked, _ in
            if asked.method == .POST { isWritten.withLock { $0 = true } }
            return asked.method == .GET && isWritten.withLock { $0 }
                ? .json(#"{"error":"no"}"#, status: 403) : played.answer(asked)
        }
        try await withHub(server) { hub in
            var prints = SecretFingerprints()
            let plan = try await hub.plan(Self.wishes(["A": "1"]), for: space, prints: prints)
            var told: [EnvironmentStep] = []
            let result = try await hub.perform(plan, for: space, prints: &prints, step: { told.append($0) })
            #expect(result.runtime == nil)
            #expect(told.contains { if case .unnoted = $0 { true } else { false } })
        }
        #expect(played.state.withLock { $0.secrets.keys.sorted() } == ["A"])
    }

    @Test func aSpacePausedForAChangeIsRestartedWhenTheChangeFails() async throws {
        let played = PlayedSpace()
        let server = try await ScriptedHub.start { asked, _ in
            asked.method == .POST && asked.path.hasSuffix("/secrets") && asked.text.contains("\"B\"")
                ? .json(#"{"error":"too many secrets"}"#, status: 400) : played.answer(asked)
        }
        let failure = try #require(
            await #expect(throws: HubFailure.self) {
                try await withHub(server) { hub in
                    var prints = SecretFingerprints()
                    let plan = try await hub.plan(
                        Self.wishes(["A": "1", "B": "hidden-value", "C": "3"]), for: space, prints: prints)
                    do {
                        _ = try await hub.perform(plan, for: space, prints: &prints)
                    } catch {
                        let rest = try await hub.plan(
                            Self.wishes(["A": "1", "C": "3"]), for: space, prints: prints)
                        #expect(rest.unchanged.map(\.key) == ["A"], "what was written is remembered")
                        throw error
                    }
                }
            })
        #expect(played.state.withLock(\.restarts) == 1)
        #expect(failure.said.contains("1 of 3"))
        #expect(!failure.description.contains("hidden-value"))
    }

    @Test func printsTellNothingWithoutTheirKeyAndSurviveAFile() throws {
        var prints = SecretFingerprints()
        prints.note("A", value: Secret("hunter2"), in: space, updatedAt: "t")
        let data = try JSONEncoder().encode(prints)
        #expect(!String(decoding: data, as: UTF8.self).contains("hunter2"))
        let read = try JSONDecoder().decode(SecretFingerprints.self, from: data)
        #expect(read.comparison(of: "A", value: Secret("hunter2"), in: space, updatedAt: "t") == .unchanged)
        #expect(read.comparison(of: "A", value: Secret("hunter3"), in: space, updatedAt: "t") == .different)
        #expect(read.comparison(of: "A", value: Secret("hunter2"), in: space, updatedAt: "u") == .drifted)
        #expect(read.comparison(of: "B", value: Secret("hunter2"), in: space, updatedAt: "t") == .unknown)
        var other = SecretFingerprints()
        other.note("A", value: Secret("hunter2"), in: space, updatedAt: "t")
        #expect(other != prints, "each has its own key")
    }

    // MARK: volumes, hardware, address

    @Test func volumesAreMergedAndWrittenWhole() async throws {
        let server = try await ScriptedHub.start { asked, _ in
            asked.method == .GET
                ? .json(
                    #"{"stage":"RUNNING","volumes":[{"type":"bucket","source":"maren/store","mountPath":"/data","readOnly":false}]}"#
                ) : .json("{}")
        }
        try await withHub(server) { hub in
            let same = try await hub.changeVolumes(
                of: space, [.mount(try SpaceVolume(notation: "hf://buckets/maren/store:/data"))])
            #expect(!same.changed)
            let more = try await hub.changeVolumes(
                of: space, [.mount(try SpaceVolume(notation: "hf://datasets/maren/facts:/facts"))])
            #expect(more.volumes.map(\.mountPath) == ["/data", "/facts"])
            _ = try await hub.changeVolumes(of: space, [.unmount(path: "/data")])
        }
        let writes = server.asked().filter { $0.method != .GET }
        #expect(writes.map(\.method) == [.PUT, .DELETE])
        #expect(
            writes[0].text
                == #"{"volumes":[{"mountPath":"/data","readOnly":false,"source":"maren/store","type":"bucket"},{"mountPath":"/facts","source":"maren/facts","type":"dataset"}]}"#
        )
    }

    @Test func aHiddenVolumeIsNotOverwritten() async throws {
        let server = try await ScriptedHub.start([
            .json(#"{"stage":"RUNNING","volumes":[{"type":"model","source":"****/******","mountPath":"/m"}]}"#)
        ])
        let failure = try #require(
            await #expect(throws: HubFailure.self) {
                try await withHub(server) { hub in
                    try await hub.changeVolumes(
                        of: space, [.mount(try SpaceVolume(notation: "hf://buckets/maren/store:/data"))])
                }
            })
        #expect(failure.kind == .refusedByUs)
        #expect(!server.asked().contains { $0.method == .PUT })
    }

    @Test func theCatalogueHasPricesByTheHour() async throws {
        let server = try await ScriptedHub.start([
            .json(
                #"[{"name":"cpu-basic","prettyName":"CPU Basic","cpu":"2 vCPU","ram":"16 GB","accelerator":null,"unitCostMicroUSD":0,"unitCostUSD":0,"unitLabel":"minute"},{"name":"t4-small","prettyName":"Nvidia T4 - small","cpu":"4 vCPU","ram":"15 GB","accelerator":{"type":"gpu","model":"T4","quantity":"1","vram":"16 GB","manufacturer":"Nvidia"},"unitCostMicroUSD":6667,"unitCostUSD":0.006667,"unitLabel":"minute"},{"name":"odd","unitLabel":"fortnight","unitCostMicroUSD":3},{"name":"absurd","unitCostUSD":1e300},{"x":1}]"#
            )
        ])
        let offers = try await withHub(server) { try await $0.hardwareCatalogue() }
        #expect(offers.map(\.name) == ["cpu-basic", "t4-small", "odd", "absurd"])
        #expect(offers[0].dollarsPerHour == 0)
        #expect(abs((offers[1].dollarsPerHour ?? 0) - 0.40002) < 1e-9)
        #expect(offers[1].accelerator?.quantity == "1")
        #expect(offers[2].dollarsPerHour == nil && offers[3].dollarsPerHour == nil)
    }

    @Test func addressesAndPassesAreRead() async throws {
        let server = try await ScriptedHub.start { asked, _ in
            switch asked.path {
            case "/api/spaces/maren/orbit-api/host": .json(#"{"host":"https://maren-orbit-api.hf.space/"}"#)
            case "/api/spaces/by-subdomain/maren-orbit-api": .json(#"{"id":"maren/orbit-api"}"#)
            case "/api/spaces/maren/orbit-api/jwt": .json(#"{"token":"eyJ.secret","exp":1780090000}"#)
            case "/api/spaces/zero-gpu/quota": .json(#"{"base":300,"current":212.5}"#)
            default: .json("{}", status: 404)
            }
        }
        try await withHub(server) { hub in
            #expect(try await hub.host(of: space) == "https://maren-orbit-api.hf.space")
            #expect(try await hub.space(bySubdomain: "maren-orbit-api") == space)
            let pass = try await hub.pass(to: space)
            #expect(pass.token.reveal() == "eyJ.secret")
            #expect(!"\(pass)".contains("eyJ"))
            #expect(try await hub.zeroGPUQuota().left == 212.5)
            await #expect(throws: HubFailure.self) { try await hub.space(bySubdomain: "../whoami") }
        }
    }
}
