import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// `stoker guard` around real apps; a container is a folder with processes that are killed at once.
    @Suite(.serialized, .timeLimit(.minutes(3))) struct GuardTests {
        /// PR2, PR3: a live database survives its container; what was acknowledged before the last publication is there.
        @Test func aKilledAppHasItsDatabaseElsewhere() async throws {
            try await Scratch.with("guard") { scratch in
                let first = try scratch.container("first")
                let one = try scratch.guarded(in: first, app: ["python3", "-c", GuardedApp.writer])
                #expect(try await GuardedApp.found(one) == [0, 0, 0])
                try await Wait.until("rows") { GuardedApp.acknowledged(in: first) > 50 }
                let before = GuardedApp.acknowledged(in: first)
                let published = one.errorLines.count { $0.contains("snapshot published") }
                // The second that comes now began behind `before`. On a busy machine they are further apart: 20 times what one takes.
                try await one.waitForLog("snapshot published", within: .seconds(60), after: published + 1)
                try await scratch.destroy(one)

                let second = try scratch.container("second")
                let other = try scratch.guarded(
                    in: second, more: ["--every", "1s", "--handover", "0s"], app: ["python3", "-c", GuardedApp.writer])
                let found = try await GuardedApp.found(other)
                #expect(Set(found).count == 1, "\(found)")
                #expect(found[0] >= before, "\(found), \(before)")
                let record = try await other.waitForLog("Restored snapshot")
                #expect(record.contains("Lost: what was written after"), "\(record)")
                await other.stop(within: .seconds(10))
                #expect(other.exit == .code(143) || other.exit == .signal(15), "\(other.tail)")
            }
        }

        /// PR6: two at once; the second asks, the first publishes all and stops.
        @Test func theHolderHandsOverAndNothingIsLost() async throws {
            try await Scratch.with("guard-two") { scratch in
                let first = try scratch.container("first")
                let one = try scratch.guarded(in: first, app: ["python3", "-c", GuardedApp.writer])
                try await Wait.until("rows") { GuardedApp.acknowledged(in: first) > 20 }
                let other = try scratch.guarded(
                    in: try scratch.container("second"), app: ["python3", "-c", GuardedApp.writer])
                #expect(try await one.waitForExit(within: .seconds(30)) == .code(75), "\(one.tail)")
                #expect(one.errors.contains("another asks for the pen"))
                let found = try await GuardedApp.found(other)
                // The app may be stopped between a commit and its word of it.
                let all = GuardedApp.acknowledged(in: first)
                #expect(Set(found).count == 1 && (all...(all + 1)).contains(found[0]), "\(found), \(all)")
                #expect(other.errors.contains("Lost: nothing"))
            }
        }

        /// A stopped holder that comes back is fenced: its app is stopped, what it had not published is a stray.
        @Test func aHolderThatSleptIsFenced() async throws {
            try await Scratch.with("guard-fence") { scratch in
                let first = try scratch.container("first")
                let one = try scratch.guarded(in: first, app: ["python3", "-c", GuardedApp.writer])
                try await one.waitForLog("snapshot published")
                one.send(SIGSTOP)
                let now = GuardedApp.acknowledged(in: first)
                try await Wait.until("more rows") { GuardedApp.acknowledged(in: first) > now + 20 }
                let other = try scratch.guarded(
                    in: try scratch.container("second"), more: ["--every", "1s", "--handover", "1s"],
                    app: ["python3", "-c", GuardedApp.writer])
                _ = try await GuardedApp.found(other)
                one.send(SIGCONT)
                #expect(try await one.waitForExit(within: .seconds(30)) == .code(75), "\(one.tail)")
                #expect(one.errors.contains("has taken over (epoch 2)"), "\(one.tail)")
                #expect(one.errors.contains("kept as a stray"), "\(one.tail)")
                #expect(other.exit == nil)
            }
        }

        /// The second vault gets every snapshot, and is restored from where the first one is lost or damaged.
        @Test func aCopyStandsInForTheFirstVault() async throws {
            try await Scratch.with("guard-copy") { scratch in
                func start(_ name: String, _ vaults: [String], _ app: String) async throws -> StokerProcess {
                    let place = try scratch.container(name)
                    let given =
                        ["guard"] + vaults + ["--path", "data", "--data", place + "/own", "--log-format", "json", "--"]
                    return try await scratch.run(
                        "/bin/sh",
                        ["-c", "cd \"$0\" && exec \"$@\"", place, Binary.path] + given + ["/bin/sh", "-ec", app])
                }
                func vault(_ name: String) -> String { "folder:\(scratch.path)/\(name)" }
                let both = ["--vault", vault("first"), "--vault", vault("copy")]
                let one = try await start("one", both, "mkdir -p data; echo state > data/word")
                #expect(one.exit == .code(0), "\(one.tail)")

                // A new vault in place of a lost one.
                let moved = try await start(
                    "moved", ["--vault", vault("new"), "--from", vault("copy")], "cat data/word; echo more > data/word")
                #expect(moved.exit == .code(0) && moved.output == "state\n", "\(moved.tail)")
                #expect(moved.errors.contains("Restored snapshot") && moved.errors.contains("from folder:"))
                // What the first one has goes before the copy.
                let again = try await start(
                    "again", ["--vault", vault("new"), "--from", vault("copy")], "cat data/word")
                #expect(again.exit == .code(0) && again.output == "more\n", "\(again.tail)")

                // Packs of the first are gone: its head names what nobody can restore.
                try FileManager.default.removeItem(atPath: scratch.path + "/first/main/v1/p")
                let refused = try await start("refused", ["--vault", vault("first")], "cat data/word")
                #expect(refused.exit == .code(76) && refused.output.isEmpty, "\(refused.tail)")
                let saved = try await start("saved", both + ["--from", vault("copy")], "cat data/word")
                #expect(saved.exit == .code(0) && saved.output == "state\n", "\(saved.tail)")
            }
        }

        /// `copy`, and commands that find the only state and read a copy.
        @Test func aSnapshotIsCopiedAndTheOnlyStateIsFound() async throws {
            try await Scratch.with("guard-copies") { scratch in
                let vault = "folder:\(scratch.path)/vault"
                let one = try scratch.guarded(
                    in: try scratch.container("one"), more: ["--state", "acme/bot"],
                    app: ["/bin/sh", "-c", "mkdir -p data; echo state > data/word"])
                #expect(try await one.waitForExit() == .code(0), "\(one.tail)")
                let listed = try await scratch.stoker("snapshots", "list", "--vault", vault, "--json")
                let kept = try JSONDecoder().decode(JSON.self, from: Data(listed.output.utf8))
                #expect(listed.exit == .code(0) && kept.snapshots.array.count == 1, "\(listed.tail)")

                let target = "folder:\(scratch.path)/usb"
                let key = try scratch.write("correct-horse-battery-staple", to: "usb.key")
                let copied = try await scratch.stoker(
                    "snapshots", "copy", "newest", "--vault", vault, "--to", target, "--to-key-file", key)
                #expect(copied.exit == .code(0), "\(copied.tail)")
                #expect(FileManager.default.fileExists(atPath: scratch.path + "/usb/acme/bot/v1/head"))
                let word = try await scratch.stoker(
                    "snapshots", "cat", "newest", "data/word", "--from", target, "--key-file", key,
                    environment: ["STOKER_VAULT": vault])
                #expect(word.exit == .code(0) && word.output == "state\n", "\(word.tail)")
                let wrong = try await scratch.stoker("snapshots", "list", "--vault", target)
                #expect(wrong.exit != .code(0) && wrong.errors.contains("no key was given"), "\(wrong.tail)")

                // Of several none is guessed.
                let other = try scratch.guarded(
                    in: try scratch.container("two"), more: ["--state", "acme/other"],
                    app: ["/bin/sh", "-c", "mkdir -p data; echo other > data/word"])
                #expect(try await other.waitForExit() == .code(0), "\(other.tail)")
                let several = try await scratch.stoker("snapshots", "list", "--vault", vault)
                #expect(several.exit == .code(2), "\(several.tail)")
                #expect(several.errors.contains("--state: acme/bot, acme/other"), "\(several.tail)")
            }
        }

        /// Not process 1, and killed alone: nothing of its app goes on behind the back of the next one.
        @Test func nothingOfTheAppOutlivesAKilledGuard() async throws {
            try await Scratch.with("guard-killed") { scratch in
                let place = try scratch.container("one")
                let app = "sleep 600 & echo $! > child; echo $$ > main; echo ready; wait"
                let one = try scratch.guarded(in: place, app: ["/bin/sh", "-c", app])
                try await one.waitForLine("the app") { $0 == "ready" }
                try await one.waitForLog("the app runs")
                let pids = try ["main", "child"].map { name in
                    let text = try String(contentsOfFile: "\(place)/\(name)", encoding: .utf8)
                    return try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
                }
                for pid in pids { #expect(kill(pid, 0) == 0) }
                one.send(SIGKILL)
                try await one.waitForExit()
                for pid in pids {
                    try await Wait.until("the end of \(pid)") {
                        // Dead and not reaped is dead: that is its new parent's affair.
                        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else {
                            return true
                        }
                        return stat.split(separator: " ").dropFirst(2).first == "Z"
                    }
                }
            }
        }

        @Test func aRestartOnTheSameDiskGoesOn() async throws {
            try await Scratch.with("guard-again") { scratch in
                let place = try scratch.container("only")
                let one = try scratch.guarded(in: place, app: ["python3", "-c", GuardedApp.writer])
                try await one.waitForLog("snapshot published")
                let now = GuardedApp.acknowledged(in: place)
                try await Wait.until("more rows") { GuardedApp.acknowledged(in: place) > now + 20 }
                try await scratch.destroy(one)
                let all = GuardedApp.acknowledged(in: place)
                let again = try scratch.guarded(in: place, name: "again", app: ["python3", "-c", GuardedApp.writer])
                // Newer than any snapshot: nothing is lost, and the dead holder is not waited for.
                #expect(try await GuardedApp.found(again)[0] >= all)
                #expect(again.errors.contains("Went on with what lay on the disk"), "\(again.tail)")
                #expect(!again.errors.contains("it is asked to hand over"))
            }
        }

        /// 37: what is there and did not come from the vault is neither overwritten nor taken for the state.
        @Test func somethingElseAtTheStatesPlaceIsRefusedOrMovedAside() async throws {
            try await Scratch.with("guard-seed") { scratch in
                let first = try scratch.container("first")
                let one = try scratch.guarded(
                    in: first, app: ["/bin/sh", "-c", "mkdir -p data; echo state > data/file"])
                #expect(try await one.waitForExit() == .code(0), "\(one.tail)")
                let second = try scratch.container("second")
                try FileManager.default.createDirectory(atPath: second + "/data", withIntermediateDirectories: true)
                try Data("of the image".utf8).write(to: URL(fileURLWithPath: second + "/data/file"))
                let app = ["/bin/sh", "-c", "cat data/file"]
                let refused = try scratch.guarded(in: second, app: app)
                #expect(try await refused.waitForExit() == .code(76), "\(refused.tail)")
                #expect(refused.errors.contains("is not empty, and did not come from this vault"), "\(refused.tail)")
                #expect(refused.output == "")
                let aside = try scratch.guarded(in: second, more: ["--existing", "aside"], name: "aside", app: app)
                #expect(try await aside.waitForExit() == .code(0), "\(aside.tail)")
                #expect(aside.output == "state\n")
                let kept = try FileManager.default.contentsOfDirectory(atPath: second).filter {
                    $0.hasPrefix("data.before-")
                }
                #expect(kept.count == 1)
            }
        }

        /// 52: the app's own status, and its last state is kept.
        @Test(arguments: [("exit 7", 7), ("kill -9 $$", 137), ("exit 0", 0)])
        func theStatusIsTheApps(end: String, status: Int32) async throws {
            try await Scratch.with("guard-status") { scratch in
                let place = try scratch.container("one")
                let app = ["/bin/sh", "-c", "mkdir -p data; echo last > data/word; \(end)"]
                let one = try scratch.guarded(in: place, app: app)
                #expect(try await one.waitForExit() == .code(status), "\(one.tail)")
                let other = try scratch.guarded(in: try scratch.container("two"), app: ["/bin/cat", "data/word"])
                #expect(try await other.waitForExit() == .code(0), "\(other.tail)")
                #expect(other.output == "last\n")
            }
        }

        /// 51, 53: an app that ignores TERM, and a worker that left its group and session; the last snapshot is made all the same.
        @Test func whatDoesNotStopIsKilledAndNothingIsLeft() async throws {
            try await Scratch.with("guard-stop") { scratch in
                let app = """
                    import os, signal, time
                    os.makedirs('data', exist_ok=True)
                    signal.signal(signal.SIGTERM, lambda *_: open('data/asked', 'w').write('yes'))
                    if os.fork() == 0:
                        os.setsid()
                        if os.fork() == 0:
                            open('worker', 'w').write(str(os.getpid()))
                            signal.signal(signal.SIGTERM, signal.SIG_IGN)
                            while True: time.sleep(1)
                        os._exit(0)
                    os.wait()
                    print('ready', flush=True)
                    while True: time.sleep(1)
                    """
                let place = try scratch.container("one")
                let one = try scratch.guarded(in: place, app: ["python3", "-c", app])
                try await one.waitForLine("the app") { $0 == "ready" }
                let worker = try await Wait.for("the worker") {
                    (try? String(contentsOfFile: place + "/worker", encoding: .utf8)).flatMap { Int32($0) }
                }
                try await one.waitForLog("the app runs")
                one.send(SIGTERM)
                #expect(try await one.waitForExit(within: .seconds(15)) == .code(137), "\(one.tail)")
                #expect(kill(worker, 0) != 0, "it is reaped")
                let other = try scratch.guarded(in: try scratch.container("two"), app: ["/bin/cat", "data/asked"])
                #expect(try await other.waitForExit() == .code(0), "\(other.tail)")
                #expect(other.output == "yes")
            }
        }

        /// 32, 33: an app that deletes its data, or begins a new database, replaces nothing.
        @Test(arguments: [false, true]) func aCollapseIsHeldAndTheNewestStays(isDatabase: Bool) async throws {
            func python(_ words: String) -> String {
                "python3 -c \"import sqlite3; d = sqlite3.connect('data/x.db'); \(words)\""
            }
            let make = "d.execute('create table a (n)')"
            let fill =
                isDatabase
                ? python("\(make); d.execute('insert into a values (1)'); d.commit()")
                : "for i in $(seq 20); do head -c 20000 /dev/urandom > data/$i; done"
            let list =
                isDatabase
                ? python("print(d.execute('select * from a').fetchall())") : "ls data | wc -l; cat data/* | sha256sum"
            let lose = "rm -rf data/*; " + (isDatabase ? python("\(make); d.commit()") : "true")
            try await Scratch.with("guard-collapse") { scratch in
                func start(_ name: String, _ app: String) async throws -> StokerProcess {
                    let one = try scratch.guarded(
                        in: try scratch.container(name), name: name, app: ["/bin/sh", "-c", app])
                    #expect(try await one.waitForExit() == .code(0), "\(one.tail)")
                    return one
                }
                let first = try await start("first", "mkdir -p data; \(fill); \(list)")
                let second = try await start("second", lose)
                #expect(second.errors.contains("a snapshot is held"), "\(second.tail)")
                let third = try await start("third", list)
                #expect(third.output == first.output && !third.output.isEmpty)
            }
        }

        /// 55: a check that hangs or says no means no app.
        @Test func whatTheOwnersCheckDoesNotTakeStartsNoApp() async throws {
            try await Scratch.with("guard-verify") { scratch in
                func start(_ name: String, _ more: [String], _ app: String) async throws -> StokerProcess {
                    let one = try scratch.guarded(
                        in: try scratch.container(name), more: more, name: name, app: ["/bin/sh", "-c", app])
                    try await one.waitForExit()
                    return one
                }
                let first = try await start("first", [], "mkdir -p data; echo good > data/word")
                #expect(first.exit == .code(0), "\(first.tail)")
                let second = try await start("second", [], "echo bad > data/word")
                #expect(second.exit == .code(0), "\(second.tail)")
                let check = ["--verify", "grep -q good data/word"]
                let refused = try await start("third", check, "echo started")
                #expect(refused.exit == .code(76), "\(refused.tail)")
                #expect(refused.output == "")
                let older = try await start("fourth", check + ["--on-failed-restore", "older"], "cat data/word")
                #expect(older.exit == .code(0), "\(older.tail)")
                #expect(older.output == "good\n")
                #expect(older.errors.contains("Restored the older snapshot"))
            }
        }

        @Test func aKeySealsTheVaultAndAWrongOneIsToldAndWritesNothing() async throws {
            try await Scratch.with("guard-key") { scratch in
                func start(_ name: String, _ key: String) async throws -> StokerProcess {
                    let one = try scratch.guarded(
                        in: try scratch.container(name), environment: ["STOKER_KEY": key], name: name,
                        app: ["/bin/sh", "-c", "mkdir -p data; echo confidential-words >> data/word; env"])
                    try await one.waitForExit()
                    return one
                }
                let key = "correct horse battery staple"
                let one = try await start("one", key)
                #expect(one.exit == .code(0), "\(one.tail)")
                // What opens the vault is not handed to the app.
                #expect(!one.output.contains(key) && !one.errors.contains(key))
                let wrong = try await start("two", "another horse battery staple")
                #expect(wrong.exit == .code(76), "\(wrong.tail)")
                #expect(wrong.errors.contains("opens none of its"), "\(wrong.tail)")
                let vault = FileManager.default.enumerator(atPath: scratch.path + "/vault")
                while let name = vault?.nextObject() as? String {
                    let bytes = FileManager.default.contents(atPath: scratch.path + "/vault/" + name) ?? Data()
                    #expect(bytes.range(of: Data("confidential-words".utf8)) == nil, "\(name)")
                }
            }
        }

        /// PR3: the master hears of each recovery; PR1: a second vault has everything too.
        @Test func theMasterHearsOfItAndTheSecondVaultHasIt() async throws {
            try await Scratch.with("guard-beat") { scratch in
                let server = try await scratch.serve("version: 1\nheartbeats: { recovery: { every: 7d } }\n")
                let app = ["/bin/sh", "-c", "mkdir -p data; echo kept > data/word"]
                let one = try scratch.guarded(
                    in: try scratch.container("one"),
                    more: ["--vault", "folder:\(scratch.path)/second", "--heartbeat", "recovery"],
                    environment: ["STOKER_SERVER": server.address], app: app)
                #expect(try await one.waitForExit() == .code(0), "\(one.tail)")
                try await server.wait(for: "recovery", toBe: "up")
                let other = try scratch.guarded(
                    in: try scratch.container("two"), vault: "second", app: ["/bin/cat", "data/word"])
                #expect(try await other.waitForExit() == .code(0), "\(other.tail)")
                #expect(other.output == "kept\n")
            }
        }

        /// Situation 13: the vault is emptied, and the master knows more: no app is started, and the vault stays as it is.
        @Test func anEmptiedVaultStartsNothingWhereTheMasterKnowsMore() async throws {
            try await Scratch.with("guard-emptied") { scratch in
                let server = try await scratch.serve(
                    "version: 1\nvaults: { v: { folder: \(scratch.path)/vault } }\nspaces: { acme/bot: { persist: { vault: v, paths: [data] } } }\n"
                )
                let app = ["/bin/sh", "-c", "mkdir -p data; echo kept > data/word; sleep 600"]
                let one = try scratch.guarded(
                    in: try scratch.container("one"), more: ["--every", "1s", "--state", "acme/bot"],
                    environment: ["STOKER_SERVER": server.address], app: app)
                try await one.waitForLog("snapshot published")
                // The master's word of it: the guard tells at its start, and the look at the vault sees more.
                let state = "/api/v1/states/acme/bot"
                try await Wait.until("the master's word") {
                    try await server.json(state).recoveries.array.isEmpty == false
                }
                await one.stop(within: .seconds(10))
                try FileManager.default.removeItem(atPath: scratch.path + "/vault")
                let other = try scratch.guarded(
                    in: try scratch.container("two"), more: ["--state", "acme/bot"],
                    environment: ["STOKER_SERVER": server.address], app: ["/bin/echo", "began"])
                #expect(try await other.waitForExit() == .code(76), "\(other.tail)")
                #expect(other.errors.contains("was seen there before") && other.output.isEmpty, "\(other.tail)")
                #expect(!FileManager.default.fileExists(atPath: scratch.path + "/vault/acme/bot/v1/head"))
                // Without the master it cannot know, and says so.
                let alone = try scratch.guarded(
                    in: try scratch.container("three"), more: ["--state", "acme/bot"],
                    environment: ["STOKER_SERVER": "http://127.0.0.1:9"], app: ["/bin/echo", "began"])
                #expect(try await alone.waitForExit(within: .seconds(30)) == .code(0), "\(alone.tail)")
                #expect(alone.errors.contains("an emptied one would not be noticed"), "\(alone.tail)")
            }
        }

        /// A snapshot on request, by the signal, the command and the socket; what the app then loses is in it.
        @Test func aSnapshotIsMadeOnRequest() async throws {
            try await Scratch.with("guard-ask") { scratch in
                let place = try scratch.container("one")
                let app = "mkdir -p data; echo ready; while [ ! -e stop ]; do sleep 0.05; done"
                let one = try scratch.guarded(in: place, more: ["--every", "1h"], app: ["/bin/sh", "-c", app])
                try await one.waitForLine("the app") { $0 == "ready" }
                try await one.waitForLog("the app runs")
                _ = try scratch.write("first", to: "one/data/word")
                let socket = place + "/own/guard/main/guard.sock"
                // The guard's own first snapshot may have the first word already.
                let first = try await scratch.run(Binary.path, ["snapshots", "make", "--socket", socket, "--json"])
                #expect(first.exit == .code(0), "\(first.tail)")
                _ = try scratch.write("another", to: "one/data/word")
                let made = try await scratch.run(Binary.path, ["snapshots", "make", "--socket", socket, "--json"])
                #expect(made.exit == .code(0) && made.output.contains("\"published\""), "\(made.tail)")
                let published = one.errorLines.count { $0.contains("snapshot published") }
                _ = try scratch.write("second", to: "one/data/word")
                one.send(SIGUSR1)
                try await one.waitForLog("snapshot published", after: published)
                try await scratch.destroy(one)
                let other = try scratch.guarded(
                    in: try scratch.container("two"), more: ["--handover", "0s"], app: ["/bin/cat", "data/word"])
                #expect(try await other.waitForExit() == .code(0), "\(other.tail)")
                #expect(other.output == "second")
            }
        }

        /// Work that was not finished is taken again in the next life, what was finished never.
        @Test func theQueueSurvives() async throws {
            try await Scratch.with("guard-queue") { scratch in
                func start(_ name: String, _ app: String) async throws -> StokerProcess {
                    let one = try scratch.guarded(
                        in: try scratch.container(name), environment: ["STOKER": Binary.path], name: name,
                        app: ["/bin/sh", "-ec", app])
                    #expect(try await one.waitForExit() == .code(0), "\(one.tail)")
                    return one
                }
                _ = try await start(
                    "first",
                    "$STOKER queue push done; $STOKER queue push left; $STOKER queue done $($STOKER queue take | head -1); $STOKER queue take"
                )
                let second = try await start("second", "$STOKER queue take; $STOKER queue take || echo none")
                #expect(second.output == "2-2\nleft\nnone\n", "\(second.tail)")
            }
        }

        @Test func aSignalBeforeTheAppEndsItAndLeavesTheVault() async throws {
            try await Scratch.with("guard-early") { scratch in
                let first = try scratch.guarded(
                    in: try scratch.container("one"), app: ["/bin/sh", "-c", "mkdir -p data; echo 1 > data/word"])
                #expect(try await first.waitForExit() == .code(0), "\(first.tail)")
                let two = try scratch.guarded(
                    in: try scratch.container("two"), more: ["--verify", "touch begun; sleep 60"],
                    app: ["/bin/echo", "started"])
                try await Wait.until("the check") {
                    FileManager.default.fileExists(atPath: scratch.path + "/two/begun")
                }
                two.send(SIGTERM)
                #expect(try await two.waitForExit() == .code(143), "\(two.tail)")
                #expect(two.output == "")
                let three = try scratch.guarded(in: try scratch.container("three"), app: ["/bin/cat", "data/word"])
                #expect(try await three.waitForExit() == .code(0), "\(three.tail)")
                #expect(three.output == "1\n")
            }
        }
    }
}
