import Ledger
package import StokerCore

/// A named token of a server, without its secret.
package struct AccessToken: Sendable, Equatable {
    /// 1 to 60 of `A-Za-z0-9._-`, whatever their case unique.
    package var name: String
    package var scope: Scope
    package var made: Instant
    /// Who made it.
    package var by: String
    /// nil: until it is revoked.
    package var ends: Instant?
    /// To the minute; nil: never.
    package var lastUse: Instant?
    package var lastAddress: String?

    package func isOver(at moment: Instant) -> Bool { ends.map { $0 <= moment } ?? false }

    /// Why a name is none; nil for a good one.
    static func problem(ofName name: String) -> String? {
        guard (1...60).contains(name.utf8.count),
            name.utf8.allSatisfy({ byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                    || (0x61...0x7A).contains(byte) || [0x2D, 0x2E, 0x5F].contains(byte)
            })
        else { return "a name has 1 to 60 letters, digits, dots, hyphens and underscores" }
        if name.uppercased() == AccessBook.mainTokenName { return "\(name) is the server's own token" }
        return nil
    }

    func record(_ hash: [UInt8]) -> NewRecord {
        var members: [JSONValue.Member] = [
            .init("name", .string(name)), .init("scope", .string(scope.rawValue)), .init("by", .string(by)),
        ]
        if let ends { members.append(.init("ends", .integer(ends.milliseconds))) }
        if let lastUse { members.append(.init("last_use", .integer(lastUse.milliseconds))) }
        if let lastAddress { members.append(.init("last_address", .string(lastAddress))) }
        // By its hash and not by its name: a later one of the same name is another record.
        return NewRecord(kind: "access-token", key: Hex.text(hash), body: JSONValue.object(members).text, at: made)
    }

    /// nil for a record that is damaged.
    static func read(_ record: Record) -> (AccessToken, hash: [UInt8])? {
        guard let body = try? JSONValue(reading: record.body), let hash = Hex.bytes(record.key), hash.count == 32,
            let name = body["name"]?.string, problem(ofName: name) == nil,
            let scope = body["scope"]?.string.flatMap(Scope.init(rawValue:))
        else { return nil }
        return (
            AccessToken(
                name: name, scope: scope, made: record.at, by: body["by"]?.string ?? "",
                ends: body["ends"]?.integer.map { Instant(milliseconds: Int64($0)) },
                lastUse: body["last_use"]?.integer.map { Instant(milliseconds: Int64($0)) },
                lastAddress: body["last_address"]?.string), hash
        )
    }

    func json(now: Instant) -> JSONValue {
        [
            "name": .string(name), "scope": .string(scope.rawValue), "made": .instant(made), "by": .text(by),
            "expires": .instant(ends), "is_over": .bool(isOver(at: now)), "last_used": .instant(lastUse),
            "last_address": .text(lastAddress),
        ]
    }
}
