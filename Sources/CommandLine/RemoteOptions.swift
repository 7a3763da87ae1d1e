import ArgumentParser
import Foundation
import StokerCore

/// A running Stoker that does what this process would do otherwise.
struct RemoteOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Let this running Stoker do it, with its own fleet and account; $STOKER_TOKEN is its token.",
            valueName: "url"))
    var server: String?

    /// nil when this process does it.
    func client() throws(Failure) -> ServerClient? {
        guard let server else { return nil }
        let token = ProcessInfo.processInfo.environment["STOKER_TOKEN"] ?? ""
        return try ServerClient(address: server, token: token.isEmpty ? nil : Secret(token))
    }

    /// - Parameter file: the same as `--fleet`, where it can be named without it.
    /// - Throws: when a fleet file is named too.
    func exclude(_ fleet: FleetOptions, file: String? = nil) throws {
        guard server != nil, fleet.fleet != nil || fleet.envFile != nil || file != nil else { return }
        throw ValidationError("--server and a fleet file exclude each other.")
    }
}
