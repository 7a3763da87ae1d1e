import Ledger
package import StokerCore

/// A browser that is logged in.
package struct AccessSession: Sendable, Equatable {
    /// How it was begun. What it may follows from that, each time anew.
    package enum Way: Sendable, Equatable {
        case mainToken
        /// By the token of that name.
        case token(String)
        case huggingFace
    }

    /// Says which one, opens nothing.
    package var id: String
    /// The user on the Hub, or the token's name.
    package var person: String
    package var via: Way
    /// On the Hub, by their names.
    package var organisations: [String]
    package var began: Instant
    package var ends: Instant
    package var address: String?
    /// To the minute.
    package var lastUse: Instant

    func record(_ hash: [UInt8], binding: [UInt8]?) -> NewRecord {
        var members: [JSONValue.Member] = [
            .init("person", .string(person)), .init("ends", .integer(ends.milliseconds)),
            .init("last_use", .integer(lastUse.milliseconds)),
        ]
        switch via {
        case .mainToken: members.append(.init("via", "main"))
        case .huggingFace: members.append(.init("via", "huggingface"))
        case .token(let name):
            members.append(.init("via", "token"))
            members.append(.init("token", .string(name)))
        }
        if !organisations.isEmpty {
            members.append(.init("organisations", .array(organisations.map { .string($0) })))
        }
        if let address { members.append(.init("address", .string(address))) }
        if let binding { members.append(.init("binding", .string(Hex.text(binding)))) }
        return NewRecord(
            kind: "session", key: Hex.text(hash), body: JSONValue.object(members).text, at: began, expires: ends)
    }

    /// nil for a record that is damaged.
    static func read(_ record: Record) -> (AccessSession, hash: [UInt8], binding: [UInt8]?)? {
        guard let body = try? JSONValue(reading: record.body), let hash = Hex.bytes(record.key), hash.count == 32,
            let person = body["person"]?.string, let ends = body["ends"]?.integer
        else { return nil }
        let via: Way
        switch (body["via"]?.string, body["token"]?.string) {
        case ("main", _): via = .mainToken
        case ("huggingface", _): via = .huggingFace
        case ("token", let name?): via = .token(name)
        default: return nil
        }
        return (
            AccessSession(
                id: String(record.key.prefix(12)), person: person, via: via,
                organisations: (body["organisations"]?.array ?? []).compactMap(\.string), began: record.at,
                ends: Instant(milliseconds: Int64(ends)), address: body["address"]?.string,
                lastUse: body["last_use"]?.integer.map { Instant(milliseconds: Int64($0)) } ?? record.at), hash,
            body["binding"]?.string.flatMap { Hex.bytes($0) }
        )
    }

    package var way: String {
        switch via {
        case .mainToken: "the server's own token"
        case .token(let name): "the token \(name)"
        case .huggingFace: "Hugging Face"
        }
    }

    func json(scope: Scope) -> JSONValue {
        let kind =
            switch via {
            case .mainToken, .token: "token"
            case .huggingFace: "huggingface"
            }
        return [
            "id": .string(id), "person": .string(person), "via": .string(kind), "scope": .string(scope.rawValue),
            "began": .instant(began), "ends": .instant(ends), "last_used": .instant(lastUse), "address": .text(address),
        ]
    }
}
