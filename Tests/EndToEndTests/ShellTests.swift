import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// What a person's shell makes of `stoker completion`: each shell really reads the script and is asked for a Tab's answer.
    @Suite(.timeLimit(.minutes(1))) struct ShellTests {
        enum Shell: String, CaseIterable, CustomTestStringConvertible {
            case bash, zsh, fish
            var testDescription: String { rawValue }
            var path: String? {
                ["/usr/bin/", "/bin/", "/usr/local/bin/"].map { $0 + rawValue }
                    .first { FileManager.default.isExecutableFile(atPath: $0) }
            }
        }

        /// Prints what the shell offers after `stoker st` and after `stoker export `.
        static func script(_ shell: Shell, completions: String) -> String {
            switch shell {
            case .bash:
                return """
                    set -e
                    source '\(completions)'
                    spec=$(complete -p stoker)
                    [[ $spec =~ -F\\ ([^ ]+) ]]
                    offer() {
                        COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMPREPLY=()
                        "${BASH_REMATCH[1]}" stoker "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}" || true
                        printf '%s\\n' "${COMPREPLY[@]}"
                    }
                    offer stoker st
                    offer stoker export ''
                    """
            case .zsh:
                // The completion system runs only under a line editor: zsh's own pseudo-terminal gives it one.
                return #"""
                    zmodload zsh/zpty || exit 1
                    zpty shell zsh -f -i
                    # The prompt comes once the editor has the terminal: what is typed before it is not edited.
                    zpty -w shell "PS1='re''ady> '; stty -echo columns 200; fpath=('\#(URL(fileURLWithPath: completions).deletingLastPathComponent().path)' \$fpath)"
                    zpty -r -m shell line '*ready> *' || exit 1
                    zpty -w shell 'autoload -Uz compinit && compinit -u -D'
                    zpty -r -m shell line '*ready> *' || exit 1
                    offer() {
                        # A list is printed on the second Tab.
                        zpty -w -n shell "$1"$'\t\t\C-u'"print DON\\E"$'\n'
                        zpty -r -m shell line '*DONE*ready> *' && print -r -- "$line"
                    }
                    offer 'stoker st'
                    offer 'stoker export '
                    zpty -d shell
                    """#
            case .fish:
                return """
                    source '\(completions)'
                    complete --do-complete 'stoker st'
                    complete --do-complete 'stoker export '
                    """
            }
        }

        @Test(arguments: Shell.allCases) func completes(_ shell: Shell) async throws {
            guard let path = shell.path else {
                // CI installs all three (Scripts/setup.sh); elsewhere the log says what was not looked at.
                print(
                    "LEFT OUT: completion in \(shell) was not tested, for there is no \(shell) here (apt-get install \(shell))"
                )
                return
            }
            try await Scratch.with("completion-\(shell)") { scratch in
                let printed = try await scratch.stoker("completion", shell.rawValue)
                #expect(printed.exit == .code(0))
                let completions = try scratch.write(printed.output, to: "_stoker")
                let script = try scratch.write(Self.script(shell, completions: completions), to: "ask")
                let plain = shell == .bash ? ["--norc", "--noprofile"] : shell == .zsh ? ["-f"] : ["--no-config"]
                // The scripts ask the program itself for the values of some options.
                let folder = URL(fileURLWithPath: Binary.path).deletingLastPathComponent().path
                let child = try await scratch.run(
                    path, plain + [script],
                    environment: ["PATH": "\(folder):/usr/bin:/bin", "HOME": scratch.path, "TERM": "xterm"])
                #expect(child.exit == .code(0), "\(child.errors)")
                #expect(child.errors == "")
                #expect(child.output.contains("status"), "\(child.output)")
                for format in ["apps-script", "n8n", "crontab"] {
                    #expect(child.output.contains(format), "\(format): \(child.output)")
                }
            }
        }
    }
}
