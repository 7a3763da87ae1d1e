import ArgumentParser
import Operations
import StokerCore

/// `stoker notify`: who is told what happens, and what became of it.
struct NotifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notify", abstract: "Messages to people: try a channel, see what was sent, send again.",
        discussion: """
            EXAMPLES
              stoker notify channels
              stoker notify rules
              stoker notify test team
              stoker notify list --state given_up
              stoker notify retry 214
            """,
        subcommands: [Channels.self, Rules.self, Test.self, List.self, Show.self, Retry.self])

    struct Channels: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "channels", abstract: "List the channels, and how each fares.")
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.listChannels] }

        func run() async throws {
            let answer = try await server.client().call(.listChannels, [])
            let screen = Terminal.own
            if output.chosen == .json { return screen.write(answer.prettyText) }
            if output.chosen == .quiet { return }
            let items = answer["items"]?.array ?? []
            guard !items.isEmpty else {
                return screen.write("The fleet file names no channel; docs/notices.md says how.\n")
            }
            var table = TextTable(columns: [
                .init(title: "CHANNEL"), .init(title: "KIND"), .init(title: "GOES TO"), .init(title: "DELIVERED"),
                .init(title: "WAITING", isRight: true), .init(title: "GIVEN UP", isRight: true), .init(title: "STATE"),
            ])
            for item in items {
                let failure = item["failure"]?.string
                let isOn = item["on"]?.bool == true
                table.rows.append([
                    .init((item["name"]?.string ?? "").printable), .init(item["kind"]?.string ?? ""),
                    .init((item["goes_to"]?.string ?? "").printable),
                    .init(OutputFormatting.time(item["last_delivered"])),
                    .init("\(item["waiting"]?.integer ?? 0)"), .init("\(item["given_up"]?.integer ?? 0)"),
                    .init(
                        isOn ? failure?.printable ?? "works" : "off: its address is empty",
                        failure != nil || !isOn ? .red : .plain),
                ])
            }
            screen.write(table.text(for: screen.look))
        }
    }

    struct Rules: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "rules", abstract: "Say who hears of what by the rules, and what nobody hears of.")
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.noticeAudience] }

        func run() async throws {
            let answer = try await server.client().call(.noticeAudience, [])
            let screen = Terminal.own
            if output.chosen == .json { return screen.write(answer.prettyText) }
            if output.chosen == .quiet { return }
            func words(_ value: JSONValue?) -> String {
                (value?.array ?? []).compactMap(\.string).joined(separator: ", ").printable
            }
            for line in answer["items"]?.array ?? [] {
                screen.write(words(line["kinds"]) + "\n")
                for hearer in line["hearers"]?.array ?? [] {
                    screen.write("  \((hearer["sentence"]?.string ?? "").printable)\n")
                }
            }
            let kinds = words(answer["unheard_kinds"])
            if !kinds.isEmpty { screen.write("Nobody hears of: \(kinds)\n") }
            let checks = words(answer["unheard_checks"])
            let more = (answer["unheard_checks_count"]?.integer ?? 0) - (answer["unheard_checks"]?.array?.count ?? 0)
            if !checks.isEmpty {
                screen.write("Nobody hears of trouble of: \(checks)\(more > 0 ? " and \(more) more" : "")\n")
            }
        }
    }

    struct Test: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "test", abstract: "Send a test message to a channel, or to each of them.",
            discussion: "Ends with 1 when a message was not taken.")
        @Argument(help: "Name of the channel (default: all that are on).")
        var channel: String?
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.testChannel, .testChannels] }

        func run() async throws {
            let client = try server.client()
            let answer =
                if let channel { try await client.call(.testChannel, [("name", .string(channel))]) } else {
                    try await client.call(.testChannels, [])
                }
            let answers = channel == nil ? answer["items"]?.array ?? [] : [answer]
            switch output.chosen {
            case .json: Terminal.own.write(answer.prettyText)
            case .quiet: break
            case .auto, .human: for answer in answers { Terminal.own.write(NotifyCommand.line(answer)) }
            }
            if answers.contains(where: { $0["state"]?.string != "delivered" }) { throw ExitCode(1) }
        }
    }

    struct List: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List messages, newest first.",
            discussion: """
                EXAMPLES
                  stoker notify list
                  stoker notify list --state given_up
                  stoker notify list --incident 214
                """)
        @Option(help: "Only these states, joined by commas: waiting, sending, failing, delivered, given_up, dropped.")
        var state: String?
        @Option(help: "Only those that tell of the incident of this number.")
        var incident: String?
        @Option(name: .shortAndLong, help: "How many, at most.")
        var limit: Int = 50
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.listMessages] }

        func run() async throws {
            let answer = try await server.client().call(
                .listMessages,
                [
                    ("state", state.map { .string($0) } ?? .null),
                    ("incident", incident.map { .string($0) } ?? .null), ("limit", .integer(Int64(limit))),
                ])
            let screen = Terminal.own
            if output.chosen == .json { return screen.write(answer.prettyText) }
            if output.chosen == .quiet { return }
            let items = answer["items"]?.array ?? []
            guard !items.isEmpty else { return screen.write("There is no message.\n") }
            var table = TextTable(columns: [
                .init(title: "MESSAGE", isRight: true), .init(title: "AT"), .init(title: "CHANNEL"),
                .init(title: "KIND"), .init(title: "ABOUT"), .init(title: "STATE"), .init(title: "WHY"),
            ])
            for item in items {
                let state = item["state"]?.string ?? ""
                table.rows.append([
                    .init("\(item["id"]?.integer ?? 0)"), .init(OutputFormatting.time(item["at"])),
                    .init((item["channel"]?.string ?? "").printable), .init(item["kind"]?.string ?? ""),
                    .init(NotifyCommand.about(item)),
                    .init(state.replacing("_", with: " "), ["failing", "given_up"].contains(state) ? .red : .plain),
                    .init((item["error"]?.string ?? "").printable),
                ])
            }
            screen.write(table.text(for: screen.look))
        }
    }

    struct Show: OperationCommand {
        static let configuration = CommandConfiguration(commandName: "show", abstract: "Show one message.")
        @Argument(help: "Number of the message.")
        var message: String
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.showMessage] }

        func run() async throws {
            let answer = try await server.client().call(.showMessage, [("name", .string(message))])
            switch output.chosen {
            case .json: Terminal.own.write(answer.prettyText)
            case .quiet: break
            default:
                for member in answer.members ?? [] where !member.value.isNull {
                    let value =
                        member.value.string ?? member.value.integer.map(String.init)
                        ?? member.value.array?.compactMap(\.string).joined(separator: ", ") ?? ""
                    if !value.isEmpty {
                        Terminal.own.write("\(member.name.replacing("_", with: " ")): \(value.printable)\n")
                    }
                }
            }
        }
    }

    struct Retry: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "retry", abstract: "Send a message again that was given up.",
            discussion: "It keeps its key, so a receiver that has it all the same need not take it twice.")
        @Argument(help: "Number of the message.")
        var message: String
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.retryMessage] }

        func run() async throws {
            let answer = try await server.client().call(.retryMessage, [("name", .string(message))])
            switch output.chosen {
            case .json: Terminal.own.write(answer.prettyText)
            case .quiet: break
            default: Terminal.own.write(NotifyCommand.line(answer))
            }
            if answer["state"]?.string != "delivered" { throw ExitCode(1) }
        }
    }

    private static func line(_ message: JSONValue) -> String {
        let channel = (message["channel"]?.string ?? "").printable
        let why = message["error"]?.string.map { ": \($0.printable)" } ?? ""
        return switch message["state"]?.string {
        // Of a mail with several recipients: who did not get it.
        case "delivered": "\(channel): \(message["error"]?.string.map(\.printable) ?? "delivered")\n"
        case "given_up", "dropped": "\(channel): not delivered\(why)\n"
        default: "\(channel): still on its way\(why); `stoker notify show \(message["id"]?.integer ?? 0)` tells more\n"
        }
    }

    private static func about(_ message: JSONValue) -> String {
        let names = message["targets"]?.array?.compactMap(\.string) ?? []
        let count = message["count"]?.integer ?? names.count
        guard let first = names.first else { return count > 0 ? "\(count)" : "Stoker" }
        return (count > 1 ? "\(first) and \(count - 1) more" : first).printable
    }
}
