extension Fleet {
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
        /// Who may sign in with an account on the Hub. Default: nobody.
        package var signIn = SignIn()

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
}

extension FleetSection where Settings == Fleet.Serve {
    package static let serve = FleetSection(
        "serve", "The one port, and who may use it.",
        FleetTable(
            [
                FleetKey(
                    "port", .integer(0...65_535, "a port such as 7860"), \.port, "TCP port; 0 takes a free one.",
                    defaultValue: "7860", example: "8080", invalidExamples: ["http", "65536", "-1"], needsRestart: true),
                FleetKey(
                    FleetKeyRow(
                        "host", "Address to listen on.",
                        defaultValue: "127.0.0.1; 0.0.0.0 in a container when neither the file nor `--host` says one",
                        example: "0.0.0.0",
                        invalidExamples: ["\"a b\"", "\"\"", "http://a/"], needsRestart: true,
                        schema: FleetSchema.pattern("^[A-Za-z0-9.:_%\\[\\]-]+$")),
                    read: { value, serve in
                        guard let host = value.string("an address to listen on, such as 127.0.0.1 or 0.0.0.0") else {
                            return
                        }
                        if host.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || ".:-_%[]".contains($0)) }) {
                            serve.host = host
                            serve.isHostSaid = true
                        } else {
                            value.report(.value, "is not an address to listen on; write 127.0.0.1, ::1 or 0.0.0.0")
                        }
                    }, write: { .string($0.host) }, differs: { $0.host != $1.host },
                    take: {
                        $0.host = $1.host
                        $0.isHostSaid = $1.isHostSaid
                    }),
                FleetKey(
                    "public_url", .webAddress, \.publicURL,
                    "Where the world reaches this server; may have a path, see below.",
                    example: "https://example.com/stoker",
                    invalidExamples: ["example.com", "https://"], needsRestart: true),
                FleetKey(
                    "self_ping", .durationOrOff(.seconds(10) ... .seconds(86_400), example: "2m, or off"), \.selfPing,
                    "Interval of the ping to ourselves.", defaultValue: "2m", example: "5m",
                    invalidExamples: ["5s", "2d", "often"]),
                FleetKey(
                    "token", .secret("a token, such as ${STOKER_TOKEN:-}"), \.token, "Token that writing needs.",
                    defaultValue: "made where one is needed, see below", example: "\"${STOKER_TOKEN:-}\"",
                    invalidExamples: ["[a]"], isSecret: true, needsRestart: true),
                FleetKey(
                    "private", .bool, \.privateReading, "Whether reading needs the token as well.",
                    defaultValue: "false",
                    example: "true", invalidExamples: ["maybe"], needsRestart: true),
                FleetKey(
                    "sign_in", .table(signIn, Fleet.SignIn()), \.signIn,
                    "Who may sign in with an account on the Hub, see below.",
                    example: "{ huggingface: { maren: admin, kestrel-labs: operate } }",
                    invalidExamples: ["[a]", "{ huggingface: { maren: owner } }"]),
            ]), initial: Fleet.Serve(), at: \.serve,
        groups: [
            FleetKeyGroup(
                "serve.sign_in", signIn.rows, document: "serve: { sign_in: { % } }",
                schemaPath: ["properties", "serve", "properties", "sign_in"])
        ])

    private static let signIn = FleetTable<Fleet.SignIn>(
        [
            FleetKey(
                "huggingface",
                FleetValue<[FleetNamed<Scope>]>.named(
                    .word,
                    fault: { name in
                        let isName =
                            (1...96).contains(name.utf8.count)
                            && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
                        return isName ? nil : "is no name of a user or an organisation on the Hub"
                    }
                ).map(
                    { all in
                        Dictionary(all.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { min($0, $1) })
                    },
                    back: { roles in
                        roles.sorted { $0.key < $1.key }.map { FleetNamed(name: $0.key, value: $0.value) }
                    }),
                \.roles, "Users and organisations, and what each may: `read`, `operate` or `admin`. The largest holds.",
                example: "{ maren: admin }", invalidExamples: ["[maren]", "{ maren: all }", "{ \"a b\": read }"]),
            FleetKey(
                "client_id", .text("the id of an app, such as ${OAUTH_CLIENT_ID}"), \.clientID,
                "Id of the app that is registered on the Hub.",
                defaultValue: "`OAUTH_CLIENT_ID`, which a Space with `hf_oauth: true` has", example: "0f3a1c22",
                invalidExamples: ["[a]"]),
            FleetKey(
                "client_secret", .secret("the secret of the app, such as ${OAUTH_CLIENT_SECRET:-}"), \.clientSecret,
                "Secret of that app; a public app has none.", defaultValue: "`OAUTH_CLIENT_SECRET`",
                example: "\"${OAUTH_CLIENT_SECRET:-}\"", invalidExamples: ["[a]"], isSecret: true),
        ])
}
