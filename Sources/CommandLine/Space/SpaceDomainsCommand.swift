import ArgumentParser
import Foundation
import Operations
import Runtime
import StokerCore

struct SpaceDomainsCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.spaceDomains] }
    static let configuration = CommandConfiguration(
        commandName: "domains",
        abstract: "Show the names a Space answers to, and the DNS record each of its own needs.",
        discussion: """
            Custom domains are added in the Space's settings on the Hub (a paid plan, public or protected Spaces); no API does it.

            EXAMPLES
              stoker space domains owner/bot
            """)
    @OptionGroup var space: SpaceArgument
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        try await hub.calls(output) { calls in
            Self.answer(try await calls.call(.spaceDomains, on: space), .own).show(output)
        }
    }

    static func answer(_ answer: JSONValue, _ screen: Terminal) -> CommandOutput {
        var text = ""
        let domains = answer["domains"]?.array ?? []
        for domain in domains {
            func word(_ name: String) -> String { (domain[name]?.string ?? "").printable }
            let isReady = domain["stage"]?.string == "READY"
            text += "\(screen.paint(word("domain"), .bold))  "
            text += "\(screen.paint(word("stage"), isReady ? .green : .yellow))  \(word("explanation"))\n"
            if !isReady, domain["dns_record"]?.string != nil { text += "  DNS record: \(word("dns_record"))\n" }
        }
        if domains.isEmpty { text = "The Hub names no domains; static Spaces have none here.\n" }
        text += screen.paint("Custom domains are added at \(answer["settings"]?.string ?? "")\n", .dim)
        return CommandOutput(json: answer, text: text)
    }
}

struct SpaceOpenCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.spaceAddress] }
    static let configuration = CommandConfiguration(
        commandName: "open", abstract: "Open a Space in the browser: its page on the Hub, or its app.",
        discussion: """
            Without a terminal, and with --print, the address is printed.

            EXAMPLES
              stoker space open owner/bot
              stoker space open owner/bot --app
              stoker space open owner/bot --app --print
            """)
    @OptionGroup var space: SpaceArgument
    @Flag(help: "The app itself.") var app = false
    @Flag(name: .customLong("print"), help: "Only print the address.") var printOnly = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        try await hub.calls(output) { calls in
            let answer = try await calls.call(.spaceAddress, on: space, [("app", .bool(app))])
            let address = answer["address"]?.string ?? ""
            CommandOutput(json: answer, text: address.printable + "\n").show(output)
            guard !printOnly, Terminal.own.isTerminal, output.chosen != .json else { return }
            try await Self.browser(address)
        }
    }

    /// The desktop's way to open an address. The address goes as one argument, never through a shell.
    private static func browser(_ address: String) async throws {
        guard address.hasPrefix("https://") || address.hasPrefix("http://") else { return }
        guard let opener = Program.find("xdg-open") ?? Program.find("open") else {
            return Terminal.writeError("There is no xdg-open here; open the address yourself.\n")
        }
        _ = try await Program.run(opener, [address], quiet: true)
    }
}
