import HTTPTypes
package import Hummingbird

/// `POST /api/validate-yaml`: 200 or, with errors, 400 in the same shape. Source: huggingface_hub `HfApi._validate_yaml`.
package struct ValidateYAMLArea: HubArea {
    package init() {}

    package func add(to router: Router<HubContext>, hub: SimulatedHub) {
        router.post("/api/validate-yaml") { request, _ in
            let body = try await request.json()
            guard let content = body["content"]?.string,
                let kind = RepoKind(rawValue: body["repoType"]?.string ?? "model")
            else { throw HubError(.unprocessableContent, "\"content\" and \"repoType\" are required") }
            let verdict = CardRules.judge(content, kind: kind)
            func list(_ messages: [String]) -> JSON { .array(messages.map { ["message": .string($0)] }) }
            return try Response.json(
                ["errors": list(verdict.errors), "warnings": list(verdict.warnings)],
                status: verdict.errors.isEmpty ? .ok : .badRequest)
        }
    }
}
