import FoundationEssentials
import HTTPTypes
package import Hummingbird
import NIOCore
import Subprocess
import _NIOFileSystem

/// git over HTTP, by git's own CGI program. Source: git `http-backend`, `gitprotocol-http`; the paths from hub-docs
/// `repositories-getting-started`.
package struct GitHTTPArea: HubArea {
    package init() {}

    package func add(to router: Router<HubContext>, hub: SimulatedHub) {
        for kind in RepoKind.allCases {
            let base = "/\(kind.webPrefix):ns/:name"
            router.get("\(base)/info/refs") { request, context in
                try await Self.serve(kind, "info/refs", request.query("service") ?? "", request, context, hub)
            }
            for service in ["git-upload-pack", "git-receive-pack"] {
                router.post("\(base)/\(service)") { request, context in
                    try await Self.serve(kind, service, service, request, context, hub)
                }
            }
        }
    }

    /// git asks for credentials only when the 401 says how.
    static func asking(_ work: () async throws -> Response) async throws -> Response {
        do { return try await work() } catch var error as HubError {
            if error.status == .unauthorized { error.headers[.wwwAuthenticate] = "Basic realm=\"Hugging Face\"" }
            throw error
        }
    }

    private static func serve(
        _ kind: RepoKind, _ path: String, _ service: String, _ request: Request, _ context: HubContext,
        _ hub: SimulatedHub
    ) async throws -> Response {
        try await asking {
            let writes = service == "git-receive-pack"
            guard writes || service == "git-upload-pack" else { throw HubError.forbidden("Unsupported service") }
            let repo = try await hub.repo(kind, request, context, right: writes ? .write : .read)
            if !writes { try await hub.requireGate(repo, context) }
            let git = hub.git(repo)
            guard writes, path != "info/refs" else { return try await run(path, repo, request, context, hub) }
            let (response, moved) = try await git.gate.run {
                let before = try await git.references()
                let response = try await run(path, repo, request, context, hub)
                git.forgetReferences()
                let after = try await git.references()
                let names = Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }.sorted()
                return (response, names.map { (name: $0.text, old: before[$0], new: after[$0]) })
            }
            for change in moved { await hub.referenceMoved(repo, change.name, from: change.old, to: change.new) }
            return response
        }
    }

    /// Runs the CGI program: the body goes in as it comes, what it says goes to a file and from there to the client.
    private static func run(
        _ path: String, _ repo: HubRepo, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> Response {
        let answer = "\(hub.store.disk.incoming)/\(UUID().uuidString)"
        let environment: [String: String?] = [
            "GIT_PROJECT_ROOT": hub.store.disk.repos, "PATH_INFO": "/\(repo.id).git/\(path)",
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": request.method.rawValue, "QUERY_STRING": request.uri.query ?? "",
            "CONTENT_TYPE": request.headers[.contentType] ?? "", "REMOTE_ADDR": "127.0.0.1",
            "HTTP_CONTENT_ENCODING": request.headers[.contentEncoding], "GIT_PROTOCOL": request.headers[.gitProtocol],
            "CONTENT_LENGTH": request.headers[.contentLength], "REMOTE_USER": context.caller?.account.name,
            "HUB_ANSWER": answer, PushHook.repoVariable: repo.id,
            PushHook.keyVariable: hub.key,
            PushHook.portVariable: hub.storageEndpoint.split(separator: ":").last.map(
                String.init),
        ]
        // A push or a fetch of gigabytes takes a while; a client that stands still for an hour does not come back.
        let result = try await Git.limited("http-backend", to: .seconds(3_600)) {
            try await Subprocess.run(
                .path("/bin/sh"), arguments: ["-c", "exec git http-backend >\"$HUB_ANSWER\""],
                environment: Git.surroundings(environment), input: .inputWriter, output: .discarded,
                error: .string(limit: 1 << 20)
            ) { execution in
                do {
                    for try await chunk in request.body {
                        _ = try await execution.standardInputWriter.write(Array(chunk.readableBytesView))
                    }
                } catch is SubprocessError {
                    // It has ended without reading on: its answer says why.
                }
                try await execution.standardInputWriter.finish()
            }
        }
        do {
            guard case .exited(0) = result.terminationStatus else {
                throw GitFailure(command: "http-backend", message: result.standardError)
            }
            return try await response(from: answer)
        } catch {
            try await HubDisk.remove(answer)
            throw error
        }
    }

    private static func response(from file: String) async throws -> Response {
        let size = try await HubDisk.size(file) ?? 0
        let start = try await FileSystem.shared.withFileHandle(forReadingAt: FilePath(file)) { handle in
            try await handle.readChunk(fromAbsoluteOffset: 0, length: .kibibytes(16))
        }
        var status = HTTPResponse.Status.ok
        var headers = HTTPFields()
        var offset = 0
        var rest = start.readableBytesView[...]
        while let end = rest.firstIndex(of: 10) {
            let line = String(decoding: rest[rest.startIndex..<end], as: UTF8.self).filter {
                $0 != "\r" && $0 != "\r\n"
            }
            offset += end - rest.startIndex + 1
            rest = rest[(end + 1)...]
            if line.isEmpty { break }
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            if line[..<colon] == "Status" {
                status = .init(code: value.prefix(3).isEmpty ? 500 : Int(value.prefix(3)) ?? 500)
            } else if let name = HTTPField.Name(String(line[..<colon])) {
                headers[name] = String(value)
            }
        }
        headers[.contentLength] = "\(size - offset)"
        return Response(status: status, headers: headers, body: HubDisk.stream(file, offset..<size, thenRemove: true))
    }
}
