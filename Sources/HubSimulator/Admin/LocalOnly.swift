import Foundation
import HTTPTypes
import Hummingbird

/// Lets in who sits at this machine, and no web page: scenes need no token, so a page of another origin, or one whose name was pointed at
/// this machine (DNS rebinding), could arrange them. Source: Fetch standard, `Origin`; Fetch Metadata, `Sec-Fetch-Site`.
struct LocalOnly: RouterMiddleware {
    func handle(
        _ input: Request, context: HubContext, next: @concurrent (Request, HubContext) async throws -> Response
    ) async throws -> Response {
        if let problem = Self.problem(
            host: input.head.authority, origin: input.headers[.origin], site: input.headers[Self.site])
        {
            throw HubError.forbidden(
                "Scenes are arranged from this machine only: \(problem). Ask 127.0.0.1 or localhost, from no web page.")
        }
        return try await next(input, context)
    }

    private static let site = HTTPField.Name("Sec-Fetch-Site")!

    /// What is wrong with where a request comes from; nil when nothing is.
    static func problem(host: String?, origin: String?, site: String?) -> String? {
        if let host, !isLoopback(name(of: host)) { return "the Host is another" }
        if let origin, origin != host.map({ "http://" + $0 }) { return "the Origin is another" }
        if let site, !["same-origin", "none"].contains(site.lowercased()) { return "another site asks" }
        return nil
    }

    /// Without the port.
    private static func name(of host: String) -> String {
        if host.hasPrefix("[") { return String(host.dropFirst().prefix { $0 != "]" }) }
        return String(host.prefix { $0 != ":" })
    }

    /// `localhost` (RFC 6761, section 6.3, without names below it), 127.0.0.0/8 in four numbers, `::1`.
    static func isLoopback(_ name: String) -> Bool {
        let name = name.lowercased()
        if name == "localhost" || name == "::1" { return true }
        let numbers = name.split(separator: ".", omittingEmptySubsequences: false).map { part in
            (1...3).contains(part.utf8.count) && part.utf8.allSatisfy { (48...57).contains($0) } ? UInt8(part) : nil
        }
        return numbers.count == 4 && numbers[0] == 127 && !numbers.contains(nil)
    }
}
