package import StokerCore

/// What Stoker knows of the ways in which a Space fails. The first rule that matches explains it, so what is more specific comes first.
///
/// Healing asks whether a restart helps, waiting what a stage means and what to do next, pages what a person can do: all of them ask here.
package enum DiagnosisRules {
    /// The rule that explains what is known; nil when none does.
    package static func find(_ evidence: Evidence) -> DiagnosisRule? { find(evidence, in: all) }

    /// The rule that explains the Hub's message alone, whatever the stage.
    package static func find(message: String?) -> DiagnosisRule? {
        guard let message, !message.isEmpty else { return nil }
        return find(Evidence(message: message), in: ofMessage)
    }

    /// Whether a restart may help where a check has this cause.
    package static func restartHelps(_ cause: Cause) -> Bool {
        all.contains { $0.signs.causes.contains(cause) && $0.restartHelps }
    }

    private static func find(_ evidence: Evidence, in rules: [DiagnosisRule]) -> DiagnosisRule? {
        let message = evidence.message?.lowercased() ?? ""
        let code = exitCode(message)
        return rules.first { $0.signs.match(evidence, message: message, exitCode: code) }
    }

    /// The number behind "exit code".
    static func exitCode(_ message: String) -> Int? {
        guard let found = message.firstRange(of: "exit code") else { return nil }
        let digits = message[found.upperBound...].drop { $0 == ":" || $0 == " " }.prefix { $0.isNumber }
        return Int(digits)
    }

    package static let all: [DiagnosisRule] = paused + ofMessage + ofStage + ofVisit

    // MARK: Stopped on purpose

    private static let paused: [DiagnosisRule] = [
        DiagnosisRule(
            "RT03", .spaceModerated, .init(pause: .moderation), brief: "it was flagged by the Hub's moderation",
            next: "restarting does not help; write to website@huggingface.co", restart: .never),
        DiagnosisRule(
            "ST01", .spaceSpendLimit, .init(pause: .spendLimit), brief: "it is paused: a spending limit was reached",
            next: "raise the limit, then `stoker space restart {space}`", restart: .never,
            source: "spaces-behaviour 0.6"),
        DiagnosisRule(
            "RT02", .spacePausedByOwner, .init(stages: [.paused]), brief: "it is paused",
            next: "its owner starts it with `stoker space restart {space}`", restart: .never),
    ]

    // MARK: What the Hub's message says

    private static let readLog = "read `stoker space logs {space}`"

    private static let ofMessage: [DiagnosisRule] = [
        DiagnosisRule(
            "RT11", .spaceCrashed, .init(messages: ["not enough hardware capacity"]),
            brief: "no machine of its kind is free",
            next: readLog,
            restart: .never),
        DiagnosisRule(
            "RT10", .spaceCrashed, .init(messages: ["scheduling failure"]), brief: "the Hub could not place it",
            next: readLog, restart: .ladder),
        // The app never opened its port: the same image will not open it next time.
        DiagnosisRule(
            "RT06", .spaceCrashed, .init(messages: ["launch timed out"]),
            brief: "the app did not open its port in time",
            next: readLog, restart: .never),
        DiagnosisRule(
            "RT07", .spaceCrashed, .init(messages: ["memory limit exceeded"]), brief: "it ran out of memory",
            next: readLog,
            restart: .once),
        DiagnosisRule(
            "RT09", .spaceCrashed, .init(messages: ["storage limit exceeded"]), brief: "its disk is full",
            next: readLog, restart: .once
        ),
        DiagnosisRule(
            "RT08", .spaceCrashed, .init(messages: ["oomkilled"], exitCodes: [137...137]),
            brief: "it ran out of memory",
            next: readLog,
            restart: .once),
        DiagnosisRule(
            "RT14", .spaceCrashed, .init(exitCodes: [0...0]), brief: "the app ended by itself",
            next: readLog,
            restart: .never),
        DiagnosisRule(
            "RT13", .spaceCrashed, .init(exitCodes: [1...127, 129...Int.max]), brief: "the app crashed",
            next: readLog,
            restart: .once),
        DiagnosisRule(
            "RT12", .spaceCrashed, .init(messages: ["containerd"], exitCodes: [128...128]),
            brief: "its machine has trouble",
            next: readLog, restart: .fromScratch),
    ]

    // MARK: What the Hub says that it does

    private static let readBuildLog = "read `stoker space logs {space} --build`"
    private static let waitForIt = "wait for it with `stoker space wait {space}`"

    private static let ofStage: [DiagnosisRule] = [
        DiagnosisRule(
            "RT01", .spaceAsleep, .init(stages: [.sleeping, .stopped]), brief: "it is asleep; a visit wakes it",
            next: "`stoker space wake {space}` does that", restart: .wake),
        DiagnosisRule(
            "RT19", .spaceConfigError, .init(stages: [.configError]), brief: "its configuration is wrong",
            next: readBuildLog, restart: .never),
        DiagnosisRule(
            "RT21", .spaceNoApp, .init(stages: [.noAppFile]), brief: "it has no app file", next: readBuildLog,
            restart: .never),
        DiagnosisRule(
            "ST02", .spaceBuildFailed, .init(stages: [.buildError]), brief: "the build failed", next: readBuildLog,
            restart: .never, source: "spaces-behaviour 0.6"),
        DiagnosisRule(
            "ST03", .spaceCrashed, .init(stages: [.runtimeError]), brief: "the app failed",
            next: readLog, restart: .ladder, source: "spaces-behaviour 0.6"),
        DiagnosisRule(
            "ST04", .spaceDeleting, .init(stages: [.deleting]), brief: "it is being deleted", restart: .never,
            source: "spaces-behaviour 0.6"),
        DiagnosisRule(
            "ST05", .spaceStarting, .init(stages: [.building]), brief: "building", next: waitForIt, restart: .never,
            source: "spaces-behaviour 0.6"),
        DiagnosisRule(
            "ST06", .spaceStarting, .init(stages: [.runningBuilding]),
            brief: "building; the version before still serves", next: waitForIt, restart: .never,
            source: "spaces-behaviour 0.6"),
        DiagnosisRule(
            "ST07", .spaceStarting, .init(stages: [.appStarting]), brief: "starting", next: waitForIt, restart: .never,
            source: "spaces-behaviour 0.6"),
        DiagnosisRule(
            "ST08", .spaceStarting, .init(stages: [.runningAppStarting]),
            brief: "starting; the version before still serves", next: waitForIt, restart: .never,
            source: "spaces-behaviour 0.6"),
    ]

    // MARK: What a visitor gets

    private static let ofVisit: [DiagnosisRule] = [
        DiagnosisRule(
            "RT23", .spaceOldBuild, .init(causes: [.spaceOldBuild]),
            brief: "an older commit runs than the repository holds",
            next: "read `stoker space logs {space} --build`; a restart starts a build anew", restart: .ladder),
        DiagnosisRule(
            "ST09", .spaceRunningDead, .init(causes: [.spaceRunningDead]),
            brief: "the Hub says that it runs, and the app does not answer",
            next: "read `stoker space logs {space}`, then restart it", restart: .ladder,
            source: "spaces-behaviour 1.5"),
        DiagnosisRule(
            "ST10", .spaceCrashed, .init(causes: [.spaceCrashed]), brief: "the app crashed, or did not start",
            next: readLog, restart: .ladder, source: "spaces-behaviour 1.5"),
        DiagnosisRule(
            // Whether a restart helps is told by the Hub's stage and message.
            "P05", .spaceError, .init(causes: [.spaceError]), brief: "the platform says that it is in error",
            next: readLog, restart: .never),
        DiagnosisRule(
            "P06", .spaceStarting, .init(causes: [.spaceStarting]), brief: "it is on its way", next: waitForIt,
            restart: .never),
        DiagnosisRule(
            "P20", .spaceHeld, .init(causes: [.spaceHeld]), brief: "it is asleep and being woken", next: waitForIt,
            restart: .never),
        DiagnosisRule(
            "P07", .spaceHidden, .init(causes: [.spaceHidden, .spaceNeedsToken]),
            brief: "it is private, renamed or deleted", next: "compare its name with `stoker space info {space}`",
            restart: .never),
        DiagnosisRule(
            "P15", .spaceThrottled, .init(causes: [.spaceThrottled]), brief: "the platform limits requests",
            restart: .never),
        DiagnosisRule(
            "RT17", .hubLags, .init(causes: [.hubLags]), brief: "the app answers although the Hub says otherwise",
            restart: .never),
    ]
}
