import Ledger
import StokerCore

extension Operation {
    package static let showCheck = Operation(
        name: "show-check", summary: "Everything about one check: state, policy, siblings, certificate, uptime",
        doing: "show the check", needsFleet: true, path: "/checks/{name}", parameters: [.checkName],
        answer: .checkDetail
    ) { (context, arguments) throws(Failure) in
        let status = try await context.keeper.status(of: arguments.name())
        let family = try await context.keeper.statuses(StatusQuery(text: status.check.target, limit: 1_000)).items
        let siblings = family.filter { $0.check.target == status.check.target && $0.check.name != status.check.name }
        let now = context.now()
        let history = try await History.read(of: status.id, from: context.ledger, now: now)
        let days = status.state.certificateEnd.map { (Double(($0 - now).wholeMilliseconds) / 8_640_000).rounded() / 10 }
        return status.json.adding([
            .init("policy", status.check.policy.json),
            .init(
                "siblings",
                .array(siblings.map { ["name": .string($0.check.name), "verdict": .string($0.state.verdict.name)] })),
            .init("certificate_days", .number(days)),
            .init("uptime", history.map { .object($0.uptime) } ?? .null),
            .init("incident", history?.incident?.json(name: status.check.name, now: now) ?? .null),
        ])
    }

    private struct History {
        var uptime: [JSONValue.Member]
        var incident: Incident?

        /// nil when the ledger cannot be read: what the keeper knows is shown all the same, and the overview tells of the ledger.
        static func read(of check: Int32, from ledger: any Ledger, now: Instant) async -> History? {
            do throws(Failure) {
                var uptime: [JSONValue.Member] = []
                for (name, span) in Watched.spans {
                    guard let tally = try await ledger.tally(of: [check], from: now - span, to: now).first else {
                        continue
                    }
                    uptime.append(
                        .init(
                            name,
                            tally.json.adding([
                                .init("known_seconds", .seconds(tally.known)), .init("whole", .bool(tally.isWhole)),
                            ])))
                }
                let open = try await ledger.incidents(of: check, openOnly: true, before: nil, limit: 1)
                return History(uptime: uptime, incident: open.first)
            } catch {
                return nil
            }
        }
    }
}
