import StokerCore

extension Operation {
    static let reload = Operation(
        name: "reload", summary: "Reads the fleet file again; an invalid one changes nothing",
        doing: "reload the fleet file",
        permission: .write, method: .post, path: "/reload", answer: .overview
    ) { (context, _) throws(Failure) in
        try await context.keeper.reload()
        return await context.keeper.overview().json
    }
}
