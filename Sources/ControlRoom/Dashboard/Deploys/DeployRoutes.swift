import Deployment
import Hummingbird
import Ledger
import Operations
import StokerCore
import Synchronization

/// Whether the running fleet deploys Spaces: only then the place of deploys is shown. Looked at when a page of the fleet or of deploys is made.
final class DeployUse: Sendable {
    private let state = Mutex<(fleetNumber: UInt64, isUsed: Bool)?>(nil)

    var isUsed: Bool { state.withLock { $0?.isUsed ?? false } }

    func look(_ monitor: any FleetMonitoring, _ overview: Overview) async {
        guard state.withLock({ $0?.fleetNumber }) != overview.fleetNumber else { return }
        let isUsed = !(await monitor.fleet()[DeploySection.ofSpaces].isEmpty)
        state.withLock { $0 = (overview.fleetNumber, isUsed) }
    }
}

/// The pages of deploys: /deploys (the last plan), /deploys/drift and /deploys/past. They show what was looked at last, and one that is at work. Their buttons call
/// the operations `plan` and `drift`, which only read, and `apply` with the digest of the plan that the page shows.
extension Routes {
    func addDeploys(to router: Router<AppRequestContext>) {
        // Files and settings of private Spaces are for those who may act.
        on(router, "/deploys", .get, .write) { request, visit in try await looked(.plan, request, visit) }
        on(router, "/deploys", .post, .write) { request, visit in try await look(.plan, request, visit) }
        on(router, "/deploys/apply", .post, .write) { request, visit in try await applyPlan(request, visit) }
        on(router, "/deploys/stop", .post, .write) { _, _ in
            _ = deployRunner.stop()
            return Reply.see("/deploys/past")
        }
        on(router, "/deploys/drift", .get, .write) { request, visit in try await looked(.drift, request, visit) }
        on(router, "/deploys/drift", .post, .write) { request, visit in try await look(.drift, request, visit) }
        on(router, "/deploys/past", .get, .write) { request, visit in try await pastDeploys(request, visit) }
    }

    private func deployContext() throws(Failure) -> OperationContext {
        guard let context else {
            throw Failure(.notFound, doing: "show deploys", because: "this Stoker keeps no fleet")
        }
        return context
    }

    /// Looks at the Hub anew, and shows what was found.
    private func look(
        _ kind: DeployLooks.Kind, _ request: Request, _ visit: AppRequestContext
    ) async throws -> Response {
        let operation = kind == .plan ? Operation.plan : Operation.drift
        if kind == .plan { deployRunner.forgetProblem() }
        do throws(Failure) {
            _ = try await operation.call([], in: try deployContext())
            return Reply.see(kind == .plan ? "/deploys" : "/deploys/drift")
        } catch {
            return try await looked(kind, request, visit, said: Self.said(error))
        }
    }

    private static func said(_ failure: Failure) -> String {
        Redaction.text(
            "Could not \(failure.doing): \(failure.because)."
                + (failure.hint.map { " \(Formatting.capitalized($0))." } ?? ""))
    }

    /// Applies the plan that the form's page showed; one that was changed since is refused and shown.
    private func applyPlan(_ request: Request, _ visit: AppRequestContext) async throws -> Response {
        var request = request
        let form = PageFormatting.form(String(buffer: try await request.collectBody(upTo: visit.maxUploadSize)))
        do throws(Failure) {
            guard let digest = form["digest"], !digest.isEmpty else {
                throw Failure(
                    .usage, doing: "apply the plan", because: "the form does not say which plan was looked at")
            }
            var given: [(name: String, value: JSONValue)] = [("digest", .string(digest)), ("confirm", true)]
            if form["rollback"] != nil { given.append(("rollback_on_failure", true)) }
            let allowed = form.keys.filter { $0.hasPrefix(ApplyOffer.allow) }.sorted()
            if !allowed.isEmpty {
                given.append(
                    ("allow_destroy", .array(allowed.map { .string(String($0.dropFirst(ApplyOffer.allow.count))) })))
            }
            switch try await deployRunner.start(given, in: try deployContext()) {
            case .began: return Reply.see("/deploys/past")
            case .over(.success): return Reply.see("/deploys/past")
            case .over(.failure(let failure)): throw failure
            case .looking: break
            }
        } catch {
            return try await looked(.plan, request, visit, said: Self.said(error))
        }
        return try await looked(
            .plan, request, visit,
            said: "The plan is compared with the Hub once more, then it begins. Past deploys shows it.")
    }

    private func looked(
        _ kind: DeployLooks.Kind, _ request: Request, _ visit: AppRequestContext, said: String? = nil
    ) async throws -> Response {
        let overview = await monitor.overview()
        await deployUse.look(monitor, overview)
        let found = try await DeployLooks(ledger.records).last(kind)
        let runs = try await deployRuns(limit: 4)
        let running = runs.first { $0.isRunning }
        var page = DeploysPage(
            plan: found?.plan, same: found?.same ?? 0, sense: kind == .plan ? .plan : .drift, mayLook: true,
            said: said ?? (kind == .plan ? deployRunner.problem.map(Self.said) : nil), now: overview.now)
        if kind == .plan, let found, let digest = found.digest, !found.plan.isEmpty {
            page.offer = ApplyOffer(
                plan: found.plan, digest: digest, rollout: await monitor.fleet()[RolloutSection.section],
                mayApply: visit.permission.admin)
        }
        page.runs = runs
        let frame = frame(
            visit, title: "\(page.title) · Stoker", kind: "plain", overview: overview, live: running != nil,
            place: "deploys", tab: kind.rawValue)
        return Reply.html(pages.page("deploys", page.model, frame: frame), to: request)
    }

    private func deployRuns(limit: Int, cursor: String? = nil) async throws(Failure) -> [DeployRunView] {
        try await deployPage(limit: limit, cursor: cursor).runs
    }

    private func deployPage(
        limit: Int, cursor: String?
    ) async throws(Failure) -> (runs: [DeployRunView], next: String?) {
        let page = try await Operation.listDeploys.call(
            [("limit", .integer(Int64(limit))), ("cursor", cursor.map { .string($0) } ?? .null)],
            in: await incidentContext())
        return ((page["items"]?.array ?? []).map(DeployRunView.init), page["next_cursor"]?.string)
    }

    private func pastDeploys(_ request: Request, _ visit: AppRequestContext) async throws -> Response {
        let query = PageFormatting.form(request.uri.query ?? "")
        let overview = await monitor.overview()
        await deployUse.look(monitor, overview)
        let (runs, next) = try await deployPage(limit: 30, cursor: query["cursor"])
        let running = runs.first { $0.isRunning }
        let model: [String: Any] = [
            "title": running?.title ?? (runs.isEmpty ? "Nothing was deployed yet" : "Past deploys"),
            "say": running?.say(now: overview.now) ?? (runs.first?.summary(now: overview.now) ?? ""),
            "sign": running != nil ? "waking" : runs.first?.sign ?? "unknown", "isEmpty": runs.isEmpty,
            "isRunning": running != nil, "mayStop": running != nil && deployRunner.isAtWork,
            "runs": runs.map { $0.model(now: overview.now) },
            "hasNext": next != nil, "next": next.map { "/deploys/past?cursor=\(PercentCoding.encoded($0))" } ?? "",
        ]
        let frame = frame(
            visit, title: "\(running?.title ?? "Past deploys") · Stoker", kind: "plain", overview: overview,
            live: running != nil, place: "deploys", tab: "past")
        return Reply.html(pages.page("past-deploys", model, frame: frame), to: request)
    }
}
