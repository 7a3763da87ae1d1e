import Deployment
import Foundation
import StokerCore
import Testing

@Suite struct FleetReportTests {
    @Test func theTextSaysWhatIsPingedWhen() throws {
        let text = FleetReport(try fleet(sampleText), file: "fleet.yaml").text
        #expect(text.contains("9 checks (4 Spaces, 4 targets, 1 heartbeat)"))
        #expect(text.contains("every 2m (hot)"))
        #expect(text.contains("GET https://acme-bot.hf.space/health"))
        #expect(text.contains("/api/heartbeats/job"))
        #expect(!text.contains("s3cret"))
    }

    @Test func theDocumentKeepsItsShape() throws {
        let json = try FleetReport(try fleet(sampleText), file: "fleet.yaml").json()
        #expect(!json.contains("s3cret"))
        let document = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        #expect(
            Set(document.keys) == [
                "file", "valid", "problems", "warnings", "checks", "requests_per_day", "requests_per_five_minutes",
            ])
        let checks = try #require(document["checks"] as? [[String: Any]])
        #expect(checks.count == 9)
        #expect(
            Set(checks[0].keys) == [
                "name", "kind", "role", "space", "address", "every_seconds", "timeout_seconds", "retry_seconds",
                "enabled",
                "requests_per_day",
            ])
        let problems = try FleetReport.json(
            FleetProblems([Problem(file: "f", line: 1, column: 2, path: "a", text: "t", rule: .value)]), file: "f")
        let refused = try #require(try JSONSerialization.jsonObject(with: Data(problems.utf8)) as? [String: Any])
        #expect(refused["valid"] as? Bool == false)
        let first = try #require((refused["problems"] as? [[String: Any]])?.first)
        #expect(first["line"] as? Int == 1 && first["rule"] as? String == "value")
    }

    @Test func problemsLookLikeACompilers() {
        let problems = FleetProblems([
            Problem(file: "f.yaml", line: 2, column: 3, path: "a.b", text: "is odd", rule: .value)
        ])
        let plain = ProblemText(source: "a:\n  b: 1\n", name: "f.yaml", colour: false).text(problems)
        #expect(plain == "f.yaml:2:3: error: a.b: is odd\n 2 |   b: 1\n   |   ^\nf.yaml: 1 problem\n")
        #expect(ProblemText(source: "a:\n", name: "f.yaml", colour: true).text(problems).contains("\u{1B}[1;31merror:"))
    }
}
