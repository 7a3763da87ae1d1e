import ArgumentParser
import Foundation
import Operations
import StokerCore

struct SnapshotsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshots", abstract: "Look at, restore and tidy the snapshots of a vault.",
        discussion: """
            Snapshots are made by `stoker guard`. These commands work with the vault and its key alone, without a fleet file. STOKER_VAULT and STOKER_KEY save typing.

            EXAMPLES
              stoker snapshots list --vault folder:/backup/bot --key-file bot.key
              stoker snapshots restore newest --to restored
              stoker snapshots forget --keep-daily 7 --keep-weekly 4 --dry-run
            """,
        subcommands: [
            List.self, Make.self, Show.self, Diff.self, Files.self, Cat.self, Restore.self, Verify.self, Forget.self,
            Copy.self,
            Accept.self, Repair.self, Prove.self, Reinstate.self, States.self,
        ])

    struct List: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List kept snapshots, held ones, and what fenced containers left.")
        @OptionGroup var vault: VaultOptions
        @OptionGroup var output: OutputOptions
        static var operations: [Operations.Operation] { [.listSnapshots] }

        func run() async throws {
            let answer = try await perform(.listSnapshots, on: vault, output: output)
            let screen = Terminal.own
            var text = ""
            var table = TextTable(columns: [
                .init(title: "ID"), .init(title: "TIME"), .init(title: "SIZE"), .init(title: "FILES"),
                .init(title: "ADDED"), .init(title: "STATE"), .init(title: "TAGS", shrinksTo: 10),
            ])
            let kept = answer["snapshots"]?.array ?? []
            for item in (answer["held"]?.array ?? []) + kept {
                let state =
                    item["held_because"]?.string.map { "held: \($0)" }
                    ?? [
                        item["newest"] == true ? "newest" : nil,
                        item["verified_at"]?.isNull == false
                            ? "verified \(OutputFormatting.time(item["verified_at"]))" : nil,
                        (item["doubtful"]?.integer ?? 0) > 0 ? "\(item["doubtful"]?.integer ?? 0) doubtful" : nil,
                    ].compactMap { $0 }.joined(separator: ", ")
                table.rows.append([
                    .init(item["id"]?.string ?? ""), .init(OutputFormatting.time(item["time"])),
                    .init(SnapshotText.bytes(item["size_bytes"])), .init("\(item["files"]?.integer ?? 0)"),
                    .init(SnapshotText.bytes(item["added_bytes"])), .init(state.printable),
                    .init((item["tags"]?.texts ?? []).joined(separator: ", ").printable),
                ])
            }
            text += table.rows.isEmpty ? "No snapshot is there yet.\n" : table.text(for: screen.look)
            for stray in answer["strays"]?.array ?? [] {
                text +=
                    "stray \(stray["id"]?.string ?? "") of \((stray["holder"]?.string ?? "").printable), \(OutputFormatting.time(stray["time"])): \(SnapshotText.bytes(stray["added_bytes"])) that were not published\n"
            }
            if let holder = answer["holder"], !holder.isNull {
                text +=
                    "pen: \((holder["name"]?.string ?? "").printable) since \(OutputFormatting.time(holder["since"]))\(holder["released"] == true ? ", given back" : "")\n"
            }
            CommandOutput(json: answer, text: text, names: kept.compactMap { $0["id"]?.string }).show(output)
        }
    }

    struct Make: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "make", abstract: "Let the guard make a snapshot now; ends when it is in the vault.",
            discussion: """
                For the app and its scripts, inside the container of `stoker guard`. Ends with 1 when the snapshot is held, with 3 when files could not be read and are not in it.

                EXAMPLES
                  stoker snapshots make
                """)
        @Option(help: ArgumentHelp("The guard's socket (default: $STOKER_GUARD_SOCKET).", valueName: "path"))
        var socket: String?
        @OptionGroup var output: OutputOptions
        static var operations: [Operations.Operation] { [.makeSnapshot] }

        func run() async throws {
            let known = socket ?? ProcessInfo.processInfo.environment["STOKER_GUARD_SOCKET"]
            let given: [(name: String, value: JSONValue)] = known.map { [("socket", .string($0))] } ?? []
            let answer = try await perform(.makeSnapshot, given, output: output)
            let because = answer["because"]?.string.map { ": \($0.printable)" } ?? ""
            let unreadable = answer["unreadable"]?.integer ?? 0
            let files = unreadable.counted("file")
            let without = unreadable > 0 ? "; without \(files) that cannot be read (see the guard's log)" : ""
            CommandOutput(
                json: answer,
                text: "\(answer["id"]?.string ?? "") \(answer["outcome"]?.string ?? "")\(because)\(without)\n"
            ).show(output)
            if answer["outcome"]?.string == "held" { throw ExitCode(1) }
            if unreadable > 0 { throw ExitCode(3) }
        }
    }

    struct Show: OperationCommand {
        static let configuration = CommandConfiguration(commandName: "show", abstract: "Show one snapshot.")
        @Argument(help: "Its id, the beginning of it, or newest.") var id = "newest"
        @OptionGroup var vault: VaultOptions
        @OptionGroup var output: OutputOptions
        static var operations: [Operations.Operation] { [.showSnapshot] }

        func run() async throws {
            let answer = try await perform(.showSnapshot, on: vault, [("id", .string(id))], output: output)
            CommandOutput(json: answer, text: SnapshotText.card(answer)).show(output)
        }
    }

    struct Diff: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "diff", abstract: "Tell what differs between two snapshots.",
            discussion: """
                EXAMPLES
                  stoker snapshots diff newest
                  stoker snapshots diff 3f21 9ac0
                """)
        @Argument(help: "The older one; alone, it is compared with its parent.") var id: String
        @Argument(help: "The newer one.") var other: String?
        @OptionGroup var vault: VaultOptions
        @OptionGroup var output: OutputOptions
        static var operations: [Operations.Operation] { [.diffSnapshots] }

        func run() async throws {
            let answer = try await perform(
                .diffSnapshots, on: vault,
                [("id", .string(other ?? id)), ("against", other == nil ? .null : .string(id))],
                output: output)
            var text = ""
            for change in answer["changes"]?.array ?? [] {
                let sign =
                    switch change["kind"]?.string {
                    case "added": "+"
                    case "removed": "-"
                    case "changed": "M"
                    default: "U"
                    }
                text += "\(sign) \((change["path"]?.string ?? "").printable)\n"
            }
            let total = answer["total"]?.integer ?? 0
            let shown = answer["changes"]?.array?.count ?? 0
            text += shown < total ? "… and \(total - shown) more\n" : "\(total.counted("difference"))\n"
            CommandOutput(json: answer, text: text).show(output)
        }
    }

    struct Files: OperationCommand {
        static let configuration = CommandConfiguration(commandName: "ls", abstract: "List the files of a snapshot.")
        @Argument(help: "Its id, the beginning of it, or newest.") var id = "newest"
        @Argument(help: "Only this file or folder.") var path: String?
        @OptionGroup var vault: VaultOptions
        @OptionGroup var output: OutputOptions
        static var operations: [Operations.Operation] { [.listSnapshotFiles] }

        func run() async throws {
            let answer = try await perform(
                .listSnapshotFiles, on: vault, [("id", .string(id)), ("path", .maybe(path))], output: output)
            var table = TextTable(columns: [
                .init(title: "MODE"), .init(title: "SIZE"), .init(title: "MODIFIED"),
                .init(title: "PATH", shrinksTo: 20),
            ])
            let entries = answer["entries"]?.array ?? []
            for entry in entries {
                var name = entry["path"]?.string ?? ""
                if let target = entry["target"]?.string { name += " -> \(target)" }
                if entry["kind"] == "folder" { name += "/" }
                if entry["torn"] == true { name += "  (changed while it was read)" }
                if let note = entry["note"]?.string { name += "  (\(note))" }
                table.rows.append([
                    .init(entry["mode"]?.string ?? ""), .init(SnapshotText.bytes(entry["size_bytes"])),
                    .init(OutputFormatting.time(entry["modified_at"])), .init(name.printable),
                ])
            }
            let total = answer["total"]?.integer ?? 0
            var text = table.text(for: Terminal.own.look)
            if total > entries.count { text += "… and \(total - entries.count) more\n" }
            CommandOutput(json: answer, text: text, names: entries.compactMap { $0["path"]?.string }).show(output)
        }
    }

    struct Cat: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "cat", abstract: "Write one file of a snapshot to standard output (up to 16 MiB).")
        @Argument(help: "Its id, the beginning of it, or newest.") var id: String
        @Argument(help: "The file's path in the snapshot.") var path: String
        @OptionGroup var vault: VaultOptions
        @OptionGroup var output: OutputOptions
        static var operations: [Operations.Operation] { [.readSnapshotFile] }

        func run() async throws {
            let answer = try await perform(
                .readSnapshotFile, on: vault, [("id", .string(id)), ("path", .string(path))], output: output)
            if output.chosen == .json { return Terminal.own.write(answer.prettyText) }
            if output.chosen == .quiet { return }
            let bytes = answer["content"]?.string.flatMap { Data(base64Encoded: $0) } ?? Data()
            do { try FileHandle.standardOutput.write(contentsOf: bytes) } catch {
                throw Failure(.output, doing: "write \(path)", because: "\(error)".cut(to: 200))
            }
        }
    }

    struct Restore: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "restore", abstract: "Write a snapshot, or a stray, into a new or empty folder.",
            discussion: """
                It goes into a folder beside first; every hash is checked; then it is renamed. When anything fails, the folder is as it was.

                EXAMPLES
                  stoker snapshots restore newest --to restored
                  stoker snapshots restore 3f21 --to restored --only data/app.db
                """)
        @Argument(help: "Its id, the beginning of it, or newest.") var id: String
        @Option(help: ArgumentHelp("Where to.", valueName: "folder"), completion: .directory) var to: String
        @Option(help: ArgumentHelp("Only this file or folder; may be given several times.", valueName: "path"))
        var only: [String] = []
        @Flag(name: .customLong("skip-damaged"), help: "Leave out what is damaged, and tell it (exit status 1).")
        var skipDamaged = false
        @OptionGroup var vault: VaultOptions
        @OptionGroup var output: OutputOptions
        static var operations: [Operations.Operation] { [.restoreSnapshot] }

        func run() async throws {
            let answer = try await perform(
                .restoreSnapshot, on: vault,
                [
                    ("id", .string(id)), ("folder", .string(to)), ("only", .optional(only)),
                    ("skip_damaged", .bool(skipDamaged)),
                ], output: output)
            var text =
                "\((answer["folder"]?.string ?? to).printable) has \((answer["files"]?.integer ?? 0).counted("file")), \(SnapshotText.bytes(answer["bytes"])) of \(answer["snapshot"]?.string ?? ""), in \(OutputFormatting.span(answer["seconds"]?.double ?? 0))\n"
            for warning in answer["warnings"]?.texts ?? [] { text += "  \(warning.printable)\n" }
            CommandOutput(json: answer, text: text).show(output)
            if answer["damaged"]?.array?.isEmpty == false { throw ExitCode(1) }
        }
    }

    struct Verify: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify",
            abstract: "Read everything a snapshot needs and check it; exit status 1 when something is wrong.")
        @Argument(help: "Its id, the beginning of it, or newest.") var id = "newest"
        @OptionGroup var vault: VaultOptions
        @OptionGroup var output: OutputOptions
        static var operations: [Operations.Operation] { [.verifySnapshot] }

        func run() async throws {
            let answer = try await perform(.verifySnapshot, on: vault, [("id", .string(id))], output: output)
            var text = ""
            for trouble in answer["troubles"]?.texts ?? [] { text += "\(trouble.printable)\n" }
            for path in answer["damaged"]?.texts ?? [] { text += "damaged: \(path.printable)\n" }
            let word = answer["whole"] == true ? "whole" : "NOT whole"
            text +=
                "\(answer["snapshot"]?.string ?? "") is \(word): \((answer["files"]?.integer ?? 0).counted("file")), \(SnapshotText.bytes(answer["bytes"])) read\n"
            CommandOutput(json: answer, text: text).show(output)
            if answer["whole"] != true { throw ExitCode(1) }
        }
    }

    struct Forget: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "forget",
            abstract: "Drop snapshots by keep rules or by name, and delete what only they needed; asks.",
            discussion: """
                The rules are those of restic: each keeps the last snapshot of each of its periods, as many as it says; what no rule keeps goes. \
                The newest and the last verified one always stay. Periods are of UTC.

                EXAMPLES
                  stoker snapshots forget --keep-last 10 --keep-daily 7 --dry-run
                  stoker snapshots forget 3f21 --yes
                """)
        @Argument(help: "Snapshots or strays to drop, in place of rules.") var ids: [String] = []
        @Option(name: .customLong("keep-last"), help: "So many of the newest.") var last: Int?
        @Option(name: .customLong("keep-hourly"), help: "The last one of each of so many hours.") var hourly: Int?
        @Option(name: .customLong("keep-daily"), help: "The same by days.") var daily: Int?
        @Option(name: .customLong("keep-weekly"), help: "By weeks from Monday.") var weekly: Int?
        @Option(name: .customLong("keep-monthly"), help: "By months.") var monthly: Int?
        @Option(name: .customLong("keep-yearly"), help: "By years.") var yearly: Int?
        @Option(name: .customLong("keep-within"), help: "Everything so long before the newest: 12h, 7d.") var within:
            String?
        @Option(name: .customLong("keep-tag"), help: "Everything with this tag; may be given several times.") var tags:
            [String] = []
        @Flag(name: .customLong("dry-run"), help: "Only tell what would stay and go, and why.") var dryRun = false
        @OptionGroup var confirm: ConfirmOptions
        @OptionGroup var vault: VaultOptions
        @OptionGroup var output: OutputOptions
        static var operations: [Operations.Operation] { [.forgetSnapshots] }

        func run() async throws {
            func number(_ value: Int?) -> JSONValue { value.map { .integer(Int64($0)) } ?? .null }
            let answer = try await perform(
                .forgetSnapshots, on: vault,
                [
                    ("ids", .optional(ids)), ("keep_last", number(last)), ("keep_hourly", number(hourly)),
                    ("keep_daily", number(daily)), ("keep_weekly", number(weekly)), ("keep_monthly", number(monthly)),
                    ("keep_yearly", number(yearly)), ("keep_within", .maybe(within)), ("keep_tag", .optional(tags)),
                    ("dry_run", .bool(dryRun)),
                ], output: output, isSure: confirm.yes)
            var table = TextTable(columns: [
                .init(title: "ID"), .init(title: "TIME"), .init(title: "WHAT"), .init(title: "BECAUSE", shrinksTo: 20),
            ])
            for item in answer["snapshots"]?.array ?? [] {
                let stays = item["kept"] == true
                table.rows.append([
                    .init(item["id"]?.string ?? ""), .init(OutputFormatting.time(item["time"])),
                    .init(stays ? "stays" : dryRun ? "would go" : "gone", stays ? .green : .yellow),
                    .init((item["reasons"]?.texts ?? []).joined(separator: ", "), .dim),
                ])
            }
            var text = table.text(for: Terminal.own.look)
            if !dryRun {
                text +=
                    "\((answer["dropped"]?.array?.count ?? 0).counted("snapshot")) dropped, \(SnapshotText.bytes(answer["freed_bytes"])) in \((answer["packs"]?.integer ?? 0).counted("pack")) deleted\n"
            }
            CommandOutput(json: answer, text: text).show(output)
        }
    }

    struct Copy: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "copy", abstract: "Copy a snapshot into another vault.",
            discussion: """
                EXAMPLES
                  stoker snapshots copy newest --to folder:/usb/bot --to-key-file usb.key
                """)
        @Argument(help: "Its id, the beginning of it, or newest.") var id: String
        @Option(help: ArgumentHelp("The other vault.", valueName: "address")) var to: String
        @Option(name: .customLong("to-state"), help: ArgumentHelp("Its state.", valueName: "name")) var toState: String?
        @Option(
            name: .customLong("to-key-file"),
            help: ArgumentHelp("A file with its key (default: the same key).", valueName: "file"), completion: .file())
        var toKeyFile: String?
        @OptionGroup var vault: VaultOptions
        @OptionGroup var output: OutputOptions
        static var operations: [Operations.Operation] { [.copySnapshots] }

        func run() async throws {
            let answer = try await perform(
                .copySnapshots, on: vault,
                [
                    ("id", .string(id)), ("to", .string(to)), ("to_state", .maybe(toState)),
                    ("to_key_file", .maybe(toKeyFile)),
                ], output: output)
            CommandOutput(json: answer, text: SnapshotText.card(answer)).show(output)
        }
    }

    struct Accept: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "accept", abstract: "Make a held snapshot the newest.",
            discussion: """
                A snapshot is held when it lost more than half of the newest one's files or bytes, or all rows of its databases. \
                Accepting says that this was meant. A container that runs on an older state starts anew from it.
                """)
        @Argument(help: "Its id, or the beginning of it.") var id: String
        @OptionGroup var vault: VaultOptions
        @OptionGroup var output: OutputOptions
        static var operations: [Operations.Operation] { [.acceptSnapshot] }

        func run() async throws {
            let answer = try await perform(.acceptSnapshot, on: vault, [("id", .string(id))], output: output)
            CommandOutput(json: answer, text: SnapshotText.card(answer)).show(output)
        }
    }

    struct Repair: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "repair", abstract: "Make a lost or damaged head anew from the packs.")
        @Flag(name: .customLong("dry-run"), help: "Only tell what is found.") var dryRun = false
        @OptionGroup var vault: VaultOptions
        @OptionGroup var output: OutputOptions
        static var operations: [Operations.Operation] { [.repairVault] }

        func run() async throws {
            let answer = try await perform(.repairVault, on: vault, [("dry_run", .bool(dryRun))], output: output)
            var text =
                "\((answer["packs"]?.integer ?? 0).counted("pack")) readable, \((answer["snapshots"]?.array?.count ?? 0).counted("snapshot")) complete\n"
            for name in answer["damaged"]?.texts ?? [] { text += "damaged: \(name.printable)\n" }
            for id in answer["lost"]?.texts ?? [] { text += "not complete: \(id)\n" }
            CommandOutput(json: answer, text: text).show(output)
        }
    }
}

enum SnapshotText {
    static func bytes(_ value: JSONValue?) -> String { value?.integer.map { Bytes.text(Int64($0)) } ?? "–" }

    static func card(_ item: JSONValue) -> String {
        var lines: [(String, String)] = [
            ("snapshot", item["id"]?.string ?? ""), ("time", OutputFormatting.time(item["time"])),
            ("size", "\(bytes(item["size_bytes"])) in \((item["files"]?.integer ?? 0).counted("file"))"),
            ("added", bytes(item["added_bytes"])),
            ("parent", item["parent"]?.string ?? "none"),
            ("pen", "epoch \(item["epoch"]?.integer ?? 0), publication \(item["number"]?.integer ?? 0)"),
            (
                "verified",
                item["verified_at"]?.isNull == false ? OutputFormatting.time(item["verified_at"]) : "never"
            ),
        ]
        if item["newest"] == true { lines.insert(("state", "newest"), at: 1) }
        if let held = item["held_because"]?.string { lines.insert(("held", held), at: 1) }
        if let tags = item["tags"]?.texts, !tags.isEmpty { lines.append(("tags", tags.joined(separator: ", "))) }
        if let count = item["doubtful"]?.integer, count > 0 { lines.append(("doubtful", count.counted("file"))) }
        return lines.map { "\($0.0.padding(toLength: 10, withPad: " ", startingAt: 0))\($0.1.printable)\n" }.joined()
    }
}
