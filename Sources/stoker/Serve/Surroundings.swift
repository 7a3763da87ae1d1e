import Foundation
import StokerCore

/// What the machine around us says, read once at the start.
struct Surroundings {
    var environment: [String: String]

    static var process: Surroundings { Surroundings(environment: ProcessInfo.processInfo.environment) }

    /// Whether we run inside a container, where only 0.0.0.0 can be reached from outside. `SPACE_ID` is set in every
    /// Space (hub-docs, spaces-overview: "Helper environment variables").
    var isContainer: Bool {
        environment["SPACE_ID"] != nil || environment["KUBERNETES_SERVICE_HOST"] != nil
            || FileManager.default.fileExists(atPath: "/.dockerenv")
            || FileManager.default.fileExists(atPath: "/run/.containerenv")
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

    /// - Throws: `internal` when the file can neither be read nor written.
    static func readOrMake(in folder: String) throws(Failure) -> Made {
        let path = folder + "/token"
        if let text = try? String(contentsOfFile: path, encoding: .utf8) {  // missing or unreadable: a new one is made
            let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
            if token.count >= 16 { return Made(token: Secret(token), isNew: false) }
        }
        var random = SystemRandomNumberGenerator()
        let alphabet = Array("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789")
        let token = String((0..<32).map { _ in alphabet.randomElement(using: &random) ?? "x" })
        guard
            FileManager.default.createFile(
                atPath: path, contents: Data((token + "\n").utf8), attributes: [.posixPermissions: 0o600])
        else {
            throw Failure(
                .ledger, doing: "write the token file \(path)", because: "the folder cannot be written",
                hint: "set STOKER_TOKEN, or choose a folder with --data")
        }
        return Made(token: Secret(token), isNew: true)
    }
}
