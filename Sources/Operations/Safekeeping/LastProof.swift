import Safekeeping
package import StokerCore

extension StateBoard {
    /// How far a restore of a Space's state is proven, in a few words, for a badge: says nothing of what is kept, or where.
    /// - Parameter name: the Space's, as the fleet file or the Hub has it.
    /// - Returns: nil where nothing of it is kept.
    package func lastProof(of name: String) async throws(Failure) -> (text: String, tone: Look.Tone)? {
        guard let state = try? state(name) else { return nil }
        let memory = try await memory(state.name)
        let isUnproven = health(state, memory).problems.contains { $0.standing == .unproven }
        guard let proven = memory.proven else { return ("never", isUnproven ? .bad : .unknown) }
        let text =
            "\(Formatting.relative(min(proven.at, now()), to: now())), took \(Formatting.interval(.milliseconds(proven.milliseconds)))"
        return (text, isUnproven ? .bad : .good)
    }
}
