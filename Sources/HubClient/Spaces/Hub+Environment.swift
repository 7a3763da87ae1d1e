import NIOHTTP1
package import StokerCore

/// A secret as the Hub shows it: never its value.
package struct SpaceSecret: Sendable, Equatable {
    package var key: String
    package var description: String?
    /// RFC 3339, as it came.
    package var updatedAt: String?
}

/// A variable: public on a public Space, copied to duplicates, and a build argument of Docker Spaces.
package struct SpaceVariable: Sendable, Equatable {
    package var key: String
    package var value: String
    package var description: String?
    package var updatedAt: String?
}

/// The two kinds of values that a Space finds in its environment.
package enum SpaceValueKind: String, Sendable, CaseIterable {
    case secret, variable
    /// As it stands in paths.
    package var plural: String { rawValue + "s" }

    /// Names that stand for a secret and for a variable: a Space that finds one of each stops with `CONFIG_ERROR` ("Collision on variables
    /// and secrets names", Hub forum).
    package static func collisions(secrets: some Sequence<String>, variables: some Sequence<String>) -> [String] {
        Set(secrets).intersection(variables).sorted()
    }

    /// The Hub's rule for names: a letter, then letters, digits and underscores.
    package static func isKey(_ text: String) -> Bool {
        func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) }
        guard let first = text.utf8.first, isLetter(first) else { return false }
        return text.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
    }
}

extension Hub {
    /// Names of the secrets, sorted; values are write-only.
    package func secrets(of space: RepoID) async throws(HubFailure) -> [SpaceSecret] {
        let raw = try await values(.secret, of: space)
        return raw.map { member in
            SpaceSecret(
                key: member.name, description: member.value["description"]?.string,
                updatedAt: member.value["updatedAt"]?.string)
        }
        .sorted { $0.key < $1.key }
    }

    /// The variables with their values, sorted by name.
    package func variables(of space: RepoID) async throws(HubFailure) -> [SpaceVariable] {
        let raw = try await values(.variable, of: space)
        return raw.map { member in
            SpaceVariable(
                key: member.name, value: member.value["value"]?.string ?? "",
                description: member.value["description"]?.string, updatedAt: member.value["updatedAt"]?.string)
        }
        .sorted { $0.key < $1.key }
    }

    private func values(_ kind: SpaceValueKind, of space: RepoID) async throws(HubFailure) -> [JSONValue.Member] {
        let doing = "read the \(kind.plural) of \(space)"
        let raw: JSONValue = try await value(
            HubRequest(.GET, "\(space.api)/\(kind.plural)", doing: doing, right: "write access to \(space)"))
        guard let members = raw.members else { throw .notKnown(doing) }
        return members
    }

    /// Adds or replaces one value; the Space restarts, and would do so again if it were asked twice. So when the answer is lost, we look
    /// whether the value is there, and only what is seen to be missing is sent once more.
    /// - Parameters:
    ///   - before: `updatedAt` of the secret as it was, empty when there was none; by it we see that ours was written. Without it only
    ///     a secret that is not there at all is known not to be written.
    ///   - waits: before each further look or try.
    /// - Throws: when neither can be seen, a failure that says so.
    package func set(
        _ kind: SpaceValueKind, _ key: String, to value: Secret, description: String? = nil, of space: RepoID,
        before: String? = nil, waits: [Duration] = Hub.looks
    ) async throws(HubFailure) {
        struct Body: Encodable {
            var key: String
            var value: String
            var description: String?
        }
        var request = HubRequest(
            .POST, "\(space.api)/\(kind.plural)", doing: "set the \(kind) \(key) of \(space)",
            body: .json(encoding: Body(key: key, value: value.reveal(), description: description)),
            right: "write access to \(space)", repeats: .never, action: .write(repo: space))
        request.isUrgent = true
        request.values = [value]
        var waits = waits[...]
        while true {
            do {
                try await send(request).refusePage(doing: request.doing)
                return
            } catch let failure where failure.mayHaveHappened || failure.kind == .throttled {
                var hubStatus =
                    failure.kind == .throttled ? Sight.missing : await look(kind, key, value, of: space, before)
                repeat {
                    if hubStatus == .there { return }
                    guard let wait = waits.popFirst() else {
                        throw hubStatus == .unknown ? failure.leftOpen(kind, key, space) : failure
                    }
                    if failure.kind == .throttled {
                        var told = wait
                        if case .after(let longer) = failure.retry { told = longer }
                        guard told <= request.patience else { throw failure }
                        try await pause(for: told, doing: request.doing)
                    } else {
                        try await pause(for: wait, doing: request.doing)
                        // Once more also when it was missing: a Hub that gave up on answering may still do it.
                        hubStatus = await look(kind, key, value, of: space, before)
                    }
                } while hubStatus != .missing
            }
        }
    }

    private enum Sight { case there, missing, unknown }

    private func look(
        _ kind: SpaceValueKind, _ key: String, _ value: Secret, of space: RepoID, _ before: String?
    ) async -> Sight {
        do {
            switch kind {
            case .variable:
                let isThere = try await variables(of: space).contains { $0.key == key && $0.value == value.reveal() }
                return isThere ? .there : .missing
            case .secret:
                guard let secret = try await secrets(of: space).first(where: { $0.key == key }) else { return .missing }
                guard let before, let now = secret.updatedAt else { return .unknown }
                return now == before ? .missing : .there
            }
        } catch {
            return .unknown
        }
    }

    /// Removes one value; the Space restarts. An unknown name is no error for the Hub.
    package func delete(_ kind: SpaceValueKind, _ key: String, of space: RepoID) async throws(HubFailure) {
        struct Body: Encodable { var key: String }
        var request = HubRequest(
            .DELETE, "\(space.api)/\(kind.plural)", doing: "delete the \(kind) \(key) of \(space)",
            body: .json(encoding: Body(key: key)), right: "write access to \(space)", repeats: .freely,
            action: .write(repo: space))
        request.isUrgent = true
        try await send(request).refusePage(doing: request.doing)
    }
}

extension HubFailure {
    fileprivate func leftOpen(_ kind: SpaceValueKind, _ key: String, _ space: RepoID) -> HubFailure {
        var copy = self
        copy.said += "; whether the \(kind) \(key) was written cannot be told"
        copy.hint =
            "look at its date with `stoker space \(kind.plural) list \(space)` before you write it again: the Space restarts each time"
        return copy
    }
}
