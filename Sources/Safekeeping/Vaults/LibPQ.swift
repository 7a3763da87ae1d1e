import StokerCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// PostgreSQL's own client library, loaded when a database is used: the program starts without it.
final class LibPQ: Sendable {
    typealias Connection = OpaquePointer
    typealias Result = OpaquePointer

    private typealias ConnectParamsCall =
        @convention(c) (UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<UnsafePointer<CChar>?>, Int32) ->
        OpaquePointer?
    private typealias StatusCall = @convention(c) (OpaquePointer) -> Int32
    private typealias ErrorMessageCall = @convention(c) (OpaquePointer) -> UnsafePointer<CChar>?
    private typealias ExecParamsCall =
        @convention(c) (
            OpaquePointer, UnsafePointer<CChar>, Int32, UnsafePointer<UInt32>?, UnsafePointer<UnsafePointer<CChar>?>?,
            UnsafePointer<Int32>?, UnsafePointer<Int32>?, Int32
        ) -> OpaquePointer?
    private typealias ResultStatusCall = @convention(c) (OpaquePointer?) -> Int32
    private typealias ErrorFieldCall = @convention(c) (OpaquePointer?, Int32) -> UnsafePointer<CChar>?
    private typealias TuplesCall = @convention(c) (OpaquePointer?) -> Int32
    private typealias FieldsCall = @convention(c) (OpaquePointer?) -> Int32
    private typealias ValueCall = @convention(c) (OpaquePointer?, Int32, Int32) -> UnsafePointer<CChar>?
    private typealias LengthCall = @convention(c) (OpaquePointer?, Int32, Int32) -> Int32
    private typealias IsNullCall = @convention(c) (OpaquePointer?, Int32, Int32) -> Int32
    private typealias ChangedCall = @convention(c) (OpaquePointer?) -> UnsafePointer<CChar>?
    private typealias ClearCall = @convention(c) (OpaquePointer?) -> Void
    private typealias FinishCall = @convention(c) (OpaquePointer) -> Void
    private let connectParams: ConnectParamsCall
    private let statusCall: StatusCall
    private let errorMessage: ErrorMessageCall
    private let execParams: ExecParamsCall
    private let resultStatus: ResultStatusCall
    private let errorField: ErrorFieldCall
    private let tuples: TuplesCall
    private let fields: FieldsCall
    private let value: ValueCall
    private let length: LengthCall
    private let isNull: IsNullCall
    private let changed: ChangedCall
    private let clear: ClearCall
    private let finish: FinishCall

    /// nil where it is not installed.
    static let shared: LibPQ? = ["libpq.so.5", "libpq.so", "libpq.5.dylib"].lazy.compactMap { LibPQ($0) }.first

    private init?(_ name: String) {
        guard let library = dlopen(name, RTLD_NOW | RTLD_LOCAL) else { return nil }
        var isWhole = true
        func find<Function>(_ name: String, _ type: Function.Type) -> Function? {
            guard let found = dlsym(library, name) else {
                isWhole = false
                return nil
            }
            return unsafeBitCast(found, to: type)
        }
        guard
            let connectParams = find("PQconnectdbParams", ConnectParamsCall.self),
            let statusCall = find("PQstatus", StatusCall.self),
            let errorMessage = find("PQerrorMessage", ErrorMessageCall.self),
            let execParams = find("PQexecParams", ExecParamsCall.self),
            let resultStatus = find("PQresultStatus", ResultStatusCall.self),
            let errorField = find("PQresultErrorField", ErrorFieldCall.self),
            let tuples = find("PQntuples", TuplesCall.self), let fields = find("PQnfields", FieldsCall.self),
            let value = find("PQgetvalue", ValueCall.self), let length = find("PQgetlength", LengthCall.self),
            let isNull = find("PQgetisnull", IsNullCall.self),
            let changed = find("PQcmdTuples", ChangedCall.self),
            let clear = find("PQclear", ClearCall.self), let finish = find("PQfinish", FinishCall.self),
            isWhole
        else { return nil }
        self.connectParams = connectParams
        self.statusCall = statusCall
        self.errorMessage = errorMessage
        self.execParams = execParams
        self.resultStatus = resultStatus
        self.errorField = errorField
        self.tuples = tuples
        self.fields = fields
        self.value = value
        self.length = length
        self.isNull = isNull
        self.changed = changed
        self.clear = clear
        self.finish = finish
    }

    struct Trouble: Error {
        /// Five characters; empty for a connection that failed.
        var state: String
        var said: String
    }

    enum Value {
        case text(String)
        case bytes([UInt8])
    }

    struct Rows {
        var rows: [[[UInt8]?]]
        /// Rows that a change touched.
        var changed: Int
    }

    /// Blocks until it is connected.
    /// - Parameter settings: names and values; later ones go before earlier ones. `dbname` may be an address.
    func connect(_ settings: [(String, String)]) throws(Trouble) -> Connection {
        let names = settings.map { strdup($0.0) }
        let values = settings.map { strdup($0.1) }
        defer { for text in names + values { free(text) } }
        let keys: [UnsafePointer<CChar>?] = names.map { $0.map { UnsafePointer($0) } } + [nil]
        let words: [UnsafePointer<CChar>?] = values.map { $0.map { UnsafePointer($0) } } + [nil]
        guard let connection = connectParams(keys, words, 1) else { throw Trouble(state: "", said: "no memory") }
        guard statusCall(connection) == 0 else {
            let said = errorMessage(connection).map { String(cString: $0) } ?? "no connection"
            finish(connection)
            throw Trouble(state: "", said: said)
        }
        return connection
    }

    func close(_ connection: Connection) { finish(connection) }
    func isAlive(_ connection: Connection) -> Bool { statusCall(connection) == 0 }

    /// Blocks until it is answered. Results come as bytes.
    func run(_ connection: Connection, _ query: String, _ values: [Value]) throws(Trouble) -> Rows {
        let stored: [[UInt8]] = values.map {
            switch $0 {
            case .text(let text): Array(text.utf8) + [0]
            case .bytes(let bytes): bytes.isEmpty ? [0] : bytes
            }
        }
        let formats: [Int32] = values.map { if case .bytes = $0 { 1 } else { 0 } }
        let lengths: [Int32] = values.map { if case .bytes(let bytes) = $0 { Int32(bytes.count) } else { 0 } }
        let held = stored.map { bytes in
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
            bytes.withUnsafeBytes {
                UnsafeMutableRawPointer(copy).copyMemory(from: $0.baseAddress!, byteCount: $0.count)
            }
            return copy
        }
        defer { for pointer in held { pointer.deallocate() } }
        let pointers: [UnsafePointer<CChar>?] = held.map { UnsafePointer($0) }
        let result = execParams(connection, query, Int32(values.count), nil, pointers, lengths, formats, 1)
        defer { clear(result) }
        let status = resultStatus(result)
        // PGRES_COMMAND_OK and PGRES_TUPLES_OK
        guard status == 1 || status == 2 else {
            let state = errorField(result, 67).map { String(cString: $0) } ?? ""
            throw Trouble(state: state, said: errorMessage(connection).map { String(cString: $0) } ?? "no answer")
        }
        var rows: [[[UInt8]?]] = []
        for row in 0..<tuples(result) {
            rows.append(
                (0..<fields(result)).map { field in
                    guard isNull(result, row, field) == 0, let begin = value(result, row, field) else { return nil }
                    return Array(UnsafeRawBufferPointer(start: begin, count: Int(length(result, row, field))))
                })
        }
        return Rows(rows: rows, changed: changed(result).flatMap { Int(String(cString: $0)) } ?? 0)
    }
}
