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
    static func notYetDurable(_ doing: String, because: String, hint: String) -> Failure {
        Failure(
            .ledger, doing: "\(doing) safely",
            because:
                "it is done, but not yet safe: it is in memory only and would be lost with this process (\(because))",
            hint: hint, retry: .soon)
    }
}
