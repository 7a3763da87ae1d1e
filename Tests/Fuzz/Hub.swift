import Foundation
import NIOCore
import NIOHTTP1
import StokerCore

@testable import HubClient

/// Bytes as JSON that the Hub answers: the first says as what, the rest is the body.
enum HubJSONFuzz {
    static func take(_ bytes: [UInt8]) {
        guard let kind = bytes.first else { return }
        let data = Data(bytes.dropFirst())
        let decoder = JSONDecoder()
        // Not JSON, or not this: refused, which is all that is wanted of it.
        switch kind % 6 {
        case 0: _ = try? decoder.decode(HubIdentity.self, from: data)
        case 1:
            guard let answer = try? decoder.decode(PreuploadAnswer.self, from: data) else { return }
            let bytes = ByteBuffer(string: "x")
            if let path = try? RepoPath("a"),
                let modes = try? answer.modes(
                    of: [UploadItem(path: path, source: .bytes(bytes), size: 1, changed: 0)], doing: "fuzz")
            {
                must(modes.count == 1, "a file without an answer")
            }
        case 2:
            guard let answer = try? decoder.decode(LFSBatchAnswer.self, from: data) else { return }
            for object in answer.objects.prefix(10) { _ = try? object.work(size: 1_000_000, doing: "fuzz") }
        case 3: _ = try? decoder.decode([HubEntry].self, from: data)
        case 4:
            guard let raw = try? JSONValue(reading: data, .lenient) else { return }
            _ = RepoInfo(raw)
            _ = RepoRefs(raw)
            _ = RepoCommit(raw)
            _ = LFSFile(raw)
            _ = HubWebhook(raw)
            if let runtime = SpaceRuntime(raw) {
                var wait = SpaceWait(commit: "abc", isFresh: true)
                if let space = try? RepoID.space("a/b") { _ = wait.look(at: runtime, space: space) }
            }
        default:
            for type in ["application/json", "text/html; charset=utf-8", "text/plain"] {
                let said = HubErrorText(
                    headers: ["Content-Type": type], body: ByteBuffer(bytes: bytes.dropFirst())
                ).text
                must(said.unicodeScalars.count <= 501, "an error as long as a page")
                must(!said.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }, "a control character")
            }
        }
    }
}

/// Bytes as an event stream, whole and cut into pieces by the first byte: both give the same events.
enum SSEFuzz {
    static func take(_ bytes: [UInt8]) {
        guard let first = bytes.first else { return }
        let stream = Array(bytes.dropFirst())
        func events(_ size: Int) -> (events: [String], dropped: Int) {
            var decoder = SSEDecoder(limit: 64)
            var events: [String] = []
            for start in stride(from: 0, to: stream.count, by: size) {
                decoder.feed(ByteBuffer(bytes: stream[start..<min(start + size, stream.count)])) { event in
                    must(event.data.unicodeScalars.count <= 64, "an event beyond the limit")
                    events.append("\(event)")
                    if let line = LogLine(event) {
                        _ = line.date
                        _ = line.plainText
                    }
                }
            }
            return (events, decoder.dropped)
        }
        let whole = events(max(1, stream.count))
        let pieces = events(1 + Int(first % 7))
        must(whole.events == pieces.events && whole.dropped == pieces.dropped, "pieces change the events")
    }
}

/// Bytes as the words and paths of a commit: what is sent is one JSON object a line, of the length that was promised.
enum NDJSONFuzz {
    static func take(_ bytes: [UInt8]) {
        let parts = bytes.split(separator: 0, maxSplits: 3, omittingEmptySubsequences: false).map { Array($0) }
        guard parts.count >= 3 else { return }
        let texts = parts.map { String(decoding: $0, as: UTF8.self) }
        guard let path = try? RepoPath(texts[1]) else { return }
        let item = UploadItem(
            path: path, source: .bytes(ByteBuffer(bytes: parts[2])), size: Int64(parts[2].count), changed: 0)
        let body = CommitBody(
            summary: texts[0], description: texts[2], parent: texts[0].isEmpty ? nil : texts[0],
            lines: [.deletedFolder(path), .file(item), .lfs(path: path, oid: texts[0], size: 7), .deletedFile(path)])
        var promised = Int64(body.header.utf8.count)
        must(isObject(body.header), "a header that is no JSON")
        for line in body.lines { promised += CommitBody.length(of: line) }
        must(promised == body.length, "another length than promised")
        for text in texts {
            let read = try? JSONDecoder().decode(String.self, from: Data(JSONValue.quoted(text).utf8))
            must(read == text, "a text that is another one after its way through JSON")
        }
    }

    private static func isObject(_ text: String) -> Bool {
        guard text.hasSuffix("\n"), !text.dropLast().utf8.contains(10) else { return false }
        return (try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)))?.members != nil
    }
}

/// Bytes as headers, one a line: `Link`, `RateLimit`, `RateLimit-Policy`, `Retry-After`, and a text about a quota.
enum HubHeadersFuzz {
    static func take(_ bytes: [UInt8]) {
        let lines = bytes.split(separator: 10, maxSplits: 4, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard lines.count == 5 else { return }
        if let next = HubLink.next(lines[0]) {
            must(!next.isEmpty, "a page without an address")
            if let url = HubURL.resolve(next, from: "https://huggingface.co/api/spaces") { _ = try? WebOrigin(url) }
        }
        let headers: HTTPHeaders = ["RateLimit": lines[1], "RateLimit-Policy": lines[2], "Retry-After": lines[3]]
        if let wait = RateLimitHeaders.retryAfter(headers) {
            must(wait >= .zero && wait <= .seconds(7 * 86_400), "a wait without end")
        }
        if let read = RateLimitHeaders(headers) {
            must(read.remaining >= 0 && (0...86_400).contains(read.seconds), "a window of nonsense")
            var state = RateLimiterState(limits: .init())
            state.heard(read, bucket: read.bucket, status: 200, now: .zero)
            let wait = state.admit(read.bucket, urgent: false, now: .seconds(1))
            must(wait >= .zero && wait <= .seconds(86_500), "a call that never leaves")
        }
        if let quota = ActionQuota(lines[4]) {
            must((quota.number ?? 1) > 0 && (quota.wait ?? .zero) >= .zero, "a quota of nothing")
        }
        let shown = Redaction.quote(lines[4] + " hf_abcdefghijklmnopqrst")
        must(!shown.contains("abcdefghijklmnopqrst"), "a token shown")
    }
}
