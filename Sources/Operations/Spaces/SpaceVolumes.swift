import HubClient
import StokerCore

extension Operation {
    private static let notation = "hf://buckets/owner/name[/folder]:/mount[:ro], or a repository in place of the bucket"

    package static let listVolumes = Operation(
        name: "list-space-volumes", summary: "What is mounted in a Space", doing: "list the volumes of the Space",
        permission: .write, path: "/spaces/{owner}/{name}/volumes", parameters: Parameter.space, answer: .spaceVolumes,
        paging: Paging("volumes", by: "mount_path")
    ) { context, arguments in
        let (hub, id) = try await context.space(arguments)
        return try await hub.volumes(of: id).answer(id, changed: nil)
    }

    package static let addVolumes = Operation(
        name: "add-space-volumes", summary: "Mounts volumes beside the present ones; the Space restarts once",
        doing: "mount volumes in the Space", effect: .write, method: .post, path: "/spaces/{owner}/{name}/volumes",
        parameters: Parameter.space + [
            .init("volumes", .body, Parameter.volumes, required: true, notation)
        ], answer: .spaceVolumes
    ) { context, arguments in
        let wishes = try arguments.texts("volumes").map { VolumeChange.mount(try SpaceVolume(notation: $0)) }
        let (hub, id) = try await context.space(arguments)
        let result = try await hub.changeVolumes(of: id, wishes)
        return result.volumes.answer(id, changed: result.changed)
    }

    package static let setVolumes = Operation(
        name: "set-space-volumes", summary: "Mounts exactly these volumes; what else is mounted goes",
        doing: "set the volumes of the Space", effect: .destructive, method: .put,
        path: "/spaces/{owner}/{name}/volumes",
        parameters: Parameter.space + [
            .init("volumes", .body, Parameter.volumes, required: true, notation)
        ], answer: .spaceVolumes
    ) { context, arguments in
        let wishes = try arguments.texts("volumes").map { try SpaceVolume(notation: $0) }
        let (hub, id) = try await context.space(arguments)
        let going = try await hub.volumes(of: id).map(\.mountPath).filter { path in
            !wishes.contains { $0.mountPath == path }
        }
        try await context.confirmUnmount(going, of: id, doing: "set the volumes of \(id)")
        let result = try await hub.changeVolumes(of: id, [.replaceAll(wishes)])
        return result.volumes.answer(id, changed: result.changed)
    }

    package static let deleteVolumes = Operation(
        name: "delete-space-volumes", summary: "Unmounts volumes; what is in them stays. The Space restarts once",
        doing: "unmount volumes of the Space", effect: .destructive, method: .delete,
        path: "/spaces/{owner}/{name}/volumes",
        parameters: Parameter.space + [
            .init("paths", .query, .list(.text(upTo: 500), upTo: 20), "Where they are mounted"),
            .init("all", .query, .flag, "All of them"),
        ], answer: .spaceVolumes
    ) { context, arguments in
        let (paths, all) = (arguments.texts("paths"), arguments.flag("all"))
        guard all == paths.isEmpty else {
            throw Failure(
                .usage, doing: "unmount volumes of the Space",
                because: all ? "both \"paths\" and \"all\" are given" : "neither \"paths\" nor \"all\" is given",
                hint: "give the paths to unmount, or all")
        }
        let (hub, id) = try await context.space(arguments)
        let present = try await hub.volumes(of: id).map(\.mountPath)
        for path in paths where !present.contains(path) {
            throw Failure(
                .notFound, doing: "unmount \(path.shortened) of \(id)", because: "nothing is mounted there",
                hint: present.isEmpty ? nil : "mounted are \(present.joined(separator: ", "))")
        }
        let going = all ? present : paths
        try await context.confirmUnmount(going, of: id, doing: "unmount of \(id)")
        let result = try await hub.changeVolumes(of: id, going.map { .unmount(path: $0) })
        return result.volumes.answer(id, changed: result.changed)
    }
}

extension OperationContext {
    fileprivate func confirmUnmount(_ going: [String], of id: RepoID, doing: String) async throws {
        guard !going.isEmpty else { return }
        try await confirm(
            Question(
                .destroys, doing: doing, "\(going.joined(separator: ", ")) of \(id) will be unmounted. Proceed?"))
    }
}

extension [SpaceVolume] {
    fileprivate func answer(_ id: RepoID, changed: Bool?) -> JSONValue {
        ["space": .string("\(id)"), "volumes": .array(map(\.json)), "changed": .maybe(changed)]
    }
}
