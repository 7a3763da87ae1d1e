import ArgumentParser
import Operations
import StokerCore

struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Make and change the keys of vaults.",
        discussion: """
            A vault is sealed on this side: who has the key reads it, nobody else, and nobody can make a lost key again.

            EXAMPLES
              stoker key new --out bot.key
              stoker key list --vault folder:/backup/bot --key-file bot.key
              stoker key add --new-key-file second.key --label laptop
              stoker key rotate --new-key-file next.key --repack
            """,
        subcommands: [New.self, List.self, Add.self, Rotate.self])

    struct New: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "new", abstract: "Make a random key: printed, or written to a new file.")
        @Option(
            name: [.customLong("out"), .customShort("o")],
            help: ArgumentHelp("A new file, for its owner alone.", valueName: "file"), completion: .file())
        var file: String?
        @OptionGroup var output: OutputOptions
        static var operations: [Operations.Operation] { [.makeKey] }

        func run() async throws {
            let answer = try await perform(.makeKey, [("file", .maybe(file))], output: output)
            let text =
                answer["key"]?.string.map { $0 + "\n" }
                ?? "\((answer["file"]?.string ?? "").printable) has the key. Keep a copy elsewhere: without it the snapshots cannot be read\n"
            CommandOutput(json: answer, text: text).show(output)
        }
    }

    struct List: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the keys that open a vault.")
        @OptionGroup var vault: VaultOptions
        @OptionGroup var output: OutputOptions
        static var operations: [Operations.Operation] { [.listKeys] }

        func run() async throws {
            let answer = try await perform(.listKeys, on: vault, output: output)
            var table = TextTable(columns: [
                .init(title: "ID"), .init(title: "KIND"), .init(title: "LABEL", shrinksTo: 10), .init(title: "YOURS"),
            ])
            for key in answer["keys"]?.array ?? [] {
                table.rows.append([
                    .init(key["id"]?.string ?? ""), .init(key["kind"]?.string ?? ""),
                    .init((key["label"]?.string ?? "").printable), .init(key["own"] == true ? "yes" : ""),
                ])
            }
            CommandOutput(json: answer, text: table.text(for: Terminal.own.look)).show(output)
        }
    }

    struct Add: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "add", abstract: "Let another key or passphrase open a vault too.")
        @Option(
            name: .customLong("new-key-file"),
            help: ArgumentHelp("A file with it in its first line.", valueName: "file"),
            completion: .file())
        var newKeyFile: String
        @Option(help: "A word for it, shown in the list.") var label: String?
        @OptionGroup var vault: VaultOptions
        @OptionGroup var output: OutputOptions
        static var operations: [Operations.Operation] { [.addKey] }

        func run() async throws {
            let answer = try await perform(
                .addKey, on: vault, [("new_key_file", .string(newKeyFile)), ("label", .maybe(label))], output: output)
            CommandOutput(
                json: answer, text: "the key \((answer["label"]?.string ?? "").printable) opens the vault too\n"
            ).show(output)
        }
    }

    struct Rotate: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "rotate", abstract: "Begin a new master key that one key alone opens; asks.",
            discussion: """
                Whoever kept an old head and an old key still opens the packs of then. --repack rewrites all packs and ends that for what is \
                in the vault now.
                """)
        @Option(
            name: .customLong("new-key-file"),
            help: ArgumentHelp("A file with the key that opens it from then on (default: yours).", valueName: "file"),
            completion: .file())
        var newKeyFile: String?
        @Option(help: "A word for it, shown in the list.") var label: String?
        @Flag(help: "Rewrite all packs.") var repack = false
        @OptionGroup var confirm: ConfirmOptions
        @OptionGroup var vault: VaultOptions
        @OptionGroup var output: OutputOptions
        static var operations: [Operations.Operation] { [.rotateKeys] }

        func run() async throws {
            let answer = try await perform(
                .rotateKeys, on: vault,
                [("new_key_file", .maybe(newKeyFile)), ("label", .maybe(label)), ("repack", .bool(repack))],
                output: output, isSure: confirm.yes)
            let dropped = (answer["dropped"]?.texts ?? []).map(\.printable).joined(separator: ", ")
            CommandOutput(json: answer, text: "one key opens the vault now; no longer: \(dropped)\n").show(output)
        }
    }
}
