import StokerCore

extension Operation {
    /// The words of healthchecks.io's pinging API; the route reads them from the address.
    package static let beatSignals = ["success", "start", "fail", "log", "exit"]

    package static let beat = Operation(
        name: "beat", summary: "A job's call: it succeeded, started, failed, exited with a code, or left a note",
        doing: "take the heartbeat", effect: .write, permission: .beat, needsFleet: true, method: .post,
        path: "/heartbeats/{name}",
        parameters: [
            .init("name", .path, .text(upTo: 300), "Name of the heartbeat"),
            .init(
                "signal", .body, .choice(beatSignals),
                "What the job says: `success` unless given, `exit` with a `code`; `log` changes nothing"),
            .init("code", .body, .integer(0...255), "Exit status: 0 is success"),
            .init("note", .body, .text(upTo: 10_000), "Kept with the beat: the job's last lines"),
            .init("rid", .body, .text(upTo: 100), "Joins a `start` and its end when runs overlap"),
            .init("from", .body, .text(upTo: 200), "Who called"),
        ],
        answer: .beat
    ) { (context, arguments) throws(Failure) in
        let signal: Beat.Signal
        switch (arguments.text("signal"), arguments.integer("code")) {
        case ("exit", nil):
            throw Failure(.usage, doing: "take the heartbeat", because: "\"exit\" came without its \"code\"")
        case ("exit", let code?), (nil, let code?): signal = .exit(code)
        case ("fail", let code?) where code != 0: signal = .exit(code)
        case ("success", 0): signal = .success
        case (let said?, let code?):
            throw Failure(
                .usage, doing: "take the heartbeat",
                because: "the signal \"\(said)\" and the exit status \(code) do not go together",
                hint: "send the \"code\" alone, or with the signal \"exit\"")
        case ("start", nil): signal = .start
        case ("fail", nil): signal = .fail
        case ("log", nil): signal = .log
        case (_, nil): signal = .success
        }
        let status = try await context.monitor.beat(
            arguments.name(),
            Beat(
                signal: signal, body: arguments.text("note") ?? "", run: arguments.text("rid"),
                from: arguments.text("from")))
        return [
            "name": .string(status.check.name), "verdict": .string(status.state.verdict.name),
            "next_due": .instant(status.nextDue),
        ]
    }
}
