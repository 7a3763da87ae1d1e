package import StokerCore

/// Tells "we have no network" from "they are down".
///
/// Offline is said when at least three different hosts (both, in a fleet of two) that had been well failed the way a broken
/// network fails, and since the first of these attempts began nothing has answered. The first answer ends it. A fleet of
/// one host is never excused: a lost alarm is worse than a false one.
///
/// Each shard keeps an ``Evidence`` (constant time per attempt, nothing shared) and hands it over at every tick; the
/// order in which evidence arrives makes no difference.
package struct ConnectivityGuard: Sendable {
    /// Whether this machine itself reaches the network.
    package enum Status: Sendable, Equatable {
        case online
        /// Somebody failed and nobody has answered since. Hold back judgement until then, and ask two other hosts now.
        case suspect(until: Instant)
        case offline(since: Instant)
    }
    /// What a person is told of.
    package enum Change: Sendable, Equatable {
        case wentOffline(since: Instant)
        case cameBack(offlineSince: Instant)
    }
    /// What to do with a finished ping.
    package enum Treatment: Sendable, Equatable {
        case judge
        /// Keep it back, ask again then.
        case hold(until: Instant)
        /// Count it as `unknown`, ``Cause/selfOffline``.
        case disregard
    }

    /// How long a failure counts.
    package static let window = Duration.seconds(60)
    /// How long judgement is held back for a suspicion.
    package static let patience = Duration.seconds(20)

    /// Different hosts of the fleet that ``counts(host:)``.
    package var hosts: Int
    /// Instants are of the wall clock: what lies in the future was noted before the clock was set back, and counts as of now.
    private var evidence = Evidence()
    private var offlineSince: Instant?
    private var askedWitnesses = Instant.never

    package init(hosts: Int) { self.hosts = hosts }

    /// What a shard saw since its last tick.
    package struct Evidence: Sendable {
        fileprivate struct Failed: Sendable {
            var host: UInt64
            var began: Instant
            var ended: Instant
        }
        /// When something last came back from the network.
        fileprivate var proof = Instant.never
        /// The latest failures, of different hosts, at most three.
        fileprivate var failed: [Failed] = []

        package init() {}

        /// One attempt's end.
        /// - Parameters:
        ///   - host: ``ConnectivityGuard/key(host:)``. Attempts on hosts that do not ``counts(host:)`` are not noted.
        ///   - wasBad: the check was believed down already (`CheckState.wasBad`): its failure is no news.
        package mutating func note(_ result: Attempt.Result, host: UInt64, began: Instant, ended: Instant, wasBad: Bool)
        {
            switch result {
            case .answer, .connected:
                proof = max(proof, ended)
            case .failed(let cause, _):
                note(cause, host: host, began: began, ended: ended, wasBad: wasBad)
            case .judged(let finding):
                // That all is well proves nothing: a name server on this machine may answer what it remembers.
                guard finding.cause != .none else { break }
                note(finding.cause, host: host, began: began, ended: ended, wasBad: wasBad)
            }
        }

        package mutating func note(_ cause: Cause, host: UInt64, began: Instant, ended: Instant, wasBad: Bool) {
            switch cause.traits.network {
            case .works: proof = max(proof, ended)
            case .doubtful: if !wasBad { add(Failed(host: host, began: began, ended: ended)) }
            case .untold: break
            }
        }

        package mutating func merge(_ other: Evidence) {
            proof = max(proof, other.proof)
            for failure in other.failed { add(failure) }
        }

        fileprivate mutating func clamp(to now: Instant) {
            if !proof.isNever { proof = min(proof, now) }
            for index in failed.indices {
                failed[index].began = min(failed[index].began, now)
                failed[index].ended = min(failed[index].ended, now)
            }
        }

        private mutating func add(_ new: Failed) {
            if let same = failed.firstIndex(where: { $0.host == new.host }) {
                if failed[same].began < new.began { failed[same] = new }
            } else if failed.count < 3 {
                failed.append(new)
            } else if let oldest = failed.indices.min(by: { failed[$0].began < failed[$1].began }),
                failed[oldest].began < new.began
            {
                failed[oldest] = new
            }
        }
    }

    /// Takes a shard's evidence over (and empties it), and says whether we went offline or came back.
    package mutating func take(_ new: inout Evidence, now: Instant) -> Change? {
        evidence.merge(new)
        evidence.clamp(to: now)
        new = Evidence()
        if let since = offlineSince { offlineSince = min(since, now) }
        if !askedWitnesses.isNever { askedWitnesses = min(askedWitnesses, now) }
        let proof = evidence.proof
        evidence.failed.removeAll { $0.began <= proof || now - $0.ended > Self.window }
        if let since = offlineSince {
            // A fleet that was changed to one host has nobody left to say that the network is back.
            guard proof > since || hosts < 2 else { return nil }
            offlineSince = nil
            return .cameBack(offlineSince: since)
        }
        guard hosts >= 2, evidence.failed.count >= min(3, hosts), let first = evidence.failed.map(\.began).min()
        else { return nil }
        offlineSince = first
        return .wentOffline(since: first)
    }

    package var status: Status {
        if let offlineSince { return .offline(since: offlineSince) }
        guard hosts >= 2, let first = evidence.failed.map(\.ended).min() else { return .online }
        return .suspect(until: first + Self.patience)
    }

    /// Whether two other hosts should be asked now (``Timetable/bringForward(_:to:where:)``): in a fleet that is seldom
    /// pinged nothing else would fail or answer in time to settle a suspicion. At most every 30 s.
    package mutating func wantsWitnesses(now: Instant) -> Bool {
        guard case .suspect = status, askedWitnesses.isNever || now - askedWitnesses >= .seconds(30) else {
            return false
        }
        askedWitnesses = now
        return true
    }

    /// Asked when a ping has failed for good. Before the retries (5, 10, 20 s) have run out the question is settled; only
    /// checks without retries are ever held.
    package func treatment(of cause: Cause, now: Instant) -> Treatment {
        switch status {
        case .online: .judge
        case .suspect(let until): cause.isConnectivity && now < until ? .hold(until: until) : .judge
        case .offline: Self.isWithoutAnswer(cause) ? .disregard : .judge
        }
    }

    private static func isWithoutAnswer(_ cause: Cause) -> Bool {
        switch cause {
        case .dnsNoSuchName, .dnsFailed, .dnsTimeout, .connectRefused, .connectTimeout, .connectUnreachable,
            .connectionReset, .tlsTimeout, .firstByteTimeout, .bodyTimeout, .spaceHeld, .spaceStuck:
            true
        default: false
        }
    }

    /// Whether a host says anything about our way to the world: not the machine itself nor its neighbours, whose answers
    /// prove no network and whose silence is no lack of one.
    package static func counts(host: String) -> Bool {
        let name = host.lowercased()
        if HostAddress.isLoopback(host: name) || name.hasSuffix(".local") || name.isEmpty { return false }
        if name.hasPrefix("fe80:") || name.hasPrefix("[fe80:") { return false }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, case let bytes = parts.compactMap({ UInt8($0) }), bytes.count == 4 else { return true }
        switch (bytes[0], bytes[1]) {
        case (127, _), (10, _), (0, _), (192, 168), (169, 254), (172, 16...31): return false
        default: return true
        }
    }

    /// FNV-1a of the lower-cased host.
    package static func key(host: String) -> UInt64 {
        host.utf8.reduce(0xCBF2_9CE4_8422_2325) { hash, byte in
            (hash ^ UInt64(byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte)) &* 0x100_0000_01B3
        }
    }
}
