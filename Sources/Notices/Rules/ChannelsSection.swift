package import StokerCore

/// A channel as the fleet file has it, whatever its kind.
package struct ConfiguredChannel: Sendable, Equatable {
    package let channel: any Channel

    package init(_ channel: any Channel) { self.channel = channel }

    package var kind: String { type(of: channel).name }
    /// Where it goes, without secrets.
    package var shown: String { channel.shown }
    package var isOn: Bool { channel.isOn }
    var takesAcknowledgements: Bool { type(of: channel).takesAcknowledgements }

    package static func == (a: Self, b: Self) -> Bool {
        func equal<One: Channel>(_ one: One, _ other: any Channel) -> Bool { one == other as? One }
        return equal(a.channel, b.channel)
    }
}

extension Channel {
    /// How the fleet file says it.
    static var kind: FleetKind<ConfiguredChannel> {
        FleetKind(
            name, table, initial: Self(), make: { ConfiguredChannel($0) }, settings: { $0.channel as? Self })
    }
}

/// `channels:` of the fleet file: names and how people are reached there.
package enum ChannelsSection {
    static let kinds: [FleetKind<ConfiguredChannel>] = ChannelKinds.all.map { $0.kind }

    package static let section = FleetSection(
        "channels", "Ways to reach people, by name: `team: { discord: … }`. Rules under `notify` say who is told what.",
        FleetValue<[FleetNamed<ConfiguredChannel>]>.named(.kinds(kinds, "a channel")), initial: [],
        groups: ChannelKinds.all.map { kind in
            FleetKeyGroup(
                "channels.\(kind.name)", kind.kind.rows, document: "channels: { a: { \(kind.example), % } }",
                schemaPath: [])
        })
}
