package import StokerCore

/// A file or folder whose state is kept: where it is on this machine, and what it is called in snapshots.
package struct GuardedPath: Sendable, Equatable {
    /// In snapshots, relative, bytes of UTF-8.
    package var name: [UInt8]
    /// Absolute.
    package var place: String

    /// - Parameters:
    ///   - text: as the owner wrote it: `data`, `./data/`, `/var/lib/app`.
    ///   - folder: absolute; what a relative one is seen from.
    package init(_ text: String, in folder: String) throws(Failure) {
        let doing = "keep the path \"\(text.prefix(200))\""
        let parts = text.split(separator: "/").filter { $0 != "." }
        guard !parts.isEmpty else {
            throw Failure(
                .usage, doing: doing, because: "it is a whole disk or the working folder itself",
                hint: "name the folders and files that hold state, such as data")
        }
        guard !parts.contains("..") else {
            throw Failure(
                .usage, doing: doing, because: "it has a part `..`",
                hint: "write where it is from the root: /var/lib/app")
        }
        guard !text.utf8.contains(0) else {
            throw Failure(.usage, doing: doing, because: "it has a zero byte")
        }
        name = Array(parts.joined(separator: "/").utf8)
        place =
            text.hasPrefix("/")
            ? "/" + parts.joined(separator: "/")
            : folder + (folder.hasSuffix("/") ? "" : "/") + parts.joined(separator: "/")
    }

    /// In the order of a tree; refuses what is inside another, or would have its name.
    package static func list(_ texts: [String], in folder: String) throws(Failure) -> [GuardedPath] {
        var paths: [GuardedPath] = []
        for text in texts { paths.append(try GuardedPath(text, in: folder)) }
        paths.sort { TreePath.isBefore($0.name, $1.name) }
        for (one, next) in zip(paths, paths.dropFirst())
        where one.name == next.name || next.name.starts(with: one.name + [TreePath.slash]) {
            throw Failure(
                .usage, doing: "keep the paths \(one.place) and \(next.place)",
                because: one.name == next.name ? "they have one name in snapshots" : "the second is inside the first",
                hint: "leave the second out")
        }
        return paths
    }
}
