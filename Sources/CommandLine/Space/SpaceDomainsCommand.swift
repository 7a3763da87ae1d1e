import ArgumentParser
import Foundation
import HubClient
import Operations
import Runtime
import StokerCore

struct SpaceDomainsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "domains",
        abstract: "Show the names a Space answers to, and the DNS record each of its own needs.",
        discussion: """
            Own names are added in the Space's settings on the Hub (a paid plan, public or protected Spaces); no API does it.

            EXAMPLES
              stoker space domains owner/bot
            """)
    @OptionGroup var space: SpaceArgument
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func run() async throws {
        try await hub.use { hub in
            let id = try await space.id(hub)
            Self.answer(try await hub.runtime(of: id).domains, id, hub.settings.endpoint, .own).show(output)
        }
    }

    /// Source of the record: hub-docs, spaces-custom-domain.
    static func record(_ domain: SpaceRuntime.Domain) -> String? {
        domain.isCustom ? "\(domain.name). CNAME hf.space." : nil
    }

    static func explanation(_ domain: SpaceRuntime.Domain) -> String {
        switch domain.stage {
        case "READY": "works"
        case "PENDING": "waits for the DNS record to be seen; that can take a day"
        case "PENDING_CHALLENGE": "the record is seen; the certificate is being made"
        case "EXPIRED_CHALLENGE":
            "no certificate was made in time: correct the record, then remove and add the name again"
        default: "the Hub says \(domain.stage)"
        }
    }

    static func answer(_ domains: [SpaceRuntime.Domain], _ id: RepoID, _ endpoint: String, _ screen: Screen) -> Answer {
        let settings = "\(endpoint)/spaces/\(id)/settings"
        var text = ""
        for domain in domains {
            text +=
                "\(screen.paint(domain.name.printable, .bold))  "
                + "\(screen.paint(domain.stage.printable, domain.stage == "READY" ? .green : .yellow))  "
                + "\(explanation(domain).printable)\n"
            if domain.stage != "READY", let record = record(domain) { text += "  DNS record: \(record.printable)\n" }
        }
        if domains.isEmpty { text = "The Hub names no domains; static Spaces have none here.\n" }
        text += screen.paint("Own names are added at \(settings)\n", .dim)
        return Answer(
            json: [
                "space": .string("\(id)"), "settings": .string(settings),
                "domains": .array(
                    domains.map { domain in
                        domain.json.adding([
                            .init("dns_record", .maybe(record(domain))),
                            .init("explanation", .string(explanation(domain))),
                        ])
                    }),
            ], text: text)
    }
}

struct SpaceOpenCommand: AsyncParsableCommand {
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
    @OptionGroup var hub: HubOptions

    func run() async throws {
        try await hub.use { hub in
            let id = try await space.id(hub)
            let address = app ? try await hub.host(of: id) : "\(hub.settings.endpoint)/spaces/\(id)"
            Answer(json: ["space": .string("\(id)"), "address": .string(address)], text: address.printable + "\n")
                .show(output)
            guard !printOnly, Screen.own.isTerminal, output.chosen != .json else { return }
            try await Self.browser(address)
        }
    }

    /// The desktop's way to open an address. The address goes as one argument, never through a shell.
    private static func browser(_ address: String) async throws {
        guard address.hasPrefix("https://") || address.hasPrefix("http://") else { return }
        guard let opener = Program.find("xdg-open") ?? Program.find("open") else {
            return Screen.writeError("There is no xdg-open here; open the address yourself.\n")
        }
        _ = try await Program.run(opener, [address], quiet: true)
    }
}
