import AsyncHTTPClient
import NIOCore
import NIOPosix
import NIOSSL
import StokerCore

extension Hub {
    /// Names what went wrong with a connection, and whether the call can have arrived.
    func networkFailure(_ error: any Error, _ request: HubRequest, left: Duration) -> any Error {
        if error is FailedAttempt || error is HubFailure { return error }
        if let broken = error as? BrokenBody {
            if let failure = broken.cause as? HubFailure { return failure }
            return FailedAttempt(
                HubFailure(
                    .local, doing: request.doing,
                    said: "what was to be sent could not be read: \(Redaction.quote("\(broken.cause)"))"),
                again: .no)
        }
        if error is CancellationError || Task.isCancelled { return HubFailure(cancelled: request.doing) }
        let (said, unsent) = Self.told(error, timeout: request.timeout, idle: request.idle)
        var failure = HubFailure(
            .unreachable, doing: request.doing, said: said,
            hint: unsent ? "look at the network, and at HF_ENDPOINT if it is set" : nil, retry: .soon)
        failure.wasSlow = (error as? HTTPClientError) == .deadlineExceeded
        if failure.wasSlow, request.slownessIsAnAnswer { return FailedAttempt(failure, again: .no) }
        return FailedAttempt(failure, again: unsent ? .unsent : .later(nil), mayHaveHappened: !unsent)
    }

    /// In words, and whether nothing had been sent yet.
    static func told(_ error: any Error, timeout: Duration, idle: Duration?) -> (said: String, unsent: Bool) {
        switch error {
        case let error as HTTPClientError:
            switch error {
            case .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout, .httpProxyHandshakeTimeout,
                .socksHandshakeTimeout:
                return ("no connection came about in time", true)
            case .proxyAuthenticationRequired, .invalidProxyResponse:
                return ("the proxy refuses the connection: \(Redaction.quote(error.description))", true)
            case .deadlineExceeded: return ("no answer within \(timeout.text)", false)
            case .readTimeout, .writeTimeout: return ("nothing moved for \(idle?.text ?? "long")", false)
            case .remoteConnectionClosed: return ("the connection was closed before the answer was complete", false)
            case .bodyLengthMismatch: return ("the length of what was sent is not the one announced", false)
            default: return (Redaction.quote(error.description), false)
            }
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first {
                return ("\(error.host):\(error.port) cannot be connected to: \(reason(first.error))", true)
            }
            return ("\(error.host) cannot be resolved", true)
        case is TookTooLong: return ("the answer did not end within \(timeout.text)", false)
        // Nothing is sent before both sides have agreed on a key.
        case NIOSSLError.handshakeFailed, is NIOSSLExtraError:
            return ("no encrypted connection came about: \(Redaction.quote("\(error)"))", true)
        case let error as IOError: return (reason(error), error.errnoCode == connectionRefused)
        default: return (Redaction.quote("\(error)"), false)
        }
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? IOError else { return Redaction.quote("\(error)") }
        return error.errnoCode == connectionRefused ? "connection refused" : Redaction.quote(error.description)
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
