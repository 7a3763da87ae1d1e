import StokerCore

/// Keys of the fleet file that are read at the start only: the port is open then, the token given out and the writer at work.
struct StartOnlyKeys {
    private let serve: Fleet.Serve
    private let ledger: Fleet.LedgerSettings
    private let hub: Fleet.Hub

    init(_ fleet: Fleet) {
        serve = fleet.serve
        ledger = fleet.ledger
        hub = fleet.hub
    }

    /// Those that a new fleet file has otherwise, as they are written there.
    func changed(in new: Fleet) -> [String] {
        let all: [(key: String, isOther: Bool)] = [
            ("serve.port", serve.port != new.serve.port), ("serve.host", serve.host != new.serve.host),
            ("serve.public_url", serve.publicURL != new.serve.publicURL),
            ("serve.token", serve.token != new.serve.token),
            ("serve.private", serve.privateReading != new.serve.privateReading), ("ledger", ledger != new.ledger),
            ("hub.token", hub.token != new.hub.token), ("hub.endpoint", hub.endpoint != new.hub.endpoint),
            ("hub.watch", hub.isWatched != new.hub.isWatched),
        ]
        return all.filter(\.isOther).map(\.key)
    }
}
