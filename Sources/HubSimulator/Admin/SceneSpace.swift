import FoundationEssentials

/// A Space as a scene asks for it: its files, and what happens to it.
package struct SceneSpace: Sendable {
    /// `namespace/name`; the namespace exists.
    package var id: String
    package var sdk: String
    package var visibility: RepoVisibility
    /// Path to text. Empty makes a README and the file its sdk needs.
    package var files: [String: String]
    package var wishes: SpaceWishes
    /// Where it is put after its creation; nil lets it build.
    package var stage: SpaceStage?
    package var errorMessage: String?
    /// How long it has been there, simulated: an app's script counts from its start.
    package var age = Duration.zero
    /// The container was made from an older commit: the last push did not take.
    package var servesOld = false

    package init(
        _ id: String, sdk: String = "docker", visibility: RepoVisibility = .public, files: [String: String] = [:],
        wishes: SpaceWishes = SpaceWishes(), stage: SpaceStage? = .running, errorMessage: String? = nil
    ) {
        self.id = id
        self.sdk = sdk
        self.visibility = visibility
        self.files =
            files.isEmpty ? Self.files(sdk: sdk, title: id.split(separator: "/").last.map(String.init) ?? id) : files
        self.wishes = wishes
        self.stage = stage
        self.errorMessage = errorMessage
    }

    /// The least a Space of an sdk consists of.
    package static func files(sdk: String, title: String) -> [String: String] {
        let readme =
            "---\ntitle: \(title)\nemoji: 🛰️\ncolorFrom: indigo\ncolorTo: gray\nsdk: \(sdk)\n---\n\n# \(title)\n"
        let app =
            switch sdk {
            case "docker": ["Dockerfile": "FROM scratch\n"]
            case "static": ["index.html": "<!doctype html><title>\(title)</title>\n"]
            default: ["app.py": "import gradio\n", "requirements.txt": "gradio\n"]
            }
        return app.merging(["README.md": readme]) { a, _ in a }
    }

    /// `{"id", "sdk"?, "visibility"?, "files"?: {path: text}, "stage"?, "errorMessage"?, "hardware"?}`
    /// - Throws: 400 naming what is wrong.
    init(scene: JSON) throws {
        guard let id = scene["id"]?.string, id.split(separator: "/").count == 2 else {
            throw HubError.bad("\"id\" must be namespace/name")
        }
        guard let visibility = RepoVisibility(rawValue: scene["visibility"]?.string ?? "public") else {
            throw HubError.bad("\"visibility\" must be public, private or protected")
        }
        var stage: SpaceStage? = .running
        if let word = scene["stage"]?.string {
            guard let known = SpaceStage(rawValue: word) else { throw HubError.bad("\"stage\" is not known") }
            stage = known == .building ? nil : known
        }
        var wishes = SpaceWishes()
        wishes.hardware = scene["hardware"]?.string
        self.init(
            id, sdk: scene["sdk"]?.string ?? "docker", visibility: visibility,
            files: (scene["files"]?.object ?? [:]).compactMapValues(\.string), wishes: wishes, stage: stage,
            errorMessage: scene["errorMessage"]?.string)
    }
}
