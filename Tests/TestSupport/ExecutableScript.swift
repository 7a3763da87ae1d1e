import Foundation

/// A script that a test writes and has executed.
package enum ExecutableScript {
    /// Writes it so that it can be executed at once.
    ///
    /// A program started by another test may have inherited our open file until its exec, and executing a file that anybody has open for writing
    /// fails with "Text file busy" (execve(2), ETXTBSY). So a child process makes the file that is executed.
    @discardableResult package static func write(_ text: String, to path: String) throws -> String {
        let source = path + ".source"
        try text.write(toFile: source, atomically: true, encoding: .utf8)
        let install = try Process.run(URL(filePath: "/usr/bin/install"), arguments: ["-m", "755", source, path])
        install.waitUntilExit()
        try FileManager.default.removeItem(atPath: source)
        guard install.terminationStatus == 0 else { throw CocoaError(.fileWriteUnknown) }
        return path
    }
}
