import StokerCore

/// What a model is told to do next. Of an answer only words of the Hub's own list are looked at, never what an app wrote.
enum NextSteps {
    @Sendable static func runtime(_ answer: JSONValue, _ space: String) -> [String] {
        of(stage: answer["stage"]?.string, space)
    }

    @Sendable static func wait(_ answer: JSONValue, _ space: String) -> [String] {
        if answer["ready"]?.bool == true { return ["The Space is ready; check_space_health shows how it answers."] }
        let stage = answer["stage"]?.string
        let word = stage.flatMap { moving.contains($0) ? $0 : nil }
        if let word {
            return ["still \(word), call wait_for_space_ready again with space_id \"\(space)\"."]
        }
        if stage == "RUNNING" {
            return [
                "still not answering, call wait_for_space_ready again with space_id \"\(space)\".",
                "When that does not help: diagnose_space with space_id \"\(space)\".",
            ]
        }
        return of(stage: stage, space)
    }

    @Sendable static func health(_ answer: JSONValue, _ space: String) -> [String] {
        if answer["healthy"]?.bool == true, answer["status"]?.string == "healthy" { return [] }
        let steps = of(stage: answer["state"]?.string, space)
        return steps.isEmpty ? ["Call diagnose_space with space_id \"\(space)\"."] : steps
    }

    @Sendable static func diagnosis(_ answer: JSONValue, _ space: String) -> [String] {
        switch answer["verdict"]?.string {
        case "found":
            return ["Tell the person the likeliest cause with its proof and its fix; then do what the fix says."]
        case "unknown": return ["No rule knows the cause; read get_space_logs of \"\(space)\"."]
        default: return []
        }
    }

    @Sendable static func environment(_ answer: JSONValue, _ space: String) -> [String] {
        answer["dry_run"]?.bool == true || answer["way"]?.string == "nothing"
            ? [] : ["Call wait_for_space_ready with space_id \"\(space)\"."]
    }

    private static let moving: Set<String> = [
        "BUILDING", "RUNNING_BUILDING", "APP_STARTING", "RUNNING_APP_STARTING", "STOPPED", "SLEEPING",
    ]

    private static func of(stage: String?, _ space: String) -> [String] {
        switch stage {
        case "BUILDING", "RUNNING_BUILDING", "APP_STARTING", "RUNNING_APP_STARTING":
            ["Call wait_for_space_ready with space_id \"\(space)\"."]
        case "SLEEPING": ["It sleeps; check_space_health with space_id \"\(space)\" wakes it by a visit."]
        case "PAUSED", "STOPPED": ["It does not run; restart_space with space_id \"\(space)\" starts it."]
        case "RUNTIME_ERROR", "BUILD_ERROR", "CONFIG_ERROR", "NO_APP_FILE":
            ["Call diagnose_space with space_id \"\(space)\" for the cause."]
        default: []
        }
    }
}
