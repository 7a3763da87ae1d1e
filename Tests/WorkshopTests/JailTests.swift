import Foundation
import Testing

@testable import Workshop

/// What code of a repository tries, and what comes of it.
///
/// One after the other: the limit of processes is the user's, and one jail's bomb takes it from all.
@Suite(.serialized, .enabled(if: Jail.obstacle == nil)) struct JailTests {
    private static func run(_ script: String, seconds: Int = 5) async throws -> (Jail.Ended, files: [String]) {
        let folder = FileManager.default.temporaryDirectory.path + "/jail-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder + "/in", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }  // in the temporary folder anyway
        try "secret".write(toFile: folder + "/outside", atomically: true, encoding: .utf8)
        if geteuid() == 0 { chown(folder + "/in", Jail.user, Jail.user) }
        var jail = Jail(folder: folder + "/in", seconds: seconds)
        jail.memory = 256 << 20
        jail.limit = 100_000
        let ended = try await jail.run("/bin/sh", ["-c", script])
        let files = try FileManager.default.subpathsOfDirectory(atPath: folder).sorted()
        return (ended, files)
    }

    @Test func itWorksInItsFolder() async throws {
        let (ended, files) = try await Self.run("echo hello > a && cat a && mkdir b && rm a")
        #expect(ended == Jail.Ended(status: 0, output: "hello\n", isOverTime: false))
        #expect(files == ["in", "in/b", "outside"])
    }

    @Test(arguments: [
        "cat ../outside", "cat /etc/passwd", "ls /root /home", "echo x > ../new", "rm ../outside",
        "ln -s ../outside l && cat l",
        "unshare -U true", "unshare -n true", "mount -t tmpfs x .", "kill -9 $PPID",
        "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 1))'",
        "python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)'",
        "python3 -c 'bytearray(1 << 30)'", "cat /proc/1/environ", "chmod 4755 /bin/sh",
    ])
    func whatLeadsOutFails(_ script: String) async throws {
        let (ended, files) = try await Self.run(script)
        #expect(ended.status != 0 && !ended.output.contains("secret"), "\(ended)")
        #expect(files.filter { !$0.hasPrefix("in/") } == ["in", "outside"])
    }

    @Test func itsEnvironmentIsEmpty() async throws {
        let (ended, _) = try await Self.run("env")
        let names = ended.output.split(separator: "\n").compactMap { $0.split(separator: "=").first.map(String.init) }
        #expect(
            Set(names).subtracting(["PATH", "HOME", "TMPDIR", "LC_ALL", "TZ", "PWD", "OLDPWD", "_", "SHLVL"]).isEmpty)
    }

    @Test func timeAndOutputAreBounded() async throws {
        let (slow, _) = try await Self.run("sleep 60", seconds: 1)
        #expect(slow.isOverTime)
        let (loud, _) = try await Self.run("yes | head -c 5000000")
        #expect(loud.output.utf8.count == 100_000)
    }

    /// A daemon that left its session, and a bomb of processes.
    @Test func nothingOutlivesIt() async throws {
        let mark = "7\(UInt32.random(in: 100_000...999_999))"
        let (daemon, _) = try await Self.run(
            "(setsid sleep \(mark) &) ; (setsid sh -c 'sleep \(mark) & sleep \(mark)' &) ; echo begun")
        #expect(daemon.output == "begun\n")
        let (_, _) = try await Self.run("f() { f | f & }; f; sleep \(mark)", seconds: 2)
        let left = try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { process in
            guard process.first?.isNumber == true,
                let line = FileManager.default.contents(atPath: "/proc/\(process)/cmdline")
            else { return false }
            return String(decoding: line, as: UTF8.self).contains(mark)
        }
        #expect(left.isEmpty)
    }
}
