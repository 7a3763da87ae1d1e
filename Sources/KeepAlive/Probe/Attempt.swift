package import NIOCore
package import NIOHTTP1
package import StokerCore

/// What one attempt of a ping brought back from the network, before anybody judges it.
package struct Attempt {
    /// How the attempt ended.
    package enum Result {
        /// A complete answer, or as much of its body as was wanted.
        case answer(Answer)
        /// The connection, or the TLS session, that was to be made is there.
        case connected
        /// The kind of check has judged the answer itself.
        case judged(AttemptResult)
        /// No (complete) answer. `detail` names what exactly was seen, without secrets.
        case failed(Cause, detail: String)
    }
    /// Wall clock when the attempt began.
    package var at: Instant
    package var result: Result
    /// Durations in microseconds; 0 where a phase was not reached or not needed.
    package var phases: Phases
    /// End of the certificate in whole hours since 1970; 0 when there was none.
    package var certificateEndHours: UInt32
    /// A name could not be looked up, and the name server's last answer was used in its place, after its time.
    package var staleName: Bool
    /// Builds the transcript; only called when somebody keeps it.
    package var transcript: (_ attempt: Int, _ outcome: Outcome, _ cause: Cause, _ detail: String) -> Transcript

    /// How long the answer asks to be left alone (`Retry-After` in seconds; a date is not read).
    package var retryAfter: Duration? {
        guard case .answer(let answer) = result,
            let seconds = answer.headers.first(name: "retry-after").flatMap(UInt32.init)
        else { return nil }
        return .seconds(Int64(seconds))
    }

    /// Microseconds of each phase.
    package struct Phases: Equatable {
        package var resolve: UInt32 = 0
        package var connect: UInt32 = 0
        package var tls: UInt32 = 0
        /// Request written to first byte of the answer's head, of the last exchange.
        package var firstByte: UInt32 = 0
        /// First byte to the end of the body (or of what was wanted of it).
        package var body: UInt32 = 0
        /// Connection start to first byte of the last exchange: what is reported as latency. For tcp the connect time.
        package var latency: UInt32 = 0
        /// True once the request was written: a time-out after this means the request is *held*.
        package var requestSent = false
        package init() {}
    }

    package init(
        at: Instant, result: Result, phases: Phases, certificateEndHours: UInt32 = 0, staleName: Bool = false,
        transcript: @escaping (Int, Outcome, Cause, String) -> Transcript
    ) {
        self.at = at
        self.result = result
        self.phases = phases
        self.certificateEndHours = certificateEndHours
        self.staleName = staleName
        self.transcript = transcript
    }
}

/// The last answer of the redirect chain.
package struct Answer {
    package var status: UInt16
    package var headers: HTTPHeaders
    /// As it came: the first MiB at most when the expectation reads the body, else the first KiB at most.
    package var body: ByteBuffer
    /// More body came than was kept, or the body is one without an end.
    package var truncated: Bool
    package var redirects: Int
    /// Transfer codings the body still has, such as `gzip`, in the order they were applied.
    package var transferCodings: [String]
    /// The time in which the body came when it is one without an end (a stream); nil for one that was read as far as is wanted.
    package var stoppedAfter: Duration?

    package init(
        status: UInt16, headers: HTTPHeaders, body: ByteBuffer, truncated: Bool = false, redirects: Int = 0,
        transferCodings: [String] = [], stoppedAfter: Duration? = nil
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.truncated = truncated
        self.redirects = redirects
        self.transferCodings = transferCodings
        self.stoppedAfter = stoppedAfter
    }
}
