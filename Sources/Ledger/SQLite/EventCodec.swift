import Foundation
import StokerCore

/// An event's values as JSON, and back. The sentence is stored beside them, for readers that do not know the kind.
struct EventCodec {
    private let encoder = JSONEncoder.stable

    /// nil when there is nothing but the sentence.
    func encode(_ payload: EventPayload) throws -> String? {
        if case .text = payload { return nil }
        return String(decoding: try encoder.encode(payload), as: UTF8.self)
    }

    /// What cannot be read, or is not of the kind, is as good as none: the sentence still tells it.
    static func decode(_ payload: String??, kind: String, text: String) -> EventPayload {
        guard case .some(.some(let payload)) = payload,
            let known = try? JSONDecoder().decode(EventPayload.self, from: Data(payload.utf8)), known.kind == kind
        else { return .text(kind: kind, sentence: text) }
        return known
    }
}
