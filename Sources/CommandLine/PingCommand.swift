import ArgumentParser
import Operations
import StokerCore

struct PingCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "ping", abstract: "Let a running Stoker ping a check now; show each phase and the verdict.",
        discussion: """
            Waits for the result, retries included. Ends with status 1 when the check is down afterwards.

            EXAMPLES
              stoker ping llm-backend
              stoker ping llm-backend --format json
            """)

    @Argument(help: "Name of the check.", completion: CheckNames.completion)
    var name: String
    @Flag(name: .shortAndLong, help: "Show headers and the beginning of the body too.")
    var verbose = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var server: ServerOptions

    static var operations: [Operations.Operation] { [.ping] }

    private var format: OutputFormat { output.chosen }

    func run() async throws {
        let client = try server.client()
        let screen = Terminal.own
        let quiet = format == .json || format == .quiet
        if !quiet { screen.progress("pinging \(name) …") }
        defer { if !quiet { screen.endProgress() } }
        let answer = try await client.call(.ping, [("name", .string(name))])
        if !quiet { screen.endProgress() }
        switch format {
        case .json: screen.write(answer.prettyText)
        case .quiet: break
        case .auto, .human: screen.write(PingText.text(answer, verbose: verbose, screen))
        }
        if answer["check"]?["trouble"]?.bool == true { throw ExitCode(1) }
    }
}

enum PingText {
    static func text(_ answer: JSONValue, verbose: Bool, _ screen: Terminal) -> String {
        let check = answer["check"] ?? nil
        let verdict = check["verdict"]?.string ?? ""
        let text =
            "\(screen.paint((check["name"]?.string ?? "").printable, .bold))  "
            + "\(screen.paint(verdict, .init(verdict: verdict)))  \((check["sentence"]?.string ?? "").printable)\n"
        guard let transcript = answer["transcript"], !transcript.isNull else { return text }
        return text + exchanges(transcript, attempts: check["attempts"]?.integer ?? 1, verbose: verbose, screen)
    }

    /// What was sent and what came back.
    /// - Parameter attempts: how many there were, of which this is the last.
    static func exchanges(_ transcript: JSONValue, attempts: Int = 1, verbose: Bool, _ screen: Terminal) -> String {
        var text = ""
        if let detail = transcript["detail"]?.string, !detail.isEmpty { text += "  \(detail.printable)\n" }
        if attempts > 1 { text += "  \(attempts) attempts; the last one:\n" }
        for exchange in transcript["exchanges"]?.array ?? [] {
            let peer = exchange["peer"]?.string.map { "  (\($0))" } ?? ""
            text +=
                "\n  \((exchange["sent"]?.array?.first?.string ?? "connect").printable)\(screen.paint(peer.printable, .dim))\n"
            if verbose { text += lines(exchange["sent"]?.array?.dropFirst(), "  > ") }
            let phases = exchange["phases"]?.array ?? []
            let width = phases.compactMap { $0["name"]?.string?.count }.max() ?? 0
            let longest = max(phases.compactMap { $0["ms"]?.double }.max() ?? 0, 0.001)
            for phase in phases {
                let name = phase["name"]?.string ?? ""
                let share = Int(((phase["ms"]?.double ?? 0) / longest * 30).rounded(.up))
                let time = OutputFormatting.latency(phase["ms"])
                text +=
                    "    \(name.printable)\(String(repeating: " ", count: max(0, width - name.count)))  "
                    + "\(String(repeating: " ", count: max(0, 9 - time.count)))\(time)  "
                    + "\(screen.paint(String(repeating: "▇", count: max(0, min(30, share))), .dim))\n"
            }
            if let first = exchange["received"]?.array?.first?.string { text += "  \(first.printable)\n" }
            if verbose {
                text += lines(exchange["received"]?.array?.dropFirst(), "  < ")
                if let body = exchange["body"]?.string, !body.isEmpty {
                    text += body.split(separator: "\n").map { "  | \(String($0).printable)\n" }.joined()
                }
            }
        }
        if verbose { text += lines(transcript["tls"]?.array?[...], "  tls ") }
        return text
    }

    private static func lines(_ items: ArraySlice<JSONValue>?, _ mark: String) -> String {
        (items ?? []).compactMap(\.string).map { "\(mark)\($0.printable)\n" }.joined()
    }
}
