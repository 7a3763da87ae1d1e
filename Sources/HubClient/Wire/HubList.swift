import NIOHTTP1
import StokerCore

/// A list of the Hub that comes in pages: the next page is asked for when the one before is used up.
package struct HubList<Element: Sendable>: AsyncSequence, Sendable {
    let hub: Hub
    let first: HubRequest
    /// Items at most; nil for all.
    let limit: Int?
    /// Nil for an item that makes no sense: one odd item does not hide the rest.
    let read: @Sendable (JSONValue) -> Element?

    init(hub: Hub, _ first: HubRequest, limit: Int? = nil, read: @escaping @Sendable (JSONValue) -> Element?) {
        self.hub = hub
        self.first = first
        self.limit = limit
        self.read = read
    }

    package func makeAsyncIterator() -> Iterator { Iterator(list: self, next: first, left: limit ?? .max) }

    package struct Iterator: AsyncIteratorProtocol {
        let list: HubList
        var next: HubRequest?
        var left: Int
        /// Pages read so far.
        package private(set) var pages = 0
        var page: ArraySlice<Element> = []
        var seen: Set<String> = []

        /// Throws ``HubFailure``.
        package mutating func next() async throws -> Element? {
            guard left > 0 else { return nil }
            while page.isEmpty {
                guard let request = next else { return nil }
                let answer = try await list.hub.send(request)
                pages += 1
                let items: [JSONValue] = try answer.decoded(doing: request.doing)
                page = items.compactMap(list.read)[...]
                next = try list.hub.page(after: request, answer, &seen)
            }
            left -= 1
            return page.popFirst()
        }
    }

    /// All of it.
    package func all() async throws(HubFailure) -> [Element] {
        do {
            var all: [Element] = []
            for try await element in self { all.append(element) }
            return all
        } catch {
            throw HubFailure(unexpected: error, doing: first.doing)
        }
    }
}

extension Hub {
    /// The request for the next page that an answer names; nil at the end. The token goes along, so only to the Hub.
    /// - Parameter seen: addresses of the pages so far, so that a list that goes round in a circle ends.
    func page(after request: HubRequest, _ answer: HubAnswer, _ seen: inout Set<String>) throws(HubFailure)
        -> HubRequest?
    {
        guard let link = answer.headers["Link"].lazy.compactMap(HubLink.next).first else { return nil }
        guard var url = HubURL.resolve(link, from: answer.url) else {
            throw HubFailure(.unreadable, doing: request.doing, said: "the address of the next page is none")
        }
        // A Hub behind another address (a mirror, a proxy) names itself by its own.
        for known in ["https://huggingface.co/", "https://hf.co/"] where url.hasPrefix(known) {
            url = settings.endpoint + "/" + url.dropFirst(known.count)
        }
        guard let origin = try? WebOrigin(url), origins.contains(origin) else {
            throw HubFailure(
                .refusedByUs, doing: request.doing,
                said: "the next page is said to be at \(HubURL.shown(url)), not at the Hub")
        }
        guard seen.insert(url).inserted, seen.count <= 10_000 else {
            throw HubFailure(.unreadable, doing: request.doing, said: "the pages of the list go round in a circle")
        }
        var next = request
        next.path = url
        next.query = []
        return next
    }
}

/// `Link: <address>; rel="next"`.
package enum HubLink {
    package static func next(_ header: String) -> String? {
        var rest = header.prefix(8_000)
        while let open = rest.firstIndex(of: "<"), let close = rest[open...].firstIndex(of: ">") {
            let address = rest[rest.index(after: open)..<close]
            rest = rest[rest.index(after: close)...]
            let parameters = rest.prefix { $0 != "<" }.split { $0 == ";" || $0 == "," }
            let isNext = parameters.contains { parameter in
                let halves = parameter.lowercased().split(separator: "=", maxSplits: 1)
                guard halves.count == 2, halves[0].filter({ $0 != " " }) == "rel" else { return false }
                return halves[1].split { $0 == " " || $0 == "\"" || $0 == "'" }.contains("next")
            }
            if isNext, !address.isEmpty { return String(address) }
        }
        return nil
    }
}
