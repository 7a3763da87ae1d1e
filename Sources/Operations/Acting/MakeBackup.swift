import Ledger
import StokerCore

extension Operation {
    package static let backup = Operation(
        name: "backup", summary: "Makes a consistent copy of the ledger beside it, while running",
        doing: "back up the ledger",
        effect: .write, needsFleet: true, method: .post, path: "/backup",
        parameters: [
            .init(
                "name", .body, .text(upTo: 100), form: Parameter.backupForm,
                "File name of letters, digits, `.`, `_` and `-`; `stoker-<time>.sqlite` unless given. An existing file is kept"
            )
        ],
        answer: .backup
    ) { (context, arguments) throws(Failure) in
        let began = context.now()
        guard let folder = context.backupFolder else {
            throw Failure(
                .conflict, doing: "back up the ledger", because: "this ledger is not kept in a folder of this machine")
        }
        let stamp = began.description.filter { $0 != ":" && $0 != "." }
        let name = arguments.text("name") ?? "stoker-\(stamp).sqlite"
        let plain = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "._-".utf8.contains(byte)
        }
        guard plain, !name.isEmpty, !name.hasPrefix(".") else {
            throw Failure(
                .usage, doing: "back up the ledger", because: "\"\(name.shortened)\" is not a plain file name",
                hint: "use letters, digits, '.', '_' and '-', and do not begin with a dot")
        }
        // Names that mean something else in this folder: a later token or log of the ledger's would be read from the copy.
        let lower = name.lowercased()
        let endings = ["-journal", "-wal", "-shm", ".lock", ".partial", ".new", ".origin", ".restoring"]
        guard lower != "token", !endings.contains(where: { lower.hasSuffix($0) }), !lower.contains(".damaged-"),
            !lower.contains(".replaced-")
        else {
            throw Failure(
                .usage, doing: "back up the ledger",
                because: "\"\(name.shortened)\" means something else in the data folder",
                hint: "end it with .sqlite")
        }
        let path = folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
        try await context.ledger.backup(to: path)
        return ["path": .string(path), "seconds": .seconds(context.now() - began)]
    }
}
