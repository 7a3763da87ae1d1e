import StokerCore

extension Shape.Field {
    static let ofSpace = Shape.Field("space", .text, "owner/name")
}

extension Shape {
    private static let ofHardware = Shape(
        name: "RuntimeHardware", summary: "What a Space runs on.",
        fields: [
            .init("current", .text, optional: true, "Flavor it runs on; null while nothing runs"),
            .init("requested", .text, optional: true, "Flavor that was asked for"),
        ])
    private static let replicas = Shape(
        name: "RuntimeReplicas", summary: "How many containers a Space has.",
        fields: [
            .init("current", .integer, optional: true, "Running"),
            .init("requested", .any, optional: true, "A number, or a word such as `auto`"),
        ])
    private static let domain = Shape(
        name: "Domain", summary: "A name a Space answers to.",
        fields: [
            .init("domain", .text, "The name"), .init("stage", .text, "`READY`, or what the Hub still waits for"),
            .init("custom", .flag, "A custom domain, not one below hf.space"),
        ])
    private static let volume = Shape(
        name: "Volume", summary: "Something that is mounted in a Space.",
        fields: [
            .init("type", .text, "`bucket`, `model`, `dataset` or `space`"),
            .init("source", .text, "owner/name; hidden when this account may not see it"),
            .init("mount_path", .text, "Where it is mounted"),
            .init("revision", .text, optional: true, "Of a repository"),
            .init("read_only", .flag, optional: true, "Whether it cannot be written to; null leaves it to the Hub"),
            .init("path", .text, optional: true, "Folder inside the source"),
            .init("notation", .text, "In one word, as the command line takes it"),
        ])

    static let spaceRuntime = Shape(
        name: "SpaceRuntime", summary: "What the Hub says a Space is doing.",
        fields: [
            .ofSpace, .init("stage", .text, "`RUNNING`, `SLEEPING`, `BUILDING` and so on"),
            .init("error", .text, optional: true, "What the Hub says went wrong"),
            .init("commit", .text, optional: true, "Commit that the running app was built from"),
            .init("hardware", .shape(ofHardware), "What it runs on"),
            .init("sleep_seconds", .integer, optional: true, "Sleeps after so long without a visit; null for never"),
            .init("replicas", .shape(replicas), "Containers"),
            .init("dev_mode", .flag, optional: true, "Whether dev mode is on"),
            .init("domains", .list(.shape(domain)), "Names it answers to"),
            .init("volumes", .list(.shape(volume)), optional: true, "Mounts; null when the Hub does not say"),
            .init("moderated", .flag, "Flagged by the Hub's moderation"),
            .init("raw", .any, "As the Hub sent it"),
            .init("note", .text, sparse: true, "What is worth knowing about what was done"),
        ])

    private static let infoFields: [Field] = [
        .ofSpace, .init("sdk", .text, optional: true, "`gradio`, `docker` or `static`"),
        .init("visibility", .text, optional: true, "`public`, `private` or `protected`"),
        .init("commit", .text, optional: true, "Head of main"),
        .init("host", .text, optional: true, "Address of the app"),
        .init("created_at", .text, optional: true, "As the Hub says it"),
        .init("last_modified", .text, optional: true, "As the Hub says it"),
        .init("tags", .list(.text), "Tags"), .init("likes", .integer, optional: true, "Likes"),
        .init("disabled", .flag, optional: true, "Disabled by the Hub"),
        .init("region", .text, optional: true, "Where it is kept"),
        .init("used_storage", .integer, optional: true, "Bytes"),
        .init("runtime", .shape(spaceRuntime), optional: true, "What it is doing"),
    ]
    static let spaceInfo = Shape(
        name: "SpaceInfo", summary: "What the Hub knows of a Space.",
        fields: infoFields + [.init("raw", .any, "As the Hub sent it")])
    private static let listed = Shape(name: "ListedSpace", summary: "A Space in a list.", fields: infoFields)
    static let spaceList = Shape(
        name: "SpaceList", summary: "Spaces of the Hub.",
        fields: [
            .init("spaces", .list(.shape(listed)), "The Spaces"),
            .init("more", .flag, "There are more than were asked for"), .nextCursor,
        ])
    private static let match = Shape(
        name: "SpaceMatch", summary: "A Space that does what was looked for.",
        fields: infoFields + [
            .init("title", .text, optional: true, "Title"),
            .init("description", .text, optional: true, "What it does"),
            .init("score", .number, optional: true, "How well it fits"),
        ])
    static let spaceMatches = Shape(
        name: "SpaceMatches", summary: "What a search found.",
        fields: [.init("spaces", .list(.shape(match)), "The best first"), .nextCursor])

    private static let file = Shape(
        name: "SpaceFile", summary: "A file of a Space.",
        fields: [
            .init("path", .text, "Path in the repository"), .init("size", .integer, "Bytes"),
            .init("oid", .text, "Git's hash of it"), .init("lfs", .flag, "Kept in LFS"),
            .init("sha256", .text, optional: true, "Of the content, in LFS"),
        ])
    static let spaceFiles = Shape(
        name: "SpaceFiles", summary: "The files of a Space's repository.",
        fields: [
            .ofSpace, .init("revision", .text, "Branch, tag or commit"),
            .init("files", .list(.shape(file)), "By path"), .nextCursor,
        ])

    private static let visit = Shape(
        name: "AppVisit", summary: "What a visitor of the app gets.",
        fields: [
            .init("address", .text, "Address that was visited"), .init("outcome", .text, "What was seen"),
            .init("cause", .text, optional: true, "Why it is not simply up"), .init("sentence", .text, "For a person"),
            .init("detail", .text, "What exactly was seen"),
            .init("status_code", .integer, optional: true, "Of the answer"),
            .init("latency_ms", .number, optional: true, "Until the answer came"),
        ])
    static let spaceWait = Shape(
        name: "SpaceWait", summary: "Whether a commit is live.",
        fields: [
            .ofSpace, .init("ready", .flag, "It runs, and the app answers"),
            .init("sentence", .text, "Why, or why not"), .init("hint", .text, optional: true, "What to do next"),
            .init("commit", .text, optional: true, "Commit that was waited for"),
            .init("stage", .text, optional: true, "Seen last"),
            .init("running_commit", .text, optional: true, "Commit of the running app"),
            .init("app", .shape(visit), optional: true, "The last visit"),
            .init("seconds", .number, "How long was waited"),
        ])
    static let spaceHealth = Shape(
        name: "SpaceHealth", summary: "A Space from both sides.",
        fields: [
            .ofSpace, .init("healthy", .flag, "The app answers well"),
            .init("runtime", .shape(spaceRuntime), "What the Hub says"),
            .init("app", .shape(visit), optional: true, "What a visitor gets; null when none was made"),
            .init("next", .text, optional: true, "What to do about it"),
        ])

    private static let logLine = Shape(
        name: "LogLine", summary: "A line of a log.",
        fields: [.init("at", .text, optional: true, "When"), .init("text", .text, "Without colours")])
    static let spaceLog = Shape(
        name: "SpaceLog", summary: "The log of a Space's app or of its build.",
        fields: [
            .ofSpace, .init("log", .choice(["build", "run"]), "Which"),
            .init("lines", .list(.shape(logLine)), "In order; empty when it was followed: the lines came as progress"),
        ])

    private static let ownDomain = Shape(
        name: "OwnDomain", summary: "A name a Space answers to, and what it still needs.",
        fields: domain.fields + [
            .init("dns_record", .text, optional: true, "The record that the owner's name needs"),
            .init("explanation", .text, "What the stage means"),
        ])
    static let spaceDomains = Shape(
        name: "SpaceDomains", summary: "The names a Space answers to.",
        fields: [
            .ofSpace, .init("settings", .text, "Page on which names are added"),
            .init("domains", .list(.shape(ownDomain)), "Names"), .nextCursor,
        ])
    static let spaceAddress = Shape(
        name: "SpaceAddress", summary: "Where a Space is found.",
        fields: [.ofSpace, .init("address", .text, "Its page on the Hub, or its app")])

    static let spaceVolumes = Shape(
        name: "SpaceVolumes", summary: "What is mounted in a Space.",
        fields: [
            .ofSpace, .init("volumes", .list(.shape(volume)), "Mounts"), .nextCursorOfList,
            .init("changed", .flag, optional: true, "Whether something was changed; null when it was only asked for"),
        ])

    private static let accelerator = Shape(
        name: "Accelerator", summary: "What computes beside the processors.",
        fields: [
            .init("type", .text, "Such as `gpu`"), .init("model", .text, "Name"), .init("quantity", .text, "How many"),
            .init("memory", .text, "Of each"),
        ])
    private static let flavor = Shape(
        name: "Hardware", summary: "Something a Space can run on.",
        fields: [
            .init("flavor", .text, "The Hub's word for it"), .init("name", .text, "For people"),
            .init("cpu", .text, "Processors"), .init("memory", .text, "Memory"),
            .init("disk", .text, optional: true, "Disk"),
            .init("accelerator", .shape(accelerator), optional: true, "If any"),
            .init("dollars_per_hour", .number, optional: true, "While it runs; 0 is free"),
        ])
    static let hardware = Shape(
        name: "HardwareCatalogue", summary: "What there is to run on, and what it costs.",
        fields: [
            .init("space", .text, sparse: true, "owner/name, when one was asked for"),
            .init("current", .text, optional: true, sparse: true, "What it runs on"),
            .init("requested", .text, optional: true, sparse: true, "What it is to run on"),
            .init("hardware", .list(.shape(flavor)), "The Hub's catalogue"), .nextCursor,
        ])

    private static let secret = Shape(
        name: "SpaceSecret", summary: "A secret's name; the Hub never gives its value.",
        fields: [
            .init("key", .text, "Name"), .init("description", .text, optional: true, "Kept with it"),
            .init("updated_at", .text, optional: true, "When it was written last"),
            .init("drifted", .flag, optional: true, "Written by somebody else since; null when that is not known"),
        ])
    static let spaceSecrets = Shape(
        name: "SpaceSecrets", summary: "Names of a Space's secrets.",
        fields: [.ofSpace, .init("secrets", .list(.shape(secret)), "Names and times"), .nextCursor])
    private static let variable = Shape(
        name: "SpaceVariable", summary: "A variable.",
        fields: [
            .init("key", .text, "Name"), .init("value", .text, "Everybody who sees the Space sees it"),
            .init("description", .text, optional: true, "Kept with it"),
            .init("updated_at", .text, optional: true, "When it was written last"),
        ])
    static let spaceVariables = Shape(
        name: "SpaceVariables", summary: "A Space's variables.",
        fields: [.ofSpace, .init("variables", .list(.shape(variable)), "Names and values"), .nextCursor])
    static let environmentChange = Shape(
        name: "EnvironmentChange", summary: "What was changed of a Space's environment. Values are never told.",
        fields: [
            .ofSpace, .init("set", .list(.text), "Names that were written"),
            .init("deleted", .list(.text), "Names that were deleted"),
            .init("unchanged", .list(.text), "Names that were as wished already"),
            .init(
                "way", .choice(["nothing", "direct", "paused-meanwhile", "stays-paused", "finishes-restart"]),
                "How it is done, so that the Space restarts once at most"),
            .init("dry_run", .flag, "Nothing was done"), .init("sentence", .text, "The same for a person"),
            .init("stage", .text, optional: true, "Of the Space afterwards"),
        ])

    private static let ref = Shape(
        name: "Ref", summary: "A branch or a tag.",
        fields: [
            .init("name", .text, "Name"), .init("ref", .text, "In full"), .init("commit", .text, "What it points to"),
        ])
    static let spaceRefs = Shape(
        name: "SpaceRefs", summary: "Branches or tags.",
        fields: [.ofSpace, .init("refs", .list(.shape(ref)), "By name"), .nextCursor])
    static func refCreated(_ word: String) -> Shape {
        Shape(
            name: "\(word.prefix(1).uppercased())\(word.dropFirst())Created",
            summary: "A \(word) was made, or is there.",
            fields: [
                .ofSpace, .init(word, .text, "Its name"), .init("created", .flag, "By this call"),
            ])
    }
    static func refDeleted(_ word: String) -> Shape {
        Shape(
            name: "\(word.prefix(1).uppercased())\(word.dropFirst())Deleted",
            summary: "A \(word) was deleted, or was not there.",
            fields: [
                .ofSpace, .init(word, .text, "Its name"), .init("deleted", .flag, "By this call"),
            ])
    }

    private static let difference = Shape(
        name: "Difference", summary: "What is there is not what was asked for.",
        fields: [
            .init("what", .text, "Which"), .init("wanted", .text, "Asked for"), .init("found", .text, "There"),
        ])
    static let spaceMade = Shape(
        name: "SpaceMade", summary: "A Space was made, or is there.",
        fields: [
            .ofSpace, .init("url", .text, "Its page"), .init("created", .flag, "By this call"),
            .init("files_pending", .flag, "Large files are still being copied"),
            .init("note", .text, optional: true, "What is worth knowing"),
            .init("differences", .list(.shape(difference)), "What was left as it is"),
            .init("secrets_left", .list(.text), sparse: true, "Secrets that a copy does not get along"),
        ])
    static let spaceMoved = Shape(
        name: "SpaceMoved", summary: "A Space has another name.",
        fields: [
            .init("from", .text, "The old name"), .ofSpace,
            .init("address", .text, optional: true, "New address of its app; null when it could not be asked for"),
        ])
    static let spaceDeleted = Shape(
        name: "SpaceDeleted", summary: "A Space was deleted, or was not there.",
        fields: [.ofSpace, .init("deleted", .flag, "By this call")])
    static let spaceSettings = Shape(
        name: "SpaceSettings", summary: "What was set.",
        fields: [
            .ofSpace, .init("visibility", .text, sparse: true, "Who sees it now"),
            .init("changed", .flag, sparse: true, "Whether that was changed"),
            .init("sleep_seconds", .integer, optional: true, sparse: true, "Null for never"),
            .init("note", .text, optional: true, sparse: true, "What the Hub keeps in place of the wish"),
            .init("runtime", .shape(spaceRuntime), sparse: true, "After the sleep time was set"),
        ])

    private static let skipped = Shape(
        name: "SkippedFile", summary: "A file that was left out.",
        fields: [
            .init("path", .text, "Which"), .init("rule", .text, "By which rule"), .init("reason", .text, "In words"),
        ])
    private static let remark = Shape(
        name: "UploadWarning", summary: "What was told before anything was sent.",
        fields: [
            .init("kind", .text, "Stable word"), .init("text", .text, "In words"),
            .init("risk", .flag, "`strict` refuses it"), .init("paths", .list(.text), "Files; 1,000 at most"),
        ])
    static let spaceUpload = Shape(
        name: "SpaceUpload", summary: "What a commit did.",
        fields: [
            .ofSpace, .init("commit", .text, "Head afterwards"), .init("url", .text, optional: true, "Its page"),
            .init("pull_request", .text, optional: true, "Page of the pull request"),
            .init("commits", .list(.text), "Commits that were made; none when nothing changed"),
            .init("written", .integer, "Files"), .init("deleted", .integer, "Files"),
            .init("unchanged", .integer, "Files"), .init("ignored", .integer, "Files"),
            .init("sent_bytes", .integer, "Bytes that were sent"),
            .init("deleted_paths", .list(.text), "Which were deleted"),
            .init("skipped", .list(.shape(skipped)), "Files that were left out; 1,000 at most"),
            .init("left_out", .integer, "How many were left out"),
            .init("warnings", .list(.shape(remark)), "What was told before anything was sent"),
            .init("notes", .list(.text), "What is worth knowing"),
            .init("wait", .shape(spaceWait), sparse: true, "When it was waited for"),
        ])
    static let spacePush = Shape(
        name: "SpacePush", summary: "What git pushed.",
        fields: [
            .ofSpace, .init("commit", .text, "Commit that was pushed"), .init("branch", .text, "The Space's branch"),
            .init("uncommitted", .list(.text), "Changed or new in the working copy and not sent; 100 at most"),
            .init("uncommitted_count", .integer, "How many"),
            .init("wait", .shape(spaceWait), sparse: true, "When it was waited for"),
        ])
    static let filesDeleted = Shape(
        name: "FilesDeleted", summary: "Files were deleted in one commit.",
        fields: [
            .ofSpace, .init("commit", .text, "Commit"), .init("url", .text, optional: true, "Its page"),
            .init("pull_request", .text, optional: true, "Page of the pull request"),
            .init("deleted", .list(.text), "Files"),
        ])
    private static let content = Shape(
        name: "FileContent", summary: "A file.",
        fields: [.init("path", .text, "Path in the repository"), .init("content", .text, "Base64")])
    static let spaceDownload = Shape(
        name: "SpaceDownload", summary: "Files of one commit.",
        fields: [
            .ofSpace, .init("commit", .text, "Commit"),
            .init("folder", .text, sparse: true, "Where the command put them"), .init("files", .list(.text), "Which"),
            .init("unchanged", .integer, sparse: true, "Were there already"),
            .init("replaced", .list(.text), sparse: true, "Had another content"),
            .init("received_bytes", .integer, "Bytes that came"),
            .init("contents", .list(.shape(content)), sparse: true, "The files, from a server"),
        ])
}
