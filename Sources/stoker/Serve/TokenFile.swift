import CommandLine
import ControlRoom
import Foundation
import Runtime
import StokerCore

/// The token that writing needs, made once and kept beside the ledger, readable by its owner only.
enum TokenFile {
    struct Made {
        var token: Secret
        var isNew: Bool
    }

    /// The kept one, or a new one that is not kept yet: a server that cannot open its port leaves no token behind.
    static func readOrMake(in folder: String) -> Made {
        if let token = KeptToken.read(in: folder), token.reveal().count >= TokenRule.length {
            return Made(token: token, isNew: false)
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
        do {
            try AtomicFile.replace(path, with: Array((made.token.reveal() + "\n").utf8))
            return nil
        } catch {
            return "\(error)"
        }
    }
}
