import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
package import StokerCore

#if canImport(Glibc)
import Glibc
#endif

/// An answer that the guard gives itself.
struct GuardAnswer: Sendable {
    var status: HTTPResponseStatus
    var body: JSONValue
    /// For what takes time; its result is what is answered.
    var later: (@Sendable () async -> GuardAnswer)?

    init(_ status: HTTPResponseStatus, _ body: JSONValue) {
        self.status = status
        self.body = body
    }

    /// The same while the app does not listen.
    var notReady: GuardAnswer {
        var answer = self
        if answer.status == .ok {
            answer = GuardAnswer(.serviceUnavailable, ["status": "starting", "because": "the app does not listen yet"])
        }
        return answer
    }
}

/// What the guard answers with, for ``ProxyHandler``.
final class GuardService: Sendable {
    enum Own {
        case always(GuardAnswer)
        /// The app's own answer wins but for 404 and 405.
        case unlessTheAppHasIt(GuardAnswer)
    }

    let status: GuardStatus
    private let token: Secret?
    private let snapshot: @Sendable () async -> Guard.SnapshotAnswer
    private let now: @Sendable () -> Instant

    init(
        status: GuardStatus, token: Secret?, now: @escaping @Sendable () -> Instant,
        snapshot: @escaping @Sendable () async -> Guard.SnapshotAnswer
    ) {
        self.status = status
        self.token = token
        self.snapshot = snapshot
        self.now = now
    }

    var isRunning: Bool { status.isHealthy }

    /// - Parameter isLocal: on the socket, where only this machine's user gets: no token is asked for.
    func answer(_ method: HTTPMethod, _ path: String, _ headers: HTTPHeaders, isLocal: Bool) -> Own? {
        switch path {
        case "/health" where method == .GET || method == .HEAD:
            guard isRunning else { return .always(notYet) }
            let answer = GuardAnswer(.ok, status.health)
            return isLocal ? .always(answer) : .unlessTheAppHasIt(answer)
        case "/status" where method == .GET || method == .HEAD:
            let answer = GuardAnswer(
                .ok, status.document(now: now(), isFull: isLocal || isAuthorized(headers)))
            // While there is no app, the guard tells why.
            return isLocal || !isRunning ? .always(answer) : .unlessTheAppHasIt(answer)
        case "/snapshot" where method == .POST:
            guard isLocal || isAuthorized(headers) else { return nil }
            var answer = GuardAnswer(.ok, .null)
            answer.later = { [snapshot, status] in Self.answer(await snapshot(), without: status.current.unreadable) }
            return .always(answer)
        default: return nil
        }
    }

    private func isAuthorized(_ headers: HTTPHeaders) -> Bool {
        guard let token, let given = headers.first(name: "authorization") else { return false }
        let wanted = Array("Bearer \(token.reveal())".utf8)
        let got = Array(given.utf8)
        // Its time tells nothing of where they differ.
        guard wanted.count == got.count else { return false }
        return zip(wanted, got).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    /// - Parameter unreadable: how many files the snapshot is without.
    private static func answer(_ answer: Guard.SnapshotAnswer, without unreadable: Int) -> GuardAnswer {
        let unreadable = JSONValue.integer(Int64(unreadable))
        return switch answer {
        case .published(let snapshot):
            GuardAnswer(
                .ok,
                [
                    "outcome": "published", "id": .string(snapshot.id),
                    "number": .integer(Int64(clamping: snapshot.number)), "unreadable": unreadable,
                ])
        case .unchanged(let snapshot):
            GuardAnswer(
                .ok,
                [
                    "outcome": "unchanged", "id": .string(snapshot.id),
                    "number": .integer(Int64(clamping: snapshot.number)), "unreadable": unreadable,
                ])
        case .held(let snapshot, let because):
            GuardAnswer(.conflict, ["outcome": "held", "id": .string(snapshot.id), "because": .string(because)])
        case .failed(let because):
            GuardAnswer(.serviceUnavailable, ["outcome": "failed", "because": .string(because)])
        }
    }

    /// There is no app yet, or no more.
    var notYet: GuardAnswer { GuardAnswer(.serviceUnavailable, status.health) }
    /// It runs, and does not answer.
    var noApp: GuardAnswer {
        GuardAnswer(
            .serviceUnavailable,
            ["status": "starting", "because": "the app does not listen yet, or closed the connection"])
    }
}

/// The guard's ports: a socket of this machine, and the public port before the app where there is one.
package final class GuardServer: Sendable {
    private let channels: [any Channel]
    /// The public port; nil without one.
    package let port: Int?

    /// - Parameters:
    ///   - socket: path of the local socket.
    ///   - listen: host and port that visitors come to; port 0 takes a free one.
    ///   - app: the app's port.
    package init(
        of guarded: Guard, socket: String, listen: (host: String, port: Int)?, app: Int?, token: Secret?,
        now: @escaping @Sendable () -> Instant
    ) async throws(Failure) {
        let service = GuardService(status: guarded.status, token: token, now: now) { await guarded.snapshot() }
        var channels: [any Channel] = []
        do {
            // 107 bytes are all that an address of a socket takes: unix(7).
            if socket.utf8.count < 108 {
                unlink(socket)
                channels.append(
                    try await Self.bootstrap(service, nil).bind(unixDomainSocketPath: socket).get())
                chmod(socket, 0o600)
            }
            if let listen {
                let channel = try await Self.bootstrap(service, app).bind(host: listen.host, port: listen.port).get()
                channels.append(channel)
                port = channel.localAddress?.port
            } else {
                port = nil
            }
        } catch {
            for channel in channels { channel.close(promise: nil) }
            throw Failure(
                .portTaken, doing: "open the guard's port \(listen.map { "\($0.port)" } ?? socket)",
                because: "\(error)",
                hint: "another program may have it; --port names another", cause: error)
        }
        self.channels = channels
    }

    private static func bootstrap(_ service: GuardService, _ app: Int?) -> ServerBootstrap {
        ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 512)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let sync = channel.pipeline.syncOperations
                    try sync.addHandler(HTTPResponseEncoder(configuration: .asGiven), name: "encoder")
                    try sync.addHandler(
                        ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes)), name: "decoder")
                    try sync.addHandler(ProxyHandler(service, forwardingTo: app))
                }
            }
    }

    package func close() async {
        for channel in channels { try? await channel.close() }  // closed already
    }
}
