import Foundation
import StokerCore

/// Where a client command's words go, and how wide and colourful they may be.
struct Screen: Sendable {
    /// Columns that a line may take; nil when nobody looks at a terminal, so that nothing is cut.
    var width: Int?
    var hasColour: Bool
    /// Standard error is a terminal: progress may be shown there.
    var showsProgress: Bool

    /// This process's own.
    static var own: Screen {
        let environment = ProcessInfo.processInfo.environment
        let isTerminal = isatty(STDOUT_FILENO) == 1
        let plain = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
        var size = winsize()
        let known = isTerminal && ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        return Screen(
            width: isTerminal ? (known ? Int(size.ws_col) : environment["COLUMNS"].flatMap { Int($0) } ?? 80) : nil,
            hasColour: isTerminal && !plain, showsProgress: isatty(STDERR_FILENO) == 1)
    }

    var isTerminal: Bool { width != nil }

    func write(_ text: String) { Self.write(text, to: STDOUT_FILENO) }

    /// A line that the next one replaces.
    func progress(_ text: String) {
        if showsProgress { Self.write("\r\u{1B}[K\(text.printable.cut(to: (width ?? 80) - 1))", to: STDERR_FILENO) }
    }

    func endProgress() {
        if showsProgress { Self.write("\r\u{1B}[K", to: STDERR_FILENO) }
    }

    static func writeError(_ text: String) { write(text, to: STDERR_FILENO) }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                // The reader is gone (`stoker status | head`); there is nobody to tell.
                return
            }
            bytes = bytes.dropFirst(written)
        }
    }

    enum Style: String {
        case plain = ""
        case bold = "1"
        case dim = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
        case blue = "34"
        case magenta = "35"

        init(verdict: String?) {
            switch verdict {
            case "up": self = .green
            case "slow", "waking": self = .yellow
            case "down", "silent": self = .red
            case "paused": self = .blue
            default: self = .dim
            }
        }
    }

    func paint(_ text: String, _ style: Style) -> String {
        hasColour && style != .plain ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }
}

extension String {
    /// Without what could command a terminal: names, bodies and messages come from elsewhere.
    var printable: String {
        String(
            String.UnicodeScalarView(
                unicodeScalars.map { scalar in
                    scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
                        || (0x202A...0x202E).contains(scalar.value)
                        || (0x2066...0x2069).contains(scalar.value) ? "\u{FFFD}" : scalar
                }))
    }

    func cut(to width: Int) -> String {
        count <= width ? self : width < 2 ? String(prefix(max(0, width))) : String(prefix(width - 1)) + "…"
    }
}
