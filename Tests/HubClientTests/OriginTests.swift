import Foundation
import StokerCore
import TestSupport
import Testing

@testable import HubClient

@Suite struct OriginTests {
    @Test(arguments: [
        "https://huggingface.co/api/x", "https://HuggingFace.co:443/x", "https://hf.co", "https://hf.co/x?y",
    ])
    func theHubIsKnown(url: String) throws {
        #expect(HubEndpoint.knownOrigins.contains(try WebOrigin(url)))
    }

    /// None of these may see a token.
    @Test(arguments: [
        "http://huggingface.co/x", "https://huggingface.co:8443/x", "https://huggingface.co.example.org/x",
        "https://huggingface.co@example.org/x", "https://example.org/https://huggingface.co",
        "https://maren-x.hf.space",
        "https://cdn-lfs.huggingface.co/x", "https://hf.co.example.org", "https://example.org#@huggingface.co",
        "https://example.org?@huggingface.co/",
    ]) func lookalikesAreStrangers(url: String) {
        if let origin = try? WebOrigin(url) { #expect(!HubEndpoint.knownOrigins.contains(origin)) }
    }

    /// The HTTP library reads addresses by Foundation: a request goes where the origin says, or is not made.
    @Test(arguments: trickyAddresses) func requestsGoWhereTheOriginSays(url: String) throws {
        guard let origin = try? WebOrigin(url) else { return }
        let read = try #require(URL(string: url))
        let host = (read.host() ?? "").lowercased()
        #expect(host == origin.host || host == "[\(origin.host)]")
        #expect(read.port ?? (read.scheme == "https" ? 443 : 80) == origin.port)
    }

    /// What is taken as a Hub's address has an origin; what has none is told.
    @Test(arguments: trickyAddresses) func endpointsAreReadByTheSameGrammar(url: String) {
        guard let read = try? HubEndpoint.read(url, from: "HF_ENDPOINT") else { return }
        #expect((try? WebOrigin(read)) != nil)
        #expect(HubEndpoint.isUnencrypted(read) == (try? WebOrigin(url))?.isReadableOnTheWay)
    }

    @Test(arguments: trickyAddresses) func proxiesAreReadByTheSameGrammar(url: String) {
        guard url.hasPrefix("http://") else { return }
        let proxy = HubProxies(["HTTPS_PROXY": url])
        let found = (try? WebOrigin("https://other.example")).flatMap { proxy.proxy(for: $0) }
        let wanted = try? AddressParts(url)?.authority()
        #expect(found?.host == wanted?.host && found?.port == wanted.map { $0.port ?? 80 })
    }

    @Test(arguments: [
        ("/b", "https://hf.co/b"), ("c?d=1", "https://hf.co/a/c?d=1"), ("https://x.org/y", "https://x.org/y"),
        ("//x.org/y", "https://x.org/y"),
    ]) func redirectsAreResolved(location: String, target: String) {
        #expect(HubURL.resolve(location, from: "https://hf.co/a/b") == target)
    }

    @Test func addressesAreShownWithoutTheirSecrets() {
        #expect(HubURL.shown("https://me:pw@x.org/a?sig=1#f") == "https://x.org/a")
    }

    @Test(arguments: [
        ("https://huggingface.co/api/spaces?x=/resolve/", "api"),
        ("https://huggingface.co/spaces/a/b/resolve/main/x", "resolvers"),
        ("https://huggingface.co/a/b", "pages"), ("https://hf.co/api/x", "api"),
    ]) func bucketsFollowThePath(url: String, bucket: String) {
        #expect(Hub.bucket(of: url, endpoint: "https://huggingface.co") == bucket)
    }
}
