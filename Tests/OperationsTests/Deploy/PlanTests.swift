import Deployment
import Foundation
import HubClient
import HubSimulator
import NIOCore
import StokerCore
import Testing

@testable import Operations

@Suite(.timeLimit(.minutes(5))) struct PlanTests {
    static let two = """
        hub: { namespace: maren }
        deploy: { sdk: docker, visibility: private }
        spaces:
          backend:
            deploy:
              from: ./backend
              readme: { title: Backend, app_port: 7860 }
              hardware: t4-small
              sleep: 1h
              variables: { LOG_LEVEL: info }
              secrets: [DATABASE_URL, { JWT: { command: echo s3cret-jwt } }]
              volumes: ["hf://buckets/maren/state:/data"]
              needs: { buckets: [state] }
              ignore: [variables.BUILD_ID, "files.data/*"]
          page:
            depends_on: [backend]
            deploy: { from: ./page, sdk: static, visibility: public }
        """
    static let values = ["DATABASE_URL": "postgres://SENTINEL"]

    static func writeTwo(_ scratch: DeployScratch) throws {
        try scratch.write("backend/app.py", "print(1)\nprint(2)\nprint(3)\n")
        try scratch.write("backend/Dockerfile", "FROM python:3.12-slim\n")
        try scratch.write("backend/.env", "SECRET=SENTINEL\n")
        try scratch.write("backend/weights.bin", Data((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7919 >> 3) }))
        try scratch.write("page/index.html", "<h1>Hi</h1>\n")
    }

    @Test func fromNothingToTheSecondPlanThatIsEmpty() async throws {
        try await DeployScratch.with { scratch in
            try Self.writeTwo(scratch)
            let prepared = try await scratch.prepare(Self.two, Self.values)
            let plan = prepared.plan
            #expect(plan.spaces.map(\.action) == [.create, .create])
            #expect(plan.spaces[1].after.map(\.name) == ["backend"])
            #expect(plan.needs == [NeededRepo(.bucket, "maren/state")])
            #expect(plan.obstacles == [])
            #expect(plan.spaces[0].notes.contains { $0.contains(".env") })
            #expect((plan.spaces[0].costAfter ?? 0) > 100 && plan.spaces[0].costBefore == 0)
            #expect(!plan.json.text.contains("SENTINEL") && !plan.json.text.contains("s3cret"))
            let kinds = plan.spaces[0].changes.map(\.kind)
            #expect(kinds == [.create, .variable, .secret, .secret, .volumes, .files])
            _ = try await scratch.hub.ensureBucket("maren", "state")
            try await scratch.make(prepared)

            let again = try await scratch.prepare(Self.two, Self.values)
            #expect(again.plan.spaces.flatMap(\.changes) == [])
            #expect(again.plan.spaces.count == 2)
        }
    }

    /// Who looked at a plan has that one applied, or none.
    @Test func aPlanThatIsAnotherOneNowIsNotApplied() async throws {
        try await DeployScratch.with { scratch in
            try Self.writeTwo(scratch)
            let looked = try await scratch.call(.plan, Self.two, Self.values)
            let digest = try #require(looked["digest"])
            try scratch.write("page/index.html", "<h1>Another</h1>\n")
            _ = scratch.requests()
            let failure = await #expect(throws: Failure.self) {
                try await scratch.call(.apply, Self.two, Self.values, [("digest", digest), ("confirm", true)])
            }
            #expect(failure?.code == .conflict && failure?.because.contains("it is another one now") == true)
            #expect(scratch.requests().allSatisfy { $0.method == "GET" || $0.method == "HEAD" })
            try scratch.write("page/index.html", "<h1>Hi</h1>\n")
            #expect(try await scratch.call(.plan, Self.two, Self.values)["digest"] == digest)
        }
    }

    @Test func eachDifferenceIsShown() async throws {
        try await DeployScratch.with { scratch in
            try Self.writeTwo(scratch)
            _ = try await scratch.hub.ensureBucket("maren", "state")
            try await scratch.make(try await scratch.prepare(Self.two, Self.values))
            let id = try RepoID.space("maren/backend")
            let hub = scratch.hub
            try await hub.set(.variable, "LOG_LEVEL", to: Secret("debug"), of: id)
            try await hub.set(.variable, "MORE", to: Secret("1"), of: id)
            try await hub.set(.variable, "BUILD_ID", to: Secret("7"), of: id)
            try await hub.set(.secret, "DATABASE_URL", to: Secret("other"), of: id)
            try await hub.set(.secret, "STRANGE", to: Secret("x"), of: id)
            _ = try await hub.change(id, RepoSettings(visibility: .public))
            _ = try await hub.requestHardware(of: id, flavor: "t4-medium")
            _ = try await hub.setSleepTime(of: id, seconds: 7_200)
            _ = try await hub.changeVolumes(of: id, [.replaceAll([])])
            try await hub.commit(
                [
                    .add(path: "app.py", .bytes(.init(string: "print(1)\nprint(0)\nprint(3)\n"))),
                    .add(path: "data/kept.txt", .bytes(.init(string: "x"))),
                    .add(path: "extra.txt", .bytes(.init(string: "x"))), .delete(path: "Dockerfile"),
                ], to: id)
            let plan = try await scratch.prepare(Self.two, Self.values).plan
            let space = try #require(plan.spaces.first)
            #expect(space.restarts && space.action == .change)
            #expect(plan.spaces[1].changes.isEmpty)
            #expect(
                space.changes.dropLast() == [
                    .visibility(from: .public, to: .private), .hardware(from: "t4-medium", to: "t4-small"),
                    .sleepTime(from: 7_200, to: 3_600), .variable(key: "LOG_LEVEL", from: "debug", to: "info"),
                    .variable(key: "MORE", from: "1", to: nil), .secret(key: "DATABASE_URL", .replaceUnknown),
                    .secret(key: "STRANGE", .remove),
                    .volumes(from: [], to: [try SpaceVolume(notation: "hf://buckets/maren/state:/data")]),
                ])
            guard case .files(let files)? = space.changes.last else {
                Issue.record("no files: \(space.changes)")
                return
            }
            #expect(files.files.map(\.path) == ["Dockerfile", "app.py", "extra.txt"])
            #expect(files.files.map(\.kind) == [.add, .change, .delete])
            #expect(files.files[1].diff == "@@ -1,3 +1,3 @@\n print(1)\n-print(0)\n+print(2)\n print(3)\n")
            // Another value here, and nobody else has written it.
            let changed = try await scratch.prepare(Self.two, ["DATABASE_URL": "new"]).plan
            #expect(changed.spaces[0].changes.contains(.secret(key: "DATABASE_URL", .replaceUnknown)))
        }
    }

    @Test func obstaclesAreKnownBeforeAnythingStarts() async throws {
        try await DeployScratch.with { scratch in
            try Self.writeTwo(scratch)
            let plan = try await scratch.prepare(
                Self.two.replacing("hardware: t4-small", with: "hardware: t4-smal")
            ).plan
            let texts = plan.obstacles.map(\.text)
            #expect(
                texts.contains { $0.contains("the value of the secret DATABASE_URL is not known here") }, "\(texts)")
            #expect(texts.contains { $0.contains("no hardware t4-smal") }, "\(texts)")
            #expect(plan.obstacles.contains { $0.hint?.contains("t4-small") == true })
            let stranger = try await scratch.prepare(
                "spaces: { ines-vale/x: { deploy: { sdk: docker, readme: { title: X } } } }"
            ).plan
            #expect(stranger.obstacles.contains { $0.text.contains("may not write") }, "\(stranger.obstacles)")
        }
    }

    @Test func whatIsWrongHereIsToldBeforeAnyRequest() async throws {
        try await DeployScratch.with { scratch in
            _ = scratch.requests()
            let failure = await #expect(throws: Failure.self) {
                try await scratch.call(
                    .plan,
                    "spaces:\n  maren/a: { deploy: { from: ./nowhere } }\n  maren/b: { deploy: { from: ./neither } }")
            }
            #expect(
                failure?.because
                    == "\(scratch.folder)/fleet.yaml:2:30: spaces.maren/a.deploy.from: ./nowhere is not a folder; \(scratch.folder)/fleet.yaml:3:30: spaces.maren/b.deploy.from: ./neither is not a folder"
            )
            let unknown = await #expect(throws: Failure.self) {
                try await scratch.call(.plan, Self.two, [:], [("names", ["backnd"])])
            }
            #expect(unknown?.hint == "did you mean backend?")
            let nothing = await #expect(throws: Failure.self) { try await scratch.call(.plan, "spaces: { a/b: {} }") }
            #expect(nothing?.code == .unsuitable)
            #expect(scratch.requests().isEmpty)
        }
    }

    /// Two requests a Space and ten more where the commits are known, three where they are not.
    @Test func fewRequests() async throws {
        try await DeployScratch.with { scratch in
            let count = 20
            var text = "hub: { namespace: maren }\nspaces:\n"
            for number in 0..<count {
                try scratch.write("s\(number)/index.html", "<p>\(number)</p>")
                text += "  s\(number): { deploy: { from: ./s\(number), sdk: static, variables: { N: \(number) } } }\n"
            }
            try await scratch.make(try await scratch.prepare(text))
            _ = scratch.requests()
            let first = try await scratch.prepare(text)
            let unknown = scratch.requests()
            #expect(first.plan.json["change"] == 0)
            #expect(unknown.count <= 3 * count + 10)
            let second = try await scratch.prepare(text)
            let known = scratch.requests()
            #expect(second.plan.json["change"] == 0 && second.plan.json["create"] == 0)
            #expect(known.count <= 2 * count + 10)
            #expect((unknown + known).allSatisfy { $0.method == "GET" })
        }
    }
}
