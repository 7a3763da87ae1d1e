import HubClient
import StokerCore

extension Operation {
    package static let restartSpace = Operation(
        name: "restart-space", summary: "Restarts a Space; what it has in memory and on its disk is lost",
        doing: "restart the Space", effect: .write, method: .post, path: "/spaces/{owner}/{name}/restart",
        parameters: Parameter.space + [
            .init("factory", .body, .flag, "Builds it anew, without what earlier builds left")
        ], answer: .spaceRuntime
    ) { context, arguments in
        let (hub, id) = try await context.space(arguments)
        let before = try await hub.runtime(of: id)
        if before.isModerated {
            throw Failure(
                .conflict, doing: "restart \(id)",
                because: "it was flagged by the Hub's moderation\(before.abuse?.reason.map { " (\($0))" } ?? "")",
                hint: "restarting does not help; write to website@huggingface.co")
        }
        let factory = arguments.flag("factory")
        let restart = try await context.recording(factory ? .factoryRestart : .restart, on: id, as: "restart") {
            try await hub.restart(id, factory: factory)
        }
        await context.forgetRestart(of: id, hub)
        let note: String? =
            switch restart.proof {
            case .answered: nil
            case .stage: "The Hub's answer was lost; the stage shows that it restarts."
            case .log: "The Hub's answer was lost; the run log shows that it restarted."
            case .repeated: "The first answer was lost and nothing had begun, so it was asked for once more."
            }
        return restart.runtime.json(id, note: note)
    }

    package static let pauseSpace = Operation(
        name: "pause-space", summary: "Stops a Space until its owner restarts it; visits do not wake it",
        doing: "pause the Space", effect: .write, method: .post, path: "/spaces/{owner}/{name}/pause",
        parameters: Parameter.space, answer: .spaceRuntime
    ) { context, arguments in
        let (hub, id) = try await context.space(arguments)
        let runtime = try await context.recording(.pause, on: id, as: "pause") { try await hub.pause(id) }
        // Who pauses it wants it so, whatever was left before.
        await context.forgetRestart(of: id, hub)
        return runtime.json(id)
    }

    package static let wakeSpace = Operation(
        name: "wake-space", summary: "Visits a sleeping Space, so that it starts", doing: "wake the Space",
        effect: .write, isCancellable: true, method: .post, path: "/spaces/{owner}/{name}/wake",
        parameters: Parameter.space + [
            .init("path", .body, Parameter.hubText, defaultValue: "/", "Path of the app to visit"),
            .init(
                "timeout", .body, .duration, defaultValue: "3m",
                "Give up after so long, also on a Hub that does not answer"
            ),
        ], answer: .spaceRuntime
    ) { context, arguments in
        let limit = context.limited(arguments.duration("timeout") ?? .seconds(180))
        let deadline = ContinuousClock.now + limit
        let id = try arguments.space()
        let doing = "wake \(id)"
        let hub = try await context.inTime(limit, until: deadline, doing: doing) {
            try await context.space(arguments).hub
        }
        var runtime = try await context.inTime(limit, until: deadline, doing: doing) { try await hub.runtime(of: id) }
        if runtime.stage == .paused {
            throw Failure(
                .conflict, doing: doing, because: "it is paused, and no visit wakes a paused Space",
                hint: "its owner starts it with `stoker space restart \(id)`")
        }
        guard runtime.stage.isAsleep else {
            return runtime.json(
                id, note: runtime.stage.isFailed ? "A visit does not help: it failed." : "It was awake already.")
        }
        do {
            runtime = try await context.recording(.wake, on: id, as: "wake") {
                var runtime = runtime
                while runtime.stage.isAsleep, ContinuousClock.now < deadline {
                    context.tell(.init("visiting", "visiting \(id)"))
                    // The edge holds the request while the Space starts; whether it is held or refused, the start has begun.
                    let (path, before) = (arguments.name("path"), runtime)
                    runtime = try await context.inTime(limit, until: deadline, doing: doing) {
                        _ = try await SpaceVisit.make(
                            id, path: path, runtime: before, hub: hub, timeout: min(.seconds(20), deadline - .now))
                        return try await hub.runtime(of: id)
                    }
                    if runtime.stage.isAsleep { try await Task.sleep(for: .seconds(2)) }
                }
                return runtime
            }
        } catch  where Task.isCancelled {
            throw Failure(
                .interrupted, doing: "wait for \(id) to wake",
                because: "it was interrupted; a visit that was made may wake it all the same",
                hint: "`stoker space runtime \(id)` tells")
        }
        return runtime.json(id)
    }

    package static let setSleepTime = Operation(
        name: "set-space-sleep-time",
        summary: "Sets after how long without a visit a Space is put to sleep; paid hardware only",
        doing: "set the sleep time of the Space", effect: .write, method: .put,
        path: "/spaces/{owner}/{name}/sleep-time",
        parameters: Parameter.space + [
            .init(
                "time", .body, .text(upTo: 20), required: true, form: Parameter.sleepForm,
                "A duration such as 30m or 2d, a number of seconds, or never (also -1)")
        ], answer: .spaceRuntime
    ) { context, arguments in
        let seconds = try SleepTime.seconds(arguments.name("time"))
        let (hub, id) = try await context.space(arguments)
        let runtime = try await hub.setSleepTime(of: id, seconds: seconds)
        return runtime.json(id, note: SleepTime.note(runtime, wished: seconds))
    }

    package static let setDevMode = Operation(
        name: "set-space-dev-mode", summary: "Opens a Space's container to its owner's SSH, or ends that; a paid plan",
        doing: "set the dev mode of the Space", effect: .write, method: .put, path: "/spaces/{owner}/{name}/dev-mode",
        parameters: Parameter.space + [
            .init("enabled", .body, .flag, defaultValue: true, "Whether it is on")
        ], answer: .spaceRuntime
    ) { context, arguments in
        let (hub, id) = try await context.space(arguments)
        return try await hub.setDevMode(of: id, enabled: arguments.flag("enabled")).json(id)
    }
}

extension OperationContext {
    /// A Space was restarted or paused on purpose: what a change had left is settled.
    func forgetRestart(of id: RepoID, _ hub: Hub) async {
        await (try? restartNotes)?.forget(id, endpoint: hub.settings.endpoint)  // without a folder nothing was left
    }
}
