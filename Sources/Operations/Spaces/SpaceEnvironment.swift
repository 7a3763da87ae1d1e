import HubClient
import StokerCore

/// Names of secrets and variables.
enum EnvironmentKeys {
    /// - Throws: `usage` for names that the Hub does not take. They are not shown: who mixes up the order gives the secret for the name.
    static func check(_ keys: [String], _ kind: SpaceValueKind, doing: String) throws(Failure) {
        let wrong = keys.indices.filter { !SpaceValueKind.isKey(keys[$0]) }
        guard !wrong.isEmpty else { return }
        throw Failure(
            .usage, doing: doing,
            because:
                "\(wrong.map { "the name of \(kind.rawValue) number \($0 + 1)" }.joined(separator: ", ")) cannot be one on the Hub",
            hint: "a name has a letter first, then letters, digits and _")
    }
}

/// What publishes a secret is told and asked.
enum SecretWarnings {
    /// Values that look like secrets and are to be variables, with why: `TOKEN (its name ends in TOKEN)`.
    static func lookLikeSecrets(_ variables: some Sequence<(name: String, value: Secret)>) -> [String] {
        variables.compactMap { name, value in
            SecretHeuristic.reason(name: name, value: value).map { "\(name) (\($0))" }
        }
    }

    /// Variables whose values look like secrets; nil when there are none.
    static func text(_ found: [String], in id: RepoID) -> String? {
        guard !found.isEmpty else { return nil }
        let them = found.count == 1 ? "it" : "them"
        return
            "\(found.joined(separator: ", ")) \(found.count == 1 ? "looks like a secret" : "look like secrets"). Everybody who sees \(id) can read its variables, and copies of it get them; `stoker space secrets add` keeps \(them) hidden"
    }

    static func tell(_ found: [String], in id: RepoID, _ context: OperationContext) {
        guard let text = text(found, in: id) else { return }
        context.tell(.init(.warning, "published", "warning: \(text)."))
    }

    /// A value that looks like a secret becomes a variable only when somebody says so.
    static func ask(_ found: [String], in id: RepoID, doing: String, _ context: OperationContext) async throws(Failure)
    {
        guard let background = text(found, in: id) else { return }
        try await context.confirm(
            Question(
                .reveals, doing: doing,
                "Set \(found.count == 1 ? "it" : "them") as \(found.count == 1 ? "a variable" : "variables") all the same?",
                background: background))
    }

    static func confirm(_ found: [String], in id: RepoID, doing: String, _ context: OperationContext)
        async throws(Failure)
    {
        tell(found, in: id, context)
        try await ask(found, in: id, doing: doing, context)
    }

    /// A static Space has no server that could keep a secret.
    static func confirmStatic(_ secrets: [String], of id: RepoID, doing: String, _ context: OperationContext)
        async throws(Failure)
    {
        let background =
            "\(id) is a static Space: every visitor's browser is given its secrets (window.huggingface.variables)"
        context.tell(.init(.warning, "static", "warning: \(background)."))
        try await context.confirm(
            Question(
                .reveals, doing: doing, "Publish \(secrets.joined(separator: ", ")) to everybody who visits \(id)?",
                background: background))
    }
}

extension Operation.Parameter {
    /// Values of a Space's environment; never shown, also those of variables: a secret may be among them by mistake.
    static let environmentValues = Kind.list(
        .object([
            .init(
                "key", .body, .text(upTo: 200), required: true, form: Operation.Parameter.keyForm,
                "Name: a letter, then letters, digits and _"),
            .init("value", .body, .secret(upTo: 256 * 1024), required: true, "Value"),
            .init("description", .body, .text(upTo: 1_000), "Kept with it on the Hub"),
        ]), upTo: 500)

    fileprivate static func dryRun(_ location: Location) -> Operation.Parameter {
        .init("dry_run", location, .flag, "Only tells what would be done")
    }
}

extension SpaceValueKind {
    fileprivate var setting: Operation {
        Operation(
            name: "set-space-\(plural)",
            summary: self == .secret
                ? "Sets secrets of a Space, all in one go; unchanged ones are skipped. Values are never shown"
                : "Sets variables of a Space, all in one go; unchanged ones are skipped",
            doing: "set \(plural) of the Space", effect: .write, asks: true, method: .put,
            path: "/spaces/{owner}/{name}/\(plural)",
            parameters: Operation.Parameter.space + [
                .init("values", .body, Operation.Parameter.environmentValues, required: true, "Names and values"),
                .dryRun(.body),
            ], bodyLimit: Operation.environmentLimit, answer: .environmentChange
        ) { context, arguments in
            let values = arguments.objects("values")
            guard !values.isEmpty else {
                throw Failure(.usage, doing: "set \(plural) of the Space", because: "no \(rawValue) was named")
            }
            try EnvironmentKeys.check(values.map { $0.name("key") }, self, doing: "set \(plural) of the Space")
            let wishes = values.map {
                EnvironmentChange(
                    self, $0.name("key"), .set($0.secret("value") ?? Secret(""), description: $0.text("description")))
            }
            let (hub, named) = try await context.space(arguments)
            let id = try await hub.canonical(named)
            let work = EnvironmentWork(
                kind: self, space: id, hub: hub, context: context, dryRun: arguments.flag("dry_run"))
            return try await work.run(wishes) { plan, isStatic in
                try await SecretWarnings.ask(plan.publishedSecrets, in: id, doing: "set variables of \(id)", context)
                guard isStatic, self == .secret, !plan.writes.isEmpty else { return }
                try await SecretWarnings.confirmStatic(
                    plan.writes.map(\.key), of: id, doing: "set secrets of the static Space \(id)", context)
            }
        }
    }

    fileprivate var deletion: Operation {
        Operation(
            name: "delete-space-\(plural)",
            summary: self == .secret
                ? "Deletes secrets of a Space; their values cannot be got back" : "Deletes variables of a Space",
            doing: "delete \(plural) of the Space", effect: .destructive, method: .delete,
            path: "/spaces/{owner}/{name}/\(plural)",
            parameters: Operation.Parameter.space + [
                .init("keys", .query, .list(.text(upTo: 200), upTo: 500), required: true, "Names"), .dryRun(.query),
            ], answer: .environmentChange
        ) { context, arguments in
            let (hub, named) = try await context.space(arguments)
            let id = try await hub.canonical(named)
            let work = EnvironmentWork(
                kind: self, space: id, hub: hub, context: context, dryRun: arguments.flag("dry_run"))
            return try await work.run(arguments.texts("keys").map { EnvironmentChange(self, $0, .delete) }) { plan, _ in
                guard !plan.writes.isEmpty else { return }
                let lost = self == .secret ? " The values cannot be got back." : ""
                let names = plan.writes.map(\.key).joined(separator: ", ")
                try await context.confirm(
                    Question(
                        .destroys, doing: "delete \(plural) of \(id)",
                        "Delete the \(plan.writes.count == 1 ? rawValue : plural) \(names) of \(id)?\(lost)"))
            }
        }
    }
}

extension Operation {
    package static let setSecrets: Operation = SpaceValueKind.secret.setting
    package static let setVariables: Operation = SpaceValueKind.variable.setting
    package static let deleteSecrets: Operation = SpaceValueKind.secret.deletion
    package static let deleteVariables: Operation = SpaceValueKind.variable.deletion

    package static let listSecrets = Operation(
        name: "list-space-secrets", summary: "Names and times of a Space's secrets; the Hub never gives values back",
        doing: "list the secrets of the Space", permission: .write, path: "/spaces/{owner}/{name}/secrets",
        parameters: Parameter.space, answer: .spaceSecrets, paging: Paging("secrets", by: "key")
    ) { context, arguments in
        let (hub, named) = try await context.space(arguments)
        let id = try await hub.canonical(named)
        let prints = try await context.secretPrints.read()
        return [
            "space": .string("\(id)"),
            "secrets": .array(
                try await hub.secrets(of: id).map { secret in
                    [
                        "key": .string(secret.key), "description": .maybe(secret.description),
                        "updated_at": .maybe(secret.updatedAt),
                        "drifted": .maybe(prints.hasDrifted(secret.key, in: id, updatedAt: secret.updatedAt)),
                    ]
                }),
        ]
    }

    package static let listVariables = Operation(
        name: "list-space-variables", summary: "Names and values of a Space's variables",
        doing: "list the variables of the Space", permission: .write, path: "/spaces/{owner}/{name}/variables",
        parameters: Parameter.space, answer: .spaceVariables,
        paging: Paging("variables", by: "key")
    ) { context, arguments in
        let (hub, named) = try await context.space(arguments)
        let id = try await hub.canonical(named)
        return [
            "space": .string("\(id)"),
            "variables": .array(
                try await hub.variables(of: id).map {
                    [
                        "key": .string($0.key), "value": .string($0.value), "description": .maybe($0.description),
                        "updated_at": .maybe($0.updatedAt),
                    ]
                }),
        ]
    }
}

extension OperationContext {
    /// Keyed hashes of the secrets that were written here.
    var secretPrints: SecretFingerprintStore {
        get throws(Failure) {
            SecretFingerprintStore(folder: try dataFolder, now: now) { text in
                tell(.init(.warning, "prints-damaged", "stoker: \(text)"))
            }
        }
    }
}
