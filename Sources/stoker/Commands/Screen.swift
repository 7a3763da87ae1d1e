import Foundation
import StokerCore

/// Where a command's words go, and how wide and colourful they may be.
struct Screen: Sendable {
    /// How standard output may look.
    var look: TextLook
    /// How standard error may look.
    var errorLook: TextLook
    /// Standard error is a terminal: progress may be shown there.
    var showsProgress: Bool { errorLook.width != nil }

    /// This process's own.
    static var own: Screen { Screen(look: look(of: STDOUT_FILENO), errorLook: look(of: STDERR_FILENO)) }

    /// Colour only on a terminal, and not when `NO_COLOR` is set to anything (no-color.org).
    private static func look(of descriptor: Int32) -> TextLook {
        guard isatty(descriptor) == 1 else { return .plain }
        let environment = ProcessInfo.processInfo.environment
        let plain = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
        var size = winsize()
        let known = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        return TextLook(
            width: known ? Int(size.ws_col) : environment["COLUMNS"].flatMap { Int($0) } ?? 80, hasColour: !plain)
    }

    var isTerminal: Bool { look.width != nil }

    func write(_ text: String) { Self.write(text, to: STDOUT_FILENO) }

    /// A line that the next one replaces.
    func progress(_ text: String) {
        if showsProgress {
            Self.write("\r\u{1B}[K\(text.printable.cut(to: (errorLook.width ?? 80) - 1))", to: STDERR_FILENO)
        }
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

    func paint(_ text: String, _ style: TextStyle) -> String { look.paint(text, style) }
}
