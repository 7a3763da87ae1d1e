import StokerCore

extension Operation {
    package static let ping = Operation(
        name: "ping", summary: "Pings a check now, retries included, and waits for the result", doing: "ping the check",
        effect: .write, needsFleet: true, method: .post, path: "/checks/{name}/ping", parameters: [.checkName],
        answer: .ping
    ) { (context, arguments) throws(Failure) in
        let status = try await context.monitor.ping(arguments.name())
        let transcripts = try await context.monitor.transcripts(of: status.check.name)
        return ["check": status.json(now: context.now()), "transcript": transcripts.last?.json ?? .null]
    }
}
