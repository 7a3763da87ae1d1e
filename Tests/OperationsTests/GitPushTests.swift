import Foundation
import HubClient
import Logging
import StokerCore
import TestSupport
import Testing

@testable import Operations

@Suite("A push by bundle", .serialized, .timeLimit(.minutes(1))) struct GitPushTests {
    /// A git that starts a helper, as git does, and waits for it: `started` is there when it does.
    private static func git(in folder: String, seconds: Int) throws -> String {
        try ExecutableScript.write(
            "#!/bin/sh\nsleep \(seconds) &\ntouch \(folder)/started\nwait\nexit 7\n", to: folder + "/git")
    }

    @Test("one at a time; who calls it off does not wait for git's helper, and the next one may come")
    func oneAtATime() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/push-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }  // only scratch
        let hub = Hub(
            .init(endpoint: "http://127.0.0.1:1"), logger: Logger(label: "t") { _ in SwiftLogNoOpLogHandler() })
        let id = try RepoID(.space, "acme/bot")
        let context = OperationContext(now: { Instant(seconds: 1_790_000_000) })
        let bundle = Array("# v2 git bundle\n\(String(repeating: "a", count: 40)) refs/heads/main\n\n".utf8)
        func push(_ git: String) -> GitPush {
            GitPush(git: git, hub: hub, id: id, ref: "HEAD", branch: "main", force: false)
        }

        let slow = push(try Self.git(in: folder, seconds: 300))
        let first = Task { try await slow.run(bundle: bundle, context) }
        try await eventually("git was not started") { FileManager.default.fileExists(atPath: folder + "/started") }
        var busy = await #expect(throws: Failure.self) { try await slow.run(bundle: bundle, context) }
        #expect(busy?.code == .overloaded && busy?.retry == .after(.seconds(10)))
        first.cancel()
        await #expect(throws: (any Error).self) { try await first.value }
        // This one reaches git, which refuses.
        let quick = push(try Self.git(in: folder, seconds: 0))
        busy = await #expect(throws: Failure.self) { try await quick.run(bundle: bundle, context) }
        #expect(busy?.code == .usage, "\(busy.map { "\($0)" } ?? "")")
        // What is no bundle takes nobody's place.
        busy = await #expect(throws: Failure.self) { try await quick.run(bundle: Array("none".utf8), context) }
        #expect(busy?.code == .usage)
        try await hub.shutdown()
    }
}
