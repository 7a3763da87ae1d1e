import StokerCore

extension Operation {
    package static let reload = Operation(
        name: "reload", summary: "Reads the fleet file again; an invalid one changes nothing",
        doing: "reload the fleet file",
        effect: .write, needsFleet: true, method: .post, path: "/reload", answer: .overview
    ) { (context, _) throws(Failure) in
        try await context.monitor.reload()
        return try await context.monitor.overview().json
    }
}
