import FoundationEssentials
import Testing

@testable import HubClient

@Suite struct OriginTests {
    @Test(arguments: [
        "https://huggingface.co/api/x", "https://HuggingFace.co:443/x", "https://hf.co", "https://hf.co/x?y",
    ])
    func theHubIsKnown(url: String) throws {
        #expect(HubOrigin.known.contains(try #require(HubOrigin(url))))
    }

    /// None of these may see a token.
    @Test(arguments: [
        "http://huggingface.co/x", "https://huggingface.co:8443/x", "https://huggingface.co.example.org/x",
        "https://huggingface.co@example.org/x", "https://example.org/https://huggingface.co",
        "https://maren-x.hf.space",
        "https://cdn-lfs.huggingface.co/x", "https://hf.co.example.org", "https://example.org#@huggingface.co",
        "https://example.org?@huggingface.co/",
    ]) func lookalikesAreStrangers(url: String) {
        if let origin = HubOrigin(url) { #expect(!HubOrigin.known.contains(origin)) }
    }

    @Test(arguments: ["", "huggingface.co", "file:///x", "ftp://hf.co", "https://", "//hf.co/x"])
    func whatIsNoAddressHasNoOrigin(url: String) { #expect(HubOrigin(url) == nil) }

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
