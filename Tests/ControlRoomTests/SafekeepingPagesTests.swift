import Foundation
import StokerCore
import Testing

@testable import ControlRoom

/// States as pages show them, with text that is not ours.
@Suite struct SafekeepingPagesTests {
    private static let hostile = "<b>&\"'\u{202e}"
    private static let now = SampleFleet.now

    private static func state(_ standing: String, more: [JSONValue.Member] = []) -> JSONValue {
        func at(_ ago: Int) -> JSONValue { .string((now - .seconds(ago)).description) }
        let shown: JSONValue = [
            "id": "0123456789abcdef", "time": at(90), "size_bytes": 1_048_576, "files": 3, "added_bytes": 12_288,
            "because": .string("left by \(hostile)"),
        ]
        let drill: JSONValue = [
            "at": at(4_000), "snapshot": "0123456789abcdef", "from": at(4_100), "files": 3, "bytes": 1_048_576,
            "seconds": 3.1, "databases": 2, "checked": true, "proven": true, "failure": nil,
        ]
        let problem: JSONValue = [
            "standing": .string(standing), "because": .string("it lost \(hostile)"), "hint": "Accept it.",
        ]
        let isIll = !["safe", "empty", "unread"].contains(standing)
        return JSONValue.object([
            .init("name", "acme/bot"), .init("state", "acme/bot"), .init("space", "acme/bot"),
            .init("standing", .string(standing)),
            .init("problems", isIll ? [problem] : []), .init("vault", .string("folder:/\(hostile)")),
            .init("vaults", [.string("state \(hostile)"), "copy"]), .init("sealed", true), .init("looked_at", at(30)),
            .init("epoch", 41), .init("sequence", 912), .init("newest_at", standing == "empty" ? .null : at(17)),
            .init("newest", shown), .init("kept", 2), .init("stored_bytes", 2_000_000), .init("growth_bytes", 2_048),
            .init("days", [["day": at(86_400), "bytes": 1_000_000], ["day": at(0), "bytes": 1_048_576]]),
            .init("holder", "host, process 7"), .init("released", false),
            .init("held", standing == "held" ? [shown] : []), .init("strays", [shown]),
            .init(
                "drill",
                [
                    "every_seconds": 604_800, "due": at(-100), "running": false, "asked": false, "last": drill,
                    "proven": drill,
                ]),
            .init(
                "recoveries",
                [
                    [
                        "at": at(500), "epoch": 41, "outcome": "restored", "released": false, "from": at(510),
                        "seconds": 9.6, "bytes": 1_000, "lost": .string("10 s \(hostile)"),
                    ]
                ]),
            .init("guard", ["at": at(20), "safe_until": at(25), "trouble": .null]), .init("snapshot_asked", false),
            .init("copies", .object([.init("copy", .string("no \(hostile)"))])),
            .init("every_seconds", .null),
            .init(
                "snapshots",
                [
                    [
                        "id": "0123456789abcdef", "time": at(90), "newest": true, "size_bytes": 1_048_576, "files": 3,
                        "added_bytes": 12_288, "tags": [.string(hostile)], "verified_at": at(4_000),
                    ],
                    [
                        "id": "fedcba9876543210", "time": at(900), "newest": false, "size_bytes": 1_000_000, "files": 3,
                        "added_bytes": 10, "tags": [], "verified_at": nil,
                    ],
                ]), .init("drills", [drill]),
        ])
    }

    private static func render(_ template: String, _ model: [String: Any]) throws -> String {
        let text = try Pages(version: "1").page(template, model, frame: Pages.Frame(title: "States", kind: "plain"))
        #expect(!text.contains(hostile) && !text.contains("{{") && !text.contains("\u{202e}"))
        return text
    }

    @Test(arguments: ["safe", "held", "replaced", "failing", "unreachable", "unproven", "empty", "unread"])
    func aStateInEachStanding(_ standing: String) throws {
        let view = StateView(Self.state(standing), now: Self.now)
        let page = try Self.render("state", view.page(mayWrite: true, mayDelete: true))
        #expect(page.contains(StateView.word(standing)) && page.contains("epoch 41") && page.contains("2 kept"))
        #expect(page.contains("2 databases sound, the owner&#39;s check agreed"))
        #expect(page.contains("value=\"reinstate\"") && page.contains("value=\"fedcba9876543210\""))
        #expect(page.contains("value=\"accept\"") == (standing == "held"))
        #expect(page.contains("value=\"trust\"") == (standing == "replaced"))
        // Every form that writes what matters asks first.
        #expect(page.components(separatedBy: "Keep it as it is").count - 1 >= 1)
        let reading = try Self.render("state", view.page(mayWrite: false, mayDelete: false))
        #expect(!reading.contains("<form method=\"post\" action=\"/safekeeping\""))
        // Who operates and does not administrate sees nothing that deletes.
        for text in ["value=\"snapshot\"", "?forget="] {
            #expect(page.contains(text) && !reading.contains(text), "\(text)")
        }
        #expect(page.contains("/safekeeping/acme%2Fbot?snapshot=fedcba9876543210"))
    }

    @Test func theFilesOfASnapshot() throws {
        func entry(_ path: String, _ kind: String, _ more: [JSONValue.Member] = []) -> JSONValue {
            let known: [JSONValue.Member] = [
                .init("path", .string(path)), .init("kind", .string(kind)), .init("size_bytes", 2_048),
                .init("mode", "644"), .init("modified_at", .string(Self.now.description)),
            ]
            let left = ["target": JSONValue.null, "torn": false, "note": .null].filter { name, _ in
                !more.contains { $0.name == name }
            }
            return .object(known + more + left.map { .init($0.key, $0.value) })
        }
        let answer: JSONValue = [
            "snapshot": "0123456789abcdef",
            "entries": [
                entry("data", "folder"), entry("data/\(Self.hostile)/sub", "folder"),
                entry("data/a b&c.txt", "file"), entry("data/link", "link", [.init("target", .string(Self.hostile))]),
                entry("data/log", "file", [.init("torn", true)]),
            ], "total": 9,
        ]
        let model = SnapshotFilesPage(state: "acme/bot", path: "data", answer: answer, now: Self.now).model
        let page = try Self.render("snapshot-files", model)
        #expect(page.contains("9 entries") && page.contains("The first 5 are listed"))
        #expect(page.contains("?snapshot=0123456789abcdef&amp;file=data%2Fa%20b%26c.txt\" download"))
        #expect(page.contains("it changed while it was read") && page.contains("&amp;path=data%2F%3Cb%3E"))
        // The folder that is shown leads nowhere else.
        #expect(!page.contains("&amp;path=data\""))
    }

    @Test func whatRulesWouldKeep() throws {
        let form = [
            "forget": "look", "keep_daily": "7", "keep_last": " 3 ", "keep_within": "30d", "keep_weekly": "many",
        ]
        let rules = ForgetPage.rules(form)
        #expect(rules.map(\.name) == ["keep_last", "keep_daily", "keep_weekly", "keep_within"])
        // What is no number goes to the operation, which says so.
        #expect(rules.map(\.value) == [3, 7, "many", "30d"])
        var page = ForgetPage(state: "acme/bot", query: ["keep_last": "1"], now: Self.now)
        page.answer = [
            "dry_run": true,
            "snapshots": [
                ["id": "fedcba9876543210", "time": .string(Self.now.description), "kept": true, "reasons": ["newest"]],
                ["id": "0123456789abcdef", "time": .string(Self.now.description), "kept": false, "reasons": []],
            ],
        ]
        let text = try Self.render("forget", page.model)
        #expect(text.contains("1 snapshot of 2 would go") && text.contains("Nothing is changed yet."))
        #expect(text.contains("value=\"forget\"") && text.contains("name=\"keep_last\" value=\"1\""))
        page.answer = ["dry_run": true, "snapshots": []]
        #expect(try !Self.render("forget", page.model).contains("value=\"forget\""))
        page = ForgetPage(state: "acme/bot", query: [:], now: Self.now)
        page.said = "Could not \(Self.hostile)"
        #expect(try Self.render("forget", page.model).contains("Forget by rule"))
    }

    @Test func allStates() throws {
        var model = StatesPage(
            items: [Self.state("safe"), Self.state("held")], spaces: 3, now: Self.now
        ).model
        model["mayWrite"] = true
        let page = try Self.render("safekeeping", model)
        #expect(page.contains("One state needs a look") && page.contains("1 of 2 states is safe"))
        #expect(page.contains("href=\"/safekeeping/acme%2Fbot\"") && page.contains("class=\"spark\""))
        #expect(
            page.contains("value=\"snapshot-all\"") && page.contains("value=\"prove-all\"")
                && page.contains("of 3 Spaces"))
        let empty = try Self.render("safekeeping", StatesPage(items: [], spaces: 1, now: Self.now).model)
        #expect(empty.contains("Nothing is kept") && !empty.contains("<table"))
    }
}
