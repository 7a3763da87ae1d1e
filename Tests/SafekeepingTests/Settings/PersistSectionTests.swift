import StokerCore
import Testing

@testable import Safekeeping

/// `vaults` and `persist` of the fleet file.
@Suite struct PersistSectionTests {
    static let sections = FleetSections.standard.adding(VaultsSection.section).adding(PersistSection.section)
        .adding(PersistSection.ofSpaces)

    static func read(_ text: String, _ environment: [String: String] = [:]) -> Result<Fleet, FleetProblems> {
        FleetFile.read(text: text, name: "f", environment: environment, sections: sections)
    }

    static func problems(_ text: String) -> [Problem] {
        guard case .failure(let problems) = read(text) else { return [] }
        return problems.list
    }

    static let whole = """
        vaults:
          state: { bucket: state, key: "${STOKER_KEY:-}" }
          copy: { folder: /var/backups/stoker, exclusive: true }
        persist: { vault: [state, copy], every: 1m, retention: { last: 10 } }
        heartbeats: { backend-recovery: { every: 7d } }
        spaces:
          acme/backend:
            persist:
              paths: [data]
              exclude: ["*.tmp", data/cache]
              before: ./dump.sh
              verify: python check.py
              on_failed_restore: older
              retention: { last: 10, daily: 7, weekly: 4 }
              drill: 7d
              heartbeat: backend-recovery
              proxy: 8000
          acme/other: {}
        """

    @Test func aSpaceTakesOverWhatHoldsForAll() throws {
        let fleet = try Self.read(Self.whole, ["STOKER_KEY": "correct horse battery"]).get()
        let vaults = fleet[VaultsSection.section]
        #expect(vaults.map(\.name) == ["state", "copy"])
        #expect(vaults[0].value.key?.reveal() == "correct horse battery")
        #expect(try vaults[0].value.address(namespace: "acme")?.name == "bucket:acme/state")
        #expect(try vaults[1].value.address(namespace: nil)?.name == "folder:/var/backups/stoker")
        let spaces = fleet[PersistSection.ofSpaces]
        #expect(spaces.map(\.space) == ["acme/backend"])
        let settings = try #require(spaces.first?.settings)
        #expect(settings.vaults.map(\.name) == ["state", "copy"])
        #expect(settings.every == .seconds(60))
        #expect(settings.paths == ["data"])
        #expect(settings.onFailedRestore == .older)
        #expect((settings.retention.last, settings.retention.daily, settings.retention.weekly) == (10, 7, 4))
        #expect(settings.proxy == 8_000)
        let master = try Self.read(Self.whole + "\nledger: { vault: [copy, state], every: 30s }\n").get().ledger
        #expect(master.vaults.map(\.name) == ["copy", "state"] && master.every == .seconds(30))
        let written = Self.sections.written(fleet).text
        #expect(!written.contains("correct horse") && written.contains("***"))
    }

    @Test(arguments: [
        ("persist: { vault: nowhere }", "is not a vault of this file"),
        ("ledger: { vault: nowhere }", "is not a vault of this file"),
        (
            "vaults: { v: { dataset: x/y } }\nledger: { vault: v }\nspaces: { a/b: { persist: { vault: v, paths: data } } }",
            "keeps one state"
        ),
        ("spaces: { a/b: { persist: { paths: [data] } } }", "names no vault"),
        ("vaults: { v: { folder: /x } }\nspaces: { a/b: { persist: { vault: v } } }", "names no path"),
        (
            "vaults: { v: { folder: /x } }\nspaces: { a/b: { persist: { vault: v, paths: data, heartbeat: h } } }",
            "is not a heartbeat of this file"
        ),
        ("vaults: { v: { folder: /x, bucket: y/z } }", "of two kinds"),
        ("vaults: { v: { key: x } }", "which kind of vault"),
        ("persist: { every: 0s }", "0s"), ("persist: { on_failed_restore: retry }", "retry"),
        ("persist: { paths: [data] }", "paths"),
    ])
    func aMistakeIsTold(text: String, words: String) {
        #expect(
            Self.problems(text).contains { $0.text.contains(words) || $0.path.contains(words) },
            "\(Self.problems(text))")
    }

    /// What is said of a key is what the reader does.
    @Test func everyKeyTakesItsExampleAndRefusesItsMistakes() throws {
        let base = "vaults: { nowhere: { folder: /x } }\nheartbeats: { x: { every: 1d } }\n"
        let groups = Self.sections.groups.filter { $0.name == "spaces.persist" }
        try #require(groups.count == 1)
        for row in groups[0].rows {
            func document(_ value: String) -> String {
                let needed = ["vault": "vault: nowhere", "paths": "paths: [data]"].filter { $0.key != row.name }.map(
                    \.value)
                return base
                    + "spaces: { a/b: { persist: { \((needed + ["\(row.name): \(value)"]).joined(separator: ", ")) } } }"
            }
            let example = row.name == "vault" ? "nowhere" : row.example
            #expect(Self.problems(document(example)) == [], "\(row.name)")
            for mistake in row.invalidExamples where mistake != "nowhere" || row.name != "vault" {
                #expect(!Self.problems(document(mistake)).isEmpty, "\(row.name): \(mistake)")
            }
        }
    }

    @Test func whatASpaceSaysComesBackFromItsVariableWithoutSecrets() throws {
        let fleet = try Self.read(Self.whole, ["STOKER_KEY": "correct horse battery"]).get()
        let settings = try #require(fleet[PersistSection.ofSpaces].first?.settings)
        let text = PersistSection.variableValue(settings, fleet[VaultsSection.section], namespace: "acme")
        #expect(!text.contains("correct horse") && text.contains("acme/state"))
        let read = try FleetFile.read(
            text: text, name: "STOKER_PERSIST", environment: ["STOKER_KEY": "another horse battery"],
            sections: .none.adding(VaultsSection.section).adding(PersistSection.handedOver)
        ).get()
        #expect(read[PersistSection.handedOver] == settings)
        #expect(read[VaultsSection.section].first?.value.key?.reveal() == "another horse battery")
    }

    /// As `stoker apply` hands it over.
    @Test func whatIsHandedOverIsReadWithTheSameKeys() throws {
        let text = #"{"vaults": {"v": {"folder": "/x"}}, "persist": {"vault": "v", "paths": ["data"], "proxy": 8000}}"#
        let fleet = try FleetFile.read(
            text: text, name: "STOKER_PERSIST", environment: [:],
            sections: .none.adding(VaultsSection.section).adding(PersistSection.handedOver)
        ).get()
        let settings = fleet[PersistSection.handedOver]
        #expect(settings.paths == ["data"] && settings.proxy == 8_000 && settings.vaults.map(\.name) == ["v"])
    }
}
