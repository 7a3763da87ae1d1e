import Crypto
package import Ledger
package import StokerCore
import Synchronization

/// Who may use a server beside the holder of its own token: named tokens, and the sessions of browsers.
///
/// Every request asks the copy in memory. The ledger's records hold the same without what opens anything: a hash of each secret. A change
/// is written at once, when somebody was there at the latest with the next ``save()``.
package final class AccessBook: Sendable {
    private struct State {
        var tokens: [UInt64: Kept<AccessToken>] = [:]
        var sessions: [UInt64: Kept<AccessSession>] = [:]
        var signIn = Fleet.SignIn()
    }
    /// A token or a session with what only this file knows of it.
    private struct Kept<Entry: Sendable>: Sendable {
        var entry: Entry
        /// SHA-256 of the secret.
        var hash: [UInt8]
        /// Of its record; 0 while there is none.
        var version: Int64
        var isUnsaved = false
        /// Of a session that was begun with the server's own token.
        var binding: [UInt8]?
    }

    private let records: any RecordStore
    private let mainToken: Secret?
    private let now: @Sendable () -> Instant
    private let random: @Sendable (_ bytes: Int) -> [UInt8]
    private let state = Mutex(State())

    package static let mostTokens = 200
    /// The ones not used for longest go when there are more.
    package static let mostSessions = 1_000
    /// How long a session lasts, and a token that is past its time is still listed.
    package static let sessionLife = Duration.seconds(30 * 86_400)
    /// What begins a token, so that people and scanners of secrets know one.
    package static let tokenPrefix = "stk_"
    /// The name under which the server's own token is known.
    package static let mainTokenName = "STOKER_TOKEN"
    /// A use is noted when the last noted one is older.
    private static let noteEvery = Duration.seconds(60)
    private static let tokenKind = "access-token"
    private static let sessionKind = "session"

    /// - Parameters:
    ///   - mainToken: the server's own token: sessions that were begun with it end when it changes.
    ///   - random: that many bytes nobody can guess.
    package init(
        records: any RecordStore, mainToken: Secret?, now: @escaping @Sendable () -> Instant,
        random: @escaping @Sendable (_ bytes: Int) -> [UInt8] = AccessBook.systemRandom
    ) {
        self.random = random
        self.records = records
        self.mainToken = mainToken.flatMap { $0.isEmpty ? nil : $0 }
        self.now = now
    }

    /// Who may sign in, by the fleet file that is in force. Sessions of people who may no longer end with it.
    package func use(_ signIn: Fleet.SignIn) { state.withLock { $0.signIn = signIn } }
    package var signIn: Fleet.SignIn { state.withLock { $0.signIn } }

    /// Reads what the ledger has. What is damaged opens nothing.
    package func load() async throws(Failure) {
        let tokens = try await records.records(kind: Self.tokenKind)
        let sessions = try await records.records(kind: Self.sessionKind)
        let moment = now()
        state.withLock { state in
            for record in tokens {
                guard let (token, hash) = AccessToken.read(record) else { continue }
                state.tokens[Self.mark(hash)] = Kept(entry: token, hash: hash, version: record.version)
            }
            for record in sessions {
                guard let (session, hash, binding) = AccessSession.read(record), session.ends > moment else { continue }
                state.sessions[Self.mark(hash)] = Kept(
                    entry: session, hash: hash, version: record.version, binding: binding)
            }
        }
    }

    // MARK: Tokens

    /// By their names.
    package var tokens: [AccessToken] {
        state.withLock { $0.tokens.values.map(\.entry) }.sorted { $0.name < $1.name }
    }

    /// - Returns: the token with its secret, which is nowhere afterwards.
    /// - Throws: `conflict` for a name that is taken, or when there are too many; what the ledger throws.
    package func addToken(
        _ name: String, scope: Scope, ends: Instant?, by: String
    ) async throws(Failure) -> (token: AccessToken, secret: Secret) {
        let doing = "make the token \(name)"
        let secret = Self.tokenPrefix + Hex.text(random(20))
        let token = AccessToken(name: name, scope: scope, made: now(), by: by, ends: ends)
        let hash = Self.hash(secret)
        let refusal: String? = state.withLock { state in
            if state.tokens.values.contains(where: { $0.entry.name.lowercased() == name.lowercased() }) {
                return "there is a token of that name"
            }
            guard state.tokens.count < Self.mostTokens else { return "there are \(Self.mostTokens) tokens" }
            // Reserved before it is written; it opens nothing until somebody knows it.
            state.tokens[Self.mark(hash)] = Kept(entry: token, hash: hash, version: 0)
            return nil
        }
        if let refusal {
            throw Failure(.conflict, doing: doing, because: refusal, hint: "revoke one: stoker token revoke NAME")
        }
        do throws(Failure) {
            guard let written = try await records.put(token.record(hash), ifVersion: 0) else {
                throw Failure(.internal, doing: doing, because: "the record of a new token was there before")
            }
            state.withLock { $0.tokens[Self.mark(hash)]?.version = written.version }
        } catch {
            _ = state.withLock { $0.tokens.removeValue(forKey: Self.mark(hash)) }
            throw error
        }
        return (token, Secret(secret))
    }

    /// Ends a token and the sessions that were begun with it, at once. - Returns: the token as it was.
    /// - Throws: `not_found`; what the ledger throws: then it is refused until this server's next start only.
    package func revokeToken(_ name: String) async throws(Failure) -> AccessToken {
        let doing = "revoke the token \(name)"
        let (found, ended): (Kept<AccessToken>?, [[UInt8]]) = state.withLock { state in
            guard let (mark, kept) = state.tokens.first(where: { $0.value.entry.name == name }) else {
                return (nil, [])
            }
            state.tokens[mark] = nil
            let own = state.sessions.filter { $0.value.entry.via == .token(name) }
            for mark in own.keys { state.sessions[mark] = nil }
            return (kept, own.values.map(\.hash))
        }
        guard let found else {
            let near = ClosestMatch.of(name, among: tokens.map(\.name)).map { "did you mean \"\($0)\"?" }
            throw Failure(.notFound, doing: doing, because: "there is no token of that name", hint: near)
        }
        _ = try await records.remove(kind: Self.tokenKind, key: Hex.text(found.hash))
        for hash in ended { _ = try await records.remove(kind: Self.sessionKind, key: Hex.text(hash)) }
        return found.entry
    }

    /// What a presented token is.
    package enum TokenMatch: Sendable, Equatable {
        case valid(AccessToken)
        /// It was right once.
        case ended(AccessToken)
    }

    /// Compares hashes, in a time that tells nothing of how much of one is right. nil for a token that is not known.
    package func token(_ text: String) -> TokenMatch? {
        guard text.hasPrefix(Self.tokenPrefix), text.utf8.count < 200 else { return nil }
        let digest = SHA256.hash(data: Array(text.utf8))
        let kept = state.withLock { $0.tokens[Self.mark(Array(digest))] }
        guard let kept, digest == kept.hash else { return nil }
        return kept.entry.isOver(at: now()) ? .ended(kept.entry) : .valid(kept.entry)
    }

    /// A token was used. Cheap: noted once a minute.
    package func noteUse(of name: String, from address: String?) {
        let moment = now()
        state.withLock { state in
            guard let mark = state.tokens.first(where: { $0.value.entry.name == name })?.key,
                state.tokens[mark]?.entry.lastUse.map({ moment - $0 >= Self.noteEvery || $0 > moment }) ?? true
            else { return }
            state.tokens[mark]?.entry.lastUse = moment
            state.tokens[mark]?.entry.lastAddress = address
            state.tokens[mark]?.isUnsaved = true
        }
    }

    // MARK: Sessions

    /// Those that are open, newest first.
    package var sessions: [AccessSession] {
        let moment = now()
        return state.withLock { state in
            state.sessions.values.filter { $0.entry.ends > moment && Self.scope(of: $0, state, moment) != nil }
                .map(\.entry)
        }.sorted { ($0.began, $0.id) > ($1.began, $1.id) }
    }

    /// Begins a session. It is good at once; ``save()`` keeps it over a restart.
    /// - Returns: what the browser keeps, which is nowhere afterwards.
    package func beginSession(
        _ person: String, via: AccessSession.Way, organisations: [String] = [], from address: String?
    ) -> Secret {
        let secret = Hex.text(random(32))
        let hash = Self.hash(secret)
        let moment = now()
        let session = AccessSession(
            id: String(Hex.text(hash).prefix(12)), person: person, via: via, organisations: organisations,
            began: moment, ends: moment + Self.sessionLife, address: address, lastUse: moment)
        state.withLock { state in
            if state.sessions.count >= Self.mostSessions {
                let idle = state.sessions.min { $0.value.entry.lastUse < $1.value.entry.lastUse }
                if let idle { state.sessions[idle.key] = nil }
            }
            state.sessions[Self.mark(hash)] = Kept(
                entry: session, hash: hash, version: 0, isUnsaved: true,
                binding: via == .mainToken ? binding(secret) : nil)
        }
        return Secret(secret)
    }

    /// The session that a browser's cookie opens, with what it may. nil for one that is over, or whose ground is gone.
    package func session(_ cookie: String) -> (session: AccessSession, scope: Scope)? {
        guard cookie.utf8.count == 64 else { return nil }
        let digest = SHA256.hash(data: Array(cookie.utf8))
        let mark = Self.mark(Array(digest))
        let moment = now()
        return state.withLock { state in
            guard let kept = state.sessions[mark], digest == kept.hash, kept.entry.ends > moment,
                let scope = Self.scope(of: kept, state, moment)
            else { return nil }
            if kept.entry.via == .mainToken {
                guard let own = kept.binding, let now = binding(cookie), own == now else { return nil }
            }
            if moment - kept.entry.lastUse >= Self.noteEvery {
                state.sessions[mark]?.entry.lastUse = moment
                state.sessions[mark]?.isUnsaved = true
            }
            return (kept.entry, scope)
        }
    }

    /// What a session may now: the token that began it may have been revoked, the person taken off the list.
    private static func scope(of kept: Kept<AccessSession>, _ state: borrowing State, _ moment: Instant) -> Scope? {
        switch kept.entry.via {
        case .mainToken: return .admin
        case .token(let name):
            let token = state.tokens.values.first { $0.entry.name == name }?.entry
            guard let token, !token.isOver(at: moment), token.made <= kept.entry.began else { return nil }
            return token.scope
        case .huggingFace:
            return state.signIn.scope(of: kept.entry.person, organisations: kept.entry.organisations)
        }
    }

    /// What an open session of this id may.
    package func scope(ofSession id: String) -> Scope? {
        let moment = now()
        return state.withLock { state in
            state.sessions.values.first { $0.entry.id == id }.flatMap { Self.scope(of: $0, state, moment) }
        }
    }

    /// Ends the session of a cookie. - Returns: whether there was one.
    package func endSession(cookie: String) async throws(Failure) -> Bool {
        try await end { $0 == Self.hash(cookie) }
    }

    /// Ends a session by its id. - Throws: `not_found`; what the ledger throws.
    package func endSession(id: String) async throws(Failure) {
        guard try await end({ Hex.text($0).hasPrefix(id) && id.utf8.count == 12 }) else {
            throw Failure(
                .notFound, doing: "end the session \(id.shortened)", because: "there is no session of that id",
                hint: "it may be over already")
        }
    }

    private func end(_ isMeant: ([UInt8]) -> Bool) async throws(Failure) -> Bool {
        let hash = state.withLock { state -> [UInt8]? in
            guard let (mark, kept) = state.sessions.first(where: { isMeant($0.value.hash) }) else { return nil }
            state.sessions[mark] = nil
            return kept.hash
        }
        guard let hash else { return false }
        _ = try await records.remove(kind: Self.sessionKind, key: Hex.text(hash))
        return true
    }

    /// Of the server's own token, with a key that is not kept here: it cannot be guessed from what is stored.
    private func binding(_ secret: String) -> [UInt8]? {
        mainToken.map { token in
            Array(
                HMAC<SHA256>.authenticationCode(
                    for: Array("stoker session 2\n\(token.reveal())".utf8),
                    using: SymmetricKey(data: Array(secret.utf8))))
        }
    }

    // MARK: Keeping

    /// Writes what has changed, and forgets what is long over.
    /// - Throws: what the ledger throws; what was not written is tried again by the next.
    package func save() async throws(Failure) {
        let moment = now()
        let (tokens, sessions) = state.withLock { state in
            state.sessions = state.sessions.filter { $0.value.entry.ends > moment }
            state.tokens = state.tokens.filter { kept in
                kept.value.entry.ends.map { moment - $0 < Self.sessionLife } ?? true
            }
            return (
                state.tokens.values.filter { $0.isUnsaved && $0.version > 0 }, state.sessions.values.filter(\.isUnsaved)
            )
        }
        // With the version that is known: one that was revoked meanwhile must not come back.
        for kept in tokens {
            let written = try await records.put(kept.entry.record(kept.hash), ifVersion: kept.version)
            state.withLock { state in
                state.tokens[Self.mark(kept.hash)]?.version = written?.version ?? kept.version
                state.tokens[Self.mark(kept.hash)]?.isUnsaved = false
            }
        }
        for kept in sessions {
            let written = try await records.put(
                kept.entry.record(kept.hash, binding: kept.binding), ifVersion: kept.version)
            let isStillThere = state.withLock { state in
                state.sessions[Self.mark(kept.hash)]?.version = written?.version ?? kept.version
                state.sessions[Self.mark(kept.hash)]?.isUnsaved = false
                return state.sessions[Self.mark(kept.hash)] != nil
            }
            // Ended while its first record was written.
            if !isStillThere { _ = try await records.remove(kind: Self.sessionKind, key: Hex.text(kept.hash)) }
        }
    }

    private static func hash(_ text: String) -> [UInt8] { Array(SHA256.hash(data: Array(text.utf8))) }
    /// Finds a hash; what is found is compared whole.
    private static func mark(_ hash: [UInt8]) -> UInt64 { hash.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }
    package static func systemRandom(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }
}
