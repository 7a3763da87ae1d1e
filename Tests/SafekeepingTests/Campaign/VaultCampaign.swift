import Foundation
import NIOCore
import Runtime
import StokerCore
import Synchronization
import Testing

@testable import Safekeeping

/// Containers, a collection and restores on one vault, on a bad day: kills at any call, lost answers, requests that act much later or in part, old readings,
/// both kinds of 429, refusals without a cause, full disks, bits that flip, clocks that jump. What must hold is checked with everything that happened in hand.
struct VaultCampaign {
    /// A state of the app. Every change makes one of its own.
    struct Version: Sendable, Equatable {
        var number: Int
        /// The one it came from.
        var parent: Int?
        var files: [String: [UInt8]]
    }

    private final class Book: Sendable {
        struct Pages {
            var versions: [Int: Version] = [:]
            var acknowledged: Set<Int> = []
            var problems: [String] = []
            var publications = 0
            var restores = 0
            var fenced = 0
            var strays = 0
            var kills = 0
            /// Publications that did not succeed; the app goes on, and a later one holds what they would have.
            var failures = 0
            var damaged = 0
        }
        let pages = Mutex(Pages())
        func problem(_ text: String) { pages.withLock { $0.problems.append(text) } }
        func new(from parent: Version?, _ change: (inout [String: [UInt8]]) -> Void) -> Version {
            pages.withLock { pages in
                var files = parent?.files ?? [:]
                change(&files)
                let number = pages.versions.count + 1
                files["version"] = Array("\(number)".utf8)
                let version = Version(number: number, parent: parent?.number, files: files)
                pages.versions[number] = version
                return version
            }
        }
        func version(_ number: Int) -> Version? { pages.withLock { $0.versions[number] } }
        func descends(_ number: Int, from old: Int) -> Bool {
            pages.withLock { pages in
                var at: Int? = number
                while let here = at {
                    if here == old { return true }
                    at = pages.versions[here]?.parent
                }
                return false
            }
        }
    }

    struct Outcome: Sendable {
        var problems: [String]
        var publications: Int
        var restores: Int
        var fenced: Int
        var strays: Int
        var kills: Int
        var failures: Int
        /// Snapshots that damage was told of after a bit of their vault flipped for good.
        var damaged: Int
        /// Objects that were sent piece by piece, and those of them that broke off.
        var streams = (whole: 0, broken: 0)
    }

    let seed: UInt64
    var weather = Weather()
    /// After how many publications everything that is kept is read.
    var checksEach = 1
    /// The place as another process sees it; shut down at the end of the run.
    let open: @Sendable () async throws -> any Vault
    private static let key = VaultKey.open

    /// Time passes only while somebody waits.
    private static func clock() -> WaitClock {
        let passed = Mutex(Duration.zero)
        var clock = WaitClock.real
        clock.now = { passed.withLock { $0 } }
        clock.sleep = { wait in
            try Task.checkCancellation()
            passed.withLock { $0 += wait }
        }
        return clock
    }

    private func store(_ vault: any Vault, clockFrom random: UInt64 = 0) -> SnapshotStore {
        // Each look at the wall clock is up to a year beside the last one.
        let numbers = Mutex(Seeded(seed &* 31 &+ random &+ 1))
        return SnapshotStore(
            vault: vault, key: Self.key,
            now: {
                let year: Int64 = 365 * 86_400_000
                let jump = numbers.withLock { Int64.random(in: -year...year, using: &$0) }
                return Instant(milliseconds: 1_700_000_000_000 + jump)
            }, clock: Self.clock(), patience: .seconds(60))
    }

    /// Everything that a run opened.
    private final class Stage: Sendable {
        let network = BadNetwork()
        let turns: Turns
        let book = Book()
        /// That nothing disturbs.
        let view: any Vault
        private let opened = Mutex<[any Vault]>([])
        private let open: @Sendable () async throws -> any Vault
        init(seed: UInt64, open: @escaping @Sendable () async throws -> any Vault) async throws {
            turns = Turns(seed: seed)
            self.open = open
            view = try await open()
        }
        func vault() async throws -> any Vault {
            let vault = try await open()
            opened.withLock { $0.append(vault) }
            return vault
        }
        func shutdown() async {
            for vault in opened.withLock({ $0 }) { await vault.shutdown() }
            await view.shutdown()
        }
    }

    func run() async throws -> Outcome {
        let stage = try await Stage(seed: seed, open: open)
        let (turns, book) = (stage.turns, stage.book)
        await withTaskGroup(of: Void.self) { group in
            for who in 0..<2 {
                await turns.begin(who)
                group.addTask {
                    await container(who, stage)
                    await turns.end(who)
                }
            }
            await turns.begin(2)
            group.addTask {
                await collector(2, stage)
                await turns.end(2)
            }
            await turns.begin(3)
            group.addTask {
                await reader(3, stage)
                await turns.end(3)
            }
        }
        // What is still on its way acts in the end.
        await stage.network.letAllAct()
        await check(stage, "at the end")
        await checkStrays(stage)
        await damage(stage)
        await stage.shutdown()
        return book.pages.withLock {
            Outcome(
                problems: $0.problems, publications: $0.publications, restores: $0.restores, fenced: $0.fenced,
                strays: $0.strays, kills: $0.kills, failures: $0.failures, damaged: $0.damaged,
                streams: stage.network.streams.withLock { $0 })
        }
    }

    private static func stream(_ version: Version) -> AsyncThrowingStream<CapturedEntry, any Error> {
        var tree = ToldTree()
        for (name, bytes) in version.files {
            if name == "app.db" { tree.database(name, bytes, pageSize: 512) } else { tree.file(name, bytes) }
        }
        return tree.stream
    }

    /// What a snapshot holds, which must be a version as it was.
    private func version(_ snapshot: Snapshot, _ store: SnapshotStore, _ book: Book) async throws -> Version {
        let names = Names()
        try await store.list(snapshot) { names.add($0.path) }
        var files: [String: [UInt8]] = [:]
        for path in names.all {
            let content = Content()
            try await store.contents(of: path, in: snapshot) { content.add($0) }
            files[String(decoding: path, as: UTF8.self)] = content.all
        }
        let number = files["version"].flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? -1
        guard let known = book.version(number), known.files == files else {
            book.problem("SILENT CORRUPTION: the snapshot \(snapshot.number) of epoch \(snapshot.epoch) is no version")
            return Version(number: number, parent: nil, files: files)
        }
        return known
    }

    private final class Names: Sendable {
        private let held = Mutex<[[UInt8]]>([])
        var all: [[UInt8]] { held.withLock { $0 } }
        func add(_ path: [UInt8]) { held.withLock { $0.append(path) } }
    }
    private final class Content: Sendable {
        private let held = Mutex<[UInt8]>([])
        var all: [UInt8] { held.withLock { $0 } }
        func add(_ bytes: ArraySlice<UInt8>) { held.withLock { $0 += bytes } }
    }

    /// Boots, restores what the claim returned, runs an app, publishes; killed and fenced as it comes.
    private func container(_ who: Int, _ stage: Stage) async {
        let (turns, book) = (stage.turns, stage.book)
        for boot in 0..<3 {
            guard let inner = try? await stage.vault() else { return book.problem("the vault cannot be opened") }
            let vault = BadVault(inner, network: stage.network, who: who, turns: turns, weather: weather)
            let store = store(vault, clockFrom: UInt64(who * 10 + boot))
            var state: Version?
            var claimed: Claim?
            do {
                let claim = try await store.claim(as: "container \(who), boot \(boot)")
                claimed = claim
                if let newest = claim.newest {
                    state = try await version(newest, store, book)
                    book.pages.withLock { $0.restores += 1 }
                }
                for _ in 0..<(await turns.number(1...4)) {
                    let (name, length) = (await turns.number(0...4), await turns.number(1...9_000))
                    let salt = UInt64(await turns.number(1...1_000_000))
                    let next = book.new(from: state) { files in
                        // Half of the files hold what others held before: chunks that a collection may take away meanwhile.
                        files["file \(name)"] = Seeded(salt % 5 + 1).shuffled(length)
                        var pages = files["app.db"] ?? Seeded(99).shuffled(512 * 40)
                        pages.replaceSubrange(512 * name..<512 * name + 8, with: Seeded(salt).shuffled(8))
                        files["app.db"] = pages
                    }
                    state = next
                    do {
                        switch try await store.publish(
                            under: claim, mayCollapse: true, capture: { Self.stream(next) })
                        {
                        case .published:
                            let count = book.pages.withLock { pages in
                                pages.publications += 1
                                pages.acknowledged.insert(next.number)
                                return pages.publications
                            }
                            if count.isMultiple(of: checksEach) { await check(stage, "after version \(next.number)") }
                        case .unchanged, .held: book.problem("version \(next.number) was not published")
                        }
                    } catch {
                        if vault.isDead || error is Fenced { throw error }
                        // The app goes on, and so does its guard.
                        book.pages.withLock { $0.failures += 1 }
                    }
                }
                if await turns.chance(30) { try await store.release(claim) }
            } catch is Fenced {
                book.pages.withLock { $0.fenced += 1 }
                guard let claimed, let state else { continue }
                // What it had and had not published; a vault that refuses even that leaves it on the container's disk.
                if let id = try? await store.keepStray(of: claimed, capture: { Self.stream(state) }), !id.isEmpty {
                    book.pages.withLock { $0.strays += 1 }
                }
            } catch {
                // Killed, or it gave up: another boot may follow.
                if vault.isDead { book.pages.withLock { $0.kills += 1 } }
            }
        }
    }

    private func collector(_ who: Int, _ stage: Stage) async {
        for _ in 0..<4 {
            guard let inner = try? await stage.vault() else { return }
            let vault = BadVault(inner, network: stage.network, who: who, turns: stage.turns, weather: weather)
            let store = store(vault)
            // Killed or given up: the next one goes on.
            guard let kept = try? await store.snapshots() else { continue }
            let keep = await stage.turns.number(1...3)
            _ = try? await store.collect(dropping: Set(kept.dropFirst(keep).map(\.id)))
        }
    }

    /// A restore on another machine.
    private func reader(_ who: Int, _ stage: Stage) async {
        for _ in 0..<3 {
            guard let inner = try? await stage.vault() else { return }
            let store = store(
                BadVault(inner, network: stage.network, who: who, turns: stage.turns, weather: weather))
            guard let newest = try? await store.newest() else { continue }
            _ = try? await version(newest, store, stage.book)
        }
    }

    /// What fenced containers left is what they had.
    private func checkStrays(_ stage: Stage) async {
        let view = store(stage.view)
        let scratch = Scratch()
        guard let strays = try? await view.strays() else { return stage.book.problem("strays cannot be listed") }
        for stray in strays {
            let target = scratch(stray.snapshot.id)
            do {
                _ = try await view.restore(stray: stray.snapshot.id, to: target)
                let files = Scratch.contents(target)
                let number = files["version"].flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? -1
                if stage.book.version(number)?.files != files { stage.book.problem("SILENT CORRUPTION of a stray") }
            } catch {
                // A collection does not know strays: what they shared with snapshots may be gone, and that is told.
                guard (error as? Failure)?.code == .vaultDamaged else {
                    return stage.book.problem("a stray: \(error)")
                }
            }
        }
    }

    /// A bit of a stored pack flips: told where it matters, and never taken for what was written.
    private func damage(_ stage: Stage) async {
        do {
            let packs = try await stage.view.list(PackDirectory.prefix)
            guard seed.isMultiple(of: 2), !packs.isEmpty, let head = try await stage.view.readHead() else { return }
            var random = Seeded(seed &+ 5)
            let pack = packs[Int(random.next() % UInt64(packs.count))]
            guard var bytes = try await stage.view.read(pack.name) else {
                return stage.book.problem("a pack that was listed is not there")
            }
            let at = bytes.readerIndex + 40 + Int(random.next() % UInt64(max(1, bytes.readableBytes - 40)))
            guard let byte = bytes.getInteger(at: at, as: UInt8.self) else { return }
            bytes.setInteger(byte ^ 1, at: at)
            try await stage.view.put(bytes, as: pack.name, .withHead)
            // Where packs come with heads, one is needed.
            _ = try await stage.view.swapHead(head.bytes, expecting: head.version)
            let view = store(try await stage.vault())
            for snapshot in try await view.snapshots() {
                do {
                    _ = try await version(snapshot, view, stage.book)
                } catch {
                    stage.book.pages.withLock { $0.damaged += 1 }
                    guard (error as? Failure)?.code == .vaultDamaged, "\(error)".contains(pack.name) else {
                        stage.book.problem("damage was told as \(error)")
                        continue
                    }
                }
            }
        } catch {
            // The index itself may be in that pack.
            guard (error as? Failure)?.code == .vaultDamaged else {
                return stage.book.problem("after damage: \(error)")
            }
            stage.book.pages.withLock { $0.damaged += 1 }
        }
    }

    /// With a view of the store that nothing disturbs.
    private func check(_ stage: Stage, _ when: String) async {
        let book = stage.book
        let view = store(stage.view)
        do {
            let kept = try await view.snapshots()
            guard let newest = try await view.newest() else {
                if !book.pages.withLock({ $0.acknowledged.isEmpty }) {
                    book.problem("\(when): nothing is there any more")
                }
                return
            }
            var epoch: UInt64 = 0
            var last: Int?
            for snapshot in kept.reversed() {
                // Others may run on meanwhile: a head that was replaced names packs that may be gone.
                guard let version = try? await version(snapshot, view, book) else {
                    let now = try await view.snapshots()
                    if now.contains(where: { $0.id == snapshot.id }) {
                        book.problem(
                            "\(when): \(snapshot.id == newest.id ? "UNREADABLE NEWEST" : "unreadable") \(snapshot.number)"
                        )
                    }
                    continue
                }
                if snapshot.epoch < epoch { book.problem("\(when): epoch \(snapshot.epoch) over \(epoch)") }
                if let last, !book.descends(version.number, from: last) {
                    book.problem("\(when): OLDER REPLACED NEWER: \(version.number) knows nothing of \(last)")
                }
                epoch = snapshot.epoch
                last = version.number
            }
            guard let last else { return }
            for number in book.pages.withLock({ $0.acknowledged }) where !book.descends(last, from: number) {
                // One that was acknowledged after this head was read comes later.
                let now = try await view.newest()
                if now?.id == newest.id { book.problem("\(when): ACKNOWLEDGED \(number) is not in \(last)") }
            }
        } catch {
            book.problem("\(when): \(error)")
        }
    }
}

extension VaultCampaign {
    /// Runs seeds on one kind of vault, and fails where one has a problem. STOKER_VAULT_SEED is the first seed.
    /// - Parameters:
    ///   - streams: the place takes objects piece by piece.
    ///   - variable: names how many; when it is set, what happened is printed.
    ///   - place: of a seed: nobody else is in it.
    static func runs(
        _ kind: String, _ variable: String, sample: Int, checksEach: Int = 1, streams: Bool = false,
        at place: @Sendable (UInt64) async throws -> @Sendable () async throws -> any Vault
    ) async throws {
        let environment = ProcessInfo.processInfo.environment
        let runs = environment[variable].flatMap { Int($0) } ?? sample
        let first = environment["STOKER_VAULT_SEED"].flatMap { UInt64($0) } ?? 1
        let begin = ContinuousClock.now
        var sum = Outcome(
            problems: [], publications: 0, restores: 0, fenced: 0, strays: 0, kills: 0, failures: 0, damaged: 0)
        for seed in first..<first + UInt64(runs) {
            let outcome = try await VaultCampaign(seed: seed, checksEach: checksEach, open: try await place(seed)).run()
            #expect(outcome.problems == [], "\(kind), seed \(seed)")
            sum.problems += outcome.problems
            sum.publications += outcome.publications
            sum.restores += outcome.restores
            sum.fenced += outcome.fenced
            sum.strays += outcome.strays
            sum.kills += outcome.kills
            sum.failures += outcome.failures
            sum.damaged += outcome.damaged
            sum.streams.whole += outcome.streams.whole
            sum.streams.broken += outcome.streams.broken
        }
        // A campaign in which nothing happens proves nothing.
        #expect(sum.publications > 0 && (runs < 10 || (sum.restores > 0 && sum.kills > 0 && sum.fenced > 0)))
        #expect(!streams || (sum.streams.whole > 0 && sum.streams.broken > 0))
        guard environment[variable] != nil else { return }
        let seconds = Int((ContinuousClock.now - begin).components.seconds)
        print(
            "vault campaign, \(kind): \(runs) runs from seed \(first) in \(seconds) s: \(sum.problems.count) problems, \(sum.publications) publications, \(sum.failures) failed, \(sum.restores) restores, \(sum.fenced) fenced, \(sum.strays) strays, \(sum.kills) killed, \(sum.damaged) damaged and told\(streams ? ", \(sum.streams.whole) objects piece by piece, \(sum.streams.broken) broke off" : "")"
        )
    }
}
