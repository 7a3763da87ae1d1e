import Hummingbird
import Operations
import StokerCore

/// What an address below `/api` means. Our own matcher because a check's name may hold slashes (`llm-backend/ready`), and because
/// a wrong method or a wrong address deserves an answer that helps.
struct RouteTable: Sendable {
    struct Route: Sendable {
        var methods: [HTTPRequest.Method]
        var segments: [Segment]
        var target: Target

        /// As documentation writes it.
        var template: String { "/api/" + segments.map(\.text).joined(separator: "/") }
        /// The more of a route is fixed, the more it was meant.
        var fixed: Int { segments.count { !$0.isName } }
    }

    enum Segment: Sendable, Equatable {
        case fixed(String)
        /// One or more segments of the address, for the input of that name.
        case name(String)
        /// One segment, for the input of that name.
        case part(String)
        /// An exit status, 0…255.
        case code

        var text: String {
            switch self {
            case .fixed(let text): text
            case .name(let name), .part(let name): "{\(name)}"
            case .code: "{code}"
            }
        }

        var isName: Bool {
            switch self {
            case .name, .part: true
            case .fixed, .code: false
            }
        }
    }

    enum Target: Sendable {
        case operation(Operation)
        /// A heartbeat call; nil when the address does not say what happened.
        case beat(signal: String?)
        case openAPI
    }

    struct Match: Sendable {
        var route: Route
        /// Inputs in the address, still percent-encoded.
        var parts: [(name: String, value: String)] = []
        var code: String?
    }

    let routes: [Route]

    init() {
        var routes: [Route] = []
        for operation in Operation.all where operation.permission != .beat {
            let parts: [Substring] = operation.path.split(separator: "/")
            let isAlone = operation.pathNames.count == 1
            let segments = parts.map { part -> Segment in
                guard part.hasPrefix("{") else { return .fixed(String(part)) }
                let name = String(part.dropFirst().dropLast())
                return isAlone ? .name(name) : .part(name)
            }
            let methods: [HTTPRequest.Method] =
                switch operation.method {
                case .get: [.get, .head]
                case .post: [.post]
                case .put: [.put]
                case .delete: [.delete]
                }
            routes.append(
                Route(
                    methods: methods,
                    segments: [.fixed("v1")] + segments, target: .operation(operation)))
        }
        for prefix in [[Segment.fixed("v1")], []] {
            let base = prefix + [.fixed("heartbeats"), .name("name")]
            func add(_ more: [Segment], _ signal: String?) {
                routes.append(
                    Route(methods: [.get, .head, .post], segments: base + more, target: .beat(signal: signal)))
            }
            add([], nil)
            for signal in ["start", "fail", "log"] { add([.fixed(signal)], signal) }
            add([.code], "exit")
        }
        routes.append(
            Route(methods: [.get, .head], segments: [.fixed("v1"), .fixed("openapi.json")], target: .openAPI))
        self.routes = routes
    }

    /// The routes an address fits best, one per set of methods; empty when it fits none.
    /// - Parameter path: below `/api/`, as it came, still percent-encoded.
    func matches(_ path: some StringProtocol) -> [Match] {
        let parts = path.split { $0 == "/" }.map { String($0) }
        let found = routes.compactMap { match($0, parts) }
        let best = found.map { $0.route.fixed }.max()
        return found.filter { $0.route.fixed == best }
    }

    private func match(_ route: Route, _ parts: [String]) -> Match? {
        let spare = parts.count - route.segments.count
        let takesMore = route.segments.contains { if case .name = $0 { true } else { false } }
        guard spare >= 0, spare == 0 || takesMore else { return nil }
        var match = Match(route: route)
        var at = 0
        for segment in route.segments {
            switch segment {
            case .fixed(let text):
                guard parts[at] == text else { return nil }
                at += 1
            case .code:
                // Any number: one that no exit status is, is told as such.
                guard parts[at].utf8.count <= 10, parts[at].utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
                    return nil
                }
                match.code = parts[at]
                at += 1
            case .part(let name):
                match.parts.append((name, parts[at]))
                at += 1
            case .name(let name):
                match.parts.append((name, parts[at...at + spare].joined(separator: "/")))
                at += spare + 1
            }
        }
        return match
    }

    /// The route somebody may have meant.
    func nearest(to path: String) -> Route? {
        let templates = routes.map(\.template)
        if let near = ClosestMatch.of(path, among: templates) { return routes.first { $0.template == near } }
        // `/api/v1/check/bot`: the first part after the version is what was meant.
        let head = "/" + path.split(separator: "/").prefix(3).joined(separator: "/")
        return ClosestMatch.of(head, among: templates).flatMap { near in routes.first { $0.template == near } }
    }
}
