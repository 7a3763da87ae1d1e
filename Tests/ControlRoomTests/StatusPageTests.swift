import ControlRoom
import Foundation
#if canImport(FoundationXML)
import FoundationXML
#endif
import Hummingbird
import Ledger
import Operations
import StokerCore
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct StatusPageTests {
    private static let token = Secret("s3cret-token")
    private static let bearer = [("Authorization", "Bearer s3cret-token")]

    private static func whole(_ change: (inout StatusPageSettings) -> Void = { _ in }) -> SampleFleet.Whole {
        var whole = SampleFleet.dozen()
        var page = StatusPageSettings()
        page.title = "Acme <status>"
        page.targets = ["website", "discord-bot", "gateway"].map { FleetReference($0) }
        change(&page)
        var hidden = page
        hidden.isPublic = false
        whole.monitor.setFleet { fleet in
            fleet[StatusPagesSection.section] = [
                FleetNamed(name: "acme", value: page), FleetNamed(name: "inside", value: hidden),
            ]
        }
        let website = Int32(10)
        whole.ledger.incidents = [
            Incident(
                id: 3, check: website, began: SampleFleet.now - .seconds(90_000),
                ended: SampleFleet.now - .seconds(89_000), verdict: .down, cause: .connectRefused),
            Incident(
                id: 4, check: website, began: SampleFleet.now - .seconds(660), verdict: .down, cause: .connectRefused),
            Incident(id: 5, check: 11, began: SampleFleet.now - .seconds(60), verdict: .down, cause: .connectRefused),
        ]
        return whole
    }

    private static func access(privateReading: Bool) -> Access {
        Access(token: token, privateReading: privateReading, now: { SampleFleet.now })
    }

    /// The one thing that strangers may read, and nothing beside it.
    @Test(arguments: [false, true]) func exactlyThePageAndItsFeedAreOpen(privateReading: Bool) async throws {
        try await Served.run(Self.whole(), access: Self.access(privateReading: privateReading)) { served in
            for path in ["/p/acme", "/p/acme.atom", "/p/acme?x=1"] {
                #expect(try await served.get(path).status == 200, "\(path)")
                let head = try await served.get(path, method: "HEAD")
                #expect(head.status == 200 && head.bytes.isEmpty, "\(path)")
            }
            for path in [
                "/p", "/p/", "/p/acme/", "/p/acme//", "//p/acme", "/p/acme/x", "/p/acme%2F", "/p/acme%2fx", "/p%2Facme",
                "/p/ACME", "/P/acme", "/p/acme.ATOM", "/p/acme.atom/", "/p/acme.atom.atom", "/p/.atom", "/p/acme.xml",
                "/p/other", "/p/%61cme", "/p/acme%00", "/p/../p/acme", "/p/acme/../../status", "/p/acme;x",
            ] {
                let answer = try await served.get(path)
                #expect([401, 403, 404].contains(answer.status), "\(path): \(answer.status)")
                #expect(!answer.text.contains("website"), "\(path)")
            }
            #expect(try await served.get("/p/acme", method: "POST").status >= 400)
            for path in ["/p/inside", "/p/inside.atom"] {
                let stranger = try await served.get(path)
                #expect(stranger.status == 401 && !stranger.text.contains("website"))
                #expect(try await served.get(path, headers: Self.bearer).status == 200)
            }
            for path in ["/", "/status", "/metrics", "/incidents", "/events.csv", "/incidents/4", "/badge/website.svg"]
            {
                #expect(try await served.get(path).status == (privateReading ? 401 : 200), "\(path)")
            }
        }
    }

    @Test func noAddressAndNoCauseIsShownUnlessAllowed() async throws {
        for (show, shown) in [([], false), ([StatusPageSettings.Part.causes], true)] {
            try await Served.run(Self.whole { $0.show = show }) { served in
                for path in ["/p/acme", "/p/acme.atom"] {
                    let text = try await served.get(path).text
                    #expect(text.contains("website: not reachable"), "\(path)")
                    #expect(text.contains("refused") == shown, "\(path)")
                    #expect(!text.contains("example.com") && !text.contains("hf.space") && !text.contains("postgres"))
                    #expect(!text.contains("<status>") && text.contains("Acme &lt;status&gt;"))
                }
            }
        }
    }

    @Test func whatPeopleWriteIsShownUnlessItIsInternal() async throws {
        let whole = Self.whole()
        let records = IncidentRecords(whole.ledger.records)
        try await records.add(
            to: 4, "We have <b>found</b> it", by: "mara", isInternal: false, at: SampleFleet.now)
        try await records.add(to: 4, "the key of the vault", by: nil, isInternal: true, at: SampleFleet.now)
        try await Served.run(whole) { served in
            for path in ["/p/acme", "/p/acme.atom"] {
                let text = try await served.get(path).text
                #expect(text.contains("We have &lt;b&gt;found&lt;/b&gt; it"), "\(path)")
                #expect(!text.contains("vault") && !text.contains("mara"), "\(path)")
            }
        }
    }

    /// RFC 4287: what a feed and an entry must have, and identifiers that stay.
    @Test func theFeedIsAtom() async throws {
        try await Served.run(Self.whole()) { served in
            let answer = try await served.get("/p/acme.atom")
            #expect(answer.headers["content-type"] == "application/atom+xml; charset=utf-8")
            let reader = FeedReader()
            let parser = XMLParser(data: Data(answer.bytes))
            parser.delegate = reader
            #expect(parser.parse())
            #expect(reader.counts["feed"] == 1 && reader.counts["feed/author/name"] == 1)
            for name in ["id", "title", "updated"] {
                #expect(reader.counts["feed/\(name)"] == 1, "\(name)")
                #expect(reader.counts["feed/entry/\(name)"] == 2, "\(name)")
            }
            #expect(reader.counts["feed/link"] == 2)
            #expect(Set(reader.ids).count == 3 && reader.ids.allSatisfy { $0.hasPrefix("urn:uuid:") })
            #expect(try await served.get("/p/acme.atom").text == answer.text)
        }
    }

    @Test func aLogoMayBeLoadedFromItsOwnHostOnly() async throws {
        try await Served.run(Self.whole { $0.logo = "https://acme.example/logo.svg" }) { served in
            let answer = try await served.get("/p/acme")
            #expect(
                answer.headers["content-security-policy"]?.contains("img-src 'self' data: https://acme.example;")
                    == true)
            #expect(answer.text.contains("<img src=\"https://acme.example/logo.svg\""))
        }
    }

    @Test func everyDayHasItsBar() async throws {
        try await Served.run(Self.whole()) { served in
            let text = try await served.get("/p/acme").text
            #expect(text.components(separatedBy: "<path class=\"b-").count - 1 == 3 * StatusReport.days)
        }
    }
}

private final class FeedReader: NSObject, XMLParserDelegate {
    private(set) var counts: [String: Int] = [:]
    private(set) var ids: [String] = []
    private var path: [String] = []
    private var text = ""

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String] = [:]
    ) {
        path.append(name)
        counts[path.joined(separator: "/"), default: 0] += 1
        text = ""
    }
    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
        if name == "id" { ids.append(text) }
        path.removeLast()
    }
}
