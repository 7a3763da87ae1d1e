import ArgumentParser
import Foundation
import HubClient
import Logging
import Operations
import StokerCore

/// Which vault, and what opens it.
struct VaultOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The vault (default: $STOKER_VAULT): folder:/path, bucket:owner/name, s3:https://host/bucket, dataset:owner/name, postgres:URL, git:URL.",
            valueName: "address"))
    var vault: String?
    @Option(
        help: ArgumentHelp(
            "Which state of several in it (default: $STOKER_STATE, else $SPACE_ID, else the only one that is there).",
            valueName: "name"))
    var state: String?
    @Option(
        name: .customLong("key-file"),
        help: ArgumentHelp(
            "A file with the key in its first line (default: the key in $STOKER_KEY).", valueName: "file"),
        completion: .file())
    var keyFile: String?
    @Option(
        help: ArgumentHelp(
            "Read this other vault, which has copies, in place of the first one.", valueName: "address"))
    var from: String?

    var given: [(name: String, value: JSONValue)] {
        [("vault", .maybe(vault)), ("state", .maybe(state)), ("key_file", .maybe(keyFile)), ("from", .maybe(from))]
    }
}

extension OperationCommand {
    /// Carries out an operation on a vault. The account on the Hub goes along where there is one: some vaults are there.
    func perform(
        _ operation: Operations.Operation, on vault: VaultOptions, _ given: [(name: String, value: JSONValue)] = [],
        output: OutputOptions?, isSure: Bool = false
    ) async throws -> JSONValue {
        let found = try HubCredentials.find(
            explicit: nil, endpoint: nil, environment: ProcessInfo.processInfo.environment)
        let hub = Hub(
            found.settings(agent: "stoker/\(Version.current)"),
            logger: Logger(label: "hub") { _ in SwiftLogNoOpLogHandler() })
        let result: Result<JSONValue, any Error>
        do {
            result = .success(
                try await Interruption.current.catchingSignals {
                    try await perform(
                        operation, given + vault.given, in: .ofThisProcess(hub), output: output, isSure: isSure)
                })
        } catch {
            result = .failure(error)
        }
        try? await hub.shutdown()
        return try result.get()
    }
}
