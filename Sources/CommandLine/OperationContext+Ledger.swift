import Foundation
import Ledger
import Operations
import StokerCore

extension OperationContext {
    /// Answers reading operations from a ledger file alone, for when no server runs. What only a living fleet knows is refused.
    static func ofLedger(_ ledger: SQLiteLedger, now: Instant) async throws(Failure) -> OperationContext {
        let names = try await ledger.checkNames()
        return OperationContext(monitor: AbsentMonitor(names: names), ledger: ledger, now: { now })
    }

    /// The ledger's file in a data folder, or the file itself.
    static func ledgerFile(in path: String) throws(Failure) -> String {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw Failure(
                .usage, doing: "read the ledger", because: "\(path.printable) does not exist",
                hint: "give the data folder of `stoker serve`")
        }
        guard isFolder.boolValue else { return path }
        let file = path.hasSuffix("/") ? "\(path)stoker.sqlite" : "\(path)/stoker.sqlite"
        guard FileManager.default.fileExists(atPath: file) else {
            throw Failure(
                .usage, doing: "read the ledger", because: "there is no stoker.sqlite in \(path.printable)",
                hint: "give the data folder of `stoker serve`, or the file itself")
        }
        return file
    }
}

/// Knows the names of a ledger's checks, and nothing of how they are.
private struct AbsentMonitor: FleetMonitoring {
    private let statuses: [CheckStatus]

    init(names: [(id: Int32, name: String)]) {
        let policy = CheckPolicy()
        statuses = names.map { id, name in
            CheckStatus(
                check: Check(name: name, address: "", policy: policy), id: id, state: CheckState(), nextDue: nil)
        }
    }

    func fleet() async -> Fleet { Fleet(checks: statuses.map(\.check)) }
    func overview() async -> Overview { Overview(startedAt: .never, now: .never, total: statuses.count) }
    func statuses(_ query: StatusQuery) async -> CheckStatusPage {
        CheckStatusPage(items: statuses, total: statuses.count)
    }

    func status(of name: String) async throws(Failure) -> CheckStatus {
        if let found = statuses.first(where: { $0.check.name == name }) { return found }
        let near = ClosestMatch.of(name, among: statuses.map(\.check.name)).map { "did you mean \"\($0)\"?" }
        throw Failure(
            .notFound, doing: "find \(name.shortened)", because: "the ledger has no check of that name", hint: near)
    }

    func samples(of names: [String]) async -> [[Sample]] { names.map { _ in [] } }
    func transcripts(of name: String) async throws(Failure) -> Transcripts { Transcripts() }
    func pause(_ name: String, until: Instant?) async throws(Failure) -> CheckStatus { throw absent("pause \(name)") }
    func resume(_ name: String) async throws(Failure) -> CheckStatus { throw absent("resume \(name)") }
    func ping(_ name: String) async throws(Failure) -> CheckStatus { throw absent("ping \(name)") }
    func beat(_ name: String, _ beat: Beat) async throws(Failure) -> CheckStatus {
        throw absent("take a beat of \(name)")
    }
    func reload() async throws(Failure) { throw absent("reload the fleet file") }
    func changes() async -> AsyncStream<Changes> { AsyncStream { $0.finish() } }

    private func absent(_ doing: String) -> Failure {
        Failure(.conflict, doing: doing, because: "only the ledger file is open", hint: "ask a running server")
    }
}
