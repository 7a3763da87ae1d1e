import NIOCore
import StokerCore

/// The bytes of one request.
enum ProbeRequest {
    /// `withSecrets` false leaves out what only the first host may see (a redirect led elsewhere).
    /// - Parameter cookies: what answers of the redirect chain set for this address; nil when nothing.
    static func bytes(
        method: String, address: ProbeAddress, request: Request, withBody: Bool, withSecrets: Bool, cookies: String?,
        userAgent: String, allocator: ByteBufferAllocator
    ) -> ByteBuffer {
        var cookies = cookies
        var out = allocator.buffer(capacity: 256 + address.target.utf8.count)
        out.writeString(method)
        out.writeStaticString(" ")
        out.writeString(address.target)
        out.writeStaticString(" HTTP/1.1\r\n")
        var ownHost = false
        var ownAgent = false
        var ownAccept = false
        for header in request.headers {
            switch header.name.lowercased() {
            case "host": ownHost = withSecrets
            case "user-agent": ownAgent = true
            case "accept": ownAccept = true
            default: break
            }
        }
        if !ownHost { write(&out, "Host", address.authority) }
        if !ownAgent { write(&out, "User-Agent", userAgent) }
        if !ownAccept { write(&out, "Accept", "*/*") }
        for header in request.headers {
            let name = header.name.lowercased()
            if framing.contains(name) { continue }
            // Any header of the fleet file may come from the environment, whatever it is called.
            if !withSecrets, !KnownSecrets.harmless.contains(name) || name == "host" { continue }
            // A redirect's own user takes the place of ours, as in curl.
            if name == "authorization", address.credentials != nil { continue }
            if name == "cookie", let more = cookies {
                write(&out, header.name, "\(header.value.reveal()); \(more)")
                cookies = nil
                continue
            }
            write(&out, header.name, header.value.reveal())
        }
        if let credentials = address.credentials { write(&out, "Authorization", "Basic \(credentials)") }
        if let cookies { write(&out, "Cookie", cookies) }
        if withBody, let body = request.body {
            write(&out, "Content-Length", String(body.utf8.count))
            out.writeStaticString("Connection: close\r\n\r\n")
            out.writeString(body)
        } else {
            if method == "POST" || method == "PUT" || method == "PATCH" {
                out.writeStaticString("Content-Length: 0\r\n")
            }
            out.writeStaticString("Connection: close\r\n\r\n")
        }
        return out
    }

    /// Ours to set: they frame the message.
    private static let framing: Set<String> = ["connection", "content-length", "transfer-encoding", "keep-alive"]

    private static func write(_ out: inout ByteBuffer, _ name: String, _ value: String) {
        out.writeString(name)
        out.writeStaticString(": ")
        out.writeString(value)
        out.writeStaticString("\r\n")
    }
}

extension Request {
    /// Why this request cannot be written as HTTP; nil when it can. A line break in a value would let a fleet file's
    /// variable write further headers.
    var problem: String? {
        guard !method.isEmpty, method.utf8.allSatisfy({ $0.isToken }) else { return "the method is not an HTTP token" }
        if method == "CONNECT" { return "CONNECT is for proxies; it cannot be probed with" }
        for header in headers {
            guard !header.name.isEmpty, header.name.utf8.allSatisfy({ $0.isToken }) else {
                return "a header's name is not an HTTP token"
            }
            guard header.value.reveal().utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
                return "the header \(header.name) has a line break or control character in its value"
            }
        }
        return nil
    }
}

extension UInt8 {
    /// RFC 9110 section 5.6.2.
    var isToken: Bool {
        if isLetter || isDigit { return true }
        switch self {
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
            UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            return true
        default: return false
        }
    }
}
