import AsyncHTTPClient
import Foundation
import Ledger
import Logging
import NIOCore
import NIOPosix
import Runtime
import StokerCore
import Synchronization
import TestSupport
import Testing

@testable import Notices

/// Rounds of: a ledger's writer, the planner and the delivery at work, and kill -9 at any instant between a verdict and the note of its
/// delivery. `make notices-campaign ROUNDS=2000 SEED=7` makes many; a few are made with all tests.
@Suite("The outbox killed at any instant", .serialized)
struct KillTests {
    /// Verdicts are spread over so many targets.
    private static let targets = 6
    private static let quiet = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }

    /// A minute and more passes between two rounds: whoever holds a message has lost it by then.
    private static func clock(_ round: Int) -> @Sendable () -> Instant {
        let start = Clocks.real.wall()
        let base = Instant(milliseconds: 1_795_000_000_000) + .seconds(round * 150)
        return { base + (Clocks.real.wall() - start) }
    }

    /// The address tells the receiver which round it is.
    private static func fleet(_ port: Int, _ round: Int) throws -> Fleet {
        let names = (0..<targets).map { "t\($0): \"http://127.0.0.1:1/\($0)\"" }.joined(separator: ", ")
        let text = """
            targets: { \(names) }
            channels: { hook: { webhook: "http://127.0.0.1:\(port)/\(round)" } }
            notify: [ { to: hook, on: [down, recovered] } ]
            """
        return try FleetFile.read(
            text: text, name: "fleet.yaml", environment: [:],
            sections: FleetSections.standard.adding(ChannelsSection.section).adding(NotifySection.section)
        ).get()
    }

    private static func open(_ path: String, _ port: Int, _ round: Int) async throws -> (SQLiteLedger, NoticeBoard) {
        let ledger = try await SQLiteLedger(path: path, logger: quiet)
        var settings = NoticePlanner.Settings()
        // Each verdict is a message.
        settings.most = 1_000_000
        let board = NoticeBoard(
            fleet: try fleet(port, round), ledger: ledger, sender: nil, isActive: true, settings: settings,
            now: clock(round),
            logger: quiet)
        await board.restore()
        return (ledger, board)
    }

    /// The services of an engine that messages need, for as long as the body takes.
    private static func work(
        _ ledger: SQLiteLedger, _ board: NoticeBoard, _ round: Int,
        _ body: @escaping @Sendable (LedgerWriter) async throws -> Void
    ) async throws {
        let now = board.now
        let writer = LedgerWriter(
            ledger: ledger, retention: Fleet.LedgerSettings(), clock: ContinuousClock(), now: now, outbox: board.outbox,
            logger: quiet)
        let http = DeliveryMeans.client(on: MultiThreadedEventLoopGroup.singleton)
        let clocks = Clocks(wall: now, running: Clocks.real.running, elapsed: Clocks.real.elapsed)
        let service = NoticeService(
            board: board, writer: writer, client: http, owner: "round \(round)", clocks: clocks, logger: quiet)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await writer.run() }
            group.addTask { try await service.run() }
            group.addTask { try await body(writer) }
            // The body ends first.
            try await group.next()
            group.cancelAll()
            while let _ = try? await group.next() {}
        }
        try await http.shutdown()
    }

    /// Targets fall and recover, one after the other, until the process is killed.
    private static func live(_ path: String, _ port: Int, _ round: Int, _ seed: UInt64) async throws {
        var random = SplitMix64(seed: seed &* 1_000_003 &+ UInt64(round))
        let (ledger, board) = try await open(path, port, round)
        let ids = try await ledger.register((0..<targets).map { "t\($0)" })
        let delay = UInt32.random(in: 2_000...250_000, using: &random)
        let (steps, isOpen) = (random, try await board.openIncidents())
        try await work(ledger, board, round) { writer in
            var random = steps
            var open: [Int32: Incident] = [:]
            for incident in isOpen { open[incident.check] = incident }
            // From another thread, so that it hits in the middle of whatever is being done.
            func killLater() {
                Thread.detachNewThread {
                    usleep(delay)
                    kill(getpid(), SIGKILL)
                }
            }
            // In every other round the first verdict is on the disk before: on a busy machine nothing else might ever be written.
            var isDoomed = round % 2 == 1
            if isDoomed { killLater() }
            while true {
                let place = Int.random(in: 0..<targets, using: &random)
                let (id, name, now) = (ids[place], "t\(place)", board.now())
                if var incident = open.removeValue(forKey: id) {
                    incident.ended = now
                    let lasted = (now - incident.began).wholeMilliseconds
                    writer.enqueue(
                        Batch(
                            incidents: [incident],
                            events: [
                                Event(
                                    at: now, check: id,
                                    .incidentEnded(check: name, how: .recovered, lastedMilliseconds: lasted))
                            ]))
                } else {
                    let incident = Incident(check: id, began: now, verdict: .down, cause: .status, code: 503)
                    open[id] = incident
                    writer.enqueue(
                        Batch(
                            incidents: [incident],
                            events: [Event(at: now, check: id, .incidentBegan(check: name, cause: .status, code: 503))])
                    )
                }
                if Bool.random(using: &random) || !isDoomed { _ = await writer.settle() }
                if !isDoomed {
                    isDoomed = true
                    killLater()
                }
                try await Task.sleep(for: .milliseconds(Int.random(in: 2...30, using: &random)))
            }
        }
    }

    @Test func nothingIsLostAndNothingOvertakes() async throws {
        let environment = ProcessInfo.processInfo.environment
        let rounds = environment["STOKER_KILL_ROUNDS"].flatMap { Int($0) } ?? 5
        let seed = environment["STOKER_KILL_SEED"].flatMap { UInt64($0) } ?? 7
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("notices-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }  // only scratch
        let path = folder.path + "/ledger.sqlite"

        let delays = Mutex(SplitMix64(seed: seed))
        let script: MisbehavingServer.Script = { _ in
            let wait = delays.withLock { Int64.random(in: 0...8, using: &$0) }
            return [.wait(.milliseconds(wait))] + Means.answer("200 OK")
        }
        let report = try await Means.serve(script) { server -> Report in
            let port = server.port
            for round in 0..<rounds {
                await #expect(processExitsWith: .signal(SIGKILL)) {
                    [path = path as String, port = port as Int, round = round as Int, seed = seed as UInt64] in
                    try await Self.live(path, port, round, seed)
                }
            }
            // What is left is sent in peace.
            let (ledger, board) = try await Self.open(path, port, rounds)
            try await Self.work(ledger, board, rounds) { _ in
                try await eventually(within: .seconds(60), "the outbox is not empty") {
                    try await board.jobs(states: [.available, .scheduled, .retryable, .running], limit: 1).isEmpty
                }
            }
            let jobs = try await board.jobs(states: [], limit: 1_000_000)
            var incidents: [Incident] = []
            while true {
                let page = try await ledger.incidents(of: nil, openOnly: false, before: incidents.last?.id, limit: 500)
                incidents += page
                if page.count < 500 { break }
            }
            let arrived = server.requests.compactMap { heard -> Arrival? in
                guard let key = heard.json?["key"]?.string,
                    let round = heard.line.split(separator: " ").dropFirst().first.flatMap({ Int($0.dropFirst()) })
                else { return nil }
                return Arrival(key: key, round: round)
            }
            await ledger.close()
            return Report(rounds: rounds, jobs: jobs, incidents: incidents, arrived: arrived)
        }
        print("notices campaign: \(report)")
        #expect(report.lost.count == 0, "\(report.lost.prefix(10))")
        #expect(report.overtaken.count == 0, "\(report.overtaken.prefix(10))")
        #expect(report.strangers.count == 0, "\(report.strangers.prefix(10))")
        #expect(report.repeatedUnkilled.count == 0, "\(report.repeatedUnkilled.prefix(10))")
        #expect(report.mostOfOneKill <= 1)
        #expect(report.messages > 0 && report.incidents.count >= max(1, rounds / 5))
    }

    private struct Arrival {
        var key: String
        var round: Int
    }

    /// What came of it.
    private struct Report: CustomStringConvertible {
        var rounds: Int
        var incidents: [Incident]
        var messages = 0
        var void = 0
        var duplicates = 0
        var mostCopies = 0
        /// Messages that came in one round, which its kill ended, and again in a later one.
        var mostOfOneKill = 0
        var killsWithDuplicates = 0
        /// Keys that came twice in one round.
        var repeatedUnkilled: [String] = []
        var lost: [String] = []
        var overtaken: [String] = []
        /// Keys that came and that no job has.
        var strangers: [String] = []

        init(rounds: Int, jobs: [Job], incidents: [Incident], arrived: [Arrival]) {
            self.rounds = rounds
            self.incidents = incidents
            var first: [String: Int] = [:]
            var last: [String: Int] = [:]
            var copies: [String: Int] = [:]
            var roundOf: [String: Int] = [:]
            var ofKill: [Int: Int] = [:]
            for (place, arrival) in arrived.enumerated() {
                let key = arrival.key
                if let before = roundOf.updateValue(arrival.round, forKey: key) {
                    if before == arrival.round { repeatedUnkilled.append(key) }
                    ofKill[before, default: 0] += 1
                }
                if first[key] == nil { first[key] = place }
                last[key] = place
                copies[key, default: 0] += 1
            }
            duplicates = copies.values.reduce(0) { $0 + $1 - 1 }
            mostCopies = copies.values.max() ?? 0
            mostOfOneKill = ofKill.values.max() ?? 0
            killsWithDuplicates = ofKill.count

            var told: Set<IncidentKey> = []
            var byTarget: [String: [OutgoingMessage]] = [:]
            var known: Set<String> = []
            for job in jobs {
                guard let outgoing = OutgoingMessage(job) else { continue }
                messages += 1
                known.insert(outgoing.notice.key)
                told.formUnion(outgoing.incidentKeys)
                let has = copies[outgoing.notice.key] != nil
                switch job.state {
                case .completed: if !has { lost.append("\(outgoing.notice.key) is done and never came") }
                case .cancelled: void += 1
                default: lost.append("\(outgoing.notice.key) is \(job.state): \(job.lastError ?? "")")
                }
                guard has else { continue }
                for subject in outgoing.notice.subjects { byTarget[subject.check, default: []].append(outgoing) }
            }
            for incident in incidents where incident.check != Incident.ofLedger {
                if !told.contains(IncidentKey(check: incident.check, began: incident.began)) {
                    lost.append("nobody was to be told of the incident \(incident.id)")
                }
            }
            strangers = copies.keys.filter { !known.contains($0) }
            for (target, messages) in byTarget {
                let ordered = messages.sorted { $0.order < $1.order }
                for (one, next) in zip(ordered, ordered.dropFirst()) {
                    guard let end = last[one.notice.key], let begin = first[next.notice.key], end > begin else {
                        continue
                    }
                    overtaken.append("\(target): \(next.notice.kind) came before \(one.notice.kind)")
                }
            }
        }

        var description: String {
            "\(rounds) rounds; \(incidents.count) incidents, \(messages) messages, \(void) over before they were told, "
                + "\(duplicates) came twice, after \(killsWithDuplicates) of the kills, \(mostOfOneKill) at most after one; "
                + "overtaken: \(overtaken.count); lost: \(lost.count)"
        }
    }
}
