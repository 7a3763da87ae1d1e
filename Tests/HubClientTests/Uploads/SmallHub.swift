import Crypto
import Foundation
import HubClient
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import StokerCore
import Synchronization

/// One repository of a Hub on loopback, small enough to be broken on purpose: its answers can be refused, cut or lost after their effect.
/// Source of the formats: hub-docs OpenAPI, huggingface_hub `_commit_api.py` and `lfs.py`, git-lfs docs/api/batch.md.
final class SmallHub: Sendable {
    enum Fault: Sendable, Equatable {
        case none
        /// Answers with this status and does nothing.
        case status(Int)
        /// 429 of a window that ends in no time.
        case throttled
        /// The connection ends before anything is done.
        case cutBefore
        /// It is done, and the connection ends without an answer.
        case cutAfter
        /// Nothing is done, and nothing comes.
        case silence
        /// It is done, and the answer is this.
        case statusAfter(Int)
    }
    struct Call: Sendable {
        var method: String
        var path: String
        var body: [UInt8]
        var headers: [String: String]
        /// `preupload`, `commit`, `batch`, `put`, `complete`, …
        var name: String
    }
    enum Stored: Sendable, Equatable {
        case inline([UInt8])
        case lfs(oid: String, size: Int)
    }
    struct Commit: Sendable {
        var id: String
        var title: String
        var message: String
        var changes: Int
    }
    struct State: Sendable {
        var files: [RepoPath: Stored] = [:]
        var commits: [Commit] = [Commit(id: SmallHub.sha("0"), title: "initial commit", message: "", changes: 0)]
        var objects: [String: [UInt8]] = [:]
        var uploads: [String: (oid: String, size: Int, parts: [Int: [UInt8]])] = [:]
        var calls: [Call] = []
        var maker = 0
        /// Bytes of the longest body.
        var puts = 0
    }
    struct Rules: Sendable {
        var lfsFrom = 1000
        var chunk: Int?
        var pageOfTree = 1000
        var ignored: Set<String> = []
        var refusedObjects: Set<String> = []
        /// What `resolve` does with a range.
        var honoursRange = true
        /// Bytes after which a download is cut, each time.
        var cutDownloadAfter: Int?
        var readmeErrors: [String] = []
    }

    let state = Mutex(State())
    let rules: Mutex<Rules>
    let faults: Mutex<@Sendable (_ call: Call, _ number: Int) -> Fault>
    private let channel: any Channel
    static let repo = "maren/orbit-api"

    private init(channel: any Channel, box: Box) {
        self.channel = channel
        rules = Mutex(Rules())
        faults = Mutex({ _, _ in .none })
        box.hub.withLock { $0 = self }
    }

    final class Box: Sendable { let hub = Mutex<SmallHub?>(nil) }

    static func start(_ rules: Rules = Rules()) async throws -> SmallHub {
        let box = Box()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.pipeline.configureHTTPServerPipeline().flatMapThrowing {
                    try channel.pipeline.syncOperations.addHandler(Conversation(box: box))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let hub = SmallHub(channel: channel, box: box)
        hub.rules.withLock { $0 = rules }
        return hub
    }

    func stop() async throws { try await channel.close() }
    var address: String { "http://127.0.0.1:\(channel.localAddress?.port ?? 0)" }

    func breaks(_ rule: @escaping @Sendable (_ call: Call, _ number: Int) -> Fault) { faults.withLock { $0 = rule } }
    func calls(_ name: String) -> [Call] { state.withLock { $0.calls.filter { $0.name == name } } }

    static func sha(_ text: String) -> String { hex(Insecure.SHA1.hash(data: Array(text.utf8))) }
    static func hex(_ digest: some Sequence<UInt8>) -> String {
        digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
    static func blob(_ bytes: [UInt8]) -> String {
        hex(Insecure.SHA1.hash(data: Array("blob \(bytes.count)\0".utf8) + bytes))
    }
    static func sha256(_ bytes: [UInt8]) -> String { hex(SHA256.hash(data: bytes)) }

    /// Somebody else commits.
    func push(_ path: String, _ content: String) {
        state.withLock { state in
            state.files[RepoPath(unchecked: path)] = .inline(Array(content.utf8))
            Self.commit("theirs", "", 1, &state)
        }
    }

    private static func commit(_ title: String, _ message: String, _ changes: Int, _ state: inout State) {
        state.maker += 1
        state.commits.insert(
            Commit(id: sha("commit \(state.maker)"), title: title, message: message, changes: changes), at: 0)
    }

    /// What the repository holds, whole.
    var content: [RepoPath: [UInt8]] {
        state.withLock { state in
            state.files.mapValues { stored in
                switch stored {
                case .inline(let bytes): bytes
                case .lfs(let oid, _): state.objects[oid] ?? Array("missing object".utf8)
                }
            }
        }
    }

    struct Reply {
        var status = 200
        var headers: [(String, String)] = []
        var body: [UInt8] = []
        /// Ends the connection after these bytes of the body.
        var cut: Int?
    }

    fileprivate func answer(_ head: HTTPRequestHead, _ body: [UInt8]) -> Reply? {
        let path = String(head.uri.prefix { $0 != "?" })
        let call = Call(
            method: head.method.rawValue, path: head.uri, body: body,
            headers: Dictionary(head.headers.map { ($0.name.lowercased(), $0.value) }) { first, _ in first },
            name: Self.name(head.method, path))
        let rules = rules.withLock { $0 }
        let rule = faults.withLock { $0 }
        return state.withLock { state in
            state.calls.append(call)
            let fault = rule(call, state.calls.count)
            switch fault {
            case .cutBefore: return nil
            case .silence: return Reply(status: 0)
            case .status(let status): return Reply(status: status, body: Array(#"{"error":"scripted"}"#.utf8))
            case .throttled:
                return Reply(
                    status: 429,
                    headers: [
                        ("RateLimit", "\"api\";r=0;t=0"), ("RateLimit-Policy", "\"fixed window\";\"api\";q=1000;w=300"),
                    ],
                    body: Array(#"{"error":"too many requests"}"#.utf8))
            case .none, .cutAfter, .statusAfter:
                let reply = perform(call, path, rules, &state)
                if fault == .cutAfter { return nil }
                if case .statusAfter(let status) = fault {
                    return Reply(status: status, body: Array("<html>Bad gateway</html>".utf8))
                }
                return reply
            }
        }
    }

    private static func name(_ method: HTTPMethod, _ path: String) -> String {
        for part in ["preupload", "commits", "commit", "tree", "paths-info", "revision", "resolve", "validate-yaml"]
        where path.contains("/\(part)") {
            return part
        }
        if path.hasSuffix("objects/batch") { return "batch" }
        if path.hasPrefix("/storage") { return "put" }
        return path.split(separator: "/").first.map(String.init) ?? ""
    }

    private static func json(_ value: Any) -> [UInt8] {
        // Only what this file puts together is encoded.
        Array((try? JSONSerialization.data(withJSONObject: value, options: [.sortedKeys])) ?? Data())
    }

    private func perform(_ call: Call, _ path: String, _ rules: Rules, _ state: inout State) -> Reply {
        func object(_ bytes: [UInt8]) -> [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]) ?? [:]
        }
        func oid(_ stored: Stored) -> String {
            switch stored {
            case .inline(let bytes): Self.blob(bytes)
            case .lfs(let oid, _): oid
            }
        }
        let body = call.name == "commit" || call.name == "put" ? [:] : object(call.body)
        switch call.name {
        case "validate-yaml":
            let errors = rules.readmeErrors.map { ["message": $0] }
            return Reply(status: errors.isEmpty ? 200 : 400, body: Self.json(["errors": errors, "warnings": []]))
        case "preupload":
            let files = (body["files"] as? [[String: Any]] ?? []).map { file -> [String: Any] in
                let path = file["path"] as? String ?? ""
                let size = (file["size"] as? NSNumber)?.intValue ?? -1
                var answer: [String: Any] = [
                    "path": path, "uploadMode": size >= rules.lfsFrom ? "lfs" : "regular",
                    "shouldIgnore": rules.ignored.contains(path),
                ]
                if let stored = state.files[RepoPath(unchecked: path)] { answer["oid"] = oid(stored) }
                return answer
            }
            return Reply(body: Self.json(["files": files, "commitOid": state.commits[0].id]))
        case "commits":
            return Reply(
                body: Self.json(state.commits.map { ["id": $0.id, "title": $0.title, "message": $0.message] }))
        case "revision": return Reply(body: Self.json(["sha": state.commits[0].id]))
        case "commit": return commit(call, &state)
        case "tree":
            let all = state.files.sorted { $0.key < $1.key }
            let from =
                URLComponents(string: call.path)?.queryItems?.first { $0.name == "cursor" }?.value.flatMap(Int.init)
                ?? 0
            let page = all.dropFirst(from).prefix(rules.pageOfTree).map { path, stored -> [String: Any] in
                switch stored {
                case .inline(let bytes):
                    ["type": "file", "path": path.text, "oid": Self.blob(bytes), "size": bytes.count]
                case .lfs(let oid, let size):
                    [
                        "type": "file", "path": path.text, "oid": Self.sha(oid), "size": size,
                        "lfs": ["oid": oid, "size": size, "pointerSize": 130],
                    ]
                }
            }
            var reply = Reply(body: Self.json(Array(page)))
            if from + page.count < all.count {
                reply.headers.append(
                    ("Link", "<\(address)\(path)?recursive=true&cursor=\(from + page.count)>; rel=\"next\""))
            }
            return reply
        case "batch":
            let objects = (body["objects"] as? [[String: Any]] ?? []).map { object -> [String: Any] in
                let oid = object["oid"] as? String ?? ""
                let size = (object["size"] as? NSNumber)?.intValue ?? 0
                var answer: [String: Any] = ["oid": oid, "size": size]
                if rules.refusedObjects.contains(oid) {
                    answer["error"] = ["code": 422, "message": "Object too large"]
                } else if state.objects[oid] == nil {
                    if let chunk = rules.chunk, size > chunk {
                        state.maker += 1
                        let id = "u\(state.maker)"
                        state.uploads[id] = (oid, size, [:])
                        var header: [String: Any] = ["chunk_size": "\(chunk)"]
                        for part in 1...((size + chunk - 1) / chunk) {
                            header[String(repeating: "0", count: part < 10 ? 4 : 3) + "\(part)"] =
                                "\(address)/storage/\(id)/\(part)"
                        }
                        answer["actions"] = [
                            "upload": ["href": "\(address)/complete/\(id)", "header": header],
                            "verify": ["href": "\(address)/verify"],
                        ]
                    } else {
                        answer["actions"] = [
                            "upload": ["href": "\(address)/storage/\(oid)"], "verify": ["href": "\(address)/verify"],
                        ]
                    }
                }
                return answer
            }
            return Reply(body: Self.json(["transfer": "basic", "objects": objects]))
        case "put":
            let parts = path.split(separator: "/").map(String.init)
            state.puts += 1
            if parts.count == 2 {
                guard Self.sha256(call.body) == parts[1] else { return Reply(status: 400) }
                state.objects[parts[1]] = call.body
                return Reply()
            }
            guard state.uploads[parts[1]] != nil else { return Reply(status: 404) }
            state.uploads[parts[1]]?.parts[Int(parts[2]) ?? 0] = call.body
            return Reply(headers: [("ETag", "\"\(Self.sha256(call.body).prefix(32))\"")])
        case "complete":
            let id = String(path.split(separator: "/")[1])
            guard let upload = state.uploads[id] else {
                // Asked again after its answer was lost.
                let known = state.objects[body["oid"] as? String ?? ""] != nil
                return Reply(status: known ? 200 : 404)
            }
            let named = (body["parts"] as? [[String: Any]] ?? [])
            let right = named.enumerated().allSatisfy { index, part in
                (part["partNumber"] as? NSNumber)?.intValue == index + 1
                    && part["etag"] as? String == upload.parts[index + 1].map { "\"\(Self.sha256($0).prefix(32))\"" }
            }
            let whole = upload.parts.sorted { $0.key < $1.key }.flatMap(\.value)
            guard right, Self.sha256(whole) == upload.oid, whole.count == upload.size else { return Reply(status: 400) }
            state.objects[upload.oid] = whole
            state.uploads[id] = nil
            return Reply()
        case "verify":
            let known = state.objects[body["oid"] as? String ?? ""]?.count == (body["size"] as? NSNumber)?.intValue
            return Reply(status: known ? 200 : 404)
        case "resolve":
            let wanted =
                path.components(separatedBy: "/resolve/")[1].split(separator: "/").dropFirst()
                .joined(separator: "/").removingPercentEncoding ?? ""
            guard let stored = state.files[RepoPath(unchecked: wanted)] else {
                return Reply(status: 404, headers: [("X-Error-Code", "EntryNotFound")])
            }
            let bytes: [UInt8] =
                switch stored {
                case .inline(let bytes): bytes
                case .lfs(let oid, _): state.objects[oid] ?? []
                }
            let etag = "\"\(oid(stored))\""
            var reply = Reply(headers: [("ETag", etag), ("X-Repo-Commit", state.commits[0].id)], body: bytes)
            if call.headers["if-none-match"] == etag { return Reply(status: 304, headers: reply.headers) }
            if rules.honoursRange, let range = call.headers["range"], let from = Int(range.dropFirst(6).dropLast()) {
                guard from < bytes.count else { return Reply(status: 416) }
                reply.status = 206
                reply.body = Array(bytes[from...])
                reply.headers.append(("Content-Range", "bytes \(from)-\(bytes.count - 1)/\(bytes.count)"))
            }
            if call.method == "GET", let cut = rules.cutDownloadAfter, reply.body.count > cut { reply.cut = cut }
            return reply
        default: return Reply(status: 404)
        }
    }

    private func commit(_ call: Call, _ state: inout State) -> Reply {
        var title = ""
        var message = ""
        var files = state.files
        var changes = 0
        for line in call.body.split(separator: 10) {
            guard let entry = try? JSONSerialization.jsonObject(with: Data(line)) as? [String: Any],
                let key = entry["key"] as? String, let value = entry["value"] as? [String: Any]
            else { return Reply(status: 400, body: Self.json(["error": "no JSON line"])) }
            let path = RepoPath(unchecked: value["path"] as? String ?? "")
            changes += 1
            switch key {
            case "header":
                changes -= 1
                title = value["summary"] as? String ?? ""
                message = value["description"] as? String ?? ""
                if let parent = value["parentCommit"] as? String, parent != state.commits[0].id {
                    return Reply(
                        status: 412, body: Self.json(["error": "The branch was updated since you opened this page"]))
                }
            case "file":
                guard let content = Data(base64Encoded: value["content"] as? String ?? "?") else {
                    return Reply(status: 400)
                }
                files[path] = .inline(Array(content))
            case "lfsFile":
                let oid = value["oid"] as? String ?? ""
                let size = (value["size"] as? NSNumber)?.intValue ?? -1
                guard state.objects[oid]?.count == size else {
                    return Reply(status: 400, body: Self.json(["error": "no such object"]))
                }
                files[path] = .lfs(oid: oid, size: size)
            case "deletedFile":
                guard files.removeValue(forKey: path) != nil else {
                    return Reply(
                        status: 404, headers: [("X-Error-Code", "EntryNotFound")],
                        body: Self.json(["error": "A file with this name doesn't exist"]))
                }
            case "deletedFolder":
                // With or without the slash, as git.
                let folder = path.text.hasSuffix("/") ? path.text : path.text + "/"
                files = files.filter { !$0.key.text.hasPrefix(folder) }
            default: return Reply(status: 422)
            }
        }
        state.files = files
        Self.commit(title, message, changes, &state)
        return Reply(
            body: Self.json([
                "success": true, "commitOid": state.commits[0].id,
                "commitUrl": "\(address)/commit/\(state.commits[0].id)",
            ]))
    }
}

private final class Conversation: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart
    private let box: SmallHub.Box
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(box: SmallHub.Box) { self.box = box }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
        case .body(let piece): body += piece.readableBytesView
        case .end:
            guard let head, let hub = box.hub.withLock({ $0 }), let reply = hub.answer(head, body) else {
                context.close(promise: nil)
                return
            }
            if reply.status == 0 { return }
            var headers = HTTPHeaders(reply.headers)
            headers.replaceOrAdd(name: "Content-Length", value: "\(reply.body.count)")
            context.write(
                wrapOutboundOut(
                    .head(
                        HTTPResponseHead(version: .http1_1, status: .init(statusCode: reply.status), headers: headers))),
                promise: nil)
            if head.method != .HEAD {
                let bytes = reply.cut.map { Array(reply.body.prefix($0)) } ?? reply.body
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
            }
            if reply.cut != nil {
                context.flush()
                context.close(promise: nil)
            } else {
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }
}

/// A folder that is gone after the test.
final class Scratch: Sendable {
    let path: String
    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("upload-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }  // only scratch

    func write(_ name: String, _ content: some Sequence<UInt8>) throws {
        let url = URL(fileURLWithPath: path + "/" + name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(content).write(to: url)
    }
    func write(_ name: String, _ content: String) throws { try write(name, content.utf8) }
    func read(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path + "/" + name))) }
    func names() throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: path).sorted()
    }
}
