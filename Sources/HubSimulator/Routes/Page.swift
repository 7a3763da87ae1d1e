import FoundationEssentials
import HTTPTypes
import Hummingbird

/// One page of a list, continued by a `Link` with an absolute address. Source: huggingface_hub `utils/_pagination.py`.
struct Page: Sendable {
    let offset: Int
    let limit: Int

    /// - Throws: 400 for a cursor or limit that makes no sense.
    init(_ request: Request, defaultLimit: Int, most: Int) throws {
        var offset = 0
        if let cursor = request.query("cursor") {
            guard let data = Data(base64Encoded: cursor), let number = Int(String(decoding: data, as: UTF8.self)),
                number >= 0
            else { throw HubError.bad("Invalid cursor") }
            offset = number
        }
        var limit = defaultLimit
        if let text = request.query("limit") {
            guard let number = Int(text), number > 0 else { throw HubError.bad("Invalid limit") }
            limit = min(number, most)
        }
        self.offset = offset
        self.limit = limit
    }

    func slice<Element>(_ all: [Element]) -> ArraySlice<Element> { all.dropFirst(offset).prefix(limit) }

    func headers(_ request: Request, total: Int, _ hub: SimulatedHub) -> HTTPFields {
        // Not offset + limit: a cursor may be any number.
        guard offset < total, total - offset > limit else { return [:] }
        let cursor = Data("\(offset + limit)".utf8).base64EncodedString().replacing("=", with: "%3D")
        return [.link: Self.link(request, hub, replacing: "cursor", with: cursor)]
    }

    /// The same request with one parameter changed.
    static func link(_ request: Request, _ hub: SimulatedHub, replacing name: String, with value: String) -> String {
        var parts = (request.uri.query ?? "").split(separator: "&").map(String.init).filter {
            !$0.hasPrefix(name + "=")
        }
        parts.append("\(name)=\(value)")
        return "<\(hub.endpoint)\(request.uri.path)?\(parts.joined(separator: "&"))>; rel=\"next\""
    }
}
