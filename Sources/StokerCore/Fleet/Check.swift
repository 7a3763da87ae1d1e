/// One thing that is looked at again and again: a Space's *alive* check, its *ready* check, a URL, a port, a heartbeat.
///
/// Kept small on purpose: a master may hold a million of them, so everything that many share is in ``policy``.
package struct Check: Sendable, Equatable {
    /// Unique in the fleet. The main check has its target's name (`llm-backend`), a further one adds its own
    /// (`llm-backend/ready`).
    package var name: String
    /// In one of the forms of its kind (``CheckKinds``); empty for a heartbeat.
    package var address: String
    /// `owner/name` when the check looks at a Space.
    package var space: String?
    /// The Space consists of files only, as the Hub says: what answers is not behind the edge of an app.
    package var isStatic = false
    /// How it is made and judged; shared with all checks that are configured alike.
    package var policy: CheckPolicy

    package init(name: String, address: String, space: String? = nil, policy: CheckPolicy) {
        self.name = name
        self.address = address
        self.space = space
        self.policy = policy
    }

    /// The target the check belongs to: the name up to the first slash.
    package var target: String { name.firstIndex(of: "/").map { String(name[..<$0]) } ?? name }

    /// What the dashboard groups by: the group that was named, else what its kind says.
    package var groupLabel: String { policy.group ?? policy.kind.type.group(of: self) }

    /// A Space whose Hub has not told where it is: nothing is pinged.
    package var lacksAddress: Bool { address.isEmpty && space != nil }

    package static func == (a: Check, b: Check) -> Bool {
        a.name == b.name && a.address == b.address && a.space == b.space && a.isStatic == b.isStatic
            && (a.policy === b.policy || a.policy == b.policy)
    }
}

/// How a check is made and judged. One instance is shared by all checks that are configured alike.
package final class CheckPolicy: Sendable, Equatable {
    package let kind: Kind
    /// Time between two pings. For a heartbeat the longest time between two beats. Default 45 min.
    package let every: Duration
    /// Limit of one attempt, from the first packet to the last byte. Default 120 s.
    package let timeout: Duration
    /// Limits of the phases inside ``timeout``.
    package let connectTimeout: Duration
    package let tlsTimeout: Duration
    /// Waits before the further attempts of one ping. Default 5, 10, 20 s.
    package let retry: [Duration]
    /// Time between two pings while the check fails; never longer than ``every``. Default 60 s.
    package let recheck: Duration
    /// How much each interval is varied, as a share of it: 0.05 is ±5 %. Default 0.05.
    package let jitter: Double
    /// When pings are made at all; nil is always.
    package let hours: Hours?
    /// When a heartbeat's job calls, in place of ``every``; nil for an interval.
    package let schedule: CronSchedule?
    /// How many failed pings out of how many make the check *down*. Default 1 of 1: a ping has its own retries.
    package let downAfter: Threshold
    /// A heartbeat's grace: how late a beat may be. Default 5 min.
    package let grace: Duration
    package let request: Request
    package let expect: Expectation
    /// `alive` checks decide whether a target is up; `ready` checks tell more and never keep it warm.
    package let role: Role
    /// Free label to group the dashboard by; nil groups by kind of target.
    package let group: String?
    /// Whether the Space runs on paid hardware, as the fleet file says (`hardware:` not `cpu-basic`).
    package let paidHardware: Bool
    /// Whether pings are wanted at all (`warmth: never`/`paused: true` make false): the check is listed as paused.
    package let enabled: Bool
    /// The warmth level that was named, for the advice page.
    package let warmth: Warmth?
    /// When a Space is to be awake.
    package let awake: Awake
    /// What may be done when it fails.
    package let heal: HealRule
    /// The address was said in the file (`url:`): the Hub's own does not take its place.
    package let ownAddress: Bool

    /// Raw values are those of the fleet file.
    package enum Role: String, Sendable, Codable { case alive, ready }

    package init(
        kind: Kind = .http, every: Duration = .seconds(45 * 60), timeout: Duration = .seconds(120),
        connectTimeout: Duration = .seconds(10), tlsTimeout: Duration = .seconds(10),
        retry: [Duration] = [.seconds(5), .seconds(10), .seconds(20)], recheck: Duration = .seconds(60),
        jitter: Double = 0.05, hours: Hours? = nil, schedule: CronSchedule? = nil,
        downAfter: Threshold = Threshold(failures: 1, of: 1),
        grace: Duration = .seconds(300), request: Request = Request(), expect: Expectation = Expectation(),
        role: Role = .alive, group: String? = nil, paidHardware: Bool = false, enabled: Bool = true,
        warmth: Warmth? = nil, awake: Awake = .always, heal: HealRule = HealRule(), ownAddress: Bool = false
    ) {
        self.kind = kind
        self.every = every
        self.timeout = timeout
        self.connectTimeout = connectTimeout
        self.tlsTimeout = tlsTimeout
        self.retry = retry
        self.recheck = recheck
        self.jitter = jitter
        self.hours = hours
        self.schedule = schedule
        self.downAfter = downAfter
        self.grace = grace
        self.request = request
        self.expect = expect
        self.role = role
        self.group = group
        self.paidHardware = paidHardware
        self.enabled = enabled
        self.warmth = warmth
        self.awake = awake
        self.heal = heal
        self.ownAddress = ownAddress
    }

    /// The same policy with another request.
    package func sending(_ request: Request) -> CheckPolicy {
        CheckPolicy(
            kind: kind, every: every, timeout: timeout, connectTimeout: connectTimeout, tlsTimeout: tlsTimeout,
            retry: retry, recheck: recheck, jitter: jitter, hours: hours, schedule: schedule,
            downAfter: downAfter, grace: grace,
            request: request, expect: expect, role: role, group: group, paidHardware: paidHardware, enabled: enabled,
            warmth: warmth, awake: awake, heal: heal, ownAddress: ownAddress)
    }

    package static func == (a: CheckPolicy, b: CheckPolicy) -> Bool {
        a.kind == b.kind && a.every == b.every && a.timeout == b.timeout && a.connectTimeout == b.connectTimeout
            && a.tlsTimeout == b.tlsTimeout && a.retry == b.retry && a.recheck == b.recheck && a.jitter == b.jitter
            && a.hours == b.hours && a.downAfter == b.downAfter && a.grace == b.grace && a.request == b.request
            && a.expect == b.expect && a.role == b.role && a.group == b.group && a.paidHardware == b.paidHardware
            && a.enabled == b.enabled && a.warmth == b.warmth && a.awake == b.awake && a.heal == b.heal
            && a.ownAddress == b.ownAddress && a.schedule == b.schedule
    }
}

/// `failures` failed pings among the last `of`.
package struct Threshold: Sendable, Hashable {
    /// 1 up to ``of``.
    package var failures: Int
    /// 1…32.
    package var of: Int
    package init(failures: Int, of: Int) {
        self.failures = failures
        self.of = of
    }
}

/// Named intervals (KA10 in docs/promises.md).
package enum Warmth: String, Sendable, CaseIterable, Codable {
    case hot, warm, cool, alive

    /// Time between two pings: 2, 5, 15 or 45 minutes.
    package var interval: Duration {
        switch self {
        case .hot: .seconds(2 * 60)
        case .warm: .seconds(5 * 60)
        case .cool: .seconds(15 * 60)
        case .alive: .seconds(45 * 60)
        }
    }
}

/// What a probe sends.
package struct Request: Sendable, Hashable {
    /// Any token of RFC 9110 section 9.1; default GET.
    package var method: String
    /// In the order of the file. Values may hold secrets: see ``Header``.
    package var headers: [Header]
    /// Sent as it is, in UTF-8; nil for none. May hold what came out of variables: see ``hidden``.
    package var body: String?
    /// How many redirects are followed. Default 5; 0 judges the redirect itself.
    package var redirects: Int
    /// Whether certificates are checked. Default true.
    package var verifyTLS: Bool
    /// What the environment's variables put into path, query, body and expectations. People see `***` instead: it may be a secret, whatever
    /// it looks like. Header values are ``Secret`` by themselves.
    package var hidden: [Secret] = []

    /// A header of the request.
    package struct Header: Sendable, Hashable {
        package var name: String
        /// Secret because it may come from the environment; shown as `***` for `Authorization`, `Cookie` and the like.
        package var value: Secret
        package init(name: String, value: Secret) {
            self.name = name
            self.value = value
        }
    }

    package init(
        method: String = "GET", headers: [Header] = [], body: String? = nil, redirects: Int = 5, verifyTLS: Bool = true
    ) {
        self.method = method
        self.headers = headers
        self.body = body
        self.redirects = redirects
        self.verifyTLS = verifyTLS
    }
}

/// What an answer must look like to be good.
package struct Expectation: Sendable, Hashable {
    /// Accepted status codes. Default 200…399.
    package var status: [ClosedRange<Int>]
    /// Text that must be in the body (first MiB).
    package var text: String?
    /// Regular expression that must match somewhere in the body (first MiB, in bounded work).
    package var regex: String?
    /// Paths such as `$.database` and the value each must have; in the order of the file.
    package var json: [JSONRule]
    /// Longest time to the first byte; a slower answer is *slow*, not *down*.
    package var within: Duration?
    /// Fewest days the certificate must still be good for; fewer is *slow*'s equal, a warning (`degraded`).
    package var certificateDays: Int?
    /// What only one kind of check expects, by its key: ``CheckKind/ownExpectations``.
    package var own: [String: [String]]

    /// One line of `expect.json`.
    package struct JSONRule: Sendable, Hashable {
        /// A path as ``JSONPath`` reads it, such as `$.database.state`.
        package var path: String
        /// What must stand there. Numbers are compared by value: 1 is 1.0.
        package var value: JSONScalar
        package init(path: String, value: JSONScalar) {
            self.path = path
            self.value = value
        }
    }

    package init(
        status: [ClosedRange<Int>] = [200...399], text: String? = nil, regex: String? = nil, json: [JSONRule] = [],
        within: Duration? = nil, certificateDays: Int? = nil, own: [String: [String]] = [:]
    ) {
        self.status = status
        self.text = text
        self.regex = regex
        self.json = json
        self.within = within
        self.certificateDays = certificateDays
        self.own = own
    }

    /// Whether the body is looked at, so that a probe may stop reading early when it is not.
    package var readsBody: Bool { text != nil || regex != nil || !json.isEmpty }
}

/// A JSON value without parts.
package enum JSONScalar: Sendable, Hashable {
    case string(String)
    case number(JSONNumber)
    case bool(Bool)
    case null
}

/// A weekly window in a time zone: `Mon-Fri 07:00-20:00 Europe/Berlin`; several are joined by a comma.
package struct Hours: Sendable, Hashable {
    /// One span of the day, on some days of the week.
    package struct Window: Sendable, Hashable {
        /// Bit 0 is Monday.
        package var days: UInt8
        /// Minutes since local midnight, 0…1440; an end before the start reaches into the next day.
        package var start: Int
        package var end: Int
        package init(days: UInt8, start: Int, end: Int) {
            self.days = days
            self.start = start
            self.end = end
        }
    }
    /// Not empty; they may overlap.
    package var windows: [Window]
    /// IANA name, `UTC` by default.
    package var zone: String
    /// As written, for pages.
    package var text: String

    package init(windows: [Window], zone: String, text: String) {
        self.windows = windows
        self.zone = zone
        self.text = text
    }
}
