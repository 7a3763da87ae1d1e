/// Everything a fleet file says, checked and with all defaults filled in.
package struct Fleet: Sendable, Equatable {
    package var hub: Hub
    /// Every check of every Space, target and heartbeat, in the order of the file.
    package var checks: [Check]
    package var serve: Serve
    package var ledger: LedgerSettings
    /// Things that are allowed but worth a word, such as an interval below 15 minutes on a Space.
    package var advice: [Advice]
    /// What checks were called before; an older name of the same check comes later. None of the old names is a check's.
    package var renames: [Rename]

    /// A check that has another name now.
    package struct Rename: Sendable, Hashable {
        package var from: String
        package var to: String
        package init(from: String, to: String) {
            self.from = from
            self.to = to
        }
    }

    package init(
        hub: Hub = Hub(), checks: [Check] = [], serve: Serve = Serve(), ledger: LedgerSettings = LedgerSettings(),
        advice: [Advice] = [], renames: [Rename] = []
    ) {
        self.hub = hub
        self.checks = checks
        self.serve = serve
        self.ledger = ledger
        self.advice = advice
        self.renames = renames
    }
}

extension Fleet {
    /// How the Hub is named and spoken to.
    package struct Hub: Sendable, Equatable {
        /// Owner of Spaces that are named without one.
        package var namespace: String?
        package var token: Secret?
        /// Base address of the Hub; `https://huggingface.co` unless `HF_ENDPOINT` says otherwise.
        package var endpoint: String
        /// Pattern from a Space's subdomain to its address; `https://{subdomain}.hf.space` by default.
        /// A simulated fleet on loopback puts its own here.
        package var spaceAddress: String
        /// Whether the Hub is asked for stages; nil: when there is a token or something to discover.
        package var watch: Bool?
        /// Which Spaces join the fleet by themselves; nil for none.
        package var discovery: Discovery?
        /// How the token reaches private Spaces.
        package var privateHeader: PrivateHeader

        package static let standardAddress = "https://{subdomain}.hf.space"

        package init(
            namespace: String? = nil, token: Secret? = nil, endpoint: String = "https://huggingface.co",
            spaceAddress: String = Self.standardAddress, watch: Bool? = nil, discovery: Discovery? = nil,
            privateHeader: PrivateHeader = .hub
        ) {
            self.namespace = namespace
            self.token = token
            self.endpoint = endpoint
            self.spaceAddress = spaceAddress
            self.watch = watch
            self.discovery = discovery
            self.privateHeader = privateHeader
        }

        /// Whether a Space's address may be told from its name. Only huggingface.co's Spaces are under hf.space: what is called alike there
        /// on behalf of another Hub is a stranger's. With a pattern of its own (`hub.address`) any Hub's may.
        package var tellsAddresses: Bool {
            if spaceAddress != Self.standardAddress { return true }
            guard let host = (try? Address(endpoint))?.host else { return false }  // read when the file was
            return ["huggingface.co", "www.huggingface.co", "hf.co"].contains(host)
        }

        package var isWatched: Bool { watch ?? (token != nil || discovery != nil) }
    }

    /// The one port and who may use it.
    package struct Serve: Sendable, Equatable {
        /// TCP port, 0…65535; 0 takes a free one. Default 7860.
        package var port: Int
        /// Address to bind. Default 127.0.0.1; 0.0.0.0 inside a container.
        package var host: String
        /// The file says the host: a container does not change it.
        package var isHostSaid = false
        /// Where the world reaches this server, if it can.
        package var publicURL: String?
        /// Interval of the ping to ourselves; nil switches it off. Default 2 min.
        package var selfPing: Duration?
        /// Token that writing (and, with ``privateReading``, reading) needs.
        package var token: Secret?
        /// Whether reading needs the token as well. Default false.
        package var privateReading: Bool

        package init(
            port: Int = 7860, host: String = "127.0.0.1", publicURL: String? = nil, selfPing: Duration? = .seconds(120),
            token: Secret? = nil, privateReading: Bool = false
        ) {
            self.port = port
            self.host = host
            self.publicURL = publicURL
            self.selfPing = selfPing
            self.token = token
            self.privateReading = privateReading
        }
    }

    /// Where observations are kept and for how long.
    package struct LedgerSettings: Sendable, Equatable {
        /// Path of the SQLite file; nil means `stoker.sqlite` in the data folder.
        package var path: String?
        /// How long single observations are kept. Default 7 days.
        package var keepObservations: Duration
        /// How long detail by the minute is kept. Default 2 days. Single observations give it, so they stay for the longer of both.
        package var keepMinutes: Duration
        /// How long hour sums are kept. Default 400 days. Day sums, incidents and events are kept for five years.
        package var keepHours: Duration

        package init(
            path: String? = nil, keepObservations: Duration = .seconds(7 * 86_400),
            keepMinutes: Duration = .seconds(2 * 86_400), keepHours: Duration = .seconds(400 * 86_400)
        ) {
            self.path = path
            self.keepObservations = keepObservations
            self.keepMinutes = keepMinutes
            self.keepHours = keepHours
        }
    }

    /// A remark of `stoker check-config` that does not stop anything.
    package struct Advice: Sendable, Equatable {
        /// Place in the document: `spaces.bot.keep.every`.
        package var path: String
        package var text: String
        /// Where in the file, from 1; 0 when it is about no place in particular.
        package var line: Int
        package var column: Int
        package init(path: String, text: String, line: Int = 0, column: Int = 0) {
            self.path = path
            self.text = text
            self.line = line
            self.column = column
        }
    }
}
