import Foundation
import StokerCore

/// What the machine around us says, read once at the start.
package struct ProcessEnvironment {
    package var environment: [String: String]

    package static var process: ProcessEnvironment {
        ProcessEnvironment(environment: ProcessInfo.processInfo.environment)
    }

    /// Whether we run inside a container, where only 0.0.0.0 can be reached from outside. `SPACE_ID` is set in every
    /// Space (hub-docs, spaces-overview: "Helper environment variables").
    /// - Returns: what shows it; nil outside of one.
    package var containerEvidence: String? {
        for name in ["SPACE_ID", "KUBERNETES_SERVICE_HOST"] where environment[name] != nil { return "\(name) is set" }
        return ["/.dockerenv", "/run/.containerenv"].first { FileManager.default.fileExists(atPath: $0) }
            .map { "\($0) exists" }
    }

    /// Our own address when we are a Space: `SPACE_HOST` holds the host name.
    package var publicURL: String? { environment["SPACE_HOST"].flatMap { $0.isEmpty ? nil : "https://\($0)" } }

    /// A Space is shown in a frame of the Hub's page.
    package var frameAncestors: [String] { environment["SPACE_ID"] == nil ? [] : ["https://huggingface.co"] }

    /// Name of who runs the process; nil where nothing tells it.
    package var user: String? { environment["USER"] ?? environment["LOGNAME"] }

    /// `STOKER_DATA`, else the folder for state that the XDG base directory specification names.
    package var dataFolder: String {
        if let named = environment["STOKER_DATA"], !named.isEmpty { return named }
        if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") { return state + "/stoker" }
        return NSHomeDirectory() + "/.local/state/stoker"
    }

    /// `PORT`, when it is a port.
    package var port: Int? {
        get throws(Failure) {
            guard let text = environment["PORT"], !text.isEmpty else { return nil }
            guard let port = Int(text), (0...65_535).contains(port) else {
                throw Failure(
                    .usage, doing: "read PORT", because: "\"\(text)\" is not a port",
                    hint: "write a number from 0 to 65535")
            }
            return port
        }
    }
}
