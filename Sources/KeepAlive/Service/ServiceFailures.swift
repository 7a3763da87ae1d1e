import StokerCore

extension Failure {
    static let fleetReplaced = Failure(
        .conflict, doing: "ping", because: "the fleet file was read anew meanwhile", hint: "ask again", retry: .soon)
    static let stopping = Failure(.conflict, doing: "ping", because: "this Stoker is stopping")
    static let standingBy = Failure(
        .conflict, doing: "ping", because: "this is the second master and the first one is at work",
        hint: "ask the first master")
    static let tooManyPings = Failure(
        .overloaded, doing: "ping", because: "too many pings are under way", hint: "try again in a moment",
        retry: .after(.seconds(5)))
    static let pausedMeanwhile = Failure(.conflict, doing: "ping", because: "the check was paused meanwhile")

    /// It holds for as long as this process lives, and no longer.
    static func notYetSafe(_ doing: String, because: String, hint: String) -> Failure {
        Failure(
            .ledger, doing: "\(doing) safely",
            because:
                "it is done, but not yet safe: it is in memory only and would be lost with this process (\(because))",
            hint: hint, retry: .soon)
    }

    static func unknownCheck(_ name: String, nearest: String?) -> Failure {
        Failure(
            .notFound, doing: "find the check \(name)", because: "the fleet has none of that name",
            hint: nearest.map { "did you mean \($0)?" })
    }
    static func notAHeartbeat(_ name: String) -> Failure {
        Failure(
            .conflict, doing: "take a heartbeat for \(name)", because: "it is pinged by Stoker and does not call in",
            hint: "heartbeats are listed under heartbeats: in the fleet file")
    }
    static func pingOfHeartbeat(_ name: String) -> Failure {
        Failure(
            .conflict, doing: "ping \(name)", because: "it is a heartbeat: the job calls us",
            hint: "its page and `stoker status \(name) --heartbeat` show the address to call")
    }
}
