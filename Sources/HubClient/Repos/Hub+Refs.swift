import NIOHTTP1
package import StokerCore

/// The branches and tags of a repo.
package struct RepoRefs: Sendable, Equatable {
    /// A name that points to a commit.
    package struct Ref: Sendable, Equatable {
        /// `main`, `v1.4.0`; the number of a pull request.
        package var name: String
        /// `refs/heads/main`
        package var ref: String
        /// SHA of the commit, 40 hexadecimal digits.
        package var commit: String
        init?(_ raw: JSONValue) {
            guard let name = raw["name"]?.string, let commit = raw["targetCommit"]?.string else { return nil }
            self.name = name
            self.commit = commit
            ref = raw["ref"]?.string ?? name
        }
    }
    package var branches: [Ref]
    package var tags: [Ref]
    /// Branches that the Hub makes by itself, such as Parquet copies of datasets.
    package var converts: [Ref]
    package var pullRequests: [Ref]

    package init(_ raw: JSONValue) {
        func refs(_ key: String) -> [Ref] { (raw[key]?.array ?? []).compactMap(Ref.init) }
        branches = refs("branches")
        tags = refs("tags")
        converts = refs("converts")
        pullRequests = refs("pullRequests")
    }
}

extension Hub {
    package func refs(of repo: RepoID, pullRequests: Bool = false) async throws(HubFailure) -> RepoRefs {
        let request = HubRequest(
            .GET, "\(repo.api)/refs", doing: "read the branches and tags of \(repo)",
            query: pullRequests ? [("include_prs", "1")] : [], right: "read access to \(repo)")
        return RepoRefs(try await value(request))
    }

    /// - Parameters:
    ///   - start: branch or commit; nil for the head of `main`.
    ///   - existsOK: a branch of that name is no failure, wherever it points.
    /// - Returns: false when it was there already.
    @discardableResult
    package func createBranch(_ name: String, in repo: RepoID, at start: String? = nil, existsOK: Bool = false)
        async throws(HubFailure) -> Bool
    {
        struct Body: Encodable { var startingPoint: String? }
        return try await making(
            HubRequest(
                .POST, "\(repo.api)/branch/\(HubURL.segment(name))", doing: "create branch \(name) of \(repo)",
                body: .json(encoding: Body(startingPoint: start)), right: "write access to \(repo)",
                action: .write(repo: repo)), existsOK: existsOK)
    }

    /// - Returns: false when there was none, and `missingOK` says that this is fine.
    /// - Throws: `invalid` for `main`, without asking: the Hub refuses it with a 403, as it does where a token lacks rights.
    @discardableResult
    package func deleteBranch(_ name: String, of repo: RepoID, missingOK: Bool = false) async throws(HubFailure) -> Bool
    {
        guard name != "main" else {
            throw HubFailure(
                .invalid, doing: "delete branch main of \(repo)",
                said: "main cannot be deleted: it is what the repo shows",
                hint: "delete files from it, or the whole repo")
        }
        return try await removing(
            HubRequest(
                .DELETE, "\(repo.api)/branch/\(HubURL.segment(name))", doing: "delete branch \(name) of \(repo)",
                right: "write access to \(repo)", action: .write(repo: repo)), missingOK: missingOK)
    }

    @discardableResult
    package func createTag(
        _ name: String, in repo: RepoID, at revision: String = "main", message: String? = nil, existsOK: Bool = false
    ) async throws(HubFailure) -> Bool {
        struct Body: Encodable {
            var tag: String
            var message: String?
        }
        return try await making(
            HubRequest(
                .POST, "\(repo.api)/tag/\(HubURL.segment(revision))", doing: "create tag \(name) of \(repo)",
                body: .json(encoding: Body(tag: name, message: message)), right: "write access to \(repo)",
                action: .write(repo: repo)), existsOK: existsOK)
    }

    @discardableResult
    package func deleteTag(_ name: String, of repo: RepoID, missingOK: Bool = false) async throws(HubFailure) -> Bool {
        try await removing(
            HubRequest(
                .DELETE, "\(repo.api)/tag/\(HubURL.segment(name))", doing: "delete tag \(name) of \(repo)",
                right: "write access to \(repo)", action: .write(repo: repo)), missingOK: missingOK)
    }

    private func making(_ request: HubRequest, existsOK: Bool) async throws(HubFailure) -> Bool {
        do {
            _ = try await send(request)
            return true
        } catch {
            guard error.kind == .conflict else { throw error }
            if existsOK { return false }
            throw error.hinting("--exist-ok takes one that exists, wherever it points")
        }
    }

    private func removing(_ request: HubRequest, missingOK: Bool) async throws(HubFailure) -> Bool {
        do {
            _ = try await send(request)
            return true
        } catch {
            // The repo itself must be there: its absence is another matter.
            guard error.kind == .notFound, error.code != "RepoNotFound" else { throw error }
            if missingOK { return false }
            throw error.hinting("--missing-ok takes one that is not there for deleted")
        }
    }
}
