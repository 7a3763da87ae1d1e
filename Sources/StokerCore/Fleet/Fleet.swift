/// Everything a fleet file says, checked and with all defaults filled in.
package struct Fleet: Sendable, Equatable {
    /// Section `hub`: which Hub is asked, with whose token, and what joins by itself.
    package var hub: Hub
    /// Every check of every Space, target and heartbeat, in the order of the file.
    package var checks: [Check]
    /// Section `serve`: where the server listens, and who may use it.
    package var serve: Serve
    /// Section `ledger`: how long history is kept.
    package var ledger: LedgerSettings
    /// Things that are allowed but worth a word, such as an interval below 15 minutes on a Space.
    package var advice: [Advice]
    /// What checks were called before; an older name of the same check comes later. None of the old names is a check's.
    package var renames: [Rename]
    /// Targets, and what they stand on: names of targets or of single checks. While one of these is down, nobody is told of the target.
    package var dependencies: [String: [String]] = [:]
    /// What the file says in sections that only other rooms know, see ``FleetSection``.
    package var sections = SectionValues()

    /// A check that has another name now.
    package struct Rename: Sendable, Hashable {
        /// The name until now.
        package var from: String
        /// The name from now on.
        package var to: String
        package init(from: String, to: String) {
            self.from = from
            self.to = to
        }
    }

    package init(
        hub: Hub = Hub(), checks: [Check] = [], serve: Serve = Serve(), ledger: LedgerSettings = LedgerSettings(),
        advice: [Advice] = [], renames: [Rename] = []
    ) {
        self.hub = hub
        self.checks = checks
        self.serve = serve
        self.ledger = ledger
        self.advice = advice
        self.renames = renames
    }
}

extension Fleet {
    /// A remark of `stoker check-config` that does not stop anything.
    package struct Advice: Sendable, Equatable {
        /// Place in the document: `spaces.bot.keep.every`.
        package var path: String
        /// What deserves a second look, as a sentence.
        package var text: String
        /// Where in the file, from 1; 0 when it is about no place in particular.
        package var line: Int
        package var column: Int
        package init(path: String, text: String, line: Int = 0, column: Int = 0) {
            self.path = path
            self.text = text
            self.line = line
            self.column = column
        }
    }
}
