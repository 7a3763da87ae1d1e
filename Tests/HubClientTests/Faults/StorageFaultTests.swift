import Foundation
import HubSimulator
import StokerCore
import Testing

@testable import HubClient

/// What goes wrong between the client and the host that large files go to and come from: what arrives is right, or nothing is said to have
/// arrived.
@Suite struct StorageFaultTests {
    private static let size = 300_000

    private static let content: [UInt8] = {
        var random = SplitMix64(seed: 11)
        return random.bytes(size)
    }()

    /// - Parameter body: a client, its world, a repository, and a folder of its own.
    private static func with(
        parts: Bool = false, _ body: (Hub, SimulatedWorld, RepoID, Scratch) async throws -> Void
    ) async throws {
        var configuration = HubConfiguration(time: SimulatedTime(.scaled(100)))
        if parts {
            configuration.limits.singlePart = 100_000
            configuration.limits.part = 70_000
        }
        let world = try await SimulatedWorld.start(configuration)
        let hub = Hub(
            .init(endpoint: world.endpoint, token: Secret("hf_maren")),
            pace: HubRateLimiter(clock: FastClock().hubClock),
            logger: LogNotes().logger, jitter: { 0 })
        let scratch = try Scratch()
        do {
            let repo = try RepoID(.dataset, "maren/large")
            _ = try await hub.ensure(NewRepo(repo))
            try await body(hub, world, repo, scratch)
        } catch {
            try await hub.shutdown()
            await world.shutdown()
            throw error
        }
        try await hub.shutdown()
        await world.shutdown()
    }

    private static func upload(_ hub: Hub, _ repo: RepoID, _ scratch: Scratch) async throws(HubFailure) -> CommitResult
    {
        var options = UploadOptions()
        options.stateFolder = scratch.path + "/state"
        return try await hub.upload(folder: scratch.path + "/in", to: repo, options: options)
    }

    static let faults: [Fault.Kind] = [
        .changed, .broken(after: 0), .broken(after: 20_000), .status(403, message: "Request has expired"),
        .status(503, message: "SlowDown"),
        .slow(.seconds(20)), .drip(bytesPerSecond: 2_000_000), .cut, .lost,
    ]

    @Test(arguments: faults, [false, true]) func anUploadGetsThrough(fault: Fault.Kind, parts: Bool) async throws {
        try await Self.with(parts: parts) { hub, world, repo, scratch async throws in
            try scratch.write("in/model.bin", Self.content)
            world.faults.add(Fault(fault, method: "PUT", path: parts ? "/parts/*/*" : "/objects/*/*", host: .storage))
            // The storage refuses what was changed, and in parts only when all are there; a fresh address that is refused is not asked for again.
            // Both are told, nothing is committed, and the next try gets through.
            var result: CommitResult?
            for _ in 0..<3 where result == nil {
                do throws(HubFailure) { result = try await Self.upload(hub, repo, scratch) } catch {
                    let isTold =
                        switch fault {
                        case .changed: error.kind == .invalid || error.kind == .unreadable
                        case .status(403, _): error.kind == .forbidden && error.hint?.contains("try again") == true
                        default: false
                        }
                    #expect(isTold, "\(error)")
                    #expect(try await hub.tree(of: repo).all().allSatisfy { $0.path != "model.bin" })
                }
            }
            #expect(result?.written == 1)
            #expect(world.faults.faults.first?.met == 1)
            _ = try await hub.download("model.bin", from: repo, to: scratch.path + "/out")
            #expect(try scratch.read("out/model.bin") == Self.content)
        }
    }

    /// A fault that stays ends the upload, within bounds, and nothing is committed.
    @Test(arguments: [Fault.Kind.changed, .broken(after: 20_000), .status(403, message: "AccessDenied"), .cut])
    func anUploadThatCannotGetThroughEnds(fault: Fault.Kind) async throws {
        try await Self.with { hub, world, repo, scratch async throws in
            try scratch.write("in/model.bin", Self.content)
            world.faults.add(Fault(fault, method: "PUT", path: "/objects/*/*", times: nil, host: .storage))
            let head = try await hub.info(of: repo).sha
            let failure = await #expect(throws: HubFailure.self) { try await Self.upload(hub, repo, scratch) }
            #expect(failure?.said.isEmpty == false)
            #expect(try await hub.info(of: repo).sha == head)
            #expect((1...100).contains(world.faults.faults.first?.met ?? 0))
            world.faults.clear()
            #expect(try await Self.upload(hub, repo, scratch).written == 1)
        }
    }

    @Test(arguments: faults) func aDownloadIsRightOrNotThere(fault: Fault.Kind) async throws {
        try await Self.with { hub, world, repo, scratch async throws in
            try scratch.write("in/model.bin", Self.content)
            _ = try await Self.upload(hub, repo, scratch)
            world.faults.add(Fault(fault, method: "GET", path: "/objects/*/*", host: .storage))
            do throws(HubFailure) {
                let got = try await hub.download("model.bin", from: repo, to: scratch.path + "/out")
                // What was there before a break is not fetched again.
                #expect(got.received == Int64(Self.size))
                #expect(fault != .changed)
            } catch {
                let isFinal =
                    switch fault {
                    case .changed: error.kind == .unreadable
                    case .status(403, _): error.kind == .forbidden && error.hint?.contains("no longer good") == true
                    default: false
                    }
                #expect(isFinal, "\(error)")
                #expect(!FileManager.default.fileExists(atPath: scratch.path + "/out/model.bin"))
                _ = try await hub.download("model.bin", from: repo, to: scratch.path + "/out")
            }
            #expect(world.faults.faults.first?.met == 1)
            #expect(try scratch.read("out/model.bin") == Self.content)
            #expect(try scratch.names().filter { $0.hasSuffix(".part") } == [])
        }
    }

    /// The questions about large files go to the Hub itself.
    @Test(arguments: [
        Fault.Kind.changed, .broken(after: 10), .status(503, message: "Service Unavailable"), .html(502), .empty, .lost,
        .cut,
        .slow(.seconds(10)),
    ]) func aBatchThatGoesWrong(fault: Fault.Kind) async throws {
        try await Self.with { hub, world, repo, scratch async throws in
            try scratch.write("in/model.bin", Self.content)
            world.faults.add(Fault(fault, method: "POST", path: "/datasets/maren/large.git/info/lfs/objects/batch"))
            do throws(HubFailure) { _ = try await Self.upload(hub, repo, scratch) } catch {
                #expect([.unreadable, .invalid, .trouble].contains(error.kind), "\(error)")
                #expect(try await hub.tree(of: repo).all().allSatisfy { $0.path != "model.bin" })
                _ = try await Self.upload(hub, repo, scratch)
            }
            #expect(world.faults.faults.first?.met == 1)
            _ = try await hub.download("model.bin", from: repo, to: scratch.path + "/out")
            #expect(try scratch.read("out/model.bin") == Self.content)
        }
    }
}
