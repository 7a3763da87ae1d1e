import NIOCore
import NIOHTTP1
import Runtime
import StokerCore

extension Hub {
    /// A commit that was made.
    struct Posted: Sendable, Equatable {
        var commit: String
        var url: String?
        /// Page of the pull request that it opened.
        var pullRequest: String?
    }

    /// Hands over one commit, so that it is made exactly once.
    ///
    /// The Hub takes it only while `parent` is the head. When its answer is lost, the newest commits tell whether it was made: `token` stands in
    /// its description and nowhere else. If it is not there, the same is sent again, and even a first attempt that still runs on the Hub cannot
    /// make it twice, since one of the two finds another head.
    /// - Parameters:
    ///   - parent: nil only for a branch without commits; then nothing is ever sent twice.
    ///   - counted: told bytes of content on their way, negative when they have to go again.
    /// - Throws: `hub.stale` when the branch moved and none of its new commits is ours.
    func post(
        _ lines: [CommitLine], summary: String, description: String, token: String, parent: String?, to repo: RepoID,
        revision: String, createsPullRequest: Bool = false, counted: @escaping @Sendable (Int64) -> Void = { _ in }
    ) async throws(HubFailure) -> Posted {
        struct Answer: Decodable {
            var commitOid: String
            var commitUrl: String?
            var pullRequestUrl: String?
        }
        let mark = "Upload-Id: \(token)"
        let body = CommitBody(
            summary: summary, description: description.isEmpty ? mark : description + "\n\n" + mark, parent: parent,
            lines: lines)
        let doing = "commit to \(repo)"
        let counter = AttemptCounter(counted)
        var request = HubRequest(
            .POST, "\(repo.api)/commit/\(HubURL.segment(revision))", doing: doing,
            query: createsPullRequest ? [("create_pr", "1")] : [],
            body: .pieces(length: body.length, type: "application/x-ndjson") {
                counter.begin()
                return body.pieces { counter.moved($0) }
            },
            right: createsPullRequest ? "read access to \(repo)" : "write access to \(repo)", repeats: .never,
            // The Hub itself gives up after about 60 s; a slow line gets the time to bring the bytes.
            timeout: .seconds(90 + Int(body.length / 50_000)), action: .commit(repo: repo))
        request.idle = .seconds(90)
        // Behind it are all the bytes that were sent for it.
        request.isUrgent = true
        var tries = 0
        while true {
            let failure: HubFailure
            do {
                let answer = try await value(request, as: Answer.self)
                return Posted(commit: answer.commitOid, url: answer.commitUrl, pullRequest: answer.pullRequestUrl)
            } catch {
                failure = error
            }
            counter.begin()
            guard [.unreachable, .trouble, .unreadable, .conflict, .stale].contains(failure.kind) else { throw failure }
            if Task.isCancelled { throw failure }
            if createsPullRequest {
                if let found = try await pullRequest(with: mark, in: repo, after: failure) { return found }
            } else if let found = try await commit(with: mark, in: repo, revision: revision, after: failure) {
                return Posted(commit: found, url: "\(settings.endpoint)/\(repo.kind.prefix)\(repo)/commit/\(found)")
            }
            tries += 1
            guard failure.kind != .stale, parent != nil, tries <= 5 else { throw failure }
            do {
                try await pace.clock.sleep(Self.growing.wait(after: tries, share: jitter()))
            } catch {
                throw failure
            }
        }
    }

    /// The pull request that our lost answer opened, among the newest five: its commit is on no branch.
    private func pullRequest(
        with mark: String, in repo: RepoID, after lost: HubFailure
    ) async throws(HubFailure) -> Posted? {
        let open = try await refs(of: repo, pullRequests: true).pullRequests.compactMap { ref in
            Int(ref.name).map { (number: $0, ref: ref.ref) }
        }
        for request in open.sorted(by: { $0.number > $1.number }).prefix(5) {
            guard let found = try await commit(with: mark, in: repo, revision: request.ref, after: lost) else {
                continue
            }
            let page = "\(settings.endpoint)/\(repo.kind.prefix)\(repo)"
            return Posted(
                commit: found, url: "\(page)/commit/\(found)", pullRequest: "\(page)/discussions/\(request.number)")
        }
        return nil
    }

    /// The newest commit whose description has `mark`, among the last fifty.
    private func commit(with mark: String, in repo: RepoID, revision: String, after lost: HubFailure)
        async throws(HubFailure) -> String?
    {
        struct Line: Decodable {
            var id: String
            var title: String?
            var message: String?
        }
        do {
            var request = HubRequest(
                .GET, "\(repo.api)/commits/\(HubURL.segment(revision))",
                doing: "see whether the commit to \(repo) was made", query: [("limit", "50")],
                right: "read access to \(repo)")
            request.isUrgent = true
            let newest = try await value(request, as: [Line].self)
            return newest.first { ($0.message ?? "").contains(mark) || ($0.title ?? "").contains(mark) }?.id
        } catch {
            var failure = lost
            failure.said +=
                "; and the list of commits could not be read (\(error.said)), so it is not known whether the commit was made"
            failure.hint = "upload again: what is there already is not sent twice"
            throw failure
        }
    }
}
