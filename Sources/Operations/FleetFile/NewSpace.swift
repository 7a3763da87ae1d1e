import Deployment
import Foundation
import HubClient
import NIOPosix
import Runtime
import StokerCore

extension Operation {
    package static let newSpace = Operation(
        name: "new-space",
        summary:
            "Makes the files of a new Space from a template, and its entry in a fleet file; nothing is made on the Hub",
        doing: "make a Space", effect: .write, method: .post, path: "/templates/{template}",
        parameters: [
            .init("template", .path, .choice(AppTemplate.allCases.map(\.rawValue)), "What it begins with"),
            .init(
                "folder", .local, .text(upTo: 4_096),
                "Folder of this machine that gets the files; it must be empty or not there. Without one the files are in the answer"
            ),
            .init("fleet", .local, .text(upTo: 4_096), "The fleet file that gets the entry; made when it is not there"),
            .init("name", .body, Parameter.hubText, "Name of the Space; that of the folder unless given"),
            .init(
                "owner", .body, Parameter.hubText,
                "User or organisation; `hub.namespace` of the fleet file unless given, else `username`, else the account"
            ),
            .init("username", .body, Parameter.hubText, "Owner where the fleet file names none: `HF_USERNAME`"),
            .fleetFile(.body, "The fleet file as it is; a new one unless given"),
        ], answer: .newSpace
    ) { context, arguments in
        let made = try await NewSpace(arguments, context)
        if let folder = arguments.text("folder") {
            try await made.write(to: folder, fleet: arguments.text("fleet") ?? "fleet.yaml")
        }
        return made.answer(withContents: arguments.text("folder") == nil)
    }
}

extension Shape {
    static let newSpace = Shape(
        name: "NewSpace", summary: "The files of a new Space and the fleet file with it.",
        fields: [
            .init("space", .text, "`owner/name`"), .init("template", .text, "What it began with"),
            .init("address", .text, "Where visitors will find it"),
            .init("health_path", .text, "What is asked for to see whether it lives"),
            .init(
                "files",
                .list(
                    .shape(
                        Shape(
                            name: "TemplateFile", summary: "A file of a new Space.",
                            fields: [
                                .init("path", .text, "Path in the folder"),
                                .init("content", .text, sparse: true, "Its text, unless it was written to a folder"),
                            ]))), "All files"),
            .init("is_new_fleet", .flag, "The fleet file was made"),
            .init("fleet", .text, sparse: true, "The fleet file, unless it was written"),
        ])
}

/// A Space that is made from a template, in its parts.
private struct NewSpace: Sendable {
    private let template: AppTemplate
    private let subject: AppTemplate.Subject
    private let files: [AppTemplate.File]
    /// The fleet file before and after; nil before when there is none.
    private let before: String?
    private let after: String

    init(_ arguments: Arguments, _ context: OperationContext) async throws {
        let doing = "make a Space"
        template = AppTemplate(rawValue: arguments.name("template")) ?? .fastapi
        let folder = arguments.text("folder")
        let place = folder.map { URL(fileURLWithPath: $0).standardizedFileURL.path }
        guard let name = arguments.text("name") ?? place?.split(separator: "/").last.map(String.init) else {
            throw Failure(.usage, doing: doing, because: "it has no name", hint: "give it in \"name\"")
        }
        let given = arguments.object("fleet_file").map { FleetText($0) }
        before = given?.text
        let file = given?.name ?? "fleet.yaml"

        var existing: FleetInsertion?
        // Without an account there may still be a fleet file that names the Hub.
        var endpoint = try? context.hub.settings.endpoint
        if let given {
            do throws(FleetProblems) {
                let variables = try given.environment().variables
                let read = try FleetInsertion(text: given.text, file: file, environment: variables)
                existing = read
                endpoint = read.endpoint ?? variables["HF_ENDPOINT"] ?? endpoint
            } catch { throw error.failure(file: file) }
        }
        let namespace = existing?.namespace
        let owner = try await Self.owner(arguments.text("owner") ?? namespace ?? arguments.text("username"), context)
        subject = try AppTemplate.Subject(owner: owner, name: name)
        if let section = existing?.section(with: subject.id) {
            throw Failure(
                .usage, doing: "make \(subject.id)", because: "\(file) has that name under `\(section)` already",
                hint: "choose another name with --name")
        }
        files = template.files(for: subject)

        let isNew = existing == nil || given.map { FleetFile.isBlank($0.text) } == true
        let isOwn = isNew || namespace.map { SpaceName.key($0) == SpaceName.key(owner) } ?? false
        let entry = template.entry(
            for: subject, key: isOwn ? name : subject.id,
            folder: try Self.path(from: arguments.text("fleet") ?? "fleet.yaml", to: place ?? "./\(name)"),
            isOnHuggingFace: endpoint == nil || endpoint == HubEndpoint.official)
        if isNew {
            let head = (before ?? "") + AppTemplate.emptyFleet(owner: owner)
            do throws(FleetProblems) {
                existing = try FleetInsertion(text: head, file: file, environment: [:])
            } catch { throw error.failure(file: file) }
        }
        guard var text = try existing?.adding(entry) else {
            throw Failure(.internal, doing: doing, because: "there is no fleet file to add it to")
        }
        if let vault = template.vault(for: subject) {
            do throws(FleetProblems) {
                existing = try FleetInsertion(
                    text: text, file: file, environment: try given?.environment().variables ?? [:])
            } catch { throw error.failure(file: file) }
            text = try existing?.adding(vault, to: "vaults") ?? text
        }
        after = text
    }

    /// - Throws: when nobody says who it is.
    private static func owner(_ given: String?, _ context: OperationContext) async throws(Failure) -> String {
        if let given { return given }
        do {
            return try await context.hub.whoami().name
        } catch {
            var failure = Failure(of: error, doing: "find out whose Space it is")
            failure.hint = "set HF_USERNAME, or log in with HF_TOKEN"
            throw failure
        }
    }

    /// `./backend`, as the fleet file writes it.
    /// - Parameter place: absolute, or relative to the fleet file already.
    private static func path(from fleet: String, to place: String) throws(Failure) -> String {
        guard place.hasPrefix("/") else { return place }
        let home = URL(fileURLWithPath: fleet).standardizedFileURL.path.parentFolder.split(separator: "/")
        let parts = place.split(separator: "/")
        var shared = 0
        while shared < min(home.count, parts.count), home[shared] == parts[shared] { shared += 1 }
        let rest = parts[shared...].joined(separator: "/")
        let up = home.count - shared
        guard !rest.isEmpty else {
            throw Failure(
                .usage, doing: "make a Space", because: "the folder holds the fleet file",
                hint: "name a folder of its own, such as ./backend")
        }
        return (up == 0 ? "./" : String(repeating: "../", count: up)) + rest
    }

    func answer(withContents: Bool) -> JSONValue {
        let listed = files.map { file -> JSONValue in
            let content = [JSONValue.Member("content", .string(file.text))]
            return .object([JSONValue.Member("path", .string(file.path))] + (withContents ? content : []))
        }
        let answer: JSONValue = [
            "space": .string(subject.id), "template": .string(template.rawValue),
            "address": .string(template.address(of: subject)), "health_path": .string(template.healthPath),
            "files": .array(listed), "is_new_fleet": .bool(before == nil),
        ]
        return withContents ? answer.adding([.init("fleet", .string(after))]) : answer
    }

    /// The folder and the fleet file, or neither.
    func write(to folder: String, fleet: String) async throws {
        let (files, before, after) = (files, before, after)
        let result = try await NIOThreadPool.singleton.runIfActive {
            Result { () throws(Failure) in
                try NewFolder.make(folder, files.map { ($0.path, $0.text) }) { () throws(Failure) in
                    try FleetRewriting.replace(fleet, before, with: after)
                }
            }
        }
        try result.get()
    }
}

/// A folder that appears whole or not at all. Its calls block.
private enum NewFolder {
    /// - Parameter last: done when everything is in place; the folder goes away again when it fails.
    static func make(
        _ path: String, _ files: [(path: String, text: String)], last: () throws(Failure) -> Void
    ) throws(Failure) {
        let doing = "make the folder \(path)"
        let folder = URL(fileURLWithPath: path).standardizedFileURL.path
        let manager = FileManager.default
        var isFolder: ObjCBool = false
        let isThere = manager.fileExists(atPath: folder, isDirectory: &isFolder)
        if isThere {
            guard isFolder.boolValue else {
                throw Failure(.usage, doing: doing, because: "a file has that name", hint: "name another folder")
            }
            guard let content = try? manager.contentsOfDirectory(atPath: folder), content.isEmpty else {
                throw Failure(.usage, doing: doing, because: "it is not empty", hint: "name a new folder")
            }
        }
        let new = "\(folder).new-\(UUID().uuidString.prefix(8))"
        do {
            for file in files {
                let place = "\(new)/\(file.path)"
                try manager.createDirectory(atPath: place.parentFolder, withIntermediateDirectories: true)
                try Data(file.text.utf8).write(to: URL(fileURLWithPath: place))
            }
            // Takes the place of an empty folder, too.
            guard rename(new, folder) == 0 else { throw SystemError() }
        } catch {
            try? manager.removeItem(atPath: new)  // it is named in the failure's folder, and harmless
            throw Failure(
                .fileUnwritable, doing: doing, because: "its files cannot be written",
                hint: "look at the rights of its parent folder, and whether the disk is full", cause: error)
        }
        do throws(Failure) { try last() } catch {
            try? manager.removeItem(atPath: folder)  // only what was made above is in it
            if isThere { try? manager.createDirectory(atPath: folder, withIntermediateDirectories: false) }
            throw error
        }
    }
}

/// Puts a changed fleet file in place of the one it was made from. Its calls block.
private enum FleetRewriting {
    static func replace(_ path: String, _ before: String?, with after: String) throws(Failure) {
        let doing = "write \(path)"
        // A link stays one.
        let place = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        let manager = FileManager.default
        guard let before else {
            do {
                try manager.createDirectory(atPath: place.parentFolder, withIntermediateDirectories: true)
                return try Data(after.utf8).write(to: URL(fileURLWithPath: place), options: .withoutOverwriting)
            } catch { throw unwritable(doing, error) }
        }
        let new = "\(place).new-\(UUID().uuidString.prefix(8))"
        do {
            let present = try PlainFile.read(place, upTo: 64 << 20)
            guard String(decoding: present, as: UTF8.self).withoutByteOrderMark == before.withoutByteOrderMark else {
                throw Failure(
                    .conflict, doing: doing, because: "somebody has changed it meanwhile", hint: "do it again")
            }
            let mark = String(decoding: present.prefix(3), as: UTF8.self) == "\u{FEFF}" && !after.hasPrefix("\u{FEFF}")
            try Data(((mark ? "\u{FEFF}" : "") + after).utf8).write(to: URL(fileURLWithPath: new))
            if let rights = try manager.attributesOfItem(atPath: place)[.posixPermissions] {
                try manager.setAttributes([.posixPermissions: rights], ofItemAtPath: new)
            }
            guard rename(new, place) == 0 else { throw SystemError() }
        } catch {
            try? manager.removeItem(atPath: new)  // it may not be there yet
            throw error as? Failure ?? unwritable(doing, error)
        }
    }

    private static func unwritable(_ doing: String, _ error: any Error) -> Failure {
        Failure(
            .fileUnwritable, doing: doing, because: "the file cannot be written",
            hint: "look at its folder and rights", cause: error)
    }
}
