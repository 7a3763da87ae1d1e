package import StokerCore
import Synchronization

/// Records without a disk.
package final class MemoryRecords: RecordStore {
    private let kinds = Mutex<[String: [String: Record]]>([:])

    package init() {}

    package func put(_ record: NewRecord, ifVersion version: Int64?) throws(Failure) -> Record? {
        try record.check()
        return kinds.withLock { kinds in
            let known = kinds[record.kind]?[record.key]?.version ?? 0
            guard version == nil || version == known else { return nil }
            let written = Record(record, version: known + 1)
            kinds[record.kind, default: [:]][record.key] = written
            return written
        }
    }

    package func remove(kind: String, key: String) -> Bool {
        kinds.withLock { $0[kind]?.removeValue(forKey: key) != nil }
    }

    package func record(kind: String, key: String) -> Record? { kinds.withLock { $0[kind]?[key] } }

    package func records(kind: String, prefix: String, after: String?, limit: Int) -> [Record] {
        let found = kinds.withLock { kinds in
            (kinds[kind] ?? [:]).values.filter { record in
                record.key.utf8.starts(with: prefix.utf8) && (after.map { Self.isBefore($0, record.key) } ?? true)
            }
        }
        return Array(found.sorted { Self.isBefore($0.key, $1.key) }.prefix(max(0, limit)))
    }

    package func prune(now: Instant) -> Int {
        kinds.withLock { kinds in
            var gone = 0
            for (kind, records) in kinds {
                let kept = records.filter { _, record in record.expires.map { $0 > now } ?? true }
                let newest = kept.values.sorted { ($0.at, $0.key) > ($1.at, $1.key) }.prefix(Record.maxOfKind)
                gone += records.count - newest.count
                kinds[kind] = Dictionary(newest.map { ($0.key, $0) }) { first, _ in first }
            }
            return gone
        }
    }

    private static func isBefore(_ one: String, _ other: String) -> Bool {
        one.utf8.lexicographicallyPrecedes(other.utf8)
    }
}
