import ArgumentParser
import Operations
import StokerCore

/// `stoker workers`: the workers of a running fleet.
struct WorkersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workers", abstract: "Workers that look at repositories and publish what they find.",
        discussion: """
            EXAMPLES
              stoker workers
              stoker workers show analysis
              stoker workers pause analysis
              stoker workers resume analysis
              stoker workers asks implementation
            """,
        subcommands: [
            List.self, Show.self, Iterations.self, Leads.self, Asks.self, Pause.self, Resume.self, Afresh.self,
            Squash.self,
        ],
        defaultSubcommand: List.self)

    struct List: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the workers, and how each is.")
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.listWorkers] }

        func run() async throws {
            let answer = try await server.client().call(.listWorkers, [])
            let screen = Terminal.own
            if output.chosen == .json { return screen.write(answer.prettyText) }
            if output.chosen == .quiet { return }
            let items = answer["items"]?.array ?? []
            guard !items.isEmpty else {
                return screen.write("The fleet file has no workers; docs/workshop.md says how.\n")
            }
            var table = TextTable(columns: [
                .init(title: "WORKER"), .init(title: "STATE"), .init(title: "ITERATION", isRight: true),
                .init(title: "OPEN", isRight: true), .init(title: "LAST LOOK"), .init(title: "WHAT", shrinksTo: 20),
            ])
            for item in items {
                let open = (item["open"]?.members ?? []).reduce(0) { $0 + ($1.value.integer ?? 0) }
                let state = item["state"]?.string ?? ""
                table.rows.append([
                    .init((item["name"]?.string ?? "").printable),
                    .init(state, ["trouble", "offline"].contains(state) ? .red : .plain),
                    .init("\(item["iteration"]?.integer ?? 0)"), .init("\(open)"),
                    .init(OutputFormatting.time(item["beat"])), .init((item["text"]?.string ?? "").printable),
                ])
            }
            screen.write(table.text(for: screen.look))
            screen.write(
                "\(answer["online"]?.integer ?? 0) of \(items.count) online, \((answer["iterations"]?.integer ?? 0).counted("iteration"))\n"
            )
            for item in items {
                if let hint = item["hint"]?.string {
                    screen.write("\((item["name"]?.string ?? "").printable): \(hint.printable)\n")
                }
            }
        }
    }

    struct Show: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show one worker: what it does, did and waits for.")
        @Argument(help: "Name of the worker.")
        var worker: String
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.showWorker] }

        func run() async throws {
            let answer = try await server.client().call(.showWorker, [("name", .string(worker))])
            WorkersCommand.tell(answer, .showWorker, output)
        }
    }

    struct Iterations: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "iterations", abstract: "List the newest iterations of a worker.")
        @Argument(help: "Name of the worker.")
        var worker: String
        @Option(name: .shortAndLong, help: "How many, at most.")
        var limit: Int = 20
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.listIterations] }

        func run() async throws {
            let answer = try await server.client().call(
                .listIterations, [("name", .string(worker)), ("limit", .integer(Int64(limit)))])
            let screen = Terminal.own
            if output.chosen == .json { return screen.write(answer.prettyText) }
            if output.chosen == .quiet { return }
            let rows = answer["items"]?.array ?? []
            guard !rows.isEmpty else { return screen.write("It made no iteration yet.\n") }
            for row in rows {
                screen.write(
                    "\(row["iteration"]?.integer ?? 0)  \(OutputFormatting.time(row["timestamp"]))  \((row["perspective"]?.string ?? "").printable)  \((row["summary"]?.string ?? "").printable)\n"
                )
            }
        }
    }

    struct Leads: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "leads",
            abstract: "List what is not certain enough to be published, and where it looks first.",
            discussion: "They come from rules that publish nothing, and from `stoker results import`.")
        @Argument(help: "Name of the worker.")
        var worker: String
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.listLeads] }

        func run() async throws {
            let answer = try await server.client().call(.listLeads, [("name", .string(worker))])
            let screen = Terminal.own
            if output.chosen == .json { return screen.write(answer.prettyText) }
            if output.chosen == .quiet { return }
            let leads = answer["items"]?.array ?? []
            guard !leads.isEmpty else { return screen.write("It has no leads.\n") }
            for lead in leads {
                screen.write(
                    "\((lead["file"]?.string ?? "").printable):\(lead["line"]?.integer ?? 0)  \((lead["tool"]?.string ?? "").printable)  \((lead["message"]?.string ?? "").printable)\n"
                )
            }
        }
    }

    struct Asks: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "asks", abstract: "List what a worker asked its language model, newest first.",
            discussion: "--output json has the questions and answers themselves, without secrets.")
        @Argument(help: "Name of the worker.")
        var worker: String
        @Option(name: .shortAndLong, help: "How many, at most.")
        var limit: Int = 10
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.listAsks] }

        func run() async throws {
            let answer = try await server.client().call(
                .listAsks, [("name", .string(worker)), ("limit", .integer(Int64(limit)))])
            let screen = Terminal.own
            if output.chosen == .json { return screen.write(answer.prettyText) }
            if output.chosen == .quiet { return }
            let items = answer["items"]?.array ?? []
            guard !items.isEmpty else { return screen.write("It asked no model yet.\n") }
            for ask in items {
                screen.write(
                    "\(ask["number"]?.integer ?? 0)  \(OutputFormatting.time(ask["at"]))  \((ask["purpose"]?.string ?? "").printable)  \((ask["tokens"]?.integer ?? 0).counted("token"))  \((ask["outcome"]?.string ?? "").printable)\n"
                )
            }
        }
    }

    struct Pause: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "pause",
            abstract: "Stop a worker before its next look, until it is resumed. Survives restarts.")
        @Argument(help: "Name of the worker.")
        var worker: String
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.pauseWorker] }

        func run() async throws {
            let answer = try await server.client().call(.pauseWorker, [("name", .string(worker))])
            WorkersCommand.tell(answer, .pauseWorker, output)
        }
    }

    struct Resume: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "resume", abstract: "Begin a worker that was paused, now.")
        @Argument(help: "Name of the worker.")
        var worker: String
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.resumeWorker] }

        func run() async throws {
            let answer = try await server.client().call(.resumeWorker, [("name", .string(worker))])
            WorkersCommand.tell(answer, .resumeWorker, output)
        }
    }

    struct Afresh: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "afresh",
            abstract: "Begin a worker anew: its iterations and findings are deleted, here and in its dataset.",
            discussion: """
                The worker does it before its next look, which is now. What was dismissed stays dismissed.

                EXAMPLES
                  stoker workers afresh analysis
                  stoker workers afresh analysis --yes
                """)
        @Argument(help: "Name of the worker.")
        var worker: String
        @OptionGroup var confirm: ConfirmOptions
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.restartWorker] }

        func run() async throws {
            try await ConfirmOptions.ask(
                "Delete all iterations and findings of \(worker), here and in its dataset, for good?",
                doing: "begin \(worker) afresh", isSure: confirm.yes)
            let answer = try await server.client().call(
                .restartWorker, [("name", .string(worker)), ("confirm", true)])
            WorkersCommand.tell(answer, .restartWorker, output)
        }
    }

    struct Squash: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "squash", abstract: "Make one commit of the history of a worker's dataset.",
            discussion: """
                All rows stay. What was deleted before is gone for good, and its space is free.

                EXAMPLES
                  stoker workers squash analysis
                  stoker workers squash analysis --yes
                """)
        @Argument(help: "Name of the worker.")
        var worker: String
        @OptionGroup var confirm: ConfirmOptions
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.squashWorker] }

        func run() async throws {
            try await ConfirmOptions.ask(
                "Delete all older commits of the dataset of \(worker) for good?",
                doing: "squash the history of the dataset of \(worker)", isSure: confirm.yes)
            let answer = try await server.client().call(
                .squashWorker, [("name", .string(worker)), ("confirm", true)])
            WorkersCommand.tell(answer, .squashWorker, output)
        }
    }

    fileprivate static func tell(_ answer: JSONValue, _ operation: Operations.Operation, _ output: OutputOptions) {
        switch output.chosen {
        case .json: Terminal.own.write(answer.prettyText)
        case .quiet: break
        default: Terminal.own.write(ShapeText(.own).text(answer, operation.answer))
        }
    }
}
