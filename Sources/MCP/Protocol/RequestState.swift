import StokerCore

/// What a call that asks its client something has to know when the client comes back: sealed, so that nothing is kept in between.
struct RequestState: Sendable {
    let seal: Seal
    /// How long an answer may take.
    private static let life = Duration.seconds(600)
    private static let purpose = "mcp state 1"

    /// - Parameters:
    ///   - call: what is called: `tools/call` and a name.
    ///   - step: which question it was.
    func issue(_ call: String, step: Int, _ exchange: MCPExchange, now: Instant) -> String {
        seal.close(
            [
                "caller": .string(exchange.client.principal.id), "call": .string(call),
                "inputs": .string(Self.inputs(exchange)), "step": .integer(Int64(step)),
                "ends": .integer((now + Self.life).milliseconds),
            ], for: Self.purpose)
    }

    /// The step that the state belongs to; nil without one.
    /// - Throws: `MCPError` for a state that is none of ours, is too old, or belongs to another call.
    func step(_ call: String, _ exchange: MCPExchange, now: Instant) throws(MCPError) -> Int? {
        guard let text = exchange.requestState else { return nil }
        guard let value = seal.open(text, for: Self.purpose), value["caller"]?.string == exchange.client.principal.id,
            value["call"]?.string == call, value["inputs"]?.string == Self.inputs(exchange),
            let ends = value["ends"]?.integer, Int64(ends) > now.milliseconds
        else { throw .params("\"requestState\" is not one that was given for this call, or is too old") }
        return value["step"]?.integer
    }

    private static func inputs(_ exchange: MCPExchange) -> String { Seal.digest(exchange.params["arguments"] ?? [:]) }
}
