import StokerCore
import Workshop

extension Operation {
    package static let listWorkers = Operation(
        name: "list-workers", summary: "The workers of the fleet file, and how each is", doing: "list the workers",
        permission: .write, needsFleet: true, path: "/workers", answer: .workerList, paging: Paging(by: "name")
    ) { (context, _) throws(Failure) in
        let all = try await context.workers.statuses()
        let now = context.now()
        var insights = Iteration.Insights()
        for status in all {
            var more = Iteration.Insights()
            more.lists = status.record.insights
            insights.add(more)
        }
        return [
            "items": .array(all.map { $0.json(now: now) }), "online": .count(all.count { $0.isOnline(now) }),
            "iterations": .count(all.reduce(0) { $0 + $1.record.iteration }), "insights": insights.rowJSON,
        ]
    }

    package static let showWorker = Operation(
        name: "show-worker", summary: "One worker: what it does now, what it did, what it waits for",
        doing: "look at the worker", permission: .write, needsFleet: true, path: "/workers/{name}",
        parameters: [.workerName], answer: .worker
    ) { (context, arguments) throws(Failure) in
        try await context.workers.status(arguments.name()).json(now: context.now())
    }

    package static let pauseWorker = Operation(
        name: "pause-worker", summary: "Stops a worker before its next look, until it is resumed; survives restarts",
        doing: "pause the worker", effect: .write, needsFleet: true, method: .post, path: "/workers/{name}/pause",
        parameters: [.workerName], answer: .worker
    ) { (context, arguments) throws(Failure) in
        try await context.workers.setPaused(arguments.name(), true).json(now: context.now())
    }

    package static let resumeWorker = Operation(
        name: "resume-worker", summary: "Begins a worker that was paused, now", doing: "resume the worker",
        effect: .write, needsFleet: true, method: .post, path: "/workers/{name}/resume", parameters: [.workerName],
        answer: .worker
    ) { (context, arguments) throws(Failure) in
        try await context.workers.setPaused(arguments.name(), false).json(now: context.now())
    }

    package static let listAsks = Operation(
        name: "list-asks", summary: "What a worker asked its language model, and what came back; without secrets",
        doing: "list the questions", permission: .write, needsFleet: true, path: "/workers/{name}/asks",
        parameters: [.workerName], answer: .workerAskList,
        // The newest 30 are kept.
        paging: Paging(by: "number", defaultValue: 10, most: 30)
    ) { (context, arguments) throws(Failure) in
        let asks = try await context.workers.asks(of: arguments.name(), limit: 30)
        return ["items": .array(asks.map(\.json))]
    }

    package static let listIterations = Operation(
        name: "list-iterations", summary: "The newest iterations of a worker, newest first",
        doing: "list the iterations", permission: .write, needsFleet: true, path: "/workers/{name}/iterations",
        parameters: [.workerName], answer: .iterationList,
        // The newest 200 are kept here.
        paging: Paging(by: "iteration", defaultValue: 20, most: 200)
    ) { (context, arguments) throws(Failure) in
        let rows = try await context.workers.rows(of: arguments.name(), limit: 200)
        return ["items": .array(rows.map(\.json))]
    }
}

extension Operation.Parameter {
    static let workerName = Operation.Parameter("name", .path, .text(upTo: 40), "Name of the worker")
}
