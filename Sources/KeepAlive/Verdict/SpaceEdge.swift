import NIOCore
import NIOHTTP1
import StokerCore

/// Tells a Space's own answers from those the platform gives in its place.
///
/// The edge adds `x-proxied-*` to what the app said and to nothing else. The Hub does not document that; it was observed, read 2026-09.
/// docs/verdicts.md has the rules that follow from it.
enum SpaceEdge {
    /// nil when the answer is the app's own, or a redirect's: then the expectations judge it.
    /// - Parameter isStatic: files, which no container serves and no header marks: whatever is no refusal is their own.
    static func judge(_ answer: Answer, isStatic: Bool = false) -> AttemptResult? {
        if isApp(answer) { return nil }
        let code = answer.status
        if isStatic, code < 400 { return nil }
        let page = Page(answer.isEncoded ? AnswerBody(answer).bytes : answer.body)
        if page.has(any: moderated) { return finding(.down, .spaceModerated, code) }
        if code == 429 { return finding(.unknown, .spaceThrottled, code) }
        if page.has(any: inError) { return finding(.down, .spaceError, code) }
        if page.has(any: preparing) { return finding(.waking, .spaceStarting, code) }
        if isStatic {
            // A file that is not there is the owner's own 404.
            return code == 404 && answer.redirects == 0 && page.has(any: noPage)
                ? finding(.down, .spaceHidden, code) : nil
        }
        // The app may send its visitors elsewhere, to a login for instance; what answers there is not behind the edge.
        if (300..<400).contains(code) || (answer.redirects > 0 && code < 400) { return nil }
        if code == 404 {
            // Behind a redirect it is whatever the app sent its visitor to that says so.
            return answer.redirects == 0 ? finding(.down, .spaceHidden, code) : nil
        }
        if page.has(any: paused) { return finding(.down, .spacePaused, code) }
        if page.has(any: starting) { return finding(.waking, .spaceStarting, code) }
        switch code {
        // The edge gave up holding the request, after about 60 s.
        case 504: return finding(.waking, .spaceHeld, code)
        // Without a word: reported of sleeping Spaces. If it stays, the limit of waking makes it a failure.
        case 503: return finding(.waking, .spaceStarting, code)
        default: return finding(.down, .spacePlatformPage, code)
        }
    }

    static func isApp(_ answer: Answer) -> Bool {
        answer.headers.contains(name: "x-proxied-replica") || answer.headers.contains(name: "x-proxied-host")
            || answer.headers.contains(name: "x-proxied-path")
    }

    // Lower case: pages are compared that way. Only ever searched in pages that are not the app's.
    private static let moderated = ["flagged as abusive", "has been flagged"]
    private static let inError = ["space is in error", "space has an error", "runtime error", "build error"]
    private static let preparing = ["preparing space", "preparing your space"]
    private static let noPage = ["find the page you are looking for"]
    private static let paused = ["is paused", "been paused", "space paused"]
    private static let starting = ["building", "starting", "waking", "restarting", "asleep", "sleeping", "is loading"]

    private static func finding(_ outcome: Outcome, _ cause: Cause, _ code: UInt16) -> AttemptResult {
        AttemptResult(
            outcome: outcome, cause: cause, code: code, detail: "\(code) without x-proxied headers: \(cause.sentence)")
    }

    private struct Page {
        private let lowered: [UInt8]
        init(_ body: ByteBuffer) {
            lowered = body.readableBytesView.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }
        }
        func has(any phrases: [String]) -> Bool {
            lowered.withUnsafeBytes { bytes in
                phrases.contains { phrase in
                    var phrase = phrase
                    return phrase.withUTF8 { bytes.contains($0) }
                }
            }
        }
    }
}
