import FoundationEssentials
import NIOHTTP1
import Runtime
package import StokerCore

extension Hub {
    /// Models and datasets have no SDK, and the Hub refuses to be asked for what a kind does not have.
    private static func fields(_ kind: RepoID.Kind) -> [String] {
        kind == .space ? ["private", "sdk", "sha"] : ["private", "sha"]
    }

    /// Creates a repo unless it exists. Looks first, because the Hub counts every try against its quota of new repos; what exists is
    /// left as it is, and what differs is told. A creation whose answer was lost is recognised by looking again.
    package func ensure(_ new: NewRepo) async throws(HubFailure) -> EnsuredRepo {
        if let there = try await find(new.id, expand: Self.fields(new.id.kind)) { return existing(new, there) }
        let doing = "create \(new.id.kind.rawValue) \(new.id)"
        try refuseCollisions(new, doing: doing)
        var request = HubRequest(
            .POST, "/api/repos/create", doing: doing, body: .json(encoding: new.creation),
            right: "write access to \(new.id.namespace)", timeout: .seconds(60), action: .createRepo, accepted: [409])
        request.values = (new.secrets + new.variables).map(\.value)
        return try await made(new, request)
    }

    /// Copies a repo. Public variables come along, secrets do not, and hardware falls back to the free one unless named.
    package func duplicate(_ source: RepoID, as new: NewRepo) async throws(HubFailure) -> EnsuredRepo {
        if let there = try await find(new.id, expand: Self.fields(new.id.kind)) { return existing(new, there) }
        let doing = "duplicate \(source) as \(new.id)"
        var copied: [String] = []
        if new.id.kind == .space, !new.secrets.isEmpty {
            do {
                copied = try await variables(of: source).map(\.key)
            } catch {
                // Who may not see them copies all the same. Any other failure is told: a name that is a secret's and a variable's would
                // stop the copy, and nothing is made yet.
                guard [.forbidden, .notFound, .badToken, .unsupported].contains(error.kind) else { throw error }
            }
        }
        try refuseCollisions(new, copied: copied, doing: doing)
        var request = HubRequest(
            .POST, "\(source.api)/duplicate", doing: doing,
            body: .json(encoding: new.copy), right: "write access to \(new.id.namespace)", timeout: .seconds(60),
            action: .createRepo, accepted: [409])
        request.values = (new.secrets + new.variables).map(\.value)
        return try await made(new, request)
    }

    /// - Parameter copied: names of variables that come along.
    private func refuseCollisions(_ new: NewRepo, copied: [String] = [], doing: String) throws(HubFailure) {
        let both = SpaceValueKind.collisions(
            secrets: new.secrets.map(\.key), variables: new.variables.map(\.key) + copied)
        guard !both.isEmpty else { return }
        throw HubFailure(
            collision: both, doing: doing,
            hint: both.contains { copied.contains($0) }
                ? "a variable comes along with the copy: give the secret another name, or delete the variable there first"
                : "keep one of the two")
    }

    private func made(_ new: NewRepo, _ request: HubRequest) async throws(HubFailure) -> EnsuredRepo {
        var tries = 0
        let began = pace.clock.now()
        while true {
            tries += 1
            let answer: HubAnswer
            do {
                answer = try await send(request)
            } catch {
                // Nobody knows whether it happened; what is there now tells.
                guard error.kind == .unreachable || error.kind == .trouble, tries <= 3 else { throw error }
                try await rest(Backoff(first: .seconds(4)).wait(after: tries), request)
                if let there = try await foundBehind(new.id, age: pace.clock.now() - began) {
                    var result = existing(new, there.info)
                    // It was not there before. Ours is as we wanted it, and no older than our first try.
                    result.wasCreated = there.isYoung && result.differences.isEmpty
                    result.wasSettledByLooking = true
                    return result
                }
                continue
            }
            let json: JSONValue? = try? answer.decoded(doing: request.doing)  // an answer without JSON is told below
            if answer.status == 409 {
                let said = HubErrorText(headers: answer.headers, body: answer.body).text
                if said.contains("conflicting operation"), tries <= 6 {
                    try await rest(Backoff(first: .seconds(2), doublings: 3).wait(after: tries), request)
                    continue
                }
                if let there = try await find(new.id, expand: Self.fields(new.id.kind)) { return existing(new, there) }
                throw HubFailure(
                    request, status: 409, headers: answer.headers, body: answer.body, token: settings.token)
            }
            return EnsuredRepo(
                url: json?["url"]?.string ?? page(of: new.id), wasCreated: true, differences: [],
                filesPending: json?["filesCopyPending"]?.bool ?? false)
        }
    }

    /// A repo that was not there when we began, and whether the Hub made it since: by the Hub's clock alone, whose answer tells it.
    /// - Parameter age: of our first try.
    private func foundBehind(
        _ repo: RepoID, age: Duration
    ) async throws(HubFailure) -> (info: RepoInfo, isYoung: Bool)? {
        let doing = "see whether \(repo) was made"
        let answer: HubAnswer
        do {
            answer = try await send(
                HubRequest(
                    .GET, repo.api, doing: doing,
                    query: (Self.fields(repo.kind) + ["createdAt"]).map { ("expand", $0) },
                    right: "read access to \(repo)"))
        } catch {
            if error.kind == .notFound { return nil }
            throw error
        }
        let raw: JSONValue = try answer.decoded(doing: doing)
        guard let info = RepoInfo(raw) else {
            throw HubFailure(.unreadable, doing: doing, said: "the answer names no repo", status: answer.status)
        }
        // What does not say when it was made is taken for ours: it was looked for a moment before.
        guard let now = ServerDate(answer.headers)?.date, let created = info.createdAt.flatMap(HubTime.read) else {
            return (info, true)
        }
        // Both are of the Hub's clock; its Date has whole seconds.
        return (info, now.timeIntervalSince(created) <= age.seconds + 2)
    }

    private func rest(_ time: Duration, _ request: HubRequest) async throws(HubFailure) {
        do {
            try await pace.clock.sleep(time * (1 + jitter() / 4))
        } catch {
            throw HubFailure(unexpected: error, doing: request.doing)
        }
    }

    private func page(of repo: RepoID) -> String { "\(settings.endpoint)/\(repo.kind.prefix)\(repo)" }

    private func existing(_ new: NewRepo, _ there: RepoInfo) -> EnsuredRepo {
        var differences: [EnsuredRepo.Difference] = []
        if let wanted = new.sdk, let found = there.sdk, wanted != found {
            differences.append(.init(what: "sdk", wanted: wanted, found: found))
        }
        if there.id.lowercased() != new.id.description.lowercased() {
            differences.append(.init(what: "name", wanted: new.id.description, found: there.id))
        }
        if let wanted = new.visibility {
            let found = there.visibility ?? there.isPrivate.map { $0 ? .private : .public }
            // Protected is told as private by the older field.
            let same = found == wanted || wanted == .protected && there.visibility == nil && there.isPrivate == true
            if let found, !same {
                differences.append(.init(what: "visibility", wanted: wanted.rawValue, found: found.rawValue))
            }
        }
        return EnsuredRepo(url: page(of: new.id), wasCreated: false, differences: differences)
    }

    /// Deletes a repo for good. There is no trash.
    /// - Parameter missingOK: an absent one is no failure, so that the call may be repeated.
    /// - Returns: false when there was none.
    @discardableResult
    package func delete(_ repo: RepoID, missingOK: Bool = false) async throws(HubFailure) -> Bool {
        struct Body: Encodable {
            var name: String
            var organization: String
            var type: String
        }
        let request = HubRequest(
            .DELETE, "/api/repos/delete", doing: "delete \(repo.kind.rawValue) \(repo)",
            body: .json(encoding: Body(name: repo.name, organization: repo.namespace, type: repo.kind.rawValue)),
            right: "write access to \(repo)", repeats: missingOK ? .freely : .never, action: .write(repo: repo))
        do {
            _ = try await send(request)
            return true
        } catch {
            guard error.kind == .notFound else { throw error }
            guard missingOK else { throw error.hinting("--missing-ok takes one that is not there for deleted") }
            return false
        }
    }

    /// Renames or transfers a repo. A lost answer is settled by looking at both names; a move that is done already is no failure.
    package func move(_ repo: RepoID, to new: RepoID) async throws(HubFailure) {
        struct Body: Encodable {
            var fromRepo: String
            var toRepo: String
            var type: String
        }
        let doing = "move \(repo.kind.rawValue) \(repo) to \(new)"
        guard repo.kind == new.kind else {
            throw HubFailure(.refusedByUs, doing: doing, said: "a \(repo.kind.rawValue) stays one")
        }
        let before = try await info(of: repo, expand: ["sha"])
        // The Hub points from the old name to the new one.
        if before.id == new.description, repo != new { return }
        let request = HubRequest(
            .POST, "/api/repos/move", doing: doing,
            body: .json(
                encoding: Body(fromRepo: repo.description, toRepo: new.description, type: repo.kind.rawValue)),
            right: "write access to \(repo) and \(new.namespace)", timeout: .seconds(60), action: .write(repo: repo))
        var tries = 0
        while true {
            tries += 1
            do {
                _ = try await send(request)
                return
            } catch {
                guard error.kind == .unreachable || error.kind == .trouble, tries <= 3 else { throw error }
                try await rest(Backoff(first: .seconds(4)).wait(after: tries), request)
                let now = try await find(new, expand: ["sha"])
                guard let now else { continue }
                guard now.internalID != nil, now.internalID == before.internalID else { throw error }
                // A change of capitals only: the new name leads to it before it has it.
                if now.id == new.description { return }
            }
        }
    }

    /// Changes who sees a repo and its discussions. What is nil stays. Returns what the Hub echoes.
    @discardableResult
    package func change(_ repo: RepoID, _ settings: RepoSettings) async throws(HubFailure) -> JSONValue {
        let request = HubRequest(
            .PUT, "\(repo.api)/settings", doing: "change the settings of \(repo)", body: .json(encoding: settings),
            right: "write access to \(repo)", repeats: .freely, action: .write(repo: repo))
        let answer = try await send(request)
        return (try? answer.decoded(doing: request.doing)) ?? .null  // changed all the same, with or without an echo
    }

    /// The resource group a repo is in; nil for none. Organisations of paid plans.
    package func resourceGroup(of repo: RepoID) async throws(HubFailure) -> (id: String, name: String?)? {
        let raw: JSONValue = try await value(
            .init(
                .GET, "\(repo.api)/resource-group", doing: "read the resource group of \(repo)",
                right: "read access to \(repo)"))
        return raw["id"]?.string.map { ($0, raw["name"]?.string) }
    }

    /// - Parameter group: 24 hex digits; nil takes the repo out of its group.
    package func setResourceGroup(of repo: RepoID, to group: String?) async throws(HubFailure) {
        let body: JSONValue = ["resourceGroupId": group.map { .string($0) } ?? .null]
        _ = try await send(
            HubRequest(
                .POST, "\(repo.api)/resource-group", doing: "set the resource group of \(repo)",
                body: .json(encoding: body), right: "the right to manage resource groups", repeats: .freely,
                action: .write(repo: repo)))
    }
}

/// Of `PUT …/settings`; at least one is to be set.
package struct RepoSettings: Sendable, Encodable {
    package var visibility: RepoVisibility?
    package var discussionsDisabled: Bool?
    /// `auto` or `manual`; `""` opens the repo again.
    package var gated: String?
    package init(visibility: RepoVisibility? = nil, discussionsDisabled: Bool? = nil, gated: String? = nil) {
        self.visibility = visibility
        self.discussionsDisabled = discussionsDisabled
        self.gated = gated
    }
    private enum Key: String, CodingKey { case visibility, discussionsDisabled, gated }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encodeIfPresent(visibility?.rawValue, forKey: .visibility)
        try container.encodeIfPresent(discussionsDisabled, forKey: .discussionsDisabled)
        if gated == "" {
            try container.encode(false, forKey: .gated)
        } else {
            try container.encodeIfPresent(gated, forKey: .gated)
        }
    }
}
