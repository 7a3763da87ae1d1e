import HTTPTypes

/// What the Hub demands of a README's front matter. Source: hub-docs `spaces-config-reference`; the form of the answers from
/// huggingface_hub `RepoCard.validate`, the wording is ours.
enum CardRules {
    struct Verdict: Sendable {
        var errors: [String] = []
        var warnings: [String] = []
    }

    private static let colours = ["red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"]
    private static let headers = [
        "cross-origin-embedder-policy": ["unsafe-none", "require-corp", "credentialless"],
        "cross-origin-opener-policy": ["same-origin", "same-origin-allow-popups", "unsafe-none"],
        "cross-origin-resource-policy": ["same-site", "same-origin", "cross-origin"],
    ]

    static func judge(_ readme: String, kind: RepoKind) -> Verdict {
        var verdict = Verdict()
        guard let block = FrontMatter.block(readme) else {
            verdict.warnings.append("empty or missing yaml metadata in repo card")
            return verdict
        }
        let card: JSON
        do {
            guard let read = try FrontMatter.read(block) else {
                verdict.warnings.append("empty or missing yaml metadata in repo card")
                return verdict
            }
            card = read
        } catch {
            verdict.errors.append("Invalid YAML: \(error)")
            return verdict
        }
        guard let members = card.object else {
            verdict.errors.append("\"metadata\" must be of type object")
            return verdict
        }
        if let tags = members["tags"], !tags.isNull, tags.array == nil {
            verdict.errors.append("\"tags\" must be an array")
        }
        judgeLicense(members["license"], &verdict)
        // Source: huggingface_hub `test_hf_api.py` `INVALID_MODELCARD`; hub-docs `modelcard.md`.
        if kind == .model, let index = members["model-index"], !index.isNull, index.array == nil {
            verdict.errors.append("\"model-index\" must be an array")
        }
        if kind == .space { judgeSpace(members, &verdict) }
        return verdict
    }

    /// One, or a list of them.
    private static func judgeLicense(_ license: JSON?, _ verdict: inout Verdict) {
        guard let license, !license.isNull else { return }
        for entry in license.array ?? [license] where !(entry.string.map(CardLicenses.all.contains) ?? false) {
            verdict.errors.append(
                "\"license\" must be one of [\(CardLicenses.all.sorted().joined(separator: ", "))]")
        }
    }

    private static func judgeSpace(_ card: [String: JSON], _ verdict: inout Verdict) {
        func oneOf(_ key: String, _ allowed: [String]) {
            guard let value = card[key], !value.isNull else { return }
            if !allowed.contains(value.string ?? "") {
                verdict.errors.append("\"\(key)\" must be one of [\(allowed.joined(separator: ", "))]")
            }
        }
        func flag(_ key: String) {
            if let value = card[key], !value.isNull, value.bool == nil {
                verdict.errors.append("\"\(key)\" must be a boolean")
            }
        }
        oneOf("colorFrom", colours)
        oneOf("colorTo", colours)
        if card["sdk"] == nil || card["sdk"]?.isNull == true {
            verdict.errors.append("\"sdk\" is required")
        } else {
            oneOf("sdk", ["gradio", "docker", "static"])
        }
        oneOf("header", ["mini", "default"])
        oneOf("suggested_hardware", HardwareCatalogue.flavors.map(\.name) + ["zerogpu"])
        oneOf("suggested_storage", ["small", "medium", "large"])
        for key in ["pinned", "fullWidth", "hf_oauth", "disable_embedding"] { flag(key) }
        if let text = card["short_description"]?.string, text.count > 60 {
            verdict.errors.append("\"short_description\" length must be less than or equal to 60 characters long")
        }
        if let port = card["app_port"], !port.isNull {
            if let number = port.int {
                if !(1...65_535).contains(number) { verdict.errors.append("\"app_port\" must be a valid port") }
            } else {
                verdict.errors.append("\"app_port\" must be a number")
            }
        }
        if let path = card["base_path"]?.string, !path.hasPrefix("/") {
            verdict.errors.append("\"base_path\" must start with \"/\"")
        }
        if let emoji = card["emoji"], !emoji.isNull {
            let scalars = emoji.string?.unicodeScalars.filter {
                !$0.properties.isVariationSelector && $0.value != 0x200d
            }
            let all = scalars.map { !$0.isEmpty && $0.allSatisfy { $0.properties.isEmoji && $0.value > 0xff } } ?? false
            if !all { verdict.errors.append("\"emoji\" must be an emoji") }
        }
        if let minutes = card["hf_oauth_expiration_minutes"], !minutes.isNull {
            if let number = minutes.int, (1...43_200).contains(number) {
            } else {
                verdict.errors.append("\"hf_oauth_expiration_minutes\" must be a number of at most 43200")
            }
        }
        if case .object(let custom)? = card["custom_headers"] {
            for (name, value) in custom.sorted(by: { $0.key < $1.key }) {
                guard let allowed = headers[name] else {
                    verdict.errors.append("\"custom_headers.\(name)\" is not allowed")
                    continue
                }
                if !allowed.contains(value.string ?? "") {
                    verdict.errors.append(
                        "\"custom_headers.\(name)\" must be one of [\(allowed.joined(separator: ", "))]")
                }
            }
        }
        if card["title"] == nil { verdict.warnings.append("\"title\" is missing") }
    }

    /// - Throws: 400 with every error, as the commit route answers it.
    static func require(_ readme: [UInt8], kind: RepoKind) throws {
        let verdict = judge(String(decoding: readme, as: UTF8.self), kind: kind)
        guard verdict.errors.isEmpty else {
            throw HubError(
                .badRequest, "Invalid metadata in README.md. " + verdict.errors.joined(separator: "; "),
                body: [
                    "error": .string("Invalid metadata in README.md. " + verdict.errors.joined(separator: "; ")),
                    "errors": .array(verdict.errors.map { ["message": .string($0), "type": "error"] }),
                    "httpStatusCode": 400,
                ])
        }
    }
}
