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
    static func keep(_ made: Made, in folder: String) -> String? {
        let path = folder + "/token"
        // What is wrong with the folder shows when the file is opened.
        try? PrivateFolder.make(path.parentFolder)
        return PrivateFile.replace(path, with: Array((made.token.reveal() + "\n").utf8))
    }
}

/// A small file that only its owner may read.
enum PrivateFile {
    /// Puts a whole file in place of what is there: after a crash the old one is there or the new one, never a part.
    ///
    /// The bytes are on the disk before they take the name `path`, and the name is on the disk when this returns. Blocks.
    /// - Returns: why it failed, in words; nil when it is done.
    static func replace(_ path: String, with bytes: [UInt8]) -> String? {
        func reason() -> String { String(cString: strerror(errno)) }
        let new = path + ".new"
        unlink(new)  // left by a run that was killed
        let file = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { return reason() }
        var rest = bytes[...]
        var isWritten = true
        while !rest.isEmpty, isWritten {
            let count = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            if count > 0 { rest = rest.dropFirst(count) } else { isWritten = count < 0 && errno == EINTR }
        }
        isWritten = isWritten && fsync(file) == 0
        guard close(file) == 0, isWritten, rename(new, path) == 0 else {
            let because = reason()
            unlink(new)
            return because
        }
        let parent = path.parentFolder
        let folder = open(parent.isEmpty ? "." : parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
        return nil
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
