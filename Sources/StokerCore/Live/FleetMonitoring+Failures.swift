/// What a monitor refuses, whoever implements it.
extension Failure {
    package static func unknownCheck(_ name: String, nearest: String?) -> Failure {
        Failure(
            .notFound, doing: "find the check \(name)", because: "the fleet has none of that name",
            hint: nearest.map { "did you mean \($0)?" })
    }
    package static func notAHeartbeat(_ name: String) -> Failure {
        Failure(
            .conflict, doing: "take a heartbeat for \(name)", because: "it is pinged by Stoker and does not call in",
            hint: "heartbeats are listed under heartbeats: in the fleet file")
    }
    package static func pingOfHeartbeat(_ name: String) -> Failure {
        Failure(
            .conflict, doing: "ping \(name)", because: "it is a heartbeat: the job calls us",
            hint: "its page and `stoker status \(name) --heartbeat` show the address to call")
    }
    package static func pauseIsOver(_ name: String, _ until: Instant) -> Failure {
        Failure(
            .usage, doing: "pause \(name)", because: "the end, \(Formatting.time(until)), is in the past",
            hint: "give a later time, or none")
    }
}
