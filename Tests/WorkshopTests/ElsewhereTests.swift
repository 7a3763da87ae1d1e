import Foundation
import HubClient
import HubSimulator
import Ledger
import StokerCore
import Synchronization
import Testing

@testable import Workshop

/// Workers that another Stoker runs, seen with a token that may only read.
@Suite struct ElsewhereTests {
    /// The other Stoker: what its `/status` says, and who asked.
    private final class Other: Sendable {
        struct State {
            var now = Bench.now
            var reply = ModelReply(status: 200, body: [])
            var isSilent = false
            var asked: [ModelRequest] = []
        }
        let state = Mutex(State())

        var transport: ModelTransport {
            { request in
                let (reply, isSilent) = self.state.withLock { state in
                    state.asked.append(request)
                    return (state.reply, state.isSilent)
                }
                if isSilent { throw ModelSilence(because: "nobody listens there", mayHaveArrived: false) }
                return reply
            }
        }
        var now: @Sendable () -> Instant { { self.state.withLock { $0.now } } }

        /// Half a minute passes, and then it says this.
        func says(_ workers: JSONValue, status: Int = 200, isSilent: Bool = false) {
            let document: JSONValue = ["status": "up", "workers": workers]
            state.withLock { state in
                state.now = state.now + .seconds(31)
                state.reply = ModelReply(status: status, body: Array(document.text.utf8))
                state.isSilent = isSilent
            }
        }
        func line(_ state: String, beat: Duration) -> JSONValue {
            [
                [
                    "name": "analysis", "state": .string(state), "iteration": 9,
                    "beat": .string((now() - beat).description),
                ]
            ]
        }
    }

    private static func board(_ place: String, _ bench: Bench, _ other: Other, _ hub: Hub) throws -> WorkerBoard {
        let text = "version: 1\nworkers: { analysis: { runs_at: \"\(place)\", dataset: maren/tern-analysis } }\n"
        let fleet = try FleetFile.read(
            text: text, name: "fleet.yaml", environment: [:], sections: .none.adding(WorkersSection.section)
        ).get()
        return WorkerBoard(
            fleet: fleet, ledger: MemoryLedger(),
            hub: hub,
            dataFolder: bench.folder + "/dashboard", base: "/", toolFolders: [], transport: other.transport,
            now: other.now, logger: Bench.silent)
    }

    @Test func aReadOnlyTokenShowsThem() async throws {
        try await Bench.with(hub: true) { bench async throws in
            var settings = bench.settings
            settings.dataset = FleetReference("maren/tern-analysis")
            let publisher = try bench.publisher()
            for look in 0..<6 {
                // Rows without news wait for five minutes.
                let now = Bench.now + .seconds(Int64(look) * 400)
                _ = try await bench.run(settings, publisher: publisher, now: now).run()
            }
            let open = try await bench.store().book().open
            let other = Other()
            let endpoint = try #require(bench.world?.endpoint)
            let hub = Hub(
                .init(endpoint: endpoint, token: Secret("hf_maren_read")), logger: Bench.silent, jitter: { 0 })
            let board = try Self.board("https://there.example", bench, other, hub)
            other.says(other.line("complete", beat: .seconds(20)))

            var status = try await board.status("analysis")
            #expect(status.state == .complete && status.text == "Runs at https://there.example", "\(status.text)")
            #expect(status.record.iteration == 9 && status.record.published == 6)
            #expect(status.open.values.reduce(0, +) == open.count && !open.isEmpty)
            #expect(Set(try await board.book(of: "analysis").open.map(\.id)) == Set(open.map(\.id)))
            #expect(try await board.rows(of: "analysis", limit: 3).map(\.iteration) == [6, 5, 4])
            let finding = try #require(open.first)
            #expect(try await board.finding(finding.id)?.worker == "analysis")
            // An address that somebody wrote down gets no token of the Hub.
            #expect(other.state.withLock { $0.asked.map(\.url) } == ["https://there.example/status"])
            #expect(other.state.withLock { $0.asked.allSatisfy { $0.token == nil } })

            // It is told what to do there, and not done here.
            for call in [
                { _ = try await board.setPaused("analysis", true) },
                { _ = try await board.ask("analysis", for: .afresh) },
                { _ = try await board.dismiss(finding.id, until: Bench.now + .seconds(86_400)) },
            ] as [() async throws -> Void] {
                let failure = await #expect(throws: Failure.self) { try await call() }
                #expect(failure?.code == .conflict && failure?.because.contains("https://there.example") == true)
            }

            other.says(other.line("waiting", beat: .seconds(200)))
            status = try await board.status("analysis")
            #expect(status.state == .offline && status.text.contains("two intervals"), "\(status.text)")
            other.says([], isSilent: true)
            status = try await board.status("analysis")
            #expect(status.state == .offline && status.text.contains("nobody listens"), "\(status.text)")
            // What it published is still there.
            #expect(status.open.values.reduce(0, +) == open.count)
            other.says([["name": "b"], ["name": "c"]])
            #expect(try await board.status("analysis").text.contains("runs no worker analysis"))
            other.says(other.line("paused", beat: .seconds(900)))
            #expect(try await board.status("analysis").state == .paused)
            other.says(other.line("waiting", beat: .seconds(20)))
            #expect(try await board.status("analysis").state == .waiting)
            try await hub.shutdown()
        }
    }

    @Test(arguments: [
        ("{ runs_at: maren/a, dataset: maren/b }", nil), ("{ runs_at: https://a.example, dataset: maren/b }", nil),
        ("{ runs_at: maren/a }", "dataset"), ("{ runs_at: ftp://a, dataset: maren/b }", "https"),
        ("{ runs_at: a/b/c, dataset: maren/b }", "owner/name"),
        ("{ runs_at: maren/a, dataset: maren/b, repository: ./app }", "belongs to the Stoker"),
        ("{ runs_at: a, dataset: maren/b }", "owner"),
    ]) func itIsWrittenInOneWay(_ worker: String, _ expected: String?) {
        let read = FleetFile.read(
            text: "version: 1\nworkers: { w: \(worker) }\n", name: "fleet.yaml", environment: [:],
            sections: .none.adding(WorkersSection.section))
        switch read {
        case .success: #expect(expected == nil)
        case .failure(let problems):
            #expect(expected.map { problems.description.contains($0) } ?? false, "\(problems.description)")
        }
    }
}
