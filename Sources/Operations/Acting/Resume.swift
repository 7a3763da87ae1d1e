import StokerCore

extension Operation {
    package static let resume = Operation(
        name: "resume", summary: "Pings a paused check again", doing: "resume the check", effect: .write,
        needsFleet: true,
        method: .post,
        path: "/checks/{name}/resume", parameters: [.checkName], answer: .check
    ) { (context, arguments) throws(Failure) in
        try await context.monitor.resume(arguments.name()).json(now: context.now())
    }
}
