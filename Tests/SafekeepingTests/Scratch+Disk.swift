import Foundation

/// A small file system of its own; nil where the test may not mount one (it prints why).
final class SmallDisk: Sendable {
    let folder: String

    init?(kilobytes: Int, in scratch: Scratch) throws {
        folder = scratch("disk")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        guard Self.run(["mount", "-t", "tmpfs", "-o", "size=\(kilobytes)k", "stoker-test", folder]) == 0 else {
            print("skipped: a tmpfs cannot be mounted here (needs root)")
            return nil
        }
    }

    deinit { _ = Self.run(["umount", "-l", folder]) }

    /// So that nothing more can be written to it.
    func fill() {
        let path = folder + "/filler"
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        guard let file = FileHandle(forWritingAtPath: path) else { return }
        while (try? file.write(contentsOf: Data(repeating: 7, count: 4_096))) != nil {}
    }

    func empty() throws { try FileManager.default.removeItem(atPath: folder + "/filler") }

    private static func run(_ command: [String]) -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return 127 }
        process.waitUntilExit()
        return process.terminationStatus
    }
}
