/// Where something can be reached: `https://…`, `http://…` or `tcp://host:port`, checked and in one spelling.
package struct Address: Sendable, Hashable, CustomStringConvertible {
    package enum Scheme: String, Sendable { case http, https, tcp }
    package var scheme: Scheme
    /// Lower case; IPv6 addresses without their brackets.
    package var host: String
    /// As written; nil stands for the scheme's own.
    package var port: Int?
    /// Path and query, beginning with `/`; empty for tcp.
    package var path: String

    /// Why a text is no address.
    package struct Fault: Error, Equatable {
        package var because: String
        package init(because: String) { self.because = because }
    }

    /// - Throws: ``Fault``, in words that fit behind the text that was read.
    package init(_ text: some StringProtocol) throws(Fault) {
        guard let colon = text.firstRange(of: "://") else {
            throw Fault(because: "does not begin with https://, http:// or tcp://")
        }
        let name = text[..<colon.lowerBound].lowercased()
        guard let scheme = Scheme(rawValue: name) else {
            throw Fault(because: "begins with \(name.prefix(12))://; known are https://, http:// and tcp://")
        }
        self.scheme = scheme
        let rest = text[colon.upperBound...]
        if let bad = rest.unicodeScalars.first(where: { $0.value <= 0x20 || $0.value == 0x7F }) {
            throw Fault(because: bad == " " ? "has a space in it; write %20" : "has a control character in it")
        }
        if !rest.allSatisfy(\.isASCII) {
            throw Fault(because: "has letters beyond ASCII; write the host as xn--… and the path with %…")
        }
        if rest.contains("#") { throw Fault(because: "has a `#` part, which is never sent; leave it out") }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        var path = String(rest.dropFirst(authority.count))
        if authority.contains("@") {
            throw Fault(because: "has a user in it; send credentials with `headers: { Authorization: … }`")
        }
        let host: Substring.SubSequence
        let portText: Substring?
        if authority.hasPrefix("[") {
            guard let close = authority.firstIndex(of: "]") else { throw Fault(because: "has a `[` without `]`") }
            let tail = authority[authority.index(after: close)...]
            guard tail.isEmpty || tail.hasPrefix(":") else {
                throw Fault(because: "has something between `]` and the port")
            }
            host = Substring(authority[authority.index(after: authority.startIndex)..<close])
            portText = tail.isEmpty ? nil : Substring(tail.dropFirst())
            guard host.contains(":"), host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." || $0 == "%" }) else {
                throw Fault(because: "has no IPv6 address between its brackets")
            }
        } else {
            let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 2 else {
                throw Fault(because: "has more than one colon; write IPv6 addresses in brackets: [::1]")
            }
            host = Substring(parts[0])
            portText = parts.count == 2 ? Substring(parts[1]) : nil
            guard !host.isEmpty else { throw Fault(because: "has no host") }
            guard host.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." || $0 == "_" }) else {
                throw Fault(because: "has a host with a character that no name has")
            }
            guard host.utf8.count <= 253, host.split(separator: ".").allSatisfy({ $0.utf8.count <= 63 }),
                !host.contains(".."),
                !host.hasPrefix(".")
            else {
                throw Fault(because: "has a host that is no name: parts are 1 to 63 characters long, 253 in all")
            }
        }
        self.host = host.lowercased()
        if let portText {
            guard let port = Int(portText), (1...65_535).contains(port), portText.first != "+" else {
                throw Fault(because: "has a port outside 1…65535")
            }
            self.port = port
        }
        switch scheme {
        case .tcp:
            guard port != nil else { throw Fault(because: "has no port; write tcp://host:5432") }
            guard path.isEmpty || path == "/" else { throw Fault(because: "has a path; a tcp check only connects") }
            path = ""
        case .http, .https:
            if !path.hasPrefix("/") { path = "/" + path }
        }
        self.path = path
    }

    /// In the one spelling that equal addresses share: lower-case host, no default port, at least `/`.
    package var description: String {
        let name = host.contains(":") ? "[\(host)]" : host
        let standard = scheme == .https ? 443 : scheme == .http ? 80 : nil
        let port = port.flatMap { $0 == standard ? nil : ":\($0)" } ?? ""
        return "\(scheme.rawValue)://\(name)\(port)\(path)"
    }
}

extension Address {
    /// Only this machine or its own network reaches it: a loopback, private or link-local address, or a name that no public name
    /// server has. Source: RFC 1918, 4193, 6598, 6761, 6762, 8375.
    package var isOfOwnNetwork: Bool {
        let name = host.hasSuffix(".") ? String(host.dropLast()) : host
        if name.contains(":") {
            let words = name.split(separator: ":", omittingEmptySubsequences: false)
            guard let first = words.first, let word = UInt16(first.isEmpty ? "0" : first, radix: 16) else {
                return false
            }
            // fc00::/7, fe80::/10, and what begins with zeros: ::1 and ::
            return word & 0xFE00 == 0xFC00 || word & 0xFFC0 == 0xFE80 || name == "::1" || name == "::"
        }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        let bytes = parts.compactMap { UInt8($0) }
        if parts.count == 4, bytes.count == 4 {
            switch (bytes[0], bytes[1]) {
            case (0, _), (10, _), (127, _), (169, 254), (192, 168): return true
            case (172, let second): return (16...31).contains(second)
            case (100, let second): return (64...127).contains(second)
            default: return false
            }
        }
        let last = parts.last.map(String.init) ?? ""
        return parts.count == 1 || ["localhost", "local", "internal", "lan", "test", "invalid"].contains(last)
            || name.hasSuffix(".home.arpa")
    }
}

/// How a Space's public address follows from its name.
package enum SpaceName {
    /// `owner/name` from a key of the fleet file; nil when it cannot be a Space's id.
    ///
    /// Letters, digits, `-`, `_`, `.`, at most 96 characters a part, not beginning or ending with `-` or `.`, no `--` or `..`.
    /// Source: huggingface_hub `validate_repo_id`.
    package static func isID(_ id: some StringProtocol) -> Bool {
        let parts = id.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { isPart($0) }
    }

    package static func isPart(_ part: some StringProtocol) -> Bool {
        guard !part.isEmpty, part.utf8.count <= 96, !part.contains("--"), !part.contains(".."), !part.hasSuffix(".git")
        else {
            return false
        }
        guard let first = part.first, let last = part.last, !"-.".contains(first), !"-.".contains(last) else {
            return false
        }
        return part.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
    }

    /// By this a Space is known whatever the case it is written in: the Hub finds it so, and answers with the case of its owner.
    package static func key(_ id: String) -> String { id.lowercased() }

    /// The DNS label of a Space: `owner-name` in lower case, with `/`, `.` and `_` as `-`.
    ///
    /// A guess made offline, right for nearly all Spaces; wrong after a rename, and unknown for names beyond 63 characters.
    /// Once the Hub is asked, its own `host` and `subdomain` take the place of this. Source: public Space pages, e.g.
    /// `user/tmp_test_space` at `user-tmp-test-space.hf.space`.
    package static func subdomain(of id: String) -> String {
        String(id.lowercased().map { "/._".contains($0) ? "-" : $0 })
    }
}
