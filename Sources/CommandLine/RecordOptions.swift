import ArgumentParser
import Ledger
import Logging
import Operations
import StokerCore

/// How a command reads what was recorded: which part of it, from where, and in which form it shows it.
struct RecordOptions: ParsableArguments {
    @Option(help: "Not older than: 24h, 7d, or a time such as 2026-11-21T08:00:00Z.")
    var since: String?
    @Option(help: "Older than: a duration ago or a time.")
    var until: String?
    @Option(name: .shortAndLong, help: "How many, at most.")
    var limit: Int = 50
    @Flag(help: "Comma-separated values (RFC 4180).")
    var csv = false
    @Option(
        help: ArgumentHelp("Folder of the ledger, or its file: read it without a server.", valueName: "dir"),
        completion: .directory)
    var data: String?
    @OptionGroup var output: OutputOptions
    @OptionGroup var server: ServerOptions

    func validate() throws {
        if csv, output.chosen == .json { throw ValidationError("--csv and JSON exclude each other.") }
        if limit < 1 { throw ValidationError("--limit must be at least 1.") }
        if data != nil, server.server != nil { throw ValidationError("--data and --server exclude each other.") }
    }

    /// Asks the running server, or opens the ledger file that `--data` names for as long as `body` runs.
    func read(now: Instant, _ body: (any OperationExecutor) async throws -> Void) async throws {
        guard let data else { return try await body(try server.client()) }
        let ledger = try await SQLiteLedger(
            path: try OperationContext.ledgerFile(in: data), readOnly: true,
            logger: Logger(label: "stoker") { _ in SwiftLogNoOpLogHandler() })
        do {
            try await body(try await OperationContext.ofLedger(ledger, now: now))
            await ledger.close()
        } catch {
            await ledger.close()
            throw error
        }
    }
}
