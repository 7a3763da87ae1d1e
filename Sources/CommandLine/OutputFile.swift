import Foundation
import StokerCore

/// Files that are made for a person, who may have changed them since.
enum OutputFile {
    /// Writes the file whole or not at all, with the folders it needs.
    /// - Throws: `usage` when it exists and `force` is not given.
    static func write(_ text: String, to path: String, force: Bool) throws(Failure) {
        let url = URL(fileURLWithPath: path)
        do {
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url, options: force ? .atomic : .withoutOverwriting)
        } catch {
            if !force, FileManager.default.fileExists(atPath: path) {
                throw Failure(
                    .usage, doing: "write \(path)", because: "it exists already", hint: "--force overwrites it",
                    cause: error)
            }
            throw Failure(
                .fileUnwritable, doing: "write \(path)", because: "the file cannot be written",
                hint: "look at its folder and rights",
                cause: error)
        }
    }
}
