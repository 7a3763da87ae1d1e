import Foundation
import StokerCore

/// `ops@example.com`, or `Ops <ops@example.com>`.
struct MailAddress: Sendable, Equatable {
    /// Empty for none.
    var name: String
    var address: String
    var domain: String { String(address[address.index(after: address.lastIndex(of: "@") ?? address.startIndex)...]) }

    static let wanted = "is not a mail address; write ops@example.com, or \"Ops <ops@example.com>\""

    /// Only what every mail server takes: ASCII, no quotes and no comments. Source: RFC 5321 section 4.1.2.
    init?(_ text: String) {
        if text.hasSuffix(">"), let open = text.firstIndex(of: "<") {
            name = text[..<open].trimmingCharacters(in: .whitespaces)
            address = String(text[text.index(after: open)...].dropLast())
        } else {
            name = ""
            address = text
        }
        let parts = address.split(separator: "@", omittingEmptySubsequences: false)
        func isWord(_ part: Substring, _ marks: String) -> Bool {
            !part.isEmpty && part.first != "." && part.last != "." && !part.contains("..")
                && part.utf8.allSatisfy { byte in
                    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                        || marks.utf8.contains(byte)
                }
        }
        guard parts.count == 2, parts[0].utf8.count <= 64, address.utf8.count <= 254,
            isWord(parts[0], ".!#$%&'*+-/=?^_`{|}~"),
            isWord(parts[1], ".-"), !name.contains(where: { $0.isNewline || $0 == "<" || $0 == ">" || $0 == "\"" }),
            name.utf8.count <= 200
        else { return nil }
    }
}

/// A mail in plain text.
struct MailMessage: Sendable {
    var from: MailAddress
    var to: [MailAddress]
    /// One line; header fields cannot be put into it.
    var subject: String
    var text: String
    /// Of the message, wherever it arrives.
    var key: String
    var at: Instant

    /// The key as an atom (RFC 5322 section 3.2.3); what is none is escaped with `%`, which is one.
    var messageID: String {
        let atom = PercentCoding.encoded(key.utf8) { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "-_+=".utf8.contains(byte)
        }
        return "<\(atom)@\(from.domain)>"
    }

    /// With CRLF at each line's end; lines have at most 76 bytes. Source: RFC 5322, 2045 and 2047.
    var bytes: [UInt8] {
        let lines = [
            "Date: \(Self.date(at))", "From: \(Self.mailbox(from))",
            "To: \(to.map(Self.mailbox).joined(separator: ",\r\n "))",
            "Subject: \(Self.header(subject))", "Message-ID: \(messageID)", "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable",
            "Auto-Submitted: auto-generated", "", "",
        ]
        return Array(lines.joined(separator: "\r\n").utf8) + Self.quotedPrintable(text)
    }

    private static func mailbox(_ address: MailAddress) -> String {
        address.name.isEmpty ? address.address : "\(header(address.name, isPhrase: true)) <\(address.address)>"
    }

    /// Text of a header: as it is when it is short and plain, else encoded words of at most 75 bytes (RFC 2047).
    static func header(_ text: String, isPhrase: Bool = false) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            (0x20..<0x7F).contains(byte)
                && (!isPhrase || byte == 0x20 || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                    || (0x61...0x7A).contains(byte))
        }
        if isPlain, text.utf8.count <= 60, !text.contains("=?") { return text }
        var words: [String] = []
        var piece: [UInt8] = []
        func end() {
            if !piece.isEmpty { words.append("=?UTF-8?B?\(Data(piece).base64EncodedString())?=") }
            piece = []
        }
        for scalar in text.unicodeScalars {
            // Control characters have no business in a header, encoded or not.
            let bytes = Array(String(scalar.value < 0x20 || scalar.value == 0x7F ? " " : scalar).utf8)
            if piece.count + bytes.count > 42 { end() }
            piece += bytes
        }
        end()
        return words.joined(separator: "\r\n ")
    }

    /// `Sat, 21 Nov 2026 08:15:00 +0000`.
    static func date(_ moment: Instant) -> String {
        let text = Array(moment.description)
        let days =
            moment.milliseconds >= 0
            ? moment.milliseconds / 86_400_000 : (moment.milliseconds - 86_399_999) / 86_400_000
        let names = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let month = Int(String(text[5..<7])) ?? 1
        return
            "\(names[Int((days % 7 + 7) % 7)]), \(String(text[8..<10])) \(Instant.monthNames[(month - 1) % 12]) \(String(text[0..<4])) \(String(text[11..<19])) +0000"
    }

    /// RFC 2045 section 6.7.
    static func quotedPrintable(_ text: String) -> [UInt8] {
        var out: [UInt8] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if index > 0 { out += [0x0D, 0x0A] }
            let bytes = Array(line.utf8)
            var width = 0
            for (place, byte) in bytes.enumerated() {
                let isLast = place == bytes.count - 1
                let isLiteral = (0x21...0x7E).contains(byte) && byte != 0x3D || byte == 0x20 && !isLast
                let piece = isLiteral ? [byte] : [0x3D, Hex.upperDigit(byte >> 4), Hex.upperDigit(byte & 15)]
                if width + piece.count > 75 {
                    out += [0x3D, 0x0D, 0x0A]
                    width = 0
                }
                out += piece
                width += piece.count
            }
        }
        return out
    }
}

extension Hex {
    fileprivate static func upperDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x41 + value - 10 }
}
