import ArgumentParser
import Foundation
import HubClient
import Operations
import StokerCore

struct WhoamiCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "whoami", abstract: "Show whose token this is, and what it can and cannot do for the fleet.",
        discussion: """
            Looks at the Spaces of the fleet file when there is one, or at those that are named. Rights are read from the token; with \
            --check the Hub is asked for each Space. Ends with 1 when the token cannot write to one of them.

            EXAMPLES
              stoker whoami
              stoker whoami --fleet fleet.yaml --check
              stoker whoami owner/bot --json
            """)
    @Argument(help: ArgumentHelp("Spaces to look at (default: those of the fleet file).", valueName: "space"))
    var spaces: [String] = []
    @Flag(help: "Ask the Hub whether each Space may be written, one call each.") var check = false
    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    struct Place {
        var space: RepoID
        var mayWrite: Bool?
        var reason: String
    }

    func run() async throws {
        let names = spaces.isEmpty ? try ofFleet() : spaces
        try await hub.use { hub in
            let identity = try await hub.whoami()
            var places: [Place] = []
            for name in names {
                let id = try await SpaceArgument.id(name, hub)
                places.append(try await place(id, identity, hub))
            }
            Self.answer(identity, places, hub.settings, .own).show(output)
            if places.contains(where: { $0.mayWrite == false }) { throw ExitCode(1) }
        }
    }

    /// The Spaces of the fleet file, each once; none when there is no file and none was named.
    private func ofFleet() throws -> [String] {
        guard fleet.fleet != nil || FileManager.default.fileExists(atPath: fleet.path) else { return [] }
        var names: [String] = []
        for case let name? in try fleet.load().fleet().checks.map(\.space) where !names.contains(name) {
            names.append(name)
        }
        return names
    }

    private func place(_ id: RepoID, _ identity: HubIdentity, _ hub: Hub) async throws -> Place {
        if check {
            switch try await hub.checkAccess(to: id, write: true) {
            case .granted: return Place(space: id, mayWrite: true, reason: "the Hub says so")
            case .refused(let failure): return Place(space: id, mayWrite: false, reason: failure.said)
            }
        }
        let right = identity.canWrite(id)
        return switch right {
        case .yes(let reason): Place(space: id, mayWrite: true, reason: reason)
        case .no(let reason): Place(space: id, mayWrite: false, reason: reason)
        case .unknown(let reason): Place(space: id, mayWrite: nil, reason: reason)
        }
    }

    static func answer(_ identity: HubIdentity, _ places: [Place], _ settings: Hub.Settings, _ screen: Screen) -> Answer
    {
        let plan = identity.isPro == true ? "PRO" : "free"
        var rows = [
            ("account", "\(identity.name) (\(plan)\(identity.canPay == true ? ", can pay" : ""))".printable),
            (
                "token",
                "\(identity.tokenName ?? "without a name"), role \(identity.role ?? identity.auth?.type ?? "unknown")"
                    .printable
            ),
            ("Hub", settings.endpoint.printable),
        ]
        for organization in identity.organizations {
            let refused = organization.securityRestrictions.flatMap {
                $0.isEmpty ? nil : ", refuses this token: \($0.joined(separator: ", "))"
            }
            rows.append(
                (
                    "member of",
                    "\(organization.name) (\(organization.roleInOrg ?? "role unknown")\(organization.plan.map { ", \($0)" } ?? "")\(refused ?? ""))"
                        .printable
                ))
        }
        var text = Rows.text(rows, screen)
        for sentence in limits(identity) { text += "  \(screen.paint(sentence.printable, .yellow))\n" }
        if !places.isEmpty {
            var table = TextTable(columns: [
                .init(title: "SPACE", shrinksTo: 16), .init(title: "WRITE"), .init(title: "WHY", shrinksTo: 16),
            ])
            for place in places {
                let word = place.mayWrite.map { $0 ? "yes" : "no" } ?? "unknown"
                table.rows.append([
                    .init("\(place.space)"),
                    .init(word, place.mayWrite == true ? .green : place.mayWrite == false ? .red : .yellow),
                    .init(place.reason, .dim),
                ])
            }
            text += "\n" + table.text(for: screen.look)
        }
        return Answer(
            json: [
                "name": .string(identity.name), "fullname": .maybe(identity.fullname), "pro": .maybe(identity.isPro),
                "can_pay": .maybe(identity.canPay),
                "token": [
                    "name": .maybe(identity.tokenName), "role": .maybe(identity.role),
                    "kind": .maybe(identity.auth?.type), "login": .bool(identity.isLogin),
                    "ends": .maybe(identity.auth?.expiresAt),
                ],
                "endpoint": .string(settings.endpoint),
                "organizations": .array(
                    identity.organizations.map {
                        [
                            "name": .string($0.name), "role": .maybe($0.roleInOrg), "plan": .maybe($0.plan),
                            "restrictions": .array(($0.securityRestrictions ?? []).map { .string($0) }),
                        ]
                    }),
                "limits": .array(limits(identity).map { .string($0) }),
                "spaces": .array(
                    places.map {
                        [
                            "space": .string("\($0.space)"), "write": .maybe($0.mayWrite), "reason": .string($0.reason),
                        ]
                    }),
            ], text: text)
    }

    /// What the token or the account stands in the way of, in sentences.
    static func limits(_ identity: HubIdentity) -> [String] {
        var limits: [String] = []
        if identity.isLogin {
            limits.append(
                "A login cannot restart Spaces, nor change their hardware or sleep time: use an access token for those."
            )
        }
        if identity.role == "read" {
            limits.append("A token with the role read cannot restart, change or upload anything: make one with write.")
        }
        if identity.isPro == false, !identity.organizations.contains(where: { $0.plan != nil }) {
            limits.append("A free account cannot create Gradio or Docker Spaces on cpu-basic: the Hub answers 402.")
        }
        return limits
    }
}
