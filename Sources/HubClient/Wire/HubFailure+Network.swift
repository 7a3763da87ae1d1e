import AsyncHTTPClient
import NIOCore
import NIOPosix
import NIOSSL
import StokerCore

extension Hub {
    /// Names what went wrong with a connection, and whether the call can have arrived.
    func networkFailure(_ error: any Error, _ request: HubRequest, at origin: WebOrigin?) -> any Error {
        if error is FailedAttempt || error is HubFailure { return error }
        if let broken = error as? BrokenBody {
            if let failure = broken.cause as? HubFailure { return failure }
            return FailedAttempt(
                HubFailure(
                    .local, doing: request.doing,
                    said: "what was to be sent could not be read: \(Redaction.quote("\(broken.cause)"))"),
                again: .no)
        }
        if error is CancellationError || Task.isCancelled { return HubFailure(cancelled: request) }
        let told = Self.told(error, at: origin, timeout: request.timeout, idle: request.idle)
        var failure = HubFailure(
            .unreachable, doing: request.doing, said: told.said, hint: told.unsent ? hint(origin) : nil, retry: .soon)
        failure.wasSlow = (error as? HTTPClientError) == .deadlineExceeded
        if failure.wasSlow, request.slownessIsAnAnswer { return FailedAttempt(failure, again: .no) }
        return FailedAttempt(
            failure,
            again: told.unsent ? .unsent(isSettled: told.isSettled) : .later(nil), mayHaveHappened: !told.unsent)
    }

    private func hint(_ origin: WebOrigin?) -> String {
        guard let origin, settings.endpoint != HubEndpoint.official, origin == (try? WebOrigin(settings.endpoint))
        else {
            return "look at the network, a proxy and the name service; then try again"
        }
        return origin.isLoopback
            ? "start the Hub that is to answer there, or correct its address (HF_ENDPOINT or --endpoint)"
            : "look whether that is the Hub's address (HF_ENDPOINT or --endpoint), then at the network"
    }

    /// What happened to a connection.
    struct Told {
        var said: String
        /// Nothing had been sent yet.
        var unsent = false
        /// It will most likely be the same in a moment: nobody listens on this machine, or the name is not known.
        var isSettled = false
    }

    static func told(_ error: any Error, at origin: WebOrigin? = nil, timeout: Duration, idle: Duration?) -> Told {
        let place = origin.map { " to \($0.shown)" } ?? ""
        func refused(_ reason: (said: String, isRefusal: Bool)) -> Told {
            Told(
                said: "no connection\(place): \(reason.said)", unsent: true,
                isSettled: reason.isRefusal && origin?.isLoopback ?? false)
        }
        switch error {
        case let error as HTTPClientError:
            switch error {
            case .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout, .httpProxyHandshakeTimeout,
                .socksHandshakeTimeout:
                return Told(said: "no connection\(place) came about in time", unsent: true)
            case .proxyAuthenticationRequired, .invalidProxyResponse:
                return Told(said: "no connection\(place): the proxy refuses it", unsent: true)
            case .deadlineExceeded: return Told(said: "no answer within \(timeout.text)")
            case .readTimeout, .writeTimeout: return Told(said: "nothing moved for \(idle?.text ?? "long")")
            case .remoteConnectionClosed:
                return Told(said: "the connection was closed before the answer was complete")
            case .bodyLengthMismatch: return Told(said: "the length of what was sent is not the one announced")
            default: return Told(said: Redaction.quote(error.description))
            }
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first { return refused(reason(first.error)) }
            return Told(
                said: "no connection\(place): the name \(error.host) is not known", unsent: true, isSettled: true)
        case is TookTooLong: return Told(said: "the answer did not end within \(timeout.text)")
        // Nothing is sent before both sides have agreed on a key.
        case NIOSSLError.handshakeFailed, is NIOSSLExtraError:
            return Told(
                said: "no encrypted connection\(place) came about: \(Redaction.quote("\(error)"))", unsent: true)
        case let error as IOError:
            let reason = reason(error)
            return reason.isRefusal ? refused(reason) : Told(said: reason.said)
        default: return Told(said: Redaction.quote("\(error)"))
        }
    }

    private static func reason(_ error: any Error) -> (said: String, isRefusal: Bool) {
        guard let error = error as? IOError else { return (Redaction.quote("\(error)"), false) }
        return error.errnoCode == connectionRefused
            ? ("it is refused, so nothing listens there", true) : (Redaction.quote(error.description), false)
    }
}

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
private let connectionRefused = ECONNREFUSED
