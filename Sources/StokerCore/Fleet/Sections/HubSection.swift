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
        /// The platform's status page; nil: huggingface.co's for its own Hub, none for another. See ``statusPageAddress``.
        package var statusPage: String?

        package static let standardAddress = "https://{subdomain}.hf.space"
        /// Address of the public Hub.
        package static let official = "https://huggingface.co"

        package init(
            namespace: String? = nil, token: Secret? = nil, endpoint: String = Self.official,
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
            return Self.hosts.contains(host)
        }

        /// Where the platform tells of its own trouble; nil when that is not known.
        package var statusPageAddress: String? {
            if let statusPage { return statusPage }
            guard let host = (try? Address(endpoint))?.host else { return nil }  // read when the file was
            return Self.hosts.contains(host) ? "https://status.huggingface.co" : nil
        }

        private static let hosts = ["huggingface.co", "www.huggingface.co", "hf.co"]

        package var isWatched: Bool { watch ?? (token != nil || discovery != nil) }
    }
}

extension FleetSection where Settings == Fleet.Hub {
    package static let hub = FleetSection(
        "hub", "How the Hub is named and spoken to.",
        FleetTable([
            FleetKey(
                "namespace",
                .text("a user or organisation", pattern: "^(\(FleetSchema.hubNamePattern))?$") {
                    SpaceName.isPart($0) ? nil : "is not the name of a user or an organisation"
                }, \.namespace, "Owner of Spaces that are named without one.", example: "acme",
                invalidExamples: ["a/b", "-a"]),
            FleetKey(
                "token", .secret("a Hub token, such as ${HF_TOKEN:-}"), \.token,
                "Reads the stages of the fleet, opens private Spaces, restarts. Empty: the Hub is asked nothing unless `watch` or `discover` says so.",
                defaultValue: "`$HF_TOKEN`", example: "\"${HF_TOKEN:-}\"", invalidExamples: ["[a]", "{ a: b }"],
                isSecret: true,
                needsRestart: true),
            FleetKey(
                FleetKeyRow(
                    "endpoint", "Base address of the Hub.",
                    defaultValue: "`$HF_ENDPOINT`, else `https://huggingface.co`",
                    example: "https://hub.example.com/",
                    invalidExamples: ["hub.example.com", "\"ftp://hub\"", "https://"],
                    needsRestart: true, schema: FleetSchema.webAddress(orEmpty: false)),
                read: { value, hub in
                    guard let address = value.address([.http, .https]) else { return }
                    var text = address.description
                    while text.hasSuffix("/") { text.removeLast() }
                    hub.endpoint = text
                }, write: { .string($0.endpoint) }, differs: { $0.endpoint != $1.endpoint }),
            FleetKey(
                FleetKeyRow(
                    "address",
                    "How a Space's address follows from its name; not needed where the Hub is watched, a simulated one included.",
                    defaultValue: "as the Hub says, else on huggingface.co `https://{subdomain}.hf.space`",
                    example: "\"https://{subdomain}.example.com\"",
                    invalidExamples: ["https://example.com", "\"{subdomain}.example.com\""],
                    schema: FleetSchema.pattern("\\{subdomain\\}")),
                read: { value, hub in
                    guard let text = value.text("a pattern such as https://{subdomain}.hf.space") else { return }
                    if !text.value.contains("{subdomain}") {
                        value.report(
                            .value, "\(text.shown) has no {subdomain}, so all Spaces would have one address")
                    } else if case .failure(let fault) = Address.checked(
                        text.value.replacing("{subdomain}", with: "a"))
                    {
                        value.report(.value, "\(text.shown) \(fault.because)")
                    } else {
                        hub.spaceAddress = text.value
                    }
                }, write: { .string($0.spaceAddress) }, differs: { $0.spaceAddress != $1.spaceAddress }),
            FleetKey(
                "watch", .bool, \.watch,
                "`true` reads the stages of public Spaces without a token, `false` never asks the Hub.",
                defaultValue: "with a token, or with `discover`", example: "true", invalidExamples: ["perhaps"]),
            // Read when the settings of checks are known: `FleetFile.readDiscovery`.
            FleetKey(
                FleetKeyRow(
                    "discover",
                    "`true`: every Space of `namespace` joins the fleet, and leaves it when it is gone; or a mapping that says which.",
                    defaultValue: "false", example: "{ namespaces: [acme] }", invalidExamples: ["perhaps", "[a]"],
                    schema: [
                        "anyOf": .array(
                            (FleetSchema.bool["anyOf"]?.array ?? []) + [
                                FleetSchema.object(Fleet.Discovery.rows, mayBeEmpty: false)
                            ])
                    ]), read: { _, _ in }),
            FleetKey(
                "private_header", .word, \.privateHeader,
                "Header that carries the token to private and protected Spaces; sent to that Space's own host only.",
                defaultValue: "`x-hf-authorization`", example: "authorization", invalidExamples: ["x-other"]),
            FleetKey(
                "status_page", .webAddress, \.statusPage,
                "The platform's status page (Better Stack), which is read while Spaces fail: what it tells is named as the cause.",
                defaultValue: "for huggingface.co `https://status.huggingface.co`, else none",
                example: "https://status.example.com", invalidExamples: ["status.example.com", "[a]"],
                needsRestart: true),
        ]), initial: Fleet.Hub(), at: \.hub,
        groups: [
            FleetKeyGroup(
                "hub.discover", Fleet.Discovery.rows, document: "hub: { namespace: acme, discover: { % } }",
                schemaPath: ["properties", "hub", "properties", "discover", "anyOf", "2"])
        ])
}

extension Fleet.Discovery {
    /// Keys of `hub.discover`.
    static let rows: [FleetKeyRow] = [
        FleetKeyRow(
            "namespaces", "Users and organisations, any of which.", defaultValue: "`hub.namespace`",
            example: "[acme, maren]",
            invalidExamples: ["[a/b]"],
            schema: FleetSchema.oneOrMany(FleetSchema.pattern("^\(FleetSchema.hubNamePattern)$"))),
        FleetKeyRow(
            "sdk", "Only these SDKs.", defaultValue: "all that run an app",
            range: "`gradio`, `docker`, `streamlit`, `static`", example: "[docker]", invalidExamples: ["rust"],
            schema: FleetSchema.oneOrMany(FleetSchema.words(sdkNames))),
        FleetKeyRow(
            "tags", "Only Spaces with all of these tags.", example: "[prod]", invalidExamples: ["{ a: b }"],
            schema: FleetSchema.oneOrMany(["type": ["string", "number"]])),
        FleetKeyRow(
            "names", "Only names that match one of these patterns; `*` is any text.", example: "[\"bot-*\"]",
            invalidExamples: ["{ a: b }"], schema: FleetSchema.oneOrMany(["type": ["string", "number"]])),
    ]
    static let sdkNames = ["gradio", "docker", "streamlit", "static"]
    static let keys = FleetKeys(rows.map(\.name))
}
