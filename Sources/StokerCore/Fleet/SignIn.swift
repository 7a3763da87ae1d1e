extension Fleet {
    /// Who may sign in with an account on the Hub, and what they may.
    package struct SignIn: Sendable, Equatable {
        /// Users and organisations on the Hub, in lower case. The two share one set of names there.
        package var roles: [String: Scope]
        /// Of the app that is registered on the Hub; nil: `OAUTH_CLIENT_ID`, which a Space with `hf_oauth: true` has.
        package var clientID: String?
        /// nil: `OAUTH_CLIENT_SECRET`; without one the app is a public client.
        package var clientSecret: Secret?

        package init(roles: [String: Scope] = [:], clientID: String? = nil, clientSecret: Secret? = nil) {
            self.roles = roles
            self.clientID = clientID
            self.clientSecret = clientSecret
        }

        /// The largest of the person's own role and those of the organisations; nil for somebody who is on no list.
        package func scope(of user: String, organisations: [String]) -> Scope? {
            ([user] + organisations).compactMap { roles[$0.lowercased()] }.max()
        }
    }
}
