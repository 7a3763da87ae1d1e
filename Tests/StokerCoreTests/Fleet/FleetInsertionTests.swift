import StokerCore
import Testing

/// A Space is added to a fleet file, and nothing else of it moves.
@Suite struct FleetInsertionTests {
    static let entry = FleetInsertion.Entry(
        key: "new", lines: ["keep: { path: /health }", "deploy:", "  from: ./new", "  # secrets: [KEY]"],
        value: ["keep": ["path": "/health"], "deploy": ["from": "./new"]])
    static let block = """
          new:
            keep: { path: /health }
            deploy:
              from: ./new
              # secrets: [KEY]

        """
    static let flow = #""new": {"keep":{"path":"/health"},"deploy":{"from":"./new"}}"#

    func added(_ text: String) throws -> String {
        try FleetInsertion(text: text, file: "fleet.yaml", environment: [:]).adding(Self.entry)
    }

    @Test(arguments: [
        // (before the entry, after it)
        ("", ""),
        ("version: 1\nspaces:\n  a/b:\n", ""),
        (
            "version: 1\nspaces:\n  a/b: { keep: { every: 5m } }   # why\n",
            "\n# what follows\ntargets: { t: https://a/ }\n"
        ),
        ("spaces:\n  a/b:\n    keep: { every: 5m }\n  # c/d: switched off\n", "\n\ntargets:\n  t: https://a/\n"),
        ("hub: { token: ${HF_TOKEN:-a, b} }\nspaces:\n", "targets:\n  t: https://a/\n"),
        ("\u{FEFF}spaces: &all\n  a/b: &b { keep: { headers: { X: \"${X:-}\" } } }\n  c/d: *b\n", ""),
        ("spaces:\n  a/b:\n    keep:\n      body: |+\n        text\n\n", "targets: {}\n"),
        ("---\n# only\nspaces:\n  a/b:\n", "# the end\n"),
    ])
    func linesBehindTheLastEntry(before: String, after: String) throws {
        let text = before + after
        let result = try added(text)
        let head = before.isEmpty ? "spaces:\n" : ""
        #expect(result == before + head + Self.block + after)
    }

    @Test func otherMarginsAndLineEndsAreKept() throws {
        let wide = try added("spaces:\r\n    a/b:\r\n        keep: { every: 5m }\r\n")
        #expect(
            wide.hasSuffix(
                "5m }\r\n    new:\r\n      keep: { path: /health }\r\n      deploy:\r\n        from: ./new\r\n        # secrets: [KEY]\r\n"
            ))
        #expect(try added("spaces:\n  a/b:") == "spaces:\n  a/b:\n" + Self.block)
        #expect(
            try added("version: 1\ntargets: { t: https://a/ }") == "version: 1\ntargets: { t: https://a/ }\n\nspaces:\n"
                + Self.block)
    }

    @Test(arguments: [
        (#"{"spaces": {"a/b": null"#, "}}"), (#"{"version": 1, "spaces": {"a/b": {"keep": {"path": "/}#"}}"#, "}\n}\n"),
        ("spaces: { a/b: { keep: { path: it's, body: 'a } b' } }", " }   # {\ntargets: {}\n"),
        ("spaces: { a/b: { keep: { body: \"${A:-}}\" } }", " }\n"),
    ])
    func inBracesBehindTheLastEntry(before: String, after: String) throws {
        #expect(try added(before + after) == "\(before), \(Self.flow)\(after)")
    }

    @Test func emptyAndSpreadBraces() throws {
        #expect(try added("spaces: {}\n") == "spaces: {\(Self.flow)}\n")
        #expect(
            try added("{\"version\": 1}")
                == #"{"version": 1, "spaces": {"new":{"keep":{"path":"/health"},"deploy":{"from":"./new"}}}}"#)
        #expect(
            try added("{\n  \"spaces\": {\n    \"a/b\": {}\n  }\n}\n")
                == "{\n  \"spaces\": {\n    \"a/b\": {},\n    \(Self.flow)\n  }\n}\n")
    }

    @Test(arguments: ["x-all: &all { a/b: {} }\nspaces: *all\n", "spaces: {}\n...\n", "spaces: ~\n", "spaces: !x {}\n"])
    func whatIsNotCertainIsRefusedOrRight(text: String) throws {
        let insertion: FleetInsertion
        do { insertion = try FleetInsertion(text: text, file: "fleet.yaml", environment: [:]) } catch { return }
        do {
            let result = try insertion.adding(Self.entry)
            // Its own reading is the judge: what was there is there, and the entry too.
            let again = try FleetInsertion(text: result, file: "fleet.yaml", environment: [:])
            #expect(again.section(with: "x/new") == "spaces")
            #expect(!result.contains("&all { a/b: {}, \"new\""))
        } catch let failure as Failure {
            #expect(failure.code == .usage)
            #expect(failure.hint?.contains("\"new\"") == true, "it tells what to write by hand")
        }
    }

    @Test func takenNamesAreKnown() throws {
        let insertion = try FleetInsertion(
            text: """
                hub: { namespace: "${OWNER:-acme}", endpoint: "http://127.0.0.1:1" }
                spaces: { bot: {}, Other/Bot2: {}, acme/x: { name: shown } }
                targets: { site: https://a/ }
                heartbeats: { job: { every: 1h } }
                """, file: "f", environment: ["OWNER": "maren"])
        #expect(insertion.namespace == "maren" && insertion.endpoint == "http://127.0.0.1:1")
        #expect(insertion.section(with: "MAREN/BOT") == "spaces")
        #expect(insertion.section(with: "other/bot2") == "spaces")
        #expect(insertion.section(with: "maren/bot2") == nil, "another owner's, in another case")
        #expect(insertion.section(with: "maren/shown") == "spaces")
        #expect(insertion.section(with: "maren/site") == "targets")
        #expect(insertion.section(with: "maren/job") == "heartbeats")
        #expect(insertion.section(with: "maren/free") == nil)
    }

    @Test func foldersThatAreShippedAreKnown() throws {
        let text = """
            spaces:
              a/b: { deploy: { from: ./${NAME:-backend} } }
              a/c: { deploy: { from: { git: https://example.com/x } } }
              a/d: { deploy: ~ }
              a/e:
            """
        #expect(try FleetInsertion(text: text, file: "f", environment: [:]).folders == ["./backend"])
    }

    @Test func mistakesOfTheFileAreToldAtTheirPlace() {
        #expect(throws: FleetProblems.self) {
            try FleetInsertion(text: "spaces:\n\ta: 1\n", file: "f", environment: [:])
        }
        #expect(throws: FleetProblems.self) {
            try FleetInsertion(text: "spaces: { a/b: {}, a/b: {} }\n", file: "f", environment: [:])
        }
        #expect(throws: FleetProblems.self) {
            try FleetInsertion(text: "hub: { namespace: \"${NOT_SET}\" }\n", file: "f", environment: [:])
        }
    }
}
