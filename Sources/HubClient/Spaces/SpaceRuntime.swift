package import StokerCore

/// What a Space is doing, as the Hub says it. Everything but the stage may be missing: static Spaces have neither sleep time, dev mode nor
/// domains, and an error answer may have little more than its stage.
///
/// Source: `huggingface_hub` 2.4 `SpaceRuntime`, its recordings of `/runtime`, and the Hub's OpenAPI document.
package struct SpaceRuntime: Sendable, Equatable {
    /// What it does now.
    package var stage: SpaceStage
    /// Flavor it runs on now, such as `cpu-basic`; nil while nothing runs, and for static Spaces.
    package var hardware: String?
    /// Flavor that was asked for; differs from ``hardware`` while a change is under way.
    package var requestedHardware: String?
    /// Seconds without a visit after which it is put to sleep (`gcTimeout`); nil for never, or when it was not said.
    package var sleepSeconds: Int?
    package var replicas: Int?
    package var requestedReplicas: Replicas?
    package var devMode: Bool?
    /// Its addresses, own domains included.
    package var domains: [Domain]
    /// What the Hub says went wrong; may have several lines.
    package var errorMessage: String?
    /// The commit that the *running* app was built from: lags behind the head of the repository while a build is under way.
    package var sha: String?
    /// nil when it was not said, which is not the same as none.
    package var volumes: [SpaceVolume]?
    package var storage: String?
    /// Why the Space was flagged by the Hub's moderation, if it was.
    package var abuse: Abuse?
    /// All of it, as it came.
    package var raw: JSONValue

    package enum Replicas: Sendable, Equatable {
        case count(Int)
        /// Such as `auto`.
        case word(String)
    }

    /// A host that leads to the app.
    package struct Domain: Sendable, Equatable {
        package var name: String
        /// `READY`, `PENDING`, `PENDING_CHALLENGE`, `EXPIRED_CHALLENGE`, or what the Hub has thought of since.
        package var stage: String
        /// A custom domain, not one under `hf.space`.
        package var isCustom: Bool
    }

    /// Why the platform's moderation stopped it.
    package struct Abuse: Sendable, Equatable {
        package var reason: String?
        package var detector: String?
        package var flaggedAt: String?
    }

    /// nil when there is no stage.
    package init?(_ raw: JSONValue) {
        guard let stage = raw["stage"]?.string else { return nil }
        self.raw = raw
        self.stage = SpaceStage(rawValue: stage)
        hardware = raw["hardware"]?["current"]?.string
        requestedHardware = raw["hardware"]?["requested"]?.string
        sleepSeconds = raw["gcTimeout"]?.integer
        replicas = raw["replicas"]?["current"]?.integer
        requestedReplicas = raw["replicas"]?["requested"].flatMap { value in
            value.integer.map { .count($0) } ?? value.string.map { .word($0) }
        }
        devMode = raw["devMode"]?.bool
        domains = (raw["domains"]?.array ?? []).compactMap { item in
            item["domain"]?.string.map { name in
                Domain(
                    name: name, stage: item["stage"]?.string ?? "UNKNOWN", isCustom: item["isCustom"]?.bool ?? false)
            }
        }
        errorMessage = raw["errorMessage"]?.string
        sha = raw["sha"]?.string
        storage = raw["storage"]?.string
        volumes = raw["volumes"]?.array.map { $0.compactMap(SpaceVolume.init) }
        if let abuse = raw["abuse"], abuse.members != nil {
            self.abuse = Abuse(
                reason: abuse["reason"]?.string, detector: abuse["detector"]?.string,
                flaggedAt: abuse["flaggedAt"]?.string)
        }
    }

    /// A static Space has no container: the Hub names no hardware for it, not even as a wish.
    package var isStatic: Bool {
        stage == .running && hardware == nil && requestedHardware == nil && sleepSeconds == nil
    }

    /// Flagged by the Hub's moderation: restarting does not help and is advised against.
    package var isModerated: Bool {
        abuse != nil || (errorMessage?.lowercased().contains("flagged as abusive") ?? false)
    }
}

extension SpaceRuntime: Decodable {
    package init(from decoder: any Decoder) throws {
        let raw = try JSONValue(from: decoder)
        guard let runtime = SpaceRuntime(raw) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "a runtime without a stage"))
        }
        self = runtime
    }
}
