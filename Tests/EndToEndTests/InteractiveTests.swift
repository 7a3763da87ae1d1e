import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// `stoker init` on a terminal: it asks, a person types.
    @Suite(.timeLimit(.minutes(1))) struct InteractiveTests {
        /// Python's own pseudo-terminal; waits for what is on the screen before it types the next line.
        static let person = #"""
            import os, pty, select, sys, time
            program, script = sys.argv[1:-1], sys.argv[-1]
            child, screen = pty.fork()
            if child == 0:
                os.execv(program[0], program)
            seen = b""
            def wait(text):
                global seen
                end = time.monotonic() + 20
                while text not in seen:
                    if not select.select([screen], [], [], max(0, end - time.monotonic()))[0]:
                        sys.exit("never saw %r in %r" % (text, seen))
                    try:
                        more = os.read(screen, 4096)
                    except OSError:
                        sys.exit("it ended before %r: %r" % (text, seen))
                    seen += more
                    sys.stdout.buffer.write(more)
                seen = seen.split(text, 1)[1]
            for line in open(script, encoding="utf-8").read().splitlines():
                prompt, _, answer = line.partition("|")
                wait(prompt.encode())
                os.write(screen, b"\x03" if answer == "^C" else b"\x04" if answer == "^D" else answer.encode() + b"\n")
            try:
                while True:
                    more = os.read(screen, 4096)
                    if not more: break
                    sys.stdout.buffer.write(more)
            except OSError:
                pass  # the terminal's other end is closed: it has ended
            sys.stdout.flush()
            status = os.waitpid(child, 0)[1]
            sys.exit(os.waitstatus_to_exitcode(status) % 256)
            """#

        /// Runs `stoker init` in a terminal; every line of the script is what to wait for, a bar, and what to type then.
        private func initialize(
            _ scratch: Scratch, _ script: String, options: [String] = []
        ) async throws -> StokerProcess {
            let person = try scratch.write(Self.person, to: "person.py")
            let lines = try scratch.write(script, to: "script")
            return try await scratch.run(
                "/usr/bin/python3",
                [person, Binary.path, "init", "--output", scratch.path + "/fleet.yaml"] + options + [lines])
        }

        @Test func asksAndWritesAFileThatHolds() async throws {
            try await Scratch.with("init") { scratch in
                let child = try await initialize(
                    scratch,
                    """
                    What shall be kept warm|acme/discord-bot
                    > |https://api.example.com/health
                    > |not an address at all
                    > |https://acme-rag.hf.space/
                    > |
                    """)
                #expect(child.exit == .code(0), "\(child.output)")
                // The mistake is told at once, and the questions go on.
                #expect(child.output.contains("not an address at all"))
                #expect(child.output.contains("with 3 addresses"))
                #expect(child.output.contains("Next: stoker check-config"))
                let fleet = try String(contentsOfFile: scratch.path + "/fleet.yaml", encoding: .utf8)
                #expect(fleet.contains("namespace: acme ") && fleet.contains("\n  discord-bot:\n"))
                #expect(fleet.contains("https://api.example.com/health"))
                let checked = try await scratch.stoker("check-config", scratch.path + "/fleet.yaml")
                #expect(checked.exit == .code(0), "\(checked.errors)")
            }
        }

        @Test(arguments: ["^D", ""]) func nothingNamedStillWritesAFileToBeginWith(end: String) async throws {
            try await Scratch.with("init-empty") { scratch in
                let child = try await initialize(scratch, "> |\(end)\n")
                #expect(child.exit == .code(0), "\(child.output)")
                let checked = try await scratch.stoker("check-config", scratch.path + "/fleet.yaml")
                #expect(checked.exit == .code(0), "\(checked.errors)")
            }
        }

        @Test func givingUpWritesNothing() async throws {
            try await Scratch.with("init-interrupted") { scratch in
                let child = try await initialize(scratch, "> |acme/bot\n> |^C\n")
                #expect(child.exit != .code(0))
                #expect(!FileManager.default.fileExists(atPath: scratch.path + "/fleet.yaml"))
            }
        }

        @Test func aFileThatIsThereIsLeftAloneBeforeAnyQuestion() async throws {
            try await Scratch.with("init-there") { scratch in
                let file = try scratch.write("mine\n", to: "fleet.yaml")
                let child = try await initialize(scratch, "it exists already|\n")
                #expect(child.exit == .code(2))
                #expect(!child.output.contains("What shall be kept warm"))
                #expect(try String(contentsOfFile: file, encoding: .utf8) == "mine\n")
            }
        }
    }
}
