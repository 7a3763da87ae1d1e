import Foundation
import Operations
import StokerCore
import Testing

@testable import ControlRoom

/// Workers and findings as pages show them, with text that is not ours.
@Suite struct WorkerPagesTests {
    private static let hostile = "<b>&\"'\u{202e}"
    private static let now = SampleFleet.now

    private static var finding: JSONValue {
        [
            "id": "0123456789abcdef", "rule": "workflows", "perspective": "security",
            "title": .string("A \(hostile) title"),
            "why": .string("Since \(hostile)."), "file": .string("a/\(hostile).yml"), "line_start": 7, "line_end": 8,
            "symbol": "", "quote": .string("run: \(hostile)\nnext"), "quote_sha": "00ff",
            "evidence": [.string(hostile)],
            "command": .string("zizmor '\(hostile)'"), "severity": "high", "priority": 2.5, "confidence": 0.9,
            "state": "open", "first_seen": "2026-11-01T00:00:00.000Z", "head": "0123456789", "tools": ["zizmor 1.32.0"],
            "source": "evidence",
        ]
    }

    private static func worker(_ state: String) -> JSONValue {
        [
            "name": "analysis", "kind": "analysis", "repository": .string(hostile), "branch": nil,
            "dataset": "acme/results", "private": true, "state": .string(state), "text": .string("Looks \(hostile)"),
            "hint": .string("do \(hostile)"), "iteration": 1_412, "published": 1_410, "perspective": "code_quality",
            "perspectives": ["code_quality", "security"], "head": "0123456789abcdef", "every_seconds": 60,
            "started": nil, "beat": .string((now - .seconds(30)).description),
            "next": .string((now + .seconds(30)).description),
            "paused_since": nil, "open": ["critical": 0, "high": 2, "medium": 1, "low": 0], "commits_last_hour": 27,
            "log": [["at": .string(now.description), "text": .string(hostile)]],
        ]
    }

    private static func render(_ template: String, _ model: [String: Any]) throws -> String {
        let text = try Pages(version: "1").page(template, model, frame: Pages.Frame(title: "Workers", kind: "plain"))
        #expect(!text.contains(hostile) && !text.contains("{{") && !text.contains("\u{202e}"))
        return text
    }

    @Test(arguments: ["working", "waiting", "complete", "paused", "trouble", "starting"])
    func aWorkerInEachState(_ state: String) throws {
        let row: JSONValue = [
            "iteration": 1_412, "timestamp": .string(Self.now.description), "head": "0123456789",
            "perspective": "code_quality",
            "summary": .string("2 new \(Self.hostile)"),
        ]
        var model = WorkerView(Self.worker(state), now: Self.now).page([row], findings: [Self.finding])
        model["mayWrite"] = true
        let page = try Self.render("worker", model)
        #expect(page.contains("1,412") && page.contains("2 rows wait") && page.contains("27 of 30"))
        #expect(page.contains("action=\"/workers/analysis/\(state == "paused" ? "resume" : "pause")\""))
        #expect(page.contains("2 high, 1 medium") && page.contains("2 new &lt;b&gt;"))
        // Who may not write gets no buttons.
        model["mayWrite"] = false
        #expect(!(try Self.render("worker", model)).contains("<form method=\"post\" action=\"/workers"))
    }

    @Test func allWorkers() throws {
        let model: [String: Any] = [
            "title": "1 of 1 worker is online", "say": "1 iteration", "sign": "up", "isEmpty": false,
            "rows": [WorkerView(Self.worker("trouble"), now: Self.now).model], "openCount": "1",
            "findings": [FindingView.item(Self.finding)], "hasFindings": true,
        ]
        let page = try Self.render("workers", model)
        #expect(
            page.contains("href=\"/workers/analysis\"") && page.contains("href=\"/workers/findings/0123456789abcdef\""))
        #expect(page.contains("aria-label=\"high\""))
    }

    @Test func aFindingWithItsLines() throws {
        var model = FindingView.page(["worker": "analysis", "finding": Self.finding, "dismissed_until": nil])
        model["mayWrite"] = true
        let page = try Self.render("finding", model)
        #expect(page.contains("data-n=\"7\"") && page.contains("data-n=\"8\"") && page.contains("precision 0.9"))
        #expect(page.contains("stoker results gate --severity high"))
        #expect(page.contains("action=\"/workers/findings/0123456789abcdef/dismiss\""))
        _ = try Self.render(
            "findings", ["title": "1 open finding", "findings": [FindingView.item(Self.finding)], "hasFindings": true])
    }
}
