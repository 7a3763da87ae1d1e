import StokerAssets

/// Files of the workers that are compiled in.
package enum WorkerAsset: String, CaseIterable, Sendable {
    case perspectives = "perspectives.yaml"
    /// Runs where the tests of a repository run.
    case probe = "workshop_probe.py"
    /// Packages of Python that an image for workers has, with their checksums.
    case tools = "worker-tools.txt"

    /// Its bytes; a test reads each.
    package var bytes: [UInt8] {
        var count = 0
        guard let first = stoker_assets(&count) else { return [] }
        for file in UnsafeBufferPointer(start: first, count: count) where String(cString: file.name) == rawValue {
            return Array(UnsafeBufferPointer(start: file.bytes, count: file.length))
        }
        return []
    }
    package var text: String { String(decoding: bytes, as: UTF8.self) }
}
