import FoundationEssentials

/// Everything the runtime of a Space tells, as a value: the same facts are the same answer.
package struct RuntimeFacts: Sendable, Equatable {
    /// Files only, and nothing stands in their way.
    var isStaticAndRuns = false
    package var stage: String
    var errorMessage: String?
    var current: String?
    var requested: String
    /// Seconds; nil never.
    var sleepsAfter: Int?
    var replicas: Int
    var serves: Bool
    var devMode: Bool
    var subdomain: String
    var domains: [Domain]
    package var sha: String?
    var volumes: [JSON]
    var flaggedAt: Date?

    struct Domain: Sendable, Equatable {
        var name: String
        var stage: String
    }

    /// Shape: recorded answers of `GET /runtime` (huggingface_hub tests, March 2025) and the Hub's OpenAPI document; fields that are absent
    /// there are absent here.
    package var json: JSON {
        if isStaticAndRuns {
            // Recorded: nothing else is said about static Spaces.
            return [
                "stage": "RUNNING", "hardware": ["current": nil, "requested": nil], "storage": nil,
                "replicas": ["requested": 1, "current": 1],
            ]
        }
        var own: [JSON] = [["domain": .string(subdomain + ".hf.space"), "stage": "READY"]]
        for domain in domains {
            own.append(["domain": .string(domain.name), "isCustom": true, "stage": .string(domain.stage)])
        }
        var counts: [String: JSON] = ["requested": .int(replicas)]
        if serves { counts["current"] = .int(replicas) }
        var answer: [String: JSON] = [
            "stage": .string(stage),
            "hardware": ["current": serves ? .text(current) : .null, "requested": .string(requested)],
            "storage": nil, "gcTimeout": sleepsAfter.map(JSON.int) ?? .null, "replicas": .object(counts),
            "devMode": .bool(devMode), "domains": .array(own),
        ]
        if let errorMessage { answer["errorMessage"] = .string(errorMessage) }
        if serves, let sha { answer["sha"] = .string(sha) }
        if !volumes.isEmpty { answer["volumes"] = .array(volumes) }
        if let flaggedAt {
            answer["abuse"] = ["flaggedAt": .date(flaggedAt), "detector": "abuse-handler", "reason": "Proxy"]
        }
        return .object(answer)
    }
}
