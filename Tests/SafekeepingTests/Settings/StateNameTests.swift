import Safekeeping
import StokerCore
import Testing

/// Which state of several in a vault is meant.
@Suite struct StateNameTests {
    @Test func whatIsNearestWins() throws {
        let both = ["STOKER_STATE": "nightly", "SPACE_ID": "acme/bot"]
        #expect(try StateName.chosen("mine", environment: both) == "mine")
        #expect(try StateName.chosen(nil, environment: both) == "nightly")
        #expect(try StateName.chosen(nil, environment: ["STOKER_STATE": "", "SPACE_ID": "acme/bot"]) == "acme/bot")
        // Outside a Space the guard writes to this one, and the commands that look at its snapshots read it.
        #expect(try StateName.chosen(nil, environment: [:]) == "main")
    }

    @Test(arguments: ["", "../up", "a/b/c", ".hidden", "with blank"]) func noPlainNameIsRefused(_ text: String) {
        let failure = #expect(throws: Failure.self) { try StateName.chosen(text, environment: [:]) }
        #expect(failure?.code == .usage)
    }
}
