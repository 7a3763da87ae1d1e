import StokerCore
import Testing

@Suite struct FleetFileTests {
    func fleet(_ text: String, _ environment: [String: String] = [:]) throws -> Fleet {
        try FleetFile.read(text: text, name: "fleet.yaml", environment: environment).get()
    }

    @Test func theExampleOfTheDocumentationIsRead() throws {
        let fleet = try fleet(
            """
            version: 1
            hub:
              namespace: ${HF_USERNAME:-acme}
              token: ${HF_TOKEN:-}
            keep:
              every: 45m
              timeout: 120s
              retry: [5s, 10s, 20s]
            spaces:
              discord-bot:
                keep: { warmth: hot, path: /health }
              llm-backend:
                keep: { every: 3m, path: /health }
                checks:
                  ready:
                    every: 60m
                    path: /healthz/readiness
                    expect: { status: 200, json: { $.database: connected }, within: 2s }
                heal: { after: 3, with: restart, at_most: 2 per 6h }
              rag:
                keep: { every: 5m, hours: Mon-Fri 07:00-20:00 Europe/Berlin }
              backend:
                deploy:
                  from: ./backend
                  secrets: [DATABASE_URL, JWT_SECRET]
                persist: { vault: state, paths: [data], every: 5m }
            targets:
              gateway: { url: https://api.example.com/health, every: 1m }
            heartbeats:
              nightly-export: { every: 24h, grace: 30m }
            vaults:
              state: { bucket: acme/state, passphrase: ${STOKER_PASSPHRASE:-} }
            notify:
              - discord: ${DISCORD_WEBHOOK:-}
            serve:
              port: ${PORT:-7860}
              public_url: ${PUBLIC_URL:-}
              self_ping: 2m
            """)
        #expect(
            fleet.checks.map(\.name) == [
                "discord-bot", "llm-backend", "llm-backend/ready", "rag", "backend", "gateway", "nightly-export",
            ])
        let ready = fleet.checks[2]
        #expect(ready.address == "https://acme-llm-backend.hf.space/healthz/readiness")
        #expect(ready.space == "acme/llm-backend")
        #expect(ready.policy.every == .seconds(3_600))
        #expect(ready.policy.expect.status == [200...200])
        #expect(ready.policy.expect.json == [.init(path: "$.database", value: .string("connected"))])
        #expect(ready.policy.role == .ready)
        #expect(fleet.checks[0].policy.every == .seconds(120))
        #expect(fleet.checks[3].policy.hours?.zone == "Europe/Berlin")
        #expect(fleet.checks[6].policy.kind == .heartbeat)
        #expect(fleet.serve.port == 7860)
        #expect(fleet.hub.token == nil)
        let reserved = fleet.advice.filter { $0.text.contains("later version") }.map(\.path)
        #expect(
            reserved.sorted() == [
                "notify", "spaces.backend.deploy", "spaces.backend.persist", "spaces.llm-backend.heal", "vaults",
            ])
    }
}
