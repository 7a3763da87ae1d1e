package import StokerCore

/// What a state may be called: a Space's name, with its owner or without.
package enum StateName {
    /// The state that is meant: what was given, else `STOKER_STATE`, else the Space's own name (`SPACE_ID`), else `main`. The guard and those who
    /// look at its snapshots mean the same one.
    /// - Throws: `usage` for what is no plain name.
    package static func chosen(_ given: String?, environment: [String: String]) throws(Failure) -> String {
        func said(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        return try check(given ?? said("STOKER_STATE") ?? said("SPACE_ID") ?? "main")
    }

    package static func check(_ text: String) throws(Failure) -> String {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let isPlain = parts.allSatisfy { part in
            !part.isEmpty && !part.hasPrefix(".")
                && part.utf8.allSatisfy { byte in
                    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                        || "._-".utf8.contains(byte)
                }
        }
        guard isPlain, parts.count <= 2, text.utf8.count <= 200 else {
            throw Failure(
                .usage, doing: "name the state \"\(text.prefix(100))\"", because: "that is no plain name",
                hint: "use letters, digits, '.', '_' and '-', such as the Space's name or owner/name")
        }
        return text
    }
}

/// What a guard does, from the command line, the environment and the fleet file.
package struct GuardSettings: Sendable {
    /// What is done when a snapshot exists and cannot be restored or is not taken by the owner's check.
    package enum OnFailedRestore: String, Sendable, CaseIterable {
        /// No app, no publishing.
        case stop
        /// The app starts with what an older snapshot gives, or with nothing, and nothing is published.
        case readOnly = "read-only"
        /// The newest older snapshot that can be restored.
        case older
        /// The app starts with nothing.
        case empty
    }

    /// What is done with something that lies where a snapshot is to be restored.
    package enum Existing: String, Sendable, CaseIterable {
        /// Nothing is touched; the guard ends.
        case refuse
        /// It is moved aside.
        case aside
    }

    /// Name of the state; the Space's.
    package var state: String
    /// Who holds the pen, for others: host name and process.
    package var holder: String
    package var paths: [GuardedPath]
    package var exclude: [String] = []
    /// The app.
    package var command: [String]
    package var environment: [String: String]
    /// Working folder of the app and of ``before``, ``after`` and ``verify``; absolute.
    package var folder: String
    /// Time between snapshots; nil for the vault's.
    package var every: Duration?
    /// Shell commands around each capture.
    package var before: String?
    package var after: String?
    /// A shell command, or an address of the app that has to answer with 2xx.
    package var verify: String?
    package var hookLimit: Duration = .seconds(60)
    package var onFailedRestore = OnFailedRestore.stop
    package var existing = Existing.refuse
    /// Longest wait for another holder to hand over.
    package var handover: Duration = .seconds(20)
    /// How often the vault is asked whether somebody wants the pen.
    package var penPoll: Duration = .seconds(5)
    /// How often the master is told what has changed.
    package var masterPoll: Duration = .seconds(60)
    /// A folder for scratch copies, the socket and what is known of the last run; outside of every guarded path.
    package var data: String
    /// What copies a database; our own program.
    package var copier: [String]
    /// Which snapshots stay; empty for all that the head has room for.
    package var keep = KeepRules()
    /// After another took over: whether `/health` goes on saying so until a signal comes, so that no supervisor starts a war of two.
    package var staysWhenFenced = false
    /// Stopping: from TERM to TERM for all that is left, and from there to KILL.
    package var stopWait: Duration = .seconds(3)
    package var killWait: Duration = .milliseconds(500)
    /// From the signal on: when it is told that the last snapshot is late, and when it is given up.
    package var stopLimit: Duration = .seconds(8)
    package var finalLimit: Duration = .seconds(60)

    package init(
        state: String, holder: String, paths: [GuardedPath], command: [String], environment: [String: String],
        folder: String,
        data: String, copier: [String]
    ) {
        self.state = state
        self.holder = holder
        self.paths = paths
        self.command = command
        self.environment = environment
        self.folder = folder
        self.data = data
        self.copier = copier
    }

    /// Ends of a guard that no app has by itself (sysexits.h: EX_TEMPFAIL, EX_PROTOCOL).
    package static let fencedStatus: Int32 = 75
    package static let restoreFailedStatus: Int32 = 76
    /// As shells have it: the program could not be started.
    package static let notStartedStatus: Int32 = 127
}
