import StokerCore

extension Operation {
    package static let heartbeatKey = Operation(
        name: "heartbeat-key", summary: "The address a job calls, with the heartbeat's own key when one is needed",
        doing: "show the heartbeat's address", permission: .write, needsFleet: true, path: "/heartbeats/{name}/key",
        parameters: [.init("name", .path, .text(upTo: 300), "Name of the heartbeat")], answer: .heartbeatKey
    ) { (context, arguments) throws(Failure) in
        let status = try await context.keeper.status(of: arguments.name())
        let name = status.check.name
        guard status.check.policy.kind == .heartbeat else {
            throw Failure(
                .conflict, doing: "show the heartbeat's address",
                because: "\(name) is a check of kind \(status.check.policy.kind.rawValue)",
                hint: "only heartbeats are called; Stoker pings the others itself")
        }
        let key = context.heartbeatKey?(name)
        let path = "/api/heartbeats/\(percentEncoded(name))"
        return ["name": .string(name), "path": .string(key.map { "\(path)?key=\($0)" } ?? path), "key": .text(key)]
    }
}

/// For one segment of a path: everything but RFC 3986's unreserved characters is encoded.
package func percentEncoded(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var out: [UInt8] = []
    for byte in text.utf8 {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: out.append(byte)
        default: out.append(contentsOf: [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]])
        }
    }
    return String(decoding: out, as: UTF8.self)
}
