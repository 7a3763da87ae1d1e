import Foundation
import StokerCore

/// A folder for what is nobody else's business: the ledger with its addresses and transcripts, backups, the token.
package enum PrivateFolder {
    /// Makes it for its owner alone. One that is there stays as it is: it may be shared on purpose, and what we put into it is
    /// the owner's alone anyway.
    package static func make(_ path: String) throws {
        guard !path.isEmpty, !FileManager.default.fileExists(atPath: path) else { return }
        let parent = path.parentFolder
        if !parent.isEmpty, !FileManager.default.fileExists(atPath: parent) {
            try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        }
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }
}
