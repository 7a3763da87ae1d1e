package import NIOCore
import NIOPosix
package import StokerCore

/// Everything the probes of one event loop share: one bootstrap, one clock for all limits, the list of what is in
/// flight. Makes attempts and reports what came back; whether that is good or bad is the judge's.
///
/// `@unchecked Sendable`: the reference may travel, but every function begins with `preconditionInEventLoop` or is
/// reached only from callbacks of channels on this loop, so its state is touched by one thread only.
package final class ProbeLane: @unchecked Sendable {
    package let eventLoop: any EventLoop
    let resolver: NameResolver
    let tls: ProbeTLS
    let userAgent: String
    let now: @Sendable () -> Instant

    private var bootstrap: ClientBootstrap!
    /// The connector whose channel the bootstrap is making right now: it does so before `connect` returns.
    private var connecting: ProbeConnector?

    /// What is in flight or waits for the server's close, by slot, and beside it when it is to be looked at again.
    /// A plain array, swept at the earliest of them, is cheaper than a timer for each probe.
    private var runs: [(any ProbeTask)?] = []
    private var deadlines: [UInt64] = []
    private var free: [Int] = []
    private var wakeAt = UInt64.max
    private var wake: Scheduled<Void>?

    private var ready: [(any ProbeTask, Attempt)] = []
    private var drainScheduled = false
    private var draining = false
    private var callDepth = 0
    private var isShutDown = false

    /// Attempts that were started and not yet reported.
    package private(set) var inFlight = 0
    /// Connections whose answer was reported and that wait a moment for the server to close first.
    private(set) var lingering = 0

    /// The side that closes first keeps the TIME_WAIT, so a finished connection waits this long for the server.
    static let lingerNanoseconds: UInt64 = 250_000_000
    static let maxLingering = 128
    /// Bodies beyond 64 KiB that are kept at once: of up to a MiB each, so that strangers cannot fill the memory.
    static let maxLargeBodies = 64
    private var largeBodies = 0
    static let granularityNanoseconds: UInt64 = 10_000_000

    /// - Parameters:
    ///   - userAgent: sent with every HTTP request that does not bring its own, such as `Stoker/0.1 (+https://…)`.
    ///   - now: the wall clock, for ``Attempt/at`` only.
    package init(
        eventLoop: any EventLoop, resolver: NameResolver, tls: ProbeTLS, userAgent: String,
        now: @escaping @Sendable () -> Instant
    ) {
        self.eventLoop = eventLoop
        self.resolver = resolver
        self.tls = tls
        self.userAgent = userAgent
        self.now = now
        bootstrap = ClientBootstrap(group: eventLoop).channelInitializer { [unowned self] channel in
            let ended = channel.eventLoop.makePromise(of: Void.self)
            channel.closeFuture.whenComplete { _ in ended.fail(ChannelError.alreadyClosed) }
            self.connecting?.channel = channel
            return ended.futureResult
        }
    }

    /// Makes one attempt. On the loop; `then` is called exactly once, on the loop, and never before `start` returns.
    package func start(_ check: Check, then: @escaping (Attempt) -> Void) {
        eventLoop.preconditionInEventLoop()
        inFlight += 1
        // A kind that asks nobody has no address either, which the run says.
        let run = (check.policy.kind.probed ?? HTTPKind.self).run(check, on: self, then: then)
        callDepth += 1
        if isShutDown {
            run.abandon(.selfOverloaded, "the prober was stopped")
        } else {
            run.begin()
        }
        callDepth -= 1
    }

    /// Gives up everything in flight: each is reported as failed with this cause, its connection is closed.
    package func abandonAll(_ cause: Cause = .selfOverloaded, _ detail: String = "the attempt was given up") {
        eventLoop.preconditionInEventLoop()
        callDepth += 1
        for run in runs { run?.abandon(cause, detail) }
        callDepth -= 1
    }

    /// Gives up what is in flight and refuses what is started later. The lane may be let go afterwards.
    package func shutdown() {
        eventLoop.preconditionInEventLoop()
        isShutDown = true
        abandonAll(.selfOverloaded, "the prober was stopped")
        wake?.cancel()
        wake = nil
        wakeAt = .max
    }

    // MARK: For what makes attempts

    /// The bootstrap only makes the channel here: its initialiser's future lasts as long as the connection, so that
    /// registering and connecting are ours. Left to itself it would set a timer for each connection, and cancelling one
    /// searches all others of the loop.
    func connect(_ connector: ProbeConnector, to address: SocketAddress) {
        connecting = connector
        let made = bootstrap.connect(to: address)
        connecting = nil
        guard let channel = connector.channel else {
            // No socket: the future has failed already, with the system's reason.
            made.assumeIsolatedUnsafeUnchecked().whenFailure { connector.run.connectFailed(connector, $0) }
            return
        }
        let connected = eventLoop.makePromise(of: Void.self)
        // In one go: a registered socket that is not connecting yet is reported as hung up by the kernel.
        channel.register(promise: nil)
        channel.connect(to: address, promise: connected)
        connected.futureResult.assumeIsolatedUnsafeUnchecked().whenComplete { result in
            switch result {
            case .success: connector.run.connected(connector, channel)
            case .failure(let error):
                channel.close(mode: .all, promise: nil)
                connector.run.connectFailed(connector, error)
            }
        }
    }

    func take(_ run: any ProbeTask) -> Int {
        if let slot = free.popLast() {
            runs[slot] = run
            return slot
        }
        runs.append(run)
        deadlines.append(.max)
        return runs.count - 1
    }

    func release(_ slot: Int) {
        runs[slot] = nil
        deadlines[slot] = .max
        free.append(slot)
    }

    /// The run in `slot` is called at or shortly after `deadline`.
    func setDeadline(_ slot: Int, _ deadline: UInt64) {
        deadlines[slot] = deadline
        if deadline < wakeAt { scheduleWake(deadline) }
    }

    func mayLinger() -> Bool {
        guard lingering < Self.maxLingering, !isShutDown else { return false }
        lingering += 1
        return true
    }

    func lingered() { lingering -= 1 }

    func mayHoldLargeBody() -> Bool {
        guard largeBodies < Self.maxLargeBodies else { return false }
        largeBodies += 1
        return true
    }

    func largeBodyGone() { largeBodies -= 1 }

    func report(_ run: any ProbeTask, _ attempt: Attempt) {
        inFlight -= 1
        ready.append((run, attempt))
        if callDepth == 0 {
            drain()
        } else if !drainScheduled, !draining {
            drainScheduled = true
            eventLoop.assumeIsolatedUnsafeUnchecked().execute { self.drain() }
        }
    }

    /// Reports in a loop rather than from inside one another: a callback that starts the next attempt, which fails at
    /// once, would otherwise grow the stack with the fleet.
    private func drain() {
        drainScheduled = false
        guard !draining else { return }
        draining = true
        callDepth += 1
        defer {
            callDepth -= 1
            draining = false
        }
        var index = 0
        while index < ready.count {
            let (run, attempt) = ready[index]
            index += 1
            run.deliver(attempt)
        }
        ready.removeAll(keepingCapacity: ready.capacity <= 1_024)
    }

    private func scheduleWake(_ deadline: UInt64) {
        wake?.cancel()
        wakeAt = deadline
        wake = eventLoop.assumeIsolatedUnsafeUnchecked()
            .scheduleTask(deadline: NIODeadline.uptimeNanoseconds(deadline)) { self.sweep() }
    }

    private func sweep() {
        wake = nil
        wakeAt = .max
        let now = NIODeadline.now().uptimeNanoseconds
        for slot in deadlines.indices where deadlines[slot] <= now {
            deadlines[slot] = .max
            runs[slot]?.deadlinePassed(now)
        }
        var earliest = UInt64.max
        for deadline in deadlines where deadline < earliest { earliest = deadline }
        if earliest != .max, earliest < wakeAt { scheduleWake(max(earliest, now + Self.granularityNanoseconds)) }
    }
}

/// One connection being made; several when a host has several addresses. Confined to the lane's loop.
final class ProbeConnector {
    let run: ProbeRun
    let address: SocketAddress
    /// When the connection was issued, in nanoseconds of the monotonic clock.
    let issued: UInt64
    var channel: (any Channel)?

    init(run: ProbeRun, address: SocketAddress, issued: UInt64) {
        self.run = run
        self.address = address
        self.issued = issued
    }
}
