import Operations
package import StokerCore
import Synchronization

/// Which plans were carried out, so that none is carried out twice.
package protocol PlanUses: Sendable {
    /// - Returns: whether this is the first use.
    func claim(_ id: String, at now: Instant, until end: Instant) async throws(Failure) -> Bool
}

/// In memory: for a process whose plans die with it.
package final class PlanUsesInMemory: PlanUses {
    private let used = Mutex<[String: Instant]>([:])

    package init() {}

    package func claim(_ id: String, at now: Instant, until end: Instant) async throws(Failure) -> Bool {
        used.withLock { used in
            used = used.filter { $0.value > now }
            guard used[id] == nil else { return false }
            used[id] = end
            return true
        }
    }
}

/// A plan as an agent holds it: all that has to be known of it, sealed.
struct PlanTicket: Equatable {
    /// How long a plan holds.
    static let life = Duration.seconds(600)
    private static let purpose = "mcp plan 1"

    var principal: String
    var tool: String
    /// Of the tool's inputs.
    var inputs: String
    /// Of what was shown.
    var shown: [String]
    var ends: Instant
    /// What a use is noted under.
    var id: String

    func text(_ seal: Seal) -> String {
        seal.close(
            [
                "caller": .string(principal), "tool": .string(tool), "inputs": .string(inputs),
                "shown": .array(shown.map { .string($0) }), "ends": .integer(ends.milliseconds), "id": .string(id),
            ], for: Self.purpose)
    }

    /// - Throws: `usage` for a text that is none of ours, is past its time, or belongs to another call.
    static func open(
        _ text: String, _ seal: Seal, principal: String, tool: String, inputs: String, now: Instant
    ) throws(Failure) -> PlanTicket {
        func refusal(_ because: String) -> Failure {
            Failure(
                .usage, doing: "carry out the plan", because: because,
                hint: "nothing was changed; call \(tool) without \(Tool.planInput) for a new plan")
        }
        guard let value = seal.open(text, for: purpose), let ends = value["ends"]?.integer,
            let id = value["id"]?.string
        else { throw refusal("this plan id was not made here, or is not whole") }
        guard value["caller"]?.string == principal else { throw refusal("this plan was made for another caller") }
        guard value["tool"]?.string == tool else { throw refusal("this plan is one of another tool") }
        guard value["inputs"]?.string == inputs else { throw refusal("this plan was made for other inputs") }
        guard Int64(ends) > now.milliseconds else { throw refusal("this plan is older than 10 minutes") }
        return PlanTicket(
            principal: principal, tool: tool, inputs: inputs,
            shown: (value["shown"]?.array ?? []).compactMap(\.string), ends: Instant(milliseconds: Int64(ends)), id: id)
    }
}
