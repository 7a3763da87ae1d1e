import CLinux
import Foundation
import Glibc
import Runtime
import StokerCore

/// Where guarded paths lie on the disk: whether anything is there, where it came from, and how a restored state gets there. Blocks.
///
/// What a guard restored or published carries a mark (an attribute of the path itself, `user.stoker.guard`), and the guard's own folder a note of
/// what it was. Only where both agree is what lies there taken for a successor of a snapshot: after a restart on the same disk it is newer than
/// any. A folder that came with an image has no mark.
package struct GuardedPlaces: Sendable {
    let paths: [GuardedPath]
    /// The guard's own folder.
    let data: String
    let vault: String

    package init(paths: [GuardedPath], data: String, vault: String) {
        self.paths = paths
        self.data = data
        self.vault = vault
    }

    private var notePath: String { data + "/local.json" }
    static let mark = "user.stoker.guard"
    private static let restorePrefix = ".stoker-restore-"

    // MARK: What is there

    /// Paths at which there is something else than nothing or an empty folder.
    package var occupied: [GuardedPath] { paths.filter { !Self.isVacant($0.place) } }

    private static func isVacant(_ place: String) -> Bool {
        var facts = stat()
        guard lstat(place, &facts) == 0 else { return errno == ENOENT || errno == ENOTDIR }
        guard facts.st_mode & S_IFMT == S_IFDIR else { return false }
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: place) else { return false }
        return names.allSatisfy { $0 == "lost+found" || $0.hasPrefix(restorePrefix) }
    }

    /// The snapshot that what lies there came from; nil when it came from somewhere else, or a part of it did.
    package var origin: String? {
        guard let text = try? PlainFile.read(notePath, upTo: 65_536),
            let note = try? JSONValue(reading: String(decoding: text, as: UTF8.self)), note["vault"]?.string == vault,
            let token = note["token"]?.string, let marked = note["paths"]?.array?.compactMap(\.string),
            marked == paths.map(\.place)
        else { return nil }
        let there = occupied
        guard !there.isEmpty, there.allSatisfy({ Self.readMark($0.place) == token }) else { return nil }
        return note["snapshot"]?.string
    }

    /// Notes that what lies there is the snapshot, or came from it.
    package func note(snapshot: String) throws {
        let known = (try? PlainFile.read(notePath, upTo: 65_536)).flatMap {
            try? JSONValue(reading: String(decoding: $0, as: UTF8.self))
        }
        let token = known?["token"]?.string ?? UUID().uuidString
        for path in occupied where Self.readMark(path.place) != token { Self.writeMark(path.place, token) }
        let note: JSONValue = [
            "vault": .string(vault), "snapshot": .string(snapshot), "token": .string(token),
            "paths": .array(paths.map { .string($0.place) }),
        ]
        try AtomicFile.replace(notePath, with: Array(note.text.utf8))
    }

    private static func readMark(_ place: String) -> String? {
        var value = [UInt8](repeating: 0, count: 128)
        let count = stoker_attribute(place, mark, &value, UInt(value.count))
        return count > 0 ? String(decoding: value[..<Int(count)], as: UTF8.self) : nil
    }

    private static func writeMark(_ place: String, _ token: String) {
        let value = Array(token.utf8)
        // Where the file system has no attributes, a restart restores: nothing is lost but time.
        _ = stoker_set_attribute(place, mark, value, UInt(value.count))
    }

    // MARK: Restoring

    /// Folders that a restore goes into first, one for each path; on its file system, so that a rename brings it to its place.
    package func stages(_ id: String) throws -> [Stage] {
        try paths.map { path in
            let parent = path.place.parentFolder
            try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
            var above = stat()
            var there = stat()
            // A file system of its own is no folder that could be renamed over: its contents are moved.
            let isMount =
                stat(parent, &above) == 0 && stat(path.place, &there) == 0 && above.st_dev != there.st_dev
            let folder = (isMount ? path.place : parent) + "/" + Self.restorePrefix + id
            try? FileManager.default.removeItem(atPath: folder)
            return Stage(path: path, folder: folder, isMount: isMount)
        }
    }

    package struct Stage: Sendable {
        package var path: GuardedPath
        /// Does not exist.
        package var folder: String
        var isMount: Bool

        package var restored: String { folder + "/" + String(decoding: path.name, as: UTF8.self) }

        package func remove() { try? FileManager.default.removeItem(atPath: folder) }

        /// Brings what was restored to its place, which is vacant.
        func settle() throws {
            defer { remove() }
            var facts = stat()
            guard lstat(restored, &facts) == 0 else { return }
            guard isMount else {
                rmdir(path.place)
                guard rename(restored, path.place) == 0 else { throw SystemError() }
                try? AtomicFile.syncFolder(of: path.place)
                return
            }
            for name in try FileManager.default.contentsOfDirectory(atPath: restored) {
                guard rename(restored + "/" + name, path.place + "/" + name) == 0 else { throw SystemError() }
            }
        }
    }

    /// Brings all of them to their places. What is there already goes with an error, nothing is overwritten.
    package static func settle(_ stages: [Stage]) throws {
        for stage in stages where !isVacant(stage.path.place) {
            throw Failure(
                .conflict, doing: "put the restored state at \(stage.path.place)", because: "something is there",
                hint: "it came while the restore was under way; start again")
        }
        for stage in stages { try stage.settle() }
    }

    /// Moves what is there aside.
    /// - Returns: where it is now.
    package func moveAside(_ stamp: String) throws -> [String] {
        try occupied.map { path in
            var aside = "\(path.place).before-\(stamp)"
            var number = 1
            while FileManager.default.fileExists(atPath: aside) {
                number += 1
                aside = "\(path.place).before-\(stamp)-\(number)"
            }
            guard rename(path.place, aside) == 0 else { throw SystemError() }
            return aside
        }
    }

    /// Takes a state away that was restored and is not taken by the owner's check.
    package func clear() throws {
        for path in occupied { try FileManager.default.removeItem(atPath: path.place) }
    }
}
