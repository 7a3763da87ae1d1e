import Notices
package import StokerCore

/// A page for the people who use what is watched, as `status_pages:` of the fleet file has it. The name is its address: `/p/{name}`.
package struct StatusPageSettings: Sendable, Equatable {
    /// What may be shown besides verdicts.
    package enum Part: String, Sendable, CaseIterable {
        case causes
    }

    package var title: String?
    /// Address of a picture; HTTPS.
    package var logo: String?
    package var groups: [FleetReference] = []
    package var targets: [FleetReference] = []
    /// Readable without the token.
    package var isPublic = true
    package var show: [Part] = []

    package init() {}

    /// Whether a check is on the page.
    package func shows(_ check: Check) -> Bool {
        groups.contains { $0.name == check.groupLabel }
            || targets.contains { $0.name == check.name || $0.name == check.target }
    }

    /// What a page may be called in its address: 1…40 small letters, digits and inner hyphens.
    package static func isSlug(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return (1...40).contains(bytes.count) && bytes.first != 0x2D && bytes.last != 0x2D
            && bytes.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
    }
}

/// `status_pages:` of the fleet file.
package enum StatusPagesSection {

    package static let table = FleetTable<StatusPageSettings>(
        [
            FleetKey(
                "title", .text("the page's title"), \.title, "Stands at its top.", defaultValue: "the page's name",
                example: "Acme status", invalidExamples: ["[a]", "{ a: b }"]),
            FleetKey(
                "logo", .webAddress, \.logo,
                "Address of a picture beside the title; visitors' browsers load it from there.",
                defaultValue: "none", example: "https://acme.example/logo.svg", invalidExamples: ["logo.svg", "[a]"]),
            FleetKey(
                "groups", .list(.reference("a group's name"), "groups", limit: 1_000), \.groups,
                "Shows the checks of these groups.", example: "[]", invalidExamples: ["nowhere", "{ a: b }"]),
            FleetKey(
                "targets", .list(.reference("a target's name"), "targets", limit: 1_000), \.targets,
                "Shows these targets, or single checks such as `bot/ready`; with `groups`, either is enough.",
                example: "[]", invalidExamples: ["nowhere", "{ a: b }"]),
            FleetKey(
                "public", .bool, \.isPublic,
                "Readable by anybody, with `serve.private` too; `false`: only with the token.", defaultValue: "true",
                example: "false", invalidExamples: ["perhaps"]),
            FleetKey(
                "show", .list(.word, "parts, such as causes", limit: 10), \.show,
                "What is shown besides verdicts and what people write: `causes` of trouble. Addresses never are.",
                defaultValue: "nothing", range: "`causes`", example: "[causes]",
                invalidExamples: ["addresses", "{ a: b }"]),
        ])

    private static let named = FleetValue<[FleetNamed<StatusPageSettings>]>.named(
        .table(table, StatusPageSettings()),
        fault: {
            StatusPageSettings.isSlug($0)
                ? nil : "cannot be part of an address: it has 1…40 of a-z, 0-9 and inner hyphens, such as acme-apps"
        })

    package static let section = FleetSection(
        "status_pages",
        "Pages for those who use what is watched, by name: `acme: { title: Acme status, groups: [production] }` is `/p/acme`.",
        named, initial: [],
        groups: [
            FleetKeyGroup("status_pages", table.rows, document: "status_pages: { acme: { % } }", schemaPath: [])
        ]
    ).checking { pages, fleet, report in
        for page in pages.map(\.value) {
            report.check(groups: page.groups, targets: page.targets, in: fleet)
        }
    }
}
