package import StokerCore

/// Why the Hub did not do what we asked: what we did, what it said, what to do next.
package struct HubFailure: Error, Sendable, CustomStringConvertible {
    /// What sort of refusal it is; raw values are those of ``Failure/Code``.
    package enum Kind: String, Sendable, CaseIterable {
        /// The repo, revision or file is absent, or not to be seen with this token (the Hub does not tell them apart).
        case notFound = "hub.not_found"
        /// No token, or one the Hub does not know.
        case badToken = "hub.bad_token"
        /// The token lacks a right, or an organisation's policy refuses it.
        case forbidden = "hub.forbidden"
        /// The plan or the payment means do not cover it (402).
        case plan = "hub.plan"
        /// The request as such is wrong (400, 422).
        case invalid = "hub.invalid"
        /// It exists already, or another operation runs (409).
        case conflict = "hub.conflict"
        /// The branch moved since we looked (412).
        case stale = "hub.stale"
        /// More than the Hub takes at once (413).
        case tooLarge = "hub.too_large"
        /// A quota is used up (429).
        case throttled = "hub.throttled"
        /// The Hub has trouble of its own (408, 5xx, HTML in place of JSON).
        case trouble = "hub.trouble"
        /// This Hub does not have what was asked for: another one than huggingface.co, or an older one (501, or 404 and 405 of the address
        /// itself). Asking again changes nothing.
        case unsupported = "hub.unsupported"
        /// No answer: no connection, cut, or too slow.
        case unreachable = "hub.unreachable"
        /// The answer is not what the Hub is known to say.
        case unreadable = "hub.unreadable"
        /// `HF_HUB_OFFLINE` is set, or a token would leave for another host.
        case refusedByUs = "hub.not_sent"
        /// Something on this side: a file to be sent cannot be read.
        case local = "hub.local"
        /// The task was cancelled. An outcome, not a failure: not to be shown or logged as one.
        case cancelled = "hub.cancelled"
    }

    package var kind: Kind
    /// What we did: "restart maren/orbit-api".
    package var doing: String
    /// What the Hub said, or what happened to the connection. No secrets.
    package var said: String
    /// 0 when there was no answer.
    package var status: Int
    /// `X-Error-Code`, such as `RepoNotFound`.
    package var code: String?
    /// `X-Request-Id`, for the Hub's support.
    package var requestID: String?
    /// What to do next, if we know.
    package var hint: String?
    /// Whether the same call may succeed later; ``HubRequest/repeats`` has been used up already.
    package var retry: Failure.Retry
    /// The call had been sent, and no answer came in its time.
    package var wasSlow = false

    package init(
        _ kind: Kind, doing: String, said: String, status: Int = 0, code: String? = nil, requestID: String? = nil,
        hint: String? = nil, retry: Failure.Retry = .never
    ) {
        self.kind = kind
        self.doing = doing
        self.said = said
        self.status = status
        self.code = code
        self.requestID = requestID
        self.hint = hint
        self.retry = retry
    }

    package var description: String { failure.description }
    /// The same with another hint.
    func hinting(_ hint: String) -> HubFailure {
        var copy = self
        copy.hint = hint
        return copy
    }

    /// See ``Kind/cancelled``.
    package var isCancelled: Bool { kind == .cancelled }

    /// As the rest of the house tells failures.
    package var failure: Failure {
        var because = said
        if status != 0 { because += " (HTTP \(status)\(code.map { " \($0)" } ?? ""))" }
        if let requestID { because += " [request \(requestID)]" }
        return Failure(
            Failure.Code(rawValue: kind.rawValue), doing: doing, because: because, hint: hint ?? nextStep, retry: retry,
            cause: self
        )
    }

    /// What to do when nothing better is known.
    private var nextStep: String? {
        switch kind {
        case .throttled:
            if case .after(let wait) = retry {
                "it may be tried again in \(wait.wholeSeconds)"
            } else {
                "try again later"
            }
        case .trouble: "try again in a few minutes; https://status.huggingface.co tells of trouble"
        case .unsupported: "ask the Hub's operator; https://huggingface.co has it"
        case .unreachable: "look at the network, then try again"
        case .unreadable: "try again; if it stays, look whether HF_ENDPOINT or a proxy leads elsewhere than to the Hub"
        case .conflict, .stale: "look at what is there now, then try again"
        case .invalid: "correct what the Hub names, then try again"
        case .tooLarge: "send less at once"
        case .local: "look at the file and at the rights to it"
        case .refusedByUs: "look at HF_ENDPOINT and at what the Hub's address leads to"
        case .notFound: "look at the name"
        case .badToken, .forbidden: "`stoker whoami` tells what the token may do"
        case .plan: "see hf.co/pricing"
        case .cancelled: nil
        }
    }
}
