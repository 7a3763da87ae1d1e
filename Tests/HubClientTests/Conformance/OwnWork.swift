import HubClient
import HubSimulator
import NIOCore
import StokerCore
import Testing

/// Our half of ``SameWorkTests``: the steps of `Conformance/same_work.py`, by the same names and in the same order.
struct OwnWork {
    let hub: Hub
    let world: SimulatedWorld
    let folder: String
    let down: String
    let notes: String
    private let space: RepoID
    private let data: RepoID

    init(hub: Hub, world: SimulatedWorld, folder: String, down: String, notes: String) throws {
        self.hub = hub
        self.world = world
        self.folder = folder
        self.down = down
        self.notes = notes
        space = try .space("maren/orbit")
        data = try RepoID(.dataset, "maren/rows")
    }

    static let steps: [(name: String, work: @Sendable (OwnWork) async throws -> Void)] = [
        ("create", { try await $0.create() }), ("ship", { try await $0.ship() }),
        ("secrets", { try await $0.secrets() }), ("variables", { try await $0.variables() }),
        ("hardware", { try await $0.hardware() }), ("replicas", { try await $0.replicas() }),
        ("volumes", { try await $0.volumes() }), ("dev_mode", { try await $0.devMode() }),
        ("upload", { try await $0.upload("Folder", delete: ["*.old"]) }),
        ("upload_again", { try await $0.upload("Nothing new", delete: []) }),
        ("delete", { try await $0.delete() }), ("refs", { try await $0.refs() }),
        ("read", { try await $0.read() }), ("download", { try await $0.download() }),
        ("duplicate", { try await $0.duplicate() }), ("move", { try await $0.move() }),
        ("restart", { try await $0.restart() }), ("dataset", { try await $0.dataset() }),
        ("squash", { try await $0.squash() }), ("large", { try await $0.large() }),
        ("webhooks", { try await $0.webhooks() }), ("remove", { try await $0.remove() }),
        ("settings", { _ = try await $0.hub.change($0.space, RepoSettings(visibility: .public)) }),
    ]

    private func settle() async throws { try await world.time.advance(by: .seconds(60)) }

    private func options(_ summary: String) -> UploadOptions {
        var options = UploadOptions(summary: summary)
        options.stateFolder = notes
        return options
    }

    private func create() async throws {
        var new = NewRepo(space, sdk: "docker", visibility: .private)
        new.hardware = "t4-small"
        new.sleepSeconds = 3600
        new.secrets = [.init(key: "FIRST", value: Secret("one"))]
        new.variables = [.init(key: "MODE", value: Secret("test"))]
        #expect(try await hub.ensure(new).wasCreated)
    }

    private func ship() async throws {
        let card = "---\ntitle: Orbit\nemoji: 🛰️\ncolorFrom: indigo\ncolorTo: gray\nsdk: docker\n---\n"
        var options = options("Ship")
        options.description = "the first time"
        _ = try await hub.commit(
            [
                .add(path: "README.md", .bytes(ByteBuffer(string: card))),
                .add(path: "Dockerfile", .bytes(ByteBuffer(string: "FROM scratch\n"))),
            ], to: space, options: options)
        try await settle()
    }

    private func secrets() async throws {
        try await hub.set(.secret, "TOKEN", to: Secret("s3cr3t"), description: "call-back", of: space)
        try await hub.set(.secret, "OTHER", to: Secret("x"), of: space)
        try await hub.delete(.secret, "OTHER", of: space)
        _ = try await hub.secrets(of: space)
    }

    private func variables() async throws {
        try await hub.set(.variable, "MODE", to: Secret("live"), of: space)
        try await hub.set(.variable, "REGION", to: Secret("eu"), description: "where", of: space)
        try await hub.delete(.variable, "REGION", of: space)
        _ = try await hub.variables(of: space)
        try await settle()
    }

    private func hardware() async throws {
        _ = try await hub.hardwareCatalogue()
        _ = try await hub.requestHardware(of: space, flavor: "t4-medium", sleepSeconds: 3600)
        _ = try await hub.setSleepTime(of: space, seconds: 7200)
        try await settle()
    }

    private func replicas() async throws { _ = try await hub.setReplicas(of: space, count: 2) }

    private func volumes() async throws {
        let bucket = SpaceVolume(type: "bucket", source: "maren/store", mountPath: "/data")
        let model = SpaceVolume(type: "model", source: "maren/net", mountPath: "/models")
        _ = try await hub.changeVolumes(of: space, [.mount(bucket)])
        _ = try await hub.changeVolumes(of: space, [.unmount(path: "/data")])
        _ = try await hub.changeVolumes(of: space, [.mount(model)])
        try await settle()
    }

    private func devMode() async throws {
        for enabled in [true, false, true] { _ = try await hub.setDevMode(of: space, enabled: enabled) }
        try await settle()
    }

    private func upload(_ summary: String, delete: [String]) async throws {
        var options = options(summary)
        options.delete = delete
        let result = try await hub.upload(folder: folder, to: space, options: options)
        #expect(result.commits.count == (delete.isEmpty ? 0 : 1))
    }

    private func delete() async throws {
        _ = try await hub.commit(
            [.deleteFolder(path: "docs"), .delete(path: "plain.txt")], to: space, options: options("Less"))
    }

    private func refs() async throws {
        try await hub.createBranch("feat/one", in: space)
        try await hub.createBranch("gone", in: space)
        try await hub.deleteBranch("gone", of: space)
        try await hub.createTag("v1", in: space, message: "first")
        try await hub.createTag("v0", in: space)
        try await hub.deleteTag("v0", of: space)
        _ = try await hub.refs(of: space)
    }

    private func read() async throws {
        _ = try await hub.info(of: space)
        _ = try await hub.history(of: space).all()
        _ = try await hub.tree(of: space).all()
        _ = try await hub.entries(at: ["README.md", "docs"], in: space)
        _ = try await hub.lfsFiles(of: space).all()
        _ = try await hub.list(.space, author: "maren").all()
        _ = try await hub.runtime(of: space)
        _ = try await hub.checkAccess(to: space, write: true)
        _ = try await hub.spaceTemplates()
    }

    private func download() async throws { _ = try await hub.snapshot(of: space, to: down) }

    private func duplicate() async throws {
        _ = try await hub.duplicate(space, as: NewRepo(try .space("maren/copy"), visibility: .private))
        try await settle()
    }

    private func move() async throws { try await hub.move(.space("maren/copy"), to: .space("maren/moved")) }

    private func restart() async throws {
        _ = try await hub.pause(space)
        _ = try await hub.restart(space)
        try await settle()
        _ = try await hub.restart(space, factory: true)
        try await settle()
        _ = try await hub.pause(try .space("maren/moved"))
    }

    private func dataset() async throws {
        _ = try await hub.ensure(NewRepo(data))
        for (summary, text) in [("One", "{\"n\": 1}\n"), ("Two", "{\"n\": 2}\n")] {
            _ = try await hub.commit(
                [.add(path: "a.jsonl", .bytes(ByteBuffer(string: text)))], to: data, options: options(summary))
        }
        _ = try await hub.change(data, RepoSettings(visibility: .private))
    }

    private func squash() async throws { try await hub.superSquash(data, message: "All of it") }

    private func large() async throws {
        let found = try await hub.lfsFiles(of: space).all().filter { $0.path == "second.bin" }
        try await hub.deleteLFSFiles(found.map(\.fileOID), of: space)
    }

    private func webhooks() async throws {
        let watched = [HubWebhook.Watched(type: "space", name: "maren/orbit")]
        let one = try await hub.ensureWebhook(
            url: "http://127.0.0.1:9/one", watched: watched, secret: Secret("quiet"))
        let two = try await hub.ensureWebhook(url: "http://127.0.0.1:9/two", watched: watched)
        #expect(one.isNew && two.isNew)
        #expect(try await hub.webhooks().count == 2)
        var changed = try await hub.webhook(one.webhook.id)
        changed.url = "http://127.0.0.1:9/other"
        changed.domains = ["repo", "discussion"]
        #expect(try await hub.update(changed).url == "http://127.0.0.1:9/other")
        #expect(try await hub.setWebhook(changed.id, enabled: false).state == .disabled)
        #expect(try await hub.setWebhook(changed.id, enabled: true).state == .enabled)
        _ = try await hub.setWebhook(changed.id, enabled: false)
        #expect(try await hub.deleteWebhook(two.webhook.id))
    }

    private func remove() async throws {
        let short = try RepoID.space("maren/short")
        _ = try await hub.ensure(NewRepo(short, sdk: "static"))
        #expect(try await hub.delete(short))
        #expect(try await hub.delete(short, missingOK: true) == false)
    }
}
