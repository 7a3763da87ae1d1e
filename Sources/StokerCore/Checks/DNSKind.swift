/// What a name server says of a name: `dns://example.com?type=MX`, or `dns://192.0.2.1:53/example.com` to ask that server.
package enum DNSKind: CheckKind {
    package static let name = "dns"
    package static let schemes: [Address.Scheme] = [.dns]
    package static let example = "dns://example.com?type=MX"
    package static let addressPattern =
        "[Dd][Nn][Ss]://(\\[[0-9A-Fa-f:.%]+\\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?(/[A-Za-z0-9._-]*)?(\\?type=[A-Za-z]+)?"

    /// The types that can be asked for, with their numbers. Source: IANA, DNS resource record types.
    package static let types: [(name: String, number: UInt16)] = [
        ("A", 1), ("AAAA", 28), ("CAA", 257), ("CNAME", 5), ("MX", 15), ("NS", 2), ("PTR", 12), ("SOA", 6),
        ("SRV", 33), ("TXT", 16),
    ]

    /// What is asked, and whom.
    package struct Question: Sendable, Equatable {
        /// In lower case, without the root's dot.
        package var name: String
        package var type: String
        /// Host and port of the server to ask; nil for those of this machine.
        package var server: (host: String, port: Int)?

        package init(name: String, type: String, server: (host: String, port: Int)? = nil) {
            self.name = name
            self.type = type
            self.server = server
        }

        package static func == (a: Question, b: Question) -> Bool {
            a.name == b.name && a.type == b.type && a.server?.host == b.server?.host && a.server?.port == b.server?.port
        }
    }

    package static func settle(_ address: inout Address) throws(Address.Fault) {
        let question = try question(of: address)
        let query = question.type == "A" ? "" : "?type=\(question.type)"
        if address.port == address.scheme.defaultPort { address.port = nil }
        if question.server == nil {
            address.host = question.name
            address.path = query
        } else {
            address.path = "/\(question.name)\(query)"
        }
    }

    /// - Throws: ``Address/Fault`` for an address that asks nothing.
    package static func question(of address: Address) throws(Address.Fault) -> Question {
        let front = address.path.prefix { $0 != "?" }
        let type = try type(in: address.path.dropFirst(front.count))
        if front.isEmpty || front == "/" {
            guard address.port == nil else {
                throw Address.Fault(because: "has a port and no name to ask for; write dns://192.0.2.1:53/example.com")
            }
            guard !address.host.contains(":"), HostAddress(v4: address.host.utf8) == nil else {
                throw Address.Fault(because: "has no name to ask for; write dns://192.0.2.1/example.com")
            }
            return Question(name: plain(address.host), type: type, server: nil)
        }
        let place = try Address.Authority(Array(front.dropFirst().utf8)[...])
        guard place.literal == nil, place.port == nil else {
            throw Address.Fault(because: "asks for an address or a port; write the name behind the server")
        }
        return Question(name: plain(place.host), type: type, server: (address.host, address.port ?? 53))
    }

    private static func type(in query: Substring) throws(Address.Fault) -> String {
        guard query.count > 1 else { return "A" }
        let said = query.dropFirst()
        guard said.hasPrefix("type="), !said.contains("&") else {
            throw Address.Fault(because: "has something behind `?` that is not known; write ?type=MX")
        }
        let name = said.dropFirst("type=".count).uppercased()
        guard types.contains(where: { $0.name == name }) else {
            let known = types.map(\.name).joined(separator: ", ")
            throw Address.Fault(because: "asks for records of a type that is not known; known are \(known)")
        }
        return name
    }

    private static func plain(_ name: String) -> String {
        name.hasSuffix(".") ? String(name.dropLast()) : name
    }

    package static let refusal = "where a name server is asked and nothing else"
    package static let expectations = ["records", "within"]
    package static let ownExpectations = [
        OwnExpectation(
            key: "records", summary: "Records that must be in a name server's answer, as zone files have them",
            wanted: "records such as [192.0.2.1] or \"10 mail.example.com\"", most: 50,
            sample: "\"10 mail.example.com\"", invalidExamples: ["[]", "mail.example.com", "{ a: b }"])
    ]
    /// A name server that needs longer is none.
    package static let timeout: Duration = .seconds(10)

    package static func fault(in expect: Expectation, at address: Address) -> (key: String, because: String)? {
        // The address was read already.
        guard let question = try? question(of: address),
            let bad = expect.own["records"]?.first(where: { canonical($0, type: question.type) == nil })
        else { return nil }
        let examples = [
            "A": "192.0.2.1", "AAAA": "2001:db8::1", "CAA": "0 issue \"ca.example\"", "MX": "10 mail.example.com",
            "SOA": "ns.example.com admin.example.com 1 7200 3600 1209600 300", "SRV": "0 5 443 host.example.com",
        ]
        return (
            "records",
            "has \"\(bad.prefix(80))\", which is no \(question.type) record; write it like \(examples[question.type] ?? "host.example.com")"
        )
    }

    /// One spelling for texts that mean the same record; nil when the text is no record of that type.
    package static func canonical(_ text: String, type: String) -> String? {
        switch type {
        case "A": return HostAddress(v4: text.utf8).map { "\($0)" }
        case "AAAA": return HostAddress(v6: text.utf8).map { "\($0)" }
        case "TXT": return text
        default: break
        }
        let words = text.split(separator: " ").map { plain($0.lowercased()) }
        let numbers: [String: (words: Int, numbers: Range<Int>)] = [
            "CNAME": (1, 0..<0), "NS": (1, 0..<0), "PTR": (1, 0..<0), "MX": (2, 0..<1), "SRV": (4, 0..<3),
            "SOA": (7, 2..<7),
        ]
        guard let form = numbers[type] else {
            // CAA: the value may have spaces in it.
            return words.count >= 3 && UInt8(words[0]) != nil ? words.joined(separator: " ") : nil
        }
        guard words.count == form.words, form.numbers.allSatisfy({ UInt32(words[$0]) != nil }) else { return nil }
        return words.joined(separator: " ")
    }

    package static func label(of check: Check) -> String { "DNS name" }

    package static func work(of check: Check) -> String {
        guard let question = try? question(of: Address(check.address)) else {  // then the probe says what is wrong
            return "look up \(check.shownAddress ?? "")"
        }
        let server = question.server.map { " at \($0.host.contains(":") ? "[\($0.host)]" : $0.host):\($0.port)" } ?? ""
        let records = check.policy.expect.own["records"] ?? []
        let wanted = records.isEmpty ? "" : " → records \(records.joined(separator: ", "))"
        let hidden = check.policy.request.hidden
        // The name stands in front of what variables may hide where no server is named.
        let name = question.server == nil ? question.name : Redaction.hide(hidden, in: question.name)
        return "look up \(question.type) of \(name)\(server)\(Redaction.hide(hidden, in: wanted))"
    }
}

extension Address.Scheme {
    package static let dns = Address.Scheme("dns", defaultPort: 53)
}
