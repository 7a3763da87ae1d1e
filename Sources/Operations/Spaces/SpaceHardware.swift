import HubClient
import StokerCore

extension Operation {
    package static let listHardware = Operation(
        name: "list-hardware", summary: "The Hub's catalogue of hardware, with prices by the hour",
        doing: "list hardware",
        permission: .write, path: "/hardware", answer: .hardware, paging: Paging("hardware", by: "flavor")
    ) { context, _ in
        ["hardware": .array(try await context.hub.hardwareCatalogue().map(\.json))]
    }

    package static let spaceHardware = Operation(
        name: "space-hardware", summary: "What a Space runs on, beside the catalogue",
        doing: "show the hardware of the Space",
        permission: .write, path: "/spaces/{owner}/{name}/hardware", parameters: Parameter.space, answer: .hardware,
        paging: Paging("hardware", by: "flavor")
    ) { context, arguments in
        let (hub, id) = try await context.space(arguments)
        let runtime = try await hub.runtime(of: id)
        return [
            "space": .string("\(id)"), "current": .maybe(runtime.hardware),
            "requested": .maybe(runtime.requestedHardware),
            "hardware": .array(try await hub.hardwareCatalogue().map(\.json)),
        ]
    }

    package static let setHardware = Operation(
        name: "set-space-hardware",
        summary: "Runs a Space on other hardware; it restarts. Asks where it costs something",
        doing: "choose the hardware of the Space", effect: .paid, method: .put,
        path: "/spaces/{owner}/{name}/hardware",
        parameters: Parameter.space + [
            .init("flavor", .body, .text(upTo: 100), required: true, "A flavor of the catalogue"), .sleepTime,
        ], answer: .spaceRuntime
    ) { context, arguments in
        let seconds = try arguments.text("sleep_time").map { (text) throws(Failure) in try SleepTime.seconds(text) }
        let (hub, id) = try await context.space(arguments)
        let flavor = arguments.name("flavor")
        let catalogue = try await hub.hardwareCatalogue()
        guard let offer = catalogue.first(where: { $0.name == flavor }) else {
            let near = ClosestMatch.of(flavor, among: catalogue.map(\.name)).map { "did you mean \($0)? " } ?? ""
            throw Failure(
                .usage, doing: "request \(flavor.shortened) for \(id)", because: "the Hub has no such hardware",
                hint: near + "`stoker space hardware` lists it")
        }
        if offer.dollarsPerHour != 0 {
            try await context.confirm(
                Question(
                    .costs, doing: "request \(flavor) for \(id)",
                    "\(flavor) costs \(Price.text(offer.dollarsPerHour)) while \(id) runs. Request it?"))
        }
        return try await hub.requestHardware(of: id, flavor: flavor, sleepSeconds: seconds).json(id)
    }
}
