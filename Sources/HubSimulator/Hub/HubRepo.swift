package import FoundationEssentials

package enum RepoKind: String, Sendable, CaseIterable, Hashable {
    /// Kernels: huggingface_hub `REPO_TYPES_WITH_KERNEL`.
    case model, dataset, space, kernel

    /// In API paths: `/api/spaces/…`.
    package var plural: String { rawValue + "s" }
    /// In web, resolve and git paths: models have none.
    package var webPrefix: String { self == .model ? "" : plural + "/" }

    package init?(plural: String) {
        guard let kind = Self.allCases.first(where: { $0.plural == plural }) else { return nil }
        self = kind
    }
}

package enum RepoVisibility: String, Sendable {
    case `public`, `private`, protected
}

/// A secret or variable as it was sent.
package struct SpaceSetting: Sendable, Equatable {
    package var key: String
    package var value: String
    package var description: String?
    package init(key: String, value: String, description: String? = nil) {
        self.key = key
        self.value = value
        self.description = description
    }
}

/// What a creation or duplication says about a Space besides its files: handed on to whoever plays the Spaces.
package struct SpaceWishes: Sendable {
    package var sdk: String?
    package var hardware: String?
    /// Seconds; −1 never.
    package var sleepTimeSeconds: Int?
    package var secrets: [SpaceSetting] = []
    package var variables: [SpaceSetting] = []
    /// As they were sent.
    package var volumes: [JSON] = []
    package var devModeEnabled = false
    package init() {}
}

/// A repository as the Hub knows it; its content is in git.
package struct HubRepo: Sendable, Identifiable {
    /// 24 hex digits; stays when the repository is renamed.
    package var id: String
    /// Another one after every change of what is written here; kept by ``HubState``.
    var version = 0
    package var kind: RepoKind
    package var namespace: String
    package var name: String
    package var ownerID: String
    package var visibility: RepoVisibility
    package var createdAt: Date
    package var lastModified: Date
    package var createdBy: String
    package var likes = 0
    package var disabled = false
    /// `false`, `"auto"` or `"manual"`.
    package var gated: JSON = false
    package var isGated: Bool { gated != false }
    /// The oldest first.
    package var accessRequests: [AccessRequest] = []
    package var discussionsDisabled = false
    package var discussionsSorting = "recently-created"
    package var orgMembersGated = false
    package var gatedNotificationsEmail: String?
    package var gatedNotificationsMode: String?
    package var resourceGroup: String?
    package var region: String?
    /// The sdk asked for at creation; the README's, once there is one, counts.
    package var sdkAtCreation: String?
    var hardwareAtCreation: String?
    /// Pull requests and discussions share their numbers.
    package var pullRequests: [PullRequest] = []

    package struct PullRequest: Sendable {
        package var number: Int
        package var title: String
        package var isPullRequest = true
        /// `draft`, `open`, `closed`, `merged`.
        package var status: String
        package var author: String
        /// The branch it is to be merged into, `refs/heads/main`.
        package var target: String
        package var createdAt: Date
        package var mergeCommit: String?
        /// As the details route shows them.
        package var events: [JSON] = []
    }

    /// `namespace/name`.
    package var fullName: String { namespace + "/" + name }
    package var isPrivate: Bool { visibility != .public }
    /// For Spaces: `namespace-name` in lower case with `/`, `.` and `_` as dashes. Source: recordings of huggingface_hub
    /// (`user/tmp_test_space` → `user-tmp-test-space`).
    package var subdomain: String { SpaceBlueprint(fullName).subdomain }
}
