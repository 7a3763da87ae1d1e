import HubSimulator
import NIOCore
import StokerCore

@testable import HubClient

/// A story made from a seed: what is done to a Space, in which order, and what goes wrong on the way.
struct FaultScript: Sendable {
    enum Deed: String, Sendable, CaseIterable {
        case upload, environment, restart, wait
    }

    let seed: UInt64
    var deeds: [Deed] = []
    var faults: [Fault] = []
    /// This deed can never succeed; the script ends with it.
    var impossible: (deed: Deed, fault: Fault, kind: HubFailure.Kind)?
    /// Another name is what the client knows.
    var wasRenamed = false
    /// Simulated time after which the first token is refused; the second one goes on.
    var expires: Duration?
    var files: [String: [UInt8]] = [:]
    var deleted: [String] = []
    var secrets: [String: String] = [:]
    var variables: [String: String] = [:]
    var isFolder = false

    static let firstFiles = [
        "README.md": "---\ntitle: Orbit\nemoji: 🛰️\ncolorFrom: indigo\ncolorTo: gray\nsdk: docker\n---\n",
        "Dockerfile": "FROM scratch\n", "kept.txt": "kept\n", "old.txt": "old\n", "same.txt": "same\n",
    ]

    init(seed: UInt64) {
        self.seed = seed
        var dice = SplitMix64(seed: seed &* 0x9E37_79B9 &+ 77)
        deeds = Deed.allCases.dropLast()
        deeds.shuffle(using: &dice)
        deeds.removeLast(dice.roll(2))
        deeds.append(.wait)
        wasRenamed = dice.roll(6) == 0
        if dice.roll(6) == 0 { expires = .seconds(1 + dice.roll(30)) }
        isFolder = dice.roll(4) == 0

        files["app.py"] = Array("print(\(seed))\n".utf8)
        files["same.txt"] = Array("same\n".utf8)
        for number in 0..<dice.roll(4) { files["deep/\(number)/ü \(number).txt"] = Array("\(seed) \(number)\n".utf8) }
        if dice.roll(3) == 0 {
            // A zero byte makes it binary: it goes through LFS.
            files["model.bin"] =
                [0] + (0..<(200 + dice.roll(2_000))).map { _ in UInt8(truncatingIfNeeded: dice.next()) }
        }
        if dice.roll(2) == 0 { deleted = ["old.txt"] }
        for number in 0..<dice.roll(3) { secrets["KEY_\(number)"] = "s3cr3t-\(seed)-\(number)-\(dice.next())" }
        for number in 0...dice.roll(2) { variables["MODE_\(number)"] = "mode-\(dice.next())" }

        // Every tenth meets nothing: what the others are compared with is what happens then, too.
        if seed % 10 == 0 { return }
        if dice.roll(8) == 0 {
            impossible = Self.impossible(&dice)
            deeds = deeds.filter { $0 != impossible?.deed }
            deeds.insert(impossible?.deed ?? .wait, at: 0)
        }
        for _ in 0...dice.roll(4) { faults.append(Self.fault(&dice)) }
    }

    private static func impossible(_ dice: inout SplitMix64) -> (Deed, Fault, HubFailure.Kind) {
        let (deed, path): (Deed, String) = [
            (.upload, "/api/spaces/*/*/commit/**"), (.upload, "/api/spaces/*/*/preupload/**"),
            (.restart, "/api/spaces/*/*/restart"), (.environment, "/api/spaces/*/*/variables"),
        ][dice.roll(4)]
        let (kind, expected): (Fault.Kind, HubFailure.Kind) = [
            (.status(403, message: "Forbidden"), .forbidden), (.status(402, message: "Payment required"), .plan),
            (.status(500, message: "Internal Error"), .trouble), (.html(502), .trouble),
            (.cut, .unreachable), (.action(text: "Too many. Try again in about 1 hour.", retryAfter: nil), .throttled),
        ][dice.roll(6)]
        return (deed, Fault(kind, method: "POST", path: path, times: nil), expected)
    }

    private static func fault(_ dice: inout SplitMix64) -> Fault {
        let kinds: [Fault.Kind] = [
            .window(seconds: 1 + dice.roll(90)), .action(text: "Slow down", retryAfter: 1 + dice.roll(60)),
            .action(text: "Rate limit exceeded. Try this action again in about 2 minutes.", retryAfter: nil),
            .status([500, 502, 503, 504, 408][dice.roll(5)], message: "Internal Error"),
            .html([200, 403, 500, 502, 503][dice.roll(5)]), .slow(.milliseconds(200 + dice.roll(3_000))), .cut, .cut,
            .lost, .lost, .lost, .badToken,
        ]
        let places: [(String?, String)] = [
            (nil, "/**"), (nil, "/**"), ("POST", "/**"), ("GET", "/**"),
            ("POST", "/api/spaces/*/*/commit/**"), ("POST", "/api/spaces/*/*/preupload/**"),
            ("GET", "/api/spaces/*/*/commits/**"), ("POST", "/api/spaces/*/*/restart"),
            ("POST", "/api/spaces/*/*/pause"), ("POST", "/api/spaces/*/*/secrets"),
            ("POST", "/api/spaces/*/*/variables"), ("GET", "/api/spaces/*/*/runtime"),
            ("POST", "/spaces/**"), ("POST", "/api/validate-yaml"),
        ]
        let (method, path) = places[dice.roll(places.count)]
        return Fault(
            kinds[dice.roll(kinds.count)], method: method, path: path, skip: dice.roll(path == "/**" ? 8 : 2),
            times: 1 + dice.roll(3))
    }
}
