import StokerCore
import Testing

@Suite("Kinds of checks in the fleet file")
struct KindsInFleetTests {
    private func check(_ target: String) throws -> Check {
        let text = "targets: { t: \(target) }"
        return try #require(try FleetFile.read(text: text, name: "f", environment: [:]).get().checks.first)
    }

    @Test func dns() throws {
        let check = try check(
            #"{ url: "dns://Example.com?type=mx", expect: { records: 10 mail.example.com, within: 300ms } }"#)
        #expect(check.policy.kind.rawValue == "dns")
        #expect(check.address == "dns://example.com?type=MX")
        #expect(check.policy.expect.own == ["records": ["10 mail.example.com"]])
        #expect(check.policy.timeout == .seconds(10))
        #expect(check.policy.kind.type.work(of: check) == "look up MX of example.com → records 10 mail.example.com")
        #expect(try self.check("dns://192.0.2.1:53/a.test").policy.kind.rawValue == "dns")
    }

    @Test func tls() throws {
        let check = try check("tls://mail.example.com:993")
        #expect(check.policy.kind.rawValue == "tls")
        #expect(check.policy.expect.certificateDays == 14)
        #expect(check.policy.timeout == .seconds(30))
        #expect(
            try self.check("{ url: tls://a.test, expect: { certificate_days: 30 } }").policy.expect.certificateDays
                == 30)
        #expect(try self.check("https://a.test").policy.expect.certificateDays == nil)
    }
}
