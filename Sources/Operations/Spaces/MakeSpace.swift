import HubClient
import StokerCore

/// What a new Space gets along, by creation or as a copy.
private enum NewSpace {
    static let value = Operation.Parameter.environmentValues

    static let inputs: [Operation.Parameter] = [
        .init("visibility", .body, .choice(["public", "private", "protected"]), "Who sees it"),
        .init("hardware", .body, .text(upTo: 100), "What it runs on; cpu-basic unless given"), .sleepTime,
        .init("secrets", .body, value, "Secrets"),
        .init("variables", .body, value, "Variables; everybody who sees it sees them"),
        .init("volumes", .body, Operation.Parameter.volumes, "hf://buckets/owner/name[/folder]:/mount[:ro]"),
        .init("exist_ok", .body, .flag, "One that exists already is no failure; it is left as it is"),
    ]

    static func fill(_ new: inout NewRepo, _ arguments: Arguments) throws {
        new.visibility = arguments.text("visibility").map { RepoVisibility(rawValue: $0) }
        new.hardware = arguments.text("hardware")
        if let text = arguments.text("sleep_time") { new.sleepSeconds = try SleepTime.seconds(text) }
        func values(_ name: String) -> [NewRepo.Value] {
            arguments.objects(name).map {
                NewRepo.Value(
                    key: $0.name("key"), value: $0.secret("value") ?? Secret(""), description: $0.text("description"))
            }
        }
        new.secrets = values("secrets")
        new.variables = values("variables")
        for (kind, values) in [(SpaceValueKind.secret, new.secrets), (.variable, new.variables)] {
            try EnvironmentKeys.check(values.map(\.key), kind, doing: "create \(new.id)")
        }
        new.volumes = try arguments.texts("volumes").map { try SpaceVolume(notation: $0) }
    }

    /// Paid hardware is asked for with its price, secrets of a static Space with a warning.
    static func ask(_ new: NewRepo, _ hub: Hub, _ context: OperationContext) async throws {
        let doing = "create \(new.id)"
        if let hardware = new.hardware, hardware != "cpu-basic" {
            let offer = try await hub.hardwareCatalogue().first { $0.name == hardware }
            if offer?.dollarsPerHour != 0 {
                try await context.confirm(
                    Question(
                        .costs, doing: doing,
                        "\(hardware) costs \(offer.map { Price.text($0.dollarsPerHour) } ?? "an unknown price") while \(new.id) runs. Proceed?"
                    ))
            }
        }
        let published = SecretWarnings.lookLikeSecrets(new.variables.map { (name: $0.key, value: $0.value) })
        try await SecretWarnings.confirm(published, in: new.id, doing: doing, context)
        if new.sdk == "static", !new.secrets.isEmpty {
            try await SecretWarnings.confirmStatic(new.secrets.map(\.key), of: new.id, doing: doing, context)
        }
    }

    static func answer(_ made: EnsuredRepo, _ id: RepoID, existOK: Bool, left: [String]? = nil) throws -> JSONValue {
        if !made.wasCreated, !existOK {
            throw Failure(
                .hubConflict, doing: "create \(id)", because: "it exists already",
                hint: "--exist-ok takes it as it is; nothing of it was changed")
        }
        let note: String? =
            made.wasSettledByLooking
            ? made.wasCreated
                ? "The Hub's answer was lost; it is there now, made since it was asked for and as it was wished."
                : "The Hub's answer was lost; what is there now was not made by this command, as its time or kind shows."
            : nil
        let answer: JSONValue = [
            "space": .string("\(id)"), "url": .string(made.url), "created": .bool(made.wasCreated),
            "files_pending": .bool(made.filesPending), "note": .maybe(note),
            "differences": .array(
                made.differences.map {
                    ["what": .string($0.what), "wanted": .string($0.wanted), "found": .string($0.found)]
                }),
        ]
        return left.map { answer.adding([.init("secrets_left", .strings($0))]) } ?? answer
    }
}

extension Operation {
    /// Values of a Space's environment in one call; bytes.
    static let environmentLimit = 1024 * 1024

    package static let createSpace = Operation(
        name: "create-space", summary: "Creates a Space. Looks first: what exists is never changed",
        doing: "create the Space",
        effect: .paid, method: .put, path: "/spaces/{owner}/{name}",
        parameters: Parameter.space + [
            // Retired on 30 April 2025 (hub-docs `spaces-config-reference.md`). The template is what the Hub's own list names.
            .init(
                "sdk", .body, .choice(["gradio", "docker", "static"]), required: true,
                retired: [
                    "streamlit":
                        "give docker, with the template streamlit/streamlit-template-space or a Dockerfile that runs `streamlit run app.py --server.port 7860 --server.address 0.0.0.0`"
                ], "What it is made with"),
            .init("template", .body, .text(upTo: 200), "A template of the Hub to begin with"),
            .init("description", .body, .text(upTo: 60), "A short description"),
        ] + NewSpace.inputs, bodyLimit: environmentLimit, answer: .spaceMade
    ) { context, arguments in
        let (hub, id) = try await context.space(arguments)
        var new = NewRepo(id, sdk: arguments.text("sdk"))
        try NewSpace.fill(&new, arguments)
        new.template = arguments.text("template")
        new.shortDescription = arguments.text("description")
        try await NewSpace.ask(new, hub, context)
        return try NewSpace.answer(try await hub.ensure(new), id, existOK: arguments.flag("exist_ok"))
    }

    package static let duplicateSpace = Operation(
        name: "duplicate-space", summary: "Copies a Space with its files and variables; secrets are not copied",
        doing: "copy the Space", effect: .paid, method: .post, path: "/spaces/{owner}/{name}/duplicate",
        parameters: Parameter.space + [.otherSpace("to", "The copy")] + NewSpace.inputs, bodyLimit: environmentLimit,
        answer: .spaceMade
    ) { context, arguments in
        let (hub, source) = try await context.space(arguments)
        let id = try RepoID.space(arguments.name("to"))
        var new = NewRepo(id)
        try NewSpace.fill(&new, arguments)
        try await NewSpace.ask(new, hub, context)
        let given = new.secrets.map(\.key)
        let made = try await hub.duplicate(source, as: new)
        // Who may not see them is not told; that is no reason to fail.
        let left = (try? await hub.secrets(of: source))?.map(\.key).filter { !given.contains($0) } ?? []
        return try NewSpace.answer(made, id, existOK: arguments.flag("exist_ok"), left: left)
    }

    package static let moveSpace = Operation(
        name: "move-space", summary: "Renames a Space or gives it to an organisation; its address changes",
        doing: "move the Space", effect: .destructive, method: .post, path: "/spaces/{owner}/{name}/move",
        parameters: Parameter.space + [.otherSpace("to", "The new name")], answer: .spaceMoved
    ) { context, arguments in
        let (hub, id) = try await context.space(arguments)
        let new = try RepoID.space(arguments.name("to"))
        try await context.confirm(
            Question(
                .destroys, doing: "move \(id) to \(new)",
                "Move \(id) to \(new)? The address of its app changes, and what calls the old one breaks."))
        try await hub.move(id, to: new)
        // It is moved, whether its new address can be asked for or not.
        var host: String?
        do { host = try await hub.host(of: new) } catch let error as HubFailure {
            context.tell(.init(.note, "no-address", "Its address could not be asked for: \(error.said)."))
        }
        return ["from": .string("\(id)"), "space": .string("\(new)"), "address": .maybe(host)]
    }

    package static let deleteSpace = Operation(
        name: "delete-space", summary: "Deletes a Space for good", doing: "delete the Space", effect: .destructive,
        method: .delete, path: "/spaces/{owner}/{name}",
        parameters: Parameter.space + [
            .init("missing_ok", .query, .flag, "One that is not there is no failure")
        ], answer: .spaceDeleted
    ) { context, arguments in
        let (hub, id) = try await context.space(arguments)
        try await context.confirm(
            Question(
                .destroys, doing: "delete \(id)",
                "Delete \(id) with its files, history, secrets and variables? This cannot be undone."))
        let was = try await hub.delete(id, missingOK: arguments.flag("missing_ok"))
        return ["space": .string("\(id)"), "deleted": .bool(was)]
    }

    package static let spaceSettings = Operation(
        name: "set-space-settings", summary: "Chooses who sees a Space, and when it sleeps. Asks before everybody does",
        doing: "change the settings of the Space", effect: .write, asks: true, method: .put,
        path: "/spaces/{owner}/{name}/settings",
        parameters: Parameter.space + [
            .init("visibility", .body, .choice(["public", "private", "protected"]), "Who sees it"), .sleepTime,
        ], answer: .spaceSettings
    ) { context, arguments in
        let visibility = arguments.text("visibility").map { RepoVisibility(rawValue: $0) }
        let seconds = try arguments.text("sleep_time").map { (text) throws(Failure) in try SleepTime.seconds(text) }
        guard visibility != nil || seconds != nil else {
            throw Failure(
                .usage, doing: "change the settings of the Space",
                because: "neither \"visibility\" nor \"sleep_time\" is given")
        }
        let (hub, id) = try await context.space(arguments)
        var answer: [JSONValue.Member] = [.init("space", .string("\(id)"))]
        if let visibility {
            // All of it: of the fields alone, `private` is said of protected ones too.
            let before = try await hub.info(of: id)
            let isSame = before.seen == visibility.rawValue
            if !isSame {
                if visibility == .public {
                    try await context.confirm(
                        Question(
                            .reveals, doing: "make \(id) public",
                            "Everybody will see \(id) with its code and history. Proceed?"))
                }
                try await hub.change(id, RepoSettings(visibility: visibility))
            }
            answer += [.init("visibility", .string(visibility.rawValue)), .init("changed", .bool(!isSame))]
        }
        if let seconds {
            let runtime = try await hub.setSleepTime(of: id, seconds: seconds)
            answer += [
                .init("sleep_seconds", .maybe(runtime.sleepSeconds)),
                .init("note", .maybe(SleepTime.note(runtime, wished: seconds))), .init("runtime", runtime.json(id)),
            ]
        }
        return .object(answer)
    }
}
