import StokerCore

extension Operation {
    /// The words of healthchecks.io's pinging API; the door reads them from the address.
    package static let beatSignals = ["success", "start", "fail", "log", "exit"]

    package static let beat = Operation(
        name: "beat", summary: "A job's call: it succeeded, started, failed, exited with a code, or left a note",
        doing: "take the heartbeat", permission: .beat, method: .post, path: "/heartbeats/{name}",
        parameters: [
            .init("name", .path, .text(upTo: 300), "Name of the heartbeat"),
            .init(
                "signal", .body, .choice(beatSignals), standard: "success", "What the job says; `log` changes nothing"),
            .init("code", .body, .integer(0...255), "Exit status, with `exit`: 0 is success"),
            .init("note", .body, .text(upTo: 10_000), "Kept with the beat: the job's last lines"),
            .init("rid", .body, .text(upTo: 100), "Joins a `start` and its end when runs overlap"),
            .init("from", .body, .text(upTo: 200), "Who called"),
        ],
        answer: .beat
    ) { (context, arguments) throws(Failure) in
        let signal: Beat.Signal
        switch (arguments.text("signal"), arguments.integer("code")) {
        case ("exit", let code?): signal = .exit(code)
        case ("exit", nil):
            throw Failure(.usage, doing: "take the heartbeat", because: "\"exit\" came without its \"code\"")
        case (_, .some):
            throw Failure(.usage, doing: "take the heartbeat", because: "\"code\" goes with the signal \"exit\" only")
        case ("start", _): signal = .start
        case ("fail", _): signal = .fail
        case ("log", _): signal = .log
        default: signal = .success
        }
        let status = try await context.keeper.beat(
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
