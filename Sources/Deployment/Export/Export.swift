package import StokerCore

/// Ready-made files for services that wake the master from outside and, when it is silent, the Spaces that must not wait for it
/// (KA8 in docs/promises.md).
package struct Export: Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        case appsScript = "apps-script"
        case n8n
        case githubActions = "github-actions"
        case crontab
        case uptimeRobot = "uptimerobot"

        /// A name to save the file under.
        package var fileName: String {
            switch self {
            case .appsScript: "keepalive.gs"
            case .n8n: "keepalive.n8n.json"
            case .githubActions: ".github/workflows/keepalive.yml"
            case .crontab: "keepalive.crontab"
            case .uptimeRobot: "uptimerobot.csv"
            }
        }
    }

    /// The file.
    package var content: String
    /// What to do with it, for formats that cannot say so themselves; one step a line.
    package var instructions: [String]

    /// - Parameters:
    ///   - master: base address of the master; without one the file's `serve.public_url`, else a placeholder to fill in.
    ///   - wakeEvery: 1 to 30 min. Default 5 min.
    ///   - hidden: names of checks whose Space is private, as the Hub says.
    /// - Throws: `usage` when the master's address is none.
    package static func make(
        _ kind: Kind, fleet: Fleet, master: String? = nil, wakeEvery: Duration = .seconds(300),
        hidden: Set<String> = []
    ) throws(Failure) -> Export {
        let plan = try WakePlan(fleet, master: master, wakeEvery: wakeEvery, hidden: hidden)
        switch kind {
        case .appsScript: return AppsScript.make(plan)
        case .n8n: return try N8N.make(plan)
        case .githubActions: return GitHubActions.make(plan)
        case .crontab: return Crontab.make(plan)
        case .uptimeRobot: return UptimeRobot.make(plan)
        }
    }
}

/// What all formats express: wake this, and if it is silent, those.
struct WakePlan: Sendable {
    struct Target: Sendable, Equatable {
        var name: String
        var address: String
        var minutes: Int
    }
    static let placeholder = "https://YOUR-MASTER.hf.space"

    /// Without a slash at the end.
    var master: String
    var isPlaceholder: Bool
    var minutes: Int
    /// Checks that are kept hot or warm, and may therefore not wait for a silent master.
    var critical: [Target]
    /// Critical ones that are left out, because a file for others may not carry what their requests carry …
    var leftOut: [String]
    /// … because their Space is private, and answers nobody without the token …
    var withToken: [String] = []
    /// … or because nobody outside reaches their address.
    var outOfReach: [String] = []
    /// … or because nobody has told the address of their Space.
    var withoutAddress: [String] = []
    /// A service outside cannot reach the master either.
    var isMasterOutOfReach = false

    init(_ fleet: Fleet, master: String?, wakeEvery: Duration, hidden: Set<String>) throws(Failure) {
        guard let minutes = Int(exactly: wakeEvery.seconds / 60), (1...30).contains(minutes) else {
            throw Failure(
                .usage, doing: "export a waker",
                because: "\(wakeEvery.text) is not a whole number of minutes from 1 to 30",
                hint: "write it like --every 5m")
        }
        self.minutes = minutes
        if let given = master ?? fleet.serve.publicURL {
            do throws(Address.Fault) {
                let address = try Address(given)
                guard address.scheme.kind == .http else { throw Address.Fault(because: "is not an http address") }
                var text = address.description
                while text.hasSuffix("/") { text.removeLast() }
                if text.hasSuffix("/health") { text.removeLast("/health".count) }
                guard !text.contains("?") else { throw Address.Fault(because: "has a query, which may hold a key") }
                self.master = text
                isPlaceholder = text == Self.placeholder.lowercased()
                isMasterOutOfReach = address.isOfOwnNetwork
            } catch {
                throw Failure(
                    .usage, doing: "export a waker", because: "the master's address \(error.because)",
                    hint: "write it like --master https://owner-master.hf.space")
            }
        } else {
            self.master = Self.placeholder
            isPlaceholder = true
        }
        critical = []
        leftOut = []
        for check in fleet.checks {
            let policy = check.policy
            guard policy.kind == .http, policy.enabled, policy.role == .alive, policy.every <= Warmth.warm.interval
            else { continue }
            let carriesSecret =
                check.address.contains("?") || check.isAddressHidden
                || !policy.request.headers.isEmpty || policy.request.body != nil
                || policy.request.method != "GET"
            if check.address.isEmpty {
                withoutAddress.append(check.name)
            } else if hidden.contains(check.name) {
                withToken.append(check.name)
            } else if carriesSecret {
                leftOut.append(check.name)
            } else if (try? Address(check.address))?.isOfOwnNetwork == true {  // the reader took it, so it parses
                outOfReach.append(check.name)
            } else {
                critical.append(
                    Target(
                        name: check.name, address: check.address,
                        minutes: max(1, Int((policy.every.seconds / 60).rounded(.up)))))
            }
        }
    }

    var health: String { master + "/health" }

    /// Notes that every format carries.
    var notes: [String] {
        var notes: [String] = []
        if isPlaceholder {
            notes.append("Put your master's address in place of \(Self.placeholder), or export again with --master.")
        }
        if isMasterOutOfReach {
            notes.append(
                "\(master) is reached from this machine or its own network only: no service elsewhere can wake it. Export again with --master and its public address."
            )
        }
        if critical.isEmpty, leftOut.isEmpty, withToken.isEmpty, outOfReach.isEmpty, withoutAddress.isEmpty {
            notes.append(
                "No check is hot or warm (every 5m or less), so nothing is woken directly when the master is silent.")
        }
        if !leftOut.isEmpty {
            notes.append(
                "Left out, because their requests carry a query, a variable, headers, a body or another method than GET: \(leftOut.joined(separator: ", "))."
            )
        }
        if !withToken.isEmpty {
            notes.append(
                "Left out, because their Spaces are private, answer only with a token, and this file holds none: \(withToken.joined(separator: ", ")). The master wakes them."
            )
        }
        if !withoutAddress.isEmpty {
            notes.append(
                "Left out, because the Hub tells no address of their Spaces: \(withoutAddress.joined(separator: ", ")). Look at their names and at the token."
            )
        }
        if !outOfReach.isEmpty {
            notes.append(
                "Left out, because only this machine or its own network reaches their addresses: \(outOfReach.joined(separator: ", "))."
            )
        }
        return notes
    }

    /// Minutes of the hour, beside the full hour, when everybody's jobs start.
    var minuteList: [Int] {
        let offset = minutes == 1 ? 0 : min(2, minutes - 1)
        return Array(stride(from: offset, to: 60, by: minutes))
    }

    /// The minute field of a cron line.
    var minuteField: String {
        if minutes == 1 { return "*" }
        guard 60 % minutes == 0, let first = minuteList.first, let last = minuteList.last else {
            return minuteList.map(String.init).joined(separator: ",")
        }
        return "\(first)-\(last)/\(minutes)"
    }
}
