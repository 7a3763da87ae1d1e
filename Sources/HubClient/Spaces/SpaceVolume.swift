package import StokerCore

/// Something of the Hub that is mounted into a Space's container while it runs.
///
/// Source: `huggingface_hub` 2.4 `Volume`; the notation is that of `hf spaces volumes set -v`.
package struct SpaceVolume: Sendable, Equatable {
    /// `bucket`, `model`, `dataset` or `space`.
    package var type: String
    /// `owner/name`; `****/******` when it may not be seen with this token.
    package var source: String
    /// Where it is mounted; begins with `/`.
    package var mountPath: String
    /// Of repositories.
    package var revision: String?
    /// The Hub makes this true for repositories; buckets are writable unless this is true. nil leaves it to the Hub.
    package var readOnly: Bool?
    /// Folder inside the source.
    package var path: String?

    package init(
        type: String, source: String, mountPath: String, revision: String? = nil, readOnly: Bool? = nil,
        path: String? = nil
    ) {
        self.type = type
        self.source = source
        self.mountPath = mountPath
        self.revision = revision
        self.readOnly = readOnly
        self.path = path
    }

    init?(_ raw: JSONValue) {
        guard let type = raw["type"]?.string, let source = raw["source"]?.string,
            let mountPath = raw["mountPath"]?.string
        else { return nil }
        self.init(
            type: type, source: source, mountPath: mountPath, revision: raw["revision"]?.string,
            readOnly: raw["readOnly"]?.bool, path: raw["path"]?.string)
    }

    /// The Hub hides the names of private sources from those who may not see them.
    package var isMasked: Bool { source.contains("*") }

    private static let folders = ["buckets": "bucket", "models": "model", "datasets": "dataset", "spaces": "space"]

    /// Reads `hf://buckets/owner/name[/folder]:/mount[:ro|:rw]`; `models/` may be left out, as the official command line allows.
    /// - Throws: `usage`.
    package init(notation text: String) throws(Failure) {
        func refused(_ because: String) -> Failure {
            Failure(
                .usage, doing: "read the volume \"\(text)\"", because: because,
                hint: "write hf://buckets/owner/name[/folder]:/mount[:ro]")
        }
        guard text.hasPrefix("hf://") else { throw refused("it does not begin with hf://") }
        var parts = text.dropFirst(5).split(separator: ":", omittingEmptySubsequences: false)
        var readOnly: Bool?
        switch parts.last {
        case "ro": readOnly = true
        case "rw": readOnly = false
        default: break
        }
        if readOnly != nil { parts.removeLast() }
        guard parts.count == 2, parts[1].hasPrefix("/"), parts[1].count > 1 else {
            throw refused("it has no mount path that begins with /")
        }
        var steps = parts[0].split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        var type = "model"
        if let folder = steps.first, let known = Self.folders[folder] {
            type = known
            steps.removeFirst()
        }
        guard steps.count >= 2, !steps[0].isEmpty, !steps[1].isEmpty else { throw refused("it names no owner/name") }
        var name = steps[1]
        var revision: String?
        if type != "bucket", let at = name.firstIndex(of: "@") {
            revision = String(name[name.index(after: at)...])
            name = String(name[..<at])
        }
        if type != "bucket", readOnly == false { throw refused("only buckets can be written to") }
        let folder = steps.dropFirst(2).joined(separator: "/")
        self.init(
            type: type, source: "\(steps[0])/\(name)", mountPath: String(parts[1]), revision: revision,
            readOnly: readOnly, path: folder.isEmpty ? nil : folder)
    }

    /// As ``init(notation:)`` reads it.
    package var notation: String {
        let folder = Self.folders.first { $0.value == type }?.key ?? type
        let inside = path.map { "/\($0)" } ?? ""
        let at = revision.map { "@\($0)" } ?? ""
        return "hf://\(folder)/\(source)\(at)\(inside):\(mountPath)\(readOnly == true ? ":ro" : "")"
    }
}

extension SpaceVolume: Encodable {
    private enum CodingKeys: String, CodingKey { case type, source, mountPath, revision, readOnly, path }
}
