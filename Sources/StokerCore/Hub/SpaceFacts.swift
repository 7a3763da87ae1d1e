/// What the Hub says of one Space: a row of its listing, with the runtime. Everything but the id is optional, because static
/// Spaces have hardly any of it and answers change.
///
/// Source: `GET /api/spaces?author=…&expand=runtime…`; field names as in huggingface_hub's `SpaceInfo` and `SpaceRuntime`.
package struct SpaceFacts: Sendable, Equatable {
    /// `owner/name` as the Hub spells it.
    package var id: String
    package var stage: SpaceStage?
    /// Commit the running app was built from.
    package var runningSHA: String?
    /// Head of the repository.
    package var repoSHA: String?
    /// In error stages, and for moderated Spaces; may have several lines.
    package var errorMessage: String?
    /// `https://owner-name.hf.space`, the Space's own address.
    package var host: String?
    /// First label of the host.
    package var subdomain: String?
    package var visibility: Visibility
    /// What it runs on, such as `cpu-basic`.
    package var hardware: String?
    /// Seconds without a request after which it is put to sleep; nil is never.
    package var sleepAfterSeconds: Int?
    /// Somebody works inside the container: what runs need not match any commit.
    package var devMode: Bool
    /// Why the platform's moderation stopped it.
    package var abuse: String?
    /// `gradio`, `docker` or `static`.
    package var sdk: String?
    package var tags: [String]

    package enum Visibility: String, Sendable, Equatable, CaseIterable {
        case `public`
        /// The app is open, the source is not.
        case protected
        /// 404 for who shows no token.
        case `private`
    }

    package init(
        id: String, stage: SpaceStage? = nil, runningSHA: String? = nil, repoSHA: String? = nil,
        errorMessage: String? = nil, host: String? = nil, subdomain: String? = nil, visibility: Visibility = .public,
        hardware: String? = nil, sleepAfterSeconds: Int? = nil, devMode: Bool = false, abuse: String? = nil,
        sdk: String? = nil, tags: [String] = []
    ) {
        self.id = id
        self.stage = stage
        self.runningSHA = runningSHA
        self.repoSHA = repoSHA
        self.errorMessage = errorMessage
        self.host = host
        self.subdomain = subdomain
        self.visibility = visibility
        self.hardware = hardware
        self.sleepAfterSeconds = sleepAfterSeconds
        self.devMode = devMode
        self.abuse = abuse
        self.sdk = sdk
        self.tags = tags
    }

    /// Files behind a web server of the platform: nothing builds, sleeps or can be restarted there.
    package var isStatic: Bool { sdk == "static" }

    /// Why a paused Space is paused, as far as the Hub tells.
    package enum PauseReason: Sendable, Equatable { case owner, moderation, spendLimit }

    /// nil when it is not paused. Source: spaces-behaviour 0.6: `PAUSED` is said of all three; moderation shows as `abuse` or
    /// "Flagged as abusive". A spending limit has neither field nor documented text. What the Hub does tell goes first: only paid hardware
    /// is ever paused for it, and an owner's pause has no message. Then a message that speaks of money counts.
    package var pauseReason: PauseReason? {
        let message = errorMessage?.lowercased() ?? ""
        if abuse != nil || message.contains("flagged") && message.contains("abus") { return .moderation }
        guard stage == .paused else { return nil }
        guard !message.isEmpty, hardware != "cpu-basic" else { return .owner }
        let money = ["spend", "billing", "payment", "credit"]
        return money.contains(where: message.contains) ? .spendLimit : .owner
    }

    /// Whether another commit runs than the repository holds; nil when the Hub does not say.
    package var servesOldBuild: Bool? {
        guard !devMode, let runningSHA, let repoSHA else { return nil }
        return runningSHA != repoSHA
    }
}

/// What the Hub says of a check's Space beside what a visitor saw, for pages and the API.
package struct SpaceHubStatus: Sendable, Equatable {
    package var stage: SpaceStage?
    /// Since when the Hub says so, as far as we have watched.
    package var stageSince: Instant
    /// When the Hub was read last.
    package var readAt: Instant
    /// Whether that is recent enough to count.
    package var isFresh: Bool
    package var errorMessage: String?
    /// The commit that runs and the one it should be; nil when they agree or are not known.
    package var oldBuild: (running: String, head: String)?
    /// The commit that the running app was built from.
    package var runningCommit: String?
    package var hardware: String?
    /// What both sources together mean, when they disagree.
    package var disagreement: String?
    /// What healing did last, or suggests.
    package var healing: String?

    package init(
        stage: SpaceStage?, stageSince: Instant, readAt: Instant, isFresh: Bool, errorMessage: String? = nil,
        oldBuild: (running: String, head: String)? = nil, runningCommit: String? = nil, hardware: String? = nil,
        disagreement: String? = nil, healing: String? = nil
    ) {
        self.runningCommit = runningCommit
        self.stage = stage
        self.stageSince = stageSince
        self.readAt = readAt
        self.isFresh = isFresh
        self.errorMessage = errorMessage
        self.oldBuild = oldBuild
        self.hardware = hardware
        self.disagreement = disagreement
        self.healing = healing
    }

    package static func == (a: SpaceHubStatus, b: SpaceHubStatus) -> Bool {
        a.stage == b.stage && a.stageSince == b.stageSince && a.readAt == b.readAt && a.isFresh == b.isFresh
            && a.errorMessage == b.errorMessage && a.oldBuild?.running == b.oldBuild?.running
            && a.oldBuild?.head == b.oldBuild?.head && a.runningCommit == b.runningCommit && a.hardware == b.hardware
            && a.disagreement == b.disagreement && a.healing == b.healing
    }
}
