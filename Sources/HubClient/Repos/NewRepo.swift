package import StokerCore

/// A repo to be made: what `POST /api/repos/create` takes. Nil leaves the choice to the Hub.
///
/// What only Spaces have (`hardware`, `sleepSeconds`, `secrets`, `variables`, `volumes`, `sdk`, `template`, `devMode`, `shortDescription`) is not sent for other
/// kinds. A copy (``Hub/duplicate(_:as:)``) takes `visibility`, `resourceGroup`, `hardware`, `sleepSeconds`, `secrets`, `variables` and `volumes`; the rest comes from the original.
package struct NewRepo: Sendable {
    /// A secret or variable that the Space has from the start.
    package struct Value: Sendable, Equatable {
        /// Letters, digits and underscores; begins with a letter.
        package var key: String
        package var value: Secret
        package var description: String?
        package init(key: String, value: Secret, description: String? = nil) {
            self.key = key
            self.value = value
            self.description = description
        }
    }
    /// Part of the first commit: a Space can be born with its Dockerfile.
    package struct File: Sendable, Equatable {
        package var path: String
        /// Text, or base64 with padding (RFC 4648, section 4).
        package var content: String
        /// `utf-8` or `base64`.
        package var encoding: String
        package init(path: String, content: String, encoding: String = "utf-8") {
            self.path = path
            self.content = content
            self.encoding = encoding
        }
    }

    package var id: RepoID
    package var visibility: RepoVisibility?
    /// Of Spaces: `gradio`, `docker`, `static`. Needed for them.
    package var sdk: String?
    /// Repo id of a template, with the same sdk.
    package var template: String?
    /// A name of the Hub's list (`cpu-basic`, `t4-small`); the Hub takes `cpu-basic` unless given.
    package var hardware: String?
    /// Seconds; −1 for never. Without effect on free hardware.
    package var sleepSeconds: Int?
    package var secrets: [Value] = []
    package var variables: [Value] = []
    package var volumes: [SpaceVolume] = []
    package var devMode: Bool?
    /// At most 60 characters.
    package var shortDescription: String?
    /// As in a README's header: `apache-2.0`.
    package var license: String?
    package var files: [File] = []
    /// 24 hex digits; organisations of paid plans.
    package var resourceGroup: String?
    /// `us` or `eu`; paid plans.
    package var region: String?

    package init(_ id: RepoID, sdk: String? = nil, visibility: RepoVisibility? = nil) {
        self.id = id
        self.sdk = sdk
        self.visibility = visibility
    }

    /// As the wire wants it.
    struct Wire: Encodable, Sendable {
        struct Pair: Encodable, Sendable {
            var key: String
            var value: String
            var description: String?
            init(_ value: Value) {
                key = value.key
                self.value = value.value.reveal()
                description = value.description
            }
        }
        struct Content: Encodable, Sendable {
            var path: String
            var content: String
            var encoding: String
        }
        var name: String?
        var organization: String?
        var repository: String?
        var type: String?
        var sdk: String?
        var template: String?
        var visibility: String?
        var hardware: String?
        var sleepTimeSeconds: Int?
        var secrets: [Pair]?
        var variables: [Pair]?
        var volumes: [SpaceVolume]?
        var devModeEnabled: Bool?
        var short_description: String?
        var license: String?
        var files: [Content]?
        var resourceGroupId: String?
        var region: String?
    }

    private func common() -> Wire {
        var wire = Wire()
        wire.visibility = visibility?.rawValue
        wire.resourceGroupId = resourceGroup
        if id.kind == .space {
            wire.hardware = hardware
            wire.sleepTimeSeconds = sleepSeconds
            wire.secrets = secrets.isEmpty ? nil : secrets.map(Wire.Pair.init)
            wire.variables = variables.isEmpty ? nil : variables.map(Wire.Pair.init)
            wire.volumes = volumes.isEmpty ? nil : volumes
        }
        return wire
    }

    var creation: Wire {
        var wire = common()
        wire.name = id.name
        // The token's own user is accepted here too.
        wire.organization = id.namespace
        wire.type = id.kind.rawValue
        wire.license = license
        wire.files =
            files.isEmpty ? nil : files.map { .init(path: $0.path, content: $0.content, encoding: $0.encoding) }
        wire.region = region
        if id.kind == .space {
            wire.sdk = sdk
            wire.template = template
            wire.devModeEnabled = devMode
            wire.short_description = shortDescription
        }
        return wire
    }

    /// Of `POST …/duplicate`, which takes fewer fields.
    var copy: Wire {
        var wire = common()
        wire.repository = id.description
        return wire
    }
}

/// What ``Hub/ensure(_:)`` and ``Hub/duplicate(_:as:)`` left behind.
package struct EnsuredRepo: Sendable {
    /// `https://huggingface.co/spaces/…`
    package var url: String
    /// By this call, as far as can be told.
    package var wasCreated: Bool
    /// What is there is not what was asked for, and was left alone: the creation of a repo that exists changes nothing.
    package var differences: [Difference]
    /// Large files of a copy arrive later.
    package var filesPending = false
    /// The Hub's answer was lost. Whether we made it was told by when it was made and by what it is: somebody else who made the same
    /// in the same moment looks alike.
    package var wasSettledByLooking = false

    /// Where what exists is not what was asked for.
    package struct Difference: Sendable, Equatable {
        /// `sdk` or `visibility`.
        package var what: String
        package var wanted: String
        package var found: String
    }
}
