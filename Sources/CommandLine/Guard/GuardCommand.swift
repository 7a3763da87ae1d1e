import ArgumentParser
import Foundation
import Operations
package import Safekeeping
package import StokerCore

/// What `stoker guard` was asked for, with all of its sources joined.
package struct GuardRequest: Sendable {
    package struct OpenableVault: Sendable {
        package var address: VaultAddress
        package var key: VaultKey
    }
    package var settings: GuardSettings
    /// The first decides and restores.
    package var vaults: [OpenableVault]
    /// Read where the first has nothing, or nothing that can be restored.
    package var fallback: OpenableVault?
    /// Host and port for visitors; nil without a proxy.
    package var listen: (host: String, port: Int)?
    package var appPort: Int?
    package var socket: String
    /// Of this process, with what opens the vaults.
    package var environment: [String: String]
    package var token: Secret?
    package var options: ServeOptions
    package var tell: @Sendable (RecoveryRecord) async throws -> Void
    /// The Stoker at `STOKER_SERVER`; nil where none is named.
    package var master: GuardMaster?
}

struct GuardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "guard",
        abstract: "Run a command whose files live in a vault: restore them, start it, snapshot them, stop it.",
        discussion: """
            For the entry point of a container. It claims the vault, restores the newest snapshot, checks it, starts the command, and makes \
            snapshots while it runs and when it ends. Signals are passed on; SIGUSR1 makes a snapshot. It ends with the status of the \
            command; with 75 when another guard took over, with 76 when a snapshot cannot be restored.

            Flags win over the environment (STOKER_VAULT, STOKER_KEY, STOKER_STATE, STOKER_PERSIST), and that over `persist` and `vaults` \
            of a fleet file.

            EXAMPLES
              stoker guard --vault folder:/var/lib/x --path data -- python app.py
              stoker guard --vault folder:/mnt/v --path data --every 30s -- ./run.sh
              stoker guard --vault folder:/mnt/v --path data --proxy 8000 -- ./run.sh
            """)

    @Option(
        help: ArgumentHelp(
            "Where the state is kept: folder:/path, bucket:owner/name, s3:URL, dataset:owner/name, postgres:URL, git:URL; several: the first decides, the others get copies (default: $STOKER_VAULT, the fleet file).",
            valueName: "vault"))
    var vault: [String] = []

    @Option(
        help: ArgumentHelp(
            "Vault with copies that is restored from where the first one has nothing, or nothing that can be restored (default: $STOKER_FROM).",
            valueName: "vault"))
    var from: String?

    @Option(
        help: ArgumentHelp(
            "File with the vaults' key (default: $STOKER_KEY, the fleet file; without any nothing is sealed).",
            valueName: "file"),
        completion: .file())
    var keyFile: String?

    @Option(help: ArgumentHelp("File or folder that is kept, seen from here; several.", valueName: "path"))
    var path: [String] = []

    @Option(help: ArgumentHelp("Pattern of gitignore that keeps files out; several.", valueName: "pattern"))
    var exclude: [String] = []

    @Option(
        help: ArgumentHelp(
            "Name of the state in the vault (default: $STOKER_STATE, the Space's name, else main).", valueName: "name"))
    var state: String?

    @Option(
        help: ArgumentHelp(
            "Time between snapshots where something changed, from 1s (default: 10s; a dataset 5m, never below 1m; git 60s).",
            valueName: "time"))
    var every: String?

    @Option(help: ArgumentHelp("Shell command before each snapshot, such as a dump.", valueName: "command"))
    var before: String?

    @Option(help: ArgumentHelp("Shell command behind each snapshot.", valueName: "command"))
    var after: String?

    @Option(
        help: ArgumentHelp(
            "Checks what is there before the app is trusted: a shell command that ends with 0, or an http:// address that the app answers with 2xx.",
            valueName: "check"))
    var verify: String?

    @Option(
        help:
            "When the newest snapshot cannot be restored: stop (no app), read-only (an older one or none, and nothing is published), older, empty (default: stop)."
    )
    var onFailedRestore: String?

    @Option(
        help:
            "When files that are not from the vault lie where a snapshot is to be restored: refuse (no app), aside (they are moved away; default: refuse)."
    )
    var existing: String?

    @Option(
        help: ArgumentHelp(
            "Port of the app: the guard takes visitors on --port, answers /health and /status, and passes on.",
            valueName: "port"))
    var proxy: Int?

    @Option(
        help: ArgumentHelp(
            "Longest wait for another guard to stop its app and hand over; then it is fenced.", valueName: "time"))
    var handover = "20s"

    @Option(help: ArgumentHelp("Heartbeat of the Stoker at $STOKER_SERVER that gets each recovery.", valueName: "name"))
    var heartbeat: String?

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var options: ServeOptions

    @Argument(
        parsing: .postTerminator, help: ArgumentHelp("The command and its arguments, behind --.", valueName: "command"))
    var command: [String] = []

    func validate() throws {
        guard !command.isEmpty else {
            throw ValidationError(
                "There is no command; write it behind --: stoker guard --vault folder:/var/lib/x --path data -- python app.py"
            )
        }
        if let proxy, !(1...65_535).contains(proxy) { throw ValidationError("--proxy takes a port from 1 to 65535") }
        if let every { _ = try Self.time(every, "--every", .seconds(1)) }
        _ = try Self.time(handover, "--handover", .zero)
    }

    private static func time(_ text: String, _ name: String, _ least: Duration) throws -> Duration {
        guard let time = Duration(text: text), time >= least else {
            throw ValidationError(
                "\(name): '\(text)' is not a time\(least > .zero ? " of \(least.text) or more" : ""); write 30s or 5m")
        }
        return time
    }

    func run() async throws {
        let status = try await Launcher.current.guardApp(try request())
        throw ExitCode(status)
    }

    // MARK: Flag, environment, file

    private func request() throws -> GuardRequest {
        let surroundings = ProcessEnvironment.process
        let environment = surroundings.environment
        func said(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let state = try StateName.chosen(self.state, environment: environment)
        let (persist, named, namespace) = try written(state: state, environment)
        let folder = FileManager.default.currentDirectoryPath

        var settings = GuardSettings(
            state: state, holder: GuardHolder.own.text,
            paths: try GuardedPath.list(path.isEmpty ? persist.paths : path, in: folder), command: command,
            environment: environment, folder: folder,
            data: (options.data ?? surroundings.dataFolder) + "/guard/" + state.replacing("/", with: "~"),
            copier: ["/proc/self/exe", DatabaseCopyCommand.configuration.commandName ?? ""])
        guard !settings.paths.isEmpty else {
            throw Failure(
                .usage, doing: "guard \(command[0])", because: "no path is named",
                hint: "name what holds its state: --path data")
        }
        settings.exclude = exclude.isEmpty ? persist.exclude : exclude
        settings.every = try every.map { try Self.time($0, "--every", .seconds(1)) } ?? persist.every
        settings.before = before ?? persist.before
        settings.after = after ?? persist.after
        settings.verify = verify ?? persist.verify
        settings.onFailedRestore = try Self.word(onFailedRestore, "--on-failed-restore") ?? persist.onFailedRestore
        settings.existing = try Self.word(existing, "--existing") ?? persist.existing
        settings.handover = try Self.time(handover, "--handover", .zero)
        settings.keep = persist.retention

        let key = try key(environment)
        var vaults: [GuardRequest.OpenableVault] = []
        let texts =
            vault.isEmpty ? (said("STOKER_VAULT")?.split(whereSeparator: \.isWhitespace).map(String.init) ?? []) : vault
        for text in texts { vaults.append(.init(address: try VaultAddress(reading: text), key: key ?? .open)) }
        if texts.isEmpty {
            for reference in persist.vaults {
                guard let one = named.first(where: { $0.name == reference.name })?.value,
                    let address = try one.address(namespace: namespace)
                else { continue }
                let own = try one.key.flatMap { $0.reveal().isEmpty ? nil : try VaultKey(reading: $0.reveal()) }
                vaults.append(.init(address: address, key: key ?? own ?? .open))
            }
        }
        guard !vaults.isEmpty else {
            throw Failure(
                .usage, doing: "guard \(command[0])", because: "no vault is named",
                hint: "name where its state is kept: --vault folder:/var/lib/x, or STOKER_VAULT")
        }
        var fallback: GuardRequest.OpenableVault?
        if let text = from ?? said("STOKER_FROM") {
            let address = try VaultAddress(reading: text)
            let known = vaults.first { $0.address == address }
            fallback = known ?? .init(address: address, key: key ?? vaults.first?.key ?? .open)
        }
        // What opens the vaults is not the app's business.
        for name in ["STOKER_KEY", "STOKER_VAULT", "STOKER_FROM", "STOKER_PERSIST"] { settings.environment[name] = nil }
        let socket = settings.data + "/guard.sock"
        settings.environment["STOKER_STATE"] = state
        settings.environment["STOKER_GUARD_SOCKET"] = socket
        settings.environment["STOKER_QUEUE"] = settings.paths[0].place + "/queue.sqlite"
        let appPort = proxy ?? persist.proxy
        var listen: (String, Int)?
        if let appPort {
            let port = try options.port ?? surroundings.port ?? 7860
            guard port != appPort else {
                throw Failure(
                    .usage, doing: "guard \(command[0])", because: "the app's port \(appPort) is the guard's own",
                    hint: "give the app another one: --proxy 8000")
            }
            listen = (options.host ?? (surroundings.containerEvidence == nil ? "127.0.0.1" : "0.0.0.0"), port)
            settings.environment["PORT"] = "\(appPort)"
            settings.staysWhenFenced = true
        }
        return GuardRequest(
            settings: settings, vaults: vaults, fallback: fallback, listen: listen, appPort: appPort, socket: socket,
            environment: environment,
            token: said("STOKER_TOKEN").map { Secret($0) }, options: options,
            tell: try teller(heartbeat ?? persist.heartbeat?.name, said("STOKER_SERVER"), said("STOKER_TOKEN")),
            master: try master(of: state, said("STOKER_SERVER"), said("STOKER_TOKEN")))
    }

    /// `STOKER_PERSIST`, which `stoker apply` hands over; else the Space's part of a fleet file that is named, or lies here.
    private func written(
        state: String, _ environment: [String: String]
    ) throws -> (PersistSettings, [FleetNamed<VaultSettings>], namespace: String?) {
        if let text = environment["STOKER_PERSIST"], !text.isEmpty {
            let read = FleetFile.read(
                text: text, name: "STOKER_PERSIST", environment: environment,
                sections: .none.adding(VaultsSection.section).adding(PersistSection.handedOver))
            let file = try read.get()
            return (
                file[PersistSection.handedOver], file[VaultsSection.section],
                state.contains("/") ? state.parentFolder : nil
            )
        }
        guard fleet.isNamed || FileManager.default.fileExists(atPath: fleet.path) else {
            return (PersistSettings(), [], nil)
        }
        let file = try fleet.load().fleet()
        let own = file[PersistSection.ofSpaces].first {
            $0.target == state || $0.space == state || $0.space.hasSuffix("/" + state)
        }
        return (own?.settings ?? PersistSettings(), file[VaultsSection.section], file.hub.namespace)
    }

    private func key(_ environment: [String: String]) throws -> VaultKey? {
        if let keyFile {
            return try VaultKey(
                reading: try FleetOptions.contents(
                    of: keyFile, kind: "key file", hint: "make one with `stoker key new`"))
        }
        guard let text = environment["STOKER_KEY"], !text.isEmpty else { return nil }
        return try VaultKey(reading: text)
    }

    private static func word<Word: CaseIterable & RawRepresentable>(
        _ text: String?, _ name: String
    ) throws -> Word? where Word.RawValue == String {
        guard let text else { return nil }
        guard let word = Word(rawValue: text) else {
            throw ValidationError(
                "\(name) takes \(Word.allCases.map(\.rawValue).joined(separator: ", ")); '\(text)' is none of them")
        }
        return word
    }

    /// The master remembers how far the vault was, and is told how far it is.
    private func master(of state: String, _ server: String?, _ token: String?) throws -> GuardMaster? {
        guard let server else { return nil }
        let client = try ServerClient(address: server, token: token.map { Secret($0) })
        return GuardMaster(
            recall: { vault in
                let known = try await client.call(
                    .recallState, [("name", .string(state)), ("vault", .string(vault))])
                return UInt64(known["sequence"]?.integer ?? 0)
            },
            tell: { report in
                var given: [(name: String, value: JSONValue)] = [
                    ("name", .string(state)), ("vault", .string(report.vault)),
                    ("epoch", .integer(Int64(clamping: report.epoch))),
                    ("sequence", .integer(Int64(clamping: report.sequence))),
                    ("trouble", .maybe(report.trouble.map { String($0.prefix(2_000)) })),
                    ("safe_until", .maybe(report.safeUntil?.description)),
                ]
                if let record = report.recovery { given.append(("recovery", record.told)) }
                return try await client.call(.tellState, given)["snapshot_wanted"] == true
            })
    }

    /// Beats a heartbeat of the master with what came of a start.
    private func teller(
        _ heartbeat: String?, _ server: String?, _ token: String?
    ) throws -> @Sendable (RecoveryRecord) async throws -> Void {
        guard let heartbeat, let server else { return { _ in } }
        let client = try ServerClient(address: server, token: token.map { Secret($0) })
        return { record in
            _ = try await client.call(
                .beat,
                [
                    ("name", .string(heartbeat)), ("signal", record.outcome == .failed ? "fail" : "success"),
                    ("note", .string(record.sentence)),
                ])
        }
    }
}

extension RecoveryRecord {
    /// As the operation takes it.
    fileprivate var told: JSONValue {
        var members: [JSONValue.Member] = [
            .init("outcome", .string(outcome.rawValue)), .init("at", .string(at.description)),
            .init("epoch", .integer(Int64(clamping: epoch))), .init("released", .bool(wasReleased)),
            .init("seconds", .string("\(Double(duration.wholeMilliseconds) / 1_000)")), .init("bytes", .integer(bytes)),
            .init("lost", .string(String(loss.prefix(2_000)))),
        ]
        if let from { members.append(.init("from", .string(from.description))) }
        return .object(members)
    }
}

/// The child process of a capture: copies one database. Not for people.
struct DatabaseCopyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "database-copy", abstract: "Copy a live SQLite database (a step of `stoker guard`).",
        shouldDisplay: false)

    @Argument(help: "The database.") var source: String
    @Argument(help: "The copy.") var target: String
    @Argument(help: "Longest time; milliseconds.") var limit: Int

    func run() throws {
        let outcome = DatabaseCopy.run(from: source, to: target, within: .milliseconds(limit))
        Terminal.own.write(outcome.line + "\n")
    }
}
