import Foundation
import NIOCore
import Runtime
import StokerCore
import Synchronization

@testable import Safekeeping

/// Containers, a collection and restores on one vault, on a bad day. What must hold is checked with everything that happened in hand.
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
    }

    let seed: UInt64
    var weather = Weather()
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

    private func store(_ vault: any Vault) -> SnapshotStore {
        SnapshotStore(
            vault: vault, key: Self.key, now: { Instant(milliseconds: 1_700_000_000_000) }, clock: Self.clock(),
            patience: .seconds(60))
    }

    func run() async -> Outcome {
        let model = ModelStore()
        let book = Book()
        let turns = Turns(seed: seed, store: model)
        await withTaskGroup(of: Void.self) { group in
            for who in 0..<2 {
                await turns.begin(who)
                group.addTask {
                    await container(who, model, turns, book)
                    await turns.end(who)
                }
            }
            await turns.begin(2)
            group.addTask {
                await collector(2, model, turns, book)
                await turns.end(2)
            }
            await turns.begin(3)
            group.addTask {
                await reader(3, model, turns, book)
                await turns.end(3)
            }
        }
        // What is still on its way acts in the end.
        var random = Seeded(seed &+ 1)
        while model.state.withLock({ !$0.late.isEmpty }) { model.letOneAct(&random) }
        await check(model, book, "at the end")
        return book.pages.withLock {
            Outcome(
                problems: $0.problems, publications: $0.publications, restores: $0.restores, fenced: $0.fenced,
                strays: $0.strays, kills: $0.kills)
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
    private func container(_ who: Int, _ model: ModelStore, _ turns: Turns, _ book: Book) async {
        for boot in 0..<3 {
            let vault = BadVault(model, who: who, turns: turns, weather: weather)
            let store = store(vault)
            do {
                let claim = try await store.claim(as: "container \(who), boot \(boot)")
                var state: Version?
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
                    switch try await store.publish(
                        under: claim, mayCollapse: true, capture: { Self.stream(next) })
                    {
                    case .published:
                        book.pages.withLock {
                            $0.publications += 1
                            $0.acknowledged.insert(next.number)
                        }
                        await check(model, book, "after version \(next.number)")
                    case .unchanged, .held: book.problem("version \(next.number) was not published")
                    }
                    state = next
                }
                if await turns.chance(30) { try await store.release(claim) }
            } catch is Fenced {
                book.pages.withLock { $0.fenced += 1 }
            } catch {
                // Killed, or it gave up: another boot may follow.
                if vault.isDead { book.pages.withLock { $0.kills += 1 } }
            }
        }
    }

    private func collector(_ who: Int, _ model: ModelStore, _ turns: Turns, _ book: Book) async {
        for _ in 0..<4 {
            let vault = BadVault(model, who: who, turns: turns, weather: weather)
            let store = store(vault)
            // Killed or given up: the next one goes on.
            guard let kept = try? await store.snapshots() else { continue }
            let keep = await turns.number(1...3)
            _ = try? await store.collect(dropping: Set(kept.dropFirst(keep).map(\.id)))
        }
    }

    /// A restore on another machine.
    private func reader(_ who: Int, _ model: ModelStore, _ turns: Turns, _ book: Book) async {
        for _ in 0..<3 {
            let store = store(BadVault(model, who: who, turns: turns, weather: weather))
            guard let newest = try? await store.newest() else { continue }
            _ = try? await version(newest, store, book)
        }
    }

    /// With a view of the store that nothing disturbs.
    private func check(_ model: ModelStore, _ book: Book, _ when: String) async {
        let view = store(ModelVault(store: model))
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
