package import NIOCore
import NIOPosix
import StokerCore
import Synchronization

/// A vault in a PostgreSQL database: a row for the head, swapped by `UPDATE … WHERE seq = old`; objects in rows of at most 1 MiB, which are sent before. No locks
/// of sessions and no listening, so that poolers may stand between.
///
/// Without `sslmode` in the address, TLS is demanded but for this machine itself.
package final class PostgresVault: Vault {
    package let name: String
    package let limits = VaultLimits()
    private let address: String
    private let state: String
    /// libpq waits for the network: on a thread of its own.
    private let thread = NIOThreadPool(numberOfThreads: 1)
    private let held = Mutex(Held())
    private static let part = 1 << 20

    // The connection is used inside the mutex only.
    private struct Held: @unchecked Sendable {
        var connection: LibPQ.Connection?
        var isPrepared = false
    }

    package init(address: String, name: String, state: String) {
        self.address = address
        self.name = name
        self.state = state
        thread.start()
    }

    private static let schema = [
        "CREATE TABLE IF NOT EXISTS stoker_head (state text PRIMARY KEY, seq bigint NOT NULL, bytes bytea NOT NULL)",
        """
        CREATE TABLE IF NOT EXISTS stoker_object (state text, name text, part integer, bytes bytea NOT NULL, \
        PRIMARY KEY (state, name, part))
        """,
        "ALTER TABLE stoker_object ALTER COLUMN bytes SET STORAGE EXTERNAL",
    ]

    private func run<Value: Sendable>(
        _ doing: String, mayHaveActed: Bool = false,
        _ work: @escaping @Sendable ((String, [LibPQ.Value]) throws -> LibPQ.Rows) throws -> Value
    ) async throws(VaultFailure) -> Value {
        guard let library = LibPQ.shared else {
            throw VaultFailure(
                .refused, vault: name, doing: doing, said: "PostgreSQL's client library, libpq.so.5, is not installed",
                hint: "apt-get install libpq5")
        }
        do {
            return try await thread.runIfActive { [self] in
                try held.withLock { held in
                    if let connection = held.connection, !library.isAlive(connection) {
                        library.close(connection)
                        held.connection = nil
                    }
                    let connection = try held.connection ?? connect(library)
                    held.connection = connection
                    if !held.isPrepared {
                        for statement in Self.schema { _ = try library.run(connection, statement, []) }
                        held.isPrepared = true
                    }
                    return try work { try library.run(connection, $0, $1) }
                }
            }
        } catch let trouble as LibPQ.Trouble {
            throw failure(trouble, doing, mayHaveActed: mayHaveActed)
        } catch {
            throw VaultFailure(.cancelled, vault: name, doing: doing, said: "it was shut down", cause: error)
        }
    }

    private func connect(_ library: LibPQ) throws(LibPQ.Trouble) -> LibPQ.Connection {
        var settings = [("application_name", "stoker"), ("connect_timeout", "10"), ("tcp_user_timeout", "30000")]
        let isHere = ["@localhost", "@127.0.0.1", "@[::1]", "//localhost", "//127.0.0.1", "///"].contains {
            address.contains($0)
        }
        if !isHere { settings.append(("sslmode", "require")) }
        settings.append(("dbname", address))
        return try library.connect(settings)
    }

    private func failure(_ trouble: LibPQ.Trouble, _ doing: String, mayHaveActed: Bool) -> VaultFailure {
        let lines = trouble.said.split(separator: "\n").map(String.init)
        let said = Redaction.text((lines.first { !$0.isEmpty } ?? "no answer").cut(to: 300))
        let isLogin = ["authentication failed", "no pg_hba.conf entry", "does not exist"].contains {
            trouble.said.contains($0)
        }
        let kind: VaultFailure.Kind =
            switch trouble.state.prefix(2) {
            case "28", "42": .refused
            case "53": .full
            case "": isLogin ? .refused : mayHaveActed ? .unknownOutcome : .transient
            default: mayHaveActed ? .unknownOutcome : .transient
            }
        return VaultFailure(kind, vault: name, doing: doing, said: said)
    }

    private static func number(_ bytes: [UInt8]?) -> Int {
        (bytes ?? []).reduce(0) { $0 << 8 | Int($1) }
    }

    package func probe() async throws(VaultFailure) {
        try await run("look at the database") { query in _ = try query("SELECT 1", []) }
    }

    /// Names of the states of this database.
    func states() async throws(VaultFailure) -> [String] {
        try await run("list the states") { query in
            try query("SELECT state FROM stoker_head ORDER BY 1 LIMIT 1000", []).rows.compactMap { row in
                row[0].map { String(decoding: $0, as: UTF8.self) }
            }
        }
    }

    package func readHead() async throws(VaultFailure) -> StoredHead? {
        let state = state
        return try await run("read the head") { query in
            let found = try query("SELECT seq, bytes FROM stoker_head WHERE state = $1", [.text(state)])
            guard let row = found.rows.first, let bytes = row[1] else { return nil }
            return StoredHead(bytes: ByteBuffer(bytes: bytes), version: HeadVersion("\(Self.number(row[0]))"))
        }
    }

    package func swapHead(
        _ bytes: ByteBuffer, expecting version: HeadVersion?
    ) async throws(VaultFailure) -> HeadSwap {
        let (state, bytes) = (state, Array(bytes.readableBytesView))
        return try await run("write the head", mayHaveActed: true) { query in
            guard let version else {
                let made = try query(
                    "INSERT INTO stoker_head VALUES ($1, 1, $2) ON CONFLICT DO NOTHING", [.text(state), .bytes(bytes)])
                return made.changed == 1 ? .swapped(HeadVersion("1")) : .refused
            }
            let made = try query(
                "UPDATE stoker_head SET seq = seq + 1, bytes = $3 WHERE state = $1 AND seq = $2::bigint RETURNING seq",
                [.text(state), .text(version.text), .bytes(bytes)])
            return made.rows.first.map { .swapped(HeadVersion("\(Self.number($0[0]))")) } ?? .refused
        }
    }

    package func put(_ bytes: ByteBuffer, as object: String, _ visibility: Visibility) async throws(VaultFailure) {
        let state = state
        try await run("store \(object)") { query in
            let view = bytes.readableBytesView
            let parts = max(1, (view.count + Self.part - 1) / Self.part)
            for part in 0..<parts {
                let begin = view.startIndex + part * Self.part
                _ = try query(
                    """
                    INSERT INTO stoker_object VALUES ($1, $2, $3::integer, $4) \
                    ON CONFLICT (state, name, part) DO UPDATE SET bytes = excluded.bytes
                    """,
                    [
                        .text(state), .text(object), .text("\(part)"),
                        .bytes(Array(view[begin..<min(begin + Self.part, view.endIndex)])),
                    ])
            }
            _ = try query(
                "DELETE FROM stoker_object WHERE state = $1 AND name = $2 AND part >= $3::integer",
                [.text(state), .text(object), .text("\(parts)")])
        }
    }

    package func read(_ object: String, _ range: Range<Int>?) async throws(VaultFailure) -> ByteBuffer? {
        let state = state
        return try await run("read \(object)") { query in
            var buffer = ByteBuffer()
            var isThere = false
            let first = (range?.lowerBound ?? 0) / Self.part
            let last = range.map { max($0.lowerBound, $0.upperBound - 1) / Self.part }
            var part = first
            while last.map({ part <= $0 }) ?? true {
                let begin = max(0, (range?.lowerBound ?? 0) - part * Self.part)
                let end = min(Self.part, (range?.upperBound ?? .max) - part * Self.part)
                let found = try query(
                    """
                    SELECT substring(bytes FROM $4::integer FOR $5::integer) FROM stoker_object \
                    WHERE state = $1 AND name = $2 AND part = $3::integer
                    """,
                    [
                        .text(state), .text(object), .text("\(part)"), .text("\(begin + 1)"),
                        .text("\(max(0, end - begin))"),
                    ])
                guard let row = found.rows.first else { break }
                isThere = true
                buffer.writeBytes(row[0] ?? [])
                part += 1
            }
            if !isThere {
                // Behind its end, or not there at all.
                let any = try query(
                    "SELECT 1 FROM stoker_object WHERE state = $1 AND name = $2 LIMIT 1", [.text(state), .text(object)])
                return any.rows.isEmpty ? nil : ByteBuffer()
            }
            return buffer
        }
    }

    package func list(_ prefix: String) async throws(VaultFailure) -> [StoredObject] {
        let state = state
        return try await run("list \(prefix)") { query in
            let found = try query(
                """
                SELECT name, sum(octet_length(bytes))::bigint FROM stoker_object \
                WHERE state = $1 AND starts_with(name, $2) GROUP BY name ORDER BY name COLLATE "C"
                """, [.text(state), .text(prefix)])
            return found.rows.compactMap { row in
                row[0].map { StoredObject(name: String(decoding: $0, as: UTF8.self), size: Self.number(row[1])) }
            }
        }
    }

    package func delete(_ names: [String]) async throws(VaultFailure) {
        let state = state
        try await run("delete \(names.count) objects") { query in
            for name in names {
                _ = try query("DELETE FROM stoker_object WHERE state = $1 AND name = $2", [.text(state), .text(name)])
            }
        }
    }

    package func shutdown() async {
        held.withLock { held in
            if let connection = held.connection { LibPQ.shared?.close(connection) }
            held.connection = nil
        }
        // Nothing runs on it any more.
        try? await thread.shutdownGracefully()
    }
}
