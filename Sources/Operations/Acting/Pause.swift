import StokerCore

extension Operation {
    package static let pause = Operation(
        name: "pause", summary: "Stops pinging a check until it is resumed, or for a time; again moves the end",
        doing: "pause the check", effect: .write, needsFleet: true, method: .post, path: "/checks/{name}/pause",
        parameters: [
            .checkName,
            .init("for", .body, .duration, "How long; at most one of `for` and `until`"),
            .init("until", .body, .instant(ago: false), "Until when"),
        ],
        answer: .check
    ) { (context, arguments) throws(Failure) in
        let name = arguments.name()
        var until = arguments.instant("until")
        let now = context.now()
        if let span = arguments.duration("for") {
            guard until == nil else {
                throw Failure(
                    .usage, doing: "pause \(name.shortened)", because: "both \"for\" and \"until\" are given",
                    hint: "give one of them")
            }
            until = now + span
        }
        if let until, until <= now {
            throw Failure(
                .usage, doing: "pause \(name.shortened)", because: "\"until\" (\(until)) is not in the future")
        }
        return try await context.monitor.pause(name, until: until).json(now: context.now())
    }
}
