package import ArgumentParser
package import Logging
import Safekeeping
import StokerCore

/// How log lines look. They go to standard error; standard output is for results.
package enum LogFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json
}

/// Options of the commands that keep running.
package struct ServeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Port; 0 takes a free one (default: $PORT, the fleet file, else 7860).", valueName: "port"))
    package var port: Int?

    @Option(
        help: ArgumentHelp(
            "Address to bind (default: serve.host of the fleet file, else 0.0.0.0 in a container and 127.0.0.1 elsewhere).",
            valueName: "address"))
    package var host: String?

    @Option(
        help: ArgumentHelp(
            "Folder of the ledger and the token (default: $STOKER_DATA, else ~/.local/state/stoker; of a demonstration one that is removed at its end).",
            valueName: "folder"), completion: .directory)
    package var data: String?

    @Option(help: "How log lines look.")
    package var logFormat = LogFormat.text

    @Option(
        help: ArgumentHelp(
            "Least level that is logged: trace, debug, info, notice, warning, error.", valueName: "level"),
        completion: .list(Logger.Level.allCases.map(\.rawValue)))
    var logLevel = "info"

    package init() {}

    package func level() throws -> Logger.Level {
        guard let level = Logger.Level(rawValue: logLevel) else {
            throw ValidationError("'\(logLevel)' is not a log level; use trace, debug, info, notice, warning or error")
        }
        return level
    }

    package func validate() throws {
        _ = try level()
        if let port, !(0...65_535).contains(port) { throw ValidationError("--port takes a number from 0 to 65535") }
    }
}

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Monitor a fleet: ping it on schedule, judge, remember, show.",
        discussion: """
            Prints one line on standard output, "stoker: serving http://ADDRESS:PORT", when the port is open; logs go to \
            standard error. SIGHUP reads the fleet file again (so does saving it); SIGTERM finishes and stops within 5 s.

            EXAMPLES
              stoker serve
              stoker serve --fleet my.yaml --port 8000 --data /var/lib/stoker
              stoker serve --standby-of https://acme-master.hf.space
            """)

    @OptionGroup var fleetOptions: FleetOptions
    @OptionGroup var options: ServeOptions

    @Option(
        help: ArgumentHelp(
            "Be the second master: watch this first one and monitor its fleet while it is silent.", valueName: "url"))
    var standbyOf: String?

    @Option(
        help: ArgumentHelp(
            "How often the first master is looked at; three misses make the takeover.", valueName: "time"))
    var standbyEvery = "10s"

    @Option(
        help: ArgumentHelp(
            "Which ledger is taken where the disk and ledger.vault do not tell it by themselves: disk (whatever the vault has), vault (the disk's is set aside), new (an empty one, when the vault's cannot be had; it is not published). Default: $STOKER_LEDGER_FROM, else none, and nothing starts.",
            valueName: "place"), completion: .list(LedgerSource.allCases.map(\.rawValue)))
    var ledgerFrom: String?

    func validate() throws {
        guard let every = Duration(text: standbyEvery), every >= .milliseconds(100) else {
            throw ValidationError("--standby-every: '\(standbyEvery)' is not a time; write 10s or 1m")
        }
        if let standbyOf {
            do throws(Address.Fault) {
                _ = try WebOrigin(standbyOf)
            } catch {
                throw ValidationError("--standby-of takes the address of the first master; this one \(error.because)")
            }
        }
        _ = try source()
    }

    private func source() throws -> LedgerSource? {
        let said = ledgerFrom ?? ProcessEnvironment.process.environment["STOKER_LEDGER_FROM"]
        guard let said, !said.isEmpty else { return nil }
        guard let source = LedgerSource(rawValue: said) else {
            throw ValidationError(
                "--ledger-from takes \(LedgerSource.allCases.map(\.rawValue).joined(separator: ", ")); '\(said)' is none of them"
            )
        }
        return source
    }

    func run() async throws {
        try await Launcher.current.serve(
            ServeRequest(
                fleet: fleetOptions, options: options,
                standbyOf: standbyOf.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 },
                standbyEvery: Duration(text: standbyEvery) ?? .seconds(10), ledgerSource: try source()))
    }
}
