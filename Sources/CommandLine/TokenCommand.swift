import ArgumentParser
import Operations
import StokerCore

/// `stoker token`: who may use a server.
struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Tokens of a running server, each with its own rights.",
        discussion: """
            Each token has a scope: read (see everything but secrets), operate (also change what can be changed back) or admin (also \
            destroy, spend money, give access). The server's own token, $STOKER_TOKEN, is an admin. These commands need an admin.

            EXAMPLES
              stoker token add grafana --scope read
              stoker token add ci --scope operate --expires 90d
              stoker token list
              stoker token revoke ci
            """,
        subcommands: [Add.self, List.self, Revoke.self])

    struct Add: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "add", abstract: "Make a token. It is shown this once.",
            discussion: """
                EXAMPLES
                  stoker token add grafana --scope read
                  stoker token add claude-desktop --scope operate --expires 90d
                """)
        @Argument(help: "What it is for: letters, digits, dots, hyphens and underscores, at most 60.")
        var name: String
        @Option(help: ArgumentHelp("What it may do: read, operate or admin.", valueName: "scope"))
        var scope: String
        @Option(name: .customLong("expires"), help: "How long it holds: 12h, 90d (default: until it is revoked).")
        var span: String?
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.addToken] }

        func run() async throws {
            let answer = try await server.client().call(
                .addToken,
                [
                    ("name", .string(name)), ("scope", .string(scope)),
                    ("expires_in", span.map { .string($0) } ?? .null),
                ])
            let screen = Terminal.own
            if output.chosen == .json { return screen.write(answer.prettyText) }
            let token = answer["token"]?.string ?? ""
            if output.chosen == .quiet { return screen.write(token + "\n") }
            let ends =
                answer["expires"]?.string.map { _ in "until \(OutputFormatting.time(answer["expires"]))" }
                ?? "until it is revoked"
            screen.write("\(token)\n")
            Terminal.writeError("\(name.printable) may \(scope.printable), \(ends). The token is shown only now.\n")
        }
    }

    struct List: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the tokens, without secrets.")
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.listTokens] }

        func run() async throws {
            let answer = try await server.client().call(.listTokens, [])
            let screen = Terminal.own
            if output.chosen == .json { return screen.write(answer.prettyText) }
            let items = answer["items"]?.array ?? []
            if output.chosen == .quiet { return }
            guard !items.isEmpty else { return screen.write("There is no token beside the server's own.\n") }
            var table = TextTable(columns: [
                .init(title: "NAME"), .init(title: "MAY"), .init(title: "UNTIL"), .init(title: "LAST USED"),
                .init(title: "FROM"), .init(title: "MADE BY"),
            ])
            for item in items {
                let ends = item["expires"]?.string == nil ? "no end" : OutputFormatting.time(item["expires"])
                table.rows.append([
                    .init((item["name"]?.string ?? "").printable), .init(item["scope"]?.string ?? ""),
                    .init(item["is_over"]?.bool == true ? "\(ends) (over)" : ends),
                    .init(item["last_used"]?.string == nil ? "never" : OutputFormatting.time(item["last_used"])),
                    .init((item["last_address"]?.string ?? "").printable), .init((item["by"]?.string ?? "").printable),
                ])
            }
            screen.write(table.text(for: screen.look))
        }
    }

    struct Revoke: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "revoke", abstract: "End a token and the sessions that were begun with it, for good.",
            discussion: """
                EXAMPLES
                  stoker token revoke ci
                  stoker token revoke old-script --yes
                """)
        @Argument(help: "Its name.")
        var name: String
        @OptionGroup var confirm: ConfirmOptions
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.revokeToken] }

        func run() async throws {
            let caller = TerminalCaller(output)
            defer { caller.progress.end() }
            let answer = try await server.client().callStreaming(
                .revokeToken, [("name", .string(name))] + (confirm.yes ? [("confirm", true)] : []), caller)
            if output.chosen == .json { return Terminal.own.write(answer.prettyText) }
            if output.chosen != .quiet { Terminal.own.write("\(name.printable) is refused from now on.\n") }
        }
    }
}

/// `stoker sessions`: browsers that are logged in.
struct SessionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions", abstract: "Browsers that are logged in at a running server.",
        discussion: """
            EXAMPLES
              stoker sessions list
              stoker sessions end 3f9a1b22c0de
            """,
        subcommands: [List.self, End.self])

    struct List: OperationCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List who is logged in.")
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.listSessions] }

        func run() async throws { SessionsCommand.tell(try await server.client().call(.listSessions, []), output) }
    }

    struct End: OperationCommand {
        static let configuration = CommandConfiguration(commandName: "end", abstract: "Log a browser out.")
        @Argument(help: "The session's id.")
        var id: String
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.endSession] }

        func run() async throws {
            SessionsCommand.tell(try await server.client().call(.endSession, [("id", .string(id))]), output)
        }
    }

    private static func tell(_ answer: JSONValue, _ output: OutputOptions) {
        let screen = Terminal.own
        if output.chosen == .json { return screen.write(answer.prettyText) }
        let items = answer["items"]?.array ?? []
        if output.chosen == .quiet { return }
        guard !items.isEmpty else { return screen.write("Nobody is logged in.\n") }
        var table = TextTable(columns: [
            .init(title: "ID"), .init(title: "WHO"), .init(title: "MAY"), .init(title: "SINCE"), .init(title: "UNTIL"),
            .init(title: "FROM"),
        ])
        for item in items {
            table.rows.append([
                .init(item["id"]?.string ?? ""), .init((item["person"]?.string ?? "").printable),
                .init(item["scope"]?.string ?? ""), .init(OutputFormatting.time(item["began"])),
                .init(OutputFormatting.time(item["ends"])), .init((item["address"]?.string ?? "").printable),
            ])
        }
        screen.write(table.text(for: screen.look))
    }
}
