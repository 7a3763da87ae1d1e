import HubClient
import StokerCore
import Testing

@testable import Operations

/// Which account asks the Hub of a fleet file.
@Suite struct HubAllowanceTests {
    private static func found(isEndpointOwn: Bool = false) -> HubCredentials {
        var found = HubCredentials(
            token: Secret("hf_login_of_the_person"), origin: "~/.cache/huggingface/token",
            endpoint: HubEndpoint.official, isEndpointOwn: isEndpointOwn, isOffline: false, remarks: [])
        found.storedName = "laptop"
        return found
    }

    @Test func theLoginAsksThePublicHub() {
        let account = Self.found().forHub(of: Fleet.Hub(endpoint: HubEndpoint.official))
        #expect(account.token?.reveal() == "hf_login_of_the_person" && account.storedName == "laptop")
    }

    @Test func anotherHubGetsOnlyWhatTheFileHas() {
        let account = Self.found().forHub(of: Fleet.Hub(endpoint: "https://hub.example"))
        #expect(account.token == nil && account.storedName == nil && account.endpoint == "https://hub.example")
        #expect(account.description == "no token")
        let own = Self.found().forHub(of: Fleet.Hub(token: Secret("hf_of_the_file"), endpoint: "https://hub.example"))
        #expect(own.token?.reveal() == "hf_of_the_file" && own.description.contains("the fleet file or HF_TOKEN"))
    }

    /// Who sets `HF_ENDPOINT` means that Hub, whatever the file says.
    @Test func theEndpointOfTheEnvironmentStays() {
        let account = Self.found(isEndpointOwn: true).forHub(of: Fleet.Hub(endpoint: "https://hub.example"))
        #expect(account.endpoint == HubEndpoint.official && account.token?.reveal() == "hf_login_of_the_person")
    }
}
