import ArgumentParser
import Foundation
import StokerCore

/// A running Stoker that does what this process would do otherwise.
struct RemoteOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Let the running Stoker at this address do it, with its own fleet and account; its token is taken from $STOKER_TOKEN, or for your own server on this machine from its data folder.",
            valueName: "url"))
    var server: String?

    /// nil when this process does it.
    func client() throws(Failure) -> ServerClient? {
        guard let server else { return nil }
        let token = ProcessInfo.processInfo.environment["STOKER_TOKEN"] ?? ""
        return try ServerClient(address: server, token: token.isEmpty ? nil : Secret(token))
    }

    /// - Parameter file: the same as `--fleet`, where it can be named without it.
    /// - Throws: when a fleet file is named and a server that has its own.
    func exclude(_ fleet: FleetOptions, file: String? = nil) throws {
        guard server != nil, fleet.fleet != nil || fleet.envFile != nil || file != nil else { return }
        throw ValidationError("--server and a fleet file exclude each other.")
    }

    /// - Throws: when an account is named and a server that has its own.
    func exclude(_ hub: HubOptions) throws {
        guard server != nil, hub.token != nil || hub.endpoint != nil else { return }
        throw ValidationError("--server has its own account; it excludes --token and --endpoint.")
    }
}
