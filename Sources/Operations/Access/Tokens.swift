import StokerCore

extension Operation {
    package static let addToken = Operation(
        name: "add-token",
        summary:
            "Makes a token that may as much as its scope says, for a program, an agent or a person; it is shown this once",
        doing: "make a token", effect: .write, scope: .admin, needsFleet: true, method: .post, path: "/tokens",
        parameters: [
            .init(
                "name", .body, .text(upTo: 60), required: true, form: Parameter.tokenForm,
                "What it is for: 1 to 60 letters, digits, dots, hyphens and underscores"),
            .init(
                "scope", .body, .choice(Scope.allCases.map(\.rawValue)), required: true,
                "read sees everything, operate changes what can be changed back, admin also destroys, spends money and gives access"
            ),
            .init("expires_in", .body, .duration, "How long it holds, such as 90d; until it is revoked unless given"),
        ],
        answer: .newToken
    ) { (context, arguments) throws(Failure) in
        let doing = "make a token"
        let name = arguments.text("name") ?? ""
        if let problem = AccessToken.problem(ofName: name) { throw Failure(.usage, doing: doing, because: problem) }
        guard let scope = arguments.text("scope").flatMap(Scope.init(rawValue:)) else {
            throw Failure(.usage, doing: doing, because: "its scope is missing")
        }
        let span = arguments.duration("expires_in")
        if let span, span < .seconds(60) || span > .seconds(3_660 * 86_400) {
            throw Failure(.usage, doing: doing, because: "expires_in is not between one minute and ten years")
        }
        let now = context.now()
        let (token, secret) = try await context.access.addToken(
            name, scope: scope, ends: span.map { now + $0 }, by: context.caller.principal.name)
        return token.json(now: now).adding([.init("token", .string(secret.reveal()))])
    }

    package static let listTokens = Operation(
        name: "list-tokens", summary: "Tokens that were made here: what each may, until when, and when it was used",
        doing: "list the tokens", permission: .write, scope: .admin, needsFleet: true, path: "/tokens",
        answer: .tokenList, paging: Paging(by: "name")
    ) { (context, _) throws(Failure) in
        let now = context.now()
        return ["items": .array(try context.access.tokens.map { $0.json(now: now) })]
    }

    package static let revokeToken = Operation(
        name: "revoke-token", summary: "Ends a token and the sessions that were begun with it, at once and for good",
        doing: "revoke a token", effect: .destructive, needsFleet: true, method: .delete, path: "/tokens/{name}",
        parameters: [.init("name", .path, .text(upTo: 60), "Its name")], answer: .accessToken
    ) { (context, arguments) in
        let name = arguments.name()
        let book = try context.access
        if book.tokens.contains(where: { $0.name == name }) {
            try await context.confirm(
                Question(
                    .destroys, doing: "revoke the token \(name)",
                    "Revoke the token \(name)? Whatever uses it is refused from now on."))
        }
        return try await book.revokeToken(name).json(now: context.now())
    }

    package static let listSessions = Operation(
        name: "list-sessions", summary: "Browsers that are logged in: who, what they may, since when, from where",
        doing: "list the sessions", permission: .write, scope: .admin, needsFleet: true, path: "/sessions",
        answer: .sessionList, paging: Paging(by: "id")
    ) { (context, _) throws(Failure) in
        try context.access.sessionsJSON
    }

    package static let endSession = Operation(
        name: "end-session", summary: "Logs a browser out", doing: "end the session", effect: .write, scope: .admin,
        needsFleet: true, method: .delete, path: "/sessions/{id}",
        parameters: [.init("id", .path, .text(upTo: 12), "Its id, as list-sessions shows it")], answer: .sessionList
    ) { (context, arguments) throws(Failure) in
        try await context.access.endSession(id: arguments.text("id") ?? "")
        return try context.access.sessionsJSON
    }
}

extension AccessBook {
    fileprivate var sessionsJSON: JSONValue {
        [
            "items": .array(
                sessions.compactMap { session in scope(ofSession: session.id).map { session.json(scope: $0) } })
        ]
    }
}

extension Shape {
    static let accessToken = Shape(
        name: "AccessToken", summary: "A named token, without its secret.", fields: tokenFields)

    private static let tokenFields: [Field] = [
        .init("name", .text, "What it is for"),
        .init("scope", .choice(Scope.allCases.map(\.rawValue)), "What it may"),
        .init("made", .instant, "When it was made"),
        .init("by", .text, optional: true, "Who made it"),
        .init("expires", .instant, optional: true, "When it ends; null: when it is revoked"),
        .init("is_over", .flag, "It is past its end, and refused"),
        .init("last_used", .instant, optional: true, "To the minute; null: never"),
        .init("last_address", .text, optional: true, "From where that was"),
    ]

    static let newToken = Shape(
        name: "NewToken", summary: "A token with its secret, which is shown only here.",
        fields: tokenFields + [.init("token", .text, "Send it as `Authorization: Bearer …`")])

    static let tokenList = Shape(
        name: "TokenList", summary: "The tokens of this server.",
        fields: [.init("items", .list(.shape(.accessToken)), "By their names"), .nextCursor])

    static let session = Shape(
        name: "AccessSession", summary: "A browser that is logged in.",
        fields: [
            .init("id", .text, "Says which one; opens nothing"),
            .init("person", .text, "The user on the Hub, or the name of the token"),
            .init("via", .choice(["token", "huggingface"]), "How it was begun"),
            .init("scope", .choice(Scope.allCases.map(\.rawValue)), "What it may now"),
            .init("began", .instant, "When it was begun"), .init("ends", .instant, "When it ends"),
            .init("last_used", .instant, "To the minute"),
            .init("address", .text, optional: true, "From where it was begun"),
        ])

    static let sessionList = Shape(
        name: "SessionList", summary: "Open sessions.",
        fields: [.init("items", .list(.shape(.session)), "The newest first"), .nextCursorOfList])
}
