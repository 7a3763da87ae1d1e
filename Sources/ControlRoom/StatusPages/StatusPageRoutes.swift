import Hummingbird
import NIOCore
import Operations
import StokerCore

extension Routes {
    /// `/p/{slug}` and `/p/{slug}.atom`, exactly so: the one thing besides assets that strangers may read where reading is private.
    func addStatusPages(to router: Router<AppRequestContext>) {
        let cache = StatusPageCache(monitor: monitor, ledger: ledger) { [pages] report in
            (pages.bare("status-page", StatusPageText.model(report)), StatusPageText.feed(report))
        }
        on(router, "/p/:page", .get, .open) { request, _ in
            let path = request.uri.path
            let isFeed = path.hasSuffix(".atom")
            let slug = String(path.dropFirst("/p/".count).dropLast(isFeed ? ".atom".count : 0))
            // An address has one spelling: no slash behind it, nothing encoded.
            guard path.hasPrefix("/p/"), StatusPageSettings.isSlug(slug), let copy = try await cache.copy(of: slug)
            else {
                // Where reading is private, strangers are not told which pages there are.
                if access.privateReading { try access.authorize(.token, request) }
                throw nothing()
            }
            if !copy.settings.isPublic { try access.authorize(.token, request) }
            return Reply.tagged(copy.tag, request) {
                if isFeed {
                    return Reply.bytes(copy.feed, type: "application/atom+xml; charset=utf-8", to: request)
                }
                var response = Reply.bytes(
                    copy.page, packed: copy.packed, type: "text/html; charset=utf-8", to: request)
                if let logo = copy.settings.logo.flatMap(Self.origin) {
                    response.headers[HeaderName("Content-Security-Policy")!] =
                        "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data: \(logo); "
                        + "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
                }
                return response
            }
        }
    }

    /// `https://acme.example` of an address, for a header: a host has no character that could begin another directive.
    private static func origin(_ address: String) -> String? {
        (try? WebOrigin(address))?.description
    }
}
