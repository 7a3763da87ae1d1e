import HubClient
import StokerCore
import Synchronization

/// Tells what an upload would do before anything is sent, and asks where a person has to decide.
final class UploadAsking: Sendable {
    let id: RepoID
    let folder: String
    /// Refuses what a warning is told of.
    let isStrict: Bool
    /// Has said yes beforehand.
    let isSure: Bool
    let asksToDelete: Bool
    let json: Bool
    let quiet: Bool
    private let told = Mutex<Set<String>>([])
    private let reason = Mutex<(any Error)?>(nil)

    init(id: RepoID, folder: String, isStrict: Bool, isSure: Bool, asksToDelete: Bool, json: Bool, quiet: Bool) {
        self.id = id
        self.folder = folder
        self.isStrict = isStrict
        self.isSure = isSure
        self.asksToDelete = asksToDelete
        self.json = json
        self.quiet = quiet
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
        let doing = "upload \(folder) to \(id)"
        Screen.own.endProgress()
        for remark in review.remarks where told.withLock({ $0.insert(remark.text).inserted }) {
            let isGrave = remark.isRisk || remark.kind == .secret
            // Beside a document or a list only what is grave is told; the document has all of it.
            if isGrave || !(json || quiet) {
                Screen.writeError("\(isGrave ? "warning" : "note"): \(remark.text.printable)\n")
            }
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
            try await ask(
                "That stops \(id). Upload all the same?", doing, because: "it would stop \(id)",
                hint: isDeleted
                    ? "keep README.md, or add --yes to delete it all the same"
                    : "correct README.md, or add --keep-front-matter, or --yes to upload it as it is")
        }
        if asksToDelete, !review.deletions.isEmpty {
            let count = review.deletions.count
            let what =
                "\(count == 1 ? "1 file" : "\(count) files") of \(id): \(NameList.text(review.deletions, atMost: 20))"
            try await ask("Delete \(what)?", doing, because: "it would delete \(what)", hint: "add --yes")
        }
    }

    /// Without a terminal the failure tells what would have been asked.
    private func ask(_ question: String, _ doing: String, because: String, hint: String) async throws {
        do {
            try await ConfirmOptions.ask(question, doing: doing, isSure: isSure)
        } catch let failure as Failure where failure.code == .usage {
            throw Failure(
                .usage, doing: doing, because: "\(because); that needs a yes, and there is no terminal to ask on",
                hint: hint)
        }
    }
}
