import Foundation
package import StokerCore

/// A time of maintenance as it is remembered: a record of the kind `maintenance`, so that a restart, kill -9 and a changed fleet file leave it
/// as it was. Uptime leaves out the time of the checks that it names.
package struct MaintenanceSpan: Sendable, Equatable, Codable {
    package static let kind = "maintenance"
    /// How long it is remembered after its end: longer than anything that uptime is counted from.
    package static let kept = Duration.seconds(6 * 366 * 86_400)

    /// The record's key.
    package var id: String
    package var name: String
    /// Milliseconds since 1970.
    package var from: Int64
    /// Milliseconds since 1970, exclusive.
    package var until: Int64
    package var scope: MaintenanceScope
    /// Numbers of the checks in it, as ranges (first, last) in order; empty where it is for everything.
    package var checks: [[Int32]]
    /// Begun by a person, not by the fleet file.
    package var byHand: Bool
    /// Who began it, as they said.
    package var by: String?
    /// What people read.
    package var text: String?
    /// A person ended it before its time.
    package var stopped: Bool?

    package init(_ window: MaintenanceWindow, checks: [[Int32]], by: String? = nil) {
        id = window.id
        name = window.name
        from = window.from.milliseconds
        until = window.until.milliseconds
        scope = window.scope
        self.checks = checks
        byHand = window.isByHand
        self.by = by
        text = window.text
    }

    package init?(_ record: Record) {
        guard let span = try? JSONDecoder().decode(Self.self, from: Data(record.body.utf8)) else { return nil }
        self = span
        id = record.key
    }

    package var window: MaintenanceWindow {
        MaintenanceWindow(
            id: id, name: name, from: Instant(milliseconds: from), until: Instant(milliseconds: until), scope: scope,
            isByHand: byHand, text: text)
    }

    package func record(at now: Instant) throws(Failure) -> NewRecord {
        guard let data = try? JSONEncoder.stable.encode(self) else {
            throw Failure(.ledger, doing: "write down maintenance", because: "it cannot be encoded")
        }
        return NewRecord(
            kind: Self.kind, key: id, body: String(decoding: data, as: UTF8.self), at: now,
            expires: Instant(milliseconds: until) + Self.kept)
    }

    /// Whether a check's time in it is left out of the uptime.
    package func covers(_ check: Int32) -> Bool {
        scope.isEverything || checks.contains { $0.count == 2 && $0[0] <= check && check <= $0[1] }
    }

    /// Numbers as ranges.
    package static func ranges(_ ids: some Sequence<Int32>) -> [[Int32]] {
        var result: [[Int32]] = []
        for id in Set(ids).sorted() {
            if let last = result.last, last[1] + 1 == id {
                result[result.count - 1][1] = id
            } else {
                result.append([id, id])
            }
        }
        return result
    }

    /// Both together.
    package static func union(_ a: [[Int32]], _ b: [[Int32]]) -> [[Int32]] {
        var result: [[Int32]] = []
        for one in (a + b).filter({ $0.count == 2 && $0[0] <= $0[1] }).sorted(by: { $0[0] < $1[0] }) {
            if let last = result.last, one[0] <= last[1] || one[0] == last[1] + 1 {
                result[result.count - 1][1] = max(last[1], one[1])
            } else {
                result.append(one)
            }
        }
        return result
    }
}

extension Watch {
    /// Without the time of maintenance.
    func without(_ spans: [MaintenanceSpan], of check: Int32) -> Watch {
        let mine = spans.filter { $0.from < $0.until && $0.covers(check) }
        return mine.isEmpty ? self : leavingOut(maintenance: mine.map { $0.from..<$0.until })
    }
}
