import Deployment
import Foundation
import HubClient
import StokerCore
import Testing

@Suite struct DeploySectionTests {
    static let sections = FleetSections.standard.adding(DeploySection.section).adding(DeploySection.ofSpaces)
    static let groups = sections.groups.map(\.name).filter { $0.contains("deploy") }

    static func read(_ text: String, _ environment: [String: String] = [:]) -> Result<Fleet, FleetProblems> {
        FleetFile.read(text: text, name: "f.yaml", environment: environment, sections: sections)
    }

    static func problems(_ text: String) -> String {
        if case .failure(let problems) = read(text) { return problems.description }
        return ""
    }

    static func group(_ name: String) throws -> FleetKeyGroup {
        try #require(sections.groups.first { $0.name == name })
    }

    @Test func thereAreAllGroups() {
        #expect(Self.groups == ["deploy", "spaces.deploy", "spaces.deploy.readme", "spaces.deploy.needs"])
    }

    @Test(arguments: groups) func everyKeyTakesItsExampleAndRefusesItsMistakes(_ name: String) throws {
        let group = try Self.group(name)
        for row in group.rows {
            let good = group.document.replacing("%", with: "\(row.name): \(row.example)")
            #expect(Self.problems(good) == "", "\(good)")
            #expect(!row.invalidExamples.isEmpty)
            for mistake in row.invalidExamples {
                let bad = group.document.replacing("%", with: "\(row.name): \(mistake)")
                #expect(Self.problems(bad).contains(row.name), "\(bad): \(Self.problems(bad))")
            }
        }
    }

    @Test(arguments: groups) func theSchemaHasEveryKey(_ name: String) throws {
        let group = try Self.group(name)
        var schema = try JSONValue(reading: FleetSchema.text(of: Self.sections))
        for step in group.schemaPath {
            schema = try #require(Int(step).flatMap { schema.array?[$0] } ?? schema[step], "\(name): \(step)")
        }
        #expect(schema["properties"]?.members?.map(\.name) == group.rows.map(\.name))
        #expect(schema["additionalProperties"] == false)
    }

    @Test func aWholeOneIsRead() throws {
        let fleet = try Self.read(
            """
            hub: { namespace: acme }
            deploy: { sdk: docker, visibility: private, tags: [prod] }
            spaces:
              backend:
                depends_on: [database, worker/ready]
                checks: { ready: { path: /ready } }
                deploy:
                  from: ./backend
                  readme: { title: "Back: end", emoji: 🚀, app_port: 7860, hf_oauth: true, license: [mit, apache-2.0] }
                  hardware: cpu-upgrade
                  sleep: never
                  variables: { LOG_LEVEL: info, EMPTY: "", NUMBER: 5 }
                  secrets: [DATABASE_URL, { JWT: { command: pass show jwt } }]
                  volumes: ["hf://buckets/acme/state:/data", "hf://datasets/acme/faq:/faq"]
                  needs: { buckets: [state], datasets: [other/faq] }
                  ignore: [variables.BUILD_ID, "files.data/*"]
              worker:
                checks: { ready: {} }
                deploy: { from: { git: https://github.com/acme/w, ref: v1 }, visibility: public, tags: [], secrets: { A: } }
              master: { deploy: { from: { stoker: ./master.yaml } } }
              plain: {}
            targets: { database: "tcp://db.example.com:5432" }
            """
        ).get()
        let all = try Deploy.list(of: fleet, in: "/home/fleet")
        try #require(all.map(\.target) == ["backend", "worker", "master"])
        let one = all[0]
        #expect(one.space.description == "acme/backend" && one.place == "spaces.backend.deploy")
        #expect(one.source == .folder("/home/fleet/backend") && one.sourcePlace?.line == 8)
        #expect(one.sdk == "docker" && one.visibility == .private && one.tags == ["prod"])
        #expect(one.hardware == "cpu-upgrade" && one.sleep == .never)
        #expect(
            JSONValue.object(one.headerMembers).text
                == #"{"title":"Back: end","emoji":"🚀","app_port":7860,"license":["mit","apache-2.0"],"hf_oauth":true,"sdk":"docker","tags":["prod"]}"#
        )
        #expect(one.variables == ["LOG_LEVEL": "info", "EMPTY": "", "NUMBER": "5"])
        #expect(one.secrets == ["DATABASE_URL": .environment, "JWT": .command("pass show jwt")])
        #expect(one.volumes.map(\.notation) == ["hf://buckets/acme/state:/data", "hf://datasets/acme/faq:/faq"])
        #expect(one.needs == [NeededRepo(.dataset, "other/faq"), NeededRepo(.bucket, "acme/state")])
        #expect(one.dependsOn == ["worker"])
        #expect(one.ignores("variables.BUILD_ID") && !one.ignores("variables") && !one.ignores("variables.B"))
        #expect(!one.fileFilter.takes("data/a/b") && one.fileFilter.takes("app.py"))
        #expect(all[1].source == .git(url: "https://github.com/acme/w", ref: "v1"))
        #expect(all[1].visibility == .public && all[1].tags == [] && all[1].secrets == ["A": .environment])
        #expect(all[2].source == .stoker(file: "/home/fleet/master.yaml"))
        // What it runs on is paid, so that it is not taken for one that sleeps.
        #expect(fleet.checks.first { $0.name == "backend" }?.policy.paidHardware == true)
    }

    @Test func everyFaultIsToldAtItsLine() {
        #expect(
            Self.problems(
                """
                hub: { namespace: acme }
                spaces:
                  a:
                    hardware: t4-small
                    deploy:
                      hardware: cpu-upgrade
                      fro: ./a
                  b:
                    depends_on: [c]
                    deploy: { variables: { X: 1 }, secrets: [X] }
                  c:
                    depends_on: [b]
                    deploy: { sdk: static, sleep: 1h, secrets: [Y] }
                  d: { deploy: { from: { git: https://a.example/b } } }
                  e: { deploy: { volumes: ["hf://buckets/a/b:/x", "hf://buckets/a/c:/x"] } }
                  f: { deploy: { hardware: cpu-basic, sleep: 1h } }
                  g: { deploy: { from: { git: "--upload-pack=x", ref: main } } }
                """)
                    == """
                    f.yaml:6:17: error: spaces.a.deploy.hardware: `hardware` of the Space is t4-small, and its `deploy.hardware` is cpu-upgrade; say it once, in `deploy`
                    f.yaml:7:7: error: spaces.a.deploy.fro: is not known; did you mean `from`?
                    f.yaml:10:45: error: spaces.b.deploy.secrets: X is a variable and a secret, and a Space with both does not start (CONFIG_ERROR); leave one out
                    f.yaml:10:13: error: spaces.b.deploy: depends on itself: b → c → b; what is deployed first cannot be told, so leave one of these `depends_on` out
                    f.yaml:13:35: error: spaces.c.deploy.sleep: does not apply to a static Space, which has no container
                    f.yaml:13:48: error: spaces.c.deploy.secrets: are readable by every visitor of a static Space; leave them out
                    f.yaml:14:31: error: spaces.d.deploy.from.git: has no `ref`; write a branch, a tag or a commit
                    f.yaml:15:27: error: spaces.e.deploy.volumes: has two volumes at /x
                    f.yaml:16:46: error: spaces.f.deploy.sleep: cannot be set on cpu-basic, which sleeps after 48h whatever is asked; leave it out
                    f.yaml:17:31: error: spaces.g.deploy.from.git: is not the address of a repository
                    """.split(separator: "\n").sorted { line($0) < line($1) }.joined(separator: "\n"))
    }

    private func line(_ text: Substring) -> (Int, Int) {
        let parts = text.split(separator: ":")
        return (Int(parts[1]) ?? 0, Int(parts[2]) ?? 0)
    }

    @Test func oneSpaceIsDescribedOnce() {
        #expect(
            Self.problems(
                "spaces: { a/x: { deploy: { sdk: docker } }, A/X: { name: y, deploy: { sdk: docker } } }"
            ).contains("describes A/X, and so does x"))
        #expect(
            Self.problems("spaces: { a/x: { deploy: { duplicate_of: a/x } } }").contains("is to be a copy of itself"))
    }

    @Test func theExampleInTheDocsIsRead() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../docs/deploy.md")
        let page = try String(contentsOf: file, encoding: .utf8)
        let start = try #require(page.firstRange(of: "```yaml\n"))
        let end = try #require(page[start.upperBound...].firstRange(of: "```"))
        let fleet = try Self.read(String(page[start.upperBound..<end.lowerBound])).get()
        #expect(try Deploy.list(of: fleet, in: ".").map(\.target) == ["backend", "worker", "master"])
    }

    @Test func withoutAnythingNothingIsDeployed() throws {
        let fleet = try Self.read("hub: { namespace: a }\ndeploy: { sdk: docker }\nspaces: { b: {} }").get()
        #expect(try Deploy.list(of: fleet, in: "").isEmpty)
    }
}
