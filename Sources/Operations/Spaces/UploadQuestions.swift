import HubClient
import StokerCore
import Synchronization

/// Tells what an upload would do before anything is sent, and asks where a person has to decide.
final class UploadQuestions: Sendable {
    let id: RepoID
    /// "upload ./bot to owner/bot"
    let doing: String
    /// Refuses what a warning is told of.
    let isStrict: Bool
    let asksToDelete: Bool
    let context: OperationContext
    private let told = Mutex<Set<String>>([])
    private let reason = Mutex<(any Error)?>(nil)

    init(id: RepoID, doing: String, isStrict: Bool, asksToDelete: Bool, context: OperationContext) {
        self.id = id
        self.doing = doing
        self.isStrict = isStrict
        self.asksToDelete = asksToDelete
        self.context = context
    }

    /// Why it does not go on.
    var refusal: (any Error)? { reason.withLock { $0 } }

    func goesOn(_ review: UploadReview) async -> Bool {
        do {
            try await look(review)
            return true
        } catch {
            reason.withLock { $0 = error }
            return false
        }
    }

    private func look(_ review: UploadReview) async throws {
        for remark in review.remarks where told.withLock({ $0.insert(remark.text).inserted }) {
            let isGrave = remark.isRisk || remark.kind == .secret
            context.tell(
                isGrave
                    ? .init(.warning, remark.kind.rawValue, "warning: \(remark.text)")
                    : .init(.note, remark.kind.rawValue, "note: \(remark.text)"))
        }
        let risks = review.remarks.filter { $0.isRisk || $0.kind == .secret }
        if isStrict, !risks.isEmpty {
            throw Failure(
                .usage, doing: doing,
                because:
                    "--strict refuses what was warned of (\(risks.map(\.kind.rawValue).joined(separator: ", "))); nothing was sent",
                hint: "mend it as the warning says, or leave --strict out")
        }
        if review.takesDown {
            let isDeleted = review.deletions.contains("README.md")
            try await context.confirm(
                Question(
                    .destroys, doing: doing, "That stops \(id). Upload all the same?", because: "it would stop \(id)",
                    hint: isDeleted ? "keep README.md" : "correct README.md, or add --keep-front-matter"))
        }
        if asksToDelete, !review.deletions.isEmpty {
            let count = review.deletions.count
            let what =
                "\(count == 1 ? "1 file" : "\(count) files") of \(id): \(NameList.text(review.deletions, atMost: 20))"
            try await context.confirm(
                Question(
                    .destroys, doing: doing, "Delete \(what)?", because: "it would delete \(what)"))
        }
    }
}
