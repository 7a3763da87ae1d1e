import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Networks that really go away: two network namespaces joined by a cable that only they know. Nothing leaves the
    /// machine; the addresses are those kept for documentation (RFC 5737) and exist inside the namespaces only.
    @Suite(.timeLimit(.minutes(4))) struct NetworkTests {
        enum Loss: String, CaseIterable {
            /// The other end goes down: packets fall into the void.
            case cablePulled
            /// Our own interface goes down, and the routes with it: every connection fails at once.
            case interfaceDown
        }

        @Test(arguments: Loss.allCases) func aLostNetworkIsOneAlarmAboutOurselves(loss: Loss) async throws {
            try await Scratch.with("network") { scratch in
                guard let net = try await TwoNetworks(scratch) else { return }
                let hosts = (1...4).map { "198.51.100.\($0)" }
                try await net.serveThere()
                let targets = hosts.enumerated().map { index, host in
                    "t\(index): { url: \"http://\(host):8080/\", every: 1s, timeout: 2s, retry: [500ms], recheck: 1s, down_after: 2 }"
                }
                let file = MessageFile(scratch)
                try scratch.write(
                    ServeTests.fleet(targets, more: file.channel("on: [down, recovered, offline]")), to: "fleet.yaml")
                let child = try scratch.start(
                    "ip",
                    [
                        "netns", "exec", net.ours, Binary.path, "serve", "--fleet", "fleet.yaml", "--host", "127.0.0.1",
                        "--port",
                        "0", "--data", "data",
                    ], name: "serve")
                let server = InNetwork(net: net, address: try await Server.ready(child).address, scratch: scratch)
                try await Wait.until("everything is up", within: .seconds(30)) {
                    let overview = try await server.json("/api/v1/overview")
                    return overview.counts.up.int == 4
                }

                try await net.lose(loss)
                try await Wait.until("we know that it is us", within: .seconds(40)) {
                    try await server.events("self.offline").count == 1
                }
                // Several more rounds without network.
                let before = try await server.json("/api/v1/overview").work.pings.int ?? 0
                try await Wait.until("pinging goes on", within: .seconds(40)) {
                    (try await server.json("/api/v1/overview").work.pings.int ?? 0) >= before + 8
                }
                #expect(file.told.isEmpty, "nothing can be sent, and of the targets there is nothing to tell")
                try await net.restore(loss)
                try await Wait.until("we know that it is back", within: .seconds(40)) {
                    try await server.events("self.online").count == 1
                }
                try await Wait.until("everything is up again", within: .seconds(40)) {
                    let page = try await server.json("/api/v1/checks").items.array
                    return page.count == 4 && page.allSatisfy { $0.verdict.string == "up" }
                }
                #expect(try await server.events("self.offline").count == 1)
                #expect(try await server.json("/api/v1/incidents").items.array.isEmpty, "no target was at fault")
                try await file.wait(for: "offline")
                #expect(file.told == ["offline"], "one message about ourselves, none about targets")
            }
        }

        /// A target out there must not make us read what only this machine can reach, and show it to visitors.
        @Test func aRedirectFromOutsideDoesNotLeadInside() async throws {
            try await Scratch.with("inside") { scratch in
                guard let net = try await TwoNetworks(scratch) else { return }
                try await net.serveThere("location / { return 302 http://127.0.0.1:7999/secret; }")
                let folder = scratch.path + "/inside"
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                let inside = try scratch.write(
                    Nginx.configuration("location / { return 200 inside; }", on: "127.0.0.1:7999", folder: folder),
                    to: "inside.conf")
                _ = try scratch.start(
                    "ip", ["netns", "exec", net.ours, "nginx", "-e", folder + "/error.log", "-c", inside],
                    name: "inside")
                let curl = ["netns", "exec", net.ours, "curl", "-sS", "-m", "2", "http://127.0.0.1:7999/"]
                try await Wait.until("the inner server to answer", every: .milliseconds(200)) {
                    try await scratch.run("ip", curl).output.contains("inside")
                }
                try scratch.write(
                    ServeTests.fleet(["out: { url: \"http://198.51.100.1:8080/\" }"]), to: "fleet.yaml")
                let check = try await scratch.run(
                    "ip", ["netns", "exec", net.ours, Binary.path, "check", "--fleet", "fleet.yaml"])
                #expect(check.exit != .code(0))
                #expect(
                    check.output.contains("leads into this machine's own network"), "\(check.output)\(check.errors)")
            }
        }

        /// The other side of the same coin: one host of four that goes is that host's trouble.
        @Test func oneLostHostIsAnIncidentOfItsOwn() async throws {
            try await Scratch.with("onehost") { scratch in
                guard let net = try await TwoNetworks(scratch) else { return }
                try await net.serveThere()
                let targets = (1...4).map {
                    "t\($0): { url: \"http://198.51.100.\($0):8080/\", every: 1s, timeout: 2s, retry: [500ms], recheck: 1s }"
                }
                try scratch.write(ServeTests.fleet(targets), to: "fleet.yaml")
                let child = try scratch.start(
                    "ip",
                    [
                        "netns", "exec", net.ours, Binary.path, "serve", "--fleet", "fleet.yaml", "--host", "127.0.0.1",
                        "--port",
                        "0", "--data", "data",
                    ], name: "serve")
                let server = InNetwork(net: net, address: try await Server.ready(child).address, scratch: scratch)
                try await server.wait(for: ["up", "up", "up", "up"])
                try await net.ip("-n", net.theirs, "addr", "del", "198.51.100.1/32", "dev", net.theirEnd)
                try await server.wait(for: ["down", "up", "up", "up"])
                #expect(try await server.events("self.offline").isEmpty)
                try await Wait.until("its incident is remembered") {
                    try await server.json("/api/v1/incidents").items.array.count == 1
                }
            }
        }
    }
}

/// Two network namespaces and the cable between them; taken away with the scratch directory.
struct TwoNetworks: Sendable {
    let ours: String
    let theirs: String
    let theirEnd = "there"
    private let scratch: Scratch

    /// nil, with a word on why, where making namespaces is not allowed.
    init?(_ scratch: Scratch) async throws {
        self.scratch = scratch
        let unique = UUID().uuidString.prefix(6)
        ours = "stoker-a-\(unique)"
        theirs = "stoker-b-\(unique)"
        guard geteuid() == 0 else {
            print("skipped: making network namespaces needs root")
            return nil
        }
        do {
            try await ip("netns", "add", ours)
        } catch {
            print("skipped: no network namespaces here (\(error))")
            return nil
        }
        scratch.atEnd { [scratch, ours, theirs] in
            for name in [ours, theirs] {
                do { _ = try await scratch.run("ip", ["netns", "del", name]) } catch {
                    print("could not remove \(name): \(error)")
                }
            }
        }
        try await ip("netns", "add", theirs)
        try await ip("-n", ours, "link", "add", "here", "type", "veth", "peer", "name", theirEnd, "netns", theirs)
        try await ip("-n", ours, "addr", "add", "192.0.2.1/24", "dev", "here")
        try await ip("-n", theirs, "addr", "add", "192.0.2.2/24", "dev", theirEnd)
        for host in 1...4 { try await ip("-n", theirs, "addr", "add", "198.51.100.\(host)/32", "dev", theirEnd) }
        for (name, link) in [(ours, "lo"), (theirs, "lo"), (ours, "here"), (theirs, theirEnd)] {
            try await ip("-n", name, "link", "set", link, "up")
        }
        try await route()
    }

    /// Starts a web server at the other end, and returns when it answers us: a target that is not there yet would be an
    /// incident.
    func serveThere(_ location: String = "location / { return 200; }") async throws {
        let folder = scratch.path + "/there"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let configuration = Nginx.configuration(location, on: "0.0.0.0:8080", folder: folder)
        let file = try scratch.write(configuration, to: "there.conf")
        _ = try scratch.start(
            "ip", ["netns", "exec", theirs, "nginx", "-e", folder + "/error.log", "-c", file], name: "web")
        try await Wait.until("the other end to answer", every: .milliseconds(200)) {
            let look = [
                "netns", "exec", ours, "curl", "-sS", "-o", "/dev/null", "-m", "2", "http://198.51.100.1:8080/",
            ]
            return try await scratch.run("ip", look).exit == .code(0)
        }
    }

    private func route() async throws {
        try await ip("-n", ours, "route", "replace", "198.51.100.0/24", "via", "192.0.2.2")
    }

    func lose(_ loss: EndToEnd.NetworkTests.Loss) async throws {
        switch loss {
        case .cablePulled: try await ip("-n", theirs, "link", "set", theirEnd, "down")
        case .interfaceDown: try await ip("-n", ours, "link", "set", "here", "down")
        }
    }

    func restore(_ loss: EndToEnd.NetworkTests.Loss) async throws {
        switch loss {
        case .cablePulled: try await ip("-n", theirs, "link", "set", theirEnd, "up")
        case .interfaceDown:
            try await ip("-n", ours, "link", "set", "here", "up")
            try await route()
        }
    }

    struct Refused: Error, CustomStringConvertible {
        var description: String
    }

    func ip(_ arguments: String...) async throws {
        let child = try await scratch.run("ip", arguments)
        guard child.exit == .code(0) else {
            throw Refused(description: child.errors.trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }
}

/// A Stoker inside a namespace, asked from inside.
private struct InNetwork {
    var net: TwoNetworks
    var address: String
    var scratch: Scratch

    func json(_ path: String) async throws -> JSON {
        let child = try await scratch.run("ip", ["netns", "exec", net.ours, "curl", "-sS", "-m", "5", address + path])
        return try JSONDecoder().decode(JSON.self, from: Data(child.output.utf8))
    }

    func events(_ kind: String) async throws -> [JSON] {
        try await json("/api/v1/events?limit=200").items.array.filter { $0.kind.string == kind }
    }

    func wait(for verdicts: [String]) async throws {
        try await Wait.until("the verdicts \(verdicts)", within: .seconds(40)) {
            let seen = try await json("/api/v1/checks").items.array.compactMap(\.verdict.string)
            guard seen == verdicts else { throw Server.Unlike(seen: "\(seen)") }
            return true
        }
    }
}
