import Ledger
import StokerCore

extension Operation {
    package static let showCheck = Operation(
        name: "show-check", summary: "Everything about one check: state, policy, siblings, certificate, uptime",
        doing: "show the check", needsFleet: true, path: "/checks/{name}", parameters: [.checkName],
        answer: .checkDetail
    ) { (context, arguments) throws(Failure) in
        let status = try await context.monitor.status(of: arguments.name())
        let family = try await context.monitor.statuses(ofTarget: status.check.target)
        let now = context.now()
        let siblings = family.filter { $0.check.name != status.check.name }
        let view = CheckView(status, now: now)
        let history = try await History.read(of: status, from: context.ledger, context.uptimes, now: now)
        // A ledger that cannot be read leaves what the monitor knows.
        var acknowledged: Acknowledgement?
        var maintenance = IncidentMaintenance(spans: [])
        if let incident = history?.incident {
            acknowledged = try? await IncidentRecords(context.ledger.records).acknowledgement(of: incident.id)
            maintenance = (try? await .read(from: context.ledger.records)) ?? maintenance
        }
        return view.json.adding([
            .init("policy", status.check.policy.json),
            .init(
                "siblings",
                .array(
                    siblings.map {
                        [
                            "name": .string($0.check.name), "verdict": .string($0.state.verdict.name),
                            "look": .string($0.state.look),
                        ]
                    })),
            .init("certificate_days", .number(view.certificateDays)),
            .init("uptime", history.map { .object($0.uptime) } ?? .null),
            .init(
                "incident",
                history?.incident?.json(
                    name: status.check.name, now: now, acknowledged: acknowledged, maintenance: maintenance) ?? .null),
        ])
    }

    private struct History {
        var uptime: [JSONValue.Member]
        var incident: Incident?

        /// nil when the ledger cannot be read: what the monitor knows is shown all the same, and the overview tells of the ledger.
        static func read(
            of status: CheckStatus, from ledger: any Ledger, _ kept: UptimeCache, now: Instant
        ) async -> History? {
            do throws(Failure) {
                let uptime = try await kept.uptimes(of: status, from: ledger, now: now)
                let open = try await ledger.incidents(of: status.id, openOnly: true, before: nil, limit: 1)
                return History(uptime: uptime.map { .init($0.name, $0.json) }, incident: open.first)
            } catch {
                return nil
            }
        }
    }
}
