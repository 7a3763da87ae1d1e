package import StokerCore

/// What the Hub's stage and message and a check's result mean: rows of `diagnosis.yaml`. The first rule that matches explains it.
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

    /// The rows of the built-in file with signs of the Hub or of a visit: those of a pause, of the Hub's message, of a stage, of a visit; of each kind
    /// in the order of the file.
    package static let all: [DiagnosisRule] = {
        let rows = RuleFile.builtIn.states
        return (0...3).flatMap { order in rows.filter { $0.signs.order == order } }
    }()
    private static let ofMessage = all.filter(\.signs.isOfMessage)

    /// What a person can do where a check has this cause, a sentence; nil for ``Cause/none``.
    package static func advice(_ cause: Cause) -> String? { RuleFile.builtIn.advice[cause] }
}
