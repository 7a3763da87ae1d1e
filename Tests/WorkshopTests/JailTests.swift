import Foundation
import Testing

@testable import Workshop

/// What code of a repository tries, and what comes of it, within every kind of walls that this machine has.
@Suite(.enabled(if: Jail.obstacle == nil)) struct JailTests {
    static let walls = Jail.Walls.allCases.filter { Jail.works($0) }

    private static func run(
        _ script: String, seconds: Int = 5, _ walls: Jail.Walls
    ) async throws -> (Jail.Ended, files: [String]) {
        let folder = FileManager.default.temporaryDirectory.path + "/jail-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder + "/in", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }  // in the temporary folder anyway
        try "secret".write(toFile: folder + "/outside", atomically: true, encoding: .utf8)
        var jail = Jail(folder: folder + "/in", seconds: seconds, walls: walls)
        jail.memory = 256 << 20
        jail.limit = 100_000
        let ended = try await jail.run("/bin/sh", ["-c", script])
        let files = try FileManager.default.subpathsOfDirectory(atPath: folder).sorted()
        return (ended, files)
    }

    @Test(arguments: walls) func itWorksInItsFolder(_ walls: Jail.Walls) async throws {
        let (ended, files) = try await Self.run("echo hello > a && cat a && mkdir b && rm a", walls)
        #expect(ended == Jail.Ended(status: 0, output: "hello\n", isOverTime: false))
        #expect(files == ["in", "in/b", "outside"])
    }

    /// Each ends with 0 only where it worked.
    static let attacks = [
        "cat ../outside", "cat /etc/passwd", "ls /root || ls /home", "echo x > ../new", "rm ../outside",
        "ln -s ../outside l && cat l", "unshare -U true", "unshare -n true", "mount -t tmpfs x .",
        "kill -9 $PPID && ! kill -0 $PPID",
        "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 1))'",
        "python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b\"x\", (\"192.0.2.1\", 9))'",
        "python3 -c 'bytearray(1 << 30)'",
        // A variable that the jail was not given.
        "tr '\\0' '\\n' </proc/1/environ | grep -v -E '^(PATH|HOME|TMPDIR|LC_ALL|TZ|PWD|OLDPWD)='",
        "chmod 4755 /bin/sh",
    ]

    @Test(arguments: walls, attacks) func whatLeadsOutFails(_ walls: Jail.Walls, _ script: String) async throws {
        let (ended, files) = try await Self.run(script, walls)
        #expect(ended.status != 0 && !ended.output.contains("secret"), "\(ended)")
        #expect(files.filter { !$0.hasPrefix("in/") } == ["in", "outside"])
    }

    @Test(arguments: walls) func itsEnvironmentIsEmpty(_ walls: Jail.Walls) async throws {
        let (ended, _) = try await Self.run("env", walls)
        let names = ended.output.split(separator: "\n").compactMap { $0.split(separator: "=").first.map(String.init) }
        #expect(
            Set(names).subtracting(["PATH", "HOME", "TMPDIR", "LC_ALL", "TZ", "PWD", "OLDPWD", "_", "SHLVL"]).isEmpty)
    }

    @Test(arguments: walls) func timeAndOutputAreBounded(_ walls: Jail.Walls) async throws {
        let (slow, _) = try await Self.run("sleep 60", seconds: 1, walls)
        #expect(slow.isOverTime)
        let (loud, _) = try await Self.run("yes | head -c 5000000", walls)
        #expect(loud.output.utf8.count == 100_000)
    }

    /// Memory that no process is charged for would be a way round its limit.
    @Test(arguments: walls) func onlyItsFolderTakesFiles(_ walls: Jail.Walls) async throws {
        let (ended, _) = try await Self.run(
            "for place in / /tmp /dev /dev/shm /var/tmp /proc; do (echo x > $place/mark) 2>/dev/null && echo $place; done; echo over",
            walls)
        #expect(ended.output == "over\n")
    }

    /// A daemon that left its session, and a bomb of processes.
    @Test(arguments: walls) func nothingOutlivesIt(_ walls: Jail.Walls) async throws {
        let mark = "7\(UInt32.random(in: 100_000...999_999))"
        let (daemon, _) = try await Self.run(
            "(setsid sleep \(mark) &) ; (setsid sh -c 'sleep \(mark) & sleep \(mark)' &) ; echo begun", walls)
        #expect(daemon.output == "begun\n")
        let (_, _) = try await Self.run("f() { f | f & }; f; sleep \(mark)", seconds: 2, walls)
        let left = try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { process in
            guard process.first?.isNumber == true,
                let line = FileManager.default.contents(atPath: "/proc/\(process)/cmdline")
            else { return false }
            return String(decoding: line, as: UTF8.self).contains(mark)
        }
        #expect(left.isEmpty)
    }

    /// One jail at its limit of processes, another that works meanwhile.
    @Test(arguments: walls) func aBombInOneJailIsNoneInAnother(_ walls: Jail.Walls) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { _ = try await Self.run("f() { f | f & }; f; sleep 9", seconds: 2, walls) }
            group.addTask {
                for _ in 0..<5 {
                    let (ended, _) = try await Self.run("for i in 1 2 3; do (true; echo $i) & done; wait", walls)
                    #expect(ended.status == 0 && ended.output.split(separator: "\n").count == 3, "\(ended)")
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func eachJailHasAUserOfItsOwn() {
        let users = (0..<50).map { _ in JailUser.take() }
        #expect(Set(users).count == 50 && users.allSatisfy(JailUser.all.contains))
        users.forEach(JailUser.giveBack)
    }
}
