import Deployment
import Foundation
import HubClient
import HubSimulator
import NIOCore
import StokerCore
import TestSupport
import Testing

@testable import Operations

@Suite(.timeLimit(.minutes(5))) struct DriftTests {
    private static func made(_ scratch: DeployScratch) async throws -> RepoID {
        try PlanTests.writeTwo(scratch)
        _ = try await scratch.hub.ensureBucket("maren", "state")
        try await scratch.make(try await scratch.prepare(PlanTests.two, PlanTests.values))
        return try RepoID.space("maren/backend")
    }

    @Test func whatSomebodyChangedIsToldByReadingAlone() async throws {
        try await DeployScratch.with { scratch in
            let id = try await Self.made(scratch)
            // Files of the first commits are read anew.
            _ = try await scratch.call(.drift, PlanTests.two, PlanTests.values)
            try await scratch.hub.set(.variable, "LOG_LEVEL", to: Secret("debug"), of: id)
            try await scratch.hub.set(.secret, "DATABASE_URL", to: Secret("SENTINEL2"), of: id)
            try await scratch.hub.commit([.add(path: "app.py", .bytes(ByteBuffer(string: "other\n")))], to: id)
            _ = scratch.requests()
            let drift = try await scratch.call(.drift, PlanTests.two, PlanTests.values)
            let requests = scratch.requests()
            #expect(!requests.isEmpty && requests.allSatisfy { $0.method == "GET" || $0.method == "HEAD" })
            #expect(drift["drifted"] == true && drift["looked_at"] == 2)
            let space = try #require(drift["spaces"]?.array?.first)
            #expect(space["target"] == "backend" && drift["spaces"]?.array?.count == 1)
            #expect(space["changes"]?.array?.map { $0["kind"] } == ["variable", "secret", "files"])
            #expect(!drift.text.contains("SENTINEL"))

            let except = try await scratch.call(
                .drift, PlanTests.two, PlanTests.values,
                [("except", ["variables.LOG_LEVEL", "secrets", "files.app.py"])])
            #expect(except["drifted"] == false, "\(except.prettyText)")
            let wrong = await #expect(throws: Failure.self) {
                try await scratch.call(.drift, PlanTests.two, [:], [("except", ["colour"])])
            }
            #expect(wrong?.code == .unsuitable)
        }
    }

    @Test func aSecretThatWasNeverSentFromHereIsNoDrift() async throws {
        try await DeployScratch.with { scratch in
            let text =
                "spaces: { maren/a: { deploy: { sdk: static } }, maren/b: { deploy: { sdk: docker, secrets: [S] } } }"
            var new = NewRepo(try RepoID.space("maren/b"), sdk: "docker")
            new.secrets = [.init(key: "S", value: Secret("x"))]
            new.files = [.init(path: "README.md", content: "---\nsdk: docker\n---\n")]
            _ = try await scratch.hub.ensure(new)
            let drift = try await scratch.call(.drift, text, ["S": "y"], [("names", ["b"])])
            #expect(drift["drifted"] == false, "\(drift.prettyText)")
            let missing = try await scratch.call(.drift, text, [:], [("names", ["maren/a"])])
            #expect(missing["spaces"]?.array?.first?["missing"] == true)
            let plan = try await scratch.call(.plan, text, ["S": "y"], [("names", ["b"])])
            #expect(plan["change"] == 1)
        }
    }

    @Test func thePlanBehindAnImportIsEmpty() async throws {
        try await DeployScratch.with { scratch in
            _ = try await scratch.hub.ensureBucket("maren", "state")
            var new = NewRepo(try RepoID.space("maren/odd"), sdk: "docker", visibility: .private)
            new.hardware = "t4-small"
            new.sleepSeconds = 7_200
            new.variables = ["A": "with: colon", "B": "$dollar", "C": "two\nlines", "D": "", "E": "5"].map {
                .init(key: $0.key, value: Secret($0.value))
            }
            new.secrets = [.init(key: "S", value: Secret("x"))]
            new.volumes = [try SpaceVolume(notation: "hf://buckets/maren/state:/data")]
            new.files = [.init(path: "README.md", content: "---\nsdk: docker\ntitle: Odd\n---\n")]
            _ = try await scratch.hub.ensure(new)
            var page = NewRepo(try RepoID.space("maren/page"), sdk: "static", visibility: .public)
            page.files = [.init(path: "index.html", content: "x")]
            _ = try await scratch.hub.ensure(page)
            let draft = try await Operations.Operation.importHub.call([], in: scratch.context)
            let text = try #require(draft["content"]?.string)
            _ = scratch.requests()
            let plan = try await scratch.call(.plan, text)
            #expect(plan["create"] == 0 && plan["change"] == 0, "\(text)\n\(plan.prettyText)")
            #expect((plan["same"]?.integer ?? 0) >= 2)
            #expect(text.contains("secrets: [S]") && text.contains("sleep: 2h"))
            let nobody = await #expect(throws: Failure.self) {
                try await Operations.Operation.importHub.call([("namespace", "nobody-here")], in: scratch.context)
            }
            #expect(nobody?.code == .notFound)
        }
    }
}
