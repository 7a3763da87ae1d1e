import ArgumentParser

struct CompletionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completion", abstract: "Print a script that completes stoker's commands and options in a shell.",
        discussion: """
            EXAMPLES
              stoker completion bash > /etc/bash_completion.d/stoker
              stoker completion zsh > "${fpath[1]}/_stoker"
              stoker completion fish > ~/.config/fish/completions/stoker.fish
            """)

    enum Shell: String, ExpressibleByArgument, CaseIterable { case bash, zsh, fish }

    @Argument(help: "The shell.")
    var shell: Shell

    func run() async throws {
        let known: CompletionShell =
            switch shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        Terminal.own.write(StokerCommand.completionScript(for: known) + "\n")
    }
}
