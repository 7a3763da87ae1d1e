import Crypto
import NIOCore
import StokerAssets
import StokerCore

/// The files that are compiled into the binary, packed once and named after their content.
struct Assets: Sendable {
    struct File: Sendable {
        /// `/assets/stoker-1a2b3c4d5e6f.css`: changes with the content, so it may be cached for ever.
        var path: String
        var type: String
        var plain: ByteBuffer
        var packed: ByteBuffer?
    }
    /// By the path they are served under.
    let served: [String: File]
    /// Path by name: `stoker.css`.
    let paths: [String: String]

    static let shared = Assets()

    private init() {
        var served: [String: File] = [:]
        var paths: [String: String] = [:]
        for (name, bytes) in Self.files() {
            let types = ["css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"]
            let parts = name.split(separator: ".")
            guard parts.count == 2, let type = types[String(parts[1])] else { continue }
            let hash = Hex.text(SHA256.hash(data: bytes).prefix(6))
            let path = "/assets/\(parts[0])-\(hash).\(parts[1])"
            let plain = ByteBuffer(bytes: bytes)
            served[path] = File(path: path, type: type, plain: plain, packed: Gzip.pack(plain, level: 9))
            paths[name] = path
        }
        self.served = served
        self.paths = paths
    }

    /// All files with their bytes.
    static func files() -> [(name: String, bytes: [UInt8])] {
        var count = 0
        guard let first = stoker_assets(&count) else { return [] }
        return UnsafeBufferPointer(start: first, count: count).map { file in
            (String(cString: file.name), [UInt8](UnsafeBufferPointer(start: file.bytes, count: file.length)))
        }
    }
}

enum Gzip {
    /// nil when packing does not pay.
    static func pack(_ plain: ByteBuffer, level: Int32 = 5) -> ByteBuffer? {
        guard plain.readableBytes > 1_000 else { return nil }
        let capacity = stoker_gzip_bound(plain.readableBytes)
        var packed = ByteBuffer()
        let written = packed.writeWithUnsafeMutableBytes(minimumWritableBytes: capacity) { output in
            plain.withUnsafeReadableBytes { input in
                guard let from = input.bindMemory(to: UInt8.self).baseAddress,
                    let to = output.bindMemory(to: UInt8.self).baseAddress
                else { return 0 }
                return stoker_gzip(from, input.count, to, capacity, level)
            }
        }
        return written > 0 && written < plain.readableBytes ? packed : nil
    }
}
