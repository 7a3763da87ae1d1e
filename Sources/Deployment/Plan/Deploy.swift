package import HubClient
package import StokerCore

/// A Space as `deploy:` of the fleet file describes it, with defaults of the top filled in.
package struct Deploy: Sendable, Equatable {
    package enum Source: Sendable, Equatable {
        /// A folder, absolute.
        case folder(String)
        case git(url: String, ref: String)
        /// This program with that fleet file (absolute).
        case stoker(file: String)
    }
    /// Where a secret's value comes from. Values are read when a plan is made or applied, and never kept.
    package enum SecretSource: Sendable, Equatable {
        /// Of the process or `--env-file`, under the secret's own name.
        case environment
        /// First line of what the command prints.
        case command(String)
    }
    package var space: RepoID
    /// Its name in the fleet file.
    package var target: String
    /// Place in the file, for messages: `spaces.backend.deploy`.
    package var place: String
    /// nil: files are left as they are.
    package var source: Source?
    package var duplicateOf: RepoID?
    package var sdk: String?
    /// Keys of the README's header, in the order of the file; they replace those of the source's README.
    package var readme: [JSONValue.Member] = []
    package var tags: [String]?
    package var visibility: RepoVisibility?
    package var hardware: String?
    package var sleep: Sleep?
    /// Whole: what else is on the Hub is removed.
    package var variables: [String: String] = [:]
    package var secrets: [String: SecretSource] = [:]
    package var volumes: [SpaceVolume] = []
    package var needs: [NeededRepo] = []
    /// `variables.BUILD_ID`, `hardware`, `files.data/*`: neither changed nor drift.
    package var ignore: [String] = []
    /// Targets of the fleet that it depends on.
    package var dependsOn: [String] = []

    package enum Sleep: Sendable, Equatable {
        case never
        case after(seconds: Int)
    }

    package init(space: RepoID, target: String, place: String) {
        self.space = space
        self.target = target
        self.place = place
    }
}
