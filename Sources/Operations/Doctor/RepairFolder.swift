import Deployment
import Diagnosis
import Foundation
import HubClient
import NIOPosix
import Runtime
import StokerCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension Operation {
    package static let repairFolder = Operation(
        name: "repair-folder",
        summary:
            "Changes what can be mended for sure in the files of a Space, and shows it as a diff. Asks before it writes",
        doing: "mend the folder", effect: .write, permission: .write, asks: true, method: .post, path: "/doctor/repair",
        parameters: FolderReading.parameters, bodyLimit: FolderReading.bodyLimit, answer: .folderRepair
    ) { context, arguments in
        try await FolderReading.with(arguments, doing: "mend the folder") { folder, name in
            let repair = FolderRepair.plan(try await FolderReading.facts(folder))
            let isOfCaller = arguments.has("folder")
            for file in repair.files {
                try context.caller.take(
                    .init(.line, "diff", "what changes in \(file.path)", data: .string(file.diff)))
            }
            var isWritten = false
            if isOfCaller, !repair.files.isEmpty {
                let what = repair.files.count == 1 ? repair.files[0].path : "\(repair.files.count) files"
                try await context.confirm(
                    Question(
                        .destroys, doing: "mend \(folder)", "Change \(what) in \(folder)?",
                        because: "it would change \(NameList.text(repair.files.map(\.path), atMost: 20)) in \(folder)"))
                try await FolderWriting.write(repair.files, to: folder)
                isWritten = true
            }
            return [
                "folder": .string(name), "ill": .bool(repair.after.contains { $0.severity >= .warn }),
                "written": .bool(isWritten),
                "files": .array(
                    repair.files.map { file in
                        var members: [JSONValue.Member] = [
                            .init("path", .string(file.path)), .init("new", .bool(file.before == nil)),
                            .init("rules", .strings(file.rules)), .init("diff", .string(file.diff)),
                        ]
                        if !isOfCaller { members.append(.init("text", .string(file.after))) }
                        return .object(members)
                    }), "findings": .array(repair.after.map(\.json)),
            ]
        }
    }
}

extension Shape {
    static let folderRepair = Shape(
        name: "FolderRepair", summary: "What was mended in a folder, and what is left.",
        fields: [
            .init("folder", .text, "Its name"),
            .init("ill", .flag, "Whether a finding that is left is more than information"),
            .init("written", .flag, "Whether the files were changed; those that came with a call never are"),
            .init(
                "files",
                .list(
                    .shape(
                        Shape(
                            name: "RepairedFile", summary: "One file that is mended.",
                            fields: [
                                .init("path", .text, "Path in the folder"), .init("new", .flag, "It was not there"),
                                .init("rules", .list(.text), "The rules whose findings go"),
                                .init("diff", .text, "What changes, as a unified diff"),
                                .init("text", .text, sparse: true, "The whole file, when it came with the call"),
                            ]))), "In the order in which they were mended"),
            .init("findings", .list(.shape(folderFinding)), "What is left"),
        ])
}

/// Puts mended files in place: all of them are looked at before the first one is written.
private enum FolderWriting {
    static func write(_ files: [FolderRepair.File], to folder: String) async throws {
        let result = try await NIOThreadPool.singleton.runIfActive {
            Result { () throws(Failure) in
                let modes = try files.map { (file) throws(Failure) in try look(file, in: folder) }
                for (file, mode) in zip(files, modes) { try write(file, mode: mode, to: folder) }
            }
        }
        try result.get()
    }

    /// - Returns: the file's mode.
    /// - Throws: when it is not what was examined.
    private static func look(_ file: FolderRepair.File, in folder: String) throws(Failure) -> UInt32 {
        let path = folder + "/" + file.path
        let doing = "change \(file.path)"
        var status = stat()
        let isThere = lstat(path, &status) == 0
        guard let before = file.before else {
            if isThere { throw Failure(.hubLocal, doing: doing, because: "it is there now, and was not") }
            return 0o644
        }
        guard isThere, status.st_mode & S_IFMT == S_IFREG else {
            throw Failure(
                .hubLocal, doing: doing, because: "it is no regular file",
                hint: "change the file that it leads to by hand")
        }
        let bytes: Data
        do { bytes = try PlainFile.read(path, upTo: Int(FolderReading.largestText) + 1) } catch {
            throw Failure(.hubLocal, doing: doing, because: "it cannot be read", cause: error)
        }
        guard bytes.elementsEqual(before.utf8) else {
            throw Failure(
                .hubLocal, doing: doing, because: "it has changed since it was read, or is no UTF-8 text",
                hint: "nothing was written; run it again")
        }
        return UInt32(status.st_mode & 0o7777)
    }

    private static func write(_ file: FolderRepair.File, mode: UInt32, to folder: String) throws(Failure) {
        do throws(SystemError) {
            try AtomicFile.replace(folder + "/" + file.path, with: Array(file.after.utf8), mode: mode)
        } catch {
            throw Failure(
                .hubLocal, doing: "change \(file.path)", because: "\(error)",
                hint: "the files before it are changed, this one is as it was", cause: error)
        }
    }
}
