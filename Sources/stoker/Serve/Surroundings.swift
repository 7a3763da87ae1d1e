import ControlRoom
import Foundation
import StokerCore

/// What the machine around us says, read once at the start.
struct Surroundings {
    var environment: [String: String]

    static var process: Surroundings { Surroundings(environment: ProcessInfo.processInfo.environment) }

    /// Whether we run inside a container, where only 0.0.0.0 can be reached from outside. `SPACE_ID` is set in every
    /// Space (hub-docs, spaces-overview: "Helper environment variables").
    /// - Returns: what shows it; nil outside of one.
    var containerSign: String? {
        for name in ["SPACE_ID", "KUBERNETES_SERVICE_HOST"] where environment[name] != nil { return "\(name) is set" }
        return ["/.dockerenv", "/run/.containerenv"].first { FileManager.default.fileExists(atPath: $0) }
            .map { "\($0) exists" }
    }

    /// Our own address when we are a Space: `SPACE_HOST` holds the host name.
    var publicURL: String? { environment["SPACE_HOST"].flatMap { $0.isEmpty ? nil : "https://\($0)" } }

    /// A Space is shown in a frame of the Hub's page.
    var frameAncestors: [String] { environment["SPACE_ID"] == nil ? [] : ["https://huggingface.co"] }

    /// `STOKER_DATA`, else the folder for state that the XDG base directory specification names.
    var dataFolder: String {
        if let named = environment["STOKER_DATA"], !named.isEmpty { return named }
        if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") { return state + "/stoker" }
        return NSHomeDirectory() + "/.local/state/stoker"
    }

    /// `PORT`, when it is a port.
    var port: Int? {
        get throws(Failure) {
            guard let text = environment["PORT"], !text.isEmpty else { return nil }
            guard let port = Int(text), (0...65_535).contains(port) else {
                throw Failure(
                    .usage, doing: "read PORT", because: "\"\(text)\" is not a port",
                    hint: "write a number from 0 to 65535")
            }
            return port
        }
    }
}

/// The token that writing needs, made once and kept beside the ledger, readable by its owner only.
enum TokenFile {
    struct Made {
        var token: Secret
        var isNew: Bool
    }

    /// The kept one, or a new one that is not kept yet: a server that cannot open its port leaves no token behind.
    static func readOrMake(in folder: String) -> Made {
        let path = folder + "/token"
        // Missing or unreadable: a new one is made.
        if let text = (try? PlainFile.read(path, upTo: 4_096)).flatMap({ String(data: $0, encoding: .utf8) }) {
            let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
            if token.count >= TokenRule.length { return Made(token: Secret(token), isNew: false) }
        }
        return make()
    }

    /// A new one that is not kept yet.
    static func make() -> Made {
        var random = SystemRandomNumberGenerator()
        let alphabet = Array("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789")
        let token = String((0..<32).map { _ in alphabet.randomElement(using: &random) ?? "x" })
        return Made(token: Secret(token), isNew: true)
    }

    /// Keeps a new one. Returns why it failed, nil when kept.
    static func keep(_ made: Made, in folder: String) -> String? { keep(made.token.reveal(), at: folder + "/token") }

    /// Readable by its owner alone from the first moment, and whole or not there. Returns why it failed, nil when kept.
    private static func keep(_ token: String, at path: String) -> String? {
        // What is wrong with the folder shows when the file is opened.
        try? PrivateFolder.make(path.parentFolder)
        let new = path + ".new"
        unlink(new)
        let file = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { return String(cString: strerror(errno)) }
        let bytes = Array((token + "\n").utf8)
        let isWritten = write(file, bytes, bytes.count) == bytes.count && fsync(file) == 0
        let isKept = close(file) == 0 && isWritten && rename(new, path) == 0
        guard !isKept else { return nil }
        let because = String(cString: strerror(errno))
        unlink(new)
        return because
    }
}

/// A folder for what is nobody else's business: the ledger with its addresses and transcripts, backups, the token.
enum PrivateFolder {
    /// Makes it for its owner alone. One that is there stays as it is: it may be shared on purpose, and what we put into it is
    /// the owner's alone anyway.
    static func make(_ path: String) throws {
        guard !path.isEmpty, !FileManager.default.fileExists(atPath: path) else { return }
        let parent = path.parentFolder
        if !parent.isEmpty, !FileManager.default.fileExists(atPath: parent) {
            try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        }
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }
}
