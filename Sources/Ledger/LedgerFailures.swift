import Foundation
import GRDB
import StokerCore

extension Failure {
    /// Puts what SQLite or the system said into words a person can act on.
    static func ledger(doing: String, error: any Error) -> Failure {
        if let failure = error as? Failure { return failure }
        if let error = error as? DiskError, let words = error.words {
            return Failure(
                .ledger, doing: doing, because: words.because, hint: words.hint, retry: .soon, cause: error.error)
        }
        let error = (error as? DiskError)?.error ?? error
        guard let error = error as? DatabaseError else {
            return Failure(.ledger, doing: doing, because: "\(error)", retry: .soon, cause: error)
        }
        let (because, hint, retry): (String, String?, Retry) =
            switch error.resultCode {
            case .SQLITE_FULL:
                ("the disk is full: no space left on it", "free some space; writing goes on by itself", .soon)
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
                    "restart Stoker: it keeps the damaged file, and begins a new one with what can be read of it",
                    .never
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
            case EDQUOT: "free some space of this user's, or have the quota raised"
            default: nil
            }
        return Failure(
            .ledger, doing: doing, because: "\(path): \(String(cString: strerror(code)))", hint: hint, retry: .soon)
    }

    static func silentDisk(doing: String, after limit: Duration) -> Failure {
        Failure(
            .ledger, doing: doing, because: "the disk has not answered within \(limit.text)",
            hint: "look at the disk or the mount that holds the ledger", retry: .soon)
    }

    static func closed(doing: String) -> Failure {
        Failure(.ledger, doing: doing, because: "the ledger is closed")
    }
}

/// An error of SQLite with what the system said to it.
struct DiskError: Error {
    var error: DatabaseError
    /// `errno`; 0 when the system had no part in it.
    var system: Int32

    /// nil where SQLite's own code says it all.
    var words: (because: String, hint: String?)? {
        guard [.SQLITE_IOERR, .SQLITE_CANTOPEN].contains(error.resultCode) else { return nil }
        switch system {
        case 0: return nil
        case ENOSPC: return ("the disk is full: no space left on it", "free some space; writing goes on by itself")
        case EDQUOT:
            return ("the disk quota is exceeded", "free some space of this user's, or have the quota raised")
        case EROFS: return ("the file system is read-only", "mount it for writing; writing goes on by itself then")
        case EFBIG: return ("the file is larger than this system allows", "raise the limit of file sizes (ulimit -f)")
        case EACCES, EPERM: return ("this user may not write the file", "make the file and its folder writable")
        case EMFILE, ENFILE: return ("too many files are open", "raise the limit of open files (ulimit -n)")
        default: return ("the disk reported: \(String(cString: strerror(system)))", "check the disk")
        }
    }
}
