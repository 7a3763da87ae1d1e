import Safekeeping
import StokerCore

extension Operation {
    package static let makeSnapshot = Operation(
        name: "make-snapshot",
        summary:
            "Lets the guard of an app make a snapshot now. Beside the app it ends when the snapshot is in the vault; with `space` the guard is asked with its next word, within a minute",
        doing: "make a snapshot", effect: .write, method: .post, path: "/snapshots",
        parameters: [
            .init("socket", .local, .text(upTo: 107), "The guard's socket, as the app has it in `STOKER_GUARD_SOCKET`"),
            .init(
                "space", .query, .text(upTo: 200),
                "A Space of the running fleet that keeps state, as the fleet file names it; its guard has to know this server (`STOKER_SERVER`)"
            ),
        ],
        answer: .madeSnapshot
    ) { context, arguments in
        if let space = arguments.text("space") {
            let board = try context.states
            let state = try board.state(space)
            try board.askSnapshot(of: state, lastWord: try await board.memory(state.name).word?.at)
            return ["outcome": "asked", "id": .null, "because": .null, "unreadable": 0]
        }
        guard let socket = arguments.text("socket") else {
            throw Failure(
                .conflict, doing: "make a snapshot", because: "no guard is named",
                hint:
                    "call it where the app runs: the guard's socket is in STOKER_GUARD_SOCKET; of a running server, name the Space with `space`"
            )
        }
        let answer = try await LocalRequest.post("/snapshot", socket: socket, within: .seconds(3_600))
        let because = answer.body["because"]?.string
        guard answer.status == 200 || answer.status == 409 else {
            throw Failure(
                .vaultUnavailable, doing: "make a snapshot", because: because ?? "the guard answered \(answer.status)")
        }
        return [
            "outcome": answer.body["outcome"] ?? .null, "id": answer.body["id"] ?? .null,
            "because": because.map { .string($0) } ?? .null,
            "unreadable": .integer(Int64(answer.body["unreadable"]?.integer ?? 0)),
        ]
    }

    package static let snapshotStates = Operation(
        name: "snapshot-states",
        summary:
            "Asks the guards of all Spaces that keep state for a snapshot now; each hears of it with its next word, within a minute",
        doing: "ask for snapshots", effect: .write, needsFleet: true, method: .post, path: "/states/snapshot",
        answer: .askedSnapshots
    ) { (context, _) async throws(Failure) in
        let board = try context.states
        let states = board.states.filter { $0.space != nil }
        guard !states.isEmpty else {
            throw Failure(
                .notFound, doing: "ask for snapshots", because: "no Space of the fleet file keeps state",
                hint: "`persist:` of a Space says what is kept (docs/guard.md)")
        }
        // One whose guard is silent keeps no other from being asked.
        var items: [JSONValue] = []
        for state in states {
            var because: String?
            do throws(Failure) {
                try board.askSnapshot(of: state, lastWord: try await board.memory(state.name).word?.at)
            } catch { because = error.because }
            items.append([
                "name": .string(state.target), "asked": .bool(because == nil), "because": .text(because),
            ])
        }
        return ["items": .array(items), "asked": .count(items.count { $0["asked"] == true })]
    }
}

extension Shape {
    static let madeSnapshot = Shape(
        name: "MadeSnapshot", summary: "What came of a snapshot.",
        fields: [
            .init(
                "outcome", .choice(["published", "unchanged", "held", "asked"]),
                "It is the newest now; nothing had changed; it lost so much that it waits for `accept`; the guard will be asked"
            ),
            .init("id", .text, optional: true, "Of the snapshot; null while it is only asked for"),
            .init("because", .text, optional: true, "Why it is held"),
            .init("unreadable", .integer, "Files that it is without because they could not be read"),
        ])

    static let askedSnapshots = Shape(
        name: "AskedSnapshots", summary: "Whose guards are asked for a snapshot.",
        fields: [
            .init("items", .list(.shape(.askedSnapshot)), "Every Space that keeps state, as the fleet file has them"),
            .init("asked", .integer, "How many of them are asked"),
        ])

    private static let askedSnapshot = Shape(
        name: "AskedSnapshot", summary: "Whether the guard of a Space is asked for a snapshot.",
        fields: [
            .init("name", .text, "The Space, as the fleet file names it"),
            .init("asked", .flag, "Its guard hears of it with its next word"),
            .init("because", .text, optional: true, "Why it is not asked; null when it is"),
        ])
}
