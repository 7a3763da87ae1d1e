import Foundation
import Glibc

import TestSupport
import Testing

extension EndToEnd {
    /// The guard on hostile disks and after many deaths. Numbers are those of the table in `docs/safekeeping.md`.
    ///
    /// The limit is that of `make app-campaign`: of two limits the shorter one counts.
    @Suite(.serialized, .timeLimit(.minutes(60))) struct HostileGuardTests {
        /// 34
        @Test func anEmptyVaultIsSaid() async throws {
            try await Scratch.with("guard-first") { scratch in
                let one = try scratch.guarded(
                    in: try scratch.container("one"), app: ["/bin/sh", "-c", "mkdir -p data; echo x > data/x"])
                #expect(try await one.waitForExit() == .code(0), "\(one.tail)")
                #expect(one.errors.contains("The vault is empty: the first snapshot is made of what is here"))
                let two = try scratch.guarded(in: try scratch.container("two"), app: ["/bin/cat", "data/x"])
                #expect(try await two.waitForExit() == .code(0) && !two.errors.contains("The vault is empty"))
            }
        }

        /// 24, 23: a vault that takes nothing more stops no app; it is told until it is mended, and then everything is there.
        @Test func aVaultThatIsFullStopsNoApp() async throws {
            try await Scratch.with("guard-full") { scratch in
                let vault = try scratch.container("vault")
                let mounted = try await scratch.run("mount", ["-t", "tmpfs", "-o", "size=1m", "stoker-test", vault])
                guard mounted.exit == .code(0) else {
                    print("skipped: a tmpfs cannot be mounted here (needs root)")
                    return
                }
                let result: Result<Void, any Error>
                do { result = .success(try await full(vault, scratch)) } catch { result = .failure(error) }
                _ = try await scratch.run("umount", ["-l", vault])
                try result.get()
            }
        }

        private func full(_ vault: String, _ scratch: Scratch) async throws {
            let app =
                "mkdir -p data; echo small > data/a; echo ready; read word; head -c 4000000 /dev/urandom > data/large; "
                + "while [ ! -e stop ]; do date +%s%N > beat; sleep 0.05; done"
            _ = try await scratch.run("mkfifo", [scratch.path + "/word"])
            let place = try scratch.container("one")
            let one = try scratch.guarded(
                in: place, app: ["/bin/sh", "-c", "exec 3<> \(scratch.path)/word < \(scratch.path)/word; " + app])
            try await one.waitForLog("snapshot published")
            _ = try await scratch.run("/bin/sh", ["-c", "echo go > \(scratch.path)/word"])
            let told = try await one.waitForLog("No space left")
            #expect(told.contains("safe_until"), "\(told)")
            func beat() -> String? { try? String(contentsOfFile: place + "/beat", encoding: .utf8) }
            let before = beat()
            try await Wait.until("the app goes on") { beat() != before && beat()?.isEmpty == false }
            #expect(one.exit == nil)
            let published = one.errorLines.count { $0.contains("snapshot published") }
            _ = try await scratch.run("mount", ["-o", "remount,size=64m", vault])
            try await one.waitForLog("snapshot published", within: .seconds(60), after: published)
            try await scratch.destroy(one)
            let other = try scratch.guarded(
                in: try scratch.container("two"), more: ["--handover", "0s"],
                app: ["/bin/sh", "-c", "wc -c < data/large"])
            #expect(try await other.waitForExit() == .code(0), "\(other.tail)")
            #expect(other.output.trimmingCharacters(in: .whitespacesAndNewlines) == "4000000")
        }

        /// 48: exit 3 and a word in the log; the rest is kept.
        @Test func aFileThatCannotBeReadIsToldAndTheRequestEndsWith3() async throws {
            try await Scratch.with("guard-unreadable") { scratch in
                let place = try scratch.container("one")
                let app =
                    "mkdir -p data; echo kept > data/a; echo secret > data/b; chmod 000 data/b; \(Binary.path) snapshots make; echo status $?"
                // Root reads everything unless it gives that up.
                let isRoot = geteuid() == 0
                let caps = "-dac_override,-dac_read_search"
                let prefix = isRoot ? ["setpriv", "--bounding-set=\(caps)", "--inh-caps=\(caps)"] : []
                let given = [
                    "guard", "--vault", "folder:\(scratch.path)/vault", "--data", place + "/own", "--every", "1h",
                    "--path", "data", "--", "/bin/sh", "-c", app,
                ]
                let one = try scratch.start(
                    "/usr/bin/env",
                    ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", place] + prefix + [Binary.path] + given, name: "one")
                #expect(try await one.waitForExit(within: .seconds(30)) == .code(0), "\(one.tail)")
                #expect(one.output.contains("status 3"), "\(one.tail)")
                #expect(one.output.contains("without 1 file that cannot be read"), "\(one.tail)")
                #expect(one.errors.contains("data/b cannot be read (Permission denied) and is not kept"))
                let other = try scratch.guarded(
                    in: try scratch.container("two"), app: ["/bin/sh", "-c", "ls data; cat data/a"])
                #expect(try await other.waitForExit() == .code(0), "\(other.tail)")
                #expect(other.output == "a\nkept\n")
            }
        }

        // MARK: many deaths

        /// 500 transactions a second over three tables; old rows go, so that the database keeps its size.
        private static let writer = """
            import os, sqlite3, time
            os.makedirs('data', exist_ok=True)
            db = sqlite3.connect('data/app.db', isolation_level=None, timeout=30)
            db.execute('PRAGMA journal_mode=WAL'); db.execute('PRAGMA synchronous=NORMAL')
            for t in 'abc': db.execute(f'CREATE TABLE IF NOT EXISTS {t} (n INTEGER PRIMARY KEY, word TEXT)')
            facts = []
            for t in 'abc':
                count, first, last = db.execute(f'SELECT COUNT(*), COALESCE(MIN(n), 1), COALESCE(MAX(n), 0) FROM {t}').fetchone()
                facts.append(last if count == last - first + 1 else -1)
            if db.execute('PRAGMA integrity_check').fetchone()[0] != 'ok': facts[0] = -2
            print('found', *facts, flush=True)
            log = open('acknowledged', 'a', buffering=1)
            n = max(facts)
            begin = time.monotonic(); made = 0
            while True:
                n += 1
                db.execute('BEGIN IMMEDIATE')
                for t in 'abc':
                    db.execute(f'INSERT INTO {t} VALUES (?, ?)', (n, 'x' * 100))
                    db.execute(f'DELETE FROM {t} WHERE n <= ?', (n - 4000,))
                db.execute('COMMIT')
                log.write(f'{n} {time.time()}\\n')
                made += 1
                time.sleep(max(0, begin + made / 500 - time.monotonic()))
            """

        /// Numbers and the moments at which they were acknowledged to the app.
        private func acknowledged(_ place: String) -> [(number: Int, at: Double)] {
            let text = (try? String(contentsOfFile: place + "/acknowledged", encoding: .utf8)) ?? ""
            return text.split(separator: "\n").compactMap { line in
                let parts = line.split(separator: " ")
                guard parts.count == 2, let number = Int(parts[0]), let at = Double(parts[1]) else { return nil }
                return (number, at)
            }
        }

        private func started(_ name: String, _ place: String, _ scratch: Scratch) async throws -> (StokerProcess, Int) {
            let one = try scratch.guarded(
                in: place, more: ["--every", "1s", "--handover", "0s"], name: name,
                app: ["python3", "-c", Self.writer])
            let found = try await GuardedApp.found(one)
            #expect(found.count == 3 && Set(found).count == 1 && found[0] >= 0, "\(name): \(found)")
            return (one, found.first ?? 0)
        }

        /// Waits until what is acknowledged now, more than `last`, is in a publication, and says what that is.
        private func settled(_ one: StokerProcess, _ place: String, beyond last: Int) async throws -> Int {
            try await eventually("the app writes") { acknowledged(place).last?.number ?? 0 > last }
            let safe = acknowledged(place).last?.number ?? 0
            let count = one.errorLines.count { $0.contains("snapshot published") }
            // The one that is under way may have looked before; the next has not.
            try await one.waitForLog("snapshot published", within: .seconds(40), after: count + 1)
            return safe
        }

        /// A sample; `make app-campaign KILLS=200` runs as many as one likes.
        @Test func whatWasAcknowledgedBeforeTheLastPublicationSurvivesEveryDeath() async throws {
            let environment = ProcessInfo.processInfo.environment
            let kills = environment["STOKER_APP_KILLS"].flatMap { Int($0) } ?? 3
            let seed = environment["STOKER_APP_SEED"].flatMap { UInt64($0) } ?? 1
            var random = SeededNumbers(state: seed &* 0x9E37_79B9_7F4A_7C15 | 1)
            try await Scratch.with("guard-deaths") { scratch in
                var place = try scratch.container("c0")
                var (one, last) = try await started("c0", place, scratch)
                #expect(last == 0)
                var (fenced, moved, stayed, worst) = (0, 0, 0, 0.0)
                for kill in 1...kills {
                    let safe = try await settled(one, place, beyond: last)
                    try await Task.sleep(for: .milliseconds(Int.random(in: 0...1_400, using: &random)))
                    let way = kill <= 3 ? kill : Int.random(in: 1...5, using: &random)
                    let old = one
                    let before = place
                    switch way {
                    case 1:
                        // The container is replaced while the old one lives: its guard sleeps, its app writes on.
                        one.send(SIGSTOP)
                        place = try scratch.container("c\(kill)")
                        (one, last) = try await started("c\(kill)", place, scratch)
                        old.send(SIGCONT)
                        #expect(try await old.waitForExit(within: .seconds(40)) == .code(75), "\(old.tail)")
                        #expect(old.errors.contains("kept as a stray"), "\(old.tail)")
                        fenced += 1
                    case 2:
                        // Everything dies, the disk stays.
                        try await scratch.destroy(one)
                        let all = acknowledged(place).last?.number ?? 0
                        (one, last) = try await started("c\(kill)", place, scratch)
                        // Killed between a publication and its note on this disk, what lies there is moved aside, and that is told.
                        #expect(last >= all || one.errors.contains("what was there is now"), "\(last), \(all)")
                        stayed += 1
                    default:
                        let end = Date().timeIntervalSince1970
                        try await scratch.destroy(one)
                        place = try scratch.container("c\(kill)")
                        (one, last) = try await started("c\(kill)", place, scratch)
                        // What is lost is no older than the interval and 3 s.
                        if let first = acknowledged(before).first(where: { $0.number > last }) {
                            worst = max(worst, end - first.at)
                            #expect(end - first.at <= 4, "\(end - first.at) s are lost")
                            #expect(one.errors.contains("Lost: what was written after"), "\(one.tail)")
                        }
                        moved += 1
                    }
                    #expect(last >= safe, "death \(kill), way \(way): \(last) of \(safe)")
                    if before != place { try? FileManager.default.removeItem(atPath: before) }
                }
                await one.stop(within: .seconds(15))
                guard environment["STOKER_APP_KILLS"] != nil else { return }
                print(
                    "app campaign: \(kills) deaths from seed \(seed): \(moved) elsewhere, \(stayed) on the same disk, \(fenced) while the old one lived; most lost \(Int(worst * 1_000)) ms; \(last) transactions"
                )
            }
        }

        private struct SeededNumbers: RandomNumberGenerator {
            var state: UInt64
            mutating func next() -> UInt64 {
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                return state &* 0x2545_F491_4F6C_DD1D
            }
        }
    }
}
