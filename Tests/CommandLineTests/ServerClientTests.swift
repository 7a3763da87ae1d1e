import StokerCore
import TestSupport
import Testing

@testable import CommandLine

@Suite struct ServerClientTests {
    /// Only to another machine, and only when there is something to read.
    @Test(
        arguments: [
            ("http://10.0.0.5:7860", "t0ken", false, true), ("http://stoker.example", nil, true, true),
            ("http://10.0.0.5:7860", nil, false, false), ("https://stoker.example", "t0ken", true, false),
            ("stoker.example", "t0ken", true, false), ("http://127.0.0.1:7860", "t0ken", true, false),
            ("http://localhost:7860", "t0ken", true, false), ("http://[::1]:7860", "t0ken", true, false),
            ("http://127.example.com", "t0ken", false, true),
        ] as [(String, String?, Bool, Bool)])
    func plainHTTPIsWarnedOf(_ address: String, _ token: String?, _ sendsBody: Bool, _ isWarned: Bool) throws {
        let client = try ServerClient(address: address, token: token.map { Secret($0) })
        let warning = client.warning(sendsBody: sendsBody)
        #expect((warning != nil) == isWarned)
        #expect(warning?.contains("is plain http") != false && warning?.contains("t0ken") != true)
    }

    @Test(arguments: trickyAddresses) func addressesAreReadByOneGrammar(address: String) {
        guard address.contains("://") else { return }
        let parts = AddressParts(address)
        let isBare = parts?.userinfo == nil && parts?.query == nil && parts?.fragment == nil
        let origin = try? WebOrigin(address)
        let client = try? ServerClient(address: address, token: Secret("t0ken"))
        #expect((client != nil) == (origin != nil && isBare))
        if let client { #expect((client.warning(sendsBody: false) != nil) == origin?.isReadableOnTheWay) }
    }

    @Test func aPasswordInTheAddressIsNotShown() {
        let failure = #expect(throws: Failure.self) {
            try ServerClient(address: "https://me:hunter22@stoker.example", token: nil)
        }
        #expect(failure?.because.contains("hunter22") == false)
    }
}
