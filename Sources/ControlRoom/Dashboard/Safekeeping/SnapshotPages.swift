import FoundationEssentials
import Hummingbird
import NIOCore
import Operations
import StokerCore

/// What a person looks for in one state: the files of a snapshot, and what rules would keep. Unlike the other pages these read the vault, for the one
/// who asked.
extension Routes {
    /// The files of `?snapshot=ID`, below `path`; with `file` the content of one.
    func snapshotFiles(
        of name: String, _ query: [String: String], _ request: Request, _ visit: AppRequestContext
    ) async throws -> Response {
        let context = try stateContext()
        let id = query["snapshot"] ?? ""
        let given: [(name: String, value: JSONValue)] = [("id", .string(id)), ("space", .string(name))]
        if let file = query["file"] {
            let answer = try await Operation.readSnapshotFile.call(given + [("path", .string(file))], in: context)
            let bytes = Data(base64Encoded: answer["content"]?.string ?? "") ?? Data()
            var response = Reply.bytes(ByteBuffer(bytes: bytes), type: "application/octet-stream", to: request)
            let last = file.split(separator: "/").last.map(String.init) ?? "file"
            response.headers[HeaderName("Content-Disposition")!] =
                "attachment; filename*=UTF-8''\(PercentCoding.encoded(last))"
            return response
        }
        let path = query["path"] ?? ""
        let answer = try await Operation.listSnapshotFiles.call(
            given + [("path", .maybe(path.isEmpty ? nil : path)), ("limit", .integer(Int64(SnapshotFilesPage.most)))],
            in: context)
        let overview = await monitor.overview()
        let model = SnapshotFilesPage(state: name, path: path, answer: answer, now: overview.now).model
        let frame = frame(
            visit, title: "\(name) · Stoker", kind: "plain", overview: overview, place: "safekeeping")
        return Reply.html(pages.page("snapshot-files", model, frame: frame), to: request)
    }

    /// The form of keep rules, and with rules what they would keep.
    func forgetting(
        _ name: String, _ query: [String: String], _ request: Request, _ visit: AppRequestContext
    ) async throws -> Response {
        let rules = ForgetPage.rules(query)
        var page = ForgetPage(state: name, query: query, now: (await monitor.overview()).now)
        if !rules.isEmpty {
            do throws(Failure) {
                page.answer = try await Operation.forgetSnapshots.call(
                    rules + [("space", .string(name)), ("dry_run", true)],
                    in: stateContext().called(by: RequestCaller(principal: visit.principal, follows: nil)))
            } catch {
                guard Reply.wantsPage(request) else { throw error }
                page.said = Self.sentence(error)
            }
        }
        let overview = await monitor.overview()
        let frame = frame(
            visit, title: "\(name) · Stoker", kind: "plain", overview: overview, place: "safekeeping")
        return Reply.html(pages.page("forget", page.model, frame: frame), to: request)
    }

    /// A failure as a page says it.
    static func sentence(_ error: Failure) -> String {
        Redaction.text(
            "Could not \(error.doing): \(error.because)."
                + (error.hint.map { " \(Formatting.capitalized($0))." } ?? ""))
    }
}

/// The files of a snapshot.
struct SnapshotFilesPage {
    var state: String
    /// Below which folder; empty for all.
    var path: String
    var answer: JSONValue
    var now: Instant

    /// Files that a page lists.
    static let most = 500

    private var home: String { "/safekeeping/\(PercentCoding.encoded(state))" }
    private var id: String { answer["snapshot"]?.string ?? "" }

    private func href(_ name: String, _ value: String) -> String {
        "\(home)?snapshot=\(PercentCoding.encoded(id))&\(name)=\(PercentCoding.encoded(value))"
    }

    var model: [String: Any] {
        let entries = answer["entries"]?.array ?? []
        let total = Int(answer["total"]?.integer ?? 0)
        var above: [[String: Any]] = []
        var folder = ""
        for part in path.split(separator: "/").dropLast() {
            folder += (folder.isEmpty ? "" : "/") + part
            above.append(["name": String(part), "href": href("path", folder)])
        }
        return [
            "state": state, "home": home, "id": id, "short": String(id.prefix(8)), "path": path,
            "hasPath": !path.isEmpty, "all": "\(home)?snapshot=\(PercentCoding.encoded(id))", "above": above,
            "last": path.split(separator: "/").last.map(String.init) ?? "",
            "total": total == 1 ? "1 entry" : "\(total) entries",
            "isCut": entries.count < total, "shown": "\(entries.count)", "isEmpty": entries.isEmpty,
            "rows": entries.map { entry in
                let path = entry["path"]?.string ?? ""
                let kind = entry["kind"]?.string ?? ""
                let isOpen = kind == "folder" && path != self.path
                let isFile = kind == "file" || kind == "database"
                let modified = OutputFormatting.instant(entry["modified_at"])
                return [
                    "name": path, "kind": kind, "isLink": isOpen || isFile,
                    "href": href(isFile ? "file" : "path", path), "isFile": isFile,
                    "size": isFile ? entry["size_bytes"]?.integer.map { Bytes.text(Int64($0)) } ?? "" : "",
                    "target": entry["target"]?.string ?? "", "hasTarget": entry["target"]?.isNull == false,
                    "mode": entry["mode"]?.string ?? "",
                    "modified": modified.map { Formatting.time($0) } ?? "",
                    "note": [entry["torn"] == true ? "it changed while it was read" : nil, entry["note"]?.string]
                        .compactMap { $0 }.joined(separator: "; "),
                    "hasNote": entry["torn"] == true || entry["note"]?.isNull == false,
                ] as [String: Any]
            },
        ]
    }
}

/// Keep rules, and what they would keep.
struct ForgetPage {
    var state: String
    var query: [String: String]
    var now: Instant
    /// Of a dry run; nil while no rule is given.
    var answer: JSONValue?
    var said: String?

    private static let numbers = [
        ("keep_last", "So many of the newest"), ("keep_hourly", "The last of each of so many hours"),
        ("keep_daily", "Of so many days"), ("keep_weekly", "Of so many weeks"), ("keep_monthly", "Of so many months"),
        ("keep_yearly", "Of so many years"),
    ]
    /// To begin with.
    private static let usual = ["keep_last": "10", "keep_daily": "7", "keep_weekly": "4", "keep_monthly": "6"]

    /// The rules of a form, as the operation takes them; what is no number is refused by it.
    static func rules(_ form: [String: String]) -> [(name: String, value: JSONValue)] {
        var rules: [(name: String, value: JSONValue)] = []
        for (name, _) in numbers {
            let text = (form[name] ?? "").filter { !$0.isWhitespace }
            if !text.isEmpty, text != "0" {
                rules.append((name, Int64(text).map { .integer($0) } ?? .string(text)))
            }
        }
        let within = (form["keep_within"] ?? "").filter { !$0.isWhitespace }
        if !within.isEmpty { rules.append(("keep_within", .string(within))) }
        return rules
    }

    var model: [String: Any] {
        let home = "/safekeeping/\(PercentCoding.encoded(state))"
        let isNew = Self.rules(query).isEmpty
        let items = answer?["snapshots"]?.array ?? []
        let going = items.count { $0["kept"] != true }
        return [
            "state": state, "home": home, "said": said ?? "", "hasSaid": said != nil, "hasAnswer": answer != nil,
            "fields": Self.numbers.map { name, label in
                [
                    "name": name, "label": label,
                    "value": query[name] ?? (isNew ? Self.usual[name] ?? "" : ""),
                ]
            },
            "within": query["keep_within"] ?? "", "hasGoing": going > 0,
            "title": answer == nil
                ? "Forget by rule"
                : going == 0
                    ? "Every snapshot stays"
                    : "\(going.counted("snapshot")) of \(items.count) would go",
            "going": going.counted("snapshot"),
            "given": Self.rules(query).map { rule in ["name": rule.name, "value": query[rule.name] ?? ""] },
            "rows": items.map { item in
                let isKept = item["kept"] == true
                let id = item["id"]?.string ?? ""
                return [
                    "short": String(id.prefix(8)), "time": OutputFormatting.time(item["time"]),
                    "sign": isKept ? "up" : "down", "word": isKept ? "stays" : "would go",
                    "reasons": isKept
                        ? (item["reasons"]?.array ?? []).compactMap(\.string).joined(separator: ", ")
                        : "no rule keeps it",
                ] as [String: Any]
            },
        ]
    }
}
