import Safekeeping
import StokerCore

extension Operation {
    package static let listStates = Operation(
        name: "list-states",
        summary:
            "What the fleet's Spaces keep in vaults, and whether it can come back: newest snapshot, last proven restore, what waits for a word",
        doing: "list the states", permission: .write, needsFleet: true, path: "/states", answer: .stateList,
        paging: Paging(by: "name")
    ) { (context, _) async throws(Failure) in
        let board = try context.states
        var items: [JSONValue] = []
        for state in board.states { items.append(board.json(state, try await board.memory(state.name))) }
        let safe = items.count { $0["standing"]?.string == StateHealth.Standing.safe.rawValue }
        return ["items": .array(items), "safe": .count(safe)]
    }

    package static let showState = Operation(
        name: "show-state",
        summary: "One state with its snapshots, as the last look at its vault saw them, its drills and its recoveries",
        doing: "show the state", permission: .write, needsFleet: true, path: "/states/{name}", parameters: [.state],
        answer: .stateDetail
    ) { (context, arguments) async throws(Failure) in
        let board = try context.states
        let state = try board.state(arguments.name())
        return board.detail(state, try await board.memory(state.name))
    }

    package static let lookAtState = Operation(
        name: "look-at-state", summary: "Reads the vaults of a state now", doing: "look at the state",
        permission: .write, needsFleet: true, method: .post, path: "/states/{name}/look", parameters: [.state],
        answer: .stateDetail
    ) { context, arguments in
        let board = try context.states
        let state = try board.state(arguments.name())
        return board.detail(state, try await board.look(state))
    }

    package static let drillState = Operation(
        name: "drill-state",
        summary:
            "Has the newest snapshot of a state proven: restored into a scratch folder, hashes, databases and the owner's check. It begins at once and goes on behind the answer",
        doing: "prove a restore", effect: .write, needsFleet: true, method: .post, path: "/states/{name}/drill",
        parameters: [.state], answer: .stateDetail
    ) { (context, arguments) async throws(Failure) in
        let board = try context.states
        let state = try board.state(arguments.name())
        board.askDrill(state)
        return board.detail(state, try await board.memory(state.name))
    }

    package static let trustVault = Operation(
        name: "trust-vault",
        summary:
            "Says that what a state's vault shows now is right, although more was seen there before: guards start on it again",
        doing: "take the vault as it is", effect: .write, needsFleet: true, method: .post,
        path: "/states/{name}/trust", parameters: [.state], answer: .stateDetail
    ) { context, arguments in
        let board = try context.states
        let state = try board.state(arguments.name())
        try await board.update(state.name) { $0.forget(board.place(of: state)) }
        return board.detail(state, try await board.look(state))
    }

    package static let recallState = Operation(
        name: "recall-state",
        summary: "What this master remembers of a state's vault: a guard that finds less there does not start",
        doing: "recall the state", permission: .write, needsFleet: true, path: "/states/{name}/memory",
        parameters: [.state, .vaultAddress], answer: .stateRecall
    ) { (context, arguments) async throws(Failure) in
        let name = try StateName.check(arguments.name())
        let vault = arguments.text("vault") ?? ""
        return recalled(try await context.states.memory(name), name, vault)
    }

    package static let tellState = Operation(
        name: "tell-state",
        summary:
            "A guard's word: how far its vault is, what a start brought back, what keeps snapshots from being made",
        doing: "tell of the state", effect: .write, needsFleet: true, method: .post, path: "/states/{name}/told",
        parameters: [
            .state, .vaultAddress,
            .init("sequence", .body, .integer(0...Int.max), "The highest sequence it saw there"),
            .init("epoch", .body, .integer(0...Int.max), "Of its pen"),
            .init("safe_until", .body, .instant(ago: false), "When the last capture that is in the vault began"),
            .init("trouble", .body, .text(upTo: 2_000), "Why the last snapshot is not in the vault; absent: it is"),
            .init(
                "recovery", .body,
                .object([
                    .init(
                        "outcome", .body, .text(upTo: 20), required: true,
                        "first, restored, continued, older, empty, failed"),
                    .init("at", .body, .instant(ago: false), required: true, "When it started"),
                    .init("epoch", .body, .integer(0...Int.max), required: true, "Of its pen"),
                    .init("released", .body, .flag, defaultValue: false, "The holder before stopped in order"),
                    .init("from", .body, .instant(ago: false), "When the capture of what came back began"),
                    .init("seconds", .body, .text(upTo: 30), "How long it took"),
                    .init("bytes", .body, .integer(0...Int.max), "What came back"),
                    .init("lost", .body, .text(upTo: 2_000), "What was lost, in words"),
                ]), "What its start brought back"),
        ], answer: .stateRecall
    ) { (context, arguments) async throws(Failure) in
        let board = try context.states
        let name = try StateName.check(arguments.name())
        let vault = arguments.text("vault") ?? ""
        let now = context.now()
        let memory = try await board.update(name) { memory in
            if let sequence = arguments.integer("sequence") {
                memory.saw(
                    UInt64(sequence), epoch: UInt64(arguments.integer("epoch") ?? 0), of: vault, at: now)
            }
            memory.word = StateMemory.Word(
                at: now, safeUntil: arguments.instant("safe_until"),
                trouble: arguments.text("trouble").map { Redaction.text($0).cut(to: 500) })
            guard let told = arguments.object("recovery"), let at = told.instant("at") else { return }
            memory.take(
                StateMemory.Recovery(
                    at: at, epoch: UInt64(told.integer("epoch") ?? 0), outcome: told.name("outcome"),
                    isReleased: told.flag("released"), from: told.instant("from"),
                    milliseconds: Int64(min(max(0, Double(told.text("seconds") ?? "") ?? 0), 1e9) * 1_000),
                    lost: Redaction.text(told.text("lost") ?? "").cut(to: 500),
                    bytes: told.integer("bytes").map { Int64($0) }))
        }
        return recalled(memory, name, vault, isSnapshotWanted: board.takeSnapshotAsked(name))
    }

    private static func recalled(
        _ memory: StateMemory, _ name: String, _ vault: String, isSnapshotWanted: Bool = false
    ) -> JSONValue {
        let place = memory.places.first { $0.vault == vault }
        let others = memory.places.filter { $0.vault != vault }.map { JSONValue.string($0.vault) }
        return [
            "state": .string(name), "vault": .string(vault), "sequence": place.map { .count($0.sequence) } ?? .null,
            "epoch": place.map { .count($0.epoch) } ?? .null, "seen": .instant(place?.at), "elsewhere": .array(others),
            "snapshot_wanted": .bool(isSnapshotWanted),
        ]
    }
}

extension Operation.Parameter {
    static let state = Operation.Parameter(
        "name", .path, .text(upTo: 200), "The state: its Space, as the fleet file or the Hub names it")
    static let vaultAddress = Operation.Parameter(
        "vault", .query, .text(upTo: 2_000), required: true, "Address of the vault, without passwords")
}

extension StateBoard {
    func json(_ state: State, _ memory: StateMemory) -> JSONValue { .object(members(state, memory)) }

    func detail(_ state: State, _ memory: StateMemory) -> JSONValue {
        let reading = reading(state)
        let newest = reading?.inside?.newest?.id
        return .object(
            members(state, memory) + [
                .init(
                    "snapshots", .array((reading?.inside?.snapshots ?? []).map { $0.json(isNewest: $0.id == newest) })),
                .init("drills", .array(memory.drills.map(\.json))),
            ])
    }

    private func members(_ state: State, _ memory: StateMemory) -> [JSONValue.Member] {
        let health = health(state, memory)
        let place = place(of: state)
        let facts = memory.facts.flatMap { $0.vault == place ? $0 : nil }
        func shown(_ one: StateMemory.Facts.Shown) -> JSONValue {
            [
                "id": .string(one.id), "time": .instant(one.time), "size_bytes": .count(one.size),
                "files": .count(one.files), "added_bytes": .count(one.added), "because": .text(one.note),
            ]
        }
        return [
            .init("name", .string(state.target)), .init("state", .string(state.name)),
            .init("space", .text(state.space)),
            .init("standing", .string(health.standing.rawValue)),
            .init(
                "problems",
                .array(
                    health.problems.map {
                        [
                            "standing": .string($0.standing.rawValue), "because": .string($0.because),
                            "hint": .string($0.hint),
                        ]
                    })),
            .init("vault", .string(place)), .init("vaults", .array(state.vaults.map { .string($0.name) })),
            .init("sealed", facts.map { .bool($0.isSealed) } ?? .null), .init("looked_at", .instant(facts?.at)),
            .init("epoch", facts?.epoch.map { .count($0) } ?? .null),
            .init("sequence", facts?.sequence.map { .count($0) } ?? .null),
            .init("newest_at", .instant(facts?.newestTime)),
            .init("newest", facts?.newest.map { shown($0) } ?? .null),
            .init("kept", facts?.kept.map { .count($0) } ?? .null),
            .init("stored_bytes", facts.map { .count($0.stored) } ?? .null),
            .init("growth_bytes", memory.growth.map { .count($0) } ?? .null),
            .init(
                "days",
                .array(
                    memory.days.map {
                        [
                            "day": .instant(Instant(milliseconds: Int64($0.day) * 86_400_000)),
                            "bytes": .count($0.bytes),
                        ]
                    })),
            .init("holder", .text(facts?.holder.map { GuardHolder.shown($0) })),
            .init("released", facts?.isReleased.map { .bool($0) } ?? .null),
            .init("snapshot_asked", .bool(isSnapshotAsked(state))),
            .init("held", .array((facts?.held ?? []).map { shown($0) })),
            .init(
                "strays",
                .array(
                    (facts?.strays ?? []).map { stray in
                        var stray = stray
                        stray.note = stray.note.map { GuardHolder.shown($0) }
                        return shown(stray)
                    })),
            .init(
                "drill",
                [
                    "every_seconds": state.settings.drill.map { .seconds($0) } ?? .null,
                    "due": .instant(health.drillDue), "running": .bool(isDrilling(state)),
                    "asked": .bool(isDrillAsked(state)), "last": memory.drills.first?.json ?? .null,
                    "proven": memory.proven?.json ?? .null,
                ]),
            .init(
                "recoveries",
                .array(
                    memory.recoveries.map { one in
                        [
                            "at": .instant(one.at), "epoch": .count(one.epoch), "outcome": .string(one.outcome),
                            "released": .bool(one.isReleased), "from": .instant(one.from),
                            "seconds": .number(Double(one.milliseconds) / 1_000),
                            "bytes": one.bytes.map { .count($0) } ?? .null, "lost": .text(one.lost),
                        ]
                    })),
            .init(
                "guard",
                memory.word.map { word in
                    [
                        "at": .instant(word.at), "safe_until": .instant(word.safeUntil), "trouble": .text(word.trouble),
                    ]
                } ?? .null),
            .init(
                "copies",
                .object(memory.copies.sorted { $0.key < $1.key }.map { .init($0.key, .string($0.value)) })),
            .init(
                "every_seconds", state.settings.every.map { .seconds($0) } ?? .null),
        ]
    }
}

extension RestoreDrill.Report {
    var json: JSONValue {
        [
            "at": .instant(at), "snapshot": .text(snapshot), "from": .instant(from), "files": .count(files),
            "bytes": .count(bytes), "seconds": .number(Double(milliseconds) / 1_000), "databases": .count(databases),
            "checked": .bool(isChecked), "proven": .bool(isProven), "failure": .text(failure),
        ]
    }
}

extension Shape {
    static let restoreDrill = Shape(
        name: "RestoreDrill", summary: "A restore that was tried to prove a snapshot.",
        fields: [
            .init("at", .instant, "When it began"), .init("snapshot", .text, optional: true, "Id of the snapshot"),
            .init("from", .instant, optional: true, "When its capture began"),
            .init("files", .integer, "How many came back"), .init("bytes", .integer, "Their contents"),
            .init("seconds", .number, "Restore and checks together"),
            .init("databases", .integer, "Looked through: pages, indexes, and rows that point to others"),
            .init("checked", .flag, "The owner's check was run"), .init("proven", .flag, "All of it went well"),
            .init("failure", .text, optional: true, "Why it proves nothing"),
        ])

    private static let shown = Shape(
        name: "KeptState", summary: "A snapshot, held one or stray, in short.",
        fields: [
            .init("id", .text, "16 hexadecimal digits"), .init("time", .instant, "When its capture began"),
            .init("size_bytes", .integer, "Of all contents"), .init("files", .integer, "How many"),
            .init("added_bytes", .integer, "What was sent for it"),
            .init("because", .text, optional: true, "Of a held one: why; of a stray: who left it"),
        ])

    private static let stateFields: [Field] = [
        .init("name", .text, "Of the Space in the fleet file"), .init("state", .text, "Its name in the vaults"),
        .init("space", .text, optional: true, "On the Hub; null for the ledger of this server itself, `_master`"),
        .init("standing", .choice(StateHealth.Standing.allCases.map(\.rawValue)), "How it is, in a word"),
        .init(
            "problems",
            .list(
                .shape(
                    Shape(
                        name: "StateProblem", summary: "What is wrong with a state.",
                        fields: [
                            .init("standing", .choice(StateHealth.Standing.allCases.map(\.rawValue)), "Which kind"),
                            .init("because", .text, "What was seen"), .init("hint", .text, "What to do"),
                        ]))), "The worst first"),
        .init("vault", .text, "Address of the vault that decides, without passwords"),
        .init("vaults", .list(.text), "Their names in the fleet file; the first decides, the others have copies"),
        .init("sealed", .flag, optional: true, "A key is needed to read it"),
        .init("looked_at", .instant, optional: true, "When the vault was read; null: not yet"),
        .init("epoch", .integer, optional: true, "Of the pen"),
        .init("sequence", .integer, optional: true, "Counts every write of the head"),
        .init("newest_at", .instant, optional: true, "When the newest snapshot was captured; known without the key"),
        .init("newest", .shape(shown), optional: true, "The newest snapshot; null without the key"),
        .init("kept", .integer, optional: true, "How many snapshots; null without the key"),
        .init("stored_bytes", .integer, optional: true, "What the vault holds of it"),
        .init("growth_bytes", .integer, optional: true, "A day, over the days that are known"),
        .init(
            "days",
            .list(
                .shape(
                    Shape(
                        name: "StateDay", summary: "The size of a state on one day.",
                        fields: [.init("day", .instant, "Its beginning, UTC"), .init("bytes", .integer, "Size")]))),
            "Oldest first, a month at most"),
        .init("holder", .text, optional: true, "Who has the pen"),
        .init("released", .flag, optional: true, "It stopped in order"),
        .init("snapshot_asked", .flag, "A snapshot was asked for, and its guard does not know yet"),
        .init("held", .list(.shape(shown)), "Wait to be accepted; at most 8"),
        .init("strays", .list(.shape(shown)), "What fenced containers had not published; at most 8"),
        .init(
            "drill",
            .shape(
                Shape(
                    name: "DrillState", summary: "How far restores of a state are proven.",
                    fields: [
                        .init("every_seconds", .number, optional: true, "The policy; null: only when asked"),
                        .init("due", .instant, optional: true, "The next one"),
                        .init("running", .flag, "One is at work"), .init("asked", .flag, "One was asked for"),
                        .init("last", .shape(restoreDrill), optional: true, "The last one"),
                        .init("proven", .shape(restoreDrill), optional: true, "The last that went well"),
                    ])), "Restores that were tried"),
        .init(
            "recoveries",
            .list(
                .shape(
                    Shape(
                        name: "Recovery", summary: "What a start of a guard brought back.",
                        fields: [
                            .init("at", .instant, "When"), .init("epoch", .integer, "Of its pen"),
                            .init("outcome", .text, "first, restored, continued, older, empty or failed"),
                            .init("released", .flag, "The holder before stopped in order"),
                            .init("from", .instant, optional: true, "What came later is lost"),
                            .init("seconds", .number, "How long it took"),
                            .init("bytes", .integer, optional: true, "What came back; known from the guard only"),
                            .init("lost", .text, optional: true, "In words; known from the guard only"),
                        ]))), "Newest first"),
        .init(
            "guard",
            .shape(
                Shape(
                    name: "GuardWord", summary: "What a guard said last of itself.",
                    fields: [
                        .init("at", .instant, "When"),
                        .init("safe_until", .instant, optional: true, "What changed before is in the vault"),
                        .init("trouble", .text, optional: true, "Why the last snapshot is not"),
                    ])), optional: true, "null: it has not told anything"),
        .init("copies", .table(.text), "By vault: why a copy cannot be read"),
        .init("every_seconds", .number, optional: true, "Time between snapshots; null for the vault's own"),
    ]

    static let stateSummary = Shape(
        name: "State", summary: "What a Space keeps in vaults, as it was seen last.", fields: stateFields)

    static let stateList = Shape(
        name: "StateList", summary: "The states of the fleet.",
        fields: [
            .init("items", .list(.shape(stateSummary)), "In the order of the fleet file"), .nextCursor,
            .init("safe", .integer, "How many are safe"),
        ])

    static let stateDetail = Shape(
        name: "StateDetail", summary: "A state with its snapshots and drills.",
        fields: stateFields + [
            .init(
                "snapshots", .list(.shape(.snapshot)),
                "Newest first, as the last look saw them; empty without the key, and after a start until the first look"
            ),
            .init("drills", .list(.shape(restoreDrill)), "Newest first; at most 20"),
        ])

    static let stateRecall = Shape(
        name: "StateRecall", summary: "The highest that was seen of a state in a vault.",
        fields: [
            .init("state", .text, "Its name"), .init("vault", .text, "Address of the vault"),
            .init("sequence", .integer, optional: true, "null: nothing was seen there"),
            .init("epoch", .integer, optional: true, "Of the pen then"),
            .init("seen", .instant, optional: true, "When"),
            .init("elsewhere", .list(.text), "Other vaults where it was seen"),
            .init("snapshot_wanted", .flag, "To a guard's word: a person wants a snapshot now; said once"),
        ])
}
