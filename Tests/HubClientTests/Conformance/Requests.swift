import FoundationEssentials
import HubClient
import HubSimulator
import StokerCore

/// A request of the journal in a form in which two clients can be compared.
struct SeenRequest {
    var name: String
    var query: [String]
    var headers: [String: String]
    var account: String
    /// Path inside the body to value; a line of NDJSON is named by its key and the file's path.
    var body: [String: String]

    init(_ entry: Journal.Entry) {
        var path = Words.plain(entry.path)
        if let range = path.firstRange(of: "/complete_multipart/") {
            path = String(path[..<range.upperBound]) + "<upload>"
        }
        name = "\(entry.method) \(path)"
        let signed = entry.query.contains("Signature=")
        query = signed ? [] : entry.query.split(separator: "&").map { Words.plain(String($0)) }.sorted()
        headers = entry.headers.filter { ["content-type", "accept", "accept-encoding", "range"].contains($0.key) }
        if entry.method == "GET" || entry.bodyBytes == 0 { headers["content-type"] = nil }
        account = entry.account ?? "nobody"
        body = [:]
        guard let text = entry.body, !text.isEmpty else {
            if entry.bodyBytes > 0 { body["bytes"] = "\(entry.bodyBytes)" }
            return
        }
        if entry.headers["content-type"]?.contains("ndjson") == true {
            for line in text.split(separator: "\n") {
                let json = Words.json(String(line))
                let value = json["value"] ?? .null
                let place = value["path"]?.string.map { " \($0)" } ?? ""
                Words.flatten(value, "\(json["key"]?.string ?? "?")\(place)", into: &body)
            }
        } else {
            Words.flatten(Words.json(text), "", into: &body)
        }
    }

    /// What is different about two that are the same call.
    func differences(from ours: SeenRequest) -> [String] {
        var lines: [String] = []
        if query != ours.query {
            lines.append("\(name) query: official \(Self.list(query)), ours \(Self.list(ours.query))")
        }
        if account != ours.account {
            lines.append("\(name) account: official \(account), ours \(ours.account)")
        }
        for key in Set(body.keys).union(ours.body.keys).sorted() where body[key] != ours.body[key] {
            lines.append("\(name) body \(key): official \(body[key] ?? "–"), ours \(ours.body[key] ?? "–")")
        }
        return lines
    }

    func headerDifferences(from ours: SeenRequest) -> [String] {
        Set(headers.keys).union(ours.headers.keys).filter { headers[$0] != ours.headers[$0] }
            .map { "header \($0): official \(headers[$0] ?? "–"), ours \(ours.headers[$0] ?? "–")" }
    }

    /// Questions about large files as one: how many objects are in one question hangs on how fast they are hashed.
    static func all(_ entries: [Journal.Entry]) -> [SeenRequest] {
        var list: [SeenRequest] = []
        for request in entries.map(SeenRequest.init) {
            if request.name.hasSuffix("/objects/batch"), let first = list.firstIndex(where: { $0.name == request.name })
            {
                list[first].body.merge(request.body) { $1 }
            } else {
                list.append(request)
            }
        }
        return list
    }

    var shown: String { name + (query.isEmpty ? "" : "?" + query.joined(separator: "&")) }
    private static func list(_ query: [String]) -> String { query.isEmpty ? "–" : query.joined(separator: "&") }
}

/// All differences of a step; one line each, several equal ones with their number.
func differences(official: [Journal.Entry], ours: [Journal.Entry]) -> (requests: [String], headers: Set<String>) {
    let theirs = Dictionary(grouping: SeenRequest.all(official), by: \.name)
    let own = Dictionary(grouping: SeenRequest.all(ours), by: \.name)
    var lines: [String: Int] = [:]
    var headers: Set<String> = []
    for name in Set(theirs.keys).union(own.keys) {
        var (left, right) = (theirs[name] ?? [], own[name] ?? [])
        if name.hasSuffix("/lfs/verify") {
            // Which of several files that are sent at once is through first is chance.
            left.sort { ($0.body["oid"] ?? "") < ($1.body["oid"] ?? "") }
            right.sort { ($0.body["oid"] ?? "") < ($1.body["oid"] ?? "") }
        }
        for (a, b) in zip(left, right) {
            for line in a.differences(from: b) { lines[line, default: 0] += 1 }
            headers.formUnion(a.headerDifferences(from: b))
        }
        for extra in left.dropFirst(right.count) { lines["official only: \(extra.shown)", default: 0] += 1 }
        for extra in right.dropFirst(left.count) { lines["ours only: \(extra.shown)", default: 0] += 1 }
    }
    return (lines.map { $0.value == 1 ? $0.key : "\($0.key) (×\($0.value))" }.sorted(), headers)
}

enum Words {
    static func json(_ text: String) -> JSONValue {
        (try? JSONValue(reading: text, .lenient)) ?? .string(text)
    }

    /// Without what differs from world to world: commits, ids and part tags of the Hub, ports, our mark of a commit.
    static func plain(_ text: String) -> String {
        var out = ""
        var run = ""
        func end() {
            switch run.count {
            case 40: out += "<commit>"
            case 32: out += "<etag>"
            case 24: out += "<id>"
            default: out += run
            }
            run = ""
        }
        for character in text {
            if character.isASCII, character.isNumber || ("a"..."f").contains(character) {
                run.append(character)
            } else {
                end()
                out.append(character)
            }
        }
        end()
        out.replace(/(127\.0\.0\.1|localhost):[0-9]{4,}/) { "\($0.output.1):PORT" }
        out.replace(/Upload-Id: [0-9a-f-]+/) { _ in "Upload-Id: …" }
        return out
    }

    static func flatten(_ json: JSONValue, _ path: String, into result: inout [String: String]) {
        switch json {
        case .object(let members):
            if members.isEmpty { result[path] = "{}" }
            for member in members {
                flatten(member.value, path.isEmpty ? member.name : "\(path).\(member.name)", into: &result)
            }
        case .array(let items):
            if items.isEmpty { result[path] = "[]" }
            // Things with a path are a set: two clients may name files in different orders.
            for (index, item) in items.enumerated() {
                let name = item["path"]?.string ?? item["oid"]?.string ?? item["key"]?.string ?? "\(index)"
                flatten(item, "\(path)[\(name)]", into: &result)
            }
        case .string(let text):
            let words = plain(text).replacing("\n", with: "⏎").replacing("|", with: "¦")
            result[path] = words.count > 60 ? "\(words.prefix(30))… (\(words.count))" : "\"\(words)\""
        case .null: result[path] = "null"
        case .bool(let flag): result[path] = "\(flag)"
        case .integer(let number): result[path] = "\(number)"
        case .number(let number): result[path] = "\(number)"
        }
    }
}
