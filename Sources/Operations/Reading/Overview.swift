import StokerCore

extension Operation {
    static let overview = Operation(
        name: "overview", summary: "The state of the whole", doing: "show the state of the fleet", path: "/overview",
        answer: .overview
    ) { (context, _) throws(Failure) in
        await context.keeper.overview().json
    }
}
