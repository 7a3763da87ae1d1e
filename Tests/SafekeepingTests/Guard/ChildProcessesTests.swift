import Foundation
import Glibc
import StokerCore
import Testing

@testable import Safekeeping

/// The guard's children: started, ended, reaped.
@Suite struct ChildProcessesTests {
    static let environment = ["PATH": "/usr/bin:/bin"]

    @Test(arguments: [("exit 0", ProcessEnd.exited(0)), ("exit 7", .exited(7)), ("kill -9 $$", .killed(signal: 9))])
    func anEndIsTold(script: String, end: ProcessEnd) async throws {
        let program = ChildProcesses.Program(["sh", "-c", script], environment: Self.environment)
        #expect(try await ChildProcesses.own.run(program, within: .seconds(20)) == end)
    }

    @Test func whatTakesTooLongIsKilledWithItsGroup() async throws {
        let place = try TreeCaptureTests.Place()
        var program = ChildProcesses.Program(
            ["sh", "-c", "sleep 600 & echo $! > child; wait"], environment: Self.environment)
        program.folder = place.path
        #expect(try await ChildProcesses.own.run(program, within: .milliseconds(300)) == nil)
        let child = try #require(
            Int32(
                try String(contentsOfFile: place.path + "/child", encoding: .utf8).trimmingCharacters(
                    in: .whitespacesAndNewlines)))
        for _ in 0..<500 where kill(child, 0) == 0 && Self.state(child) != "Z" {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(kill(child, 0) != 0 || Self.state(child) == "Z")
    }

    private static func state(_ pid: Int32) -> String? {
        (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8))?.split(separator: " ").dropFirst(2).first
            .map(String.init)
    }

    /// A process that adopts nobody's children leaves those of others to whoever started them, however late they ask.
    @Test func theDeadOfOthersWaitForThem() async throws {
        // Ours, so that somebody reaps.
        let program = ChildProcesses.Program(["sh", "-c", "exit 0"], environment: Self.environment)
        #expect(try await ChildProcesses.own.run(program, within: .seconds(20)) == .exited(0))
        var pid: pid_t = 0
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sh"), strdup("-c"), strdup("exit 7"), nil]
        defer { arguments.forEach { free($0) } }
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        try #require(posix_spawn(&pid, "/bin/sh", nil, nil, &arguments, &environment) == 0)
        try await Task.sleep(for: .seconds(4))
        var status: Int32 = 0
        #expect(waitpid(pid, &status, WNOHANG) == pid)
        #expect(ProcessEnd(waitStatus: status) == .exited(7))
    }

    @Test func whatIsNoProgramIsTold() {
        let failure = #expect(throws: Failure.self) {
            try ChildProcesses.own.start(.init(["/no/such/program"], environment: [:])) { _ in }
        }
        #expect(failure?.code == .programUnstartable)
    }

    /// Killed, and its parent has not asked yet: nobody waits for it to hand over.
    @Test func aHolderIsDeadBeforeItsParentAsks() async throws {
        var pid: pid_t = 0
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("60"), nil]
        defer { arguments.forEach { free($0) } }
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        try #require(posix_spawn(&pid, "/bin/sleep", nil, nil, &arguments, &environment) == 0)
        let text = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        var holder = GuardHolder.own
        holder.pid = pid
        holder.began = try #require(UInt64(text.split(separator: " ")[21]))
        #expect(!holder.isDead)
        kill(pid, SIGKILL)
        for _ in 0..<500 where Self.state(pid) != "Z" { try await Task.sleep(for: .milliseconds(10)) }
        #expect(Self.state(pid) == "Z" && holder.isDead)
        #expect(waitpid(pid, nil, 0) == pid && holder.isDead)
    }

    @Test func aHolderIsDeadWhenItsProcessIsGone() throws {
        let own = GuardHolder.own
        #expect(GuardHolder(reading: own.text) == own)
        #expect(!own.isDead)
        var later = own
        later.began += 1
        #expect(later.isDead, "another process had that number")
        var elsewhere = later
        elsewhere.host = "elsewhere"
        #expect(!elsewhere.isDead, "nobody knows")
        #expect(GuardHolder(reading: "somebody") == nil)
        #expect(GuardHolder.shown("somebody") == "somebody")
    }
}

/// Where guarded paths lie, and what is there already.
@Suite struct GuardedPlacesTests {
    let place: TreeCaptureTests.Place
    init() throws {
        place = try TreeCaptureTests.Place()
        try FileManager.default.createDirectory(atPath: place.path + "/own", withIntermediateDirectories: true)
    }

    func places(vault: String = "folder:/v") throws -> GuardedPlaces {
        GuardedPlaces(paths: try GuardedPath.list(["data"], in: place.path), data: place.path + "/own", vault: vault)
    }

    @Test func whatWasRestoredIsKnownAgainAndNothingElse() throws {
        let places = try places()
        #expect(places.occupied.isEmpty && places.origin == nil)
        try place.write("x", to: "file")
        #expect(places.occupied.count == 1 && places.origin == nil)
        try places.note(snapshot: "abc")
        #expect(places.origin == "abc")
        #expect(try self.places(vault: "folder:/other").origin == nil)
        // A folder that came with an image has the note of an earlier one beside it, and no mark.
        try FileManager.default.removeItem(atPath: place.path + "/data")
        try place.write("seed", to: "file")
        #expect(places.origin == nil)
    }

    @Test func theMarkIsNoPartOfASnapshot() async throws {
        try place.write("x", to: "file")
        try places().note(snapshot: "abc")
        let all = try await TreeCaptureTests.entries(try place.capture())
        #expect(all.allSatisfy { $0.facts.attributes.isEmpty })
    }

    @Test func aRestoreSettlesWhereNothingIsAndOverwritesNothing() throws {
        let places = try places()
        let stages = try places.stages("id")
        try FileManager.default.createDirectory(atPath: stages[0].restored, withIntermediateDirectories: true)
        try Data("restored".utf8).write(to: URL(fileURLWithPath: stages[0].restored + "/file"))
        try place.write("mine", to: "file")
        #expect(throws: Failure.self) { try GuardedPlaces.settle(stages) }
        #expect(try String(contentsOfFile: place.path + "/data/file", encoding: .utf8) == "mine")
        let aside = try places.moveAside("now")
        #expect(aside == [place.path + "/data.before-now"])
        try GuardedPlaces.settle(stages)
        #expect(try String(contentsOfFile: place.path + "/data/file", encoding: .utf8) == "restored")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: place.path).sorted() == [
                "data", "data.before-now", "own",
            ])
    }
}
