/// One command of a shell's text, without what stands before it.
struct ShellCommand: Sendable, Equatable {
    /// The program and its arguments, quotes taken away.
    var words: [String]
    /// `NAME=value` in front of it.
    var settings: [String: String] = [:]
    /// The line of the text that it ends in, from 0.
    var line = 0

    private static let prefixes: Set<String> = [
        "sudo", "exec", "time", "then", "do", "else", "if", "elif", "while", "!", "env", "nohup", "eval", "{", "}",
        "(", ")",
    ]

    /// The commands of a text in their order. What is inside of `$(…)` is not followed; functions and loops are read as if they ran once.
    static func all(_ text: String) -> [ShellCommand] {
        var found: [ShellCommand] = []
        var piece = ""
        var quote: Character?
        var isComment = false
        var isEscaped = false
        var line = 0
        func close() {
            var command = ShellCommand(words: Dockerfile.words(piece), line: line)
            while let first = command.words.first {
                if let setting = setting(first) {
                    command.settings[setting.name] = setting.value
                } else if !prefixes.contains(first) {
                    break
                }
                command.words.removeFirst()
            }
            if !command.words.isEmpty || !command.settings.isEmpty { found.append(command) }
            piece = ""
        }
        for character in text {
            if isComment {
                guard character.isNewline else { continue }
                isComment = false
            }
            if isEscaped {
                isEscaped = false
                if character.isNewline { piece.append(" ") } else { piece.append("\\"); piece.append(character) }
            } else if character == "\\" {
                isEscaped = true
            } else if let open = quote {
                if character == open { quote = nil }
                piece.append(character)
            } else if character == "\"" || character == "'" {
                quote = character
                piece.append(character)
            } else if character == "#", piece.last?.isWhitespace != false {
                isComment = true
            } else if character.isNewline || "&|;".contains(character) {
                close()
            } else {
                piece.append(character)
            }
            if character.isNewline { line += 1 }
        }
        close()
        return found
    }

    private static func setting(_ word: String) -> (name: String, value: String)? {
        guard let equals = word.firstIndex(of: "="), let first = word.first, first.isLetter || first == "_",
            word[..<equals].allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" })
        else { return nil }
        return (String(word[..<equals]), String(word[word.index(after: equals)...]))
    }

    /// `> file`, `2>&1` and the like are no arguments.
    var withoutRedirections: ShellCommand {
        var kept: [String] = []
        var skips = false
        for word in words {
            if skips {
                skips = false
                continue
            }
            let mark = word.drop { $0.isNumber }
            if mark.hasPrefix(">") || mark.hasPrefix("<") {
                skips = mark.allSatisfy { $0 == ">" || $0 == "<" }
                continue
            }
            kept.append(word)
        }
        return ShellCommand(words: kept, settings: settings, line: line)
    }

    /// Without the programs that only start another one: `tini --`, `uv run`, `npx`.
    var unwrapped: ShellCommand {
        var command = withoutRedirections
        for _ in 0..<8 {
            let words = command.words
            guard let first = words.first else { break }
            let base = first.split(separator: "/").last.map(String.init) ?? first
            let next = words.count > 1 ? words[1] : ""
            var rest: ArraySlice<String>
            switch base {
            case "tini", "dumb-init", "nohup", "exec", "env", "stdbuf", "nice", "xvfb-run", "npx", "bunx", "catchsegv",
                "opentelemetry-instrument", "ddtrace-run", "s6-setuidgid", "ionice":
                rest = words.dropFirst().drop { $0.hasPrefix("-") }
            case "gosu", "su-exec", "timeout", "chroot":
                rest = words.dropFirst().drop { $0.hasPrefix("-") }.dropFirst()
            case "uv", "poetry", "pipenv", "pdm", "hatch", "rye", "conda", "mamba", "micromamba", "pixi":
                guard next == "run" else { return command }
                rest = words.dropFirst(2)
                while let option = rest.first, option.hasPrefix("-") {
                    rest = rest.dropFirst()
                    let takesValue = [
                        "-n", "--name", "-p", "--prefix", "--extra", "--group", "--with", "--python", "--project",
                        "--directory",
                    ]
                    if takesValue.contains(option) { rest = rest.dropFirst() }
                }
            case "pnpm", "bun":
                guard next == "exec" || next == "dlx" || next == "x" else { return command }
                rest = words.dropFirst(2)
            default: return command
            }
            guard !rest.isEmpty, rest.count < words.count else { return command }
            command.words = Array(rest)
            while let word = command.words.first, let setting = Self.setting(word) {
                command.settings[setting.name] = setting.value
                command.words.removeFirst()
            }
        }
        return command
    }
}

extension Dockerfile {
    /// The words of each command of a shell's text.
    static func commands(_ text: String) -> [[String]] { ShellCommand.all(text).map(\.words).filter { !$0.isEmpty } }
}
