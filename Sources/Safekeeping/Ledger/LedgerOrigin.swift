import Foundation
import Glibc
import Runtime
import StokerCore

/// Where the ledger on a disk came from, in a file beside it.
///
/// Only the holder of an epoch publishes under it. So a file that was the living ledger of epoch 7 descends from every snapshot of an epoch up to
/// 7, whichever of them was published when it was killed; what has a higher epoch was published by another master.
struct LedgerOrigin: Equatable {
    var vault: String
    var epoch: UInt64
    /// Of the file that is meant: one that was put in its place has another number.
    var inode: UInt64

    private static func path(_ ledger: String) -> String { ledger + ".origin" }

    /// nil where there is no note, or it is of another file.
    static func read(beside ledger: String) -> LedgerOrigin? {
        guard let inode = inode(of: ledger), let bytes = try? PlainFile.read(path(ledger), upTo: 4_096),
            let note = try? JSONValue(reading: String(decoding: bytes, as: UTF8.self)),
            let vault = note["vault"]?.string, let epoch = note["epoch"]?.string.flatMap({ UInt64($0) }),
            note["inode"]?.string == "\(inode)"
        else { return nil }
        return LedgerOrigin(vault: vault, epoch: epoch, inode: inode)
    }

    func write(beside ledger: String) throws {
        let note: JSONValue = [
            "vault": .string(vault), "epoch": .string("\(epoch)"), "inode": .string("\(inode)"),
        ]
        try AtomicFile.replace(Self.path(ledger), with: Array(note.text.utf8))
    }

    static func inode(of path: String) -> UInt64? {
        var facts = stat()
        return stat(path, &facts) == 0 ? UInt64(facts.st_ino) : nil
    }

    static func size(of path: String) -> Int64? {
        var facts = stat()
        return stat(path, &facts) == 0 ? Int64(facts.st_size) : nil
    }
}
