import StokerCore
import Testing

@testable import CommandLine

/// What code scanning is given. Source: OASIS SARIF 2.1.0, `sarif-schema-2.1.0.json`: required properties, allowed values.
@Suite struct DoctorSARIFTests {
    private static let folder: JSONValue = [
        "folder": ".", "ill": true,
        "findings": [
            [
                "rule": "P02", "severity": "error", "file": "Dockerfile", "line": 9, "column": 7,
                "text": "uvicorn listens on 127.0.0.1.", "fix": "Let it listen on 0.0.0.0.",
            ],
            [
                "rule": "P02", "severity": "warn", "file": "ein ordner/späße.py", "line": 1, "column": nil,
                "text": "It listens there.", "fix": "Change it.",
            ],
            [
                "rule": "G02", "severity": "info", "file": "film.mp4", "line": nil, "column": nil,
                "text": "It has 40 MB.", "fix": "Upload it with Stoker.",
            ],
        ],
    ]

    private static let space: JSONValue = [
        "subject": "acme/bot", "verdict": "found", "ill": true,
        "causes": [
            [
                "rule": "D01", "name": "a package is missing", "cause": "pandas is not installed.", "fix": "Add it.",
                "severity": "error", "proof": [["source": "run", "line": 3, "text": "ModuleNotFoundError"]],
            ]
        ],
    ]

    @Test(arguments: [folder, space, ["folder": ".", "ill": false, "findings": []]])
    func theDocumentHasTheShapeOfItsSchema(_ answer: JSONValue) throws {
        let document = DoctorSARIF.document(answer)
        #expect(document["version"] == "2.1.0")
        let runs = try #require(document["runs"]?.array)
        #expect(runs.count == 1)
        let driver = try #require(runs[0]["tool"]?["driver"])
        #expect(driver["name"]?.string?.isEmpty == false)
        #expect(["utf16CodeUnits", "unicodeCodePoints"].contains(runs[0]["columnKind"]?.string))
        let rules = try #require(driver["rules"]?.array)
        let ids = rules.compactMap { $0["id"]?.string }
        #expect(ids.count == rules.count && Set(ids).count == ids.count)
        for rule in rules {
            #expect(rule["shortDescription"]?["text"]?.string?.isEmpty == false)
            #expect(rule["help"]?["text"]?.string?.isEmpty == false)
        }
        let results = try #require(runs[0]["results"]?.array)
        #expect(results.count == (answer["findings"] ?? answer["causes"])?.array?.count)
        for result in results {
            #expect(result["message"]?["text"]?.string?.isEmpty == false)
            #expect(["none", "note", "warning", "error"].contains(result["level"]?.string))
            let rule = try #require(result["ruleId"]?.string)
            let index = try #require(result["ruleIndex"]?.integer)
            #expect(ids[index] == rule)
            for location in try #require(result["locations"]?.array) {
                let physical = try #require(location["physicalLocation"])
                let uri = try #require(physical["artifactLocation"]?["uri"]?.string)
                #expect(!uri.isEmpty && uri.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
                guard let region = physical["region"] else { continue }
                #expect((region["startLine"]?.integer ?? 0) >= 1)
                if let column = region["startColumn"] { #expect((column.integer ?? 0) >= 1) }
            }
        }
    }

    @Test func levelsAndPlaces() throws {
        let results = try #require(DoctorSARIF.document(Self.folder)["runs"]?.array?[0]["results"]?.array)
        #expect(results.map { $0["level"]?.string } == ["error", "warning", "note"])
        let places = results.map { $0["locations"]?.array?.first?["physicalLocation"] }
        #expect(places[0]?["region"] == ["startLine": 9, "startColumn": 7])
        #expect(places[1]?["artifactLocation"]?["uri"] == "ein%20ordner/sp%C3%A4%C3%9Fe.py")
        #expect(places[2]?["region"] == nil)
    }
}
