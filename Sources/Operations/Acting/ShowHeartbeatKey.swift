import StokerCore

extension Operation {
    package static let heartbeatKey = Operation(
        name: "heartbeat-key", summary: "The address a job calls, with the heartbeat's own key when one is needed",
        doing: "show the heartbeat's address", permission: .write, scope: .operate, needsFleet: true, path: "/heartbeats/{name}/key",
        parameters: [.init("name", .path, .text(upTo: 300), "Name of the heartbeat")], answer: .heartbeatKey
    ) { (context, arguments) throws(Failure) in
        let status = try await context.monitor.status(of: arguments.name())
        let name = status.check.name
        guard status.check.policy.kind == .heartbeat else {
            throw Failure(
                .conflict, doing: "show the heartbeat's address",
                because: "\(name) is a check of kind \(status.check.policy.kind.rawValue)",
                hint: "only heartbeats are called; Stoker pings the others itself")
        }
        let key = context.heartbeatKey?(name)
        let path = "/api/heartbeats/\(PercentCoding.encoded(name))"
        return ["name": .string(name), "path": .string(key.map { "\(path)?key=\($0)" } ?? path), "key": .text(key)]
    }
}
