package import StokerCore

/// What a token must be where others can reach the server: long and varied enough not to be guessed.
package enum TokenRule {
    /// Fewest characters.
    package static let length = 16
    /// Fewest different characters.
    package static let variety = 6

    /// Why a token is too weak, for a message; nil when it is strong enough.
    package static func weakness(of token: Secret) -> String? {
        let text = token.reveal()
        if text.count < length { return "it has \(text.count) characters, and \(length) are the fewest" }
        if Set(text).count < variety { return "it repeats few characters" }
        return nil
    }

    /// - Throws: `usage` when a token was given that is too weak for where the server can be reached.
    package static func check(_ serve: Fleet.Serve) throws(Failure) {
        guard Access.isReachable(serve), let token = serve.token, !token.isEmpty, let weakness = weakness(of: token)
        else { return }
        throw Failure(
            .usage, doing: "serve on \(serve.host)", because: "the token can be guessed: \(weakness)",
            hint:
                "set STOKER_TOKEN (or serve.token) to the output of `openssl rand -hex 16`, or to nothing: one is made then"
        )
    }
}
