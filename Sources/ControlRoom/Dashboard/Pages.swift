import Mustache
import StokerCore

/// The templates, compiled in and parsed once.
struct Pages: Sendable {
    private let library: MustacheLibrary
    private let version: String
    private let subPath: BasePath

    /// - Throws: `internal` when a template cannot be parsed; a test renders every one.
    init(version: String, subPath: BasePath = BasePath()) throws(Failure) {
        library = try Self.parsed.get()
        self.version = version
        self.subPath = subPath
    }

    private static let parsed = Result { () throws(Failure) in try parse() }

    private static func parse() throws(Failure) -> MustacheLibrary {
        MustacheContentTypes.register(Markup(), named: Markup.name)
        var library = MustacheLibrary()
        for (name, bytes) in Assets.files() where name.hasSuffix(".mustache") {
            do {
                try library.register(
                    String(decoding: bytes, as: UTF8.self), named: String(name.dropLast(".mustache".count)))
            } catch {
                throw Failure(
                    .internal, doing: "read the template \(name)", because: "it cannot be parsed", cause: error)
            }
        }
        return library
    }

    /// A whole page.
    func page(_ template: String, _ model: [String: Any], frame: Frame) -> String {
        let body = part(template, model)
        let page = part(
            "layout",
            [
                "title": frame.title, "icon": frame.icon, "body": body, "class": frame.kind, "version": version,
                "css": Assets.shared.paths["stoker.css"] ?? "", "js": Assets.shared.paths["stoker.js"] ?? "",
                "theme": Assets.shared.paths["theme.js"] ?? "", "live": frame.live, "refresh": frame.live,
                "login": frame.login, "logout": frame.logout, "readOnly": frame.readOnly,
                "hasSettings": !frame.hidden.contains("settings"), "inSettings": frame.place == "settings",
                "places": frame.placesModel, "tabs": frame.tabsModel, "hasTabs": !frame.tabsModel.isEmpty,
            ])
        return subPath.apply(to: page)
    }

    /// A template that is a whole page by itself, without what stands around the others.
    func bare(_ template: String, _ model: [String: Any]) -> String {
        let assets: [String: Any] = [
            "css": Assets.shared.paths["stoker.css"] ?? "", "js": Assets.shared.paths["status.js"] ?? "",
        ]
        return subPath.apply(to: part(template, model.merging(assets) { own, _ in own }))
    }

    /// A template by itself.
    func part(_ template: String, _ model: [String: Any]) -> String {
        library.render(model, withTemplate: template) ?? ""
    }

    /// What stands around a page.
    struct Frame {
        var title: String
        var icon = "/icons/good.svg"
        /// Class of the body.
        var kind: String
        /// Keeps itself up to date.
        var live = false
        var login = false
        var logout = false
        var readOnly = false
        /// Name of the ``NavigationItem`` the page belongs to; empty for a page outside of all.
        var place = ""
        /// Name of the ``Place/Tab`` the page is; empty for one below.
        var tab = ""
        /// How many of something a place waits with, by its name.
        var pips: [String: Int] = [:]
        /// Names of places that this fleet does not use, or this visitor may not see.
        var hidden: Set<String> = ["deploys", "safekeeping", "workers", "settings"]
        /// Names of tabs of the place that this visitor may not see.
        var hiddenTabs: Set<String> = []
    }
}

/// Escapes what templates insert. Works on scalars: the library's own way goes by characters, where a quote followed by a
/// combining mark is one character and no longer a quote.
struct Markup: MustacheContentType {
    static let name = "STOKER"

    func escapeText(_ text: String) -> String { Self.escape(text) }

    static func escape(_ text: String) -> String {
        var escaped = ""
        escaped.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "&": escaped += "&amp;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            // What may not stand in HTML, and what turns the direction of all that follows it.
            case "\u{0}"..."\u{8}", "\u{b}", "\u{c}", "\u{e}"..."\u{1f}", "\u{7f}"..."\u{9f}", "\u{202a}"..."\u{202e}",
                "\u{2066}"..."\u{2069}", "\u{fffe}", "\u{ffff}":
                escaped.unicodeScalars.append("\u{fffd}")
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
