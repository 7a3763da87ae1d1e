package import FoundationEssentials
import StokerCore

/// Which of a Space's two logs.
package enum SpaceLogKind: String, Sendable, CaseIterable {
    case build, run
}

/// One event of a log. Usually a line, though a program may write several at once or half of one.
package struct LogLine: Sendable, Hashable {
    /// With the line feed and the colours the program wrote.
    package var text: String
    /// As it came; nil when there was none.
    package var timestamp: String?

    package init(text: String, timestamp: String?) {
        self.text = text
        self.timestamp = timestamp
    }

    /// nil for keep-alives and for what is no log event.
    init?(_ event: SSEEvent) {
        guard event.data.utf8.first == UInt8(ascii: "{"),
            let raw = try? JSONValue(reading: event.data, .lenient),
            let text = raw["data"]?.string
        else { return nil }
        self.init(text: text, timestamp: raw["timestamp"]?.string)
    }

    /// When the program wrote it; nil when it was not said, or not in RFC 3339.
    package var date: Date? {
        timestamp.flatMap(HubTime.read)
    }

    /// Without escape sequences (ECMA-48), with what a lone carriage return had overwritten left out, and without line ends behind.
    package var plainText: String {
        var out: [Unicode.Scalar] = []
        var lineStart = 0
        var scalars = text.unicodeScalars.makeIterator()
        var next = scalars.next()
        while let scalar = next {
            next = scalars.next()
            switch scalar {
            case "\u{1B}":
                if next == "[" {
                    next = scalars.next()
                    while let inside = next, !(0x40...0x7E).contains(inside.value) { next = scalars.next() }
                    next = scalars.next()
                } else if next == "]" {
                    while let inside = next, inside != "\u{07}", inside != "\u{1B}" { next = scalars.next() }
                    if next == "\u{1B}" { next = scalars.next() }
                    next = scalars.next()
                } else {
                    next = scalars.next()
                }
            case "\r":
                // A progress bar writes over itself: only the last state is worth a line.
                if let following = next, following != "\n" { out.removeSubrange(lineStart...) }
            case "\n":
                out.append(scalar)
                lineStart = out.count
            case "\t": out.append(scalar)
            default: if scalar.value >= 0x20, scalar.value != 0x7F { out.append(scalar) }
            }
        }
        while out.last == "\n" { out.removeLast() }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: out)
        return String(view)
    }
}

/// Times as the Hub writes them: RFC 3339, with or without parts of a second.
enum HubTime {
    static func read(_ text: String) -> Date? {
        (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
            ?? (try? Date(text, strategy: Date.ISO8601FormatStyle()))
    }
}
