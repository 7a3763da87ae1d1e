import Ledger
import StokerCore

extension Operation {
    package static let transcript = Operation(
        name: "transcript", summary: "What was sent and what came back, of the last and the last failed attempt",
        doing: "show the transcript", needsFleet: true, path: "/checks/{name}/transcript", parameters: [.checkName],
        answer: .transcripts
    ) { (context, arguments) throws(Failure) in
        let status = try await context.monitor.status(of: arguments.name())
        let kept = try await context.monitor.transcripts(of: status.check.name)
        var failed = kept.lastFailed
        // From before the last restart it is only in the ledger.
        if failed == nil { failed = try await context.ledger.transcript(lastFailedOf: status.id) }
        return [
            "check": .string(status.check.name), "last": kept.last?.json ?? .null, "last_failed": failed?.json ?? .null,
        ]
    }
}
