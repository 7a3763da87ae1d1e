import Crypto
import Deployment
import Foundation
import HubClient
import NIOPosix
import Runtime
import StokerCore
import Workshop

/// This program as a Space: the executable without its symbols, compressed, with its checksum, a Dockerfile, a README and a fleet file. What is
/// packed is kept in the cache by the program's own checksum, so that the same program is the same file in every plan.
struct StokerPackage: Sendable {
    let fleetFile: String
    let deploy: Deploy
    /// Where packed programs are kept.
    let folder: String
    /// The executable; nil is this process's own.
    var program: String?

    /// - Throws: `usage` when the fleet file is not there, or `xz` is not.
    func contents() async throws -> FolderContents {
        let name = deploy.sourcePlace?.name ?? fleetFile
        let text: Data
        do {
            text = try await NIOThreadPool.singleton.runIfActive { [fleetFile] in
                try PlainFile.read(fleetFile, upTo: 1 << 20)
            }
        } catch {
            throw Failure(.usage, doing: "read \(name)", because: "\(name) cannot be read as a file")
        }
        let packed = try await Self.packed(folder: folder, program: program)
        let title = deploy.space.name
        let (sum, size) = packed.sum
        return try await NIOThreadPool.singleton.runIfActive {
            var contents = FolderContents()
            try contents.put(file: packed.path, at: "stoker.xz")
            contents.put("\(sum)  stoker.xz\n", at: "stoker.xz.sha256")
            contents.put(String(decoding: text, as: UTF8.self), at: "fleet.yaml")
            let hasWorkers = Self.hasWorkers(String(decoding: text, as: UTF8.self))
            contents.put(Self.dockerfile(hasWorkers: hasWorkers), at: "Dockerfile")
            if hasWorkers { contents.put(WorkerAsset.tools.text, at: "worker-tools.txt") }
            contents.put(
                """
                ---
                title: \(title)
                emoji: 🔥
                colorFrom: red
                colorTo: yellow
                sdk: docker
                app_port: 7860
                ---

                Stoker \(Version.current), made by `stoker plan`: `stoker.xz` (\(size) bytes) is the program, `fleet.yaml` what it works on.

                """, at: "README.md")
            return contents
        }
    }

    /// The packed program and its checksum beside a Dockerfile that copies them, where the folder does not have them itself.
    static func complete(_ contents: FolderContents, folder: String, program: String?) async throws -> FolderContents {
        guard contents.files[packedName] == nil, let text = try contents.text(at: "Dockerfile"),
            Dockerfile(text).stages.flatMap(\.instructions).contains(where: {
                $0.name == "COPY" && $0.flag("from") == nil && $0.words.dropLast().contains(packedName)
            })
        else { return contents }
        let packed = try await Self.packed(folder: folder, program: program)
        return try await NIOThreadPool.singleton.runIfActive {
            var contents = contents
            try contents.put(file: packed.path, at: packedName)
            contents.put("\(packed.sum.0)  \(packedName)\n", at: packedName + ".sha256")
            return contents
        }
    }

    private static let packedName = "stoker.xz"

    /// Whether it runs workers: then the image has what they look with.
    static func hasWorkers(_ fleet: String) -> Bool {
        !FleetFile.names(under: "workers", without: "runs_at", in: fleet).isEmpty
    }

    /// Debian's xz unpacks it; the program itself needs no library but those of the image.
    private static func dockerfile(hasWorkers: Bool) -> String {
        let packages = hasWorkers ? " bubblewrap python3 python3-venv universal-ctags" : ""
        // Each file of them by its checksum.
        let tools =
            hasWorkers
            ? """

            COPY worker-tools.txt /opt/worker-tools/
            RUN python3 -m venv /opt/worker-tools \\
                && /opt/worker-tools/bin/pip install --no-cache-dir --require-hashes --requirement /opt/worker-tools/worker-tools.txt
            ENV STOKER_TOOLS=/opt/worker-tools/bin
            """ : ""
        return """
            FROM debian:bookworm-slim AS unpack
            RUN apt-get update \\
                && apt-get install --yes --no-install-recommends xz-utils \\
                && rm -rf /var/lib/apt/lists/*
            WORKDIR /unpack
            COPY stoker.xz stoker.xz.sha256 ./
            RUN sha256sum --check stoker.xz.sha256 && xz --decompress stoker.xz && chmod 755 stoker

            FROM debian:bookworm-slim
            RUN apt-get update \\
                && apt-get install --yes --no-install-recommends ca-certificates git tzdata\(packages) \\
                && rm -rf /var/lib/apt/lists/* \\
                && useradd --create-home --uid 1000 stoker \\
                && install --directory --owner=stoker /data\(tools)
            COPY --from=unpack /unpack/stoker /usr/local/bin/stoker
            COPY fleet.yaml /app/fleet.yaml
            WORKDIR /app
            USER 1000
            ENV STOKER_DATA=/data PORT=7860
            EXPOSE 7860
            HEALTHCHECK --interval=60s --timeout=10s --start-period=60s \\
                CMD ["stoker", "check", "http://127.0.0.1:7860/health"]
            CMD ["stoker", "serve", "--fleet", "/app/fleet.yaml"]

            """
    }

    // MARK: The program

    private struct Packed: Sendable {
        var path: String
        /// SHA-256 and bytes.
        var sum: (String, Int)
    }

    private static func packed(folder: String, program: String?) async throws -> Packed {
        guard let xz = Program.find("xz") else {
            throw Failure(
                .usage, doing: "pack this program", because: "xz is not installed",
                hint: "install it (Debian: apt-get install xz-utils)")
        }
        let program = try executable(program)
        let digest = try await sum(of: program).0
        try PrivateFolder.make(folder)
        let kept = "\(folder)/\(digest.prefix(40)).xz"
        // Several Spaces of one plan ask for it at the same time, and it takes a minute of a processor.
        try await PackingOnce.shared.run(kept) {
            if FileManager.default.fileExists(atPath: kept) { return }
            let new = "\(folder)/new-\(UUID().uuidString)"
            defer {
                try? FileManager.default.removeItem(atPath: new)  // moved, or left by a failure
                try? FileManager.default.removeItem(atPath: new + ".xz")
            }
            try await strip(program, to: new)
            let ended = try await Program.run(xz, ["--threads=1", "--quiet", new])
            guard ended.status == 0 else {
                throw Failure(.internal, doing: "pack this program", because: "xz ended with status \(ended.status)")
            }
            guard rename(new + ".xz", kept) == 0 else { throw SystemError() }
        }
        return Packed(path: kept, sum: try await sum(of: kept))
    }

    /// Symbols are for those who debug it, and most of its size.
    private static func strip(_ program: String, to new: String) async throws {
        if let strip = Program.find("strip") ?? Program.find("llvm-strip"),
            try await Program.run(strip, ["--strip-all", "-o", new, program]).status == 0
        {
            return
        }
        try await NIOThreadPool.singleton.runIfActive { try FileManager.default.copyItem(atPath: program, toPath: new) }
    }

    private static func executable(_ program: String?) throws -> String {
        let path =
            program ?? (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
            ?? Bundle.main.executablePath
        guard let path else {
            throw Failure(.internal, doing: "pack this program", because: "its own file is not known")
        }
        return path
    }

    private static func sum(of path: String) async throws -> (String, Int) {
        try await NIOThreadPool.singleton.runIfActive {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? file.close() }  // read only
            var hash = SHA256()
            var size = 0
            while let part = try file.read(upToCount: 1 << 20), !part.isEmpty {
                hash.update(data: part)
                size += part.count
            }
            return (Hex.text(hash.finalize()), size)
        }
    }
}

/// Work that several ask for at the same time, done once for all of them.
private actor PackingOnce {
    static let shared = PackingOnce()
    private var running: [String: Task<Void, any Error>] = [:]

    func run(_ name: String, _ work: @escaping @Sendable () async throws -> Void) async throws {
        if let task = running[name] { return try await task.value }
        // Of its own: who asked first may be cancelled while others wait for it.
        let task = Task { try await work() }
        running[name] = task
        defer { running[name] = nil }
        try await task.value
    }
}
