import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// `stoker plan`, `drift` and `import` as a person uses them, against a simulated Hub.
    @Suite(.timeLimit(.minutes(3))) struct PlanCommandTests {
        private static let fleet = """
            spaces:
              maren/page:
                deploy:
                  from: ./page
                  sdk: static
                  variables: { GREETING: hello }
            """

        private static func write(_ hub: HubScratch, _ path: String, _ text: String) throws {
            let url = URL(fileURLWithPath: hub.scratch.path + "/" + path)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
        }

        @Test func aPlanIsShownKeptAndEndsAsTerraformDoes() async throws {
            try await HubScratch.with("plan") { hub in
                try Self.write(hub, "fleet.yaml", Self.fleet)
                try Self.write(hub, "page/index.html", "<h1>hello</h1>\n")
                try Self.write(hub, "page/.env", "K=SENTINEL\n")
                let plan = try await hub.stoker("plan", "--out", "plan.json", "--detailed-exitcode")
                #expect(plan.exit == .code(2), "\(plan.tail)")
                #expect(plan.output.contains("+ maren/page (new)"), "\(plan.output)")
                #expect(plan.output.contains("+ variable GREETING: \"hello\""), "\(plan.output)")
                #expect(plan.output.contains("Plan: 1 to create, 0 to change, 0 as they should be."), "\(plan.output)")
                #expect(plan.output.contains("only these fingerprints protect"), "\(plan.output)")
                #expect(plan.output.contains("left out: .env") && !plan.output.contains("SENTINEL"))
                let path = hub.scratch.path + "/plan.json"
                let rights = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
                #expect(rights == 0o600)
                let kept = try JSONDecoder().decode(JSON.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
                #expect(kept.kind.string == "stoker-plan" && kept.create.int == 1)
                #expect(try await hub.stoker("plan").exit == .code(0), "without the switch a difference is no error")
                #expect(try await hub.stoker("drift").exit == .code(1))

                try Self.write(hub, "fleet.yaml", Self.fleet.replacing("from:", with: "form:"))
                let wrong = try await hub.stoker("plan")
                #expect(wrong.exit == .code(2))
                #expect(
                    wrong.errors.contains("fleet.yaml:4:7: error: spaces.maren/page.deploy.form"), "\(wrong.errors)")
                #expect(try await hub.stoker("plan", "--detailed-exitcode").exit == .code(1))
                #expect(try await hub.stoker("drift", "--detailed-exitcode").exit == .code(1))

                let silent = try await hub.stoker("drift", environment: ["HF_ENDPOINT": "http://127.0.0.1:1"])
                #expect(silent.exit == .code(2), "the file is looked at first")
                try Self.write(hub, "fleet.yaml", Self.fleet)
                let away = try await hub.stoker("drift", environment: ["HF_ENDPOINT": "http://127.0.0.1:1"])
                #expect(away.exit == .code(3), "\(away.tail)")
            }
        }

        @Test func whatExistsIsImportedAndThePlanIsEmpty() async throws {
            try await HubScratch.with("import") { hub in
                let made = try await hub.stoker("import", "hub", "-o", "all.yaml")
                #expect(made.exit == .code(0), "\(made.tail)")
                let again = try await hub.stoker("import", "hub", "-o", "all.yaml")
                #expect(again.exit == .code(2) && again.errors.contains("--force"))
                let plan = try await hub.stoker("plan", "--fleet", "all.yaml", "--detailed-exitcode")
                #expect(plan.exit == .code(0), "\(plan.tail)")
                #expect(plan.output.contains("No differences"), "\(plan.output)")
            }
        }
    }
}
