import ArgumentParser
import Foundation
import Operations
import StokerCore

extension SnapshotsCommand {
    struct States: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "states",
            abstract: "What the Spaces of a running Stoker keep, and whether it can come back.",
            discussion: """
                Shows what the server saw when it looked at the vaults last. With a name, that state with its drills and recoveries.

                EXAMPLES
                  stoker snapshots states
                  stoker snapshots states backend
                  stoker snapshots states backend --prove
                  stoker snapshots states backend --snapshot
                  stoker snapshots states --snapshot
                """)
        @Argument(help: "A Space that keeps state, as the fleet file names it.") var name: String?
        @Flag(help: "Look at its vault now.") var look = false
        @Flag(help: "Have its newest snapshot proven by a restore, behind the answer.") var prove = false
        @Flag(help: "Have its guard make a snapshot, within a minute; without a name: the guards of all.")
        var snapshot = false
        @Flag(help: "Take its vault as it is, though more was seen there before.") var trust = false
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions
        static var operations: [Operations.Operation] {
            [.listStates, .showState, .lookAtState, .drillState, .trustVault, .makeSnapshot, .snapshotStates]
        }

        func validate() throws {
            let asked = [look, prove, snapshot, trust].count { $0 }
            if asked > 1 { throw ValidationError("--look, --prove, --snapshot and --trust exclude each other.") }
            if asked == 1, name == nil, !snapshot { throw ValidationError("Name the state that is meant.") }
        }

        func run() async throws {
            let client = try server.client()
            if name == nil, snapshot {
                let answer = try await client.call(.snapshotStates, [])
                CommandOutput(json: answer, text: StatesText.asked(answer)).show(output)
                if answer["items"]?.array?.contains(where: { $0["asked"] != true }) == true { throw ExitCode(1) }
                return
            }
            guard let name else {
                let answer = try await client.call(.listStates, [])
                let items = answer["items"]?.array ?? []
                CommandOutput(
                    json: answer, text: StatesText.table(items, Terminal.own),
                    names: items.compactMap { $0["name"]?.string }
                ).show(output)
                return
            }
            if snapshot { _ = try await client.call(.makeSnapshot, [("space", .string(name))]) }
            let operation: Operations.Operation =
                trust ? .trustVault : prove ? .drillState : look ? .lookAtState : .showState
            let answer = try await client.call(operation, [("name", .string(name))])
            CommandOutput(json: answer, text: StatesText.card(answer)).show(output)
            if answer["problems"]?.array?.isEmpty == false, !prove { throw ExitCode(1) }
        }
    }

    struct Prove: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "prove",
            abstract:
                "Restore the newest snapshot into a scratch folder and check it; exit status 1 when it proves nothing.",
            discussion: """
                Every hash is checked, SQLite databases are looked through (pages, indexes, rows that point to others), then --check runs in the \
                restored folder. A proof is noted in the vault: keep rules never drop the last one that was proven.

                EXAMPLES
                  stoker snapshots prove --vault folder:/backup/bot
                  stoker snapshots prove --check 'test -s data/app.db'
                """)
        @Option(help: ArgumentHelp("A shell command that ends with 0 in the restored folder.", valueName: "command"))
        var check: String?
        @Option(help: ArgumentHelp("A folder with room for it.", valueName: "folder"), completion: .directory)
        var scratch: String?
        @OptionGroup var vault: VaultOptions
        @OptionGroup var output: OutputOptions
        static var operations: [Operations.Operation] { [.proveSnapshot] }

        func run() async throws {
            let answer = try await perform(
                .proveSnapshot, on: vault, [("check", .maybe(check)), ("scratch", .maybe(scratch))], output: output)
            CommandOutput(json: answer, text: StatesText.drill(answer) + "\n").show(output)
            if answer["proven"] != true { throw ExitCode(1) }
        }
    }

    struct Reinstate: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "reinstate", abstract: "Make a kept snapshot the newest once more.",
            discussion: """
                Nothing is deleted: the later ones stay kept. A container that runs is fenced: it stops its app, keeps what it had not published \
                as a stray, and brings this snapshot back when it is started again.

                EXAMPLES
                  stoker snapshots reinstate 3f21
                """)
        @Argument(help: "Its id, or the beginning of it.") var id: String
        @OptionGroup var vault: VaultOptions
        @OptionGroup var output: OutputOptions
        static var operations: [Operations.Operation] { [.reinstateSnapshot] }

        func run() async throws {
            let answer = try await perform(.reinstateSnapshot, on: vault, [("id", .string(id))], output: output)
            CommandOutput(json: answer, text: SnapshotText.card(answer)).show(output)
        }
    }
}

/// States as a terminal shows them.
enum StatesText {
    static func table(_ items: [JSONValue], _ screen: Terminal) -> String {
        guard !items.isEmpty else {
            return "No Space of the fleet file keeps anything; docs/guard.md says how.\n"
        }
        var table = TextTable(columns: [
            .init(title: "STATE"), .init(title: "STANDING"), .init(title: "NEWEST"),
            .init(title: "SIZE", isRight: true), .init(title: "A DAY", isRight: true), .init(title: "PROVEN"),
            .init(title: "VAULT", shrinksTo: 16),
        ])
        for item in items {
            let standing = item["standing"]?.string ?? ""
            let proven = item["drill"]?["proven"] ?? .null
            table.rows.append([
                .init((item["name"]?.string ?? "").printable),
                .init(standing, standing == "safe" ? .green : ["empty", "unread"].contains(standing) ? .plain : .red),
                .init(OutputFormatting.time(item["newest_at"])),
                .init(SnapshotText.bytes(item["newest"]?["size_bytes"] ?? item["stored_bytes"])),
                .init(item["growth_bytes"]?.integer.map { growth(Int64($0)) } ?? "–"),
                .init(proven.isNull ? "never" : OutputFormatting.time(proven["at"])),
                .init((item["vault"]?.string ?? "").printable),
            ])
        }
        var text = table.text(for: screen.look)
        for item in items {
            for problem in item["problems"]?.array ?? [] {
                text +=
                    "\((item["name"]?.string ?? "").printable): \((problem["because"]?.string ?? "").printable)\n  \((problem["hint"]?.string ?? "").printable)\n"
            }
        }
        return text
    }

    static func asked(_ answer: JSONValue) -> String {
        (answer["items"]?.array ?? []).map { item in
            let end = item["because"]?.string.map { "not asked: \($0)" } ?? "asked, within a minute"
            return "\(item["name"]?.string ?? ""): \(end)".printable + "\n"
        }.joined()
    }

    static func growth(_ bytes: Int64) -> String {
        bytes < 0 ? "-\(Bytes.text(-bytes))" : "+\(Bytes.text(bytes))"
    }

    static func card(_ item: JSONValue) -> String {
        func text(_ key: String) -> String { item[key]?.string ?? "" }
        var lines: [(String, String)] = [
            ("state", "\(text("state")), \(text("standing"))"), ("vault", text("vault")),
            ("looked", OutputFormatting.time(item["looked_at"])), ("newest", OutputFormatting.time(item["newest_at"])),
            ("size", SnapshotText.bytes(item["newest"]?["size_bytes"])),
            ("stored", SnapshotText.bytes(item["stored_bytes"])),
        ]
        if let epoch = item["epoch"]?.integer {
            let holder = item["holder"]?.string.map { ", held by \($0)" } ?? ""
            lines.append(("pen", "epoch \(epoch), sequence \(item["sequence"]?.integer ?? 0)\(holder)"))
        }
        let drill = item["drill"] ?? .null
        lines.append(
            (
                "proven",
                drill["running"] == true
                    ? "a drill is at work"
                    : drill["asked"] == true
                        ? "a drill comes next"
                        : drill["last"]?.isNull == false ? self.drill(drill["last"] ?? .null) : "never"
            ))
        for problem in item["problems"]?.array ?? [] {
            lines.append(("problem", "\(problem["because"]?.string ?? ""). \(problem["hint"]?.string ?? "")"))
        }
        for held in item["held"]?.array ?? [] {
            lines.append(("held", "\(held["id"]?.string ?? ""): \(held["because"]?.string ?? "")"))
        }
        for stray in item["strays"]?.array ?? [] {
            lines.append(("stray", "\(stray["id"]?.string ?? "") of \(OutputFormatting.time(stray["time"]))"))
        }
        for one in (item["recoveries"]?.array ?? []).prefix(3) {
            lines.append(
                (
                    "start",
                    "\(OutputFormatting.time(one["at"])) \(one["outcome"]?.string ?? "") in \(OutputFormatting.span(one["seconds"]?.double ?? 0))\(one["lost"]?.string.map { "; lost: \($0)" } ?? "")"
                ))
        }
        return lines.map { "\($0.0.padding(toLength: 10, withPad: " ", startingAt: 0))\($0.1.printable)\n" }.joined()
    }

    /// One line of a drill.
    static func drill(_ drill: JSONValue) -> String {
        let what =
            "\((drill["files"]?.integer ?? 0).counted("file")), \(SnapshotText.bytes(drill["bytes"])), \((drill["databases"]?.integer ?? 0).counted("database"))"
        let span = OutputFormatting.span(drill["seconds"]?.double ?? 0)
        guard let failure = drill["failure"]?.string else {
            return
                "\(OutputFormatting.time(drill["at"])): \(drill["snapshot"]?.string ?? "") was restored and checked in \(span): \(what)\(drill["checked"] == true ? ", your check agreed" : "")"
        }
        return "\(OutputFormatting.time(drill["at"])): NOT proven: \(failure)".printable
    }
}
