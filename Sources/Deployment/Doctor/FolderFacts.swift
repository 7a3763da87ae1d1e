package import Diagnosis

/// What is known of a folder that is to become a Space. Read by who knows what an upload takes.
package struct FolderFacts: Sendable {
    package struct File: Sendable {
        /// Relative, with slashes.
        package var path: String
        /// Bytes.
        package var size: Int64
        package var isExecutable: Bool
        /// Stands for a file of LFS that is not here.
        package var isPointer: Bool
        /// Its content, of texts that are looked into.
        package var text: String?

        package init(
            path: String, size: Int64 = 0, isExecutable: Bool = false, isPointer: Bool = false, text: String? = nil
        ) {
            self.path = path
            self.size = size
            self.isExecutable = isExecutable
            self.isPointer = isPointer
            self.text = text
        }

        var name: String { path.split(separator: "/").last.map(String.init) ?? path }
    }

    /// Something in a file that must not be published.
    package struct Secret: Sendable {
        package var path: String
        package var line: Int?
        /// From 1, of the line.
        package var column: Int?
        /// Without the secret: "an environment file".
        package var reason: String

        package init(path: String, line: Int? = nil, column: Int? = nil, reason: String) {
            self.path = path
            self.line = line
            self.column = column
            self.reason = reason
        }
    }

    package var files: [File]
    package var secrets: [Secret]
    /// Files that an upload leaves out, and why; a COPY of one of them fails.
    package var ignored: [String]
    /// What is wrong with the beginning of README.md; nil when it is well or there is none.
    package var headerProblem: String?
    /// What the Space will run on, as a fleet file says.
    package var hardware: String?
    /// Names that a fleet file uses for a variable and for a secret.
    package var collisions: [Secret] = []
    /// The address that the fleet file has asked, such as `/health`.
    package var healthPath: String?

    package init(files: [File], secrets: [Secret] = [], ignored: [String] = [], headerProblem: String? = nil) {
        self.files = files
        self.secrets = secrets
        self.ignored = ignored
        self.headerProblem = headerProblem
    }

    func file(_ path: String) -> File? { files.first { $0.path == path } }
}

/// A fault of a folder, before it is shipped.
package struct FolderFinding: Sendable, Equatable {
    /// The rule of what would happen where there is one, such as `B07`; else one of folders alone (`DF`, `RQ`, `HE`, `HV`).
    package var rule: String
    package var severity: FailureSignature.Severity
    package var file: String
    /// From 1; nil for the whole file.
    package var line: Int?
    /// From 1, in Unicode scalars; nil for the whole line.
    package var column: Int?
    /// What is so, a sentence.
    package var text: String
    /// What to do about it, a sentence.
    package var fix: String
    /// Changes that may remove it, the best first. Whether one does is for ``FolderRepair/plan(_:)`` to see.
    var repairs: [FolderRepair.Change] = []
}
