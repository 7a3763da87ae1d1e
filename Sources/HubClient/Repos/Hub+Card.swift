import NIOHTTP1
import StokerCore

/// What the Hub thinks of a README's front matter.
package struct CardReview: Sendable, Equatable {
    /// A commit with these is refused.
    package var errors: [String]
    package var warnings: [String]
    package var isGood: Bool { errors.isEmpty }
}

extension Hub {
    /// `POST /api/validate-yaml`: asks before a commit whether the Hub will take this README. Counts as one request.
    package func review(card text: String, of kind: RepoID.Kind) async throws(HubFailure) -> CardReview {
        struct Body: Encodable {
            var content: String
            var repoType: String
        }
        let request = HubRequest(
            .POST, "/api/validate-yaml", doing: "let the Hub check the README",
            body: .json(encoding: Body(content: text, repoType: kind.rawValue)), repeats: .freely, accepted: [400])
        let answer = try await send(request)
        let raw: JSONValue? = try? answer.decoded(doing: request.doing)  // a 400 that is no review is told below
        func messages(_ key: String) -> [String] {
            (raw?[key]?.array ?? []).compactMap { $0.string ?? $0["message"]?.string }.map { Redaction.quote($0) }
        }
        let review = CardReview(errors: messages("errors"), warnings: messages("warnings"))
        guard answer.status != 400 || !review.errors.isEmpty else {
            throw HubFailure(request, status: 400, headers: answer.headers, body: answer.body, token: settings.token)
        }
        guard raw?.members != nil else {
            throw HubFailure(.unreadable, doing: request.doing, said: "the answer is no review", status: answer.status)
        }
        return review
    }
}
