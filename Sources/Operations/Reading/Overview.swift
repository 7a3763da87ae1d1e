import StokerCore

extension Operation {
    package static let overview = Operation(
        name: "overview", summary: "The state of the whole", doing: "show the state of the fleet", needsFleet: true,
        path: "/overview",
        answer: .overview
    ) { (context, _) throws(Failure) in
        try await context.monitor.overview().json
    }
}
