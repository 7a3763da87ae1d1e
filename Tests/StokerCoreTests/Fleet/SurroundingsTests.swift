import StokerCore
import Testing

/// What is around a fleet file: the mark that Windows tools begin with, a shared `.env`, addresses of one's own network.
@Suite struct SurroundingsTests {
    @Test func theByteOrderMarkIsNoPartOfTheFile() throws {
        let fleet = try FleetFile.read(
            text: "\u{FEFF}version: 1\ntargets: { t: https://a.test }\n", name: "f", environment: [:]
        ).get()
        #expect(fleet.checks.map(\.name) == ["t"])
    }

    @Test func brokenLinesOfOthersAreTold() {
        let text = "A=1\nno line\nB='open\nC=3\nD=\"x\" y\nE=5\n"
        let reading = DotEnv.read(text: text, name: ".env", needing: ["A", "C", "E"])
        #expect(reading.variables == ["A": "1", "C": "3", "E": "5"])
        #expect(reading.problems.isEmpty)
        #expect(Set(reading.ignored.map(\.line)) == [2, 3, 5])
        #expect(DotEnv.read(text: text, name: ".env", needing: ["B"]).problems.map(\.line) == [3])
        #expect(DotEnv.read(text: text, name: ".env", needing: ["D"]).problems.map(\.line) == [5])
    }

    @Test func aFileThatIsNoneIsNotReadLineByLine() {
        let text = (0..<5_000).map { "line \($0) of a book" }.joined(separator: "\n")
        let reading = DotEnv.read(text: text, name: ".env", needing: ["A"])
        #expect(reading.variables.isEmpty)
        #expect(!(reading.problems + reading.ignored).isEmpty)
    }

    @Test func variablesThatAFileMayAskFor() {
        let names = FleetFile.variables(in: "a: ${ONE} ${TWO:-x} $${THREE} $FOUR ${")
        #expect(names.isSuperset(of: ["ONE", "TWO", "HF_TOKEN"]))
        #expect(!names.contains("FOUR"))
    }

    @Test(arguments: [
        "http://localhost:7860", "http://127.0.0.1", "http://127.9.9.9", "http://10.1.2.3", "http://172.20.0.1",
        "http://192.168.1.1", "http://169.254.1.1", "http://100.64.0.1", "http://[::1]:80", "http://[fd00::1]",
        "http://[fe80::1]", "http://nas", "http://nas.local", "http://db.internal:1", "http://x.home.arpa",
        "http://0.0.0.0",
    ]) func addressesOfOnesOwnNetwork(text: String) throws { #expect(try Address(text).isOfOwnNetwork) }

    @Test(arguments: [
        "https://example.com", "http://8.8.8.8", "http://172.32.0.1", "http://[2001:db8::1]", "https://a-b.hf.space",
        "http://127.example.com", "http://localhost.example.com",
    ]) func addressesOfTheWorld(text: String) throws { #expect(try !Address(text).isOfOwnNetwork) }
}
