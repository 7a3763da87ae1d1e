import ArgumentParser
import Foundation
import StokerCore
import Synchronization

/// Where a command's words go, and how wide and colourful they may be.
package struct Terminal: Sendable {
    /// How standard output may look.
    var look: TextLook
    /// How standard error may look.
    var errorLook: TextLook
    /// Standard error is a terminal: progress may be shown there.
    var showsProgress: Bool { errorLook.width != nil }

    /// This process's own.
    package static var own: Terminal { Terminal(look: look(of: STDOUT_FILENO), errorLook: look(of: STDERR_FILENO)) }

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

    /// Writes to standard output. What cannot be written is told once on standard error, and ``StokerCommand/run(with:)`` does not end with 0 then.
    package func write(_ text: String) { Self.write(text, to: STDOUT_FILENO) }

    /// Writes a part of something that has no end.
    /// - Throws: when it cannot be read any more: the status 0 when its reader has gone, as in `… | grep -m1`, `output` else.
    func stream(_ text: String) throws {
        write(text)
        switch Self.outputTrouble {
        case 0: break
        case EPIPE: throw ExitCode.success
        default: throw ExitCode(Failure.Code.output.exitStatus)
        }
    }

    /// Does endless work for as long as somebody reads standard output. Without this a reader that has gone would be noticed
    /// with the next line only, which may never come.
    static func whileRead(_ work: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await work() }
            group.addTask {
                while !readerIsGone { try await Task.sleep(for: .seconds(1)) }
                throw ExitCode.success
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// A pipe without a reader is in error, whether something is written or not (poll(2)).
    static var readerIsGone: Bool {
        var output = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
        return poll(&output, 1, 0) > 0 && output.revents & Int16(POLLERR | POLLHUP | POLLNVAL) != 0
    }

    /// Why standard output could not be written, as `errno`; 0 as long as it could. There is one standard output in a process.
    static var outputTrouble: Int32 { trouble.withLock(\.self) }
    private static let trouble = Mutex<Int32>(0)

    /// Before anything is opened: a file would take the place of a standard stream that was closed (`>&-`), and be written into. Nothing
    /// can be written to what takes it here. Who writes after its reader has gone is told so by the call and not ended by a signal.
    static func prepare() {
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
        signal(SIGPIPE, SIG_IGN)
    }

    /// A line that the next one replaces.
    func progress(_ text: String) {
        if showsProgress {
            Self.write("\r\u{1B}[K\(text.printable.cut(to: (errorLook.width ?? 80) - 1))", to: STDERR_FILENO)
        }
    }

    func endProgress() {
        if showsProgress { Self.write("\r\u{1B}[K", to: STDERR_FILENO) }
    }

    package static func writeError(_ text: String) { write(text, to: STDERR_FILENO) }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 {
                let code = errno
                if code == EINTR { continue }
                if code == EAGAIN {
                    // Somebody else made it non-blocking; it is waited for without burning a processor.
                    var output = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&output, 1, 1_000)
                    continue
                }
                if descriptor == STDOUT_FILENO { lost(code) }
                return
            }
            bytes = bytes.dropFirst(written)
        }
    }

    private static func lost(_ code: Int32) {
        let isFirst = trouble.withLock { trouble in
            defer { if trouble == 0 { trouble = code } }
            return trouble == 0
        }
        // A reader that has gone (`stoker status | head`) is nobody to tell, and no trouble.
        guard isFirst, code != EPIPE else { return }
        let failure = Failure(
            .output, doing: "write to standard output", because: String(cString: strerror(code)).lowercasedFirst,
            hint: "what was asked for is done; look at where the output goes")
        writeError(CommandFailure.text(of: failure, asJSON: CommandFailure.wantsJSON()))
    }

    func paint(_ text: String, _ style: TextStyle) -> String { look.paint(text, style) }
}

extension String {
    /// As the messages of the C library go into a sentence.
    fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
