import StokerCore

extension Operation {
    package static let acknowledge = Operation(
        name: "acknowledge",
        summary: "Says that somebody has seen what was damaged in the ledger; healing goes on then",
        doing: "acknowledge the incident", effect: .write, needsFleet: true, method: .post,
        path: "/incidents/{name}/acknowledge",
        parameters: [
            .init("name", .path, .text(upTo: 20), "Number of the incident, as `ledger.damage` of the overview has it")
        ],
        answer: .overview
    ) { (context, arguments) throws(Failure) in
        let text = arguments.name()
        guard let number = Int64(text), number > 0 else {
            throw Failure(
                .usage, doing: "acknowledge the incident",
                because: "\"\(text.shortened)\" is not the number of an incident",
                hint: "`stoker status` shows the number")
        }
        try await context.monitor.acknowledge(number)
        return try await context.monitor.overview().json
    }
}
