import FoundationEssentials
package import HubClient
package import KeepAlive
package import StokerCore
import Synchronization

extension HubFailure: RepeatableCause {}

/// The Hub's client as keeping warm needs it: it joins the two rooms, which do not know each other.
package final class HubClientGateway: HubGateway {
    private let hub: Hub
    private let forms = Mutex(Forms())

    private let statusPage: String?

    /// - Parameter statusPage: address of the platform's; nil for none.
    package init(hub: Hub, statusPage: String? = nil) {
        self.hub = hub
        self.statusPage = statusPage
    }

    /// What one row of a listing has to say. `host` is not among the values of `expand` (huggingface_hub `ExpandSpaceProperty_T`), so it is learned: ``Forms``.
    private static let fields = ["runtime", "sha", "subdomain", "private", "sdk", "tags"]
    /// Rows of a page: the most that is known to be accepted.
    private static let page = 500

    package func spaces(of namespace: String) async throws(Failure) -> HubListing {
        // Urgent: the few calls of the watch are what the end of a window is kept for. Behind the uploads of the same account
        // every Space of the fleet would be unknown until the next one.
        let list = hub.list(
            .space, author: namespace, expand: Self.fields, pageSize: Self.page, isUrgent: true)
        do {
            var rows = list.makeAsyncIterator()
            var spaces: [SpaceFacts] = []
            while let info = try await rows.next() { spaces.append(Self.facts(info)) }
            let asked = await learn(from: spaces)
            forms.withLock { forms in
                for place in spaces.indices { forms.complete(&spaces[place]) }
            }
            return HubListing(spaces: spaces, calls: max(1, rows.pages), extraCalls: asked)
        } catch let failure as HubFailure {
            throw failure.failure
        } catch {
            throw Failure(
                .internal, doing: "list the Spaces of \(namespace)", because: "\(error)", retry: .soon, cause: error)
        }
    }

    package func space(_ id: String) async throws(Failure) -> SpaceFacts? {
        let repo = try RepoID.space(id)
        do {
            guard var facts = try await hub.find(repo, expand: Self.fields).map(Self.facts) else { return nil }
            _ = await learn(from: [facts])
            forms.withLock { $0.complete(&facts) }
            return facts
        } catch { throw error.failure }
    }

    package func restart(_ id: String, factory: Bool) async throws(Failure) {
        let repo = try RepoID.space(id)
        do { _ = try await hub.restart(repo, factory: factory, unlessPaused: true) } catch { throw error.failure }
    }

    package func listen(
        to space: String, each: @escaping @Sendable (SpaceStage) async -> Void
    ) async throws(Failure) {
        let repo = try RepoID.space(space)
        do {
            _ = try await hub.listen(to: repo, repeats: .never) { hint in
                if let stage = hint.stage { await each(stage) }
            }
        } catch let failure as HubFailure {
            throw failure.failure
        } catch {
            throw Failure(
                .internal, doing: "listen to the events of \(space)", because: "\(error)", retry: .soon, cause: error)
        }
    }

    package func platformReports(at now: Instant) async throws(Failure) -> [PlatformReport] {
        guard let statusPage else { return [] }
        do {
            return try await hub.reports(onStatusPage: statusPage, now: now, within: .seconds(5))
        } catch { throw error.failure }
    }

    package func rateUsage(at now: Instant) -> HubRateUsage? {
        let report = hub.pace.report
        return HubRateUsage(
            endpoint: hub.settings.endpoint,
            windows: report.windows.map {
                HubRateUsage.Window(
                    bucket: $0.bucket, quota: $0.quota, remaining: $0.remaining, endsAt: now + $0.endsIn, sent: $0.sent)
            }, calls: report.calls, refusals: report.refusals, waited: report.waited)
    }

    private static func facts(_ info: RepoInfo) -> SpaceFacts {
        let runtime = info.runtime
        return SpaceFacts(
            id: info.id, stage: runtime?.stage, runningSHA: runtime?.sha, repoSHA: info.sha,
            // Often the app's last words, and shown on pages that others may read.
            errorMessage: runtime?.errorMessage.map { Redaction.text(String($0.prefix(2_000))) },
            host: info.host, subdomain: info.subdomain,
            visibility: visibility(info), hardware: runtime?.hardware, sleepAfterSeconds: runtime?.sleepSeconds,
            devMode: runtime?.devMode ?? false,
            abuse: runtime?.abuse.map { $0.reason ?? $0.detector ?? "flagged by the platform" }, sdk: info.sdk,
            tags: info.tags)
    }

    private static func visibility(_ info: RepoInfo) -> SpaceFacts.Visibility {
        switch info.visibility {
        case .some(.protected): .protected
        case .some(.private): .private
        case .some(.public): .public
        default: info.isPrivate == true ? .private : .public
        }
    }

    // MARK: Addresses

    /// How this Hub makes an address from a subdomain. A listing tells the subdomain only; `/host` tells the whole, for one Space a request. So it is
    /// asked once for a Space with an app and once for a static one, and the form holds for all the others.
    private struct Forms {
        /// Before and after the subdomain; by whether the Space is static.
        var known: [Bool: (before: String, after: String)] = [:]
        /// Tries that taught nothing.
        var tries: [Bool: Int] = [:]

        /// The Space whose host would teach something; counts the try.
        mutating func pupil(among spaces: [SpaceFacts], isStatic: Bool) -> SpaceFacts? {
            guard known[isStatic] == nil, tries[isStatic, default: 0] < HubClientGateway.tries else { return nil }
            let fit = spaces.filter { $0.isStatic == isStatic && $0.host == nil && $0.subdomain?.isEmpty == false }
            guard !fit.isEmpty else { return nil }
            defer { tries[isStatic, default: 0] += 1 }
            return fit[tries[isStatic, default: 0] % fit.count]
        }

        func complete(_ facts: inout SpaceFacts) {
            guard facts.host == nil, let name = facts.subdomain, !name.isEmpty, let form = known[facts.isStatic] else {
                return
            }
            facts.host = form.before + name + form.after
        }
    }
    /// Of each kind; after that the documented form holds.
    private static let tries = 3

    /// - Returns: how many requests that took.
    private func learn(from spaces: [SpaceFacts]) async -> Int {
        var asked = 0
        for isStatic in [false, true] {
            guard let pupil = forms.withLock({ $0.pupil(among: spaces, isStatic: isStatic) }),
                let name = pupil.subdomain, let repo = try? RepoID.space(pupil.id)  // the Hub's own name for it
            else { continue }
            asked += 1
            // Without an answer the documented form holds, for huggingface.co.
            let host: String
            do throws(HubFailure) { host = try await hub.host(of: repo, repeats: .never) } catch {
                // What is over in a while taught nothing, and is no reason to stop asking.
                if error.retry != .never { forms.withLock { $0.tries[isStatic, default: 1] -= 1 } }
                continue
            }
            guard let range = host.firstRange(of: "://\(name)."),
                (try? Address(host)) != nil
            else { continue }
            let before = host[..<range.lowerBound] + "://"
            let after = "." + host[range.upperBound...]
            forms.withLock { $0.known[isStatic] = (String(before), after) }
        }
        return asked
    }
}
