import StokerCore
import Testing

@Suite("Addresses of dns:// checks")
struct DNSKindTests {
    @Test(
        arguments: [
            ("dns://Example.com", "dns://example.com", "example.com", "A", nil),
            ("dns://example.com.", "dns://example.com", "example.com", "A", nil),
            ("dns://example.com?type=mx", "dns://example.com?type=MX", "example.com", "MX", nil),
            ("dns://example.com?type=A", "dns://example.com", "example.com", "A", nil),
            ("dns://example.com/", "dns://example.com", "example.com", "A", nil),
            (
                "dns://_dmarc.example.com?type=TXT", "dns://_dmarc.example.com?type=TXT", "_dmarc.example.com", "TXT",
                nil
            ),
            ("DNS://192.0.2.1:53/A.example.com", "dns://192.0.2.1/a.example.com", "a.example.com", "A", "192.0.2.1:53"),
            ("dns://ns.test:5353/a.test.?type=NS", "dns://ns.test:5353/a.test?type=NS", "a.test", "NS", "ns.test:5353"),
            ("dns://[2001:db8::1]/a.test", "dns://[2001:db8::1]/a.test", "a.test", "A", "2001:db8::1:53"),
        ] as [(String, String, String, String, String?)])
    func read(text: String, spelling: String, name: String, type: String, server: String?) throws {
        let address = try Address(text)
        #expect(address.description == spelling)
        #expect(try Address(address.description) == address, "the spelling reads as itself")
        let question = try DNSKind.question(of: address)
        #expect(question.name == name && question.type == type)
        #expect(question.server.map { "\($0.host):\($0.port)" } == server)
    }

    @Test(arguments: [
        ("dns://example.com:53", "has a port and no name"), ("dns://192.0.2.1", "has no name to ask for"),
        ("dns://[::1]", "has no name to ask for"), ("dns://example.com?type=WKS", "known are A, AAAA, CAA"),
        ("dns://example.com?kind=MX", "write ?type=MX"), ("dns://example.com?type=MX&x=1", "write ?type=MX"),
        ("dns://192.0.2.1/192.0.2.2", "asks for an address"), ("dns://192.0.2.1/a.test:80", "asks for an address"),
        ("dns://192.0.2.1/a/b", "character that no name has"), ("dns://", "has no host"),
        ("dns://192.0.2.1/a..b", "no name"),
    ])
    func refused(text: String, because: String) {
        #expect {
            _ = try Address(text)
        } throws: { error in
            (error as? Address.Fault)?.because.contains(because) == true
        }
    }

    @Test(arguments: [
        ("A", "192.0.2.1", "192.0.2.1"), ("AAAA", "2001:db8::1", "2001:0DB8:0:0::1"), ("MX", "10 a.test", "10 A.test."),
        ("CNAME", "a.test", "A.TEST."), ("TXT", "v=spf1", "v=spf1"), ("CAA", "0 issue \"a\"", "0  ISSUE \"a\""),
        ("SRV", "0 5 443 h.test", "0 5 443 H.test"),
    ])
    func same(type: String, one: String, other: String) {
        #expect(DNSKind.canonical(one, type: type) != nil)
        #expect(DNSKind.canonical(one, type: type) == DNSKind.canonical(other, type: type))
    }

    @Test(arguments: [
        ("A", "192.0.2"), ("A", "a.test"), ("AAAA", "192.0.2.1"), ("MX", "mail.test"), ("MX", "x mail.test"),
        ("CNAME", "a b"), ("SRV", "1 2 h.test"), ("CAA", "issue a"), ("SOA", "a b 1"),
    ])
    func noRecord(type: String, text: String) {
        #expect(DNSKind.canonical(text, type: type) == nil)
    }
}
