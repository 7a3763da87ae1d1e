import StokerCore
import Testing

@Suite struct WebOriginTests {
    @Test(arguments: [
        ("https://Example.COM", "example.com", 443), ("HTTP://a", "a", 80), ("https://a:8443/x?y#z", "a", 8443),
        ("http://[::1]:80/", "::1", 80), ("https://[2001:DB8::1]", "2001:db8::1", 443),
        ("https://user:pa:ss@host:1/p", "host", 1), ("https://a@b@c", "c", 443),
        ("https://a.example.?q=@b", "a.example.", 443), ("https://a_b.c/@d", "a_b.c", 443),
        ("https://a#@b", "a", 443), ("http://1.2.3.4", "1.2.3.4", 80),
        ("http://127.example.com", "127.example.com", 80),
    ]) func hostAndPortAreRead(text: String, host: String, port: Int) throws {
        let origin = try WebOrigin(text)
        #expect(origin.host == host && origin.port == port)
        #expect(try WebOrigin(origin.description) == origin)
    }

    @Test(arguments: [
        "", "a", "//a", "ftp://a", "file:///x", "https:/a", "https://", "https://:80", "https://a:", "https://a:0",
        "https://a:65536", "https://a:8o", "http://1.2.3.999/", "http://1.2.3", "http://0177.0.0.1", "http://0x7f.1",
        "http://::1/", "http://[::1", "http://[::1]x", "http://[1.2.3.4]", "http://[fe80::1%25eth0]", "http://a%2eb",
        "http://a b", "http://a/ b", "http://a\r\nb", "http://ä.example", "http://a..b", "http://.", "http://a\\b",
        "https://huggingface.co\\@evil.example",
    ]) func whatIsNoWebAddressIsRefused(text: String) {
        #expect(throws: Address.Fault.self) { try WebOrigin(text) }
    }

    @Test(arguments: [
        ("http://localhost", true), ("http://x.localhost:1", true), ("http://localhost.", true),
        ("http://127.9.9.9", true),
        ("http://[::1]", true), ("http://[::ffff:127.0.0.1]", true), ("http://[0:0:0:0:0:0:0:1]", true),
        ("http://127.example.com", false), ("http://localhost.example.com", false), ("http://128.0.0.1", false),
        ("http://[::2]", false), ("http://127.0.0.1@evil.example", false),
    ]) func thisMachineIsKnown(text: String, isLoopback: Bool) throws {
        let origin = try WebOrigin(text)
        #expect(origin.isLoopback == isLoopback && origin.isReadableOnTheWay == !isLoopback)
    }

    @Test func itIsWrittenAsHeadersHaveIt() throws {
        let plain = try WebOrigin("https://user@[::1]:443/x")
        #expect(plain.authority == "[::1]" && plain.shown == "[::1]:443" && plain.description == "https://[::1]")
        #expect(try WebOrigin("http://a:8800/").authority == "a:8800")
    }

    @Test func partsAreTakenAsWritten() throws {
        let parts = try #require(AddressParts("PostgreSQL://me:p%40:ss@db.example:5432/app?sslmode=x?y#f#g"))
        #expect(
            parts.scheme == "postgresql" && parts.userinfo == "me:p%40:ss" && parts.hostAndPort == "db.example:5432")
        #expect(parts.path == "/app" && parts.query == "sslmode=x?y" && parts.fragment == "f#g")
        #expect(parts.user == "me" && parts.password?.reveal() == "p@:ss")
        #expect(parts.shown == "postgresql://db.example:5432/app" && parts.target == "/app?sslmode=x?y")
        #expect(AddressParts("ssh://git@host/a")?.password == nil)
        #expect(AddressParts("https://a?b")?.target == "/?b")
    }

    @Test(arguments: ["", "a", "://a", "1a://b", "a b://c", "git@host:a/b.git", "jdbc:x://y"])
    func withoutASchemeThereAreNoParts(text: String) { #expect(AddressParts(text) == nil) }

    /// What a fleet file takes, has the same host and port for whoever sends a credential there.
    @Test(arguments: ["https://a.example/x?y", "http://[::1]:8080/", "http://127.0.0.1", "https://A.example.:8443"])
    func fleetFilesAgree(text: String) throws {
        let (address, origin) = (try Address(text), try WebOrigin(text))
        #expect(address.host == origin.host && address.port ?? address.scheme.defaultPort == origin.port)
    }
}
