/// How a channel writes text that came from elsewhere, so that it is read as text: it mentions nobody, links nowhere and formats nothing.
struct TextEscaping: Sendable {
    var escape: @Sendable (String) -> String
    /// For addresses of ours: they stay whole.
    var address: @Sendable (String) -> String = { $0 }
    /// It changes nothing.
    private(set) var isPlain = false

    init(address: @escaping @Sendable (String) -> String = { $0 }, escape: @escaping @Sendable (String) -> String) {
        self.escape = escape
        self.address = address
    }
    private static let entity: @Sendable (String) -> String = { $0.replacing("&", with: "&amp;") }

    /// What has no markup. Values are on one line and without control characters already.
    static let plain = {
        var plain = TextEscaping { $0 }
        plain.isPlain = true
        return plain
    }()

    /// Discord's Markdown: a backslash makes any punctuation of ASCII literal, also in mentions (`<@…>`, `@everyone`), links and addresses.
    /// Source: Discord, "Markdown Text 101".
    static let discord = TextEscaping { text in
        var out = ""
        for (index, character) in text.enumerated() {
            let isMark = "\\*_~`|[]()<>@#:".contains(character) || index == 0 && "-+=".contains(character)
            if isMark { out.append("\\") }
            out.append(character)
        }
        return out
    }

    /// Slack's mrkdwn has entities for three characters, and nothing for those that format: a space of no width keeps them from it.
    /// Source: Slack, "Formatting text for app surfaces".
    static let slack = TextEscaping(address: entity) { text in
        var out = ""
        for character in text {
            switch character {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "*", "_", "~", "`", "@": out += "\u{200B}\(character)\u{200B}"
            default: out.append(character)
            }
        }
        return out
    }

    /// HTML, as Google Chat's cards and Telegram read a part of it.
    static let html = TextEscaping(address: entity) { text in
        var out = ""
        for character in text {
            switch character {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "'": out += "&#39;"
            default: out.append(character)
            }
        }
        return out
    }

    /// HTML where names behind an `@` are mentions and addresses become links by themselves, as in Telegram.
    static let telegram = TextEscaping(address: entity) { text in
        html.escape(text.replacing("@", with: "@\u{200B}").replacing("://", with: ":\u{200B}//"))
    }
}
