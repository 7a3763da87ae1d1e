import FoundationEssentials
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import StokerCore

/// What an error answer says, whatever its shape: `X-Error-Message` first, then the body when it adds something.
///
/// Bodies seen: `{"error": "…"}`, `{"error": ["…", "…"]}`, `{"error": "…", "error_description": "…"}`,
/// `{"errors": [{"message": "…"}]}`, FastAPI's `{"detail": "…"}` and `{"detail": [{"loc": ["body", "name"], "msg": "…"}]}`, S3's `<Error><Code>…</Code><Message>…</Message></Error>`, plain text, HTML pages of proxies, nothing.
struct HubErrorText: Equatable {
    /// One line without secrets; empty when the answer says nothing.
    var text: String
    /// `X-Error-Message` as it came, for comparing.
    var header: String?
    var isPage = false
    /// `<Code>` of a storage's XML.
    var code: String?

    init(headers: HTTPHeaders, body: ByteBuffer) {
        header = headers.first(name: "X-Error-Message")
        var lines: [String] = []
        if let header { lines.append(header) }
        let raw = String(buffer: body)
        let type = headers.first(name: "Content-Type")?.lowercased() ?? ""
        let start = raw.drop { $0.isWhitespace }
        if let code = Self.element("Code", of: raw), start.hasPrefix("<?xml") || start.hasPrefix("<Error") {
            self.code = Redaction.quote(code, limit: 60)
            lines.append([code, Self.element("Message", of: raw)].compactMap(\.self).joined(separator: ": "))
        } else if type.contains("html") || start.hasPrefix("<") {
            isPage = true
            if let title = Self.title(of: raw) { lines.append("a web page, \"\(title)\"") }
        } else if start.first == "{" || start.first == "[" || type.contains("json") {
            do {
                lines += Self.texts(try JSONValue(reading: body.readableBytesView, .lenient))
            } catch {
                // Said to be JSON and is none, or was cut: its text is all there is.
                lines.append(raw)
            }
        } else {
            lines.append(raw)
        }
        var told: [String] = []
        for line in lines.prefix(20) {
            let line = Redaction.quote(line)
            guard !line.isEmpty, !told.contains(where: { $0.lowercased().contains(line.lowercased()) }) else {
                continue
            }
            told.append(line)
        }
        text = Redaction.quote(told.joined(separator: "; "))
    }

    private static func texts(_ json: JSONValue) -> [String] {
        guard json.members != nil else {
            if case .array(let list) = json { return list.compactMap { message($0) } }
            return json.string.map { [$0] } ?? []
        }
        var lines: [String] = []
        let description = json["error_description"]?.string
        switch json["error"] {
        case .array(let list)?: lines += list.compactMap { message($0) }
        case let error?:
            if let text = message(error) { lines.append(description.map { "\(text): \($0)" } ?? text) }
        case nil: if let description { lines.append(description) }
        }
        if case .array(let list)? = json["errors"] { lines += list.compactMap { message($0) } }
        if lines.isEmpty, let text = json["message"]?.string { lines.append(text) }
        if lines.isEmpty, let detail = json["detail"] { lines += details(detail) }
        return lines
    }

    /// Source: FastAPI, "Handling Errors": a text, whatever JSON the server gave, or for a request that is wrong (422) where and why.
    private static func details(_ detail: JSONValue) -> [String] {
        if case .array(let list) = detail {
            return list.compactMap { item in
                guard let text = item["msg"]?.string else { return message(item) }
                let place = (item["loc"]?.array ?? []).compactMap { $0.string ?? $0.integer.map { "\($0)" } }
                    .joined(separator: ".")
                return place.isEmpty ? text : "\(place): \(text)"
            }
        }
        return message(detail).map { [$0] } ?? []
    }

    private static func message(_ json: JSONValue) -> String? {
        if let text = json.string { return text }
        return json["message"]?.string ?? json["error"]?.string
    }

    private static func element(_ name: String, of xml: String) -> String? {
        guard let open = xml.firstRange(of: "<\(name)>"),
            let close = xml[open.upperBound...].firstRange(of: "</\(name)>")
        else { return nil }
        return XMLText.unescaped(xml[open.upperBound..<close.lowerBound])
    }

    private static func title(of page: String) -> String? {
        let lower = page.prefix(4_000).lowercased()
        guard let start = lower.firstRange(of: "<title"), let open = lower[start.upperBound...].firstIndex(of: ">"),
            let end = lower[open...].firstRange(of: "</title")
        else { return nil }
        // Lowercasing may change lengths in other scripts; the title is for orientation only.
        return Redaction.quote(lower[lower.index(after: open)..<end.lowerBound], limit: 80)
    }
}
