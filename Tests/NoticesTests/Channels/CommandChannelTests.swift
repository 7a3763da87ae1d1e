import Foundation
@testable import Notices
import StokerCore
import TestSupport
import Testing

@Suite("A command as a channel")
struct CommandChannelTests {
    static func deliver(_ script: String, limit: Duration = .seconds(20)) async throws -> Delivery {
        var channel = CommandChannel()
        channel.command = ["/bin/sh", "-c", script]
        let told = channel
        return try await Means.lend(limit: limit) { await told.deliver(.sample(), with: $0) }
    }

    @Test func itGetsTheMessageAsJSON() async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("told-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: file) }  // only scratch
        #expect(
            try await Self.deliver("cat > '\(file)'; echo \"$STOKER_NOTICE_KEY\" >> '\(file)'") == .delivered(note: nil)
        )
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
        let json = try JSONValue(reading: String(try #require(lines.first)))
        #expect(json["title"] == "bot is down")
        #expect(lines.last == "7-42-down")
    }

    @Test func itsStatusDecides() async throws {
        #expect(
            try await Self.deliver("echo no network >&2; exit 75")
                == .later(after: nil, because: "/bin/sh wants to be called later: no network"))
        #expect(
            try await Self.deliver("echo wrong number >&2; exit 3")
                == .refused(because: "/bin/sh ended with status 3: wrong number"))
    }

    /// Its input is longer than a pipe's buffer and nobody reads it.
    @Test func itMayIgnoreItsInput() async throws {
        var notice = Notice.sample()
        notice.subjects = (0..<50).map {
            .init(check: "check-\($0)", verdict: .down, sentence: String(repeating: "x", count: 2_000))
        }
        var channel = CommandChannel()
        channel.command = ["/bin/true"]
        let (told, message) = (channel, notice)
        #expect(try await Means.lend { await told.deliver(message, with: $0) } == .delivered(note: nil))
    }

    @Test(.timeLimit(.minutes(1))) func itIsEndedWhenItHangs() async throws {
        #expect(
            try await Self.deliver("exec sleep 600", limit: .milliseconds(400))
                == .later(after: nil, because: "/bin/sh was not done within 400 ms and was ended"))
    }

    /// What it leaves behind holds its standard error.
    @Test(.timeLimit(.minutes(1))) func aChildOfItIsNotWaitedFor() async throws {
        #expect(try await Self.deliver("sleep 20 & exit 0") == .delivered(note: nil))
    }

    @Test func aProgramThatIsNotThereIsFinal() async throws {
        for command in [["/nowhere/tell"], ["tell-nobody-has-this"]] {
            var channel = CommandChannel()
            channel.command = command
            let told = channel
            guard case .refused = try await Means.lend({ await told.deliver(.sample(), with: $0) }) else {
                Issue.record("\(command)")
                continue
            }
        }
    }
}
