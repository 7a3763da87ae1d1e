/// Where something can be reached: `https://…`, `tcp://host:port` and what else the kinds of checks know, checked and in one spelling.
package struct Address: Sendable, Hashable, CustomStringConvertible {
    /// How an address begins. Which there are, the kinds of checks say.
    package struct Scheme: Sendable, Hashable, CustomStringConvertible {
        package let rawValue: String
        /// nil where every address says its port.
        package let defaultPort: Int?

        package init(_ rawValue: String, defaultPort: Int? = nil) {
            self.rawValue = rawValue
            self.defaultPort = defaultPort
        }

        package var description: String { rawValue }

        /// - Parameter rawValue: in lower case.
        package init?(rawValue: String) {
            guard let known = CheckKinds.schemes.first(where: { $0.rawValue == rawValue }) else { return nil }
            self = known
        }

        /// The kind of check that such an address is for.
        package var kind: CheckPolicy.Kind { CheckKinds.kind(of: self) }
    }
    package var scheme: Scheme
    /// Lower case; IPv6 addresses without their brackets.
    package var host: String
    /// As written; nil stands for the scheme's own.
    package var port: Int?
    /// What follows, as the kind settled it: path and query beginning with `/` for http, nothing for tcp.
    package var path: String
    /// What came out of variables into the path and the query: see ``Request/hidden``.
    package var hidden: [Secret] = []

    /// Why a text is no address.
    package struct Fault: Error, Equatable {
        package var because: String
        package init(because: String) { self.because = because }

        static let hasUser = Fault(because: "has a user in it; send credentials with `headers: { Authorization: … }`")
    }

    /// Host and port: the one grammar for fleet files and redirects.
    package struct Authority: Sendable, Equatable {
        /// Lower case, without brackets; the root's dot stays.
        package var host: String
        /// The host when it is an IP address.
        package var literal: HostAddress?
        /// As written; nil when none is.
        package var port: Int?

        /// - Parameter bytes: what stands between `//` and the path, ASCII.
        /// - Throws: ``Fault``, in words that fit behind the text that was read.
        package init(_ bytes: ArraySlice<UInt8>) throws(Fault) {
            guard !bytes.contains(UInt8(ascii: "@")) else { throw Fault.hasUser }
            var name = bytes
            var digits: ArraySlice<UInt8>?
            if bytes.first == UInt8(ascii: "[") {
                guard let close = bytes.firstIndex(of: UInt8(ascii: "]")) else {
                    throw Fault(because: "has a `[` without `]`")
                }
                name = bytes[(bytes.startIndex + 1)..<close]
                let tail = bytes[(close + 1)...]
                guard tail.isEmpty || tail.first == UInt8(ascii: ":") else {
                    throw Fault(because: "has something between `]` and the port")
                }
                if !tail.isEmpty { digits = tail.dropFirst() }
                literal = HostAddress(v6: name)
                guard literal != nil else { throw Fault(because: "has no IPv6 address between its brackets") }
            } else {
                if let colon = bytes.firstIndex(of: UInt8(ascii: ":")) {
                    guard bytes.lastIndex(of: UInt8(ascii: ":")) == colon else {
                        throw Fault(because: "has more than one colon; write IPv6 addresses in brackets: [::1]")
                    }
                    name = bytes[..<colon]
                    digits = bytes[(colon + 1)...]
                }
                literal = HostAddress(v4: name)
                if literal == nil { try Self.check(name: name) }
            }
            host = String(decoding: name.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
            if let digits {
                var number = 0
                for digit in digits {
                    guard (0x30...0x39).contains(digit), number <= 65_535 else {
                        throw Fault(because: "has a port outside 1…65535")
                    }
                    number = number * 10 + Int(digit - 0x30)
                }
                guard (1...65_535).contains(number) else { throw Fault(because: "has a port outside 1…65535") }
                port = number
            }
        }

        /// - Parameter text: host and port as an address or a Host header has them.
        package init(_ text: some StringProtocol) throws(Fault) { try self.init(Array(text.utf8)[...]) }

        private static func check(name: ArraySlice<UInt8>) throws(Fault) {
            guard !name.isEmpty else { throw Fault(because: "has no host") }
            let tooLong = Fault(because: "has a host that is no name: parts are 1 to 63 characters long, 253 in all")
            let name = name.last == UInt8(ascii: ".") ? name.dropLast() : name
            guard !name.isEmpty, name.count <= 253 else { throw tooLong }
            var start = name.startIndex
            for place in name.startIndex...name.endIndex {
                guard place < name.endIndex, name[place] != UInt8(ascii: ".") else {
                    guard (1...63).contains(place - start) else { throw tooLong }
                    if place < name.endIndex { start = place + 1 }
                    continue
                }
                switch name[place] {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): break
                default: throw Fault(because: "has a host with a character that no name has")
                }
            }
            // No top-level domain is a number: such a host is an IPv4 address to whoever reads it. Source: WHATWG URL, "ends in a number".
            let last = name[start...]
            let isHexadecimal = last.count > 2 && last.first == 0x30 && last[start + 1] | 0x20 == UInt8(ascii: "x")
            if last.allSatisfy({ (0x30...0x39).contains($0) })
                || isHexadecimal
                    && last.dropFirst(2).allSatisfy({
                        (0x30...0x39).contains($0) || (0x61...0x66).contains($0 | 0x20)
                    })
            {
                throw Fault(
                    because:
                        "has a host that ends in a number and is no IPv4 address: four numbers from 0 to 255, such as 192.0.2.1"
                )
            }
        }
    }

    /// - Throws: ``Fault``, in words that fit behind the text that was read.
    package init(_ text: some StringProtocol) throws(Fault) {
        guard let parts = AddressParts(text) else {
            throw Fault(because: "does not begin with \(CheckKinds.schemes(joinedBy: "or"))")
        }
        guard let scheme = Scheme(rawValue: parts.scheme) else {
            throw Fault(
                because: "begins with \(parts.scheme.prefix(12))://; known are \(CheckKinds.schemes(joinedBy: "and"))")
        }
        self.scheme = scheme
        if let bad = text.unicodeScalars.first(where: { $0.value <= 0x20 || $0.value == 0x7F }) {
            throw Fault(because: bad == " " ? "has a space in it; write %20" : "has a control character in it")
        }
        if !text.utf8.allSatisfy({ $0 < 0x80 }) {
            throw Fault(because: "has letters beyond ASCII; write the host as xn--… and the path with %…")
        }
        if parts.fragment != nil { throw Fault(because: "has a `#` part, which is never sent; leave it out") }
        guard parts.userinfo == nil else { throw Fault.hasUser }
        path = parts.path + (parts.query.map { "?" + $0 } ?? "")
        let place = try parts.authority()
        host = place.host
        port = place.port
        try scheme.kind.type.settle(&self)
    }

    /// In the one spelling that equal addresses share: lower-case host, no default port, what follows as its kind has it.
    package var description: String {
        let name = host.contains(":") ? "[\(host)]" : host
        let port = port.flatMap { $0 == scheme.defaultPort ? nil : ":\($0)" } ?? ""
        return "\(scheme.rawValue)://\(name)\(port)\(path)"
    }
}

extension Address {
    /// Only this machine or its own network reaches it: a loopback, private or link-local address, or a name that no public name
    /// server has. Source: RFC 6761, 6762, 8375; see ``HostAddress/isOfOwnNetwork`` for addresses.
    package var isOfOwnNetwork: Bool {
        if let literal = HostAddress(v4: host.utf8) ?? HostAddress(v6: host.utf8) { return literal.isOfOwnNetwork }
        let name = host.hasSuffix(".") ? String(host.dropLast()) : host
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
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

    package static func isPart(_ part: some StringProtocol) -> Bool { problem(with: part) == nil }

    /// Why an owner's or a repository's name cannot be one, as a clause; nil when it can.
    package static func problem(with part: some StringProtocol) -> String? {
        guard (1...96).contains(part.utf8.count) else { return "each half has 1 to 96 characters" }
        guard
            part.utf8.allSatisfy({ byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
                default: false
                }
            })
        else { return "only letters, digits, \".\", \"_\" and \"-\" are allowed" }
        for end in ["-", "."] where part.hasPrefix(end) || part.hasSuffix(end) {
            return "\(part) begins or ends with \".\" or \"-\""
        }
        if part.contains("--") || part.contains("..") { return "\(part) contains \"--\" or \"..\"" }
        if part.hasSuffix(".git") { return "\(part) ends in .git" }
        return nil
    }

    /// `owner/name` out of the address of a Space's page on the Hub, whatever follows it there; any other text as it is.
    /// - Parameter endpoint: of the Hub that is asked, whose pages are taken beside huggingface.co's.
    package static func id(fromPage text: String, endpoint: String? = nil) -> String {
        let hubs = [endpoint, Fleet.Hub.official, "https://hf.co"].compactMap { $0.map { $0 + "/spaces/" } }
        guard let start = (hubs + ["spaces/"]).first(where: { text.hasPrefix($0) }) else { return text }
        return text.dropFirst(start.count).prefix { $0 != "?" && $0 != "#" }.split(separator: "/").prefix(2)
            .joined(separator: "/")
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
