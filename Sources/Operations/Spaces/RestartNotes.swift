import Foundation
package import HubClient
import NIOPosix
import Runtime
package import StokerCore

/// What commands of this machine have begun and must not leave: a Space that is paused for a change is to be restarted.
///
/// One file a Space in `restarts` of the data folder, on the disk before the Space is paused, removed when it was restarted. Its writer
/// holds a lock on it, which ends with the process however that ends: a file that can be locked was left by a command that was killed.
package struct RestartNotes: Sendable {
    package struct Note: Codable, Sendable, Equatable {
        /// `owner/name`
        package var space: String
        package var endpoint: String
        /// Who paused it: `stoker space secrets add`, for a person.
        package var command: String
        /// When, RFC 3339.
        package var at: String

        /// What is so, as long as the Hub says that the Space is paused.
        package var sentence: String {
            EventPayload.leftPaused(space: space, command: command, at: at)
        }
    }

    /// One that is held by this process, from before the pause until after the restart.
    package struct Held: Sendable {
        fileprivate let path: String
        fileprivate let descriptor: Int32

        /// The Space was restarted, or was never paused.
        package func remove() async {
            // Left behind it is looked at once more, by the next command: no harm.
            _ = try? await RestartNotes.offPool {
                unlink(path)
                close(descriptor)
            }
        }

        /// The Space may be paused: whoever comes next looks at it.
        package func keep() { close(descriptor) }
    }

    package let folder: String

    package init(folder: String) { self.folder = folder }

    private func path(_ space: RepoID, _ endpoint: String) -> String {
        // `@` and `,` are in no name of the Hub.
        let host = endpoint.unicodeScalars.map { scalar in
            scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || scalar == ".")
                ? Character(scalar) : ","
        }
        // However a Space is written, it is one.
        return "\(folder)/" + "\(space.namespace)@\(space.name)@\(String(host.prefix(50)))".lowercased() + ".json"
    }

    /// Writes one down; waits for another command that changes the same Space.
    /// - Throws: when it cannot be written, or the other command does not end within two minutes.
    package func begin(_ space: RepoID, endpoint: String, command: String) async throws(Failure) -> Held {
        let path = path(space, endpoint)
        let note = Note(space: "\(space)", endpoint: endpoint, command: command, at: Date.now.formatted(.iso8601))
        let doing = "note that \(space) is to be restarted"
        for _ in 0..<600 {
            do {
                let held = try await Self.offPool { try Self.lock(path) { try Self.write(note, $0, path) } }
                if let held { return Held(path: path, descriptor: held) }
                try await Task.sleep(for: .milliseconds(200))
            } catch is CancellationError {
                throw Failure(
                    .interrupted, doing: doing, because: "it was interrupted", hint: "\(space) is as it was")
            } catch {
                throw Failure(
                    .fleetUnreadable, doing: doing, because: "\(path) cannot be written: \(error)",
                    hint: "let STOKER_DATA name a folder that can be written")
            }
        }
        throw Failure(
            .conflict, doing: doing, because: "another command has been changing it for two minutes",
            hint: "look at what it waits for")
    }

    /// What a command that was killed left of a Space; nil when there is nothing, or the command still runs.
    package func left(of space: RepoID, endpoint: String) async -> Note? {
        let path = path(space, endpoint)
        let note = try? await Self.offPool { try Self.read(path) }  // unreadable is told by nobody: it holds nothing up
        guard let note, note.endpoint == endpoint else { return nil }
        return note
    }

    /// All of one Hub that were left by commands that were killed.
    package func left(endpoint: String) async -> [Note] {
        let folder = folder
        let found = try? await Self.offPool {
            try FileManager.default.contentsOfDirectory(atPath: folder).sorted().filter { $0.hasSuffix(".json") }
                .prefix(1_000).compactMap { try Self.read("\(folder)/\($0)") }
        }
        return (found ?? []).filter { $0.endpoint == endpoint }  // no folder: nothing was left
    }

    /// Forgets one: the Space was restarted, or somebody decided otherwise. One that a running command holds stays.
    package func forget(_ space: RepoID, endpoint: String) async {
        let path = path(space, endpoint)
        // What cannot be removed is looked at again.
        _ = try? await Self.offPool {
            guard access(path, F_OK) == 0, let descriptor = try Self.lock(path, { _ in }) else { return }
            unlink(path)
            close(descriptor)
        }
    }

    // MARK: Blocking

    /// Files block; the cooperative pool must not.
    private static func offPool<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await NIOThreadPool.singleton.runIfActive(work)
    }

    /// nil when another process holds it.
    private static func lock(_ path: String, _ work: (Int32) throws -> Void) throws -> Int32? {
        let folder = path.parentFolder
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        guard let descriptor = try FileLock.open(path, flags: O_NOFOLLOW) else { return nil }
        do {
            try work(descriptor)
            return descriptor
        } catch {
            close(descriptor)
            throw error
        }
    }

    private static func write(_ note: Note, _ descriptor: Int32, _ path: String) throws {
        let bytes = Array(try JSONEncoder().encode(note))
        guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, bytes, bytes.count, 0) == bytes.count,
            fsync(descriptor) == 0
        else { throw SystemError() }
        try AtomicFile.syncFolder(of: path)
    }

    /// nil when there is none, or its command still runs.
    private static func read(_ path: String) throws -> Note? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard try FileLock.take(descriptor, .shared) else { return nil }
        var bytes = [UInt8](repeating: 0, count: 16_384)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        // One that was cut while it was written: nothing was paused yet.
        return try? JSONDecoder().decode(Note.self, from: Data(bytes.prefix(count)))
    }
}
