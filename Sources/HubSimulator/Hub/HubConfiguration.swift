package import FoundationEssentials

/// What a simulated Hub begins with. Everything has a default that suits a test.
package struct HubConfiguration: Sendable {
    package var accounts: [HubAccount]
    package var organisations: [HubOrganisation]
    package var tokens: [HubToken]
    /// Of the S3 gateway.
    package var s3Keys = [HubS3Key(id: "HFAKMAREN", secret: "maren-s3-secret", account: "maren")]
    package var time: SimulatedTime
    /// The wall clock when `time` is zero.
    package var epoch: Date
    /// The same seed gives the same request ids and repository ids.
    package var seed: UInt64
    /// Where repositories, LFS objects and buckets are kept; nil takes a folder of its own that ``SimulatedHub/shutdown()``
    /// removes.
    package var folder: String?
    /// The port of the Hub; 0 takes a free one.
    package var port = 0
    /// Connections open at once to the Hub, and as many to its storage; idle ones give way, and a few more are taken for `/-/admin`.
    package var connections = 512
    /// The same of the edge in front of the apps.
    package var edgeConnections = 20_000
    package var limits = Limits()
    package var faults: (any HubFaults)?
    /// How long each answer is on its way, the storage host's too, in simulated time.
    package var distance: Duration = .zero
    /// nil: a squash is one step. Otherwise it reads the branch, and sets it so much later without another look, which takes away what was committed
    /// meanwhile. No source says which of the two the Hub does.
    package var squashPause: Duration?
    package var areas: [any HubArea.Type] = HubAreas.all

    package struct Limits: Sendable {
        /// Bytes above which a file must be LFS. Source: hub-docs `repositories-getting-started`.
        package var regularFile = 10_000_000
        /// Bytes above which LFS uploads come in parts, when the client offers `multipart`.
        package var singlePart = 100_000_000
        /// Bytes of one part.
        package var part = 50_000_000
        /// Bytes of the largest LFS object. Source: hub-docs `storage-limits`: 500 GB.
        package var largestObject = 500_000_000_000
        /// Commits per hour and repository (seen in March 2026, undocumented); nil: no limit.
        package var commitsPerHour: Int? = 128
        /// Commits per hour and account, over all its repositories; nil: no limit. People have seen about 60, nothing is documented.
        package var commitsPerHourInAll: Int?
        /// Repositories created per day and account (no source gives the number); nil: no limit.
        package var creationsPerDay: Int?
        /// `whoami-v2` calls in five minutes; its limit is stricter than the rest (huggingface_hub says so), the number is ours.
        package var whoamiPerWindow = 100
        /// Overrides the plan's documented windows.
        package var quotas: [RateKind: Int] = [:]
        /// Repositories on one page of a list at most, whatever `limit` asks for. No source gives the number: huggingface.js asks for
        /// 500 and gets them.
        package var listPage = 1_000
        /// Entries of a tree page, without and with `expand`. Source: huggingface_hub `list_repo_tree`.
        package var treePage = 1_000
        package var expandedTreePage = 100
        package init() {}
    }

    package init(
        accounts: [HubAccount] = HubConfiguration.cast.accounts,
        organisations: [HubOrganisation] = HubConfiguration.cast.organisations,
        tokens: [HubToken] = HubConfiguration.cast.tokens,
        time: SimulatedTime = SimulatedTime(), epoch: Date = Date(), seed: UInt64 = 1, folder: String? = nil
    ) {
        self.accounts = accounts
        self.organisations = organisations
        self.tokens = tokens
        self.time = time
        self.epoch = epoch
        self.seed = seed
        self.folder = folder
    }

    /// A PRO user, a free user and an organisation both belong to.
    package static let cast = (
        accounts: [
            HubAccount("maren", fullName: "Maren Holt", plan: .pro, canPay: true),
            HubAccount("tobi", fullName: "Tobi Lind", plan: .free),
        ],
        organisations: [
            HubOrganisation(
                "kestrel-labs", fullName: "Kestrel Labs", plan: .team, canPay: true,
                members: ["maren": .admin, "tobi": .read], resourceGroups: ["production"])
        ],
        tokens: [
            HubToken("hf_maren", account: "maren", role: .write, displayName: "fleet-prod"),
            HubToken("hf_maren_read", account: "maren", role: .read, displayName: "fleet-read"),
            HubToken("hf_tobi", account: "tobi", role: .write, displayName: "laptop"),
        ]
    )
}
