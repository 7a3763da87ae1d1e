/// The head of `main` as far as a Space is made from it.
package struct SpaceSource: Sendable, Equatable {
    /// 40 hex digits.
    package var head: String
    /// Every file.
    package var paths: Set<String>
    /// Text of `README.md`.
    package var readme: String?

    package init(head: String, paths: Set<String>, readme: String? = nil) {
        self.head = head
        self.paths = paths
        self.readme = readme
    }
}

/// What the platform reads out of a repository before it builds.
///
/// Keys and defaults: hub-docs `spaces-config-reference.md`. `NO_APP_FILE` and `CONFIG_ERROR`: huggingface_hub `SpaceStage`; texts of
/// `CONFIG_ERROR` from runtime answers quoted in the forum ("Missing configuration in README").
struct SpacePlan: Sendable, Equatable {
    var sdk: String?
    /// A stage that ends it before a build.
    var obstacle: SpaceStage?
    var errorMessage: String?
    /// `startup_duration_timeout`; nil is 30 min.
    var startLimit: Duration?
    var title: String?

    static let sdks = ["gradio", "docker", "static", "streamlit"]

    init(_ source: SpaceSource, sdkAtCreation: String?) {
        sdk = sdkAtCreation
        var appFile: String?
        // A line end of Windows is one Character to Swift.
        if let readme = source.readme?.replacing("\r\n", with: "\n") {
            guard FrontMatter.block(readme) != nil else {
                stop(.configError, "Missing configuration in README")
                return
            }
            guard let keys = FrontMatter.parse(readme) else {
                stop(.configError, "Invalid configuration in README: not valid YAML")
                return
            }
            title = keys["title"]?.string
            appFile = keys["app_file"]?.string
            if let name = keys["sdk"]?.string { sdk = name }
            startLimit = keys["startup_duration_timeout"]?.string.flatMap(Self.duration)
            if let port = keys["app_port"], port.int == nil {
                stop(.configError, "\"app_port\" must be a number")
                return
            }
        }
        guard let sdk else {
            stop(.configError, "Missing configuration in README")
            return
        }
        guard Self.sdks.contains(sdk) else {
            stop(.configError, "\"sdk\" must be one of [gradio, docker, static]")
            return
        }
        let needed =
            switch sdk {
            case "docker": "Dockerfile"
            case "static": appFile ?? "index.html"
            default: appFile ?? "app.py"
            }
        if !source.paths.contains(needed) { stop(.noAppFile, nil) }
    }

    private mutating func stop(_ stage: SpaceStage, _ message: String?) {
        obstacle = stage
        errorMessage = message
    }

    /// `30m`, `1h`, `90s`; a hundred years at most.
    static func duration(_ text: String) -> Duration? {
        guard let unit = text.last, let number = Int(text.dropLast()), number > 0,
            let length = ["s": 1, "m": 60, "h": 3_600, "d": 86_400][unit]
        else { return nil }
        let (seconds, overflow) = number.multipliedReportingOverflow(by: length)
        return .seconds(overflow ? Bounds.longestSeconds : min(seconds, Bounds.longestSeconds))
    }
}
