package import NIOCore
import StokerCore

/// The files that an upload of a folder would take, each with the name that git gives its content: what a plan compares with the Hub.
package struct FolderContents: Sendable {
    package struct File: Sendable {
        package var source: HubSource
        /// Bytes.
        package var size: Int64
        /// SHA-1 as git names it, 40 hexadecimal digits.
        package var sha1: String
        package var isExecutable = false
        /// Stands for a file of LFS that is not here.
        package var isPointer = false

        /// Whether the content is called so. Reads the file once more where that is the name of LFS. Blocks.
        package func isCalled(_ name: ContentHash) throws -> Bool {
            switch name {
            case .sha1(let hex): return hex == sha1
            case .sha256: return try item.hash(.sha256) == name
            }
        }

        /// SHA-256. Blocks.
        package func sha256() throws -> String { "\(try item.hash(.sha256))" }

        /// nil for what is no text in UTF-8, and above `limit` bytes. Blocks.
        package func text(upTo limit: Int64) throws -> String? {
            guard size <= limit else { return nil }
            let bytes: ByteBuffer
            switch source {
            case .bytes(let own): bytes = own
            case .file(let path): bytes = try LocalFile(path).read(Int(size), at: 0)
            }
            let view = bytes.readableBytesView
            return view.contains(0) ? nil : String(validating: view, as: UTF8.self)
        }

        private var item: UploadItem {
            get throws {
                var changed: Int64 = 0
                if case .file(let path) = source {
                    changed = try LocalFile.status(of: path, followLinks: true)?.changed ?? 0
                }
                return UploadItem(path: RepoPath(unchecked: ""), source: source, size: size, changed: changed)
            }
        }
    }

    /// By path.
    package var files: [String: File] = [:]
    package var skipped: [SkippedFile] = []

    package init() {}

    /// Files that are made and not read.
    package mutating func put(_ text: String, at path: String) {
        put(ByteBuffer(string: text), at: path)
    }

    package mutating func put(_ bytes: ByteBuffer, at path: String) {
        var hasher = ContentHasher(.sha1, size: Int64(bytes.readableBytes))
        hasher.update(bytes)
        var file = File(source: .bytes(bytes), size: Int64(bytes.readableBytes), sha1: "\(hasher.finish())")
        file.isExecutable = files[path]?.isExecutable ?? false
        files[path] = file
    }

    /// A file of this machine, whatever rules there are. Blocks.
    package mutating func put(file local: String, at path: String) throws {
        files[path] = try Self.file(UploadItem(path: RepoPath(path), source: .file(local)))
    }

    /// Text of a file; nil when there is none, or none that is text of at most 1 MiB. Blocks.
    package func text(at path: String) throws -> String? { try files[path]?.text(upTo: 1 << 20) }

    /// Looks through the folder as an upload does.
    /// - Throws: `hub.local` when it cannot be read, or a name in it cannot be one of a repository.
    package static func read(_ folder: String) async throws(HubFailure) -> FolderContents {
        do {
            return try await Disk.run { flag in
                let scan = try FolderScan(folder, options: UploadOptions(), check: { try flag.check() })
                var contents = FolderContents()
                contents.skipped = scan.skipped
                for item in scan.items {
                    try flag.check()
                    contents.files[item.path.text] = try file(item)
                }
                return contents
            }
        } catch {
            throw HubFailure.caught(error, doing: "look through \(folder)")
        }
    }

    private static func file(_ item: UploadItem) throws -> File {
        File(
            source: item.source, size: item.size, sha1: "\(try item.hash(.sha1))", isExecutable: item.isExecutable,
            isPointer: item.head.pointer != nil)
    }
}

/// Work on files, off the threads that must not wait.
package enum FileWork {
    package static func run<Value: Sendable>(
        doing: String, _ work: @escaping @Sendable () throws -> Value
    ) async throws(HubFailure) -> Value {
        do { return try await Disk.run { try work() } } catch { throw HubFailure.caught(error, doing: doing) }
    }
}
