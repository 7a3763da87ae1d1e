import Foundation
import GRDB
import StokerCore

extension Failure {
    /// Puts what SQLite or the system said into words a person can act on.
    static func ledger(doing: String, error: any Error) -> Failure {
        if let failure = error as? Failure { return failure }
        guard let error = error as? DatabaseError else {
            return Failure(.ledger, doing: doing, because: "\(error)", retry: .soon, cause: error)
        }
        let (because, hint, retry): (String, String?, Retry) =
            switch error.resultCode {
            case .SQLITE_FULL: ("the disk is full", "free some space; writing goes on by itself", .soon)
            case .SQLITE_READONLY:
                ("the database file or its folder is read-only", "make it writable for this user", .soon)
            case .SQLITE_CANTOPEN:
                ("the file cannot be opened", "check that the folder exists and may be written by this user", .soon)
            case .SQLITE_IOERR:
                ("the disk reported an error (\(error.extendedResultCode.rawValue))", "check the disk", .soon)
            case .SQLITE_BUSY, .SQLITE_LOCKED: ("another program holds the database", "close the other program", .soon)
            case .SQLITE_CORRUPT, .SQLITE_NOTADB:
                (
                    "the database is damaged",
                    "restart Stoker: it moves the damaged file aside, keeps it, and begins a new one", .never
                )
            default: (error.message ?? "\(error.extendedResultCode)", nil, .soon)
            }
        return Failure(.ledger, doing: doing, because: because, hint: hint, retry: retry, cause: error)
    }

    static func ledger(doing: String, system code: Int32, at path: String) -> Failure {
        let hint: String? =
            switch code {
            case EACCES, EPERM, EROFS: "make the folder writable for this user, or set ledger.path in the fleet file"
            case ENOENT, ENOTDIR: "make the folder, or set ledger.path in the fleet file"
            case ENOSPC: "free some space"
            default: nil
            }
        return Failure(
            .ledger, doing: doing, because: "\(path): \(String(cString: strerror(code)))", hint: hint, retry: .soon)
    }

    static func closed(doing: String) -> Failure {
        Failure(.ledger, doing: doing, because: "the ledger is closed")
    }
}
