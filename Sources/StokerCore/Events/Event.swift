/// Something that happened and is worth a line in the log of the fleet.
package struct Event: Sendable, Equatable {
    /// Number given by the ledger; 0 before it is stored.
    package var id: Int64
    /// When it happened, not when it was stored.
    package var at: Instant
    /// nil for events of the fleet as a whole.
    package var check: Int32?
    /// What happened, with its values.
    package var payload: EventPayload

    package init(id: Int64 = 0, at: Instant, check: Int32? = nil, _ payload: EventPayload) {
        self.id = id
        self.at = at
        self.check = check
        self.payload = payload
    }
    /// One of which only the sentence is known; see ``EventPayload/text(kind:sentence:)``.
    package init(id: Int64 = 0, at: Instant, kind: String, check: Int32? = nil, text: String) {
        self.init(id: id, at: at, check: check, .text(kind: kind, sentence: text))
    }

    /// Stable and bounded, such as `incident.began`; docs/operations.md lists them.
    package var kind: String { payload.kind }
    /// One plain sentence.
    package var text: String { payload.sentence }
}
