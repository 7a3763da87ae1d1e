import Ledger
import Operations
import StokerCore
import TestSupport
import Testing

/// Who had what done is written where operations run, and who may is decided there.
@Suite struct ActivityTests {
    private static func caller(_ scope: Scope?, _ kind: Principal.Kind = .token) -> SilentCaller {
        SilentCaller(Principal(kind, "ci", scope: scope, address: "192.0.2.14"))
    }

    /// The one table: what an operation does to the world says what its caller must hold.
    @Test func theEffectDecidesTheScope() {
        #expect(Operation.Effect.read.scope == .read && Operation.Effect.write.scope == .operate)
        #expect(Operation.Effect.destructive.scope == .admin && Operation.Effect.paid.scope == .admin)
        let others = Operation.all.filter { $0.scope != $0.effect.scope }.map(\.name)
        // Exceptions ask for more, never for less.
        #expect(
            Set(others) == [
                "check", "heartbeat-key", "add-token", "list-tokens", "list-sessions", "end-session", "activity",
                "configuration",
            ])
        #expect(Operation.all.allSatisfy { $0.scope >= $0.effect.scope })
    }

    /// Whatever the operation: a caller whose scope is too small gets nowhere, and nothing is changed.
    @Test(arguments: Scope.allCases) func everyOperationRefusesASmallerScope(_ scope: Scope) async throws {
        let fleet = FleetDouble()
        for operation in Operation.all where operation.scope > scope && operation.permission != .beat {
            let given = operation.pathNames.map { (name: $0, value: JSONValue.string("1")) }
            let failure = await #expect(throws: Failure.self) {
                try await operation.call(given, in: fleet.context.called(by: Self.caller(scope)))
            }
            #expect(failure?.code == .forbidden, "\(operation.name)")
            if operation.permission == .write {
                let stranger = await #expect(throws: Failure.self) {
                    try await operation.call(given, in: fleet.context.called(by: Self.caller(nil, .stranger)))
                }
                #expect(stranger?.code == .unauthorized, "\(operation.name)")
            }
        }
        #expect(fleet.monitor.calls.isEmpty)
    }

    /// An operation that forgets to ask for a right does not show strangers what the server's account sees.
    @Test func theAccountIsNotForStrangers() async {
        let open = Operation(
            name: "open", summary: "", doing: "look", path: "/open", answer: Operation.hubAllowance.answer
        ) { context, _ in
            _ = try context.hub
            return nil
        }
        let context = OperationContext(now: { Instant(milliseconds: 0) })
        let stranger = await #expect(throws: Failure.self) {
            try await open.call([], in: context.called(by: Self.caller(nil, .stranger)))
        }
        #expect(stranger?.code == .unauthorized)
        let reader = await #expect(throws: Failure.self) {
            try await open.call([], in: context.called(by: Self.caller(.read)))
        }
        #expect(reader?.code == .hubNoAccount)
    }

    /// Every change of the running fleet leaves one entry, every reading none.
    @Test(arguments: OperationTests.calls.indices) func eachChangeIsWrittenDown(_ index: Int) async throws {
        let (name, given) = OperationTests.calls[index]
        let fleet = FleetDouble()
        try await fleet.keepFinding()
        let operation = try #require(Operation.named(name))
        _ = try await operation.call(given, in: fleet.context.called(by: Self.caller(.admin, .agent)))
        let all = try await fleet.ledger.activities.activities(ActivityQuery())
        guard operation.effect != .read, operation.permission != .beat else { return #expect(all.isEmpty, "\(name)") }
        let entry = try #require(all.first)
        #expect(all.count == 1 && entry.result == .done && entry.because == nil, "\(name)")
        #expect(entry.what.actor == .agent && entry.what.name == "ci" && entry.what.address == "192.0.2.14")
        #expect(entry.what.operation == name)
    }

    /// Whatever it needs, and whether it could be done: no change is asked for without an entry.
    @Test func noChangeIsAskedForUnseen() async throws {
        let fleet = FleetDouble()
        let changes = Operation.all.filter { $0.effect != .read && $0.permission != .beat }
        let unseen = Set(changes.filter { $0.path.hasPrefix("/queue") }.map(\.name))
        // The queue is an app's own: it takes and gives thousands in an hour.
        #expect(unseen == ["queue-push", "queue-take", "queue-done", "queue-fail"])
        for operation in changes where !unseen.contains(operation.name) {
            _ = try? await operation.call([], in: fleet.context.called(by: Self.caller(.read)))
        }
        let seen = try await fleet.ledger.activities.activities(ActivityQuery(limit: 1_000)).map(\.what.operation)
        #expect(Set(seen) == Set(changes.map(\.name)).subtracting(unseen) && Set(seen).count == seen.count)
    }

    @Test func whatStokerDoesByItselfHasWords() async throws {
        let fleet = FleetDouble()
        for own in Activity.Own.allCases {
            let entry = await fleet.ledger.activities.beginOwn(
                own, on: "acme/bot", because: "http 503, 3 failed pings in a row", at: fleet.now)
            await fleet.ledger.activities.endOwn(entry, as: .done, because: "http 503, 3 failed pings in a row")
            #expect(Operation.named(own.rawValue) == nil)
        }
        let items = try await fleet.call("activity", [("actor", "stoker")])["items"]?.array ?? []
        #expect(items.count == Activity.Own.allCases.count)
        for item in items {
            #expect(item["doing"] != item["operation"] && item["by"] == "stoker" && item["result"] == "done")
            #expect(item["because"]?.string?.hasPrefix("http 503") == true && item["address"] == .null)
        }
    }

    @Test func whatWasRefusedAskedOrFailedSaysSo() async throws {
        let fleet = FleetDouble()
        try await fleet.keepFinding()
        func call(_ name: String, _ given: [(name: String, value: JSONValue)], _ scope: Scope) async throws {
            let operation = try #require(Operation.named(name))
            _ = await #expect(throws: Failure.self) {
                try await operation.call(given, in: fleet.context.called(by: Self.caller(scope)))
            }
        }
        try await call("pause", [("name", "bot")], .read)
        try await call("revoke-token", [("name", "ci")], .admin)
        try await call("pause", [("name", "nowhere")], .operate)
        let all = try await fleet.ledger.activities.activities(ActivityQuery()).reversed().map { $0 }
        #expect(all.map(\.result) == [.refused, .asked, .failed])
        #expect(all[0].because?.contains("operate") == true && all[2].what.target == "nowhere")
    }

    /// Neither a value nor a file's content gets into the log, whatever they are called.
    @Test func noSecretIsInTheLog() async throws {
        let fleet = FleetDouble()
        let secret = "hunter2-not-to-be-seen"
        for operation in Operation.all where operation.effect != .read && operation.permission != .beat {
            var given = operation.pathNames.map { (name: $0, value: JSONValue.string("acme")) }
            for parameter in operation.parameters where parameter.location != .path {
                given.append((parameter.name, Self.filled(parameter.kind, secret)))
            }
            // Most of them fail for what is missing here; what they were asked is written down all the same.
            _ = try? await operation.call(given, in: fleet.context.called(by: Self.caller(.read)))
        }
        let all = try await fleet.ledger.activities.activities(ActivityQuery(limit: 1_000))
        #expect(all.count > 40)
        #expect(!all.contains { "\($0)".contains(secret) })
        // What is no secret is there.
        #expect(all.contains { $0.what.inputs?.contains("plain words") == true })
    }

    private static func filled(_ kind: Operation.Parameter.Kind, _ secret: String) -> JSONValue {
        switch kind {
        case .secret, .bytes: .string(secret)
        case .text: .string("plain words password=\(secret)")
        case .list(let item, _): [filled(item, secret)]
        case .object(let members):
            .object(
                members.map {
                    .init($0.name, ["name", "key", "path"].contains($0.name) ? "A" : filled($0.kind, secret))
                })
        case .flag: true
        default: .string("1")
        }
    }
}
