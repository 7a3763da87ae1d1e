import StokerCore
import Workshop

extension Operation {
    package static let restartWorker = Operation(
        name: "restart-worker",
        summary:
            "Begins a worker afresh: deletes its iterations and findings, here and in its dataset, with their history",
        doing: "begin the worker afresh", effect: .destructive, needsFleet: true, method: .post,
        path: "/workers/{name}/afresh", parameters: [.workerName], answer: .worker
    ) { (context, arguments) throws(Failure) in
        let name = arguments.name()
        let status = try await context.workers.status(name)
        let place = status.dataset.map { " and in \($0)" } ?? ""
        try await context.confirm(
            Question(
                .destroys, doing: "begin \(name) afresh",
                "Delete all \(status.record.iteration.counted("iteration")) of \(name) here\(place) for good?",
                because: "it would delete \(status.record.iteration.counted("iteration")) of \(name)"))
        return try await context.workers.ask(name, for: .afresh).json(now: context.now())
    }

    package static let squashWorker = Operation(
        name: "squash-worker",
        summary:
            "Makes one commit of the history of a worker's dataset; all rows stay, what was deleted before is gone",
        doing: "squash the history of the worker's dataset", effect: .destructive, needsFleet: true, method: .post,
        path: "/workers/{name}/squash", parameters: [.workerName], answer: .worker
    ) { (context, arguments) throws(Failure) in
        let name = arguments.name()
        guard let dataset = try await context.workers.status(name).dataset else {
            throw Failure(
                .usage, doing: "squash the history of the worker's dataset", because: "\(name) has no dataset",
                hint: "name one in `dataset` of the worker")
        }
        try await context.confirm(
            Question(
                .destroys, doing: "squash the history of \(dataset)",
                "Delete all older commits of \(dataset) for good?",
                because: "it would delete all older commits of \(dataset)"))
        return try await context.workers.ask(name, for: .squash).json(now: context.now())
    }
}
