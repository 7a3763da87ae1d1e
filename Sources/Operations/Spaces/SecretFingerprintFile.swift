import Foundation
import HubClient
import Runtime
import StokerCore

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Where the hashes of secrets are kept: one file of this machine's user, readable by him only.
///
/// Several commands may run at once. Each makes its changes in what the file holds then, behind a lock (`flock` on a file beside it), and
/// the file is on the disk before it takes its name.
struct SecretFingerprintFile {
    let path: String
    /// Told when a damaged file was put aside.
    let tell: (String) -> Void

    /// What is in it; an empty list when there is none. A damaged file is put aside and told.
    func read() async throws -> SecretFingerprints {
        switch try look() {
        case .prints(let prints): return prints
        case .nothing: return SecretFingerprints()
        case .damaged: return try await locked { try putAsideIfDamaged() ?? SecretFingerprints() }
        }
    }

    /// The same, and makes the file with its key when there is none: commands that begin together must have the same one.
    func begin() async throws -> SecretFingerprints {
        if case .prints(let prints) = try look() { return prints }
        return try await locked {
            if let found = try putAsideIfDamaged() { return found }
            let new = SecretFingerprints()
            try store(new)
            return new
        }
    }

    /// Brings what a command noted between two states of the list into the file, whatever others wrote into it meanwhile.
    func keep(from before: SecretFingerprints, to after: SecretFingerprints) async throws {
        try await locked {
            var now = try putAsideIfDamaged() ?? after
            // With another key nothing of it can be compared with what we know: it was put aside or made anew.
            if !now.merge(from: before, to: after) { now = after }
            try store(now)
        }
    }

    private enum Sight {
        case nothing, damaged
        case prints(SecretFingerprints)
    }

    private func look() throws(Failure) -> Sight {
        guard FileManager.default.fileExists(atPath: path) else { return .nothing }
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            // Another command may have put it aside since we looked.
            guard FileManager.default.fileExists(atPath: path) else { return .nothing }
            throw Failure(
                .fleetUnreadable, doing: "read \(path)", because: "it cannot be opened or read",
                hint: "look at its owner and rights, or name another folder with STOKER_DATA", cause: error)
        }
        return (try? JSONDecoder().decode(SecretFingerprints.self, from: data)).map { .prints($0) } ?? .damaged
    }

    /// Called behind the lock only, so that nobody puts a file aside that another has just made.
    private func putAsideIfDamaged() throws(Failure) -> SecretFingerprints? {
        switch try look() {
        case .nothing: return nil
        case .prints(let prints): return prints
        case .damaged: break
        }
        let aside = path + ".damaged"
        guard rename(path, aside) == 0 else {
            throw Failure(
                .fleetUnreadable, doing: "read \(path)",
                because: "it is not what Stoker wrote, and cannot be put aside: \(SystemError())",
                hint: "remove it: then secrets are written once more than needed")
        }
        tell(
            "\(path) was damaged and is now \(aside); what was written before is not known any more, so secrets are written once more than needed"
        )
        return nil
    }

    /// - Throws: when somebody holds the lock for 10 s: it is held for milliseconds.
    private func locked<Value>(_ body: () throws -> Value) async throws -> Value {
        do {
            try FileManager.default.createDirectory(
                atPath: path.parentFolder, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch {
            throw unwritable("its folder cannot be made", cause: error)
        }
        let begin = ContinuousClock.now
        var held: Int32?
        while held == nil {
            do { held = try FileLock.open(path + ".lock") } catch { throw unwritable("\(error)") }
            if held != nil { break }
            guard ContinuousClock.now - begin < .seconds(10) else {
                throw Failure(
                    .fleetUnreadable, doing: "write \(path)", because: "another command has held \(path).lock for 10 s",
                    hint: "look for a stoker that hangs; the secrets themselves are not lost")
            }
            // Also when the command was called off: what was written has to be noted.
            await Task.detached { try? await Task.sleep(for: .milliseconds(20)) }.value
        }
        defer { if let held { close(held) } }
        return try body()
    }

    private func store(_ prints: SecretFingerprints) throws {
        let bytes = Array(try JSONEncoder().encode(prints))
        do { try AtomicFile.replace(path, with: bytes) } catch { throw unwritable("\(error)") }
    }

    private func unwritable(_ because: String, cause: (any Error)? = nil) -> Failure {
        return Failure(
            .fleetUnreadable, doing: "write \(path)", because: "the file cannot be written: \(because)",
            hint:
                "secrets that were written stay written, and are written again next time; STOKER_DATA names another folder",
            cause: cause)
    }
}
