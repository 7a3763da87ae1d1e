/// A way of checking, as far as the fleet file, the pages and the API must know it. How it asks is in `KeepAlive/Checks`.
///
/// A new kind is a type that conforms to this, its line in ``CheckKinds/all``, and its `ProbedKind`. Nobody else looks at a
/// kind's name: who wants to know something of a check asks its kind.
package protocol CheckKind: Sendable {
    /// Stable name for the API, `check-config` and filters: `tcp`.
    static var name: String { get }
    /// The check is called and asks nobody: silence is the failure. Default false.
    static var isPassive: Bool { get }

    // MARK: Its address

    /// How its addresses begin; none where it has no address.
    static var schemes: [Address.Scheme] { get }
    /// An address of it for people and schemas: `tcp://host:port`.
    static var example: String { get }
    /// The pattern of its addresses in the fleet file's schema (ECMA-262), without `^` and `$`.
    static var addressPattern: String { get }
    /// Holds port and path against what this kind can use, and brings them into the one spelling that equal addresses share.
    /// - Parameter address: scheme, host and port are read; the path is all that follows them, without spaces and `#`.
    /// - Throws: ``Address/Fault``, in words that fit behind the text that was read.
    static func settle(_ address: inout Address) throws(Address.Fault)
    /// A browser can open the address. Default false.
    static var opensInBrowser: Bool { get }
    /// Whether a server behind this address shows a certificate, whose end is then known.
    static func hasCertificate(at scheme: Address.Scheme) -> Bool

    // MARK: What a check of it may say

    /// The keys it takes of those that not every kind takes (``CheckKinds/settings``).
    static var settings: Set<String> { get }
    /// Why it takes no other: a clause that follows "does not apply to tcp://,".
    static var refusal: String { get }
    /// The keys of `expect` that it takes.
    static var expectations: [String] { get }
    /// Keys of `expect` that no other kind takes. Default none.
    static var ownExpectations: [OwnExpectation] { get }
    /// Limit of one attempt where the file says none. Default 120 s: a Space that sleeps needs that long.
    static var timeout: Duration { get }
    /// Fills in what is expected where the file does not say it.
    static func complete(_ expect: inout Expectation)
    /// What is wrong with an expectation for this address: the key of `expect` and words that follow it; nil when nothing is.
    static func fault(in expect: Expectation, at address: Address) -> (key: String, because: String)?

    // MARK: What is shown of it

    /// What a page calls it: `TCP port`.
    static func label(of check: Check) -> String
    /// What the dashboard groups checks by that name no group.
    static func group(of check: Check) -> String
    /// What is done, on one line and without secrets: `connect tcp://db.example.com:5432`.
    static func work(of check: Check) -> String
    /// What is believed while all is well; completes "it …".
    static var well: String { get }
    /// What is believed before anything was seen. - Parameter wasSeen: it was, before a restart or a change.
    static func unseen(wasSeen: Bool) -> String
}

/// A key of `expect` that belongs to one kind: one text or a list of texts, each of which must be met.
package struct OwnExpectation: Sendable {
    package let key: String
    /// One line for documentation and schema.
    package let summary: String
    /// What to write, for messages: `records such as [192.0.2.1]`.
    package let wanted: String
    /// How many texts at most.
    package let most: Int
    /// Of a check of the kind's ``CheckKind/example``: a value that is accepted, and values that are refused, as YAML. Tests try them.
    package let sample: String
    package let invalidExamples: [String]

    package init(key: String, summary: String, wanted: String, most: Int, sample: String, invalidExamples: [String]) {
        self.key = key
        self.sample = sample
        self.invalidExamples = invalidExamples
        self.summary = summary
        self.wanted = wanted
        self.most = most
    }
}

extension CheckKind {
    package static var isPassive: Bool { false }
    package static var opensInBrowser: Bool { false }
    package static func hasCertificate(at scheme: Address.Scheme) -> Bool { false }
    package static var settings: Set<String> { [] }
    package static var ownExpectations: [OwnExpectation] { [] }
    package static var timeout: Duration { .seconds(120) }
    package static func complete(_ expect: inout Expectation) {}
    package static func fault(in expect: Expectation, at address: Address) -> (key: String, because: String)? { nil }
    package static func group(of check: Check) -> String { check.space == nil ? "Addresses" : "Spaces" }
    package static var well: String { Cause.none.sentence }
    package static func unseen(wasSeen: Bool) -> String { "not looked at yet" }
}

extension CheckPolicy {
    /// The kind of a check: an entry of ``CheckKinds/all``.
    package struct Kind: Sendable, Hashable, CaseIterable, CustomStringConvertible {
        package let type: any CheckKind.Type
        package init(_ type: any CheckKind.Type) { self.type = type }

        /// One HTTP request on a new connection.
        package static let http = Kind(HTTPKind.self)
        /// One TCP connection.
        package static let tcp = Kind(TCPKind.self)
        /// The job calls us; silence is the failure.
        package static let heartbeat = Kind(HeartbeatKind.self)

        package static let allCases = CheckKinds.all.map(Kind.init)

        /// The name.
        package var rawValue: String { type.name }
        package var description: String { rawValue }
        package init?(rawValue: String) {
            guard let found = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
            self = found
        }

        package static func == (a: Kind, b: Kind) -> Bool { a.type == b.type }
        package func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(type)) }
    }
}
